import { describe, expect, test } from 'bun:test'
import { type Asked, boundaryOf, companionShare, scoreOf } from './admit.ts'

const asked = (more: Partial<Asked> = {}): number =>
  boundaryOf({
    kind: 'memory',
    size: 200,
    intent: 'other',
    knownShare: 1,
    unknownNames: 0,
    textOnly: false,
    ...more,
  })

test('the score of a candidate at the boundary is one half', () => {
  expect(scoreOf(0.7, 0.7)).toBe(0.5)
  expect(scoreOf(2.1, 0.7)).toBeCloseTo(0.75)
  expect(scoreOf(0, 0.7)).toBe(0)
  expect(scoreOf(-1, 0.7)).toBe(0)
})

describe('the boundary', () => {
  test('grows with the store, up to a largest one', () => {
    const sizes = [0, 1, 3, 20, 100, 1_000, 100_000].map((size) => asked({ size }))
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
    expect(sizes[0]).toBe(sizes[1]!)
    expect(sizes.at(-1)).toBe(sizes.at(-2)!)
  })

  test('is lowest for advice, lower for questions about the user, in stores of some size', () => {
    const [advice, personal, other] = [
      asked({ intent: 'advice' }),
      asked({ intent: 'personal' }),
      asked({ intent: 'other' }),
    ]
    expect(advice).toBeLessThan(personal)
    expect(personal).toBeLessThan(other)
  })

  test('of turns does not depend on the intent', () => {
    const of = (intent: Asked['intent']) => asked({ kind: 'turn', intent })
    expect(of('advice')).toBe(of('other'))
  })

  test('is higher for words and names that nobody has used', () => {
    expect(asked({ knownShare: 0 })).toBeGreaterThan(asked())
    expect(asked({ unknownNames: 1 })).toBeGreaterThan(asked({ knownShare: 0 }))
    // A first memory knows hardly any word.
    expect(asked({ size: 1, knownShare: 0 })).toBe(asked({ size: 1 }))
    // "… in Rome?" asks for a preference that need not know Rome.
    const advice = { intent: 'advice', knownShare: 0 } as const
    expect(asked({ ...advice, unknownNames: 1 })).toBe(asked(advice))
  })

  test('is lower without vectors', () => {
    expect(asked({ textOnly: true })).toBeLessThan(asked())
  })
})

test('the fewer items are wanted, the nearer to the best they must be', () => {
  const shares = [1, 5, 6, 10, 20, 100].map(companionShare)
  expect(shares).toEqual(shares.toSorted((a, b) => b - a))
  expect(shares[0]).toBe(0.6)
  expect(shares.at(-1)).toBe(0.4)
})
