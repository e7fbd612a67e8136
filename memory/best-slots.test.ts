import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BestSlots } from './best-slots.ts'

describe('the best slots', () => {
  test('are those of a sorted list, of equals the lower slot', () => {
    const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true }))
    fc.assert(
      fc.property(fc.array(value), fc.nat(12), (values, limit) => {
        const best = new BestSlots(limit)
        for (const [slot, offered] of values.entries()) best.offer(slot, offered)
        const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b)
        expect(best.toArray()).toEqual(sorted.slice(0, limit))
      }),
      { numRuns: 500, seed: 3 },
    )
  })

  test('what is no larger than the least changes nothing', () => {
    const best = new BestSlots(2)
    expect(best.least).toBe(-Infinity)
    best.offer(1, 5)
    best.offer(2, 7)
    expect(best.least).toBe(5)
    best.offer(3, 5)
    expect(best.toArray()).toEqual([2, 1])
    expect(new BestSlots(0).least).toBe(Infinity)
  })
})
