import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { EngramError, messageOf } from '../memory/errors.ts'

const BLOCK_BYTES = 1 << 18

/**
 * Makes sure that a file is the one that a fingerprint speaks of. A truncated or exchanged model would
 * otherwise load and give vectors that look right.
 *
 * @throws EngramError `unavailable` when the file is missing, damaged or another one.
 */
export function assertSha256(path: string, sha256: string): void {
  const actual = sha256Of(path)
  if (actual === sha256) return
  throw new EngramError(
    'unavailable',
    `${basename(path)} is damaged or another file: its SHA-256 begins ${actual.slice(0, 16)}, not ${sha256.slice(0, 16)}`,
  )
}

/** @throws EngramError `unavailable` when the file cannot be read. */
export function sha256Of(path: string): string {
  try {
    return hashFile(path)
  } catch (cause) {
    throw new EngramError('unavailable', `cannot read a model file: ${messageOf(cause)}`, { cause })
  }
}

/** In blocks, so that a model of 23 MB never stands in the heap. */
function hashFile(path: string): string {
  const hash = createHash('sha256')
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const bytes = readSync(file, block)
      if (bytes === 0) return hash.digest('hex')
      hash.update(block.subarray(0, bytes))
    }
  } finally {
    closeSync(file)
  }
}
