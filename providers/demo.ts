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

/** Speaks OpenAI chat (Ollama's too), Anthropic Messages and Gemini, on a free port of 127.0.0.1. */
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
  const dialect = DIALECTS.find(({ path }) => path.test(pathname))
  if (request.method !== 'POST' || !dialect) {
    return refuse(404, `the demo has nothing at ${request.method} ${pathname}`)
  }
  const body = parseJson(await request.text())
  if (!isFields(body)) return refuse(400, 'the body must be a JSON object')
  const text = demoAnswer(dialect.read(body))
  if (!dialect.isStream(body, pathname)) return Response.json(dialect.whole(text))
  return new Response(paced(dialect.frames(text)), {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
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

const DIALECTS = [openaiChat, anthropicMessages, gemini]

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
