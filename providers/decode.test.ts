import { describe, expect, test } from 'bun:test'
import {
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  gzipSync,
} from 'node:zlib'
import { createDecoder } from './decode.ts'

const ENCODERS = {
  gzip: createGzip,
  deflate: createDeflate,
  br: createBrotliCompress,
  zstd: createZstdCompress,
} as const

/** Each text flushed, as a server does with events. */
async function encode(name: keyof typeof ENCODERS, texts: readonly string[]): Promise<Buffer[]> {
  const stream = ENCODERS[name]()
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  for (const text of texts) {
    stream.write(text)
    await new Promise<void>((resolve) => stream.flush(resolve))
  }
  await new Promise<void>((resolve) => stream.end(resolve))
  return pieces
}

describe('a decoder', () => {
  const texts = Array.from({ length: 30 }, (_, i) => `data: {"n":${i},"text":"Zürich 🏔️"}\n\n`)

  test.each(Object.keys(ENCODERS) as (keyof typeof ENCODERS)[])(
    '%s: gives what was flushed as soon as its bytes are in',
    async (name) => {
      const decoder = createDecoder(name.toUpperCase())!
      let text = ''
      let atHalf = ''
      const pieces = await encode(name, texts)
      for (const [i, piece] of pieces.entries()) {
        text += Buffer.from(await decoder.push(piece)).toString()
        if (i === pieces.length >> 1) atHalf = text
      }
      expect(text).toBe(texts.join(''))
      expect(atHalf.length).toBeGreaterThan(text.length / 4)
    },
  )

  test('byte by byte gives the same', async () => {
    const decoder = createDecoder('gzip')!
    let text = ''
    for (const byte of gzipSync('Zürich 🏔️ '.repeat(20))) {
      text += Buffer.from(await decoder.push(new Uint8Array([byte]))).toString('latin1')
    }
    expect(Buffer.from(text, 'latin1').toString()).toBe('Zürich 🏔️ '.repeat(20))
  })

  test('bytes that are not so encoded are refused, and those after them', async () => {
    for (const name of ['gzip', 'br', 'zstd', 'deflate']) {
      const decoder = createDecoder(name)!
      await expect(decoder.push(Buffer.from('this is plain text'))).rejects.toThrow()
      await expect(decoder.push(Buffer.from('more'))).rejects.toThrow()
    }
  })

  test('a megabyte that unfolds into a hundred stops on the way', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 1 })
    await expect(createDecoder('gzip')!.push(bomb)).rejects.toThrow('too much')
  })

  test('an encoding that is not known has none', () => {
    for (const name of ['', 'identity', 'gzip, br', 'toString']) {
      expect(createDecoder(name)).toBeNull()
    }
  })
})
