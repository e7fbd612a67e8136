import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { TermIndex } from './term-index.ts'

type Document = Readonly<{
  terms: readonly string[]
  speaker?: string | null
  dates?: readonly string[]
}>

function build(documents: readonly Document[]): TermIndex {
  const index = new TermIndex()
  for (const [slot, { terms, speaker = null, dates = [] }] of documents.entries()) {
    index.add(slot, terms, speaker, dates)
  }
  return index
}

/** Scores by slot, of those that have one. */
function scores(index: TermIndex, question: readonly string[]): Record<number, number> {
  const { slots } = index.score(question)
  return Object.fromEntries(Array.from(slots, (slot) => [slot, index.scoreOf(slot)]))
}

const idf = (documents: number, df: number) => Math.log(1 + (documents - df + 0.5) / (df + 0.5))

test('one plain occurrence in a document of average length scores the term’s idf', () => {
  const index = build([{ terms: ['tea', 'x'] }, { terms: ['rum', 'y'] }])
  expect(scores(index, ['tea'])[0]).toBeCloseTo(idf(2, 1), 5)
  expect(index.score(['tea']).ideal).toBeCloseTo(idf(2, 1), 5)
})

test('scores follow the formula of BM25', () => {
  const index = build([{ terms: ['tea', 'tea', 'x'] }, { terms: ['tea'] }, { terms: ['y', 'y'] }])
  const average = 6 / 3
  const bm25 = (count: number, length: number) => {
    const frequency = count / (1 - 0.75 + (0.75 * length) / average)
    return (idf(3, 2) * 2.2 * frequency) / (1.2 + frequency)
  }
  const found = scores(index, ['tea'])
  expect(found[0]).toBeCloseTo(bm25(2, 3), 5)
  expect(found[1]).toBeCloseTo(bm25(1, 1), 5)
  expect(Object.keys(found)).toEqual(['0', '1'])
})

test('a rare term weighs more than a common one', () => {
  const index = build([{ terms: ['tea', 'a'] }, { terms: ['rum', 'a'] }, { terms: ['gin', 'a'] }])
  const found = scores(index, ['tea', 'a'])
  expect(found[0]!).toBeGreaterThan(found[1]! * 2)
})

test('a term that nobody has raises the ideal and scores nothing', () => {
  const index = build([{ terms: ['tea'] }])
  const { ideal, slots } = index.score(['unknown'])
  expect(slots).toHaveLength(0)
  expect(ideal).toBeCloseTo(idf(1, 0.5), 5)
  expect(index.score(['tea', 'unknown']).ideal).toBeGreaterThan(index.score(['tea']).ideal)
})

test('nothing scores in an empty index, or for an empty question', () => {
  expect(new TermIndex().score(['tea']).slots).toHaveLength(0)
  expect(build([{ terms: ['tea'] }]).score([])).toEqual({ slots: new Int32Array(0), ideal: 0 })
})

test('scores of one question do not reach into the next', () => {
  const index = build([{ terms: ['tea'] }, { terms: ['rum'] }])
  const first = scores(index, ['tea'])
  scores(index, ['rum', 'tea'])
  expect(scores(index, ['tea'])).toEqual(first)
  expect(index.scoreOf(1)).toBe(0)
  expect(index.scoreOf(99)).toBe(0)
})

test('a neighbour’s words count for less, a neighbour’s neighbour’s for less again', () => {
  const index = build([{ terms: ['a'] }, { terms: ['b'] }, { terms: ['tea'] }, { terms: ['c'] }])
  for (let slot = 0; slot < 4; slot++) index.link(slot, slot - 1, slot < 3 ? slot + 1 : -1)
  const found = scores(index, ['tea'])
  const expected = (frequency: number) => (idf(4, 1) * 2.2 * frequency) / (1.2 + frequency)
  expect(found[2]).toBeCloseTo(expected(1), 5)
  expect(found[1]).toBeCloseTo(expected(0.35), 5)
  expect(found[3]).toBeCloseTo(expected(0.35), 5)
  expect(found[0]).toBeCloseTo(expected(0.15), 5)
  expect([index.previousOf(0), index.nextOf(0), index.previousOf(99)]).toEqual([-1, 1, -1])
})

test('who spoke and the date are fields of their own', () => {
  const index = build([
    { terms: ['x'], speaker: 'ann', dates: ['8', 'mai', '2023'] },
    { terms: ['y'], speaker: 'ben', dates: ['9', 'mai', '2023'] },
    { terms: ['z'] },
  ])
  expect(Object.keys(scores(index, ['ann']))).toEqual(['0'])
  expect(Object.keys(scores(index, ['mai']))).toEqual(['0', '1'])
  expect(index.speakersOf(['ann', 'x', 'ben', 'eve'])).toEqual(['ann', 'ben'])
  expect(index.isSpokenBy(0, 'ann')).toBe(true)
  expect(index.isSpokenBy(1, 'ann')).toBe(false)
  expect(index.isSpokenBy(2, 'ann')).toBe(false)
  expect(index.isSpokenBy(2, 'nobody')).toBe(false)
})

test('a removed document scores nothing and counts for nothing', () => {
  const documents: Document[] = [
    { terms: ['tea', 'green'], speaker: 'ann', dates: ['8', 'mai', '2023'] },
    { terms: ['tea', 'black', 'tea'], speaker: 'ben', dates: ['9', 'june', '2024'] },
    { terms: [] },
  ]
  const index = build(documents)
  index.remove(1, documents[1]!.terms, 'ben', documents[1]!.dates!)
  index.remove(1, documents[1]!.terms, 'ben', documents[1]!.dates!)
  const without = build([documents[0]!, documents[2]!])
  expect(index.documents).toBe(2)
  for (const question of [['tea'], ['black'], ['ben'], ['june'], ['green', 'ann', '2023']]) {
    expect(index.score(question).ideal).toBe(without.score(question).ideal)
    expect(scores(index, question)[0]).toBe(scores(without, question)[0]!)
    expect(scores(index, question)[1]).toBeUndefined()
  }
  expect(index.has('tea')).toBe(true)
  expect(index.has('black')).toBe(false)
  expect(index.speakersOf(['ben'])).toEqual([])
  expect(index.isSpokenBy(1, 'ben')).toBe(false)
})

test('an index that lost documents equals one that never had them', () => {
  const word = fc.constantFrom('tea', 'rum', 'gin', 'ale', 'ann', 'mai')
  const document = fc.record({
    terms: fc.array(word, { maxLength: 6 }),
    speaker: fc.option(word),
    dates: fc.uniqueArray(word, { maxLength: 3 }),
    kept: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.array(document, { maxLength: 120 }),
      fc.uniqueArray(word, { minLength: 1 }),
      (documents, question) => {
        const index = build(documents)
        for (const [slot, { terms, speaker, dates, kept }] of documents.entries()) {
          if (!kept) index.remove(slot, terms, speaker, dates)
        }
        const kept = documents.flatMap((document, slot) => (document.kept ? [slot] : []))
        const fresh = build(kept.map((slot) => documents[slot]!))
        expect(index.score(question).ideal).toBe(fresh.score(question).ideal)
        const [left, right] = [scores(index, question), scores(fresh, question)]
        expect(Object.keys(left)).toHaveLength(Object.keys(right).length)
        for (const [at, slot] of kept.entries()) expect(left[slot]).toBe(right[at]!)
        expect(index.speakersOf(question)).toEqual(fresh.speakersOf(question))
        for (const term of question) expect(index.has(term)).toBe(fresh.has(term))
      },
    ),
    { numRuns: 200, seed: 13 },
  )
})

test('a document with more repeats than 16 bits hold still scores', () => {
  const index = build([{ terms: Array<string>(70_000).fill('tea') }, { terms: ['rum'] }])
  expect(scores(index, ['tea'])[0]).toBeGreaterThan(0)
})

test('slots may come in any order and with gaps', () => {
  const index = new TermIndex()
  for (const slot of [500, 3, 70_000]) index.add(slot, ['tea'], null, [])
  expect(Object.keys(scores(index, ['tea']))).toEqual(['3', '500', '70000'])
})
