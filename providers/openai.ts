/**
 * The OpenAI chat API, as far as Engram reads or writes it. The types are loose: what they do not name is
 * carried along unread, and nothing here has been validated.
 */
import { fieldsOf, listOf, stringOf } from './json.ts'

export type ContentPart = Readonly<{
  /** text, refusal, image_url, input_audio, file, … */
  type: string
  text?: string
  refusal?: string
  image_url?: Readonly<{ url: string; detail?: string }>
  [field: string]: unknown
}>

export type ToolCall = Readonly<{
  id: string
  type: 'function'
  /** `arguments` is JSON as text, as the model wrote it. */
  function: Readonly<{ name: string; arguments: string }>
  /** Where Google's OpenAI-compatible API keeps a thought signature. */
  extra_content?: Readonly<{ google?: Readonly<{ thought_signature?: string }> }>
}>

export type ChatMessage = Readonly<{
  /** system, developer, user, assistant, tool. */
  role: string
  content?: string | readonly ContentPart[] | null
  name?: string
  refusal?: string | null
  tool_calls?: readonly ToolCall[]
  tool_call_id?: string
  [field: string]: unknown
}>

/** A request to /v1/chat/completions. */
export type ChatBody = Readonly<{
  model: string
  messages: readonly ChatMessage[]
  stream?: boolean | null
  stream_options?: Readonly<{ include_usage?: boolean }> | null
  [field: string]: unknown
}>

export type Usage = Readonly<{
  /** Everything that was read, whether from a cache or not. */
  prompt_tokens: number
  /** Everything that was written, reasoning included. */
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details?: Readonly<{ cached_tokens?: number }>
  completion_tokens_details?: Readonly<{ reasoning_tokens?: number }>
}>

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

export type ChatCompletion = Readonly<{
  id: string
  object: 'chat.completion'
  /** Seconds since 1970. */
  created: number
  model: string
  choices: readonly Readonly<{
    index: number
    message: Readonly<{
      role: 'assistant'
      content: string | null
      refusal: string | null
      tool_calls?: readonly ToolCall[]
    }>
    logprobs: null
    finish_reason: FinishReason
  }>[]
  usage?: Usage
}>

export type ChunkDelta = Readonly<{
  role?: 'assistant'
  content?: string | null
  refusal?: string | null
  tool_calls?: readonly Readonly<{
    /** Which call of the message the fragment belongs to. */
    index: number
    id?: string
    type?: 'function'
    function?: Readonly<{ name?: string; arguments?: string }>
    extra_content?: ToolCall['extra_content']
  }>[]
}>

/** One frame of a streamed answer. */
export type ChatChunk = Readonly<{
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  choices: readonly Readonly<{
    index: number
    delta: ChunkDelta
    logprobs: null
    finish_reason: FinishReason | null
  }>[]
  /** Only in the last frame, and only when `stream_options.include_usage` asked for it. */
  usage?: Usage | null
}>

export type OpenAiError = Readonly<{
  error: Readonly<{
    message: string
    type: string
    param: string | null
    code: string | null
  }>
}>

/** The plain text of a message's content, parts on lines of their own; images and files are passed over. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .map(fieldsOf)
    .map((part) => stringOf(part.text) || stringOf(part.refusal))
    .filter((text) => text !== '')
    .join('\n')
}

/** The `type` that OpenAI gives an error of this status. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
}

export function openAiError(
  status: number,
  message: string,
  code: string | null = null,
  type: string = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error'),
): OpenAiError {
  return { error: { message, type, param: null, code } }
}
