import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dialectOf } from '../daemon/proxy/rig/dialects.ts'
import { openRawUpstream } from '../daemon/proxy/rig/raw-upstream.ts'
import { type Home, jsonOf, MAIN, openHome, until } from './fixtures/harness.ts'
import {
  exportLine,
  launchOf,
  namespaceNote,
  proxyEnvironment,
  SHELLS,
  usualShell,
} from './proxy-env.ts'

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

/** A program in the folder of the home. @returns its path */
function program(home: Home, name: string, script: string): string {
  const path = join(home.path, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

describe('engram run', () => {
  test('starts the daemon and gives the program its addresses, arguments, streams and exit code', async () => {
    const home = newHome()
    const show = program(
      home,
      'show',
      'echo "$OPENAI_BASE_URL $ANTHROPIC_BASE_URL $GOOGLE_GEMINI_BASE_URL $OLLAMA_HOST"; echo "[$1][$2]"; cat; echo oops >&2; exit 42',
    )
    const { code, out, err } = await home.engram(['run', show, '--', '-p', 'two words'], {
      stdin: 'from outside',
    })
    const { url } = home.daemon()!
    expect({ code, out, err }).toEqual({
      code: 42,
      out: `${url}/openai/v1 ${url}/anthropic ${url}/gemini ${url}/ollama\n[-p][two words]\nfrom outside`,
      err: 'oops\n',
    })
  })

  test('finds a program on the PATH, and says when there is none', async () => {
    const home = newHome()
    program(home, 'my-agent', 'echo found')
    const PATH = `${home.path}:${process.env.PATH}`
    expect((await home.engram(['run', 'my-agent'], { env: { PATH } })).out).toBe('found\n')
    const missing = await home.engram(['run', 'no-such-agent'])
    expect(missing.code).toBe(3)
    expect(missing.err).toContain('there is no program no-such-agent on the PATH')
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`passes ${signal} on, and ends when the program does`, async () => {
      const home = newHome()
      const marks = join(home.path, 'marks')
      const name = signal.slice(3)
      const waits = program(
        home,
        'waits',
        `trap 'echo ${name} >> ${marks}; exit 7' ${name}\necho ready > ${marks}\nwhile :; do sleep 0.05; done`,
      )
      const child = home.start(['run', waits])
      await until(() => existsSync(marks))
      child.kill(signal)
      expect(await child.exited).toBe(7)
      expect(readFileSync(marks, 'utf8')).toBe(`ready\n${name}\n`)
    })
  }

  test('ends with 128 and the signal when a signal ended the program', async () => {
    const home = newHome()
    expect((await home.engram(['run', program(home, 'dies', 'kill -9 $$')])).code).toBe(137)
  })

  test('hands out no key where none is needed', async () => {
    const home = newHome()
    const show = program(home, 'show', 'printf "%s" "$OPENAI_CUSTOM_HEADERS"')
    expect((await home.engram(['run', show])).out).toBe('')
  })

  test('lends a key of the proxy alone where one is needed, and takes it back', async () => {
    const home = newHome()
    const env = { ENGRAM_REQUIRE_KEY: 'true' }
    const show = program(home, 'show', 'printf "%s" "$OPENAI_CUSTOM_HEADERS"; "$ENGRAM" keys list')
    const engram = program(home, 'engram', `exec ${process.execPath} ${MAIN} "$@"`)
    const { out } = await home.engram(['run', show, '--namespace', 'work'], {
      env: { ...env, ENGRAM: engram },
    })
    const [, key, rest] = /^X-Engram-Key: (ek_\S+)\nX-Engram-Namespace: work(.*)$/s.exec(out)!
    expect(rest).toMatch(/engram run .* for the proxy alone/)
    const after = await home.engram(['keys', 'list'], { env })
    expect(after.out).not.toContain('engram run')
    const late = await home.engram(['memories', 'list'], { env: { ...env, ENGRAM_API_KEY: key! } })
    expect(late.code).toBe(4)
  })

  test('hands on the key that it was given itself', async () => {
    const home = newHome()
    const show = program(home, 'show', 'printf "%s" "$ANTHROPIC_CUSTOM_HEADERS"')
    const made = await home.engram(['keys', 'create', 'agent', '--proxy-only'])
    expect(made.err).toContain('which opens the proxy alone')
    const key = made.out.trim()
    const env = { ENGRAM_API_KEY: key }
    expect((await home.engram(['run', show], { env })).out).toBe(`X-Engram-Key: ${key}`)
  })

  test('a daemon that is started in such an environment does not forward to itself', async () => {
    const home = newHome()
    const port = String(await freePort())
    const env = { ENGRAM_PORT: port, ...proxyEnvironment(targetAt(`http://127.0.0.1:${port}`)) }
    expect((await home.engram(['add', 'inside'], { env })).code).toBe(0)
    const { settings } = jsonOf<{ settings: { name: string; value: unknown }[] }>(
      await home.engram(['config', 'list', '--json'], { env }),
    )
    const bases = settings.filter(({ name }) => /^providers\..*\.base_url$/.test(name))
    expect(bases).toHaveLength(4)
    for (const { value } of bases) expect(value).not.toContain(port)
  })

  test('an option of the program must stand behind --', async () => {
    const { code, err } = await newHome().engram(['run', 'claude', '-p', 'hi'])
    expect(code).toBe(2)
    expect(err).toContain('engram run PROGRAM -- -p')
  })
})

test('client libraries find the proxy by what engram run tells them', async () => {
  const upstream = await openRawUpstream(({ request, answer }) => {
    const body = JSON.stringify(dialectOf(request.target).whole('Grüße 😀'))
    return answer(200, [['Content-Type', 'application/json']], body)
  })
  const home = newHome()
  const { code, out, err } = await home.engram(
    ['run', process.execPath, join(import.meta.dir, 'fixtures/libraries.ts')],
    {
      env: {
        ENGRAM_OPENAI_BASE_URL: upstream.url,
        ENGRAM_ANTHROPIC_BASE_URL: upstream.url,
        ENGRAM_GEMINI_BASE_URL: upstream.url,
        ENGRAM_OLLAMA_BASE_URL: upstream.url,
      },
    },
  )
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const answers = Object.entries(JSON.parse(out) as Record<string, string>)
  expect(answers).toHaveLength(8)
  for (const [library, answer] of answers) {
    expect({ library, answer }).toEqual({ library, answer: 'Grüße 😀' })
  }
  await upstream.stop()
})

async function freePort(): Promise<number> {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port } = server
  await server.stop(true)
  return port!
}

const targetAt = (url: string) => ({ url, namespace: undefined, key: undefined })

describe('how programs are told of the proxy', () => {
  test('Codex gets a provider of its own, without a key among its arguments', () => {
    const target = { url: 'http://127.0.0.1:3647', namespace: 'work', key: 'ek_secret' }
    for (const name of ['codex', '/usr/local/bin/codex', 'C:\\tools\\codex.exe']) {
      const { args, env } = launchOf(name, ['exec', 'hi'], target)
      expect(args.slice(-2)).toEqual(['exec', 'hi'])
      expect(args.join(' ')).not.toContain('ek_secret')
      const [, provider, , table] = args
      const config = Bun.TOML.parse(`${provider}\n${table}`)
      expect(config).toEqual({
        model_provider: 'engram',
        model_providers: {
          engram: {
            name: 'Engram',
            base_url: 'http://127.0.0.1:3647/openai/v1',
            wire_api: 'responses',
            env_key: 'OPENAI_API_KEY',
            supports_websockets: false,
            env_http_headers: {
              'X-Engram-Key': 'X_ENGRAM_KEY',
              'X-Engram-Namespace': 'X_ENGRAM_NAMESPACE',
            },
          },
        },
      })
      expect(env).toMatchObject({ X_ENGRAM_KEY: 'ek_secret', X_ENGRAM_NAMESPACE: 'work' })
    }
  })

  test('a namespace goes wherever a variable can name headers, and is not lost silently elsewhere', () => {
    const target = { url: 'http://127.0.0.1:3647', namespace: 'work', key: 'ek_secret' }
    expect(proxyEnvironment(target)).toMatchObject({
      OPENAI_CUSTOM_HEADERS: 'X-Engram-Key: ek_secret\nX-Engram-Namespace: work',
      ANTHROPIC_CUSTOM_HEADERS: 'X-Engram-Key: ek_secret\nX-Engram-Namespace: work',
      GEMINI_CLI_CUSTOM_HEADERS: 'X-Engram-Key: ek_secret, X-Engram-Namespace: work',
    })
    expect(namespaceNote(target, '/usr/bin/python')).toContain('not to work')
    expect(namespaceNote(target, null)).toContain('not to work')
    expect(namespaceNote(target, '/usr/bin/claude')).toBe(null)
    expect(namespaceNote({ namespace: undefined }, null)).toBe(null)
  })

  test('every other program gets its arguments as they are', () => {
    const { args } = launchOf('claude', ['-p', 'hi'], targetAt('http://127.0.0.1:3647'))
    expect(args).toEqual(['-p', 'hi'])
  })
})

describe('engram proxy env', () => {
  test('starts nothing, and what it prints a shell can evaluate', async () => {
    const home = newHome()
    const env = { ENGRAM_PORT: '4567', ENGRAM_API_KEY: 'ek_not_to_be_printed' }
    const args = ['proxy', 'env', '--shell', 'bash', '--namespace', "it's"]
    const { code, out, err } = await home.engram(args, { env })
    expect(code).toBe(0)
    expect(err).toStartWith('Client libraries of Gemini and Ollama read no headers')
    expect(err).toContain("not to it's")
    expect(err).toEndWith('No Engram daemon runs: engram serve\n')
    expect(out).not.toContain('ek_not_to_be_printed')
    expect(home.daemon()).toBe(null)
    const child = Bun.spawn(
      ['bash', '-c', `${out}\nprintf '%s|' "$OPENAI_BASE_URL" "$ANTHROPIC_CUSTOM_HEADERS"`],
      { env },
    )
    expect(await new Response(child.stdout).text()).toBe(
      "http://127.0.0.1:4567/openai/v1|X-Engram-Key: ek_not_to_be_printed\nX-Engram-Namespace: it's|",
    )
  })

  test('prints the address of the daemon that runs', async () => {
    const home = newHome()
    await home.engram(['add', 'anything'])
    const { url } = home.daemon()!
    const variables = jsonOf<Record<string, string>>(await home.engram(['proxy', 'env', '--json']))
    expect(variables).toEqual(proxyEnvironment(targetAt(url)))
  })

  test('says when the daemon will want a key', async () => {
    const { err } = await newHome().engram(['proxy', 'env'], { env: { ENGRAM_REQUIRE_KEY: '1' } })
    expect(err).toContain('engram keys create')
  })

  test('quotes for each shell', () => {
    const value = "a'b\\c $ENGRAM_API_KEY"
    expect(SHELLS.map((shell) => exportLine(shell, 'N', value))).toEqual([
      `export N='a'\\''b\\c '"$ENGRAM_API_KEY"''`,
      `set -gx N 'a\\'b\\\\c '"$ENGRAM_API_KEY"''`,
      `$env:N = 'a''b\\c ' + $env:ENGRAM_API_KEY + ''`,
    ])
  })

  test('takes the syntax of the shell that its user has', () => {
    const shells = ['/usr/bin/fish', '/bin/zsh', '/snap/bin/pwsh', undefined]
    expect(shells.map((SHELL) => usualShell({ SHELL }))).toEqual(['fish', 'bash', 'pwsh', 'bash'])
  })
})
