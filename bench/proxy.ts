/**
 * What the proxy costs and what it keeps, measured on the release executable.
 *
 *   npm run bench:proxy              every figure; about five minutes
 *   npm run bench:proxy -- --quick   a look
 *   npm run bench:proxy -- --json
 *
 * Exit code 1 when a figure misses its target. Every request that is timed through the proxy is paired with one
 * straight to the provider, in the order ABBA; the A/A control compares two ports of the provider with each
 * other and so shows what is noise. Provider and load share one processor, the daemon has another, in all arms;
 * only for the steady rate, which is not paired, may it have both.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { builtExecutable, openInstall, pinned, type Served } from '../daemon/fixtures/executable.ts'
import { upstreamEnv } from '../daemon/fixtures/recording-upstream.ts'
import { agentConversation, toBody } from '../daemon/proxy/rig/agent-conversation.ts'
import {
  CACHE_MODELS,
  type CacheModel,
  simulateCache,
} from '../daemon/proxy/rig/cache-simulator.ts'
import { DIALECTS, type Dialect, dialect } from '../daemon/proxy/rig/dialects.ts'
import type { Target } from './load/generator.ts'
import { DAEMON_CPU, GENERATOR_CPU, generate } from './load/rig.ts'
import { describeMachine } from './machine.ts'
import type { Measured, Order } from './proxy/load.ts'
import { seeded } from './random.ts'
import { ms, type Row } from './rows/row.ts'
import { settled } from './rows/store.ts'
import { type Added, compare, summarize } from './statistics.ts'

export type ProxyBench = Readonly<{
  /** dist/engram */
  executable: string
  /** Fewer repetitions: a look, not a result. */
  quick: boolean
  say: (line: string) => void
}>

const MEMORIES = 10_000

export async function measureProxy(bench: ProxyBench): Promise<Row[]> {
  const mock = await startMock()
  const install = await openInstall(bench.executable, {
    ...upstreamEnv(mock.origins[0]),
    ENGRAM_LOG_LEVEL: 'error',
  })
  try {
    const engram = await install.serve({ cpu: DAEMON_CPU })
    const rows: Row[] = []
    const report = (found: readonly Row[]) => {
      rows.push(...found)
      for (const { figure, measured } of found) bench.say(`${figure}: ${measured}`)
    }
    report(await measureAdded(bench, mock, engram))
    report(await measureStreams(bench, mock, engram))
    report(await measureCache(mock, engram))
    bench.say(`${MEMORIES.toLocaleString('en-US')} memories are stored and embedded …`)
    await storeMemories(engram)
    report(await measureRecall(bench, mock, engram))
    report(await measureRate(bench, engram))
    await engram.stop()
    return rows
  } finally {
    await install.remove()
    await mock.stop()
  }
}

type Mock = Awaited<ReturnType<typeof startMock>>

async function startMock() {
  const child = Bun.spawn(
    [...pinned(GENERATOR_CPU), process.execPath, join(import.meta.dir, 'proxy/mock.ts')],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  )
  const { value } = await child.stdout.getReader().read()
  const origins = JSON.parse(new TextDecoder().decode(value)) as [string, string]
  return {
    origins,
    async stop() {
      child.stdin.end()
      await child.exited
    },
  }
}

/** How long memory was asked so far, as /metrics counts it. */
async function lookups(engram: Served): Promise<{ seconds: number; count: number }> {
  const text = await (await engram.ask('GET', '/metrics')).text()
  const value = (name: string) =>
    Number(new RegExp(`^engram_proxy_prepare_seconds_${name} (\\S+)$`, 'm').exec(text)?.[1])
  return { seconds: value('sum'), count: value('count') }
}

async function load(order: Order): Promise<Measured> {
  const child = Bun.spawn(
    [...pinned(GENERATOR_CPU), process.execPath, join(import.meta.dir, 'proxy/load.ts')],
    { stdin: new Blob([JSON.stringify(order)]), stdout: 'pipe', stderr: 'inherit' },
  )
  const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
  if (code !== 0) throw new Error(`the load ended with ${code}`)
  return JSON.parse(out) as Measured
}

const straight = (asked: Dialect, origin: string, isStream: boolean): Target => ({
  url: origin + asked.path(isStream),
  headers: { [asked.key[0]]: asked.key[1] },
})
const through = (asked: Dialect, { url }: Served, isStream: boolean, memory: string): Target => ({
  url: url + asked.path(isStream),
  headers: { [asked.key[0]]: asked.key[1], 'x-engram-memory': memory },
})

function addedRow(figure: string, added: Added, target: string, ok: boolean | null): Row {
  const { p50, p50Interval, p95, p99, pairs, first } = added
  const interval = p50Interval.map((edge) => edge.toFixed(2)).join(', ')
  return {
    figure,
    measured: `p50 ${ms(p50)} [${interval}], p95 ${ms(p95)}, p99 ${ms(p99)} (${pairs} pairs, direct ${ms(first.p50)})`,
    target,
    ok,
    values: { p50, p50_interval: p50Interval, p95, p99, pairs, direct_p50: first.p50 },
  }
}

const random = seeded(1)

/** Every arm once on the way there and once on the way back, each way with a body of its own. */
async function pairs(
  arms: readonly Target[],
  rounds: number,
  warmUp: number,
  body: (number: number) => string,
  toFirstByte = false,
): Promise<number[][]> {
  const bodies = Array.from({ length: 2 * (rounds + warmUp) }, (_, i) => body(i))
  const order = { kind: 'arms', arms, bodies, rounds, warmUp, pauseMs: 0, toFirstByte } as const
  const { times, failures } = await generate(order)
  if (failures > 0) throw new Error(`${failures} requests were not answered with 2xx`)
  return times
}

/**
 * Rounds before each series, not counted: a daemon runs for days, and only after about 5,000 requests has the
 * engine compiled what it will. Until then its compiler takes turns with the daemon on the one processor.
 */
const WARM_UP = 2_500
const WARM_UP_QUICK = 100

/** One request after the other, with nothing for memory to do, on every wire; and with large prompts. */
async function measureAdded({ quick }: ProxyBench, mock: Mock, engram: Served): Promise<Row[]> {
  const warmUp = quick ? WARM_UP_QUICK : WARM_UP
  const rounds = quick ? 75 : 750
  const rows: Row[] = []
  for (const asked of DIALECTS) {
    const body = JSON.stringify(asked.body(SAID, false))
    const arms = [
      straight(asked, mock.origins[0], false),
      straight(asked, mock.origins[1], false),
      through(asked, engram, false, 'off'),
    ]
    const [direct, control, via] = await pairs(arms, rounds, warmUp, () => body)
    if (asked.name === 'openai chat') {
      rows.push(addedRow('A/A control', compare(direct!, control!, random), '', null))
    }
    const added = compare(direct!, via!, random)
    const ok = added.p50 <= 0.5 && added.p99 <= 1.5
    rows.push(addedRow(`added, memory off, ${asked.name}`, added, 'p50 ≤ 0.5 ms, p99 ≤ 1.5 ms', ok))
  }
  for (const asked of [dialect('openai chat'), dialect('anthropic messages')]) {
    for (const isStream of [true, false]) {
      rows.push(await measureLarge(asked, isStream, quick ? 25 : 200, warmUp / 5, mock, engram))
    }
  }
  for (const asked of DIALECTS) {
    const body = JSON.stringify(asked.body(SAID, true))
    const arms = [
      quickly(straight(asked, mock.origins[0], true)),
      quickly(through(asked, engram, true, 'off')),
    ]
    const [direct, via] = await pairs(arms, quick ? 50 : 250, warmUp / 5, () => body, true)
    const added = compare(direct!, via!, random)
    // Nagle's algorithm and delayed acknowledgements together cost 40 ms, when they meet.
    const late = via!.filter((took) => took >= 35 && took <= 45).length / via!.length
    const figure = addedRow(
      `added to the first token, ${asked.name}`,
      added,
      'p95 ≤ 2 ms, under 0.5 % near 40 ms',
      added.p95 <= 2 && late < 0.005,
    )
    rows.push({
      ...figure,
      measured: `${figure.measured}, ${(late * 100).toFixed(1)} % near 40 ms`,
      values: { ...figure.values, share_near_40_ms: late },
    })
  }
  return rows
}

const SAID = [{ role: 'user', text: 'Tell me of families. '.repeat(90) }] as const
const MUCH_SAID = [{ role: 'user', text: 'A long report, of many words. '.repeat(13_600) }] as const

/** A stream without pauses between its frames. */
const quickly = (target: Target): Target => ({
  ...target,
  headers: { ...target.headers, 'x-frame-ms': '0' },
})

/** A prompt of 400 KB, read by memory: up to the first token of a stream, or to the end of a whole answer. */
async function measureLarge(
  asked: Dialect,
  isStream: boolean,
  rounds: number,
  warmUp: number,
  mock: Mock,
  engram: Served,
): Promise<Row> {
  const body = JSON.stringify(asked.body(MUCH_SAID, isStream))
  const arms = [
    quickly(straight(asked, mock.origins[0], isStream)),
    quickly(through(asked, engram, isStream, 'read')),
  ]
  // By itself, so that what is cold does not count as a part of the lookup.
  await pairs(arms, warmUp, 0, () => body, isStream)
  const before = await lookups(engram)
  const [direct, via] = await pairs(arms, rounds, 0, () => body, isStream)
  const after = await lookups(engram)
  const added = compare(direct!, via!, random)
  const lookup = ((after.seconds - before.seconds) / (after.count - before.count)) * 1000
  const what = isStream ? 'added to the first token' : 'added to the whole answer'
  const figure = addedRow(
    `${what}, a prompt of ${Math.round(body.length / 1000)} KB, ${asked.name}`,
    added,
    'p50 ≤ 1.5 ms beside the lookup',
    added.p50 - lookup <= 1.5,
  )
  return {
    ...figure,
    measured: `${figure.measured}, of which the lookup in memory ${ms(lookup)}`,
    values: { ...figure.values, lookup },
  }
}

/** 128 streams at once: every byte of every stream, in its order. */
async function measureStreams({ quick }: ProxyBench, mock: Mock, engram: Served): Promise<Row[]> {
  const rows: Row[] = []
  for (const asked of DIALECTS) {
    const bodies = Array.from({ length: 128 }, (_, i) =>
      JSON.stringify(asked.body([{ role: 'user', text: `stream-${i}` }], true)),
    )
    const headers = { 'x-frame-ms': quick ? '5' : '20' }
    const at = (target: Target): Target => ({
      ...target,
      headers: { ...target.headers, ...headers },
    })
    const direct = await load({
      kind: 'at once',
      perSecond: 0,
      target: at(straight(asked, mock.origins[0], true)),
      bodies,
    })
    const via = await load({
      kind: 'at once',
      perSecond: 0,
      target: at(through(asked, engram, true, 'on')),
      bodies,
    })
    const exact = via.hashes.filter((hash, i) => hash === direct.hashes[i]).length
    rows.push({
      figure: `128 streams at once, ${asked.name}`,
      measured: `${exact} exact to the byte, ${via.failures} failed`,
      target: '128 exact',
      ok: exact === 128 && via.failures === 0,
      values: { exact, failures: via.failures },
    })
  }
  return rows
}

const WIRES: Readonly<Record<CacheModel, Dialect['name']>> = {
  'Anthropic explicit': 'anthropic messages',
  'Anthropic auto': 'anthropic messages',
  'OpenAI ≤ 5.5': 'openai chat',
  'GPT-5.6+': 'openai responses',
  Ollama: 'ollama chat',
}
const THINGS = (
  'fruit:mango colour:teal composer:Schubert mountain:Eiger sport:fencing cheese:Gruyère ' +
  'novel:Momo flower:gentian river:Aare painter:Klee instrument:oboe tree:larch island:Sardinia ' +
  'bird:kingfisher film:Amélie tea:Darjeeling museum:Beyeler language:Portuguese spice:cumin ' +
  'bakery:Kleiner'
)
  .split(' ')
  .map((pair) => pair.split(':') as [string, string])

/** What a cache reads of a chat of 20 turns, one with a loop of 10 tool steps, against the same without us. */
async function measureCache(mock: Mock, engram: Served): Promise<Row[]> {
  for (const [thing, name] of THINGS) {
    const content = `User’s favourite ${thing} is ${name}`
    await engram.ask('POST', '/memories', { content })
  }
  await settled(engram)
  const conversation = agentConversation({
    humanTurns: THINGS.length,
    toolSteps: (turn) => (turn === 7 ? 10 : 0),
    say: (turn) => `What is my favourite ${THINGS[turn]![0]}?`,
    systemBytes: 8_000,
    assistantBytes: 1_200,
    toolBytes: 1_000,
  })
  const rows: Row[] = []
  for (const model of CACHE_MODELS) {
    const asked = dialect(WIRES[model])
    const system = `${model} ${conversation.system}`
    const direct = conversation.requests.map((steps) =>
      JSON.stringify(toBody(model, system, steps)),
    )
    await fetch(`${mock.origins[0]}/recorded`, { method: 'POST' })
    const { url, headers } = through(asked, engram, false, 'on')
    let injected = 0
    for (const body of direct) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      await answer.arrayBuffer()
      if (Number(answer.headers.get('x-engram-memories-injected')) > 0) injected++
    }
    const via = (await (await fetch(`${mock.origins[0]}/recorded`)).json()) as string[]
    const [without, withUs] = [direct, via].map((bodies) =>
      simulateCache(
        model,
        bodies.map((body) => Buffer.from(body)),
      ),
    )
    const kept = withUs!.cachedBytes / without!.cachedBytes
    const percent = (share: number) => `${(share * 100).toFixed(1)} %`
    rows.push({
      figure: `read from the prompt cache, ${model}`,
      measured: `${percent(withUs!.share)} of the prompt, direct ${percent(without!.share)}; ${percent(kept)} of the bytes (memory in ${injected} of ${direct.length} requests)`,
      target: '≥ 99 % of the bytes that are read without us',
      ok: kept >= 0.99 && injected > 0,
      values: { share: withUs!.share, direct_share: without!.share, kept, injected },
    })
  }
  return rows
}

const WORDS =
  'amber basil cedar delta ember fjord grove hazel indigo jasper kelp lilac maple nectar onyx pearl quartz river saffron tulip umber violet willow xenon yarrow zinnia'.split(
    ' ',
  )
const word = (n: number) => WORDS[n % WORDS.length]!

async function storeMemories(engram: Served): Promise<void> {
  const lines = Array.from({ length: MEMORIES }, (_, n) => {
    const name = `${word(n)} ${word(n >> 3)} ${n}`
    return JSON.stringify({ content: `User keeps the ${name} in the ${word(n >> 6)} drawer` })
  })
  const answer = await engram.importLines(lines.join('\n'))
  const { imported } = (await answer.json()) as { imported: number }
  if (imported !== MEMORIES) throw new Error(`only ${imported} memories were imported`)
  await settled(engram)
}

const question = (n: number) => `Where do I keep the ${word(n)} ${word(n >> 3)} ${n % MEMORIES}?`
const recallBody = (n: number) =>
  JSON.stringify(dialect('openai chat').body([{ role: 'user', text: question(n * 7) }], false))

async function measureRecall({ quick }: ProxyBench, mock: Mock, engram: Served): Promise<Row[]> {
  const asked = dialect('openai chat')
  const warmUp = quick ? WARM_UP_QUICK : WARM_UP / 2
  const [direct, via] = await pairs(
    [straight(asked, mock.origins[0], false), through(asked, engram, false, 'read')],
    quick ? 100 : 750,
    warmUp,
    recallBody,
  )
  const added = compare(direct!, via!, random)
  const ok = added.p50 <= 4 && added.p99 <= 12
  return [addedRow('added with recall over 10,000 memories', added, 'p50 ≤ 4 ms, p99 ≤ 12 ms', ok)]
}

/** 500 requests a second, each with a recall over 10,000 memories, sent when they are due. */
async function measureRate({ quick }: ProxyBench, engram: Served): Promise<Row[]> {
  const perSecond = 500
  const seconds = quick ? 5 : 30
  // Not against a direct arm: what is asked here is whether the machine as a whole keeps up.
  if (pinned(DAEMON_CPU).length > 0) {
    Bun.spawnSync(['taskset', '-apc', `${GENERATOR_CPU},${DAEMON_CPU}`, String(engram.pid)])
  }
  const {
    times: took,
    failures,
    skipped,
  } = await load({
    kind: 'steady',
    target: through(dialect('openai chat'), engram, false, 'read'),
    bodies: Array.from({ length: perSecond * seconds }, (_, i) => recallBody(20_000 + i)),
    perSecond,
  })
  const { p50, p99 } = summarize(took)
  return [
    {
      figure: `500 requests a second for ${seconds} s, recall over 10,000 memories`,
      measured: `${failures} failed, ${skipped} without memory, p50 ${ms(p50)}, p99 ${ms(p99)}`,
      target: '0 failed, under 1 % without memory',
      ok: failures === 0 && skipped < 0.01 * perSecond * seconds,
      values: { failures, skipped, p50, p99 },
    },
  ]
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const executable = builtExecutable()
  const machine = describeMachine(executable)
  for (const [name, value] of Object.entries(machine)) console.error(`${name.padEnd(10)}${value}`)
  const rows = await measureProxy({
    executable,
    quick: values.quick,
    say: (line) => console.error(line),
  })
  if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, rows }, null, 2))
  else printTable(rows, values.quick)
  process.exit(rows.every(({ ok }) => ok !== false) ? 0 : 1)
}

function printTable(rows: readonly Row[], quick: boolean): void {
  const cells = rows.map(({ figure, measured, target, ok }) => [
    ok === null ? '' : ok ? 'ok' : 'MISS',
    figure,
    target,
    measured,
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((line) => line[column]!.length)))
  console.log(`\n${quick ? 'A quick look, ' : ''}${navigator.hardwareConcurrency} processors\n`)
  for (const line of cells) {
    const padded = line.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    console.log(padded.join('  ').trimEnd())
  }
}
