/**
 * `kill -9` at random moments on the release executable: nothing acknowledged is lost, no fact is there twice.
 *
 *   npm run crash                     200 rounds
 *   npm run crash -- 1000 --seed 42   other numbers
 *
 * Every operation is noted in a ledger by the client that sent it. After each kill the database is examined
 * on a copy, the executable started again, what the client never saw the end of sent again by half of the
 * clients, and all of it compared. Exit code 1 when something is wrong.
 */
import { parseArgs } from 'node:util'
import { builtExecutable } from '../daemon/fixtures/executable.ts'
import { runCampaign } from './crash/campaign.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, json: { type: 'boolean', default: false } },
})
const rounds = wholeNumber('the number of rounds', positionals[0] ?? '200')
const seed = wholeNumber('--seed', values.seed ?? String(Date.now() % 1_000_000))

const started = performance.now()
const say = values.json ? console.error : console.log
say(`kill -9, ${rounds} rounds, seed ${seed}`)
const report = await runCampaign({ executable: builtExecutable(), rounds, seed, log: say })
const seconds = Math.round((performance.now() - started) / 1000)

if (values.json) console.log(JSON.stringify({ seed, seconds, ...report }, null, 2))
else {
  const { phases, operations, acknowledgedBeforeKill, memories, restartMs, problems } = report
  console.log(
    `\nkilled    ${Object.entries(phases)
      .map(([phase, n]) => `${n} × ${phase}`)
      .join(', ')}`,
  )
  for (const [kind, { sent, acknowledged }] of Object.entries(operations)) {
    console.log(`${kind.padEnd(18)}${sent} sent, ${acknowledged} acknowledged`)
  }
  console.log(`${acknowledgedBeforeKill} acknowledged when killed, ${memories} memories at the end`)
  console.log(
    `restart to first acknowledged write  p50 ${restartMs.p50.toFixed(0)} ms, p95 ${restartMs.p95.toFixed(0)} ms, max ${restartMs.max.toFixed(0)} ms`,
  )
  console.log(
    problems.length === 0
      ? `nothing acknowledged lost, nothing there twice, every database whole (${seconds} s)`
      : `${problems.length} PROBLEMS (repeat with --seed ${seed})\n${problems.join('\n')}`,
  )
}
process.exit(report.problems.length === 0 ? 0 : 1)

function wholeNumber(what: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  console.error(`error: ${what} must be a whole number, got "${text}"`)
  process.exit(2)
}
