/**
 * Measures recall by the number of memories, in the thread that answers it, up to a million in all scopes.
 *
 *   npm run bench:recall                a million; some minutes, 2 GB of disk for the while
 *   npm run bench:recall -- --quick     up to 100,000
 *   npm run bench:recall -- --json
 *
 * Exit code 1 when a figure misses its target.
 */
import { parseArgs } from 'node:util'
import { builtExecutable } from '../daemon/fixtures/executable.ts'
import { openCorpus } from './corpus.ts'
import { describeMachine } from './machine.ts'
import { measureRecallSize } from './rows/recall-size.ts'
import { printTable } from './table.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const machine = describeMachine(builtExecutable())
const rows = await measureRecallSize({
  corpus: openCorpus(),
  quick: values.quick,
  say: (line) => console.error(line),
})
if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, rows }, null, 2))
else printTable(rows, `${machine.engram}, ${machine.processor}`)
process.exit(rows.every(({ ok }) => ok !== false) ? 0 : 1)
