import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Home, openHome, until } from './fixtures/harness.ts'
import { isRunning } from './locate.ts'

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

describe('a command that needs the daemon', () => {
  test('five at once start one, and all are answered', async () => {
    const home = newHome()
    const words = ['one', 'two', 'three', 'four', 'five']
    const ended = await Promise.all(
      words.map((word) => home.engram(['add', `fact ${word}`, '--json'])),
    )
    expect(ended.map(({ code, err }) => ({ code, err }))).toEqual(
      words.map(() => ({ code: 0, err: '' })),
    )
    const { total } = JSON.parse((await home.engram(['memories', 'list', '--json'])).out)
    expect(total).toBe(5)
    const log = readFileSync(join(home.path, 'engram.log'), 'utf8')
    expect(log).not.toContain('error')
    expect(home.daemon()!.background).toBe(true)
    for (const file of ['engram.log', 'daemon.json', 'local.key']) {
      expect(statSync(join(home.path, file)).mode & 0o077).toBe(0)
    }
  })

  test('starts none with --url, and says who does not answer', async () => {
    const home = newHome()
    const { code, out, err } = await home.engram([
      'memories',
      'list',
      '--url',
      'http://127.0.0.1:9',
    ])
    expect({ code, out }).toEqual({ code: 5, out: '' })
    expect(err).toBe(
      'error E_DAEMON_DOWN: no Engram daemon answers at 127.0.0.1:9\n' +
        '  why   nothing listens on that port\n' +
        '  fix   engram serve\n',
    )
    expect(existsSync(join(home.path, 'engram.db'))).toBe(false)
  })

  test('says why a daemon did not start', async () => {
    const home = newHome()
    writeFileSync(join(home.path, 'config.toml'), '[server]\nport = "many"\n')
    const { code, err } = await home.engram(['memories', 'list', '--json'], {
      env: { ENGRAM_PORT: '' },
    })
    expect(code).toBe(5)
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'E_DAEMON_START' } })
    expect(err).toContain('must be a whole number from 0 to 65535')
  })

  test('takes no notice of a proxy for the Internet', async () => {
    const home = newHome()
    const env = { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' }
    expect((await home.engram(['memories', 'list'], { env })).code).toBe(0)
  })

  test('finds a new daemon when the old one was killed', async () => {
    const home = newHome()
    await home.engram(['add', 'survives'])
    const first = home.daemon()!
    process.kill(first.pid, 'SIGKILL')
    await until(() => !isRunning(first.pid))
    const { code, out } = await home.engram(['memories', 'list', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out).memories[0].content).toBe('survives')
    expect(home.daemon()!.pid).not.toBe(first.pid)
  })
})

describe('status and stop', () => {
  test('start nothing', async () => {
    const home = newHome()
    const status = await home.engram(['status'])
    expect(status).toEqual({
      code: 5,
      out: '',
      err: 'error E_DAEMON_DOWN: no Engram daemon runs\n  fix   engram serve\n',
    })
    expect(await home.engram(['stop'])).toEqual({
      code: 0,
      out: 'No Engram daemon runs.\n',
      err: '',
    })
    expect(home.daemon()).toBe(null)
  })

  test('tell of the daemon, and end it', async () => {
    const home = newHome()
    await home.engram(['add', 'a fact'])
    const { pid } = home.daemon()!
    const status = await home.engram(['status'])
    expect(status.code).toBe(0)
    expect(status.out).toContain('1 memory of yours')
    expect(JSON.parse((await home.engram(['status', '--json'])).out)).toMatchObject({
      pid,
      data: { memories: 1 },
      local_mode: true,
    })
    expect((await home.engram(['stop'])).out).toBe(`Stopped the Engram daemon (process ${pid}).\n`)
    expect(isRunning(pid)).toBe(false)
    expect(home.daemon()).toBe(null)
  })
})

describe('serve', () => {
  test('prints where it answers, and stops at SIGTERM with 0 and at Ctrl-C with 130', async () => {
    for (const [signal, expected] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const home = newHome()
      const child = home.start(['serve', '--demo'])
      await until(() => home.daemon() !== null)
      const { url } = home.daemon()!
      child.kill(signal)
      expect(await child.exited).toBe(expected)
      const out = await new Response(child.stdout).text()
      expect(out).toContain(`${url}/v1`)
      expect(out).toContain('DEMO')
      expect(out).toContain('~/engram.db')
      expect(out).not.toContain('\x1b')
      expect(home.daemon()).toBe(null)
    }
  })

  test('takes over from a daemon in the background, and is not taken over itself', async () => {
    const home = newHome()
    await home.engram(['add', 'kept'])
    const background = home.daemon()!
    const child = home.start(['serve', '--json'])
    await until(() => home.daemon()?.pid === child.pid)
    expect(isRunning(background.pid)).toBe(false)
    const list = await home.engram(['memories', 'list', '--json'])
    expect(JSON.parse(list.out).total).toBe(1)

    const second = await home.engram(['serve'])
    expect(second.code).toBe(6)
    expect(second.err).toContain(
      'error E_CONFLICT: Engram is running already, at http://127.0.0.1:',
    )
    expect(second.err).toContain(`process ${child.pid}`)

    expect((await home.engram(['stop'])).code).toBe(0)
    expect(await child.exited).toBe(0)
    const said = JSON.parse(await new Response(child.stdout).text())
    expect(said).toMatchObject({ pid: child.pid, demo: false })
  })

  test('says who has the port', async () => {
    const other = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response('no Engram'),
    })
    try {
      const home = newHome()
      const { code, err } = await home.engram(['serve', '--port', String(other.port)])
      expect(code).toBe(6)
      expect(err).toContain(`error E_PORT_TAKEN: port ${other.port} of 127.0.0.1 is taken`)
      if (process.platform === 'linux') expect(err).toContain(`process ${process.pid}`)
      expect(err).toContain(`  fix   engram serve --port ${other.port! + 1}`)
      // A daemon that a command starts needs the port the next time too.
      const added = await home.engram(['add', 'x'], { env: { ENGRAM_PORT: String(other.port) } })
      expect(added.err).toContain(`  fix   export ENGRAM_PORT=${other.port! + 1}\n`)
      await home.engram(['config', 'set', 'server.port', String(other.port)])
      const again = await home.engram(['add', 'x'], { env: { ENGRAM_PORT: '' } })
      expect(again.err).toContain(`  fix   engram config set server.port ${other.port! + 1}\n`)

      const home2 = newHome()
      const first = home2.start(['serve'])
      await until(() => home2.daemon() !== null)
      const port = new URL(home2.daemon()!.url).port
      const refused = await home.engram(['serve', '--port', port])
      expect(refused.err).toContain('another Engram')
      first.kill('SIGTERM')
      expect(await first.exited).toBe(0)
    } finally {
      await other.stop(true)
    }
  })

  test('refuses what no setting can be', async () => {
    const home = newHome()
    const { code, err } = await home.engram(['serve', '--port', 'many'])
    expect(code).toBe(2)
    expect(err).toContain(
      'error E_INVALID: --port must be a whole number from 0 to 65535, got "many"',
    )
    expect((await home.engram(['serve', '--host', '0.0.0.0'])).err).toContain('ENGRAM_ADMIN_KEY')
    const itself = { ENGRAM_PORT: '4123', OPENAI_BASE_URL: 'http://127.0.0.1:4123/v1' }
    const refused = await home.engram(['serve'], { env: itself })
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('OPENAI_BASE_URL is http://127.0.0.1:4123/v1')
    expect(refused.err).toContain('Set ENGRAM_OPENAI_BASE_URL')
  })
})

describe('without a daemon', () => {
  const home = openHome()
  afterAll(() => home.close())

  test.each([
    [['--version'], 0, /^engram \d+\.\d+\.\d+ \(commit \w+, \w+-\w+\)\n$/, /^$/],
    [
      ['version', '--json'],
      0,
      /^\{"version":"[\d.]+","commit":".+","target":".+","build":".+"\}\n$/,
      /^$/,
    ],
    [[], 2, /^Engram: a memory for AI tools/, /^$/],
    [['--help'], 0, /Start here/, /^$/],
    [['memories'], 2, /Commands\n {2}add/, /^$/],
    [['help', 'environment'], 0, /ENGRAM_EXTRACTION_PROVIDER/, /^$/],
    [['help', 'exit-codes'], 0, /E_DAEMON_DOWN/, /^$/],
    [['help', 'E_CONFIRM'], 0, /Exit code 6/, /^$/],
    [['help', 'json'], 0, /standard error/, /^$/],
    [['help', 'privacy'], 0, /sends nothing/, /^$/],
    [['help', 'proxy'], 0, /OPENAI_BASE_URL/, /^$/],
    [['help', '--json'], 0, /^\{"globals":\[/, /^$/],
    [
      ['help', 'nonsense'],
      3,
      /^$/,
      /^error E_NOT_FOUND: there is no help for "nonsense"\n {2}fix /,
    ],
    [
      ['frob', '--json'],
      2,
      /^$/,
      /^\{"error":\{"code":"E_USAGE","message":"engram has no command \\"frob\\"","fix":"engram --help"\}\}\n$/,
    ],
    [['mcp'], 2, /^$/, /--stdio/],
    [['ui'], 0, /^The console is not in this version yet; .*\n$/, /^$/],
    [['ui', '--print'], 0, /^http:\/\/127\.0\.0\.1:\d+\/ui\/\n$/, /not in this version yet/],
  ])('engram %j ends with %i', async (args, code, out, err) => {
    const ended = await home.engram(args)
    expect(ended.code).toBe(code)
    expect(ended.out).toMatch(out)
    expect(ended.err).toMatch(err)
    expect(ended.out + ended.err).not.toContain('\x1b')
  })

  test('a pipe that is closed early is no failure', async () => {
    const command = `"${process.execPath}" "${join(import.meta.dir, 'main.ts')}" help environment`
    const { stdout, stderr, exitCode } = Bun.spawnSync(
      ['bash', '-c', `set -o pipefail; ${command} | head -1`],
      { env: { PATH: process.env.PATH ?? '', HOME: home.path, ENGRAM_HOME: home.path } },
    )
    expect({
      lines: stdout.toString().trim().split('\n').length,
      err: stderr.toString(),
      exitCode,
    }).toEqual({
      lines: 1,
      err: '',
      exitCode: 0,
    })
  })
})
