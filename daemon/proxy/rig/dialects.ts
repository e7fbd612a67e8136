import type { JsonObject } from '../../../memory/memory.ts'
import type { HeaderLine } from './http-message.ts'

/** What was said, in order; `user` first. */
export type Said = Readonly<{ role: 'user' | 'assistant'; text: string }>

/** One of the five streams that the proxy carries: how it is asked for and what a provider answers. */
export type Dialect = Readonly<{
  name: 'openai chat' | 'openai responses' | 'anthropic messages' | 'gemini' | 'ollama chat'
  /** The path below which the provider's clients are pointed, and the one they then call. */
  mount: '/openai' | '/anthropic' | '/gemini' | '/ollama'
  path(isStream: boolean): string
  /** As the provider's own SDK sends its key. */
  key: HeaderLine
  body(said: readonly Said[], isStream: boolean): JsonObject
  /** A complete answer. */
  whole(text: string): JsonObject
  streamType: string
  /** A streamed answer, one frame a piece of text, and what stands around them. */
  frames(pieces: readonly string[]): readonly string[]
  /** How the provider says that something is wrong. */
  error(status: number, message: string): JsonObject
  /** The name of an error's text in that. */
  errorText(body: JsonObject): unknown
}>

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const event = (value: { type: string }) => `event: ${value.type}\n${data(value)}`
const chat = (said: readonly Said[]) => said.map(({ role, text }) => ({ role, content: text }))

const openaiChat: Dialect = {
  name: 'openai chat',
  mount: '/openai',
  path: () => '/v1/chat/completions',
  key: ['Authorization', 'Bearer sk-client'],
  body: (said, stream) => ({ model: 'gpt-5.5', messages: chat(said), stream }),
  whole: (text) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5.5',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 },
  }),
  streamType: 'text/event-stream; charset=utf-8',
  frames: (pieces) => {
    const chunk = (delta: JsonObject, finish: string | null) =>
      data({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'gpt-5.5',
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      })
    return [
      chunk({ role: 'assistant', content: '' }, null),
      ...pieces.map((content) => chunk({ content }, null)),
      chunk({}, 'stop'),
      'data: [DONE]\n\n',
    ]
  },
  error: (_status, message) => ({
    error: { message, type: 'scripted', param: null, code: 'scripted' },
  }),
  errorText: (body) => (body.error as JsonObject | undefined)?.message,
}

function responsesMessage(text: string, status: string): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    status,
    role: 'assistant',
    content: [{ type: 'output_text', text, annotations: [] }],
  }
}

function response(status: string, output: JsonObject[]): JsonObject {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status,
    error: null,
    incomplete_details: null,
    model: 'gpt-5.6',
    output,
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage:
      status === 'completed'
        ? {
            input_tokens: 9,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: 5,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: 14,
          }
        : null,
  }
}

const openaiResponses: Dialect = {
  ...openaiChat,
  name: 'openai responses',
  path: () => '/v1/responses',
  body: (said, stream) => ({ model: 'gpt-5.6', input: chat(said), store: false, stream }),
  whole: (text) => response('completed', [responsesMessage(text, 'completed')]),
  frames: (pieces) => {
    const text = pieces.join('')
    const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
    const events = [
      { type: 'response.created', response: response('in_progress', []) },
      {
        type: 'response.output_item.added',
        output_index: 0,
        item: { ...responsesMessage('', 'in_progress'), content: [] },
      },
      {
        type: 'response.content_part.added',
        ...place,
        part: { type: 'output_text', text: '', annotations: [] },
      },
      ...pieces.map((delta) => ({ type: 'response.output_text.delta', ...place, delta })),
      { type: 'response.output_text.done', ...place, text },
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: responsesMessage(text, 'completed'),
      },
      {
        type: 'response.completed',
        response: response('completed', [responsesMessage(text, 'completed')]),
      },
    ]
    return events.map((each, sequence) => event({ ...each, sequence_number: sequence } as never))
  },
}

const anthropicMessages: Dialect = {
  name: 'anthropic messages',
  mount: '/anthropic',
  path: () => '/v1/messages',
  key: ['X-Api-Key', 'sk-ant-client'],
  body: (said, stream) => ({
    model: 'claude-opus-5-5',
    max_tokens: 1024,
    messages: chat(said),
    stream,
  }),
  whole: (text) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 5 },
  }),
  streamType: 'text/event-stream; charset=utf-8',
  frames: (pieces) => [
    event({
      type: 'message_start',
      message: {
        ...anthropicMessages.whole(''),
        content: [],
        stop_reason: null,
        usage: { input_tokens: 9, output_tokens: 1 },
      },
    } as never),
    event({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '' },
    } as never),
    event({ type: 'ping' }),
    ...pieces.map((text) =>
      event({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text },
      } as never),
    ),
    event({ type: 'content_block_stop', index: 0 } as never),
    event({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 5 },
    } as never),
    event({ type: 'message_stop' }),
  ],
  error: (_status, message) => ({ type: 'error', error: { type: 'scripted_error', message } }),
  errorText: (body) => (body.error as JsonObject | undefined)?.message,
}

const gemini: Dialect = {
  name: 'gemini',
  mount: '/gemini',
  path: (isStream) =>
    `/v1beta/models/gemini-3-pro:${isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  key: ['x-goog-api-key', 'AIza-client'],
  body: (said) => ({
    contents: said.map(({ role, text }) => ({
      role: role === 'user' ? 'user' : 'model',
      parts: [{ text }],
    })),
  }),
  whole: (text) => geminiPart(text, 'STOP'),
  streamType: 'text/event-stream',
  // Google ends its lines with CR LF.
  frames: (pieces) =>
    pieces.map((text, i) =>
      data(geminiPart(text, i === pieces.length - 1 ? 'STOP' : null)).replaceAll('\n', '\r\n'),
    ),
  error: (status, message) => ({ error: { code: status, message, status: 'SCRIPTED' } }),
  errorText: (body) => (body.error as JsonObject | undefined)?.message,
}

function geminiPart(text: string, finish: string | null): JsonObject {
  return {
    candidates: [
      {
        content: { role: 'model', parts: [{ text }] },
        index: 0,
        ...(finish ? { finishReason: finish } : {}),
      },
    ],
    ...(finish
      ? { usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 5, totalTokenCount: 14 } }
      : {}),
    modelVersion: 'gemini-3-pro',
  }
}

const ollamaChat: Dialect = {
  name: 'ollama chat',
  mount: '/ollama',
  path: () => '/api/chat',
  key: ['X-Nothing', 'none'],
  body: (said, stream) => ({ model: 'llama3.2', messages: chat(said), stream }),
  whole: (text) => ({ ...ollamaPart(text, true), ...OLLAMA_COUNTS }),
  streamType: 'application/x-ndjson',
  frames: (pieces) => [
    ...pieces.map((text) => `${JSON.stringify(ollamaPart(text, false))}\n`),
    `${JSON.stringify({ ...ollamaPart('', true), ...OLLAMA_COUNTS })}\n`,
  ],
  error: (_status, message) => ({ error: message }),
  errorText: (body) => body.error,
}

function ollamaPart(content: string, done: boolean): JsonObject {
  return {
    model: 'llama3.2',
    created_at: '2026-11-23T12:00:00Z',
    message: { role: 'assistant', content },
    ...(done ? { done_reason: 'stop' } : {}),
    done,
  }
}

const OLLAMA_COUNTS = {
  total_duration: 1,
  load_duration: 1,
  prompt_eval_count: 9,
  prompt_eval_duration: 1,
  eval_count: 5,
  eval_duration: 1,
}

export const DIALECTS: readonly Dialect[] = [
  openaiChat,
  openaiResponses,
  anthropicMessages,
  gemini,
  ollamaChat,
]

export function dialect(name: Dialect['name']): Dialect {
  return DIALECTS.find((each) => each.name === name)!
}

/** What a request to this path speaks. @throws Error when it is none of the five */
export function dialectOf(target: string): Dialect {
  const [path = ''] = target.split('?')
  const found = path.includes('enerateContent')
    ? gemini
    : DIALECTS.find((each) => path.endsWith(each.path(false)))
  if (!found) throw new Error(`no dialect has the path ${path}`)
  return found
}
