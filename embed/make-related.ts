/**
 * Makes `models/related/words.txt` from the table of `static`: for each English word of its vocabulary, as a
 * search term, the terms whose vectors point nearly the same way.
 *
 *   bun embed/make-related.ts    takes about two minutes; the result is committed
 */
import { writeFileSync } from 'node:fs'
import { stem } from '../memory/stem.ts'
import { STOP_WORDS } from '../memory/words.ts'
import { readStaticModel } from './static.ts'

/** Below this cosine two words share a subject rather than a meaning: docs/retrieval.md. */
const MIN_COSINE = 0.6
const MAX_RELATED = 16
const DIMENSIONS = 256
const models = new URL('./models/', import.meta.url).pathname

const { table, vocabulary } = readStaticModel({
  tablePath: `${models}static-256/table.i8`,
  scalesPath: `${models}static-256/scales.f32`,
  tokenizerPath: `${models}all-MiniLM-L6-v2/tokenizer.json`,
})
const pieces = [...vocabulary].filter(([word]) => /^[a-z]{3,}$/.test(word) && !STOP_WORDS.has(word))
const rows = pieces.map(([, id]) => {
  const row = Float32Array.from(table.subarray(id * DIMENSIONS, (id + 1) * DIMENSIONS))
  const length = Math.hypot(...row) || 1
  return row.map((x) => x / length)
})

const related = new Map<string, Map<string, number>>()
const relate = (a: string, b: string, cosine: number) => {
  const others = related.getOrInsertComputed(a, () => new Map())
  others.set(b, Math.max(others.get(b) ?? 0, cosine))
}
for (let a = 0; a < rows.length; a++) {
  for (let b = a + 1; b < rows.length; b++) {
    let cosine = 0
    for (let i = 0; i < DIMENSIONS; i++) cosine += rows[a]![i]! * rows[b]![i]!
    if (cosine < MIN_COSINE) continue
    const [left, right] = [stem(pieces[a]![0]), stem(pieces[b]![0])]
    if (left === right) continue
    relate(left, right, cosine)
    relate(right, left, cosine)
  }
}

const byName = (a: readonly [string, unknown], b: readonly [string, unknown]) =>
  a[0] < b[0] ? -1 : 1
const lines = [...related].sort(byName).map(([term, others]) => {
  const closest = [...others].sort((a, b) => b[1] - a[1] || byName(a, b)).slice(0, MAX_RELATED)
  return `${term} ${closest.map(([other, cosine]) => `${other}:${Math.round(cosine * 100)}`).join(' ')}\n`
})
writeFileSync(`${models}related/words.txt`, lines.join(''))
console.log(`${lines.length} terms`)
