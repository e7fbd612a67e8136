import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TOOLS } from '../daemon/mcp/tools.ts'
import { environment, MAIN, openHome } from './fixtures/harness.ts'

/**
 * The start file of `@modelcontextprotocol/inspector`. It brings 100 MB of its own and asks for a newer Node, so
 * it is no dependency: `.ci/run` installs it beside the clone.
 */
const INSPECTOR = process.env.ENGRAM_TEST_INSPECTOR ?? ''

setDefaultTimeout(60_000)

describe.skipIf(INSPECTOR === '')('the inspector’s command line (ENGRAM_TEST_INSPECTOR)', () => {
  const home = openHome()
  const itsHome = mkdtempSync(join(tmpdir(), 'engram-inspector-'))
  const env = environment(home.path, { ENGRAM_LEGACY_SSE: 'on' })
  const targets: Record<string, string[]> = {}

  beforeAll(async () => {
    await home.engram(['add', 'User drinks oolong'], { env: { ENGRAM_LEGACY_SSE: 'on' } })
    const { url } = home.daemon()!
    const key = readFileSync(join(home.path, 'local.key'), 'utf8').trim()
    const header = ['--header', `X-Engram-Key: ${key}`]
    // It hands little of its own environment on.
    const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
    targets.stdio = [process.execPath, MAIN, 'mcp', '--stdio', ...given]
    targets.http = [`${url}/mcp`, '--transport', 'http', ...header]
    targets.sse = [`${url}/sse`, '--transport', 'sse', ...header]
  })
  afterAll(async () => {
    await home.close()
    rmSync(itsHome, { recursive: true, force: true })
  })

  async function inspect<T>(transport: string, args: readonly string[]): Promise<T> {
    const child = Bun.spawn(['node', INSPECTOR, '--cli', ...targets[transport]!, ...args], {
      env: { PATH: env.PATH, HOME: itsHome },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    if (code !== 0) throw new Error(`exit code ${code}: ${err}${out}`)
    return JSON.parse(out) as T
  }

  describe.each(['stdio', 'http', 'sse'])('over %s', (transport) => {
    test('lists the tools, whose schemas are portable', async () => {
      const { tools } = await inspect<{ tools: { name: string }[] }>(transport, [
        '--method',
        'tools/list',
        '--strict',
      ])
      expect(tools.map(({ name }) => name)).toEqual(TOOLS.map(({ name }) => name))
    })

    test('calls a tool', async () => {
      const { structuredContent } = await inspect<{
        structuredContent: { results: { memory: { content: string } }[] }
      }>(transport, [
        '--method',
        'tools/call',
        '--tool-name',
        'search_memories',
        '--tool-arg',
        'query=oolong',
      ])
      expect(structuredContent.results[0]!.memory.content).toBe('User drinks oolong')
    })

    test('reads a resource and a prompt', async () => {
      const { contents } = await inspect<{ contents: { text: string }[] }>(transport, [
        '--method',
        'resources/read',
        '--uri',
        'engram://recent',
      ])
      expect(contents[0]!.text).toContain('User drinks oolong')
      const { messages } = await inspect<{ messages: { content: { text: string } }[] }>(transport, [
        '--method',
        'prompts/get',
        '--prompt-name',
        'recall',
        '--prompt-args',
        'topic=oolong',
      ])
      expect(messages[0]!.content.text).toContain('User drinks oolong')
    })
  })
})
