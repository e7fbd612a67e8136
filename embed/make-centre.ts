/**
 * Makes `static-centre.json` from the table of `static` and `models/static-256/centre.txt`: where a sum over
 * ordinary English points whatever it says. Taken away from every text, it leaves what the text is about:
 * the cosine of two texts that have nothing in common goes from 0.5 to 0.1, as it is with MiniLM.
 *
 *   bun embed/make-centre.ts    the result is committed
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { DIMENSIONS, readStaticModel, sumOfPieces } from './static.ts'

const models = new URL('./models/', import.meta.url).pathname
const model = readStaticModel({
  tablePath: `${models}static-256/table.i8`,
  scalesPath: `${models}static-256/scales.f32`,
  tokenizerPath: `${models}all-MiniLM-L6-v2/tokenizer.json`,
})
const sum = sumOfPieces(model)

/** Sections of the file are kinds of text: each counts the same, however long it is. */
const sections = readFileSync(`${models}static-256/centre.txt`, 'utf8')
  .split(/^# .*$/m)
  .map((section) => section.split('\n').filter((line) => line.trim() !== ''))
  .filter((lines) => lines.length > 0)
const centre = new Float64Array(DIMENSIONS)
for (const lines of sections) {
  const total = new Float64Array(DIMENSIONS)
  let pieces = 0
  for (const line of lines) {
    const { vector, counted } = sum(line)
    for (let d = 0; d < DIMENSIONS; d++) total[d]! += vector[d]!
    pieces += counted
  }
  for (let d = 0; d < DIMENSIONS; d++) centre[d]! += total[d]! / pieces / sections.length
}
const rounded = [...centre].map((x) => Math.round(x * 10_000) / 10_000)
writeFileSync(
  new URL('./static-centre.json', import.meta.url).pathname,
  `${JSON.stringify(rounded)}\n`,
)
console.log(`length ${Math.hypot(...centre).toFixed(4)} from ${sections.length} kinds of text`)
