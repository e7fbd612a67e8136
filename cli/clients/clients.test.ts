import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import type { Globals } from '../command.ts'
import { connect } from '../commands/clients-connect.ts'
import { disconnect } from '../commands/clients-disconnect.ts'
import { list, print } from '../commands/clients-read.ts'
import { until } from '../fixtures/harness.ts'
import { runHere } from '../fixtures/in-process.ts'
import { isWithin } from '../fixtures/within.ts'
import { type ClientSpec, readCatalog } from './catalog.ts'
import { documentOf } from './document.ts'
import { isOurs, reachOf } from './entry.ts'
import { readJson } from './json-edit.ts'
import { placeOfFile } from './places.ts'

setDefaultTimeout(30_000)

const homes: string[] = []
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
})

const CLIENTS = readCatalog('/does/not/exist')
const WRITTEN = CLIENTS.filter(({ user }) => user)
const URL = { url: 'http://127.0.0.1:3647/mcp' }

/** A person's home folder, and the commands in it. Nothing of the machine is on PATH. */
function newHome() {
  const path = mkdtempSync(join(tmpdir(), 'engram-clients-'))
  homes.push(path)
  mkdirSync(join(path, 'bin'))
  const env = { HOME: path, PATH: join(path, 'bin') }
  const run =
    (handler: typeof connect) =>
    (
      name: string | string[],
      flags: Parameters<typeof connect>[0]['flags'] = {},
      globals: Partial<Globals> = {},
    ) =>
      runHere(handler, { name: [name].flat() }, flags, env, globals)
  return {
    path,
    env,
    connect: run(connect),
    disconnect: run(disconnect),
    list: (all = true) => runHere(list, {}, { all }, env, { json: true }),
    print: (name: string, flags = {}, globals = {}) =>
      runHere(print, { name }, flags, env, globals),
    fileOf: (client: ClientSpec) =>
      placeOfFile(client.user!.files, { env, platform: process.platform, cwd: path })!,
  }
}

const clientOf = (id: string) => CLIENTS.find((client) => client.id === id)!

/** Files as people have them, for the place where a client's servers stand. */
function fixturesOf({ user }: ClientSpec): readonly (readonly [string, string])[] {
  if (user!.format === 'toml') return TOML
  const [top] = user!.key
  const pretty = `{
  "theme": "dark",
  "${top}": {
    "other": {
      "command": "npx",
      "args": ["-y", "some-server"],
      "env": { "KEY": "s3cret" }
    },
    "second": { "command": "x" }
  },
  "last": [1, 2]
}
`
  return [
    ['other servers', pretty],
    ['no line end at the end', pretty.trimEnd()],
    ['CRLF', pretty.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${pretty}`],
    ['tabs', pretty.replaceAll('  ', '\t')],
    [
      'comments and trailing commas',
      `// mine
{
  /* a
     note */
  "${top}": {
    // "old": { "command": "y" },
    "other": { "command": "npx", }, // keep this
    // the end
  },
}
// bye`,
    ],
    [
      'odd indentation',
      `{ "a" : 1,
     "${top}":
   {
         "other" : {"command":"x",
       "args":[ ] }
   }
  }`,
    ],
    ['one line', `{"a":1,"${top}":{"other":{"command":"x"}},"b":{}}`],
    ['no servers yet', `{\n    "a": 1,\n    "b": {\n        "c": 2\n    }\n}\n`],
    ['an empty list of servers', `{\n  "${top}": {}\n}\n`],
    ['an empty object', '{}'],
    ['an empty file', ''],
    ['spaces alone', '\n\n'],
  ]
}

const TOML = [
  [
    'other servers',
    `# mine
model = "gpt-5" # the good one

[mcp_servers.other]
command = "npx"
args = [
  "-y", # yes
  "some-server",
]

[mcp_servers.other.env]
KEY = "s3cret"

[[lists]]
a = 1

[tui]
# nothing here
`,
  ],
  ['no line end at the end', 'model = "x"\n[tui]\na = 1'],
  ['CRLF', '# mine\r\nmodel = "x"\r\n\r\n[mcp_servers.other]\r\ncommand = "x"\r\n'],
  ['a byte order mark', '\ufeffmodel = "x"\n'],
  ['odd indentation', '  model="x"\n\n\n\t[ mcp_servers . other ]\n\t\tcommand  =  "x"\n\n\n'],
  ['text that looks like a table', 'note = """\n[mcp_servers.engram]\n"""\n[tui]\n'],
  ['no servers yet', 'model = "x"\n'],
  ['an empty file', ''],
  ['a comment alone', '# nothing\n'],
] as const

function parseAs(client: ClientSpec, text: string): unknown {
  const bare = text.replace(/^\ufeff/, '')
  return client.user!.format === 'toml' ? parseToml(bare) : (readJson(bare) ?? {})
}

describe.each(WRITTEN.map((client) => [client.id, client] as const))('%s', (id, client) => {
  for (const [name, before] of fixturesOf(client)) {
    test(`only our entry is added, and goes again: ${name}`, async () => {
      const home = newHome()
      const file = home.fileOf(client)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, before)

      const connected = await home.connect(id)
      expect(connected).toMatchObject({ code: 0, error: null })
      const after = readFileSync(file, 'utf8')
      expect(isWithin(before, after)).toBe(true)
      const { [client.user!.key[0]!]: servers, ...others } = parseAs(client, after) as Record<
        string,
        object
      >
      const { [client.user!.key[0]!]: earlier, ...same } = parseAs(client, before) as Record<
        string,
        object
      >
      expect(others).toEqual(same)
      const { engram, ...rest } = servers as { engram: unknown }
      expect(rest).toEqual(earlier ?? {})
      expect(isOurs(engram, URL)).toBe(true)
      if (before.includes('\r\n')) expect(after.replaceAll('\r\n', '')).not.toContain('\n')

      const again = await home.connect(id)
      expect(again.out).toContain('already connected')
      expect(readFileSync(file, 'utf8')).toBe(after)

      expect((await home.disconnect(id)).code).toBe(0)
      expect(readFileSync(file, 'utf8')).toBe(before)
      expect((await home.disconnect(id)).code).toBe(0)
      expect(readFileSync(file, 'utf8')).toBe(before)
    })
  }

  test('a file that is not there is made, and goes again with its folders', async () => {
    const home = newHome()
    const file = home.fileOf(client)
    const before = everything(home.path)
    expect((await home.connect(id)).code).toBe(0)
    expect(
      documentOf(client.user!.format).get(readFileSync(file, 'utf8'), client.user!.key),
    ).toBeDefined()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await home.disconnect(id)).code).toBe(0)
    expect(everything(home.path).filter((path) => !path.startsWith('.local'))).toEqual(before)
  })

  test('what somebody changed in the meantime stays when we go', async () => {
    const home = newHome()
    const file = home.fileOf(client)
    mkdirSync(dirname(file), { recursive: true })
    const [, before] = fixturesOf(client)[0]!
    writeFileSync(file, before)
    await home.connect(id)
    const mine = before.replace('other', 'mine')
    writeFileSync(file, readFileSync(file, 'utf8').replace('other', 'mine'))
    expect((await home.disconnect(id)).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(mine)
  })

  test('a file that cannot be read is refused, with the place, and stays as it is', async () => {
    const home = newHome()
    const file = home.fileOf(client)
    mkdirSync(dirname(file), { recursive: true })
    const broken =
      client.user!.format === 'toml' ? 'a = 1\n[tui\nb = 2\n' : '{\n  "a": 1\n  "b": 2\n}\n'
    const place = client.user!.format === 'toml' ? /line 2, column \d+/ : /line 3, column 3/
    for (const text of [broken, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])]) {
      writeFileSync(file, text)
      for (const command of [home.connect, home.disconnect]) {
        const refused = await command(id)
        expect(refused).toMatchObject({ code: 6, out: '' })
        expect(refused.error!.code).toBe('E_CLIENT_FILE')
        expect(refused.error!.message).toStartWith(file)
        if (text === broken) expect(refused.error!.message).toMatch(place)
        expect(readFileSync(file).equals(Buffer.from(text as string))).toBe(true)
      }
    }
    expect(existsSync(join(home.path, '.local/state/engram/client-backups'))).toBe(false)
    const { out } = await home.list()
    const row = (JSON.parse(out) as { clients: { id: string; state: string }[] }).clients.find(
      (one) => one.id === id,
    )
    expect(row!.state).toBe('unreadable')
  })

  test('every transport is written and read back as one of ours', async () => {
    for (const transport of ['stdio', 'http'] as const) {
      if (!client.entries[transport]) continue
      const home = newHome()
      const flags = { transport, ...(transport === 'http' ? { keyEnv: 'MY_KEY' } : {}) }
      expect((await home.connect(id, flags)).code).toBe(0)
      const text = readFileSync(home.fileOf(client), 'utf8')
      const entry = documentOf(client.user!.format).get(text, client.user!.key)
      expect(isOurs(entry, URL)).toBe(true)
      expect(reachOf(entry)!.kind).toBe(transport)
      if (transport === 'http') expect(text.includes('MY_KEY')).toBe(client.variable !== undefined)
      const { out } = await home.print(id, flags, { json: true })
      const printed = (JSON.parse(out) as { text: string }).text
      expect(parseAs(client, printed)).toEqual(parseAs(client, text) as object)
    }
  })
})

function everything(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

describe('the file', () => {
  test('keeps its mode, and a link to it stays a link', async () => {
    const home = newHome()
    const target = join(home.path, 'dotfiles/mcp.json')
    mkdirSync(dirname(target))
    mkdirSync(join(home.path, '.cursor'))
    writeFileSync(target, '{"mcpServers":{"other":{}}}')
    chmodSync(target, 0o640)
    symlinkSync(target, join(home.path, '.cursor/mcp.json'))
    await home.connect('cursor')
    expect(lstatSync(join(home.path, '.cursor/mcp.json')).isSymbolicLink()).toBe(true)
    expect(readFileSync(target, 'utf8')).toContain('engram')
    expect(statSync(target).mode & 0o777).toBe(0o640)
    await home.disconnect('cursor')
    expect(readFileSync(target, 'utf8')).toBe('{"mcpServers":{"other":{}}}')
    expect(readdirSync(dirname(target))).toEqual(['mcp.json'])
  })

  test('is copied away first, for its owner only, and never beside itself', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.cursor'))
    writeFileSync(join(home.path, '.cursor/mcp.json'), '{ "secret": "abc" }')
    const { out } = await home.connect('cursor', {}, { json: true })
    const [{ backups }] = (JSON.parse(out) as { clients: [{ backups: string[] }] }).clients
    expect(backups).toHaveLength(1)
    expect(backups[0]).toStartWith(join(home.path, '.local/state/engram/client-backups/cursor-20'))
    expect(readFileSync(backups[0]!, 'utf8')).toBe('{ "secret": "abc" }')
    expect(statSync(backups[0]!).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(home.path, '.cursor'))).toEqual(['mcp.json'])
  })

  test('is only looked at with --dry-run, which shows the lines', async () => {
    const home = newHome()
    const before = everything(home.path)
    const shown = await home.connect('cursor', { dryRun: true })
    expect(shown.code).toBe(0)
    expect(shown.out).toStartWith('--- /dev/null\n')
    expect(shown.out).toContain('+    "engram": {')
    expect(shown.err).toContain('Nothing was written')
    expect(everything(home.path)).toEqual(before)
    await home.connect('cursor')
    const file = home.fileOf(clientOf('cursor'))
    const after = readFileSync(file, 'utf8')
    const back = await home.disconnect('cursor', { dryRun: true })
    expect(back.out).toContain('+++ /dev/null')
    expect(readFileSync(file, 'utf8')).toBe(after)
  })

  test('is chosen where the client lives, and by its variables', () => {
    const at = (id: string, platform: NodeJS.Platform, env: Record<string, string>) =>
      placeOfFile(clientOf(id).user!.files, { env: { HOME: '/h', ...env }, platform, cwd: '/' })
    expect(at('claude-desktop', 'darwin', {})).toBe(
      '/h/Library/Application Support/Claude/claude_desktop_config.json',
    )
    expect(at('claude-code', 'linux', { CLAUDE_CONFIG_DIR: '/c' })).toBe('/c/.claude.json')
    expect(at('codex', 'linux', { CODEX_HOME: '/x' })).toBe('/x/config.toml')
    expect(at('zed', 'linux', { XDG_CONFIG_HOME: '/xdg' })).toBe('/xdg/zed/settings.json')
    expect(at('zed', 'darwin', { XDG_CONFIG_HOME: '/xdg' })).toBe('/h/.config/zed/settings.json')
    expect(at('vscode', 'win32', { APPDATA: '/roaming' })).toBe('/roaming/Code/User/mcp.json')
    expect(at('opencode', 'linux', { OPENCODE_CONFIG: '/o.json' })).toBe('/o.json')

    const home = newHome()
    const beta = join(home.path, 'Packages/Claude_pzs8/LocalCache/Roaming/Claude')
    const usual = join(home.path, 'Roaming/Claude')
    for (const folder of [beta, usual]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(usual, 'claude_desktop_config.json'), '{}')
    const windows = { LOCALAPPDATA: home.path, APPDATA: join(home.path, 'Roaming') }
    expect(at('claude-desktop', 'win32', windows)).toBe(join(beta, 'claude_desktop_config.json'))
    rmSync(join(home.path, 'Packages'), { recursive: true })
    expect(at('claude-desktop', 'win32', windows)).toBe(join(usual, 'claude_desktop_config.json'))

    const folder = join(home.path, '.config/opencode')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'opencode.jsonc'), '{}')
    expect(at('opencode', 'linux', { HOME: home.path })).toBe(join(folder, 'opencode.jsonc'))
  })

  test('of opencode has its servers one level deeper where its owner does', async () => {
    const home = newHome()
    const file = join(home.path, '.config/opencode/opencode.json')
    mkdirSync(dirname(file), { recursive: true })
    const deep =
      '{\n  "mcp": {\n    "servers": {\n      "a": { "type": "local", "command": ["x"] }\n    }\n  }\n}\n'
    writeFileSync(file, deep)
    await home.connect('opencode')
    const { mcp } = JSON.parse(readFileSync(file, 'utf8')) as { mcp: { servers: object } }
    expect(Object.keys(mcp)).toEqual(['servers'])
    expect(Object.keys(mcp.servers)).toEqual(['a', 'engram'])
    await home.disconnect('opencode')
    expect(readFileSync(file, 'utf8')).toBe(deep)
    // A server that is itself called so.
    writeFileSync(file, '{"mcp":{"servers":{"type":"local","command":["x"]}}}')
    await home.connect('opencode')
    const flat = JSON.parse(readFileSync(file, 'utf8')) as { mcp: object }
    expect(Object.keys(flat.mcp)).toEqual(['servers', 'engram'])
  })

  test('is refused where TOML is written in a form that no table can be added to', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.codex'))
    for (const text of [
      'mcp_servers = { a = { command = "x" } }\n',
      'mcp_servers.engram.command = "/x/engram"\nmcp_servers.engram.args = ["mcp", "--stdio"]\n',
    ]) {
      writeFileSync(join(home.path, '.codex/config.toml'), text)
      const refused = await home.connect('codex')
      expect(refused.error).toMatchObject({ code: 'E_CLIENT_FILE' })
      expect(refused.error!.message).toContain('is not written as [mcp_servers.engram] tables')
      expect(readFileSync(join(home.path, '.codex/config.toml'), 'utf8')).toBe(text)
    }
  })
})

describe('an entry called engram', () => {
  const write = (home: ReturnType<typeof newHome>, entry: object) => {
    mkdirSync(join(home.path, '.cursor'), { recursive: true })
    const text = JSON.stringify({ mcpServers: { engram: entry } }, null, 2)
    writeFileSync(join(home.path, '.cursor/mcp.json'), text)
    return text
  }
  const read = (home: ReturnType<typeof newHome>) =>
    (
      JSON.parse(readFileSync(join(home.path, '.cursor/mcp.json'), 'utf8')) as {
        mcpServers: { engram?: Record<string, unknown> }
      }
    ).mcpServers.engram

  test("of somebody else's is left alone without --force, and comes back afterwards", async () => {
    const home = newHome()
    const theirs = { command: 'npx', args: ['engram-notes', '--token', 's3cret'] }
    const text = write(home, theirs)
    for (const command of [home.connect, home.disconnect]) {
      const refused = await command('cursor')
      expect(refused.error).toMatchObject({ code: 'E_CONFLICT', exitCode: 6 })
      expect(refused.error!.fix).toContain('--force')
      expect(`${refused.error!.message} ${refused.error!.why}`).not.toContain('s3cret')
    }
    expect(readFileSync(join(home.path, '.cursor/mcp.json'), 'utf8')).toBe(text)
    expect((await home.connect('cursor', { force: true })).code).toBe(0)
    expect(isOurs(read(home), URL)).toBe(true)
    await home.disconnect('cursor')
    expect(readFileSync(join(home.path, '.cursor/mcp.json'), 'utf8')).toBe(text)
  })

  test('of ours that names another place is brought up to date, and what was added to it stays', async () => {
    const home = newHome()
    write(home, {
      command: '/old/engram',
      args: ['mcp', '--stdio'],
      alwaysAllow: ['search_memories'],
    })
    expect((await home.connect('cursor')).out).toContain('Cursor: connected')
    expect(read(home)).toMatchObject({
      command: process.execPath,
      alwaysAllow: ['search_memories'],
    })
    expect((await home.connect('cursor')).out).toContain('already connected')
    expect((await home.connect('cursor', { transport: 'http' })).code).toBe(0)
    expect(read(home)).toEqual({ url: 'http://127.0.0.1:3647/mcp' })
    await home.disconnect('cursor')
    expect(read(home)).toBeUndefined()
  })

  test('is known by what it runs', () => {
    const stdio = (command: string, ...args: string[]) => isOurs({ command, args }, URL)
    expect(stdio('/usr/bin/engram', 'mcp', '--stdio')).toBe(true)
    expect(
      stdio('C:\\Program Files\\Engram\\engram.exe', 'mcp', '--stdio', '--home', 'D:\\e'),
    ).toBe(true)
    expect(stdio('/dist/engram-linux-x64', 'mcp', '--stdio')).toBe(true)
    expect(stdio('/bin/bun', '/src/cli/main.ts', 'mcp', '--stdio')).toBe(true)
    expect(stdio('npx', 'engram', 'mcp', '--stdio')).toBe(false)
    expect(stdio('/usr/bin/engram', 'serve')).toBe(false)
    expect(stdio('/usr/bin/engrammar', 'mcp', '--stdio')).toBe(false)
    expect(isOurs({ type: 'local', command: ['/x/engram', 'mcp', '--stdio'] }, URL)).toBe(true)
    expect(isOurs({ url: 'http://localhost:4000/mcp' }, URL)).toBe(true)
    expect(isOurs({ serverUrl: 'https://engram.example/mcp' }, URL)).toBe(false)
    expect(isOurs({ url: 'http://127.0.0.1:3647/other' }, URL)).toBe(false)
    for (const odd of [null, [], 'x', {}, { command: 7 }]) expect(isOurs(odd, URL)).toBe(false)
  })
})

describe('where our memories are', () => {
  test('goes along: a client starts us with hardly an environment', async () => {
    const home = newHome()
    const file = home.fileOf(clientOf('cursor'))
    await home.connect('cursor', {}, { home: join(home.path, 'my data'), namespace: 'work' })
    const text = readFileSync(file, 'utf8')
    const { args } = (JSON.parse(text) as { mcpServers: { engram: { args: string[] } } }).mcpServers
      .engram
    expect(args.slice(-8)).toEqual([
      'mcp',
      '--stdio',
      '--home',
      join(home.path, 'my data'),
      '--namespace',
      'work',
      '--client',
      'cursor',
    ])
    const moved = await runHere(
      connect,
      { name: ['zed'] },
      {},
      { ...home.env, XDG_DATA_HOME: '/data' },
    )
    expect(moved.code).toBe(0)
    expect(readFileSync(home.fileOf(clientOf('zed')), 'utf8')).toContain('"XDG_DATA_HOME": "/data"')
    const again = await runHere(
      connect,
      { name: ['zed'] },
      {},
      { ...home.env, XDG_DATA_HOME: '/data' },
    )
    expect(again.out).toContain('already connected')
  })
})

/** A program of a client that does as it is told by its first line of script. */
function program(home: { path: string }, name: string, script: string): void {
  const path = join(home.path, 'bin', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

describe("a client's own command", () => {
  const FILE = '{"numStartups": 3, "mcpServers": {"other": {"command": "x"}}}'
  /** As Claude Code 2.1 does it: rewrites the file in its own way, and adds fields of its own. */
  const CLAUDE = `
    PATH=/usr/bin:/bin
    echo "$@" >> "$HOME/calls"
    case "$2" in
      add) shift 6; printf '{"mcpServers":{"other":{"command":"x"},"engram":{"type":"stdio","command":"%s","args":["%s","mcp","--stdio","--client","claude-code"],"env":{}}},"numStartups":4}' "$1" "$2" > "$HOME/.claude.json" ;;
      remove) printf '{"mcpServers":{"other":{"command":"x"}},"numStartups":5}' > "$HOME/.claude.json" ;;
    esac`

  test('is used where the file is the state of the client, after a look at the file', async () => {
    const home = newHome()
    program(home, 'claude', CLAUDE)
    const file = join(home.path, '.claude.json')
    writeFileSync(file, FILE)
    const dry = await home.connect('claude-code', { dryRun: true })
    expect(dry.out).toContain('+++ ')
    expect(dry.err).toContain('By its own command: ')
    expect(readFileSync(file, 'utf8')).toBe(FILE)
    const connected = await home.connect('claude-code', {}, { json: true })
    const [row] = (JSON.parse(connected.out) as { clients: { via: string; backups: string[] }[] })
      .clients
    expect(row!.via).toContain('mcp add -s user engram -- ')
    expect(readFileSync(row!.backups[0]!, 'utf8')).toBe(FILE)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ numStartups: 4 })
    expect((await home.connect('claude-code')).out).toContain('already connected')
    expect((await home.disconnect('claude-code')).code).toBe(0)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      mcpServers: { other: { command: 'x' } },
      numStartups: 5,
    })
    expect(readFileSync(join(home.path, 'calls'), 'utf8').trim().split('\n')).toHaveLength(2)
  })

  test('that does nothing, or fails, is made up for by an edit', async () => {
    for (const script of ['exit 0', 'echo broken >&2; exit 3']) {
      const home = newHome()
      program(home, 'claude', script)
      const file = join(home.path, '.claude.json')
      writeFileSync(file, FILE)
      const connected = await home.connect('claude-code')
      expect(connected.code).toBe(0)
      expect(connected.err).toContain('did not do it')
      expect(isWithin(FILE, readFileSync(file, 'utf8'))).toBe(true)
      expect(readFileSync(file, 'utf8')).toContain('"engram"')
      await home.disconnect('claude-code')
      expect(readFileSync(file, 'utf8')).toBe(FILE)
    }
  })

  test('never sees a file that cannot be read: it would begin a new one', async () => {
    const home = newHome()
    program(home, 'claude', CLAUDE)
    writeFileSync(join(home.path, '.claude.json'), '{ "mcpServers": { bad')
    const refused = await home.connect('claude-code')
    expect(refused.error).toMatchObject({ code: 'E_CLIENT_FILE', exitCode: 6 })
    expect(existsSync(join(home.path, 'calls'))).toBe(false)
  })
})

describe('many at once', () => {
  test('--all connects what was found after a question, and the rest when one fails', async () => {
    const home = newHome()
    for (const folder of ['.cursor', '.codex', '.codeium/windsurf', '.factory'])
      mkdirSync(join(home.path, folder), { recursive: true })
    const asked = await home.connect([], { all: true })
    expect(asked.error).toMatchObject({
      code: 'E_CONFIRM',
      exitCode: 6,
      fix: 'engram clients connect --all --yes',
    })
    expect(asked.err).toContain('[x] Cursor')
    expect(asked.err).not.toContain('Droid')
    writeFileSync(join(home.path, '.codex/config.toml'), '[broken')
    const partly = await home.connect([], { all: true }, { yes: true, json: true })
    expect(partly.code).toBe(7)
    const { clients } = JSON.parse(partly.out) as {
      clients: { id: string; state: string; error?: { code: string } }[]
    }
    expect(Object.fromEntries(clients.map(({ id, state }) => [id, state]))).toEqual({
      codex: 'failed',
      cursor: 'connected',
      windsurf: 'connected',
    })
    expect(clients.find(({ id }) => id === 'codex')!.error!.code).toBe('E_CLIENT_FILE')
    rmSync(join(home.path, '.codex'), { recursive: true })
    expect((await home.connect([], { all: true })).out).toContain(
      'Every client that was found is connected',
    )
    const gone = await home.disconnect([], { all: true }, { yes: true })
    expect(gone.code).toBe(0)
    expect(existsSync(join(home.path, '.cursor/mcp.json'))).toBe(false)
  })

  test('names are understood in several forms, and what is meant is said', async () => {
    const home = newHome()
    expect((await home.connect(['VS-Code', 'code'])).code).toBe(0)
    mkdirSync(join(home.path, '.codex'))
    writeFileSync(join(home.path, '.codex/config.toml'), '[broken')
    expect(await home.connect(['codex', 'zed'])).toMatchObject({ code: 7, error: null })
    expect(existsSync(join(home.path, '.config/zed/settings.json'))).toBe(true)
    expect((await home.connect('curser')).error).toMatchObject({ code: 'E_NOT_FOUND', exitCode: 3 })
    expect((await home.connect('claude-des')).error!.why).toContain('claude-desktop')
    expect((await home.connect([])).error).toMatchObject({ code: 'E_USAGE' })
    expect((await home.connect('goose')).error!.fix).toBe('engram clients print goose')
    expect((await home.connect('claude-desktop', { transport: 'http' })).error).toMatchObject({
      code: 'E_USAGE',
    })
  })
})

describe('a client that writes its file from memory', () => {
  const running: ReturnType<typeof Bun.spawn>[] = []
  afterAll(() => {
    for (const child of running) child.kill()
  })

  test.if(process.platform === 'linux')('has to end first', async () => {
    const home = newHome()
    const fake = join(home.path, 'bin/claude-desktop')
    copyFileSync(Bun.which('sleep')!, fake)
    chmodSync(fake, 0o755)
    const child = Bun.spawn([fake, '60'])
    running.push(child)
    await until(() => readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() === 'claude-desktop')
    const refused = await home.connect('claude-desktop')
    expect(refused.error).toMatchObject({ code: 'E_CONFLICT', exitCode: 6 })
    expect(refused.error!.fix).toStartWith('quit Claude Desktop')
    expect(existsSync(home.fileOf(clientOf('claude-desktop')))).toBe(false)
    expect((await home.connect('claude-desktop', { force: true })).code).toBe(0)
    child.kill()
    await child.exited
    expect((await home.disconnect('claude-desktop')).code).toBe(0)
  })
})

describe('the list of clients', () => {
  test('names for each what a person needs', () => {
    expect(CLIENTS.map(({ id }) => id)).toEqual([
      'claude-desktop',
      'claude-code',
      'cursor',
      'vscode',
      'devin-desktop',
      'windsurf',
      'zed',
      'codex',
      'gemini-cli',
      'antigravity',
      'opencode',
      'lm-studio',
      'cline',
      'roo',
      'open-webui',
      'goose',
      'droid',
    ])
    const names = CLIENTS.flatMap(({ id, aliases }) => [id, ...aliases])
    expect(new Set(names).size).toBe(names.length)
    for (const client of CLIENTS) {
      expect(Date.parse(client.checked)).toBeGreaterThan(Date.parse('2026-01-01'))
      expect(client.docs).toStartWith('https://')
      expect(client.user !== undefined || client.print !== undefined).toBe(true)
    }
  })

  test('is changed by a file of its own', async () => {
    const home = newHome()
    const path = join(home.path, '.config/engram/clients.json')
    mkdirSync(dirname(path), { recursive: true })
    const shipped = clientOf('cursor')
    const { aliases: _, ...cursor } = shipped
    const moved = {
      ...cursor,
      user: { ...cursor.user, files: { all: ['~/elsewhere/mcp.json'] } },
    }
    const own = { ...moved, id: 'my-client', name: 'Mine' }
    writeFileSync(path, JSON.stringify({ version: 1, clients: [moved, own] }))
    await home.connect('cursor')
    expect(existsSync(join(home.path, 'elsewhere/mcp.json'))).toBe(true)
    expect((await home.print('my-client')).code).toBe(0)
    for (const [content, why] of [
      ['{', 'is not valid JSON'],
      [JSON.stringify({ version: 2, clients: [] }), 'version'],
      [JSON.stringify({ version: 1, clients: [{ id: 'x' }] }), 'clients.0'],
    ] as const) {
      writeFileSync(path, content)
      const refused = await home.connect('zed')
      expect(refused.error).toMatchObject({ code: 'E_INVALID', exitCode: 2 })
      expect(refused.error!.message).toContain(path)
      expect(refused.error!.message).toContain(why)
    }
  })
})

describe('print', () => {
  test('needs nothing and writes nothing, for every client', async () => {
    const home = newHome()
    const before = everything(home.path)
    for (const { id, docs, next } of CLIENTS) {
      const { code, out, err } = await home.print(id)
      expect(code).toBe(0)
      expect(out).toContain('engram')
      expect(err).toContain(docs)
      expect(err).toContain(next)
    }
    expect(everything(home.path)).toEqual(before)
  })

  test('has the links of the clients that open them', async () => {
    const home = newHome()
    const linkOf = async (id: string) =>
      (JSON.parse((await home.print(id, {}, { json: true })).out) as { link: string }).link
    const cursor = new globalThis.URL(await linkOf('cursor'))
    const config = JSON.parse(
      Buffer.from(cursor.searchParams.get('config')!, 'base64').toString(),
    ) as object
    expect(isOurs(config, URL)).toBe(true)
    expect(await linkOf('lm-studio')).toStartWith('lmstudio://add_mcp?name=engram&config=')
    const vscode = await linkOf('vscode')
    const named = JSON.parse(decodeURIComponent(vscode.slice('vscode:mcp/install?'.length))) as {
      name: string
    }
    expect(named).toMatchObject({ name: 'engram', type: 'stdio' })
  })
})
