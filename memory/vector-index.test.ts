import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createDotKernel } from './dot-kernel.ts'
import { VectorHeap } from './vector-heap.ts'
import { VectorIndex } from './vector-index.ts'

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
        expect(index.compare(unit(question)).cosine(0)).toBeCloseTo(cosine(a, question), 4)
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
    expect(index.compare(unit([1, 2, 3, 4])).cosine(3)).toBe(0)
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
    expect(index.compare(unit([1, 1, 1, 1])).nearest(5)).toEqual([])
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
        .compare(question)
        .nearest(limit, (slot) => !refused.includes(slot))
        .map(({ slot }) => slot)
    expect(nearest(9)).toEqual([0, 1, 2, 3])
    expect(nearest(2)).toEqual([0, 1])
    expect(nearest(2, [0, 2])).toEqual([1, 3])
    expect(index.compare(question).nearest(1)[0]!.cosine).toBeCloseTo(1)
  })

  test('an empty index has nothing near', () => {
    expect(new VectorIndex(8).compare(unit([1, 0, 0, 0, 0, 0, 0, 0])).nearest(5)).toEqual([])
    expect(new VectorIndex(0).compare(new Float32Array(0)).nearest(5)).toEqual([])
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

  test('finds the nearest, best first, with their cosines', () => {
    for (const question of questions) {
      const wanted = exact(question, 100)
      const best = index.compare(question).nearest(100)
      expect(best).toHaveLength(100)
      for (const [place, { slot, cosine: given }] of best.entries()) {
        expect(given).toBeCloseTo(wanted[place]!.cosine, 4)
        expect(given).toBeCloseTo(cosine(vectors[slot]!, question), 4)
      }
    }
  })

  test('what may not be found does not stand in the way of what may', () => {
    const question = questions[3]!
    const nearest = new Set(exact(question, 60).map(({ slot }) => slot))
    const passes = (slot: number) => !nearest.has(slot)
    const best = index.compare(question).nearest(100, passes)
    expect(best).toHaveLength(100)
    const slots = new Set(best.map(({ slot }) => slot))
    for (const slot of slots) expect(passes(slot)).toBe(true)
    for (const { slot } of exact(question, 10, passes)) expect(slots).toContain(slot)
  })

  test('removed vectors are not found', () => {
    const gone = new VectorIndex(DIMENSIONS)
    for (const [slot, vector] of vectors.entries()) gone.set(slot, vector)
    const [first] = exact(questions[5]!, 1)
    gone.delete(first!.slot)
    const best = gone.compare(questions[5]!).nearest(100)
    expect(best.map(({ slot }) => slot)).not.toContain(first!.slot)
  })

  test('cleared it holds nothing, and can be filled again', () => {
    const refilled = new VectorIndex(DIMENSIONS)
    for (const [slot, vector] of vectors.entries()) refilled.set(slot, vector)
    refilled.clear()
    expect([refilled.count, refilled.has(0)]).toEqual([0, false])
    expect(refilled.compare(questions[0]!).nearest(5)).toEqual([])
    refilled.set(3, vectors[3]!)
    expect(refilled.compare(unit(vectors[3]!)).nearest(5)).toMatchObject([{ slot: 3 }])
    expect(refilled.componentsOf(3)).toEqual(vectors[3]!)
  })
})

describe('memory of vectors', () => {
  const next = random(7)
  const vectorOf = (dimensions: number) =>
    Int8Array.from({ length: dimensions }, () => Math.round(254 * next() - 127))
  const heaps: [string, () => VectorHeap][] = [
    ['with the kernel', () => new VectorHeap()],
    ['without it', () => new VectorHeap(100, false)],
    ['that is soon full', () => new VectorHeap(2)],
  ]

  test('this machine runs the kernel', () => {
    expect(createDotKernel(new WebAssembly.Memory({ initial: 1 }))).not.toBeNull()
  })

  test.each(heaps)('%s: any dimensions and any number give exact cosines', (_, open) => {
    const heap = open()
    for (const dimensions of [1, 15, 16, 17, 40, 256, 384, 1_000, 3_072]) {
      const index = new VectorIndex(dimensions, heap)
      const vectors = Array.from({ length: dimensions > 500 ? 60 : 1_300 }, () =>
        vectorOf(dimensions),
      )
      for (const [slot, vector] of vectors.entries()) index.set(slot, vector)
      const question = unit(vectorOf(dimensions))
      const wanted = vectors
        .map((vector) => cosine(vector, question))
        .filter((value) => !Number.isNaN(value))
        .sort((a, b) => b - a)
      const best = index.compare(question).nearest(20)
      for (const [place, { slot, cosine: given }] of best.entries()) {
        expect(given).toBeCloseTo(wanted[place]!, 4)
        expect(index.compare(question).cosine(slot)).toBeCloseTo(given, 4)
        expect(index.componentsOf(slot)).toEqual(vectors[slot]!)
      }
      index.clear()
    }
  })

  test.each(heaps)('%s: the largest products do not run over', (_, open) => {
    const heap = open()
    for (const dimensions of [4, 384, 4_096]) {
      const index = new VectorIndex(dimensions, heap)
      index.set(0, new Int8Array(dimensions).fill(127))
      index.set(1, new Int8Array(dimensions).fill(-127))
      index.set(2, new Int8Array(dimensions).fill(-128))
      const all = unit(new Array(dimensions).fill(1))
      const cosines = index
        .compare(all)
        .nearest(3)
        .map(({ cosine: given }) => given)
      for (const [i, wanted] of [1, -1, -1].entries()) expect(cosines[i]).toBeCloseTo(wanted, 4)
      const single = unit(Array.from({ length: dimensions }, (_, i) => (i === 3 ? 1 : 0)))
      expect(index.compare(single).nearest(1)[0]!.cosine).toBeCloseTo(1 / Math.sqrt(dimensions), 4)
    }
  })

  test.each(heaps)('%s: indexes that come, grow and go keep apart', (_, open) => {
    const heap = open()
    const kept = Array.from({ length: 5 }, () => new Map<number, Int8Array>())
    const indexes = kept.map(() => new VectorIndex(48, heap))
    for (let step = 0; step < 6_000; step++) {
      const which = Math.floor(next() * kept.length)
      const slot = Math.floor(next() * (step % 7 === 0 ? 3_000 : 200))
      if (next() < 0.002) {
        indexes[which]!.clear()
        kept[which]!.clear()
      } else if (next() < 0.2) {
        indexes[which]!.delete(slot)
        kept[which]!.delete(slot)
      } else {
        const vector = vectorOf(48)
        indexes[which]!.set(slot, vector)
        kept[which]!.set(slot, vector)
      }
    }
    for (const [which, index] of indexes.entries()) {
      expect(index.count).toBe(kept[which]!.size)
      const question = unit(vectorOf(48))
      const found = index.compare(question).nearest(5_000)
      expect(found).toHaveLength(index.count)
      for (const { slot, cosine: given } of found) {
        expect(given).toBeCloseTo(cosine(kept[which]!.get(slot)!, question), 4)
      }
    }
  })

  test('what was given back is used again', () => {
    const heap = new VectorHeap()
    const first = heap.allocate(100_000)
    first.bytes().fill(7)
    first.release()
    first.release()
    const second = heap.allocate(100_000)
    expect(second.bytes()[50_000]).toBe(7)
    expect(heap.allocate(100_000).bytes()[50_000]).toBe(0)
  })
})
