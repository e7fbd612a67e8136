/** What the translating chat route asks of a provider: its API, told and heard as OpenAI chat. */
import type { JsonObject } from '../memory/memory.ts'
import type { ChatBody, ChatCompletion, OpenAiError } from './openai.ts'
import type { Reply } from './reply.ts'

export type TranslatedRequest = Readonly<{
  /** Below the API's version: `/chat/completions`. May carry a query. */
  path: string
  body: JsonObject
  /** Names of the fields that this API cannot express and that were left out. */
  dropped: readonly string[]
}>

export interface ChatTranslation {
  readonly name: 'openai-chat' | 'anthropic-messages' | 'gemini'
  /**
   * An OpenAI chat body → what this API expects.
   *
   * @throws EngramError `invalid` for what cannot be left out without changing the meaning.
   */
  toRequest(body: ChatBody): TranslatedRequest
  /**
   * A complete answer of this API → an OpenAI chat.completion object.
   *
   * @throws EngramError `upstream` when the answer is not one of this API.
   */
  toCompletion(answer: unknown, asked: ChatBody): ChatCompletion
  /** Reads a streamed answer to `asked` and turns it into the OpenAI frames to forward. */
  createStream(asked: ChatBody): ChatStream
  /** An error answer (a status of 400 or more, a body of any form) → an OpenAI error; its message is kept. */
  toError(status: number, body: string): OpenAiError
}

/** One streamed answer. Its methods never throw: a failure is the last frame, in OpenAI's form. */
export interface ChatStream {
  /** The bytes to forward now; `done` when the terminal frame, `[DONE]`, is among them. */
  push(chunk: Uint8Array): Readonly<{ bytes: Uint8Array; done: boolean }>
  /**
   * The upstream closed: what is still to be sent. `complete` is false when no terminal frame came or an
   * error did; a translated answer then ends in an error frame, as clients do not miss a `[DONE]`.
   */
  end(): Readonly<{ bytes: Uint8Array; complete: boolean }>
  /** What was collected so far. */
  reply(): Reply
}
