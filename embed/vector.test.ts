import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readReference } from './fixtures/paths.ts'
import { assertUsable, cosine, quantize, toUnit } from './vector.ts'

const usable = fc
  .array(fc.float({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 400 })
  .map((numbers) => Float32Array.from(numbers))
  .filter((vector) => vector.some((x) => Math.abs(x) > 1e-3))

test.each([
  ['zeros', [0, 0, 0], 'a vector of zeros'],
  ['nothing', [], 'a vector of zeros'],
  ['NaN', [0.5, Number.NaN], 'not finite'],
  ['infinity', [1, Number.NEGATIVE_INFINITY], 'not finite'],
])('a vector of %s is refused', (_, numbers, said) => {
  const vector = Float32Array.from(numbers)
  for (const refuse of [assertUsable, toUnit, quantize]) {
    expect(() => refuse(vector)).toThrow(
      expect.objectContaining({ code: 'unavailable', message: expect.stringContaining(said) }),
    )
  }
})

test('a unit vector has length 1 and the direction it had', () => {
  fc.assert(
    fc.property(usable, (vector) => {
      const unit = toUnit(vector)
      expect(Math.hypot(...unit)).toBeCloseTo(1, 5)
      expect(cosine(unit, vector)).toBeCloseTo(1, 5)
    }),
  )
})

describe('int8', () => {
  test('every number comes back within half a step', () => {
    fc.assert(
      fc.property(usable, (vector) => {
        const { data, scale } = quantize(vector)
        expect(Math.max(...data.map(Math.abs))).toBe(127)
        vector.forEach((x, i) => {
          expect(Math.abs(data[i]! * scale - x)).toBeLessThanOrEqual(scale * 0.500001)
        })
      }),
    )
  })

  test.each(['all-MiniLM-L6-v2', 'static-256'] as const)(
    'keeps the cosines between the reference texts of %s within 0.01',
    (model) => {
      const vectors = readReference(model).map(({ vector }) => vector)
      for (const a of vectors) {
        for (const b of vectors) {
          const rounded = cosine(quantize(a).data, quantize(b).data)
          expect(Math.abs(rounded - cosine(a, b))).toBeLessThan(0.01)
        }
      }
    },
  )
})
