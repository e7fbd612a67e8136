import type { PoolingMode } from './sentence-model.ts'

/**
 * One vector from those of a text's tokens (sentence-transformers, models/Pooling.py).
 *
 * @param rows width numbers a token, one token behind the other
 * @param from first token that counts for means and maxima; those before it are a prefix that does not
 * @returns width numbers a mode
 */
export function pool(
  rows: Float32Array,
  width: number,
  modes: readonly PoolingMode[],
  from: number,
): Float32Array {
  const count = rows.length / width
  const pooled = new Float32Array(width * modes.length)
  for (const [i, mode] of modes.entries()) {
    const into = pooled.subarray(i * width, (i + 1) * width)
    switch (mode) {
      case 'cls':
        into.set(rows.subarray(0, width))
        break
      case 'lasttoken':
        into.set(rows.subarray((count - 1) * width))
        break
      case 'max':
        into.fill(Number.NEGATIVE_INFINITY)
        for (let row = from * width; row < rows.length; row += width) {
          for (let d = 0; d < width; d++) into[d] = Math.max(into[d]!, rows[row + d]!)
        }
        break
      default:
        addWeighted(rows, width, from, into, mode)
    }
  }
  return pooled
}

function addWeighted(
  rows: Float32Array,
  width: number,
  from: number,
  into: Float32Array,
  mode: 'mean' | 'mean_sqrt_len' | 'weightedmean',
): void {
  let weights = 0
  for (let token = from; token * width < rows.length; token++) {
    // Later tokens of a model that reads from left to right have seen more.
    const weight = mode === 'weightedmean' ? token + 1 : 1
    weights += weight
    const row = token * width
    for (let d = 0; d < width; d++) into[d]! += weight * rows[row + d]!
  }
  const divisor = mode === 'mean_sqrt_len' ? Math.sqrt(weights) : weights
  for (let d = 0; d < width; d++) into[d]! /= divisor
}
