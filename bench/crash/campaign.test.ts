import { expect, setDefaultTimeout, test } from 'bun:test'
import { builtExecutable } from '../../daemon/fixtures/executable.ts'
import { type Phase, runCampaign } from './campaign.ts'

setDefaultTimeout(180_000)

/** A short campaign, of every phase; `npm run crash` runs two hundred rounds. */
const PHASES: readonly Phase[] = [
  'migration',
  'load',
  'work',
  'load',
  'start',
  'first start',
  'load',
]

test('kill -9 at random moments loses nothing acknowledged and doubles nothing', async () => {
  const seed = Date.now() % 1_000_000
  const log: string[] = []
  const report = await runCampaign({
    executable: builtExecutable(),
    rounds: PHASES.length,
    seed,
    phases: PHASES,
    log: (line) => log.push(line),
  })
  if (report.problems.length > 0) console.error(`seed ${seed}\n${log.join('\n')}`)
  expect(report.problems).toEqual([])
  expect(report.acknowledgedBeforeKill).toBeGreaterThan(0)
  expect(report.memories).toBeGreaterThan(0)
})
