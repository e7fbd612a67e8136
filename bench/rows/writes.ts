import { openInstall, until } from '../../daemon/fixtures/executable.ts'
import { generate } from '../load/rig.ts'
import { summarize } from '../statistics.ts'
import { type Bench, ms, type Row } from './row.ts'

const CONNECTIONS = 64

/** Memories written by many at once, each acknowledged when it is on disk. */
export async function measureWrites({ executable, corpus, quick }: Bench): Promise<Row[]> {
  const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error' })
  const served = await install.serve()
  await until('it is ready', async () => (await fetch(`${served.url}/ready`)).ok)
  const target = { url: `${served.url}/memories`, headers: { 'x-engram-key': install.key() } }
  const bodies = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) =>
      JSON.stringify({ content: corpus.statement(from + i), category: 'general' }),
    )
  const count = quick ? 5_000 : 30_000
  await generate({ kind: 'flood', target, bodies: bodies(0, 1_000), connections: CONNECTIONS })
  const { times, seconds, failures } = await generate({
    kind: 'flood',
    target,
    bodies: bodies(1_000, 1_000 + count),
    connections: CONNECTIONS,
  })
  await served.kill()
  await install.remove()
  const found = summarize(times[0]!)
  const perSecond = (count - failures) / seconds
  return [
    {
      figure: `acknowledged memory writes, ${CONNECTIONS} connections`,
      measured: `${perSecond.toFixed(0)}/s, p50 ${ms(found.p50)}, p99 ${ms(found.p99)} (${count} writes, ${failures} failed)`,
      target: '≥ 2,000/s, p99 ≤ 50 ms',
      ok: perSecond >= 2_000 && found.p99 <= 50 && failures === 0,
      values: { per_second: perSecond, p50: found.p50, p99: found.p99, failures },
    },
  ]
}
