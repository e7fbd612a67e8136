/**
 * What takes minutes, or a program that is not ours to ship: long silences, and coding agents as people use
 * them, through `engram run`, in front of a mock.
 *
 *   npm run nightly                       everything that is installed
 *   npm run nightly -- agents             the agents; or: silences
 *
 * Claude Code and Codex are looked for on the PATH, or where ENGRAM_TEST_CLAUDE and ENGRAM_TEST_CODEX say; the
 * versions to use are in docs/proxy.md. What is not installed is skipped, and said. They run in a home of their
 * own and reach nothing but the mock. Exit code 1 when something failed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DIALECTS, type Dialect, dialectOf } from '../daemon/proxy/rig/dialects.ts'
import type { HeaderLine } from '../daemon/proxy/rig/http-message.ts'
import { valuesOf } from '../daemon/proxy/rig/http-message.ts'
import { connectRaw } from '../daemon/proxy/rig/raw-client.ts'
import {
  type Exchange,
  openRawUpstream,
  type RawRequest,
} from '../daemon/proxy/rig/raw-upstream.ts'
import { startRig } from '../daemon/proxy/rig/start.ts'
import { OPENING_TAG } from '../memory/render.ts'

type Check = () => Promise<void>

const CHUNKED: HeaderLine = ['Transfer-Encoding', 'chunked']
const SECOND = 1_000

/** A stream whose frames are so far apart arrives whole. */
async function silence(asked: Dialect, firstMs: number, betweenMs: number): Promise<void> {
  const frames = asked.frames(['One ', 'two.'])
  const upstream = await openRawUpstream(async ({ head, chunk, lastChunk }) => {
    await Bun.sleep(firstMs)
    await head(200, [['Content-Type', asked.streamType], CHUNKED])
    for (const [i, frame] of frames.entries()) {
      if (i === 1) await Bun.sleep(betweenMs)
      await chunk(frame)
    }
    await lastChunk()
  })
  const rig = await startRig({ upstream: upstream.url })
  try {
    const client = await connectRaw(rig.url)
    const body = JSON.stringify(asked.body([{ role: 'user', text: 'Take your time.' }], true))
    client.request(
      'POST',
      asked.path(true),
      [['Content-Type', 'application/json'], asked.key],
      body,
    )
    const received = String(await (await client.answer()).body())
    equal(received, frames.join(''), 'the stream')
    equal(upstream.requests.length, 1, 'requests to the provider')
  } finally {
    await rig.stop()
    await upstream.stop()
  }
}

const SILENCES: Readonly<Record<string, Check>> = Object.fromEntries(
  DIALECTS.flatMap((asked) => [
    [
      `${asked.name}: 40 s before the first byte and 40 s between two frames`,
      () => silence(asked, 40 * SECOND, 40 * SECOND),
    ],
    [`${asked.name}: 6 minutes before the first byte`, () => silence(asked, 360 * SECOND, 0)],
  ]),
)

function equal<T>(actual: T, expected: T, what: string): void {
  if (actual !== expected) {
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
  }
}

function holds(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`not so: ${what}`)
}

type Printed = Readonly<{ out: string; err: string }>

/** An agent with a home of its own, a daemon of its own, and a mock for its provider. */
type Stage = Readonly<{
  /** Runs the agent through `engram run`. @returns what it printed */
  agent(args: readonly string[]): Promise<Printed>
  engram(args: readonly string[]): Promise<string>
  /** Requests of the agent's conversation with its model, oldest first. */
  asked(): readonly RawRequest[]
  folder: string
}>

const ENGRAM = [process.execPath, join(import.meta.dir, '../cli/main.ts')]

async function onStage(
  program: string,
  env: Readonly<Record<string, string>>,
  script: (exchange: Exchange, number: number) => Promise<void>,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'engram-nightly-'))
  const folder = join(home, 'project')
  mkdirSync(folder)
  const requests: RawRequest[] = []
  const upstream = await openRawUpstream(async (exchange) => {
    const { request, answer } = exchange
    const isChat = request.method === 'POST' && /\/(messages|responses)(\?|$)/.test(request.target)
    if (!isChat) return answer(request.method === 'HEAD' ? 200 : 404, [], '')
    requests.push(request)
    await script(exchange, requests.length)
  })
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    ENGRAM_HOME: join(home, 'engram'),
    ENGRAM_PORT: '0',
    ENGRAM_EMBEDDING_MODEL: 'static',
    ENGRAM_OPENAI_BASE_URL: upstream.url,
    ENGRAM_ANTHROPIC_BASE_URL: upstream.url,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CODEX_HOME: join(home, 'codex'),
    ...env,
  }
  mkdirSync(environment.CODEX_HOME)
  const run = async (argv: readonly string[]): Promise<Printed> => {
    const child = Bun.spawn([...ENGRAM, ...argv], {
      cwd: folder,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      env: environment,
      timeout: 120 * SECOND,
    })
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    if (code !== 0) throw new Error(`engram ${argv.join(' ')} ended with ${code}: ${err}${out}`)
    return { out, err }
  }
  try {
    await play({
      agent: (args) => run(['run', program, '--', ...args]),
      engram: async (args) => (await run(args)).out,
      asked: () => requests,
      folder,
    })
  } finally {
    await run(['stop'])
    await upstream.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function stream(
  { head, chunk, lastChunk }: Exchange,
  frames: readonly string[],
  type: string,
) {
  await head(200, [['Content-Type', type], CHUNKED])
  for (const frame of frames) await chunk(frame)
  await lastChunk()
}

/** Says a few words, whatever it is asked. */
async function sayHello(exchange: Exchange): Promise<void> {
  const asked = dialectOf(exchange.request.target)
  await stream(exchange, asked.frames(['Hello ', 'from the mock.']), asked.streamType)
}

const MEMORY = 'User drinks black coffee from Ethiopia'
const QUESTION = 'Which coffee do I drink?'
const text = ({ body }: RawRequest) => Buffer.from(body).toString()
const blocks = (request: RawRequest) => text(request).split(OPENING_TAG).length - 1
const header = ({ headers }: RawRequest, name: string) => valuesOf(headers, name).join()

async function learned(engram: Stage['engram'], words: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await engram(['memories', 'list', '--json'])).includes(words)) return
    await Bun.sleep(100)
  }
  throw new Error(`nothing was learned of ${words}`)
}

function claudeChecks(claude: string): Record<string, Check> {
  const key = { ANTHROPIC_API_KEY: 'sk-ant-client' }
  return {
    'Claude Code: -p, with memory behind the prompt': () =>
      onStage(claude, key, sayHello, async ({ agent, engram, asked }) => {
        await engram(['add', MEMORY])
        const { out } = await agent(['-p', QUESTION])
        equal(out.trim(), 'Hello from the mock.', 'what it printed')
        const [request] = asked()
        holds(text(request!).includes('black coffee from Ethiopia'), 'the memory went out')
        equal(blocks(request!), 1, 'blocks of memory')
        equal(header(request!, 'x-api-key'), 'sk-ant-client', 'the key')
        holds(header(request!, 'user-agent').startsWith('claude-cli/'), 'its user agent arrived')
        holds(header(request!, 'anthropic-beta') !== '', 'its betas arrived')
      }),

    'Claude Code: -c -p goes on with the same bytes, and what was said is learned': () =>
      onStage(claude, key, sayHello, async ({ agent, engram, asked }) => {
        await engram(['add', MEMORY])
        await agent(['-p', `I play the accordion. ${QUESTION}`])
        await agent(['-c', '-p', 'Thanks. And what else is there to do today?'])
        const [first, second] = asked()
        const block = (request: RawRequest) =>
          /<engram-memory>.*?<\/engram-memory>/s.exec(text(request))?.[0]
        holds(block(first!) !== undefined, 'the first request had memory')
        equal(block(second!), block(first!), 'the block of the first turn, in the second request')
        await learned(engram, 'accordion')
      }),

    'Claude Code: a loop with a tool': () =>
      onStage(
        claude,
        key,
        async (exchange, number) => {
          if (number > 1) return sayHello(exchange)
          await stream(
            exchange,
            toolUse('Read', { file_path: readLater.path }),
            'text/event-stream',
          )
        },
        async ({ agent, engram, asked, folder }) => {
          await engram(['add', MEMORY])
          readLater.path = join(folder, 'notes.txt')
          writeFileSync(readLater.path, 'The answer is 42.\n')
          const { out } = await agent(['-p', QUESTION, '--allowedTools', 'Read'])
          equal(out.trim(), 'Hello from the mock.', 'what it printed')
          const [first, second] = asked()
          holds(text(second!).includes('The answer is 42.'), 'the result of the tool went out')
          equal(blocks(first!), 1, 'blocks in the first request')
          equal(blocks(second!), 1, 'blocks in the second request')
        },
      ),

    'Claude Code: a token of its own kind of key, and headers of ours': () =>
      onStage(
        claude,
        { ANTHROPIC_AUTH_TOKEN: 'token-1' },
        sayHello,
        async ({ agent, engram, asked }) => {
          await engram(['--namespace', 'work', 'add', MEMORY])
          await agent(['-p', QUESTION])
          equal(blocks(asked()[0]!), 0, 'blocks of another namespace')
          await engram(['run', '--namespace', 'work', claude, '--', '-p', QUESTION])
          equal(blocks(asked()[1]!), 1, 'blocks of this namespace')
          equal(header(asked()[1]!, 'authorization'), 'Bearer token-1', 'the token')
          equal(header(asked()[1]!, 'x-engram-namespace'), '', 'the header of ours')
        },
      ),
  }
}

/** Where the tool of the scripted answer finds its file. */
const readLater = { path: '' }

function toolUse(name: string, input: object): string[] {
  const frame = (type: string, more: object = {}) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`
  return [
    frame('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-opus-5-5',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 9, output_tokens: 1 },
      },
    }),
    frame('content_block_start', {
      index: 0,
      content_block: { type: 'tool_use', id: 'toolu_1', name, input: {} },
    }),
    frame('content_block_delta', {
      index: 0,
      delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) },
    }),
    frame('content_block_stop', { index: 0 }),
    frame('message_delta', {
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { output_tokens: 9 },
    }),
    frame('message_stop'),
  ]
}

function codexChecks(codex: string): Record<string, Check> {
  const key = { OPENAI_API_KEY: 'sk-client' }
  const exec = ['exec', '--skip-git-repo-check']
  return {
    'Codex: exec, with memory behind the prompt, and what was said is learned': () =>
      onStage(codex, key, sayHello, async ({ agent, engram, asked }) => {
        await engram(['add', MEMORY])
        const { out } = await agent([...exec, `I play the accordion. ${QUESTION}`])
        holds(out.includes('Hello from the mock.'), 'it printed the answer')
        equal(asked().length, 1, 'requests to the provider')
        holds(text(asked()[0]!).includes('black coffee from Ethiopia'), 'the memory went out')
        equal(blocks(asked()[0]!), 1, 'blocks of memory')
        equal(header(asked()[0]!, 'authorization'), 'Bearer sk-client', 'the key')
        await learned(engram, 'accordion')
      }),

    'Codex: resume goes on with the same bytes': () =>
      onStage(codex, key, sayHello, async ({ agent, engram, asked }) => {
        await engram(['add', MEMORY])
        await agent([...exec, QUESTION])
        await agent([...exec, 'resume', '--last', 'Thanks. And what else is there to do today?'])
        const block = (request: RawRequest) =>
          /<engram-memory>.*?<\/engram-memory>/s.exec(text(request))?.[0]
        holds(block(asked()[0]!) !== undefined, 'the first request had memory')
        equal(block(asked()[1]!), block(asked()[0]!), 'the block of the first turn')
      }),

    'Codex: asks for a WebSocket first, is refused and goes on by HTTP': () =>
      onStage(codex, key, sayHello, async ({ agent, engram, asked }) => {
        await engram(['add', MEMORY])
        const { url } = JSON.parse(await engram(['status', '--json'])) as { url: string }
        const provider = [
          'name="Engram"',
          `base_url="${url}/openai/v1"`,
          'wire_api="responses"',
          'env_key="OPENAI_API_KEY"',
          'supports_websockets=true',
        ]
        const { out, err } = await agent([
          ...exec,
          '-c',
          `model_providers.engram={${provider.join(',')}}`,
          QUESTION,
        ])
        const refused = err.split('failed to connect to Responses WebSocket').length - 1
        equal(refused, 1, 'tries of a WebSocket')
        holds(out.includes('Hello from the mock.'), 'it printed the answer')
        equal(blocks(asked()[0]!), 1, 'blocks of memory')
      }),
  }
}

function installed(name: string, variable: string): string | null {
  return process.env[variable] ?? Bun.which(name)
}

async function main(wanted: readonly string[]): Promise<number> {
  const isWanted = (group: string) => wanted.length === 0 || wanted.includes(group)
  const checks: Record<string, Check> = {}
  const skipped: string[] = []
  if (isWanted('agents')) {
    for (const [name, variable, make] of [
      ['claude', 'ENGRAM_TEST_CLAUDE', claudeChecks],
      ['codex', 'ENGRAM_TEST_CODEX', codexChecks],
    ] as const) {
      const program = installed(name, variable)
      if (program) Object.assign(checks, make(program))
      else skipped.push(`${name} (not on the PATH, and ${variable} names none)`)
    }
  }
  let failed = 0
  const run = async ([name, check]: [string, Check]) => {
    const startedAt = performance.now()
    try {
      await check()
      console.log(`ok       ${name}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    } catch (error) {
      failed++
      console.log(`FAILED   ${name}\n         ${(error as Error).message}`)
    }
  }
  for (const entry of Object.entries(checks)) await run(entry)
  // Nothing but waiting: all at the same time.
  if (isWanted('silences')) await Promise.all(Object.entries(SILENCES).map(run))
  for (const what of skipped) console.log(`skipped  ${what}`)
  return failed === 0 ? 0 : 1
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
