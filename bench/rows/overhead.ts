import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import type { Target } from '../load/generator.ts'
import { DAEMON_CPU, generate } from '../load/rig.ts'
import { type Added, compare } from '../statistics.ts'
import { type Bench, ms, type Row } from './row.ts'
import { openCopy, settled } from './store.ts'

const SYSTEM = 'You are a helpful assistant who answers briefly and to the point. '.repeat(26)
/** Rounds before each series, not counted; the first is also for what is compiled while it runs. */
const WARM_UP = 100
const FIRST_WARM_UP = 2_500
/**
 * Between requests that are learned from: people read an answer before they go on. One after the other, the
 * figure would say how long it takes to learn, since question and vectors share the one processor.
 */
const READING_MS = 40

type Arms = Readonly<{ direct: number[]; other: number[] }>
type Series = Record<'control' | 'bypass' | 'read' | 'on' | 'first byte', Arms>

/**
 * What the proxy adds: each request once to the provider directly and once through Engram, in the order
 * ABBA, at concurrency 1, over several starts of the daemon. `control` compares two ports of the provider
 * with each other: what it shows is noise.
 */
export async function measureOverhead(bench: Bench, embedder: 'minilm' | 'static'): Promise<Row[]> {
  const { mock, corpus, quick, random } = bench
  const restarts = quick ? 1 : 5
  const allRounds = quick ? 150 : 300
  const install = await openCopy(bench, {
    ...upstreamEnv(mock.origins[0]),
    ENGRAM_EMBEDDING_MODEL: embedder,
  })
  const series = Object.fromEntries(
    ['control', 'bypass', 'read', 'on', 'first byte'].map((name) => [
      name,
      { direct: [], other: [] },
    ]),
  ) as unknown as Series
  let asked = 0
  for (let restart = 0; restart < restarts; restart++) {
    const served = await install.serve({ cpu: DAEMON_CPU })
    await served.ask('PATCH', '/users/me/config', { retrieval_threshold: 0 })
    await settled(served)
    const direct: Target = { url: `${mock.origins[0]}/v1/chat/completions`, headers: {} }
    const control: Target = { url: `${mock.origins[1]}/v1/chat/completions`, headers: {} }
    const via = (mode: string): Target => ({
      url: `${served.url}/v1/chat/completions`,
      headers: { 'x-engram-key': install.key(), 'x-engram-memory': mode },
    })
    const run = async (
      arms: readonly Target[],
      { stream = false, pauseMs = 0, rounds = allRounds, warmUp = WARM_UP } = {},
    ) => {
      const bodies = Array.from({ length: 2 * (rounds + warmUp) }, () =>
        body(corpus.question(asked++), stream),
      )
      const order = {
        kind: 'arms',
        arms,
        bodies,
        rounds,
        warmUp,
        pauseMs,
        toFirstByte: stream,
      } as const
      const { times, failures } = await generate(order)
      if (failures > 0) throw new Error(`${failures} requests were not answered with 2xx`)
      return times
    }
    const [bare, second, off] = await run([direct, control, via('off')], {
      warmUp: quick ? WARM_UP : FIRST_WARM_UP,
    })
    keep(series.control, bare!, second!)
    keep(series.bypass, bare!, off!)
    keep(series.read, ...pairOf(await run([direct, via('read')])))
    keep(series['first byte'], ...pairOf(await run([direct, via('read')], { stream: true })))
    const paced = { pauseMs: READING_MS, rounds: allRounds / 3, warmUp: WARM_UP / 5 }
    keep(series.on, ...pairOf(await run([direct, via('on')], paced)))
    await settled(served)
    await served.stop()
  }
  await install.remove()

  const limit = embedder === 'minilm' ? 4 : 2
  const added = (name: keyof Series) => compare(series[name].direct, series[name].other, random)
  const row = (figure: string, of: Added, target: string, ok: boolean | null): Row => ({
    figure,
    measured: `p50 ${ms(of.p50)} [${of.p50Interval.map((edge) => edge.toFixed(2)).join(', ')}], p95 ${ms(of.p95)}, p99 ${ms(of.p99)} (${of.pairs} pairs, direct ${ms(of.first.p50)})`,
    target,
    ok,
    values: {
      p50: of.p50,
      p50_interval: of.p50Interval,
      p95: of.p95,
      p99: of.p99,
      direct_p50: of.first.p50,
      direct_p99: of.first.p99,
      pairs: of.pairs,
    },
  })
  const within = (of: Added, p50: number, p99: number) => of.p50 <= p50 && of.p99 <= p99
  const bypass = added('bypass')
  const read = added('read')
  const first = added('first byte')
  const on = added('on')
  const target = `p50 ≤ ${limit} ms, p99 ≤ 12 ms`
  return [
    ...(embedder === 'minilm'
      ? [
          row('A/A control: direct against direct', added('control'), '', null),
          row('added, memory off', bypass, 'p50 ≤ 0.5 ms, p99 ≤ 1.5 ms', within(bypass, 0.5, 1.5)),
        ]
      : []),
    row(
      `added with recall over 10,000 memories, ${embedder}`,
      read,
      target,
      within(read, limit, 12),
    ),
    row(
      `the same, to the first byte of a stream, ${embedder}`,
      first,
      target,
      within(first, limit, 12),
    ),
    row(
      `the same, ${READING_MS} ms apart and learned from, ${embedder}`,
      on,
      target,
      within(on, limit, 12),
    ),
  ]
}

function pairOf([direct, other]: readonly number[][]): [number[], number[]] {
  return [direct!, other!]
}

function keep(arms: Arms, direct: readonly number[], other: readonly number[]): void {
  arms.direct.push(...direct)
  arms.other.push(...other)
}

function body(question: string, stream: boolean): string {
  return JSON.stringify({
    model: 'mock',
    ...(stream ? { stream } : {}),
    messages: [
      { role: 'system', content: SYSTEM },
      { role: 'user', content: question },
    ],
  })
}
