import { describe, expect, test } from 'bun:test'
import { calibrated, calibrationOf, profileOf } from './calibration.ts'

describe('calibration', () => {
  test('takes one profile to the other', () => {
    const calibration = calibrationOf({ mean: 0.7, tail: 0.8 }, { mean: 0.05, tail: 0.25 })!
    expect(calibrated(0.7, calibration)).toBeCloseTo(0.05)
    expect(calibrated(0.8, calibration)).toBeCloseTo(0.25)
    expect(calibrated(0.9, calibration)).toBeCloseTo(0.45)
  })

  test.each([
    ['all the same', { mean: 0.5, tail: 0.5 }],
    ['nearly the same', { mean: 0.5, tail: 0.505 }],
    ['a tail below the middle', { mean: 0.5, tail: 0.4 }],
    ['no mean', { mean: Number.NaN, tail: 0.4 }],
    ['no tail', { mean: 0.5, tail: Number.NaN }],
  ])('there is none for a model that does not tell texts apart: %s', (_, profile) => {
    expect(calibrationOf(profile, { mean: 0, tail: 0.2 })).toBeNull()
  })

  test('a profile is the mean, and the mean of the largest two in a hundred', () => {
    const cosines = Array.from({ length: 100 }, (_, i) => i / 100)
    const { mean, tail } = profileOf(cosines.toReversed())
    expect(mean).toBeCloseTo(0.495)
    expect(tail).toBeCloseTo(0.985)
    expect(() => profileOf(cosines.slice(0, 49))).toThrow(RangeError)
  })
})
