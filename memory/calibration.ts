/**
 * Puts the cosines of a model on the scale of `minilm`, for which the fused score and the admission are tuned:
 * `scale × cosine + offset`.
 *
 * Models differ in what unrelated texts are to each other: around 0.03 with `minilm`, 0.75 with some. Taken as
 * they are, the cosines of such a model would admit nearly everything; what it changes for the built-in ones is
 * measured by `npm run bench:calibration`. A line is enough, since it can move the middle and the width of a
 * distribution, and it keeps the order of what is found.
 */
export type Calibration = Readonly<{ scale: number; offset: number }>

/** That of `minilm` itself. */
export const UNCHANGED: Calibration = { scale: 1, offset: 0 }

export function calibrated(cosine: number, { scale, offset }: Calibration): number {
  return scale * cosine + offset
}

/** What a model says of pairs of unrelated texts. */
export type CosineProfile = Readonly<{
  mean: number
  /** Mean of the largest 2 %: how near something irrelevant comes to a question that meets a lot of it. */
  tail: number
}>

export const TAIL_SHARE = 0.02

/**
 * The line that takes one profile to the other. Middle and tail of the unrelated are what is matched, because
 * admission asks whether a hit stands out from them.
 *
 * @returns null when the model does not tell texts apart
 */
export function calibrationOf(model: CosineProfile, reference: CosineProfile): Calibration | null {
  const width = model.tail - model.mean
  if (!(width > SMALLEST_WIDTH)) return null
  const scale = (reference.tail - reference.mean) / width
  return { scale, offset: reference.mean - scale * model.mean }
}

/** Real models have 0.05 to 0.3; below it rounding to int8 would decide. */
const SMALLEST_WIDTH = 0.01

/** @throws RangeError for fewer than fifty cosines: the tail would be a single one */
export function profileOf(cosines: readonly number[]): CosineProfile {
  const tailed = Math.floor(cosines.length * TAIL_SHARE)
  if (tailed < 1) throw new RangeError(`a profile of ${cosines.length} cosines`)
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  return {
    mean: mean(cosines),
    tail: mean(cosines.toSorted((a, b) => a - b).slice(-tailed)),
  }
}
