import { EngramError } from '../memory/errors.ts'

/** A vector in a quarter of its bytes: data × scale, within scale / 2 of the original in every place. */
export type Quantized = Readonly<{ data: Int8Array; scale: number }>

/** @throws EngramError `unavailable` when a number is not finite or all are zero: no vector at all. */
export function assertUsable(vector: Float32Array): void {
  const norm = normOf(vector)
  if (norm > 0 && norm < Number.POSITIVE_INFINITY) return
  throw new EngramError(
    'unavailable',
    `the embedding model gave ${norm === 0 ? 'a vector of zeros' : 'a vector that is not finite'}`,
  )
}

/**
 * The same direction with L2 norm 1, as a new array.
 *
 * @throws EngramError `unavailable` when there is no direction: zeros, or numbers that are not finite.
 */
export function toUnit(vector: Float32Array): Float32Array {
  assertUsable(vector)
  const norm = normOf(vector)
  return vector.map((x) => x / norm)
}

/**
 * Rounds to int8 with one scale for the vector: scale = max|v| / 127, data = round(v / scale).
 *
 * @throws EngramError `unavailable` for a vector of zeros or with numbers that are not finite.
 */
export function quantize(vector: Float32Array): Quantized {
  assertUsable(vector)
  let largest = 0
  for (const x of vector) largest = Math.max(largest, Math.abs(x))
  const scale = largest / 127
  return { data: Int8Array.from(vector, (x) => Math.round(x / scale)), scale }
}

/** Cosine of two vectors of equal length, unit or not, float or int8: a scale cancels out of it. */
export function cosine<V extends Float32Array | Int8Array>(a: V, b: V): number {
  let dot = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!
    const y = b[i]!
    dot += x * y
    squaresA += x * x
    squaresB += y * y
  }
  return dot / Math.sqrt(squaresA * squaresB)
}

function normOf(vector: Float32Array): number {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!
  return Math.sqrt(squares)
}
