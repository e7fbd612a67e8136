import type { ByteReader } from './byte-reader.ts'

/** One header as it stood on the wire: its case, its place, its repetitions. */
export type HeaderLine = readonly [name: string, value: string]

/** How a message says where its body ends. */
export type Framing = 'content-length' | 'chunked' | 'until close' | 'none'

export type MessageHead = Readonly<{ startLine: string; headers: readonly HeaderLine[] }>

/** The next message's first line and headers; null when the connection ends before them. */
export async function readHead(reader: ByteReader): Promise<MessageHead | null> {
  const startLine = await reader.line()
  if (startLine === null) return null
  const headers: HeaderLine[] = []
  for (;;) {
    const line = await reader.line()
    if (line === null) return null
    if (line === '') return { startLine, headers }
    const colon = line.indexOf(':')
    headers.push([line.slice(0, colon), line.slice(colon + 1).trim()])
  }
}

/** Every value of a header, in order. */
export function valuesOf(headers: readonly HeaderLine[], name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)
}

export function framingOf({ headers }: MessageHead, isResponse: boolean): Framing {
  if (valuesOf(headers, 'transfer-encoding').some((value) => /\bchunked$/i.test(value))) {
    return 'chunked'
  }
  if (valuesOf(headers, 'content-length').length > 0) return 'content-length'
  return isResponse ? 'until close' : 'none'
}

/**
 * Pieces of a body as they arrive, without their framing.
 *
 * @throws Error when the connection ends before the body does.
 */
export async function* readBody(
  reader: ByteReader,
  head: MessageHead,
  framing: Framing,
): AsyncGenerator<Uint8Array, void> {
  switch (framing) {
    case 'none':
      return
    case 'content-length':
      yield* readExactly(reader, Number(valuesOf(head.headers, 'content-length')[0]))
      return
    case 'until close': {
      for (let piece = await reader.some(); piece !== null; piece = await reader.some()) yield piece
      return
    }
    case 'chunked':
      yield* readChunks(reader)
  }
}

async function* readChunks(reader: ByteReader): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const line = await reader.line()
    if (line === null) throw cutOff('between two chunks')
    const size = Number.parseInt(line, 16)
    if (Number.isNaN(size)) throw new Error(`"${line}" is no chunk size`)
    if (size === 0) {
      for (let trailer = await reader.line(); trailer !== ''; trailer = await reader.line()) {
        if (trailer === null) throw cutOff('in the trailer')
      }
      return
    }
    yield* readExactly(reader, size)
    if ((await reader.line()) !== '') throw cutOff('behind a chunk')
  }
}

async function* readExactly(reader: ByteReader, size: number): AsyncGenerator<Uint8Array, void> {
  let missing = size
  while (missing > 0) {
    const piece = await reader.some(missing)
    if (piece === null) throw cutOff(`${missing} bytes before the end of ${size}`)
    missing -= piece.length
    yield piece
  }
}

function cutOff(where: string): Error {
  return new Error(`the connection ended ${where}`)
}

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return all.length === 1 ? all[0]! : Buffer.concat(all)
}

/** A first line and headers as they go out. */
export function headBytes(startLine: string, headers: readonly HeaderLine[]): Uint8Array {
  const lines = [startLine, ...headers.map(([name, value]) => `${name}: ${value}`), '', '']
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

export function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : content
}
