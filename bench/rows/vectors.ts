import { openInstall, until } from '../../daemon/fixtures/executable.ts'
import { DAEMON_CPU } from '../load/rig.ts'
import { percentile, sorted, summarize } from '../statistics.ts'
import { type Bench, ms, type Row } from './row.ts'
import { importStatements, search, settled, statusOf, timesOf } from './store.ts'

export const MEMORIES = 10_000
const PROBE_EVERY_MS = 50

/**
 * How fast vectors follow ten thousand imported memories on one processor, and how long a question's own
 * vector waits behind them.
 *
 * @returns the rows, and the home that holds the memories now, stopped: a template for other measurements
 */
export async function measureVectors({
  executable,
  corpus,
  say,
}: Omit<Bench, 'template'>): Promise<{ rows: Row[]; home: string; remove: () => Promise<void> }> {
  const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error' })
  const served = await install.serve({ cpu: DAEMON_CPU })
  await until('it is ready', async () => (await fetch(`${served.url}/ready`)).ok)
  say(`importing ${MEMORIES} memories`)
  const importing = performance.now()
  await importStatements(served, corpus, 0, MEMORIES)
  const importSeconds = (performance.now() - importing) / 1000

  const first = await statusOf(served)
  const started = performance.now()
  const behind: string[] = []
  let last = first
  let lastAt = started
  let asked = 0
  while (last.embedding.embedded < last.embedding.total) {
    behind.push(await search(served, corpus.question(asked++)))
    await Bun.sleep(PROBE_EVERY_MS)
    if (asked % 10 !== 0) continue
    last = await statusOf(served)
    lastAt = performance.now()
  }
  const perSecond =
    (last.embedding.embedded - first.embedding.embedded) / ((lastAt - started) / 1000)
  await settled(served)
  const idle: string[] = []
  for (let i = 0; i < 100; i++) idle.push(await search(served, corpus.question(asked++)))

  const alone = summarize((await timesOf(served, idle)).map(({ embedMs }) => embedMs))
  const waiting = (await timesOf(served, behind)).map(({ embedMs }) => embedMs)
  const waits = sorted(waiting.map((time) => Math.max(0, time - alone.p50)))
  const p95 = percentile(waits, 0.95)
  await served.stop()
  const rows: Row[] = [
    {
      figure: `vectors that follow an import, minilm, one processor`,
      measured: `${perSecond.toFixed(0)}/s (imported ${(MEMORIES / importSeconds).toFixed(0)}/s)`,
      target: '≥ 300/s',
      ok: perSecond >= 300,
      values: { per_second: perSecond, import_per_second: MEMORIES / importSeconds },
    },
    {
      figure: "a question's vector waits behind them",
      measured: `p50 ${ms(percentile(waits, 0.5))}, p95 ${ms(p95)}, max ${ms(percentile(waits, 1))} (alone ${ms(alone.p50)}; ${waits.length} questions)`,
      target: 'p95 ≤ 15 ms',
      ok: p95 <= 15,
      values: { p50: percentile(waits, 0.5), p95, max: percentile(waits, 1), alone_p50: alone.p50 },
    },
  ]
  return { rows, home: install.home, remove: () => install.remove() }
}
