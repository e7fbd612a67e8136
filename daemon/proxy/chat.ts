import { z } from 'zod'
import { EngramError, messageOf } from '../../memory/errors.ts'
import { newId } from '../../memory/ids.ts'
import type { JsonObject } from '../../memory/memory.ts'
import { type Recalled, type RecallSettings, recall, toBlockItem } from '../../memory/recall.ts'
import { renderBlock } from '../../memory/render.ts'
import { clientHeaders, send, upstreamHeaders } from '../../providers/egress.ts'
import { openAiError } from '../../providers/openai.ts'
import { replyOf } from '../../providers/openai-answer.ts'
import type { Reply } from '../../providers/reply.ts'
import type { ChatStream, TranslatedRequest } from '../../providers/translation.ts'
import { type Outcome, withinBudget } from '../budget.ts'
import { nextHash } from '../exchange.ts'
import { recallDetail } from '../receipt.ts'
import { recallSettingsOf } from '../rest/users.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { type ChatRequest, readChatRequest } from './chat-request.ts'
import { placeInSystem } from './system-placement.ts'

/** How long the end of an answer waits for its exchange to be on disk. Then the user gets the answer. */
const RECORD_BUDGET_MS = 2_000
/** A complete answer that is larger than this is no chat answer. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** OpenAI-shaped chat with any provider; memory goes into the system prompt. */
export const chatRoutes: Route[] = ['/v1/chat', '/v1/chat/completions'].map((path) =>
  route({
    method: 'POST',
    path,
    access: 'proxy',
    tag: 'proxy',
    summary:
      'Chat in OpenAI’s form with the provider that X-Engram-Provider names, with memory in the system prompt',
    answers: {
      200: { description: 'OpenAI’s answer, complete or as a stream', schema: z.looseObject({}) },
    },
    handle: ({ request, services }) => answerChat(request, services),
  }),
)

/** What memory did for a request, before the provider is asked. */
type Prepared = Readonly<{
  settings: RecallSettings
  conversationId: string
  /** null when nothing of the request is kept. */
  receiptId: string | null
  recalled: Outcome<Recalled> | null
  block: string
  injected: number
  tookMs: number
}>

async function answerChat(request: Request, services: Services): Promise<Response> {
  let asked: ChatRequest
  try {
    asked = await readChatRequest(request, services)
  } catch (error) {
    return refusal(error, services)
  }
  const prepared = await prepare(asked, services)
  const commit = once((reply, ending, outcome) =>
    record(asked, prepared, reply, ending, outcome, services),
  )
  try {
    const wired = asked.vendor.translation.toRequest(
      prepared.block === '' ? asked.body : placeInSystem(asked.body, prepared.block),
    )
    const upstream = await ask(request, asked, prepared, wired)
    const headers = answerHeaders(upstream, prepared, wired)
    const finish: Finish = (reply, ending) =>
      commit(reply, ending, { status: upstream.status, dropped: wired.dropped })
    if (!upstream.ok) return await failed(asked, upstream, headers, finish)
    return asked.body.stream
      ? streamed(asked, upstream, headers, finish, request.signal)
      : await complete(asked, upstream, headers, finish)
  } catch (error) {
    // Who leaves before the answer has still said what they said.
    await commit(null, request.signal.aborted ? 'cut off' : 'refused', { error: messageOf(error) })
    return refusal(error, services)
  }
}

/** Finds conversation and memories within the deadline; whatever goes wrong, the request goes on without. */
async function prepare(asked: ChatRequest, services: Services): Promise<Prepared> {
  const started = performance.now()
  const { config } = services
  const settings = {
    maxItems: recallSettingsOf(asked.user, services).max_memories_injected,
    budgetTokens: config['recall.budget_tokens'],
    threshold: recallSettingsOf(asked.user, services).retrieval_threshold,
    turns: config['recall.quote_turns'],
    pinned: true,
  }
  let conversationId = newId('conversation')
  const recalled = await withinBudget(config['recall.deadline_ms'], async (signal) => {
    conversationId = await locate(asked, services)
    if (!asked.mode.read || asked.question === '') return null
    const question = { scope: asked.scope, text: asked.question, conversationId }
    return recall(question, settings, services, signal)
  })
  const used = recalled.done && recalled.value ? recalled.value : null
  if (!recalled.done) {
    services.log.warn({ reason: recalled.reason, error: recalled.detail }, 'memory skipped')
  }
  return {
    settings,
    conversationId,
    receiptId: asked.mode.read || asked.mode.write ? newId('receipt') : null,
    recalled: !recalled.done ? recalled : used ? { done: true, value: used } : null,
    block: used ? renderBlock(used.items.map(toBlockItem)) : '',
    injected: used?.items.length ?? 0,
    tookMs: performance.now() - started,
  }
}

async function locate(asked: ChatRequest, { store }: Services): Promise<string> {
  try {
    return (await store.conversations.locate(asked.scope, asked.trace)).id
  } catch (error) {
    // An id that is not (or no longer) ours: the client's chat goes on under a new one.
    if (error instanceof EngramError && error.code === 'not_found') return newId('conversation')
    throw error
  }
}

function ask(
  request: Request,
  asked: ChatRequest,
  prepared: Prepared,
  wired: TranslatedRequest,
): Promise<Response> {
  const { vendor, credential } = asked
  const headers = upstreamHeaders(request.headers)
  for (const name of ['authorization', 'x-api-key', 'x-goog-api-key']) headers.delete(name)
  for (const [name, value] of Object.entries(vendor.headers)) {
    if (!headers.has(name)) headers.set(name, value)
  }
  if (credential !== null) headers.set(...vendor.credential(credential))
  headers.set('content-type', 'application/json')
  headers.set('accept-encoding', 'identity')
  const isUntouched = prepared.block === '' && vendor.translation.name === 'openai-chat'
  return send({
    url: vendor.endpoint(asked.baseUrl, wired.path),
    method: 'POST',
    headers,
    body: isUntouched ? asked.bytes : JSON.stringify(wired.body),
    signal: request.signal,
  })
}

function answerHeaders(upstream: Response, prepared: Prepared, wired: TranslatedRequest): Headers {
  const headers = clientHeaders(upstream.headers, true)
  headers.set('x-engram-conversation-id', prepared.conversationId)
  headers.set('x-engram-memories-injected', String(prepared.injected))
  if (prepared.receiptId !== null) headers.set('x-engram-receipt', prepared.receiptId)
  headers.set('x-engram-memory', memoryState(prepared))
  if (wired.dropped.length > 0) headers.set('x-engram-dropped', wired.dropped.join(', '))
  return headers
}

function memoryState({ recalled, injected }: Prepared): string {
  if (recalled === null) return 'skipped; reason=off'
  if (!recalled.done) return `skipped; reason=${recalled.reason}`
  const degraded = recalled.value.degraded === null ? '' : '; degraded=text'
  return (injected > 0 ? 'used' : 'none') + degraded
}

/** How an answer came to its end. */
type Ending = 'complete' | 'cut off' | 'refused'
type Finish = (reply: Reply | null, ending: Ending) => Promise<void>
type Commit = (reply: Reply | null, ending: Ending, outcome: JsonObject) => Promise<void>

async function complete(
  asked: ChatRequest,
  upstream: Response,
  headers: Headers,
  finish: Finish,
): Promise<Response> {
  const bytes = await readAnswer(upstream)
  const text = new TextDecoder().decode(bytes)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new EngramError('upstream', `${asked.vendor.name} answered something that is not JSON`)
  }
  if (asked.vendor.translation.name === 'openai-chat') {
    await finish(replyOf(answer), 'complete')
    return new Response(bytes as Uint8Array<ArrayBuffer>, { status: upstream.status, headers })
  }
  const completion = asked.vendor.translation.toCompletion(answer, asked.body)
  await finish(replyOf(completion), 'complete')
  headers.set('content-type', 'application/json')
  return new Response(JSON.stringify(completion), { status: upstream.status, headers })
}

async function failed(
  asked: ChatRequest,
  upstream: Response,
  headers: Headers,
  finish: Finish,
): Promise<Response> {
  const text = new TextDecoder().decode(await readAnswer(upstream))
  await finish(null, 'refused')
  headers.set('content-type', 'application/json')
  const error = asked.vendor.translation.toError(upstream.status, text)
  return new Response(JSON.stringify(error), { status: upstream.status, headers })
}

/**
 * Forwards a stream as it comes. The chunk with the terminal frame waits until the exchange is on disk: who
 * has seen the end can rely on it. An answer that breaks off breaks off for the client too, and leaves the
 * user's turn and what was said of the answer.
 */
function streamed(
  asked: ChatRequest,
  upstream: Response,
  headers: Headers,
  finish: Finish,
  clientLeft: AbortSignal,
): Response {
  const stream: ChatStream = asked.vendor.translation.createStream(asked.body)
  const reader = upstream.body!.getReader()
  let ended = false
  const cutOff = () => finish(stream.reply(), ended ? 'complete' : 'cut off')
  clientLeft.addEventListener('abort', () => void cutOff(), { once: true })
  headers.set('content-type', 'text/event-stream; charset=utf-8')
  headers.set('cache-control', 'no-cache')
  headers.set('x-accel-buffering', 'no')
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = await reader.read()
          const { bytes, done: last } = done ? atEnd(stream) : stream.push(value)
          if (last) {
            ended = true
            await finish(stream.reply(), 'complete')
          } else if (done) await cutOff()
          if (bytes.length > 0) controller.enqueue(bytes)
          if (done) return controller.close()
          if (bytes.length > 0) return
        }
      } catch (error) {
        await cutOff()
        controller.error(error)
      }
    },
    async cancel(reason) {
      await reader.cancel(reason).catch(() => {}) // the upstream may be gone already
      await cutOff()
    },
  })
  return new Response(body, { status: upstream.status, headers })
}

function atEnd(stream: ChatStream) {
  const { bytes, complete: isComplete } = stream.end()
  return { bytes, done: isComplete }
}

async function readAnswer(upstream: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of (upstream.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength
      if (size > MAX_ANSWER_BYTES) {
        throw new EngramError('upstream', `the answer is larger than ${MAX_ANSWER_BYTES} bytes`)
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof EngramError || (error as Error).name === 'AbortError') throw error
    throw new EngramError('upstream', `the provider's answer broke off: ${messageOf(error)}`)
  }
  return Buffer.concat(chunks)
}

/**
 * Keeps the exchange: turns, receipt and extraction job in one transaction. Bounded in time and never fails:
 * storage trouble is logged, and the answer goes out.
 */
async function record(
  asked: ChatRequest,
  prepared: Prepared,
  reply: Reply | null,
  ending: Ending,
  upstream: JsonObject,
  services: Services,
): Promise<void> {
  const { recalled, receiptId } = prepared
  if (receiptId === null) return
  const outcome: JsonObject = {
    provider: asked.vendor.name,
    model: asked.body.model,
    ending,
    finish_reason: reply?.finishReason ?? null,
    usage: (reply?.usage ?? null) as JsonObject | null,
    ...upstream,
  }
  const detail: JsonObject =
    recalled?.done === true
      ? { ...recallDetail(recalled.value, prepared.settings, services), outcome }
      : {
          mode: 'off',
          degraded:
            recalled === null ? 'reading was off' : `${recalled.reason}: ${recalled.detail}`,
          candidates: [],
          outcome,
        }
  const keepsTurns = asked.mode.write && ending !== 'refused'
  const items = recalled?.done === true ? recalled.value.items : []
  const stored = await withinBudget(RECORD_BUDGET_MS, () =>
    services.store.conversations.record({
      scope: asked.scope,
      conversationId: prepared.conversationId,
      source: asked.trace.source,
      sessionId: asked.trace.sessionId,
      turns: keepsTurns ? turnsToKeep(asked, reply, ending, services.now()) : [],
      receipt: {
        id: receiptId,
        kind: 'chat',
        query: asked.question,
        injected: prepared.injected,
        tokens: recalled?.done === true ? recalled.value.tokens : 0,
        tookMs: prepared.tookMs,
        detail,
      },
      usedMemoryIds: items.filter(({ kind }) => kind === 'memory').map(({ id }) => id),
      extraction: keepsTurns ? { injected: items.map(({ content }) => content) } : null,
      anchor: null,
      usedAnchors: [],
    }),
  )
  if (!stored.done) {
    services.log.error({ reason: stored.reason, error: stored.detail }, 'exchange not recorded')
    return
  }
  services.jobs.wake('extract')
  services.jobs.wake('embed')
}

function turnsToKeep(asked: ChatRequest, reply: Reply | null, ending: Ending, now: number) {
  const said = reply?.text.trim() ?? ''
  if (said === '') return asked.turns
  const before = asked.turns.at(-1)?.prefixHash ?? new Uint8Array(16)
  return [
    ...asked.turns,
    {
      role: 'assistant' as const,
      speaker: null,
      content: said,
      truncated: ending !== 'complete' || reply!.truncated,
      model: reply!.model ?? asked.body.model,
      saidAt: now,
      prefixHash: nextHash(before, 'assistant', said),
    },
  ]
}

/** Our own refusals in the form that OpenAI's clients read. */
function refusal(error: unknown, { log }: Services): Response {
  if ((error as Error)?.name === 'AbortError') return new Response(null, { status: 499 })
  if (!(error instanceof EngramError)) {
    log.error({ error: messageOf(error), stack: (error as Error)?.stack }, 'unexpected error')
    return openAiRefusal(500, 'an unexpected error of Engram', 'internal')
  }
  const status = REFUSALS[error.code] ?? 500
  if (status >= 500) log.warn({ code: error.code, error: error.message }, 'request failed')
  const message = error.fix ? `${error.message} (${error.fix})` : error.message
  return openAiRefusal(status, `Engram: ${message}`, error.code)
}

const REFUSALS: Readonly<Partial<Record<EngramError['code'], number>>> = {
  malformed: 400,
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
}

function openAiRefusal(status: number, message: string, code: string): Response {
  return Response.json(openAiError(status, message, `engram_${code}`), { status })
}

function once(work: Commit): Commit {
  let running: Promise<void> | null = null
  return (...args) => {
    running ??= work(...args)
    return running
  }
}
