/**
 * Measures MCP on the release executable: how soon `engram mcp --stdio` answers, how long a search takes over
 * each transport with 10,000 memories, and whether 64 clients at once are ever given another's reply.
 *
 *   npm run bench:mcp                     everything: 100,000 calls of 64 clients
 *   npm run bench:mcp -- --calls 10000    fewer
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, openHome } from '../cli/fixtures/harness.ts'
import { GENERATIONS, type Target } from '../cli/fixtures/mcp-clients.ts'
import { crosstalk } from './mcp-crosstalk.ts'

const executable = join(
  import.meta.dir,
  '../dist',
  process.platform === 'win32' ? 'engram.exe' : 'engram',
)
const MEMORIES = 10_000
const SEARCHES = 300
const STARTS = 20

type Row = Readonly<{ what: string; measured: string; target: string; ok: boolean | null }>

async function main(args: readonly string[]): Promise<number> {
  const calls = Number(args[args.indexOf('--calls') + 1] ?? 0) || 100_000
  const rows: Row[] = []
  rows.push(...(await coldStarts()))
  rows.push(...(await searches()))
  rows.push(...(await crossed(calls)))
  const wide = Math.max(...rows.map(({ what }) => what.length))
  for (const { what, measured, target, ok } of rows) {
    const verdict = ok === null ? '' : ok ? 'ok' : 'MISSED'
    console.log(`${what.padEnd(wide)}  ${measured.padEnd(44)}  ${target.padEnd(12)}  ${verdict}`)
  }
  return rows.every(({ ok }) => ok !== false) ? 0 : 1
}

/** From the start of the process to the answer to `initialize`, with a daemon that runs and with none. */
async function coldStarts(): Promise<Row[]> {
  const home = openHome([executable])
  const times: Record<'none' | 'runs', number[]> = { none: [], runs: [] }
  try {
    for (let i = 0; i < STARTS; i++) {
      const with_ = i % 2 === 0 ? 'none' : 'runs'
      if (with_ === 'none') await home.engram(['stop'])
      times[with_].push(await timeToAnswer(home))
    }
  } finally {
    await home.close()
  }
  return (['none', 'runs'] as const).map((name) => ({
    what: `mcp --stdio, first answer, daemon ${name === 'none' ? 'not running' : 'running'}`,
    measured: figures(times[name]),
    target: 'p50 ≤ 300',
    ok: percentile(times[name], 0.5) <= 300,
  }))
}

async function timeToAnswer(home: ReturnType<typeof openHome>): Promise<number> {
  const from = performance.now()
  const child = home.start(['mcp', '--stdio'])
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'bench', version: '1' },
    },
  }
  child.stdin.write(`${JSON.stringify(message)}\n`)
  await child.stdin.flush()
  const reader = child.stdout.getReader()
  await reader.read()
  const took = performance.now() - from
  reader.releaseLock()
  child.stdin.end()
  await child.exited
  return took
}

async function searches(): Promise<Row[]> {
  return withServer(async ({ target, key, url }) => {
    await fill(url, key)
    const rows: Row[] = []
    // The first one warms the daemon up for all.
    for (const [round, generation] of [GENERATIONS[0]!, ...GENERATIONS].entries()) {
      const session = await generation.open(target(key))
      const times: number[] = []
      for (let i = 0; i < SEARCHES; i++) {
        const from = performance.now()
        const { isError } = await session.call('search_memories', { query: question(i) })
        if (isError) throw new Error('a search failed')
        if (i >= SEARCHES / 10) times.push(performance.now() - from)
      }
      await session.close()
      if (round === 0) continue
      const isStdio = generation.name.includes('stdio')
      rows.push({
        what: `search_memories, ${MEMORIES} memories, ${generation.name}`,
        measured: figures(times),
        target: isStdio ? 'p50 ≤ 5' : '',
        ok: isStdio ? percentile(times, 0.5) <= 5 : null,
      })
    }
    return rows
  })
}

async function crossed(calls: number): Promise<Row[]> {
  return withServer(async ({ url, key, home }) => {
    const result = await crosstalk({
      url,
      adminKey: key,
      stdio: (apiKey) => ({
        command: executable,
        env: environment(home, { ENGRAM_API_KEY: apiKey }),
      }),
      stdioArgs: [],
      clients: 64,
      calls,
      inFlight: 4,
      maxProcesses: 6,
      onProgress: (done) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${calls} calls`)
      },
    })
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
    const rate = Math.round(result.calls / result.seconds)
    return [
      {
        what: `replies that were another’s, 64 clients, ${result.calls} calls`,
        measured: `${result.crossed} crossed, ${result.missing} incomplete, ${result.errors.length} errors`,
        target: '0',
        ok: result.crossed + result.missing + result.errors.length === 0,
      },
      { what: 'calls answered, 64 clients', measured: `${rate}/s`, target: '', ok: null },
      ...result.errors.map((error) => ({ what: 'error', measured: error, target: '', ok: false })),
    ]
  })
}

type Server = Readonly<{
  url: string
  key: string
  home: string
  target: (key: string) => Target
}>

/** The executable as a daemon of its own, with the old transport as well. */
async function withServer<T>(work: (server: Server) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'engram-bench-mcp-'))
  const child = Bun.spawn([executable, 'serve', '--legacy-sse', '--json'], {
    cwd: path,
    env: environment(path, { ENGRAM_LOG_LEVEL: 'warn' }),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const [line] = await firstLine(child.stdout)
    const { url } = JSON.parse(line!) as { url: string }
    const key = (await Bun.file(join(path, 'local.key')).text()).trim()
    return await work({
      url,
      key,
      home: path,
      target: (as) => ({
        command: (args) => ({
          command: executable,
          args: ['mcp', '--stdio', ...args],
          env: environment(path),
        }),
        url,
        headers: { 'x-engram-key': as },
      }),
    })
  } finally {
    child.kill('SIGTERM')
    await child.exited
    rmSync(path, { recursive: true, force: true })
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  let text = ''
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk)
    // With --json the document may stand on several lines.
    try {
      JSON.parse(text)
      return [text]
    } catch {
      // more is to come
    }
  }
  throw new Error(`the daemon did not start: ${text}`)
}

async function fill(url: string, key: string): Promise<void> {
  const lines = Array.from({ length: MEMORIES }, (_, i) =>
    JSON.stringify({ content: statement(i), category: 'general' }),
  )
  const answer = await fetch(`${url}/memories/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'x-engram-key': key },
    body: lines.join('\n'),
  })
  if (!answer.ok) throw new Error(`import: ${answer.status} ${await answer.text()}`)
  for (;;) {
    const status = (await (
      await fetch(`${url}/status`, { headers: { 'x-engram-key': key } })
    ).json()) as { embedding: { embedded: number; total: number } }
    if (status.embedding.embedded === status.embedding.total) return
    await Bun.sleep(200)
  }
}

const PEOPLE = ['Nora', 'Imre', 'Sana', 'Tomas', 'Yuki', 'Priya', 'Luca', 'Aino', 'Omar', 'Zofia']
const VERBS = ['restores', 'collects', 'repairs', 'photographs', 'paints', 'sells', 'studies']
const THINGS = ['clocks', 'violins', 'maps', 'boats', 'lamps', 'ferns', 'radios', 'coins', 'kites']
const PLACES = ['Turku', 'Graz', 'Porto', 'Gdansk', 'Lyon', 'Bergen', 'Split', 'Cork', 'Ghent']

function statement(i: number): string {
  const of = <T>(list: readonly T[], k: number) => list[k % list.length]!
  return `${of(PEOPLE, i)} ${of(VERBS, i * 3)} ${of(THINGS, i * 7)} from ${1900 + (i % 120)} in ${of(PLACES, i * 5)}, piece ${i}`
}

function question(i: number): string {
  const of = <T>(list: readonly T[], k: number) => list[k % list.length]!
  return `who ${of(VERBS, i)} ${of(THINGS, i * 2)} near ${of(PLACES, i)} number ${i}`
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

function figures(times: readonly number[]): string {
  const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)]
  return `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, n ${times.length}`
}

process.exit(await main(process.argv.slice(2)))
