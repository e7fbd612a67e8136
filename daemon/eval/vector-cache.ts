import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Embedder } from '../../memory/ports.ts'

/** Documents embedded before this run, by this one's model, and how many were embedded now. */
export type CacheUse = { read: number; made: number }

export type CachedDocuments = Readonly<{
  /** As the embedder's own, in the order given. */
  embedDocuments(texts: readonly string[]): Promise<(Float32Array | null)[]>
  use: CacheUse
  /** Writes what is new to disk. */
  save(): void
}>

/**
 * Vectors of documents, kept in a file per model so that the next run need not make them again. Questions
 * are never kept: embedding them is part of what is timed.
 *
 * The file: per entry 16 bytes of the text's SHA-256, one byte that says whether there is a vector, and the
 * vector as float32.
 */
export function cacheDocuments(embedder: Embedder, folder: string): CachedDocuments {
  const { dimensions, fingerprint } = embedder.model
  const name = createHash('sha256').update(fingerprint).digest('hex').slice(0, 16)
  const file = join(folder, `${name}-${dimensions}.vectors`)
  const known = readVectors(file, dimensions)
  const use: CacheUse = { read: 0, made: 0 }
  let grown = false
  return {
    use,
    async embedDocuments(texts) {
      const keys = texts.map(keyOf)
      const missing = new Map(
        keys.flatMap((key, i) => (known.has(key) ? [] : [[key, texts[i]!] as const])),
      )
      const made = await embedder.embedDocuments([...missing.values()])
      for (const [i, key] of [...missing.keys()].entries()) known.set(key, made[i] ?? null)
      use.made += missing.size
      use.read += texts.length - missing.size
      grown ||= missing.size > 0
      return keys.map((key) => known.get(key) ?? null)
    },
    save() {
      if (!grown) return
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      // Whole or not at all: a run that is cut off leaves the file of the one before.
      writeFileSync(`${file}.new`, toBytes(known, dimensions), { mode: 0o600 })
      renameSync(`${file}.new`, file)
      grown = false
    },
  }
}

const KEY_BYTES = 16

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('latin1').slice(0, KEY_BYTES)
}

function readVectors(file: string, dimensions: number): Map<string, Float32Array | null> {
  const vectors = new Map<string, Float32Array | null>()
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    // None yet, or one that cannot be read: the vectors are made again.
    return vectors
  }
  const size = KEY_BYTES + 1 + 4 * dimensions
  for (let at = 0; at + size <= bytes.length; at += size) {
    const key = bytes.toString('latin1', at, at + KEY_BYTES)
    const components = bytes.subarray(at + KEY_BYTES + 1, at + size)
    const vector = new Float32Array(new Uint8Array(components).buffer)
    vectors.set(key, bytes[at + KEY_BYTES] === 1 ? vector : null)
  }
  return vectors
}

function toBytes(vectors: ReadonlyMap<string, Float32Array | null>, dimensions: number): Buffer {
  const size = KEY_BYTES + 1 + 4 * dimensions
  const bytes = Buffer.alloc(vectors.size * size)
  let at = 0
  for (const [key, vector] of vectors) {
    bytes.write(key, at, 'latin1')
    if (vector) {
      bytes[at + KEY_BYTES] = 1
      bytes.set(
        new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
        at + KEY_BYTES + 1,
      )
    }
    at += size
  }
  return bytes
}
