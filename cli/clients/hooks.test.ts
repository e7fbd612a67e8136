import { afterEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Globals } from '../command.ts'
import { connect } from '../commands/clients-connect.ts'
import { disconnect } from '../commands/clients-disconnect.ts'
import { runHere } from '../fixtures/in-process.ts'
import { isWithin } from '../fixtures/within.ts'

const homes: string[] = []
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
})

type Hooks = Record<
  string,
  { matcher?: string; hooks: { type: string; command: string; timeout?: number }[] }[]
>

function newHome(id: 'claude-code' | 'codex') {
  const path = mkdtempSync(join(tmpdir(), "engram-hooks-it's "))
  homes.push(path)
  mkdirSync(join(path, 'bin'))
  const env = { HOME: path, PATH: join(path, 'bin') }
  const file = join(path, id === 'codex' ? '.codex/hooks.json' : '.claude/settings.json')
  mkdirSync(dirname(file))
  const flags = { hooks: true }
  return {
    path,
    env,
    file,
    settings: join(path, '.codex/config.toml'),
    read: () => (JSON.parse(readFileSync(file, 'utf8')) as { hooks: Hooks }).hooks,
    connect: (globals: Partial<Globals> = { yes: true }, more = {}) =>
      runHere(connect, { name: [id] }, { ...flags, ...more }, env, globals),
    disconnect: () => runHere(disconnect, { name: [id] }, {}, env, {}),
  }
}

describe.each(['claude-code', 'codex'] as const)('hooks of %s', (id) => {
  test('are shown first, and written when they are agreed to', async () => {
    const home = newHome(id)
    const asked = await home.connect({})
    expect(asked.error).toMatchObject({ code: 'E_CONFIRM', exitCode: 6 })
    for (const shown of [
      'SessionStart',
      'UserPromptSubmit',
      'Stop',
      `hook stop --client ${id}`,
      '+++ ',
    ])
      expect(asked.err).toContain(shown)
    expect(existsSync(home.file)).toBe(false)
    const dry = await home.connect({}, { dryRun: true })
    expect(dry.out).toContain(`+++ ${home.file}`)
    expect(existsSync(home.file)).toBe(false)

    expect((await home.connect()).code).toBe(0)
    const hooks = home.read()
    expect(Object.keys(hooks)).toEqual(['SessionStart', 'UserPromptSubmit', 'Stop'])
    for (const [event, word] of [
      ['SessionStart', 'session-start'],
      ['UserPromptSubmit', 'prompt'],
      ['Stop', 'stop'],
    ] as const) {
      const [handler] = hooks[event]![0]!.hooks
      expect(handler).toMatchObject({ type: 'command', timeout: 10 })
      expect(handler!.command).toContain(` hook ${word} --client ${id}`)
    }
    const before = readFileSync(home.file, 'utf8')
    expect((await home.connect({})).out).toContain('already connected')
    expect(readFileSync(home.file, 'utf8')).toBe(before)
    expect((await home.disconnect()).code).toBe(0)
    expect(existsSync(home.file)).toBe(false)
  })

  const others = `{
  // mine
  "model": "x",
  "hooks": {
    "Stop": [
      { "hooks": [{ "type": "command", "command": "say done" }] }, // nice
    ],
    "PreToolUse": [],
  },
}
`
  for (const [name, before] of [
    ['others', others],
    ['CRLF', others.replaceAll('\n', '\r\n')],
    ['one line', '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}'],
    ['an empty file', ''],
    ['an empty object', '{}'],
  ] as const) {
    test(`stand beside what is there, and go again: ${name}`, async () => {
      const home = newHome(id)
      writeFileSync(home.file, before)
      expect((await home.connect()).code).toBe(0)
      const after = readFileSync(home.file, 'utf8')
      expect(after).toContain(`hook prompt --client ${id}`)
      expect(isWithin(before, after)).toBe(true)
      expect((await home.disconnect()).code).toBe(0)
      expect(readFileSync(home.file, 'utf8')).toBe(before)
    })
  }

  test('go alone from a group that somebody put others into, and leave what came after', async () => {
    const home = newHome(id)
    writeFileSync(home.file, '{\n  "a": 1\n}\n')
    await home.connect()
    const content = JSON.parse(readFileSync(home.file, 'utf8')) as { hooks: Hooks; a: number }
    content.hooks.Stop![0]!.hooks.push({ type: 'command', command: 'say done' })
    writeFileSync(home.file, JSON.stringify(content, null, 2))
    expect((await home.disconnect()).code).toBe(0)
    expect(JSON.parse(readFileSync(home.file, 'utf8'))).toEqual({
      a: 1,
      hooks: { Stop: [{ hooks: [{ type: 'command', command: 'say done' }] }] },
    })
  })

  test('that call another place are brought up to date', async () => {
    const home = newHome(id)
    const old = { type: 'command', command: `/old/engram hook stop --client ${id}`, timeout: 3 }
    writeFileSync(home.file, JSON.stringify({ hooks: { Stop: [{ hooks: [old] }] } }))
    await home.connect()
    const hooks = home.read()
    expect(hooks.Stop).toHaveLength(1)
    expect(hooks.Stop![0]!.hooks[0]!.command).not.toStartWith('/old')
    await home.disconnect()
    expect(JSON.parse(readFileSync(home.file, 'utf8'))).toEqual({})
  })

  test('are not written into a file that cannot be read', async () => {
    const home = newHome(id)
    for (const text of ['{ "hooks": { bad', '{"hooks": []}', '{"hooks": {"Stop": {}}}']) {
      writeFileSync(home.file, text)
      const refused = await home.connect()
      expect(refused.error).toMatchObject({ code: 'E_CLIENT_FILE', exitCode: 6 })
      expect(refused.error!.message).toContain(home.file)
      expect(readFileSync(home.file, 'utf8')).toBe(text)
    }
  })

  test('are read by a shell as they were meant, wherever the data lies', async () => {
    const home = newHome(id)
    await home.connect({ yes: true, home: join(home.path, "my 'data'") })
    const { command } = home.read().Stop![0]!.hooks[0]!
    const words = Bun.spawnSync(['sh', '-c', `printf '%s\\n' ${command}`])
      .stdout.toString()
      .trim()
      .split('\n')
    expect(words.slice(-4)).toEqual(['--client', id, '--home', join(home.path, "my 'data'")])
  })
})

describe('the switch of Codex', () => {
  const program = (path: string, lines: string) => {
    writeFileSync(path, `#!/bin/sh\necho '${lines}'\n`)
    chmodSync(path, 0o755)
  }

  test('is set where the program says that hooks are off, and taken back', async () => {
    const home = newHome('codex')
    program(join(home.path, 'bin/codex'), 'codex_hooks    under development  false')
    const before = '# mine\nmodel = "x"\n\n[features]\nother = true\n\n[tui]\n'
    writeFileSync(home.settings, before)
    expect((await home.connect()).code).toBe(0)
    expect(readFileSync(home.settings, 'utf8')).toContain('other = true\ncodex_hooks = true\n')
    expect((await home.disconnect()).code).toBe(0)
    expect(readFileSync(home.settings, 'utf8')).toBe(before)
  })

  test('is left alone where they are on, and where nobody can tell', async () => {
    for (const lines of ['hooks    stable   true', 'nothing of the kind', null]) {
      const home = newHome('codex')
      if (lines) program(join(home.path, 'bin/codex'), lines)
      await home.connect()
      expect(readFileSync(home.settings, 'utf8')).not.toContain('features')
    }
  })

  test('that its owner has turned off stays off, and nothing is written', async () => {
    const home = newHome('codex')
    const text = '[features]\nhooks = false\n'
    writeFileSync(home.settings, text)
    const refused = await home.connect()
    expect(refused.error).toMatchObject({ code: 'E_CONFLICT', exitCode: 6 })
    expect(readFileSync(home.settings, 'utf8')).toBe(text)
    expect(existsSync(home.file)).toBe(false)
  })
})

test('a client without hooks says so', async () => {
  const home = newHome('codex')
  const refused = await runHere(connect, { name: ['cursor'] }, { hooks: true }, home.env, {
    yes: true,
  })
  expect(refused.error).toMatchObject({ code: 'E_USAGE', exitCode: 2 })
  expect(existsSync(join(home.path, '.cursor'))).toBe(false)
})
