import { afterAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(30_000)

const home = openHome()
const { engram } = home
const file = join(home.path, 'config.toml')
const ORIGINAL =
  '# mine\n[server]\nport = 4000   # why\n\n[providers.openai]\napi_key = "sk-secret-123"\n'

beforeEach(() => {
  rmSync(file, { force: true })
  writeFileSync(file, ORIGINAL, { mode: 0o600 })
})
afterAll(() => home.close())

// The harness sets ENGRAM_PORT; here the file is what counts.
const env = { ENGRAM_PORT: '' }

test('every setting is listed with its origin, and no secret', async () => {
  const list = await engram(['config', 'list', '--origin'], {
    env: { ENGRAM_PORT: '', LOG_LEVEL: 'warn' },
  })
  expect(list.code).toBe(0)
  expect(list.out).toMatch(/^server\.port +4000 +config\.toml$/m)
  expect(list.out).toMatch(/^log\.level +warn +LOG_LEVEL$/m)
  expect(list.out).toMatch(/^server\.host +127\.0\.0\.1 +default$/m)
  expect(list.out).toMatch(/^providers\.openai\.api_key +•+ \(set\)/m)
  const asJson = await engram(['config', 'list', '--json'], { env })
  expect(list.out + asJson.out).not.toContain('sk-secret')
  expect((await engram(['config', 'get', 'server.port'], { env })).out).toBe('4000\n')
  const key = await engram(['config', 'get', 'providers.openai.api_key', '--json'], { env })
  expect(jsonOf<unknown>(key)).toEqual({
    name: 'providers.openai.api_key',
    value: '••••••••',
    origin: { from: 'file' },
  })
  expect((await engram(['config', 'path'])).out).toBe(`${file}\n`)
})

test('a setting is changed and removed, and nothing else in the file', async () => {
  const set = await engram(['config', 'set', 'server.port', '5000'], { env })
  expect(set).toMatchObject({ code: 0, out: 'server.port = 5000\n' })
  expect(readFileSync(file, 'utf8')).toBe(ORIGINAL.replace('4000', '5000'))
  expect((await engram(['config', 'set', 'memory.review', 'ALL'], { env })).out).toBe(
    'memory.review = all\n',
  )
  expect(readFileSync(file, 'utf8')).toBe(
    `${ORIGINAL.replace('4000', '5000')}\n[memory]\nreview = "all"\n`,
  )
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const unset = await engram(['config', 'unset', 'server.port'], { env })
  expect(unset.out).toBe('server.port = 3647  (default)\n')
  expect(readFileSync(file, 'utf8')).not.toContain('5000')
  const fromInput = await engram(['config', 'set', 'providers.openai.api_key', '-'], {
    env,
    stdin: 'sk-other\n',
  })
  expect(fromInput.out + fromInput.err).not.toContain('sk-other')
  expect(readFileSync(file, 'utf8')).toContain('api_key = "sk-other"')
})

test('a value that breaks a rule, and a name that is none, change nothing', async () => {
  const bad = await engram(['config', 'set', 'server.port', 'many'])
  expect(bad.code).toBe(2)
  expect(bad.err).toContain(
    'error E_INVALID: server.port must be a whole number from 0 to 65535, got "many"',
  )
  const secret = await engram(['config', 'set', 'providers.openai.api_key', 'a b'])
  expect(secret.err).not.toContain('a b')
  const unknown = await engram(['config', 'get', 'port'])
  expect(unknown.code).toBe(2)
  expect(unknown.err).toContain('  fix   Did you mean server.port?\n')
  expect(readFileSync(file, 'utf8')).toBe(ORIGINAL)
})

test('a file that is broken is named', async () => {
  writeFileSync(file, '[server\n')
  const { code, err } = await engram(['config', 'list'])
  expect(code).toBe(2)
  expect(err).toContain(`${file} is not valid TOML`)
  writeFileSync(file, '# mine\n[server]\nprt = 1\n')
  const unknown = await engram(['config', 'list'])
  expect(unknown.err).toContain('there is no setting server.prt')
  // Every command that could mend it reads it first.
  expect(unknown.err).toContain(
    `  fix   Correct or remove server.prt (line 3) in an editor: ${file}\n`,
  )
  writeFileSync(file, '[memory]\nreview = "x"\n')
  expect((await engram(['config', 'list'])).err).toContain(
    '  fix   engram config unset memory.review ',
  )
  expect((await engram(['config', 'unset', 'memory.review'])).code).toBe(0)
  expect((await engram(['config', 'list'])).code).toBe(0)
  writeFileSync(file, '[providers.openai]\napi_key = "sk-1234"\n')
})

test('a file with a key that others can read is refused, with the command that mends it', async () => {
  chmodSync(file, 0o644)
  const { code, err } = await engram(['config', 'list'])
  expect(code).toBe(2)
  expect(err).toContain(`  fix   chmod 600 ${file}\n`)
})
