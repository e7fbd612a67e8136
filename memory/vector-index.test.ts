import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { backgroundOf, VectorIndex } from './vector-index.ts'

const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function unit(vector: ArrayLike<number>): Float32Array {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2
  return Float32Array.from(vector, (component) => component / Math.sqrt(squares))
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return dot / Math.sqrt(aa * bb)
}

describe('a small vector index', () => {
  test('gives the cosine of a slot to a question and to another slot', () => {
    const components = fc.array(fc.integer({ min: -127, max: 127 }), {
      minLength: 40,
      maxLength: 40,
    })
    const vector = components.filter((array) => array.some((component) => component !== 0))
    fc.assert(
      fc.property(vector, vector, vector, (a, b, question) => {
        const index = new VectorIndex(40)
        index.set(0, Int8Array.from(a))
        index.set(7, Int8Array.from(b))
        expect(index.cosine(0, unit(question))).toBeCloseTo(cosine(a, question), 4)
        expect(index.cosineBetween(0, 7)).toBeCloseTo(cosine(a, b), 4)
        expect(index.cosineBetween(7, 0)).toBeCloseTo(cosine(a, b), 4)
        expect(index.componentsOf(7)).toEqual(Int8Array.from(b))
      }),
      { numRuns: 100, seed: 1 },
    )
  })

  test('knows which slots hold a vector, and how many', () => {
    const index = new VectorIndex(4)
    expect(index.count).toBe(0)
    index.set(3, Int8Array.of(1, 2, 3, 4))
    index.set(3, Int8Array.of(4, 3, 2, 1))
    index.set(900, Int8Array.of(-1, 0, 0, 0))
    expect([index.has(2), index.has(3), index.has(900), index.has(99_999)]).toEqual([
      false,
      true,
      true,
      false,
    ])
    expect(index.count).toBe(2)
    index.delete(3)
    index.delete(3)
    index.delete(99_999)
    expect(index.count).toBe(1)
    expect(index.cosine(3, unit([1, 2, 3, 4]))).toBe(0)
    expect(index.cosineBetween(3, 900)).toBe(0)
    expect(index.sizeBytes).toBeGreaterThan(0)
  })

  test('zeros are no vector, and take a vector’s place', () => {
    const index = new VectorIndex(4)
    index.set(0, new Int8Array(4))
    index.set(0, new Int8Array(4))
    expect([index.has(0), index.count]).toEqual([false, 0])
    index.set(0, Int8Array.of(1, 1, 1, 1))
    index.set(0, new Int8Array(4))
    expect([index.has(0), index.count]).toEqual([false, 0])
    expect(index.nearest(unit([1, 1, 1, 1]), 5).best).toEqual([])
  })

  test('ranks by cosine, best first, as many as wanted of those that pass', () => {
    const index = new VectorIndex(2)
    for (const [slot, vector] of [
      [10, 0],
      [8, 6],
      [0, 10],
      [-10, 0],
    ].entries()) {
      index.set(slot, Int8Array.from(vector))
    }
    const question = unit([1, 0])
    const nearest = (limit: number, refused: readonly number[] = []) =>
      index
        .nearest(question, limit, {
          passes: (slot) => !refused.includes(slot),
          refused: refused.length,
        })
        .best.map(({ slot }) => slot)
    expect(nearest(9)).toEqual([0, 1, 2, 3])
    expect(nearest(2)).toEqual([0, 1])
    expect(nearest(2, [0, 2])).toEqual([1, 3])
    expect(index.nearest(question, 1).best[0]!.cosine).toBeCloseTo(1)
  })

  test('the background is of all vectors', () => {
    const index = new VectorIndex(2)
    index.set(0, Int8Array.of(100, 0))
    index.set(1, Int8Array.of(0, 100))
    const { background } = index.nearest(unit([1, 0]), 1)
    expect(background.mean).toBeCloseTo(0.5)
    expect(background.deviation).toBeCloseTo(0.5)
    expect(background.size).toBe(2)
  })

  test('an empty index has nothing near', () => {
    const nothing = { best: [], background: { mean: 0, deviation: 0, size: 0 } }
    expect(new VectorIndex(8).nearest(unit([1, 0, 0, 0, 0, 0, 0, 0]), 5)).toEqual(nothing)
    expect(new VectorIndex(0).nearest(new Float32Array(0), 5)).toEqual(nothing)
    expect(backgroundOf([])).toEqual(nothing.background)
  })
})

describe('a large vector index', () => {
  const DIMENSIONS = 96
  const COUNT = 5_000
  const next = random(42)
  /** Vectors around a few directions, as texts about a few subjects are. */
  const centres = Array.from({ length: 40 }, () =>
    Array.from({ length: DIMENSIONS }, () => next() - 0.5),
  )
  const vectors = Array.from({ length: COUNT }, (_, i) =>
    Int8Array.from(centres[i % 40]!, (c) => Math.round(127 * (0.6 * c + 0.6 * (next() - 0.5)))),
  )
  const index = new VectorIndex(DIMENSIONS)
  for (const [slot, vector] of vectors.entries()) index.set(slot, vector)
  const questions = Array.from({ length: 50 }, (_, i) =>
    unit(Array.from(centres[i % 40]!, (c) => 0.6 * c + 0.6 * (next() - 0.5))),
  )
  const exact = (question: Float32Array, limit: number, passes = (_slot: number) => true) =>
    vectors
      .map((vector, slot) => ({ slot, cosine: cosine(vector, question) }))
      .filter(({ slot }) => passes(slot))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, limit)

  test('finds at least 98 % of the ten nearest', () => {
    let found = 0
    for (const question of questions) {
      const near = new Set(index.nearest(question, 100).best.map(({ slot }) => slot))
      for (const { slot } of exact(question, 10)) if (near.has(slot)) found++
    }
    expect(found / (10 * questions.length)).toBeGreaterThanOrEqual(0.98)
  })

  test('ranks what it finds by the exact cosine', () => {
    const { best } = index.nearest(questions[0]!, 100)
    expect(best).toHaveLength(100)
    for (const { slot, cosine: given } of best) {
      expect(given).toBeCloseTo(cosine(vectors[slot]!, questions[0]!), 4)
    }
    const cosines = best.map(({ cosine }) => cosine)
    expect(cosines).toEqual(cosines.toSorted((a, b) => b - a))
  })

  test('what may not be found does not stand in the way of what may', () => {
    const question = questions[3]!
    const nearest = new Set(exact(question, 60).map(({ slot }) => slot))
    const passes = (slot: number) => !nearest.has(slot)
    const { best } = index.nearest(question, 100, { passes, refused: nearest.size })
    expect(best).toHaveLength(100)
    const slots = new Set(best.map(({ slot }) => slot))
    for (const slot of slots) expect(passes(slot)).toBe(true)
    const wanted = exact(question, 10, passes)
    expect(wanted.filter(({ slot }) => slots.has(slot)).length).toBeGreaterThanOrEqual(9)
  })

  test('the sampled background is near that of all', () => {
    const { background } = index.nearest(questions[1]!, 10)
    const all = backgroundOf(vectors.map((vector) => cosine(vector, questions[1]!)))
    expect(background.size).toBeGreaterThanOrEqual(500)
    expect(background.mean).toBeCloseTo(all.mean, 1)
    expect(background.deviation).toBeCloseTo(all.deviation, 1)
  })

  test('removed vectors are not found', () => {
    const gone = new VectorIndex(DIMENSIONS)
    for (const [slot, vector] of vectors.entries()) gone.set(slot, vector)
    const [first] = exact(questions[5]!, 1)
    gone.delete(first!.slot)
    const { best } = gone.nearest(questions[5]!, 100)
    expect(best.map(({ slot }) => slot)).not.toContain(first!.slot)
  })
})
