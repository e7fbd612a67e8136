/** A provider that is none, for trying Engram out without a key: it tells what reached it. */
import type { JsonObject } from '../memory/memory.ts'
import { type DemoRequest, demoAnswer, readDemoRequest } from './demo-answer.ts'
import { type Fields, isFields, parseJson } from './json.ts'
import type { VendorName } from './vendors.ts'

export type DemoUpstream = Readonly<{
  /** What to configure as each vendor's base URL; all four are this one server. */
  baseUrls: Readonly<Record<VendorName, string>>
  stop(): Promise<void>
}>

/** Speaks OpenAI chat and Responses, Anthropic Messages, Gemini and Ollama, on a free port of 127.0.0.1. */
export async function startDemoUpstream(): Promise<DemoUpstream> {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 0, fetch: answer })
  const baseUrl = server.url.origin
  return {
    baseUrls: { openai: baseUrl, anthropic: baseUrl, gemini: baseUrl, ollama: baseUrl },
    stop: () => server.stop(true),
  }
}

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/v1/models') return Response.json(MODELS)
  if (pathname === '/api/tags') return Response.json({ models: [{ name: 'demo', model: 'demo' }] })
  const dialect = DIALECTS.find(({ path }) => path.test(pathname))
  if (request.method !== 'POST' || !dialect) {
    return refuse(404, `the demo has nothing at ${request.method} ${pathname}`)
  }
  const body = parseJson(await request.text())
  if (!isFields(body)) return refuse(400, 'the body must be a JSON object')
  const text = demoAnswer(dialect.read(body))
  if (!dialect.isStream(body, pathname)) return Response.json(dialect.whole(text))
  return new Response(paced(dialect.frames(text)), {
    headers: {
      'content-type': dialect.streamType ?? 'text/event-stream',
      'cache-control': 'no-cache',
    },
  })
}

const MODELS = {
  object: 'list',
  data: [{ id: 'demo', object: 'model', created: 0, owned_by: 'engram' }],
}

/** One error object that OpenAI's, Anthropic's and Google's clients all understand. */
function refuse(status: number, message: string): Response {
  const type = status === 404 ? 'not_found_error' : 'invalid_request_error'
  return Response.json(
    { type: 'error', error: { message, type, param: null, code: null, status: String(status) } },
    { status },
  )
}

type Dialect = Readonly<{
  path: RegExp
  read(body: Fields): DemoRequest
  isStream(body: Fields, pathname: string): boolean
  whole(text: string): JsonObject
  frames(text: string): string[]
  /** When it is not server-sent events. */
  streamType?: string
}>

const openaiChat: Dialect = {
  path: /^\/v1\/chat\/completions$/,
  read: ({ messages }) => readDemoRequest('', messages),
  isStream: ({ stream }) => stream === true,
  whole: (text) => ({
    id: 'chatcmpl-demo',
    object: 'chat.completion',
    created: 0,
    model: 'demo',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  }),
  frames(text) {
    const chunk = (delta: JsonObject, finish_reason: string | null = null) =>
      dataFrame({
        id: 'chatcmpl-demo',
        object: 'chat.completion.chunk',
        created: 0,
        model: 'demo',
        choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      })
    return [
      chunk({ role: 'assistant', content: '' }),
      ...piecesOf(text).map((content) => chunk({ content })),
      chunk({}, 'stop'),
      'data: [DONE]\n\n',
    ]
  },
}

const NO_USAGE = { input_tokens: 0, output_tokens: 0 }
const MESSAGE = {
  id: 'msg_demo',
  type: 'message',
  role: 'assistant',
  model: 'demo',
  stop_sequence: null,
  usage: NO_USAGE,
}

const anthropicMessages: Dialect = {
  path: /^\/v1\/messages$/,
  read: ({ system, messages }) => readDemoRequest(system, messages),
  isStream: ({ stream }) => stream === true,
  whole: (text) => ({ ...MESSAGE, content: [{ type: 'text', text }], stop_reason: 'end_turn' }),
  frames: (text) =>
    [
      { type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...piecesOf(text).map((piece) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: piece },
      })),
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: NO_USAGE,
      },
      { type: 'message_stop' },
    ].map((event) => `event: ${event.type}\n${dataFrame(event)}`),
}

const gemini: Dialect = {
  path: /^\/v1beta\/models\/[^/]+:(stream)?[gG]enerateContent$/,
  read: ({ systemInstruction, system_instruction, contents }) => {
    const instruction = systemInstruction ?? system_instruction
    return readDemoRequest(isFields(instruction) ? instruction.parts : '', contents)
  },
  isStream: (_, pathname) => pathname.endsWith(':streamGenerateContent'),
  whole: (text) => geminiAnswer(text, true),
  frames: (text) =>
    piecesOf(text).map((piece, place, all) =>
      dataFrame(geminiAnswer(piece, place === all.length - 1)),
    ),
}

function geminiAnswer(text: string, isLast: boolean): JsonObject {
  const content = { role: 'model', parts: [{ text }] }
  return {
    responseId: 'demo',
    modelVersion: 'demo',
    candidates: [{ index: 0, content, ...(isLast && { finishReason: 'STOP' }) }],
    usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 },
  }
}

const openaiResponses: Dialect = {
  path: /^\/v1\/responses$/,
  read: ({ instructions, input }) =>
    readDemoRequest(instructions, typeof input === 'string' ? [{ content: input }] : input),
  isStream: ({ stream }) => stream === true,
  whole: (text) => response(text, 'completed'),
  frames: (text) =>
    [
      { type: 'response.created', response: response(null, 'in_progress') },
      { type: 'response.output_item.added', output_index: 0, item: outputMessage([]) },
      {
        type: 'response.content_part.added',
        item_id: 'msg_demo',
        output_index: 0,
        content_index: 0,
        part: outputText(''),
      },
      ...piecesOf(text).map((delta) => ({
        type: 'response.output_text.delta',
        item_id: 'msg_demo',
        output_index: 0,
        content_index: 0,
        delta,
      })),
      { type: 'response.completed', response: response(text, 'completed') },
    ].map(
      (event, sequence_number) =>
        `event: ${event.type}\n${dataFrame({ ...event, sequence_number })}`,
    ),
}

function response(text: string | null, status: string): JsonObject {
  return {
    id: 'resp_demo',
    object: 'response',
    created_at: 0,
    status,
    error: null,
    incomplete_details: null,
    model: 'demo',
    output: text === null ? [] : [outputMessage([outputText(text)])],
    usage: {
      input_tokens: 0,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 0,
    },
  }
}

function outputMessage(content: JsonObject[]): JsonObject {
  return { id: 'msg_demo', type: 'message', status: 'completed', role: 'assistant', content }
}

function outputText(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [] }
}

const OLLAMA_STREAM = 'application/x-ndjson'

const ollamaChat: Dialect = {
  path: /^\/api\/chat$/,
  read: ({ messages }) => readDemoRequest('', messages),
  isStream: ({ stream }) => stream !== false,
  whole: (text) => ollamaEnd({ message: { role: 'assistant', content: text } }),
  frames: (text) => [
    ...piecesOf(text).map((content) => ollamaLine({ message: { role: 'assistant', content } })),
    `${JSON.stringify(ollamaEnd({ message: { role: 'assistant', content: '' } }))}\n`,
  ],
  streamType: OLLAMA_STREAM,
}

const ollamaGenerate: Dialect = {
  path: /^\/api\/generate$/,
  read: ({ system, prompt }) => readDemoRequest(system, [{ content: prompt }]),
  isStream: ({ stream }) => stream !== false,
  whole: (text) => ollamaEnd({ response: text }),
  frames: (text) => [
    ...piecesOf(text).map((piece) => ollamaLine({ response: piece })),
    `${JSON.stringify(ollamaEnd({ response: '' }))}\n`,
  ],
  streamType: OLLAMA_STREAM,
}

const OLLAMA_HEAD = { model: 'demo', created_at: '1970-01-01T00:00:00Z' }

function ollamaLine(said: JsonObject): string {
  return `${JSON.stringify({ ...OLLAMA_HEAD, ...said, done: false })}\n`
}

function ollamaEnd(said: JsonObject): JsonObject {
  const counts = { prompt_eval_count: 0, eval_count: 0, total_duration: 0 }
  return { ...OLLAMA_HEAD, ...said, done: true, done_reason: 'stop', ...counts }
}

const DIALECTS = [
  openaiChat,
  openaiResponses,
  anthropicMessages,
  gemini,
  ollamaChat,
  ollamaGenerate,
]

function dataFrame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** The text in small pieces, no character broken. */
function piecesOf(text: string): string[] {
  return text.match(/.{1,24}/gsu) ?? []
}

const PAUSE_MS = 10

/** One frame at a time, as a model would send them. */
async function* paced(frames: readonly string[]): AsyncGenerator<string> {
  for (const frame of frames) {
    yield frame
    await Bun.sleep(PAUSE_MS)
  }
}
