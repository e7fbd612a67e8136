import { expect, test } from 'bun:test'
import { openCorpus } from './corpus.ts'

const corpus = openCorpus()

test('statements repeat with their number, and no two are alike', () => {
  const some = Array.from({ length: 2_000 }, (_, n) => corpus.statement(n))
  expect(new Set(some).size).toBe(2_000)
  expect(corpus.statement(17)).toBe(some[17]!)
})

test('some words are in many statements and most in few', () => {
  const counts = new Map<string, number>()
  for (let n = 0; n < 2_000; n++) {
    for (const word of new Set(corpus.statement(n).match(/[a-z]{4,}/g))) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  }
  const drawn = [...counts].filter(([word]) => !/^(?:user|keeps|near|prefers|over)$/.test(word))
  const often = drawn.filter(([, count]) => count > 100).length
  const rare = drawn.filter(([, count]) => count < 5).length
  expect(often).toBeGreaterThan(3)
  expect(rare).toBeGreaterThan(drawn.length / 2)
})

test('questions are short and differ', () => {
  const some = Array.from({ length: 500 }, (_, n) => corpus.question(n))
  expect(new Set(some).size).toBe(500)
  for (const question of some) expect(question.length).toBeLessThan(120)
})
