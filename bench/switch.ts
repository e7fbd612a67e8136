/**
 * Measures what changing the embedding model costs the questions that come meanwhile, with 100,000 memories.
 *
 *   npm run bench:switch                about ten minutes
 *   npm run bench:switch -- --quick     5,000 memories
 *   npm run bench:switch -- --json
 *
 * Exit code 1 when a figure misses its target.
 */
import { parseArgs } from 'node:util'
import { builtExecutable } from '../daemon/fixtures/executable.ts'
import { openCorpus } from './corpus.ts'
import { describeMachine } from './machine.ts'
import { measureSwitch } from './rows/switch.ts'
import { printTable } from './table.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const executable = builtExecutable()
const machine = describeMachine(executable)
const rows = await measureSwitch({
  executable,
  corpus: openCorpus(),
  quick: values.quick,
  say: (line) => console.error(line),
})
if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, rows }, null, 2))
else printTable(rows, `${machine.engram}, ${machine.processor}`)
process.exit(rows.every(({ ok }) => ok !== false) ? 0 : 1)
