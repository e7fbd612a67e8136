import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { EngramError, messageOf } from '../memory/errors.ts'

const BLOCK_BYTES = 1 << 18

/**
 * Opening a pipe waits for somebody who writes to it, and a device may never end: neither must be tried.
 *
 * @throws EngramError `invalid` for what is there and no file
 */
export function assertFile(path: string): void {
  if (statSync(path).isFile()) return
  throw new EngramError('invalid', `${path} is no file: a folder, a pipe or a device`)
}

/**
 * Makes sure that a file is the one that a fingerprint speaks of. A truncated or exchanged model would
 * otherwise load and give vectors that look right.
 *
 * @throws EngramError `unavailable` when the file is missing, damaged or another one, `invalid` when it is none.
 */
export function assertSha256(path: string, sha256: string): void {
  const actual = sha256Of(path)
  if (actual === sha256) return
  throw new EngramError(
    'unavailable',
    `${basename(path)} is damaged or another file: its SHA-256 begins ${actual.slice(0, 16)}, not ${sha256.slice(0, 16)}`,
  )
}

/** @throws EngramError `unavailable` when the file cannot be read, `invalid` when it is none. */
export function sha256Of(path: string): string {
  try {
    assertFile(path)
    return hashFile(path)
  } catch (cause) {
    if (cause instanceof EngramError) throw cause
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
