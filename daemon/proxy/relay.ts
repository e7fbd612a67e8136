/** The way of an answer from the provider to the client. */
import { messageOf } from '../../memory/errors.ts'
import { createDecoder } from '../../providers/decode.ts'
import type { Reply } from '../../providers/reply.ts'
import type { Collector, Progress } from '../../providers/wire.ts'
import type { Services } from '../services.ts'

/** How an answer came to its end. */
export type Ending = 'complete' | 'cut off' | 'refused'
/** Keeps the exchange; never fails, takes bounded time, and does so once however often it is called. */
export type Finish = (reply: Reply | null, ending: Ending) => Promise<void>

/** Reads along and says which bytes go to the client. Never throws. */
export interface Follower {
  push(bytes: Uint8Array): Followed | Promise<Followed>
  /** The provider closed: what is still to be sent, and whether the answer came whole. */
  end(): Readonly<{ bytes: Uint8Array; complete: boolean }>
  reply(): Reply | null
}

export type Followed = Readonly<{ bytes: Uint8Array; progress: Progress }>

export type Upstream = Readonly<{
  response: Response
  /** Ends the request to the provider, and with it what it costs. */
  abort(): void
}>

/** A piece that may be the last one waits this long for the end, or for another one. */
const HOLD_MS = 25
const NOTHING = new Uint8Array()

/**
 * The provider's bytes as they come, one by one and no faster than the client takes them. The piece with the
 * terminal frame waits until the exchange is on disk: who has seen the end can rely on it. An answer that
 * breaks off breaks off for the client too.
 *
 * @param silenceMs how long the provider may send nothing
 * @param clientLeft aborts when the client has gone
 */
export async function relay(
  { response, abort }: Upstream,
  headers: Headers,
  follower: Follower,
  finish: Finish,
  { silenceMs, clientLeft }: Readonly<{ silenceMs: number; clientLeft: AbortSignal }>,
): Promise<Response> {
  const { status } = response
  const reader = response.body?.getReader()
  if (!reader) {
    const { complete } = follower.end()
    await finish(follower.reply(), complete ? 'complete' : 'cut off')
    return new Response(null, { status, headers })
  }
  let held: Uint8Array | null = null
  let reading: ReturnType<typeof reader.read> | null = null
  let ended = false
  const leave = () => finish(follower.reply(), ended ? 'complete' : 'cut off')
  clientLeft.addEventListener('abort', () => void leave(), { once: true })

  /** The next piece; null when it has not come within the time that a held one may wait. */
  async function next() {
    if (reading === null) {
      reading = reader!.read()
      reading.catch(() => {}) // who waits for it hears of it; nobody may wait any more
    }
    const silence = setTimeout(abort, silenceMs)
    try {
      const read = held ? await Promise.race([reading, later(HOLD_MS)]) : await reading
      if (read !== null) reading = null
      return read
    } finally {
      clearTimeout(silence)
    }
  }

  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const release = (bytes: Uint8Array): boolean => {
        if (bytes.byteLength > 0) controller.enqueue(bytes)
        return bytes.byteLength > 0
      }
      const releaseHeld = (): boolean => {
        const bytes = held ?? NOTHING
        held = null
        return release(bytes)
      }
      try {
        for (;;) {
          const read = await next()
          if (read === null) {
            releaseHeld()
            return
          }
          if (read.done) {
            const { bytes, complete } = follower.end()
            ended ||= complete
            await leave()
            releaseHeld()
            release(bytes)
            controller.close()
            return
          }
          const { bytes, progress } = await follower.push(read.value)
          if (progress === 'ended' && !ended) {
            ended = true
            await leave()
          }
          const released = releaseHeld()
          if (progress === 'ending') held = bytes
          else if (release(bytes) || released) return
        }
      } catch (error) {
        await leave()
        controller.error(error)
      }
    },
    async cancel(reason) {
      abort()
      await reader.cancel(reason).catch(() => {}) // the provider may be gone already
      await leave()
    },
  })
  return new Response(body, { status, headers })
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null))
}

/** Follows an answer that passes as it is. */
export function followCopy(
  collector: Collector,
  encoding: string | null,
  { log }: Pick<Services, 'log'>,
): Follower {
  if (encoding === null || encoding === 'identity') {
    return {
      push: (bytes) => ({ bytes, progress: collector.push(bytes) }),
      end: () => ({ bytes: NOTHING, complete: collector.end() }),
      reply: collector.reply,
    }
  }
  let decoder = createDecoder(encoding)
  let isRead = decoder !== null
  return {
    async push(bytes) {
      if (!decoder) return { bytes, progress: 'open' }
      try {
        return { bytes, progress: collector.push(await decoder.push(bytes)) }
      } catch (error) {
        log.debug({ error: messageOf(error) }, 'an answer could not be read')
        decoder.close()
        decoder = null
        isRead = false
        return { bytes, progress: 'open' }
      }
    },
    end() {
      decoder?.close()
      return { bytes: NOTHING, complete: collector.end() && isRead }
    },
    reply: () => (isRead ? collector.reply() : null),
  }
}

/** For what nobody reads: errors, and everything that is no conversation. */
export const PASSING: Follower = {
  push: (bytes) => ({ bytes, progress: 'open' }),
  end: () => ({ bytes: NOTHING, complete: true }),
  reply: () => null,
}
