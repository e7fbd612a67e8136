/**
 * Measures the release executable against the figures it is meant to hold, and prints a table.
 *
 *   npm run bench                          everything; about half an hour
 *   npm run bench -- --quick               a look, in a few minutes
 *   npm run bench -- overhead recall       these groups
 *   npm run bench -- --json > figures.json
 *
 * Exit code 1 when a figure misses its target. Times depend on the machine and on what else it does: the A/A
 * control shows how much is noise.
 */
import { parseArgs } from 'node:util'
import { builtExecutable } from '../daemon/fixtures/executable.ts'
import { openCorpus } from './corpus.ts'
import { startMock } from './load/rig.ts'
import { describeMachine } from './machine.ts'
import { seeded } from './random.ts'
import { measureLag } from './rows/lag.ts'
import { measureLearned } from './rows/learned.ts'
import { measureOverhead } from './rows/overhead.ts'
import { measureRecallSize } from './rows/recall-size.ts'
import { measureRecallTime } from './rows/recall-time.ts'
import { measureResident } from './rows/resident.ts'
import type { Bench, Row } from './rows/row.ts'
import { measureStart } from './rows/start.ts'
import { measureVectors } from './rows/vectors.ts'
import { measureWrites } from './rows/writes.ts'
import { printTable } from './table.ts'

const GROUPS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  overhead: (bench) => measureOverhead(bench, 'minilm'),
  'overhead-static': (bench) => measureOverhead(bench, 'static'),
  recall: measureRecallTime,
  'recall-size': measureRecallSize,
  lag: measureLag,
  writes: measureWrites,
  learned: measureLearned,
  start: measureStart,
  resident: measureResident,
}

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const names = ['vectors', ...Object.keys(GROUPS)]
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`error: no group ${unknown.join(', ')}: choose of ${names.join(', ')}`)
  process.exit(2)
}

const say = (line: string) => console.error(line)
const executable = builtExecutable()
const machine = describeMachine(executable)
for (const [name, value] of Object.entries(machine)) say(`${name.padEnd(10)}${value}`)
const mock = await startMock()
const rows: Row[] = []
const report = (group: string, found: readonly Row[]) => {
  rows.push(...found)
  for (const row of found) say(`${group}: ${row.figure}: ${row.measured}`)
}
const base = {
  executable,
  quick: values.quick,
  mock,
  corpus: openCorpus(),
  random: seeded(1),
  say: (line: string) => say(`  … ${line}`),
}
// Always: it makes the home with ten thousand memories that the others copy.
const { rows: vectorRows, home: template, remove } = await measureVectors(base)
report('vectors', vectorRows)
try {
  for (const [group, measure] of Object.entries(GROUPS)) {
    if (wanted.length > 0 && !wanted.includes(group)) continue
    report(group, await measure({ ...base, template }))
  }
} finally {
  await remove()
  await mock.stop()
}

if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, rows }, null, 2))
else {
  printTable(rows, `${values.quick ? 'A quick look; ' : ''}${machine.engram}, ${machine.processor}`)
}
process.exit(rows.every(({ ok }) => ok !== false) ? 0 : 1)
