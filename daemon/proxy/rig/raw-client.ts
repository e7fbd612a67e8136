import { connect, type Socket } from 'node:net'
import { readSocket } from './byte-reader.ts'
import {
  collect,
  type Framing,
  framingOf,
  type HeaderLine,
  headBytes,
  readBody,
  readHead,
  toBytes,
  valuesOf,
} from './http-message.ts'

export type RawAnswer = Readonly<{
  status: number
  headers: readonly HeaderLine[]
  framing: Framing
  /** Pieces of the body as they arrive; ends in an Error when the connection ends before the body. */
  pieces: AsyncGenerator<Uint8Array, void>
  /** The whole body. */
  body(): Promise<Uint8Array>
}>

/** One connection, on which requests are written as they are given. */
export type RawClient = Readonly<{
  send(bytes: string | Uint8Array): void
  request(
    method: string,
    target: string,
    headers: readonly HeaderLine[],
    body?: string | Uint8Array,
  ): void
  /** The next answer's head. @throws Error when the connection ends before one. */
  answer(): Promise<RawAnswer>
  /** Takes nothing more from the system: what the server sends piles up there. */
  pause(): void
  reset(): void
  close(): void
}>

/** A client without opinions: it adds only `host` and `content-length`, and those only when they are missing. */
export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port, host } = new URL(url)
  const socket: Socket = await new Promise((resolve, reject) => {
    const made = connect(Number(port), hostname, () => resolve(made))
    made.once('error', reject)
  })
  socket.setNoDelay(true)
  socket.on('error', () => {}) // the end of the answer tells of it
  const reader = readSocket(socket)
  return {
    send: (bytes) => void socket.write(bytes),
    request(method, target, headers, body) {
      const given = [...headers]
      if (valuesOf(given, 'host').length === 0) given.unshift(['Host', host])
      const data = body === undefined ? null : toBytes(body)
      if (data && valuesOf(given, 'content-length').length === 0) {
        given.push(['Content-Length', String(data.length)])
      }
      socket.write(headBytes(`${method} ${target} HTTP/1.1`, given))
      if (data) socket.write(data)
    },
    async answer() {
      const head = await readHead(reader)
      if (head === null) throw new Error('the connection ended before an answer')
      const status = Number(head.startLine.split(' ')[1])
      const framing = framingOf(head, true)
      const pieces = readBody(reader, head, status === 204 ? 'none' : framing)
      return { status, headers: head.headers, framing, pieces, body: () => collect(pieces) }
    },
    pause: () => void socket.pause(),
    reset: () => void socket.resetAndDestroy(),
    close: () => void socket.destroy(),
  }
}
