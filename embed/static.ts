import { readFileSync } from 'node:fs'
import { EngramError, messageOf } from '../memory/errors.ts'
import type { Embedder, EmbedderState, EmbeddingModel } from '../memory/ports.ts'
import { assertSha256 } from './model-file.ts'
import sha256 from './models/sha256.json' with { type: 'json' }
import centre from './static-centre.json' with { type: 'json' }
import { toUnit } from './vector.ts'
import {
  createWordPiece,
  hasLetterOrDigit,
  readVocabulary,
  SPECIAL_PIECES,
  type Vocabulary,
} from './wordpiece.ts'

export const DIMENSIONS = 256
/**
 * What counts of a text, as `minilm` reads of a document. A sum over more words points less clearly: on
 * 5,094 long messages (BEAM) cosine alone finds 39.9 / 46.7 % (R@5 / R@10), without a limit 36.8 / 45.1.
 */
const MAX_PIECES = 128
/** What is searched for them: it runs on the caller's thread, so a text has an end. */
const MAX_CHARACTERS = 8_192
/**
 * How much of `static-centre.json` is taken away per piece: so much that unrelated texts are as far apart as
 * with `minilm`. What it is worth: docs/retrieval.md, "The embedder `static`".
 */
const CENTRED = 0.65
/** After so long, documents let others onto the thread. */
const TURN_MS = 4

export const STATIC_MODEL: EmbeddingModel = {
  name: 'static',
  dimensions: DIMENSIONS,
  fingerprint: `static-256/sha256:${sha256['static-256/table.i8'].slice(0, 16)}/${MAX_PIECES}-pieces/centred-${CENTRED}/l2`,
}

export type StaticPaths = Readonly<{ tablePath: string; scalesPath: string; tokenizerPath: string }>

/** `table` has 256 numbers for each piece, in the order of the ids; `scales` has one. */
export type StaticModel = Readonly<{
  table: Int8Array
  scales: Float32Array
  vocabulary: Vocabulary
}>

/** The embedder `static`: loaded before this returns, no worker, no native code. */
export function openStatic(paths: StaticPaths): Embedder {
  let state: EmbedderState = { status: 'ready' }
  let encode: ReturnType<typeof createStaticEncoder>
  const fail = (reason: string) => {
    state = { status: 'failed', reason }
    encode = () => {
      throw new EngramError('unavailable', `the embedder static is not available: ${reason}`)
    }
  }
  try {
    encode = createStaticEncoder(readStaticModel(paths))
  } catch (error) {
    fail(messageOf(error))
  }

  return {
    model: STATIC_MODEL,
    state: () => state,
    whenLoaded: async () => {},
    embedQuery: async (text, signal) => {
      signal?.throwIfAborted()
      const vector = encode(text)
      if (vector) return vector
      throw new EngramError('unavailable', 'the query has no word that can be embedded')
    },
    embedDocuments: async (texts, signal) => {
      const vectors: (Float32Array | null)[] = []
      let turnEndsAt = performance.now() + TURN_MS
      for (const text of texts) {
        if (performance.now() > turnEndsAt) {
          await new Promise(setImmediate)
          turnEndsAt = performance.now() + TURN_MS
        }
        signal?.throwIfAborted()
        vectors.push(encode(text))
      }
      return vectors
    },
    close: async () => fail('it was closed'),
  }
}

/**
 * The sum of row × scale over the first 128 pieces that hold a letter or digit, less `CENTRED` of the centre
 * for each, as a unit vector.
 *
 * @returns a function from a text to its Float32Array[256], or null when no piece of it counts.
 */
export function createStaticEncoder(model: StaticModel): (text: string) => Float32Array | null {
  const sum = sumOfPieces(model)
  return (text) => {
    const { vector, counted } = sum(text)
    if (counted === 0) return null
    for (let d = 0; d < DIMENSIONS; d++) vector[d]! -= CENTRED * counted * centre[d]!
    return toUnit(vector)
  }
}

/** @returns a function from a text to the sum of its first 128 pieces, and how many there are. */
export function sumOfPieces({
  table,
  scales,
  vocabulary,
}: StaticModel): (text: string) => { vector: Float32Array; counted: number } {
  const toIds = createWordPiece(vocabulary)
  const special = new Set<string>(SPECIAL_PIECES)
  const counts = new Uint8Array(scales.length)
  for (const [piece, id] of vocabulary) {
    if (hasLetterOrDigit(piece) && !special.has(piece)) counts[id] = 1
  }

  return (text) => {
    const vector = new Float32Array(DIMENSIONS)
    let counted = 0
    for (const id of toIds(text.slice(0, MAX_CHARACTERS))) {
      if (counts[id] === 0) continue
      counted++
      const scale = scales[id]!
      const row = id * DIMENSIONS
      for (let d = 0; d < DIMENSIONS; d++) vector[d]! += table[row + d]! * scale
      if (counted === MAX_PIECES) break
    }
    return { vector, counted }
  }
}

/** @throws EngramError `unavailable` when a file is missing or is not the one of this build. */
export function readStaticModel({
  tablePath,
  scalesPath,
  tokenizerPath,
}: StaticPaths): StaticModel {
  assertSha256(tablePath, sha256['static-256/table.i8'])
  assertSha256(scalesPath, sha256['static-256/scales.f32'])
  assertSha256(tokenizerPath, sha256['all-MiniLM-L6-v2/tokenizer.json'])
  return {
    table: new Int8Array(readBytes(tablePath)),
    scales: new Float32Array(readBytes(scalesPath)),
    vocabulary: readVocabulary(tokenizerPath),
  }
}

/** A buffer of its own: Node may hand out small files inside a shared one, at any offset. */
function readBytes(path: string): ArrayBuffer {
  const bytes = readFileSync(path)
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}
