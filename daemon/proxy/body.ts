import { EngramError } from '../../memory/errors.ts'

/** A request's body, read whole, or on its way when it is larger than what is read. */
export type ProxyBody = Readonly<
  | { kind: 'none' }
  | { kind: 'whole'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'stream'; stream: ReadableStream<Uint8Array>; lengthBytes: number | null }
>

/** The same as it goes on: also in pieces, one behind the other, when something was put into it. */
export type SentBody = ProxyBody | Readonly<{ kind: 'pieces'; pieces: Uint8Array<ArrayBuffer>[] }>

/** How much of all bodies together is held at once; beyond it they stream through, without memory. */
export type Room = Readonly<{
  /** Takes room; null when there is none left. Call what comes back to give it back. */
  take(bytes: number): (() => void) | null
}>

export function createRoom(maxBytes: number): Room {
  let taken = 0
  return {
    take(bytes) {
      if (taken + bytes > maxBytes) return null
      taken += bytes
      let given = false
      return () => {
        if (!given) taken -= bytes
        given = true
      }
    },
  }
}

/**
 * Reads a body up to `maxBytes`. Of a larger one nothing is lost: it comes as a stream of everything, with its
 * declared length.
 *
 * @throws EngramError `malformed` when the client stops in the middle of it
 */
export async function readProxyBody(request: Request, maxBytes: number): Promise<ProxyBody> {
  const { body } = request
  if (body === null) return { kind: 'none' }
  const declared = declaredLength(request)
  if (declared !== null && declared > maxBytes) {
    return { kind: 'stream', stream: body, lengthBytes: declared }
  }
  try {
    if (declared !== null) {
      return { kind: 'whole', bytes: (await request.bytes()) as Uint8Array<ArrayBuffer> }
    }
    return await readUnknown(body, maxBytes)
  } catch (error) {
    if (request.signal.aborted) throw new DOMException('the client has gone', 'AbortError')
    throw new EngramError('malformed', 'the body broke off', { cause: error })
  }
}

export function streamOf(request: Request): ProxyBody {
  const { body } = request
  if (body === null) return { kind: 'none' }
  return { kind: 'stream', stream: body, lengthBytes: declaredLength(request) }
}

function declaredLength({ headers }: Request): number | null {
  const text = headers.get('content-length')
  return text === null ? null : Number(text)
}

/** A body of no declared length: whole when it ends within bounds. */
async function readUnknown(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<ProxyBody> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { kind: 'whole', bytes: Buffer.concat(chunks) }
    chunks.push(value)
    size += value.byteLength
    if (size > maxBytes) break
  }
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const first = chunks.shift()
      if (first) {
        controller.enqueue(first)
        return
      }
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return { kind: 'stream', stream, lengthBytes: null }
}
