/**
 * The full flow on the release executable, as a new user would see it: every step with what it saw, then a
 * summary as JSON. Exit code 1 when a step failed.
 *
 *   npm run verify               all parts
 *   npm run verify -- demo mcp   these parts
 */
import { builtExecutable } from '../daemon/fixtures/executable.ts'
import { demo } from './verify/demo.ts'
import { isolation } from './verify/isolation.ts'
import { killed } from './verify/killed.ts'
import { mcp } from './verify/mcp.ts'
import { createReport, type Part } from './verify/report.ts'
import { transfer } from './verify/transfer.ts'
import { trouble } from './verify/trouble.ts'
import { vendors } from './verify/vendors.ts'

const PARTS: Readonly<Record<string, Part>> = {
  demo,
  killed,
  trouble,
  vendors,
  mcp,
  isolation,
  transfer,
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in PARTS))
if (unknown.length > 0) {
  console.error(`error: no part ${unknown.join(', ')}: choose of ${Object.keys(PARTS).join(', ')}`)
  process.exit(2)
}

const report = createReport()
const executable = builtExecutable()
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  await report.run(name, (open) => part({ step: report.step, open }), executable)
}
const summary = report.summary()
console.log(`\n${JSON.stringify(summary, null, 2)}`)
process.exit(summary.ok ? 0 : 1)
