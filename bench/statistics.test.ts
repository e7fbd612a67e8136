import { describe, expect, test } from 'bun:test'
import { seeded } from './random.ts'
import { bootstrap, compare, median, percentile, sorted, summarize } from './statistics.ts'

describe('percentiles', () => {
  test('are values that occur', () => {
    const ascending = sorted([5, 1, 4, 2, 3])
    expect([0, 0.2, 0.21, 0.5, 0.99, 1].map((share) => percentile(ascending, share))).toEqual([
      1, 1, 2, 3, 5, 5,
    ])
  })

  test('of nothing are not a number', () => {
    expect(percentile(sorted([]), 0.5)).toBeNaN()
  })
})

describe('a comparison of pairs', () => {
  test('finds what is added to every pair, however much the pairs differ', () => {
    const first = Array.from({ length: 500 }, (_, i) => i)
    const second = first.map((value) => value + 0.5)
    const added = compare(first, second, seeded(1))
    expect(added.p50).toBe(0.5)
    expect(added.p50Interval).toEqual([0.5, 0.5])
    expect(added.p99).toBe(0.5)
    expect(added.pairs).toBe(500)
  })

  test('is refused without pairs', () => {
    expect(() => compare([1], [1, 2], seeded(1))).toThrow('paired arms of 1 and 2 values')
    expect(() => compare([], [], seeded(1))).toThrow()
  })
})

test('the bootstrap interval holds the median of a skewed sample and narrows as it grows', () => {
  const random = seeded(7)
  const sample = (n: number) => Array.from({ length: n }, () => -Math.log(1 - random()))
  const width = (values: number[]) => {
    const [low, high] = bootstrap(values, median, random)
    const middle = median(sorted(values))
    expect(low).toBeLessThanOrEqual(middle)
    expect(high).toBeGreaterThanOrEqual(middle)
    return high - low
  }
  expect(width(sample(2_000))).toBeLessThan(width(sample(50)))
})

test('a summary counts and keeps the largest', () => {
  expect(summarize([3, 1, 2])).toEqual({ count: 3, p50: 2, p95: 3, p99: 3, max: 3 })
})

test('random numbers repeat with their seed', () => {
  const take = (seed: number) => Array.from({ length: 5 }, seeded(seed))
  expect(take(3)).toEqual(take(3))
  expect(take(3)).not.toEqual(take(4))
  for (const value of take(5)) expect(value >= 0 && value < 1).toBe(true)
})
