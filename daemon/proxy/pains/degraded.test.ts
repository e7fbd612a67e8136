/** What users complain about in other proxies when memory itself is in trouble. */
import { afterAll, afterEach, describe, expect, spyOn, test } from 'bun:test'
import Database from 'better-sqlite3'
import { OPENING_TAG } from '../../../memory/render.ts'
import { DIALECTS, dialectOf } from '../rig/dialects.ts'
import { openRawUpstream } from '../rig/raw-upstream.ts'
import { startRig, until } from '../rig/start.ts'

const upstream = await openRawUpstream(({ request, answer }) => {
  const body = JSON.stringify(dialectOf(request.target).whole('As ever.'))
  return answer(200, [['Content-Type', 'application/json']], body)
})
const rig = await startRig({ upstream: upstream.url })
afterAll(async () => {
  await rig.stop()
  await upstream.stop()
})
const { services } = rig.daemon
await rig.remember('User’s favourite river is the Aare')

const restores: (() => void)[] = []
afterEach(() => {
  for (const restore of restores.splice(0)) restore()
})

let times = 0
/** One request on every wire, never asked before. @returns what memory did, by the header */
function askAll(): Promise<string[]> {
  const text = `Which river is my favourite? (${++times})`
  return Promise.all(
    DIALECTS.map(async (asked) => {
      const said = [{ role: 'user', text }] as const
      const answer = await fetch(rig.url + asked.path(false), {
        method: 'POST',
        headers: { 'content-type': 'application/json', [asked.key[0]]: asked.key[1] },
        body: JSON.stringify(asked.body(said, false)),
      })
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual(asked.whole('As ever.'))
      return answer.headers.get('x-engram-memory') ?? 'no header'
    }),
  )
}

/** What is logged from now on, of each line what it says. */
function logged(): () => string[] {
  const lines: string[] = []
  for (const level of ['warn', 'error'] as const) {
    const spy = spyOn(services.log, level)
    spy.mockImplementation((...line: unknown[]) => void lines.push(JSON.stringify(line)))
    restores.push(() => spy.mockRestore())
  }
  return () => lines
}

/** A counter of /metrics. */
async function counted(state: string, reason: string): Promise<number> {
  const answer = await fetch(`${rig.url}/metrics`, { headers: { 'x-engram-key': rig.key } })
  const line = `engram_proxy_memory_total{state="${state}",reason="${reason}"} `
  const found = (await answer.text()).split('\n').find((each) => each.startsWith(line))
  return found === undefined ? 0 : Number(found.slice(line.length))
}

const all = (state: string) => DIALECTS.map(() => state)

describe('16. memory backend down takes the chat down, or fails silently', () => {
  test('in order: memory is used, and says so', async () => {
    expect(await askAll()).toEqual(all('used'))
  })

  test('a recall that fails is skipped: header, receipt, counter and one line in the log say so', async () => {
    const lines = logged()
    const search = spyOn(services.index, 'judged').mockRejectedValue(new Error('index is corrupt'))
    restores.push(() => search.mockRestore())
    upstream.clear()
    expect(await askAll()).toEqual(all('skipped; reason=failed'))
    expect(upstream.requests.map(({ body }) => String(body)).join()).not.toContain(OPENING_TAG)
    await askAll()
    expect(await counted('skipped', 'failed')).toBe(10)
    // Once, however often it happens.
    expect(lines().filter((line) => line.includes('index is corrupt'))).toHaveLength(1)
    await rig.settled()
    const { logs } = await rig.rest<{ logs: { detail: object }[] }>(
      'GET',
      '/logs?kind=chat&limit=1',
    )
    expect(JSON.stringify(logs[0]!.detail)).toContain('index is corrupt')
  })

  test('a recall that hangs is left behind after the deadline', async () => {
    const lines = logged()
    const search = spyOn(services.index, 'judged').mockReturnValue(new Promise(() => {}))
    restores.push(() => search.mockRestore())
    expect(await askAll()).toEqual(all('skipped; reason=late'))
    expect(lines().filter((line) => line.includes('late'))).toHaveLength(1)
    expect(await counted('skipped', 'late')).toBe(5)
  })

  test('without the embedder, words alone find it: header, receipt, counter and one line in the log say so', async () => {
    const lines = logged()
    const before = await counted('used', 'text')
    const embed = spyOn(services.embedder, 'embedQuery').mockRejectedValue(new Error('it died'))
    restores.push(() => embed.mockRestore())
    // Asked anew each time: an answer from before would not show it.
    expect(await askAll()).toEqual(all('used; degraded=text'))
    expect(lines().filter((line) => line.includes('memory by words alone'))).toHaveLength(1)
    expect(lines().join()).toContain('it died')
    expect(await counted('used', 'text')).toBe(before + DIALECTS.length)
    await rig.settled()
    const { logs } = await rig.rest<{ logs: { detail: object }[] }>(
      'GET',
      '/logs?kind=chat&limit=1',
    )
    expect(JSON.stringify(logs[0]!.detail)).toContain('it died')
  })

  test('a database that another process has locked costs nobody an answer', async () => {
    const lines = logged()
    const other = new Database(services.config.paths.databaseFile)
    other.exec('begin immediate')
    try {
      const states = await askAll()
      expect(states.every((state) => /^(used|none|skipped)/.test(state))).toBe(true)
      expect(lines().filter((line) => line.includes('exchange not recorded'))).toHaveLength(1)
    } finally {
      other.exec('rollback')
      other.close()
    }
    await until(async () => (await askAll()).every((state) => state === 'used'))
  })
})
