import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLocalMode, readConfig, type Sources } from './config.ts'
import { findPaths } from './paths.ts'
import { SETTING_NAMES, SETTINGS } from './settings.ts'

const homes: string[] = []
const emptyHome = () => {
  const home = mkdtempSync(join(tmpdir(), 'engram-config-'))
  homes.push(home)
  return home
}
afterAll(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

function read(env: Record<string, string> = {}, more: Partial<Sources> = {}, toml?: string) {
  const home = emptyHome()
  if (toml !== undefined) writeFileSync(join(home, 'config.toml'), toml, { mode: 0o600 })
  return readConfig({ env: { ENGRAM_HOME: home, ...env }, ...more })
}

function problemOf(work: () => unknown): { message: string; fix: string } {
  try {
    work()
  } catch (error) {
    const { code, message, fix } = error as { code: string; message: string; fix?: string }
    expect(code).toBe('invalid')
    return { message, fix: fix ?? '' }
  }
  throw new Error('it was accepted')
}

describe('a setting', () => {
  test('comes from flag before environment before file before default, and says so', () => {
    const toml = '[server]\nport = 1111\n'
    const fallback = read()
    expect(fallback['server.port']).toBe(3647)
    expect(fallback.origins['server.port']).toEqual({ from: 'default' })
    const file = read({}, {}, toml)
    expect(file['server.port']).toBe(1111)
    expect(file.origins['server.port']).toEqual({ from: 'file' })
    const env = read({ ENGRAM_PORT: '2222' }, {}, toml)
    expect(env['server.port']).toBe(2222)
    expect(env.origins['server.port']).toEqual({ from: 'environment', name: 'ENGRAM_PORT' })
    const flag = read({ ENGRAM_PORT: '2222' }, { flags: { 'server.port': '3333' } }, toml)
    expect(flag['server.port']).toBe(3333)
    expect(flag.origins['server.port']).toEqual({ from: 'flag', name: '--port' })
  })

  test('that is empty in the environment was not set', () => {
    expect(read({ ENGRAM_PORT: ' ' })['server.port']).toBe(3647)
  })

  test('of the predecessor is accepted, ours wins', () => {
    const own = 'https://proxy.example/v1'
    expect(read({ OPENAI_BASE_URL: own })['providers.openai.base_url']).toBe(own)
    const both = read({ OPENAI_BASE_URL: 'https://other.example', ENGRAM_OPENAI_BASE_URL: own })
    expect(both['providers.openai.base_url']).toBe(own)
    expect(read({ EXTRACTION_PROVIDER: 'ollama' })['extraction.provider']).toBe('ollama')
    expect(read({ ENGRAM_SERVICE_KEY: 'a-secret-of-twenty-1' })['server.admin_key']).toBe(
      'a-secret-of-twenty-1',
    )
  })

  test.each([
    ['ENGRAM_PORT', 'auto', 'ENGRAM_PORT must be a whole number from 0 to 65535, got "auto"'],
    ['ENGRAM_PORT', '70000', 'ENGRAM_PORT must be a whole number from 0 to 65535, got "70000"'],
    [
      'ENGRAM_ADMIN_KEY',
      'fifteen-letters',
      'ENGRAM_ADMIN_KEY must be 16 to 512 printable characters without spaces, got a value that is not shown',
    ],
    ['ENGRAM_PORT', '1.5', 'ENGRAM_PORT must be a whole number from 0 to 65535, got "1.5"'],
    ['ENGRAM_REVIEW', 'maybe', 'ENGRAM_REVIEW must be one of none, conflicts, all, got "maybe"'],
    ['ENGRAM_REQUIRE_KEY', 'perhaps', 'ENGRAM_REQUIRE_KEY must be true or false, got "perhaps"'],
    [
      'OPENAI_BASE_URL',
      'file:///etc/passwd',
      'OPENAI_BASE_URL must be an http:// or https:// address, got "file:///etc/passwd"',
    ],
    [
      'ENGRAM_OLLAMA_BASE_URL',
      'localhost:11434',
      'ENGRAM_OLLAMA_BASE_URL must be an http:// or https:// address, got "localhost:11434"',
    ],
    [
      'CORS_ORIGINS',
      '*',
      'CORS_ORIGINS must be origins such as https://app.example, separated by commas; * is refused, got "*"',
    ],
    ['ENGRAM_HOST', 'a\nb', 'ENGRAM_HOST must be one line of text, got "a\\nb"'],
  ])('%s=%p is refused by name, value and rule', (name, value, message) => {
    expect(problemOf(() => read({ [name]: value })).message).toBe(message)
  })

  test('that is secret is never shown in an error', () => {
    const { message } = problemOf(() => read({ OPENAI_API_KEY: 'has spaces in it' }))
    expect(message).not.toContain('spaces in it')
    expect(message).toStartWith('OPENAI_API_KEY must be')
  })

  test('has a variable of ours, a default that its own reader accepts, and an explanation', () => {
    for (const name of SETTING_NAMES) {
      const { env, fallback, read: readValue, about } = SETTINGS[name]
      expect(env[0]).toStartWith('ENGRAM_')
      expect(about.length).toBeGreaterThan(10)
      if (fallback !== null) expect(readValue(fallback)).toEqual(fallback)
    }
  })
})

describe('config.toml', () => {
  test('that is no TOML is refused with its path', () => {
    expect(problemOf(() => read({}, {}, 'server = [')).message).toContain(
      'config.toml is not valid TOML',
    )
  })

  test('with an unknown setting is refused with the one that was meant', () => {
    const { message, fix } = problemOf(() =>
      read({}, {}, '[server]\nprot = 1\n[recal]\ndeadline_ms = 3'),
    )
    expect(message).toContain('there is no setting server.prot')
    expect(fix).toContain('correct or remove server.prot (line 2)')
    expect(problemOf(() => read({}, {}, '[recal]\ndeadline_ms = 3')).message).toContain(
      'did you mean recall.deadline_ms?',
    )
  })

  test('with a key in it must be private', () => {
    const home = emptyHome()
    mkdirSync(home, { recursive: true })
    const file = join(home, 'config.toml')
    writeFileSync(file, '[providers.openai]\napi_key = "sk-1234"\n')
    // Whatever the umask of this process is.
    chmodSync(file, 0o644)
    if (process.platform === 'win32') return
    expect(problemOf(() => readConfig({ env: { ENGRAM_HOME: home } })).fix).toContain('chmod 600')
  })
})

describe('an upstream that is this daemon itself', () => {
  test.each([
    'http://127.0.0.1:3647/v1',
    'http://localhost:3647',
    'http://[::1]:3647/openai',
    'http://127.0.0.2:3647',
  ])('%s is refused with both names', (url) => {
    for (const name of ['OPENAI_BASE_URL', 'ENGRAM_OPENAI_BASE_URL']) {
      const { message, fix } = problemOf(() => read({ [name]: url }, { startedByHand: true }))
      expect(message).toStartWith(`${name} is ${url}`)
      expect(message).toContain('this daemon itself')
      expect(fix).toContain('set ENGRAM_OPENAI_BASE_URL')
      expect(fix).toContain('OPENAI_BASE_URL may then stay')
    }
  })

  test('is passed over by all but who starts a daemon by hand', () => {
    const { origins, ...settings } = read({ OPENAI_BASE_URL: 'http://127.0.0.1:3647/openai/v1' })
    expect(settings['providers.openai.base_url']).toBe('https://api.openai.com/v1')
    expect(origins['providers.openai.base_url']).toEqual({ from: 'default' })
  })

  test('follows the port', () => {
    const own = { ENGRAM_ANTHROPIC_BASE_URL: 'http://127.0.0.1:4000' }
    expect(read(own)['providers.anthropic.base_url']).toBe('http://127.0.0.1:4000')
    expect(problemOf(() => read({ ...own, ENGRAM_PORT: '4000' })).message).toContain('itself')
    const tools = { ANTHROPIC_BASE_URL: 'http://127.0.0.1:4000/anthropic' }
    expect(read(tools)['providers.anthropic.base_url']).toBe('http://127.0.0.1:4000/anthropic')
    const { 'providers.anthropic.base_url': passedOver } = read({ ...tools, ENGRAM_PORT: '4000' })
    expect(passedOver).toBe('https://api.anthropic.com')
  })
})

describe('listening beyond this machine', () => {
  const key = { ENGRAM_ADMIN_KEY: 'a-long-admin-secret' }

  test('needs an admin key and TLS or a proxy that ends it', () => {
    expect(problemOf(() => read({ ENGRAM_HOST: '0.0.0.0' })).fix).toContain('ENGRAM_ADMIN_KEY')
    expect(problemOf(() => read({ ENGRAM_HOST: '0.0.0.0', ...key })).message).toContain('TLS')
    expect(read({ ENGRAM_HOST: '0.0.0.0', ...key, ENGRAM_BEHIND_PROXY: '1' })['server.host']).toBe(
      '0.0.0.0',
    )
    expect(problemOf(() => read({ ...key, ENGRAM_TLS_CERT: '/c.pem' })).message).toContain(
      'belong together',
    )
  })

  test('and an admin key end local mode', () => {
    expect(isLocalMode(read())).toBe(true)
    expect(isLocalMode(read(key))).toBe(false)
    expect(isLocalMode(read({ ENGRAM_REQUIRE_KEY: 'true' }))).toBe(false)
    expect(isLocalMode(read({ ENGRAM_BEHIND_PROXY: 'true' }))).toBe(false)
  })
})

describe('places', () => {
  test('ENGRAM_HOME holds everything', () => {
    const paths = findPaths({ ENGRAM_HOME: '/x/engram', HOME: '/home/a' })
    for (const path of Object.values(paths)) expect(path).toStartWith('/x/engram')
  })

  test('otherwise the XDG folders do, absolute ones only', () => {
    if (process.platform === 'win32') return
    const paths = findPaths({ HOME: '/home/a', XDG_DATA_HOME: '/data', XDG_STATE_HOME: 'relative' })
    expect(paths.databaseFile).toBe('/data/engram/engram.db')
    expect(paths.stateDir).toBe('/home/a/.local/state/engram')
    expect(paths.configFile).toBe('/home/a/.config/engram/config.toml')
    expect(paths.cacheDir).toBe('/home/a/.cache/engram')
  })
})
