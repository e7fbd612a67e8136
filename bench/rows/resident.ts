import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import { generate } from '../load/rig.ts'
import { summarize } from '../statistics.ts'
import { type Bench, megabytes, ms, type Row } from './row.ts'
import { openCopy, settled, statusOf } from './store.ts'

const CHATS_PER_SECOND = 20
const SEARCHES_PER_SECOND = 20

/** Resident memory under steady load: chats that are learned from, and searches, over ten thousand memories. */
export async function measureResident(bench: Bench): Promise<Row[]> {
  const { corpus, quick, say } = bench
  const seconds = quick ? 20 : 600
  const install = await openCopy(bench, upstreamEnv(bench.mock.origins[0]))
  const served = await install.serve()
  await settled(served)
  say(`${seconds} s of steady load`)
  const headers = { 'x-engram-key': install.key() }
  const bodies = (from: number, make: (question: string) => object) =>
    Array.from({ length: 4_000 }, (_, n) => JSON.stringify(make(corpus.question(from + n))))
  const load = Promise.all([
    generate({
      kind: 'steady',
      perSecond: CHATS_PER_SECOND,
      seconds,
      target: { url: `${served.url}/v1/chat/completions`, headers },
      bodies: bodies(0, (content) => ({ model: 'mock', messages: [{ role: 'user', content }] })),
    }),
    generate({
      kind: 'steady',
      perSecond: SEARCHES_PER_SECOND,
      seconds,
      target: { url: `${served.url}/memories/search`, headers },
      bodies: bodies(10_000, (query) => ({ query })),
    }),
  ])
  let isOver = false
  void load.finally(() => {
    isOver = true
  })
  const samples: number[] = []
  while (!isOver) {
    await Bun.sleep(seconds * 20)
    samples.push((await statusOf(served)).rss_bytes)
  }
  const [chats, searches] = await load
  await served.kill()
  await install.remove()
  const at = (share: number) => samples[Math.floor(share * (samples.length - 1))]!
  const half = Math.max(...samples.slice(0, Math.ceil(samples.length / 2)))
  const whole = Math.max(...samples)
  const failures = chats!.failures + searches!.failures
  return [
    {
      figure: `resident memory after ${seconds} s of load`,
      measured: `${megabytes(at(1))} (after a tenth ${megabytes(at(0.1))}, half ${megabytes(at(0.5))}, most ${megabytes(whole)}; ${failures} failed)`,
      target: '≤ 400 MB, flat',
      ok: at(1) <= 400e6 && whole <= 1.1 * half && failures === 0,
      values: { rss: at(1), tenth: at(0.1), half: at(0.5), most: whole, samples },
    },
    {
      figure: `chats and searches under that load, ${CHATS_PER_SECOND} + ${SEARCHES_PER_SECOND} a second`,
      measured: [chats!, searches!]
        .map(({ times }) => summarize(times[0]!))
        .map(
          (found, i) => `${i === 0 ? 'chat' : 'search'} p50 ${ms(found.p50)}, p99 ${ms(found.p99)}`,
        )
        .join('; '),
      target: '',
      ok: null,
      values: {
        chat_p99: summarize(chats!.times[0]!).p99,
        search_p99: summarize(searches!.times[0]!).p99,
      },
    },
  ]
}
