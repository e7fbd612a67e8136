import type { Socket } from 'node:net'

/** Bytes of one connection, asked for piece by piece. */
export type ByteReader = Readonly<{
  /** The text up to the next CRLF or LF, without it; null when the connection ends before one. */
  line(): Promise<string | null>
  /** What is there, at most so many bytes; waits while there is nothing. null at the end. */
  some(most?: number): Promise<Uint8Array | null>
  /** Every byte so far that was not taken, without waiting. */
  rest(): Uint8Array
}>

/** Reads a socket from now on. A reset ends it like an orderly end does: `Socket` events tell them apart. */
export function readSocket(socket: Socket): ByteReader {
  let chunks: Uint8Array[] = []
  let hasEnded = false
  let arrived = Promise.withResolvers<void>()
  const signal = () => {
    const waiting = arrived
    arrived = Promise.withResolvers<void>()
    waiting.resolve()
  }
  const finish = () => {
    hasEnded = true
    signal()
  }
  socket.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk)
    signal()
  })
  socket.on('end', finish)
  socket.on('close', finish)

  return {
    async line() {
      let searched = 0
      for (;;) {
        if (chunks.length > searched) {
          const all = Buffer.concat(chunks)
          chunks = all.length > 0 ? [all] : []
          searched = chunks.length
          const at = all.indexOf(10)
          if (at >= 0) {
            chunks = at + 1 < all.length ? [all.subarray(at + 1)] : []
            return all.toString('latin1', 0, at > 0 && all[at - 1] === 13 ? at - 1 : at)
          }
        }
        if (hasEnded) return null
        await arrived.promise
      }
    },

    async some(most = Number.POSITIVE_INFINITY) {
      while (chunks.length === 0) {
        if (hasEnded) return null
        await arrived.promise
      }
      const first = chunks[0]!
      if (first.length <= most) {
        chunks.shift()
        return first
      }
      chunks[0] = first.subarray(most)
      return first.subarray(0, most)
    },

    rest() {
      const all = Buffer.concat(chunks)
      chunks = []
      return all
    },
  }
}
