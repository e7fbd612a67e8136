import { errorFrom } from '../error-body.ts'
import type { ChatTranslation } from '../translation.ts'
import { toCompletion, translateFrames } from './gemini-answer.ts'
import { toGenerateContent } from './gemini-request.ts'
import { createTranslatedStream } from './translated-stream.ts'

/** Google's generateContent, told and heard as OpenAI chat. */
export const gemini: ChatTranslation = {
  name: 'gemini',
  toRequest: toGenerateContent,
  toCompletion: (answer, asked) => toCompletion(answer, asked, Date.now()),
  createStream: (asked) =>
    createTranslatedStream(asked, Date.now(), (writer) => translateFrames(writer, asked)),
  toError: errorFrom,
}
