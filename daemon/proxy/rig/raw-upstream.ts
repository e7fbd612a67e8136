import { createServer, type Socket } from 'node:net'
import { type ByteReader, readSocket } from './byte-reader.ts'
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

/** A request as its bytes were on the wire. */
export type RawRequest = Readonly<{
  /** Connections are counted from 1; requests on one connection share its number. */
  connection: number
  method: string
  target: string
  headers: readonly HeaderLine[]
  framing: Framing
  body: Uint8Array
  arrivedAt: number
}>

/** One request and the means to answer it, byte by byte. */
export type Exchange = Readonly<{
  request: RawRequest
  /** One write, of text as UTF-8; resolves when the system took it, or the client is gone. */
  send(bytes: string | Uint8Array): Promise<void>
  /** Each byte in a write, and so a packet, of its own. */
  sendByteByByte(bytes: string | Uint8Array): Promise<void>
  /** Status and headers, as they stand: nothing is added. */
  head(status: number, headers?: readonly HeaderLine[]): Promise<void>
  /** A piece of a chunked body. */
  chunk(bytes: string | Uint8Array): Promise<void>
  /** The end of a chunked body. */
  lastChunk(): Promise<void>
  /** A whole answer with its content-length. */
  answer(status: number, headers: readonly HeaderLine[], body: string | Uint8Array): Promise<void>
  /** An orderly end of the connection. */
  close(): void
  /** A connection that is torn down. */
  reset(): void
  /** Resolves when the client has ended or torn down the connection. */
  clientLeft: Promise<void>
}>

/** What happens to one request; when it returns without an end, the connection waits for the next request. */
export type Script = (exchange: Exchange) => Promise<void> | void

export type RawUpstream = Readonly<{
  /** http://127.0.0.1:port */
  url: string
  /** Every request that arrived whole, in the order of its end. */
  requests: readonly RawRequest[]
  connections(): number
  /** From now on requests are answered like this. */
  play(script: Script): void
  /** Forgets the requests so far. */
  clear(): void
  /** Ends the connections on which nobody is being answered, as a server does with idle ones. */
  closeIdle(): void
  stop(): Promise<void>
}>

/**
 * A provider made of a socket and a script. It adds no header, no framing and no patience of its own.
 *
 * A script that throws resets its connection and fails `stop`, so that no test passes over it.
 */
export async function openRawUpstream(first: Script): Promise<RawUpstream> {
  let script = first
  let connections = 0
  const requests: RawRequest[] = []
  const open = new Map<Socket, { busy: boolean }>()
  const failures: unknown[] = []

  const server = createServer((socket) => {
    const state = { busy: false }
    open.set(socket, state)
    // Small writes are the point.
    socket.setNoDelay(true)
    // A client that resets is an event here; `close` follows it.
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    void converse(socket, ++connections, state)
  })

  async function converse(socket: Socket, connection: number, state: { busy: boolean }) {
    const reader = readSocket(socket)
    const left = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    for (;;) {
      const request = await readRequest(reader, connection)
      if (request === null) {
        socket.destroy()
        return
      }
      requests.push(request)
      state.busy = true
      try {
        await script(createExchange(socket, request, left))
      } catch (error) {
        failures.push(error)
        socket.resetAndDestroy()
      }
      state.busy = false
      if (socket.destroyed) return
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    play(next) {
      script = next
    },
    clear() {
      requests.length = 0
    },
    closeIdle() {
      for (const [socket, { busy }] of open) if (!busy) socket.end()
    },
    async stop() {
      for (const socket of open.keys()) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      if (failures.length > 0) throw failures[0]
    },
  }
}

/** null when the connection ends, also in the middle of a request: it was never whole. */
async function readRequest(reader: ByteReader, connection: number): Promise<RawRequest | null> {
  const head = await readHead(reader)
  if (head === null) return null
  const framing = framingOf(head, false)
  if (valuesOf(head.headers, 'transfer-encoding').length > 0 && framing !== 'chunked') return null
  let body: Uint8Array
  try {
    body = await collect(readBody(reader, head, framing))
  } catch {
    return null
  }
  const [method = '', target = ''] = head.startLine.split(' ')
  const { headers } = head
  return { connection, method, target, headers, framing, body, arrivedAt: performance.now() }
}

function createExchange(socket: Socket, request: RawRequest, clientLeft: Promise<void>): Exchange {
  const send = async (bytes: string | Uint8Array) => {
    if (socket.destroyed) return
    const taken = new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
    await Promise.race([taken, clientLeft])
  }
  return {
    request,
    send,
    async sendByteByByte(bytes) {
      for (const byte of toBytes(bytes)) {
        await send(Uint8Array.of(byte))
        // So that the reader takes each by itself.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    head: (status, headers = []) => send(headBytes(`HTTP/1.1 ${status} Scripted`, headers)),
    chunk(bytes) {
      const data = toBytes(bytes)
      return send(Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, CRLF]))
    },
    lastChunk: () => send('0\r\n\r\n'),
    async answer(status, headers, body) {
      const data = toBytes(body)
      const all = [...headers, ['content-length', String(data.length)] as const]
      await send(Buffer.concat([headBytes(`HTTP/1.1 ${status} Scripted`, all), data]))
    },
    close: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    clientLeft,
  }
}

const CRLF = Buffer.from('\r\n')
