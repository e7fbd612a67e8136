import { errorFrom } from '../error-body.ts'
import type { ChatTranslation } from '../translation.ts'
import { toCompletion, translateEvents } from './anthropic-answer.ts'
import { toMessagesRequest } from './anthropic-request.ts'
import { createTranslatedStream } from './translated-stream.ts'

/** Anthropic's Messages API, told and heard as OpenAI chat. */
export const anthropicMessages: ChatTranslation = {
  name: 'anthropic-messages',
  toRequest: toMessagesRequest,
  toCompletion: (answer, asked) => toCompletion(answer, asked, Date.now()),
  createStream: (asked) =>
    createTranslatedStream(asked, Date.now(), (writer) => translateEvents(writer, asked)),
  toError: errorFrom,
}
