import { describe, expect, test } from 'bun:test'
import { factorOf, fuse, LARGEST_FACTOR, traitsOf } from './rank.ts'

describe('a fused score', () => {
  test('is the share of words and 1.2 times the cosine', () => {
    expect(fuse(0.5, 0.5)).toBeCloseTo(1.1)
    expect(fuse(0, 1)).toBeCloseTo(1.2)
    expect(fuse(1, 0)).toBe(1)
  })

  test('is not lowered by a cosine below zero', () => {
    expect(fuse(0.5, -1)).toBe(0.5)
  })
})

describe('the factor of a document', () => {
  const MAY_2023 = Date.UTC(2023, 4, 8)
  const nothing = traitsOf('what tea?')
  const user = { role: 'user', at: MAY_2023 } as const

  test('is 1 when nothing favours it', () => {
    expect(factorOf(user, true, false, nothing)).toBe(1)
  })

  test('is lower for what the user did not say', () => {
    for (const role of ['assistant', 'tool', 'system'] as const) {
      expect(factorOf({ ...user, role }, false, false, nothing)).toBeCloseTo(1 / 1.5)
    }
  })

  test('is higher for who is named', () => {
    expect(factorOf(user, false, true, nothing)).toBeCloseTo(1.4)
  })

  test('is higher for a text that says when, only if that is asked', () => {
    expect(factorOf(user, true, false, traitsOf('when was it?'))).toBeCloseTo(1.15)
    expect(factorOf(user, false, false, traitsOf('when was it?'))).toBe(1)
  })

  test.each([
    ['in May 2023', 1.5],
    ['in May', 1.5],
    ['in 2023', 1.5],
    ['in May 2022', 1],
    ['in June 2023', 1],
    ['in June', 1],
    ['in 2022', 1],
  ])('of a day in May 2023, asked what happened %s, is %p', (question, factor) => {
    expect(factorOf(user, false, false, traitsOf(question))).toBe(factor)
  })

  test('is never above the largest factor', () => {
    const all = factorOf(user, true, true, traitsOf('when in May 2023?'))
    expect(all).toBeCloseTo(1.4 * 1.15 * 1.5)
    expect(all).toBeLessThan(LARGEST_FACTOR)
  })
})
