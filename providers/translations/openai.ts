import { EngramError } from '../../memory/errors.ts'
import type { JsonObject } from '../../memory/memory.ts'
import { fieldsOf, isFields, listOf, parseJson, stringOf } from '../json.ts'
import type { ChatCompletion, Usage } from '../openai.ts'
import { createReplyCollector, type ReplyCollector } from '../reply.ts'
import { createSseParser, type SseEvent } from '../sse.ts'
import type { ChatStream, ChatTranslation } from '../translation.ts'
import { errorFrom } from './error-body.ts'

/** OpenAI's own form, which Ollama and Google speak too: everything passes as it is. */
export const openaiChat: ChatTranslation = {
  name: 'openai-chat',
  toRequest: (body) => ({ path: '/chat/completions', body: body as JsonObject, dropped: [] }),
  toCompletion(answer) {
    if (isFields(answer) && Array.isArray(answer.choices)) return answer as ChatCompletion
    throw new EngramError('upstream', 'the answer of the provider has no `choices`')
  },
  createStream,
  toError: errorFrom,
}

/** Forwards the very bytes that came in and reads a copy. A frame that cannot be read costs only the copy. */
function createStream(): ChatStream {
  const parser = createSseParser()
  const collector = createReplyCollector()
  const calls = new Set<unknown>()
  let readable = true
  let finished = false

  /** The events of the copy; none any more once it turned out unreadable. */
  function read(parse: () => SseEvent[]): SseEvent[] {
    if (!readable) return []
    try {
      return parse()
    } catch {
      readable = false
      collector.setTruncated()
      return []
    }
  }

  /** Collects the frames; true when the terminal one is among them. */
  function collect(events: readonly SseEvent[]): boolean {
    for (const { data } of events) if (data !== '[DONE]') collectFrame(data, collector, calls)
    const done = events.some(({ data }) => data === '[DONE]')
    finished ||= done
    return done
  }

  return {
    push: (chunk) => ({ bytes: chunk, done: collect(read(() => parser.push(chunk))) }),
    end() {
      collect(read(() => parser.end()))
      return { bytes: new Uint8Array(), complete: finished && collector.reply().error === null }
    },
    reply: collector.reply,
  }
}

function collectFrame(data: string, collector: ReplyCollector, calls: Set<unknown>): void {
  const frame = parseJson(data)
  if (!isFields(frame)) {
    collector.setTruncated()
    return
  }
  if (typeof frame.model === 'string') collector.setModel(frame.model)
  if (isFields(frame.usage)) collector.setUsage(frame.usage as Usage)
  if (frame.error) collector.setError(errorFrom(500, data).error)
  const first = listOf(frame.choices).find((choice) => (fieldsOf(choice).index ?? 0) === 0)
  const choice = fieldsOf(first)
  const delta = fieldsOf(choice.delta)
  collector.addText(stringOf(delta.content) + stringOf(delta.refusal))
  for (const call of listOf(delta.tool_calls).map(fieldsOf)) {
    // Some servers leave out the index; an id then begins a call.
    const key = call.index ?? call.id
    if (key === undefined || calls.has(key)) continue
    calls.add(key)
    collector.addToolCall()
  }
  if (typeof choice.finish_reason === 'string') collector.setFinish(choice.finish_reason)
}
