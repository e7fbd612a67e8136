import { openInstall } from '../../daemon/fixtures/executable.ts'
import { DAEMON_CPU } from '../load/rig.ts'
import { summarize } from '../statistics.ts'
import { type Bench, ms, type Row } from './row.ts'
import { importStatements, search, settled, timesOf, whenLoaded } from './store.ts'

const LIMITS_MS: Readonly<Record<number, number>> = { 1000: 1, 10000: 2, 100000: 8 }

/** Recall by size of the scope, without the embedding of the question: the part that grows. */
export async function measureRecallTime(bench: Bench): Promise<Row[]> {
  const { executable, corpus, quick, say } = bench
  const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000]
  const searches = quick ? 200 : 1_000
  const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error' })
  let served = await install.serve()
  for (const size of sizes) {
    say(`importing and embedding ${size} memories`)
    await importStatements(served, corpus, 0, size, `of-${size}`)
  }
  await settled(served, 1_800_000)
  await served.stop()
  served = await install.serve({ cpu: DAEMON_CPU })
  await settled(served)
  const rows: Row[] = []
  let asked = 0
  for (const size of sizes) {
    const namespace = `of-${size}`
    const ask = () => search(served, corpus.question(asked++), namespace)
    const [cold] = await timesOf(served, [await ask()])
    await whenLoaded(served, namespace)
    for (let i = 0; i < 50; i++) await ask()
    const receipts: string[] = []
    for (let i = 0; i < searches; i++) receipts.push(await ask())
    const found = summarize((await timesOf(served, receipts)).map(({ searchMs }) => searchMs))
    const limit = LIMITS_MS[size]!
    rows.push({
      figure: `recall among ${size.toLocaleString('en-US')} memories, without the question's embedding`,
      measured: `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}, p99 ${ms(found.p99)} (first after a start ${ms(cold!.searchMs)}${cold!.degraded ? ', by words' : ''})`,
      target: `p50 ≤ ${limit} ms`,
      ok: found.p50 <= limit,
      values: { p50: found.p50, p95: found.p95, p99: found.p99, first: cold!.searchMs },
    })
  }
  await served.stop()
  await install.remove()
  return rows
}
