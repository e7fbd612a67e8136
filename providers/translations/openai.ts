import { EngramError } from '../../memory/errors.ts'
import type { JsonObject } from '../../memory/memory.ts'
import { collectEvents } from '../collect.ts'
import { errorFrom } from '../error-body.ts'
import { isFields } from '../json.ts'
import type { ChatCompletion } from '../openai.ts'
import { chunkReader } from '../openai-answer.ts'
import type { ChatStream, ChatTranslation } from '../translation.ts'

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
  const collector = collectEvents(chunkReader())
  let done = false
  return {
    push(chunk) {
      const wasDone = done
      done = collector.push(chunk) === 'ended'
      return { bytes: chunk, done: done && !wasDone }
    },
    end: () => ({ bytes: new Uint8Array(), complete: collector.end() }),
    reply: collector.reply,
  }
}
