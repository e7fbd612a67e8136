import { expect, setDefaultTimeout, test } from 'bun:test'
import { environment, MAIN } from '../cli/fixtures/harness.ts'
import { runDaemon } from '../daemon/fixtures/running.ts'
import { crosstalk } from './mcp-crosstalk.ts'

setDefaultTimeout(120_000)

test('64 clients of every kind ask at once, and none is given another’s reply', async () => {
  const running = await runDaemon({ ENGRAM_LEGACY_SSE: 'on' })
  try {
    const result = await crosstalk({
      url: running.url,
      adminKey: running.localKey,
      stdio: (apiKey) => ({
        command: process.execPath,
        env: environment(running.home, { ENGRAM_API_KEY: apiKey }),
      }),
      stdioArgs: [MAIN],
      clients: 64,
      calls: 3_000,
      inFlight: 3,
      maxProcesses: 3,
    })
    const { crossed, missing, errors } = result
    expect({ crossed, missing, errors }).toEqual({ crossed: 0, missing: 0, errors: [] })
    expect(result.calls).toBeGreaterThanOrEqual(3_000)
    expect(Object.keys(result.clients)).toHaveLength(8)
  } finally {
    await running.close()
  }
})
