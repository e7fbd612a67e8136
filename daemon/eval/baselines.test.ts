import { describe, expect, test } from 'bun:test'
import { createBaselines } from './baselines.ts'

const TEXTS = [
  'She adopted a cat in the spring',
  'The cats slept while the other cat watched',
  'We painted the fence',
  'He bought paint',
]
const unit = (x: number, y: number) => Float32Array.of(x, y).map((v) => v / Math.hypot(x, y))
const VECTORS = [unit(1, 0), unit(1, 1), null, unit(0, 1)]
const baselines = createBaselines(TEXTS, VECTORS, [3, 2, 1, 0])

describe('BM25', () => {
  test('finds by stems: the text that says it twice first, the others not at all', () => {
    expect(baselines.bm25('Which cats?')).toEqual([1, 0])
    expect(baselines.bm25('painting')).toEqual([3, 2])
    expect(baselines.bm25('dinosaur')).toEqual([])
  })

  test('takes no heed of words that carry no topic, unless there are no others', () => {
    expect(baselines.bm25('What was it that the fence did?')).toEqual([2])
    expect(baselines.bm25('while the other')[0]).toBe(1)
  })
})

test('cosine ranks all that have a vector', () => {
  expect(baselines.cosine(unit(1, 0.1))).toEqual([0, 1, 3])
})

test('fusion adds 1 / (60 + rank) of both', () => {
  expect(
    baselines.rrf([
      [0, 1, 2],
      [1, 3],
    ]),
  ).toEqual([1, 0, 3, 2])
})

test('equal scores stand in the order that was drawn, not in that of storing', () => {
  const twins = ['green tea', 'green tea', 'green tea']
  const order = (ties: number[]) => createBaselines(twins, [], ties).bm25('green tea')
  expect(order([2, 0, 1])).toEqual([1, 2, 0])
  expect(order([0, 1, 2])).toEqual([0, 1, 2])
})
