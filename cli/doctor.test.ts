import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Home, jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

const homes: Home[] = []
const newHome = () => {
  const home = openHome()
  homes.push(home)
  return home
}
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()))
})

type Report = {
  ok: boolean
  errors: number
  checks: { name: string; state: string; message: string; fix?: string }[]
}

async function examine(home: Home, env = {}) {
  const { code, out } = await home.engram(['doctor', '--json'], { env })
  const report = JSON.parse(out) as Report
  expect(code).toBe(report.ok ? 0 : 1)
  const state = Object.fromEntries(report.checks.map((check) => [check.name, check.state]))
  const fix = (name: string) => report.checks.find((check) => check.name === name)?.fix
  return { report, state, fix }
}

test('an empty home is well', async () => {
  const home = newHome()
  const { report, state } = await examine(home)
  expect(report.ok).toBe(true)
  expect(state).toMatchObject({
    daemon: 'info',
    database: 'info',
    key: 'info',
    embeddings: 'skipped',
    config: 'ok',
  })
  expect(home.daemon()).toBe(null)
})

test('a running daemon is well, and so is what it leaves', async () => {
  const home = newHome()
  await home.engram(['add', 'a fact'])
  const running = await examine(home)
  expect(running.report.checks.filter(({ state }) => !['ok', 'info'].includes(state))).toEqual([])
  expect(running.state).toMatchObject({
    daemon: 'ok',
    lock: 'ok',
    key: 'ok',
    database: 'ok',
    jobs: 'ok',
  })
  await home.engram(['stop'])
  const stopped = await examine(home)
  expect(stopped.state).toMatchObject({ daemon: 'info', lock: 'ok', database: 'ok', key: 'ok' })
  expect(existsSync(join(home.path, 'engram.db-shm'))).toBe(false)
  const lines = await home.engram(['doctor'])
  expect(lines.out).toMatch(/^ok +database +1 memory, every page is sound/m)
  expect(lines.out).toEndWith('All is well.\n')
})

test('planted faults are named, each with what mends it', async () => {
  const home = newHome()
  await home.engram(['add', 'a fact'])
  await home.engram(['stop'])

  chmodSync(join(home.path, 'pepper'), 0o644)
  writeFileSync(join(home.path, 'local.key'), 'nonsense\n')
  writeFileSync(
    join(home.path, 'daemon.json'),
    JSON.stringify({ url: 'http://127.0.0.1:9', pid: process.pid, version: '1', started_at: '' }),
    { mode: 0o600 },
  )
  const { report, state, fix } = await examine(home, {
    ENGRAM_OPENAI_BASE_URL: 'http://api.example/v1',
  })
  expect(report.ok).toBe(false)
  expect(state).toMatchObject({
    files: 'warning',
    key: 'error',
    daemon: 'error',
    providers: 'warning',
  })
  expect(fix('files')).toBe(`chmod 600 ${join(home.path, 'pepper')}`)
  expect(fix('daemon')).toBe(`kill ${process.pid}`)
  expect(fix('providers')).toBe('engram config set providers.openai.base_url https://api.example')
  rmSync(join(home.path, 'daemon.json'))

  const broken = await examine(home, { ENGRAM_REVIEW: 'sometimes' })
  expect(broken.state.config).toBe('error')
  expect(broken.report.checks.find(({ name }) => name === 'config')!.message).toContain(
    'ENGRAM_REVIEW must be one of',
  )
  writeFileSync(join(home.path, 'config.toml'), '[server\n', { mode: 0o600 })
  expect((await examine(home)).state.config).toBe('error')
})

test('what a start would refuse is no “ok”: a newer file, a foreign one, and what is no database', async () => {
  const home = newHome()
  await home.engram(['add', 'a fact'])
  await home.engram(['stop'])
  const file = join(home.path, 'engram.db')
  const sound = readFileSync(file)
  const [SCHEMA_AT, APPLICATION_AT] = [60, 68]
  const refused = async (bytes: Buffer) => {
    writeFileSync(file, bytes)
    const { report, state, fix } = await examine(home)
    expect(state.database).toBe('error')
    expect(readFileSync(file).equals(bytes)).toBe(true)
    const { message } = report.checks.find(({ name }) => name === 'database')!
    return { message, fix: fix('database') }
  }
  const patched = (at: number, value: number) => {
    const bytes = Buffer.from(sound)
    bytes.writeInt32BE(value, at)
    return bytes
  }
  const newer = await refused(patched(SCHEMA_AT, 9_999))
  expect(newer.message).toContain('written by a newer Engram (schema 9999')
  expect(newer.fix).toContain('install the newer version')
  const aside = `mv ${file} ${file}.other`
  const foreign = await refused(patched(APPLICATION_AT, 7))
  expect(foreign.message).toContain('belongs to another application')
  expect(foreign.fix).toBe(aside)
  const text = await refused(
    Buffer.from('no database at all, but a text of some length. '.repeat(9)),
  )
  expect(text.message).toContain('is not a SQLite database')
  expect(text.fix).toBe(aside)
  writeFileSync(file, sound)
  expect((await examine(home)).state.database).toBe('ok')
})

test('a port that another program has is an error when no daemon of ours runs', async () => {
  const home = newHome()
  const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('mine') })
  try {
    const port = other.port!
    await home.engram(['config', 'set', 'server.port', String(port)])
    const { report, state, fix } = await examine(home, { ENGRAM_PORT: '' })
    expect(report.ok).toBe(false)
    expect(state.daemon).toBe('error')
    const { message } = report.checks.find(({ name }) => name === 'daemon')!
    expect(message).toContain(`port ${port} of 127.0.0.1 is taken by`)
    expect(fix('daemon')).toStartWith('engram config set server.port ')
    // The environment goes before config.toml: there it would not help.
    const named = await examine(home, { ENGRAM_PORT: String(port) })
    expect(named.fix('daemon')).toStartWith('export ENGRAM_PORT=')
  } finally {
    await other.stop(true)
  }
})

test('what a damaged database still holds is written out, and comes back by import', async () => {
  const home = newHome()
  const texts = Array.from(
    { length: 400 },
    (_, i) => `Fact number ${i} ${'about something '.repeat(10)}`,
  )
  await home.engram(['import', '-'], {
    stdin: texts.map((content) => JSON.stringify({ content })).join('\n'),
  })
  const ada = (await home.engram(['users', 'create', 'ada'])).out.trim()
  await home.engram(['add', 'Secret of Ada'], { env: { ENGRAM_API_KEY: ada } })
  const whole = join(home.path, 'whole.jsonl')
  const refused = await home.engram(['doctor', '--salvage', whole])
  expect(refused.code).toBe(6)
  expect(refused.err).toContain('  fix   engram stop\n')
  await home.engram(['stop'])

  const sound = jsonOf<{ memories: number; lost: number }>(
    await home.engram(['doctor', '--salvage', whole, '--json']),
  )
  expect(sound).toMatchObject({ memories: 401, lost: 0 })
  expect(statSync(whole).mode & 0o777).toBe(0o600)
  expect(readFileSync(whole, 'utf8')).not.toContain('Ada')
  expect(readFileSync(join(home.path, 'whole.ada.jsonl'), 'utf8')).toContain('Secret of Ada')

  damage(join(home.path, 'engram.db'), 'Fact number 200 ')
  const { state, fix } = await examine(home)
  expect(state.database).toBe('error')
  expect(fix('database')).toBe('engram doctor --salvage rescued.jsonl')
  const before = readFileSync(join(home.path, 'engram.db'))
  const rescued = join(home.path, 'rescued.jsonl')
  const result = await home.engram(['doctor', '--salvage', rescued])
  expect(result.code).toBe(0)
  expect(result.out).toMatch(/\d+ rows? could not be read\./)
  expect(readFileSync(join(home.path, 'engram.db')).equals(before)).toBe(true)
  const lines = readFileSync(rescued, 'utf8').trim().split('\n')
  expect(lines.length).toBeGreaterThan(300)
  expect(lines.length).toBeLessThan(400)

  const fresh = newHome()
  const imported = jsonOf<{ imported: number; rejected: unknown[] }>(
    await fresh.engram(['import', rescued, '--json']),
  )
  expect(imported).toMatchObject({ imported: lines.length, rejected: [] })
})

/** Overwrites the page of the memories table that holds this text. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path)
  const pageBytes = bytes.readUInt16BE(16)
  const LEAF_OF_TABLE = 0x0d
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    const start = at - (at % pageBytes)
    if (bytes[start] !== LEAF_OF_TABLE) continue
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(pageBytes, 0xa5), 0, pageBytes, start)
    closeSync(file)
  }
}
