import { describe, expect, test } from 'bun:test'
import { calibrated, profileOf, UNCHANGED } from '../memory/calibration.ts'
import type { Embedder } from '../memory/ports.ts'
import { calibrate, MINILM_PROFILE, probe } from './calibrate.ts'
import { PATHS } from './fixtures/paths.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import { openMiniLm } from './minilm.ts'
import { defaultEmbedderName } from './open.ts'
import { PROBE_PAIRS } from './probe.ts'
import { openStatic } from './static.ts'
import { toUnit } from './vector.ts'

const hasOnnx = defaultEmbedderName(process) === 'minilm'

/** An embedder whose every vector is that of `static`, changed. */
function changed(change: (vector: Float32Array) => Float32Array): Embedder {
  const plain = openStatic(PATHS)
  return {
    model: { ...plain.model, name: 'changed', fingerprint: 'changed' },
    state: () => plain.state(),
    whenLoaded: () => plain.whenLoaded(),
    embedQuery: async (text, signal) => change(await plain.embedQuery(text, signal)),
    embedDocuments: async (texts, signal) =>
      (await plain.embedDocuments(texts, signal)).map((vector) => vector && change(vector)),
    close: () => plain.close(),
  }
}

/** Adds a part that all vectors share, so that all cosines are high, as they are with some models. */
const crowded = (share: number) => (vector: Float32Array) => {
  const shifted = Float32Array.from(vector)
  shifted[0]! += share
  return toUnit(shifted)
}

describe.skipIf(!hasOnnx)('the reference', () => {
  test('is what minilm says of the probe, and minilm’s cosines stay as they are', async () => {
    const embedder = openMiniLm(PATHS)
    const { related, unrelated } = await probe(embedder)
    const { mean, tail } = profileOf(unrelated)
    expect(mean).toBeCloseTo(MINILM_PROFILE.mean, 2)
    expect(tail).toBeCloseTo(MINILM_PROFILE.tail, 2)
    // Most answers stand out from what is irrelevant: the probe is about something.
    const standing = related.filter((cosine) => cosine > tail)
    expect(standing.length / related.length).toBeGreaterThan(0.7)
    expect(await calibrate(embedder)).toEqual(UNCHANGED)
    await embedder.close()
  })
})

describe('calibration', () => {
  test.each([
    ['static', openStatic(PATHS)],
    ['a model with all cosines high', changed(crowded(1.5))],
    ['a model with all cosines very high', changed(crowded(3))],
  ])('%s: middle and tail of the unrelated come to lie where minilm’s are', async (_, embedder) => {
    const calibration = await calibrate(embedder)
    const { unrelated } = await probe(embedder)
    const { mean, tail } = profileOf(unrelated.map((cosine) => calibrated(cosine, calibration)))
    expect(mean).toBeCloseTo(MINILM_PROFILE.mean, 5)
    expect(tail).toBeCloseTo(MINILM_PROFILE.tail, 5)
    expect(calibration.scale).toBeGreaterThan(0)
  })

  test('the order of what is found stays', async () => {
    const embedder = changed(crowded(2))
    const calibration = await calibrate(embedder)
    const { unrelated } = await probe(embedder)
    const order = (values: readonly number[]) =>
      values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!)
    expect(order(unrelated.map((cosine) => calibrated(cosine, calibration)))).toEqual(
      order(unrelated),
    )
  })

  test.each([
    ['gives one vector for everything', () => Float32Array.of(1, 0)],
    ['gives nearly one vector for everything', crowded(1_000)],
  ])('a model that %s is refused', async (_, change) => {
    expect(await rejectionOf(calibrate(changed(change)))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('does not tell'),
    })
  })

  test('a model that puts answers farther away is refused', async () => {
    // Queries and documents point in opposite directions.
    const plain = openStatic(PATHS)
    const backwards: Embedder = {
      ...changed((vector) => vector),
      embedQuery: async (text) => (await plain.embedQuery(text)).map((x) => -x),
    }
    expect(await rejectionOf(calibrate(backwards))).toMatchObject({ code: 'invalid' })
  })

  test('a model that reads next to nothing is refused', async () => {
    const plain = openStatic(PATHS)
    const blind: Embedder = {
      ...changed((vector) => vector),
      embedQuery: (text) => plain.embedQuery(text.startsWith('W') ? '…' : text),
    }
    expect(await rejectionOf(calibrate(blind))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('cannot read most'),
    })
  })

  test('the probe has no text twice', () => {
    const texts = PROBE_PAIRS.flat()
    expect(new Set(texts).size).toBe(texts.length)
  })
})
