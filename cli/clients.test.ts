import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Home, jsonOf, MAIN, openHome } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

const homes: Home[] = []
const newHome = () => {
  const home = openHome()
  homes.push(home)
  mkdirSync(join(home.path, 'bin'))
  return home
}
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()))
})

/** Without the programs of the machine that the tests run on. */
const run = (home: Home, args: readonly string[], cwd = home.path) =>
  home.engram(args, { cwd, env: { PATH: join(home.path, 'bin') } })

describe('engram clients test', () => {
  const home = openHome()
  afterAll(() => home.close())

  test('starts what stands in the file, with hardly an environment, and lists the tools', async () => {
    // Where the environment cannot say it: the usual one may be taken on this machine.
    await home.engram(['config', 'set', 'server.port', '0'])
    await home.engram(['clients', 'connect', 'cursor'])
    const file = join(home.path, '.cursor/mcp.json')
    type Tested = { server: string; tools: string[]; command: string[]; ready_ms: number }
    const tested = jsonOf<Tested>(await home.engram(['clients', 'test', 'cursor', '--json']))
    expect(tested.tools).toContain('search_memories')
    expect(tested.server).toStartWith('engram ')
    type File = { mcpServers: { engram: { command: string; args: string[] } } }
    const { command, args } = (JSON.parse(readFileSync(file, 'utf8')) as File).mcpServers.engram
    expect(tested.command).toEqual([command, ...args])
    const lines = await home.engram(['clients', 'test', 'cursor'])
    expect(lines.out).toMatch(
      /^Cursor: engram [\d.]+ lists \d+ tools after .*, and reaches your memories$/m,
    )
    expect(lines.err).toContain('in a bare environment')
    // Every client that is only printed is tried by what is printed.
    expect((await home.engram(['clients', 'test', 'goose'])).code).toBe(0)
  })

  test('a port that only the shell names goes along, and the client’s daemon listens there', async () => {
    const home = newHome()
    const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') })
    const port = String(free.port)
    await free.stop(true)
    const env = { ENGRAM_PORT: port }
    await home.engram(['clients', 'connect', 'cursor'], { env })
    const file = join(home.path, '.cursor/mcp.json')
    const entry = () => JSON.parse(readFileSync(file, 'utf8')).mcpServers.engram
    expect(entry().env).toEqual({ ENGRAM_PORT: port })
    expect((await home.engram(['clients', 'test', 'cursor'])).code).toBe(0)
    expect(new URL(home.daemon()!.url).port).toBe(port)
    await home.engram(['stop'])

    // Once config.toml says so, nothing has to go along.
    await home.engram(['clients', 'disconnect', 'cursor'], { env })
    await home.engram(['config', 'set', 'server.port', port], { env })
    await home.engram(['clients', 'connect', 'cursor'], { env })
    expect(entry().env).toBe(undefined)
  })

  test('hands nothing of the shell on', async () => {
    const seen = join(home.path, 'seen')
    const spy = join(home.path, 'engram')
    writeFileSync(spy, `#!/bin/sh\nenv > '${seen}'\npwd >> '${seen}'\n`, { mode: 0o755 })
    const entry = { command: spy, args: ['mcp', '--stdio'], env: { MINE: 'yes' } }
    writeFileSync(
      join(home.path, '.cursor/mcp.json'),
      JSON.stringify({ mcpServers: { engram: entry } }),
    )
    const failed = await home.engram(['clients', 'test', 'cursor'], {
      env: { SECRET: 'x', PATH: '/opt/mine:/usr/bin:/bin' },
    })
    expect(failed.code).toBe(5)
    expect(failed.err).toContain(`error E_UNAVAILABLE: ${spy} does not answer as an MCP server`)
    const environment = readFileSync(seen, 'utf8')
    expect(environment).toContain('MINE=yes')
    expect(environment).toContain('PATH=/usr/bin:/bin:/usr/sbin:/sbin\n')
    expect(environment).not.toContain('SECRET')
    expect(environment).not.toContain('ENGRAM_HOME')
    expect(environment.trim().split('\n').at(-1)).toBe('/')
  })

  test('says what went wrong: no such program, no answer in time, not connected', async () => {
    const write = (entry: object) =>
      writeFileSync(
        join(home.path, '.cursor/mcp.json'),
        JSON.stringify({ mcpServers: { engram: entry } }),
      )
    write({ command: '/no/such/engram', args: ['mcp', '--stdio'] })
    expect(await home.engram(['clients', 'test', 'cursor'])).toMatchObject({ code: 5, out: '' })
    write({ command: '/bin/sleep', args: ['60'] })
    const late = await home.engram(['clients', 'test', 'cursor', '--timeout', '300ms'])
    expect(late.code).toBe(5)
    expect(late.err).toContain('error E_TIMEOUT: /bin/sleep did not answer within 0.3 s')
    // It speaks MCP, and has no daemon behind it.
    const args = [MAIN, 'mcp', '--stdio', '--url', 'http://127.0.0.1:9']
    write({ command: process.execPath, args })
    const alone = await home.engram(['clients', 'test', 'cursor'])
    expect(alone.code).toBe(5)
    expect(alone.err).toContain('list_memories answers')
    // What the server advises is what helps; what a shell sets has to reach the client's entry too.
    expect(alone.err).toContain('  fix   engram serve\n')
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') })
    const ENGRAM_PORT = String(other.port)
    const own = [MAIN, 'mcp', '--stdio', '--home', home.path]
    write({ command: process.execPath, args: own, env: { ENGRAM_PORT } })
    await home.engram(['stop'])
    const taken = await home.engram(['clients', 'test', 'cursor'])
    await other.stop(true)
    expect(taken.err).toContain(
      `  fix   export ENGRAM_PORT=${Number(ENGRAM_PORT) + 1} && engram clients connect cursor\n`,
    )
    const none = await home.engram(['clients', 'test', 'zed'])
    expect(none.code).toBe(3)
    expect(none.err).toContain('  fix   engram clients connect zed\n')
  })
})

describe('--scope project', () => {
  test('writes into the folder it is called in, without any secret, and takes it out again', async () => {
    const home = newHome()
    const project = join(home.path, 'project')
    mkdirSync(project)
    for (const [client, file] of [
      ['claude-code', '.mcp.json'],
      ['cursor', '.cursor/mcp.json'],
      ['vscode', '.vscode/mcp.json'],
      ['zed', '.zed/settings.json'],
      ['codex', '.codex/config.toml'],
      ['gemini-cli', '.gemini/settings.json'],
      ['opencode', 'opencode.json'],
      ['roo', '.roo/mcp.json'],
      ['devin-desktop', '.devin/mcp_config.json'],
    ] as const) {
      const connected = await run(
        home,
        ['clients', 'connect', client, '--scope', 'project'],
        project,
      )
      expect({ client, code: connected.code }).toEqual({ client, code: 0 })
      expect(connected.err).toContain('think before you commit it')
      const text = readFileSync(join(project, file), 'utf8')
      expect(text).toContain('--stdio')
      expect(text).not.toMatch(/ek_|Bearer/)
      await run(home, ['clients', 'disconnect', client, '--scope', 'project'], project)
      expect(existsSync(join(project, file))).toBe(false)
    }
    const keyed = await run(
      home,
      [
        'clients',
        'connect',
        'cursor',
        '--scope',
        'project',
        '--transport',
        'http',
        '--key-env',
        'MY_KEY',
        '--url',
        'http://127.0.0.1:4000',
      ],
      project,
    )
    expect(keyed.code).toBe(0)
    expect(JSON.parse(readFileSync(join(project, '.cursor/mcp.json'), 'utf8'))).toEqual({
      mcpServers: {
        engram: {
          url: 'http://127.0.0.1:4000/mcp',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: as Cursor writes it
          headers: { Authorization: 'Bearer ${env:MY_KEY}' },
        },
      },
    })
    const refused = await run(
      home,
      ['clients', 'connect', 'lm-studio', '--scope', 'project'],
      project,
    )
    expect(refused.code).toBe(2)
  })

  test('follows no link out of the project: a repository does not choose what is written', async () => {
    const home = newHome()
    const project = join(home.path, 'project')
    mkdirSync(project)
    const target = join(home.path, 'settings.json')
    writeFileSync(target, '{}')
    symlinkSync(target, join(project, '.mcp.json'))
    mkdirSync(join(home.path, 'elsewhere'))
    symlinkSync(join(home.path, 'elsewhere'), join(project, '.cursor'))
    for (const client of ['claude-code', 'cursor']) {
      const refused = await run(home, ['clients', 'connect', client, '--scope', 'project'], project)
      expect(refused.code).toBe(6)
      expect(refused.err).toContain('leads out of the project')
    }
    expect(readFileSync(target, 'utf8')).toBe('{}')
    expect(existsSync(join(home.path, 'elsewhere/mcp.json'))).toBe(false)
    rmSync(join(project, '.mcp.json'))
    writeFileSync(join(project, 'inside.json'), '{}')
    symlinkSync('inside.json', join(project, '.mcp.json'))
    expect(
      (await run(home, ['clients', 'connect', 'claude-code', '--scope', 'project'], project)).code,
    ).toBe(0)
    expect(readFileSync(join(project, 'inside.json'), 'utf8')).toContain('engram')
  })
})

describe('engram clients list', () => {
  type List = {
    clients: {
      id: string
      state: string
      installed: boolean
      scope: string
      hooks: string | null
    }[]
  }

  test('advises no client that is not here', async () => {
    const home = newHome()
    const { out, err } = await run(home, ['clients', 'list', '--all'])
    expect(out).toMatch(/^claude-desktop +not found/m)
    expect(err).toBe('No client that is known was found on this machine.\n')
  })

  test('what is not connected is not disconnected, and is told so once', async () => {
    const home = newHome()
    const { code, out, err } = await run(home, ['clients', 'disconnect', 'cursor'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe('Cursor: not connected (~/.cursor/mcp.json)\n')
  })

  test('shows what is here and how it stands', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.cursor'))
    mkdirSync(join(home.path, '.codex'))
    const before = await run(home, ['clients', 'list'])
    expect(before.out).toMatch(/^cursor +not connected +~\/\.cursor\/mcp\.json$/m)
    expect(before.out).not.toContain('zed')
    expect(before.err).toContain('Next: engram clients connect cursor')
    await run(home, ['clients', 'connect', 'codex', '--hooks', '--yes'])
    const project = join(home.path, 'project')
    mkdirSync(project)
    await run(home, ['clients', 'connect', 'cursor', '--scope', 'project'], project)
    const after = jsonOf<List>(await run(home, ['clients', 'list', '--json'], project))
    const row = (id: string, scope = 'user') =>
      after.clients.find((one) => one.id === id && one.scope === scope)
    expect(row('codex')).toMatchObject({ state: 'current', hooks: 'current', installed: true })
    expect(row('cursor', 'project')).toMatchObject({ state: 'current' })
    expect(row('zed')).toMatchObject({ state: 'absent', installed: false })
    expect((await run(home, ['clients', 'list'])).out).toMatch(/^codex +connected, hooks /m)
    expect((await run(home, ['clients', 'list', '--all'])).out).toMatch(/^goose +print only/m)
  })
})

describe('engram doctor', () => {
  type Report = { checks: { name: string; state: string; message: string; fix?: string }[] }
  const checkOf = async (home: Home, name: string) =>
    (JSON.parse((await run(home, ['doctor', '--json'])).out) as Report).checks.find(
      (one) => one.name === name,
    )

  test('sends from a hook that failed to what it wrote', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.codex'))
    await run(home, ['clients', 'connect', 'codex', '--hooks', '--yes'])
    const log = join(home.path, 'hooks.log')
    writeFileSync(log, `${new Date().toISOString()} hook prompt --client codex: E_TIMEOUT late\n`)
    expect(await checkOf(home, 'codex')).toMatchObject({ state: 'warning', fix: `tail ${log}` })
  })

  test('looks at every client that is connected, and at no other', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.codex'))
    expect(await checkOf(home, 'cursor')).toBeUndefined()
    await run(home, ['clients', 'connect', 'cursor', 'claude-code', '--yes'])
    expect(await checkOf(home, 'cursor')).toMatchObject({ state: 'ok' })
    expect(await checkOf(home, 'codex')).toBeUndefined()

    const file = join(home.path, '.cursor/mcp.json')
    const entry = (command: string) =>
      writeFileSync(
        file,
        JSON.stringify({ mcpServers: { engram: { command, args: ['mcp', '--stdio'] } } }),
      )
    entry('/gone/engram')
    expect(await checkOf(home, 'cursor')).toMatchObject({
      state: 'error',
      message: expect.stringContaining('/gone/engram'),
      fix: 'engram clients connect cursor',
    })
    writeFileSync(file, '{}')
    expect(await checkOf(home, 'cursor')).toMatchObject({
      state: 'warning',
      fix: 'engram clients connect cursor',
    })
    writeFileSync(file, '{ broken')
    expect(await checkOf(home, 'cursor')).toMatchObject({
      state: 'error',
      message: expect.stringContaining('line 1, column 3'),
    })
    writeFileSync(
      file,
      JSON.stringify({ mcpServers: { engram: { command: 'npx', args: ['other'] } } }),
    )
    expect(await checkOf(home, 'cursor')).toMatchObject({ state: 'warning' })
    await run(home, ['clients', 'disconnect', 'cursor', '--force'])
    expect(await checkOf(home, 'cursor')).toBeUndefined()
  })

  test('says when hooks have failed lately', async () => {
    const home = newHome()
    mkdirSync(join(home.path, '.claude'))
    await run(home, ['clients', 'connect', 'claude-code', '--hooks', '--yes'])
    expect(await checkOf(home, 'claude-code')).toMatchObject({
      state: 'ok',
      message: expect.stringContaining('hooks'),
    })
    await home.engram(['hook', 'prompt', '--client', 'claude-code'], { stdin: 'nonsense' })
    expect(await checkOf(home, 'claude-code')).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('standard input is no JSON'),
    })
  })
})

describe('engram clients print', () => {
  test('explains a transport that the client does not take, and names the one it does', async () => {
    const home = newHome()
    const refused = await run(home, ['clients', 'print', 'claude-desktop', '--transport', 'http'])
    expect(refused).toEqual({
      code: 2,
      out: '',
      err:
        'error E_USAGE: Claude Desktop takes no http entry\n' +
        '  fix   engram clients print claude-desktop --transport stdio\n',
    })
    expect((await run(home, ['clients', 'print', 'open-webui'])).out).toContain('/mcp')
  })

  test('names the variable of the key in the client’s own command too', async () => {
    const home = newHome()
    const http = ['clients', 'print', 'codex', '--transport', 'http']
    const named = await run(home, [...http, '--key-env', 'ENGRAM_KEY'])
    expect(named.err).toMatch(
      /codex mcp add engram --url \S+\/mcp --bearer-token-env-var ENGRAM_KEY$/m,
    )
    expect((await run(home, http)).err).not.toContain('--bearer-token-env-var')
  })
})
