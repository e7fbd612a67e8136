import { until } from '../../daemon/fixtures/executable.ts'
import { summarize } from '../statistics.ts'
import { type Bench, megabytes, ms, type Row } from './row.ts'
import { openCopy, search, settled, statusOf } from './store.ts'
import { MEMORIES } from './vectors.ts'

/** Starting with ten thousand memories, and what the process then holds. */
export async function measureStart(bench: Bench): Promise<Row[]> {
  const install = await openCopy(bench)
  const times = bench.quick ? 5 : 20
  const ready: number[] = []
  const listening: number[] = []
  let rss = 0
  let warm = 0
  for (let i = 0; i < times; i++) {
    const startedAt = performance.now()
    const served = await install.serve()
    listening.push(served.startMs)
    await until('it is ready', async () => (await fetch(`${served.url}/ready`)).ok)
    ready.push(performance.now() - startedAt)
    if (i === times - 1) {
      await settled(served)
      rss = (await statusOf(served)).rss_bytes
      for (let n = 0; n < 200; n++) await search(served, bench.corpus.question(n))
      warm = (await statusOf(served)).rss_bytes
    }
    await served.stop()
  }
  const versions: number[] = []
  for (let i = 0; i < times; i++) {
    const startedAt = performance.now()
    await install.run(['--version'])
    versions.push(performance.now() - startedAt)
  }
  await install.remove()
  const [start, listens, version] = [summarize(ready), summarize(listening), summarize(versions)]
  return [
    {
      figure: `start to ready, ${MEMORIES.toLocaleString('en-US')} memories, minilm loaded`,
      measured: `p50 ${ms(start.p50)}, max ${ms(start.max)} (answers after ${ms(listens.p50)}; ${times} starts)`,
      target: '≤ 300 ms',
      ok: start.p50 <= 300,
      values: { p50: start.p50, max: start.max, listening_p50: listens.p50 },
    },
    {
      figure: 'engram --version',
      measured: `p50 ${ms(version.p50)}, max ${ms(version.max)}`,
      target: '≤ 60 ms',
      ok: version.p50 <= 60,
      values: { p50: version.p50, max: version.max },
    },
    {
      figure: 'resident memory when idle, minilm loaded',
      measured: `${megabytes(rss)} (${megabytes(warm)} after 200 searches)`,
      target: '≤ 220 MB',
      ok: rss <= 220e6,
      values: { rss, after_searches: warm },
    },
  ]
}
