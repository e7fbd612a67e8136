import { openInstall } from '../../daemon/fixtures/executable.ts'
import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import { generate } from '../load/rig.ts'
import { type Bench, ms, type Row } from './row.ts'
import { embeddingsOf, importStatements, settled, statusOf, useModel } from './store.ts'
import { MEMORIES } from './vectors.ts'

/** Of ten seconds, a sample each 20 ms; some are late. */
const FULL_WINDOW = 400

/**
 * How long the event loop keeps requests waiting while ten thousand memories get vectors of another model and
 * forty exchanges a second are learned from.
 */
export async function measureLag({ executable, corpus, mock, quick, say }: Bench): Promise<Row[]> {
  const install = await openInstall(executable, {
    ...upstreamEnv(mock.origins[0]),
    ENGRAM_LOG_LEVEL: 'error',
  })
  const served = await install.serve({ env: { ENGRAM_EMBEDDING_MODEL: 'static' } })
  await importStatements(served, corpus, 0, MEMORIES)
  await settled(served)
  say('embedding them again with minilm, under load')
  await useModel(served, 'minilm')
  const seconds = quick ? 15 : 40
  const headers = { 'x-engram-key': install.key() }
  const facts = (n: number) => `I enjoy the novels of ${corpus.statement(n).split(' ').at(-1)}`
  const chats = Array.from({ length: 200 }, (_, n) =>
    JSON.stringify({ model: 'mock', messages: [{ role: 'user', content: facts(n) }] }),
  )
  const captures = Array.from({ length: 20 * seconds }, (_, n) =>
    JSON.stringify({ user_message: facts(n + 1_000), assistant_response: 'I see.' }),
  )
  const steady = { kind: 'steady', perSecond: 20, seconds } as const
  const load = Promise.all([
    generate({
      ...steady,
      target: { url: `${served.url}/v1/chat/completions`, headers },
      bodies: chats,
    }),
    generate({
      ...steady,
      target: { url: `${served.url}/memories/capture?wait=0`, headers },
      bodies: captures,
    }),
  ])
  let isOver = false
  void load.finally(() => {
    isOver = true
  })
  let [p99, max, windows, embedded] = [0, 0, 0, 0]
  while (!isOver) {
    await Bun.sleep(1_000)
    const { event_loop_lag_ms: lag } = await statusOf(served)
    const { next, embedded: inForce } = await embeddingsOf(served)
    embedded = next?.filled ?? inForce
    max = Math.max(max, lag.max)
    // Of a window that is not full, the 99th percentile is but the largest.
    if (lag.samples < FULL_WINDOW) continue
    windows++
    p99 = Math.max(p99, lag.p99)
  }
  const failures = (await load).reduce((sum, measured) => sum + measured.failures, 0)
  await served.kill()
  await install.remove()
  return [
    {
      figure: 'event loop lag while extracting and embedding again',
      measured: `p99 ${ms(p99)} in the worst ten seconds, max ${ms(max)} (${embedded} vectors, ${40 * seconds} exchanges, ${failures} failed)`,
      target: 'p99 ≤ 20 ms',
      ok: p99 <= 20 && failures === 0,
      values: { p99, max, windows, embedded, failures },
    },
  ]
}
