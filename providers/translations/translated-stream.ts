import { messageOf } from '../../memory/errors.ts'
import { type Fields, isFields, parseJson } from '../json.ts'
import { type ChatBody, openAiError } from '../openai.ts'
import { createSseParser, type SseEvent } from '../sse.ts'
import type { ChatStream } from '../translation.ts'
import { type ChunkWriter, createChunkWriter } from './chunk-writer.ts'

/** How one dialect's events become chunks. */
export interface Translation {
  /** One event of the upstream, parsed. */
  read(event: Fields): void
  /** The upstream closed; writes the end of an answer that is whole by then. */
  close(): void
}

/**
 * A stream of server-sent JSON in another dialect, as OpenAI's. Whatever cannot be read ends the answer with
 * an error frame: to go on would hand the client an answer with a hole in it.
 */
export function createTranslatedStream(
  asked: ChatBody,
  createdAt: number,
  translate: (writer: ChunkWriter) => Translation,
): ChatStream {
  const parser = createSseParser()
  const writer = createChunkWriter(asked, createdAt)
  const translation = translate(writer)
  let finished = false

  function run(step: () => void): { bytes: Uint8Array; done: boolean } {
    try {
      if (!writer.hasEnded()) step()
    } catch (error) {
      writer.fail(openAiError(502, `the provider's stream could not be read: ${messageOf(error)}`))
    }
    const done = !finished && writer.hasEnded() && writer.reply().error === null
    finished ||= done
    return { bytes: writer.take(), done }
  }

  function readAll(events: readonly SseEvent[]): void {
    for (const { data } of events) {
      if (writer.hasEnded()) return
      const event = parseJson(data)
      if (!isFields(event)) throw new Error('a frame is not a JSON object')
      translation.read(event)
    }
  }

  return {
    push: (chunk) => run(() => readAll(parser.push(chunk))),
    end() {
      const { bytes } = run(() => {
        readAll(parser.end())
        translation.close()
        if (!writer.hasEnded()) {
          writer.fail(
            openAiError(502, 'the provider closed the stream before its answer was complete'),
          )
        }
      })
      return { bytes, complete: finished }
    },
    reply: writer.reply,
  }
}
