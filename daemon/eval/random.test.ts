import { expect, test } from 'bun:test'
import { randomFrom, shuffled } from './random.ts'

test('a seed gives the same numbers, another seed others, all of them from 0 to 1', () => {
  const numbers = (seed: number) => {
    const next = randomFrom(seed)
    return Array.from({ length: 1_000 }, next)
  }
  expect(numbers(1)).toEqual(numbers(1))
  expect(numbers(1)).not.toEqual(numbers(2))
  expect(Math.min(...numbers(3))).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers(3))).toBeLessThan(1)
  expect(numbers(4).reduce((sum, x) => sum + x, 0) / 1_000).toBeCloseTo(0.5, 1)
})

test('shuffling keeps every item, leaves the given list alone and puts each item anywhere', () => {
  const items = [...'abcdef']
  expect(shuffled(items, randomFrom(1)).toSorted()).toEqual(items)
  expect(items).toEqual([...'abcdef'])
  const firsts = new Set(Array.from({ length: 100 }, (_, i) => shuffled(items, randomFrom(i))[0]))
  expect(firsts.size).toBe(6)
})
