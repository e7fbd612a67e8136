import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { lastingPath, selfCall } from './program.ts'

let root: string
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'engram-program-')))
})
afterAll(() => rmSync(root, { recursive: true }))

function file(path: string): string {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, '', { mode: 0o755 })
  return full
}

function link(path: string, target: string): string {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  symlinkSync(target, full)
  return full
}

test('a link that survives an upgrade is taken rather than the folder of a version', () => {
  const versioned = file('brew/Cellar/engram/1.0.0/bin/engram')
  const opt = link('brew/opt/engram', join(root, 'brew/Cellar/engram/1.0.0'))
  expect(lastingPath(versioned, {})).toBe(join(opt, 'bin/engram'))

  const store = file('store/engram-1.0.0/engram')
  const current = link('profile/bin/engram', store)
  expect(lastingPath(store, { PATH: `/usr/bin:${dirname(current)}` })).toBe(current)
})

test('what leads elsewhere, or is not absolute, is not taken', () => {
  const here = file('here/engram')
  const other = file('other/engram')
  expect(lastingPath(here, { PATH: dirname(other) })).toBe(here)
  expect(lastingPath(here, { PATH: 'here:.:' })).toBe(here)
  expect(lastingPath(here, {})).toBe(here)
  const cellar = file('brew2/Cellar/engram/2.0.0/bin/engram')
  expect(lastingPath(cellar, {})).toBe(cellar)
})

test('what a shell says about places goes along, and nothing else of it', () => {
  const globals = {
    json: false,
    quiet: false,
    color: 'auto',
    input: true,
    yes: false,
    namespace: undefined,
    home: undefined,
    url: undefined,
    timeoutMs: undefined,
  } as const
  const env = {
    HOME: '/h',
    XDG_DATA_HOME: '/data',
    XDG_CONFIG_HOME: '/h/.config',
    ENGRAM_API_KEY: 'ek_x',
    XDG_CACHE_HOME: 'relative',
  }
  expect(selfCall(globals, env)).toMatchObject({ last: [], env: { XDG_DATA_HOME: '/data' } })
  expect(Object.keys(selfCall(globals, env).env)).toEqual(['XDG_DATA_HOME'])
  expect(selfCall(globals, { ...env, ENGRAM_HOME: '/e' }, 4805)).toMatchObject({
    last: ['--home', '/e'],
    env: { ENGRAM_PORT: '4805' },
  })
  expect(
    selfCall({ ...globals, url: 'http://127.0.0.1:4000' }, { ...env, ENGRAM_HOME: '/e' }),
  ).toMatchObject({
    last: ['--home', '/e', '--url', 'http://127.0.0.1:4000'],
    env: {},
  })
})
