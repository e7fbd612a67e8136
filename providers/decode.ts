import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'

/** Undoes a content-encoding piece by piece. */
export interface Decoder {
  /** What these bytes make readable. Rejects for bytes that are not so encoded, and for far too many. */
  push(bytes: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** A small answer that unfolds into more than this is an attack. */
const MAX_DECODED_BYTES = 64 * 1024 * 1024

const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const

/** @returns null for an encoding that is not known, or several on top of each other */
export function createDecoder(encoding: string): Decoder | null {
  const name = encoding.trim().toLowerCase()
  if (!Object.hasOwn(DECODERS, name)) return null
  const stream = DECODERS[name as keyof typeof DECODERS]()
  let pieces: Uint8Array[] = []
  let size = 0
  let fail: (error: Error) => void = () => {}
  stream.on('data', (piece: Uint8Array) => {
    size += piece.byteLength
    if (size <= MAX_DECODED_BYTES) {
      pieces.push(piece)
      return
    }
    pieces = []
    stream.destroy()
    fail(new Error('the answer unfolds into too much'))
  })
  stream.on('error', (error) => fail(error))
  return {
    push: (bytes) =>
      new Promise((resolve, reject) => {
        fail = reject
        if (stream.destroyed) reject(new Error('the decoder is closed'))
        stream.write(bytes, () => {
          const taken = pieces
          pieces = []
          resolve(taken.length === 1 ? taken[0]! : Buffer.concat(taken))
        })
      }),
    close: () => stream.destroy(),
  }
}
