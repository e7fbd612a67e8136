/**
 * Chat in OpenAI's form with any provider: the request is translated, and so is its answer. Memory goes into
 * the system prompt.
 */
import { EngramError, messageOf } from '../../memory/errors.ts'
import { toBlockItem } from '../../memory/judge.ts'
import { renderBlock } from '../../memory/render.ts'
import { clientHeaders, send, upstreamHeaders } from '../../providers/egress.ts'
import { replyOf } from '../../providers/openai-answer.ts'
import type { ChatStream, TranslatedRequest } from '../../providers/translation.ts'
import type { Services } from '../services.ts'
import { type ChatRequest, readChatRequest } from './chat-request.ts'
import { memoryIdsOf } from './inject.ts'
import { once } from './once.ts'
import { prepare } from './prepare.ts'
import { type Commit, type Injected, NOTHING_INJECTED, record } from './record.ts'
import { refusal, statusOf } from './refusal.ts'
import { type Finish, type Follower, relay, type Upstream } from './relay.ts'
import { placeInSystem } from './system-placement.ts'
import { limitsOf, tellMemory } from './tell.ts'

/** A complete answer that is larger than this is no chat answer. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export async function answerTranslated(
  request: Request,
  token: string | null,
  services: Services,
): Promise<Response> {
  let asked: ChatRequest
  try {
    asked = await readChatRequest(request, token, services)
  } catch (error) {
    return refusal(error, 'openai', services)
  }
  const { inquiry, vendor } = asked
  const prepared = await prepare(inquiry, services)
  const items = prepared.recalled?.done ? prepared.recalled.value.items : []
  const injected: Injected = {
    ...NOTHING_INJECTED,
    memoryIds: memoryIdsOf(items),
    contents: items.map(({ content }) => content),
  }
  const commit: Commit = once((reply, ending, outcome) =>
    record(inquiry, prepared, injected, reply, ending, outcome, services),
  )
  try {
    const block = renderBlock(items.map(toBlockItem))
    const wired = vendor.translation.toRequest(
      block === '' ? asked.body : placeInSystem(asked.body, block),
    )
    const isUntouched = block === '' && vendor.translation.name === 'openai-chat'
    const upstream = await ask(request, asked, wired, isUntouched)
    const { response } = upstream
    const headers = clientHeaders(response.headers, true)
    if (wired.dropped.length > 0) headers.set('x-engram-dropped', wired.dropped.join(', '))
    tellMemory(headers, prepared, injected.contents.length, services)
    services.metrics.countRequest(vendor.name, 'translated', response.status)
    const finish: Finish = (reply, ending) =>
      commit(reply, ending, { status: response.status, dropped: wired.dropped })
    if (!response.ok) return await failed(asked, response, headers, finish)
    if (!asked.body.stream) return await complete(asked, response, headers, finish)
    headers.set('content-type', 'text/event-stream; charset=utf-8')
    headers.set('cache-control', 'no-cache')
    headers.set('x-accel-buffering', 'no')
    const follower = followStream(vendor.translation.createStream(asked.body))
    return await relay(upstream, headers, follower, finish, limitsOf(request, services))
  } catch (error) {
    // Who leaves before the answer has still said what they said.
    await commit(null, request.signal.aborted ? 'cut off' : 'refused', {
      error: messageOf(error),
      status: statusOf(error),
    })
    return refusal(error, 'openai', services)
  }
}

async function ask(
  request: Request,
  { vendor, credential, baseUrl, bytes }: ChatRequest,
  wired: TranslatedRequest,
  isUntouched: boolean,
): Promise<Upstream> {
  const headers = upstreamHeaders(request.headers)
  for (const name of ['authorization', 'x-api-key', 'x-goog-api-key']) headers.delete(name)
  for (const [name, value] of Object.entries(vendor.headers)) {
    if (!headers.has(name)) headers.set(name, value)
  }
  if (credential !== null) headers.set(...vendor.credential(credential))
  headers.set('content-type', 'application/json')
  headers.set('accept-encoding', 'identity')
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (request.signal.aborted) abort()
  request.signal.addEventListener('abort', abort, { once: true })
  const response = await send({
    url: vendor.endpoint(baseUrl, wired.path),
    method: 'POST',
    headers,
    body: isUntouched ? bytes : JSON.stringify(wired.body),
    signal: controller.signal,
  })
  return { response, abort }
}

async function complete(
  asked: ChatRequest,
  upstream: Response,
  headers: Headers,
  finish: Finish,
): Promise<Response> {
  const { vendor } = asked
  const bytes = await readAnswer(upstream)
  const text = new TextDecoder().decode(bytes)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new EngramError('upstream', `${vendor.name} answered something that is not JSON`)
  }
  if (vendor.translation.name === 'openai-chat') {
    await finish(replyOf(answer), 'complete')
    return new Response(bytes as Uint8Array<ArrayBuffer>, { status: upstream.status, headers })
  }
  const completion = vendor.translation.toCompletion(answer, asked.body)
  await finish(replyOf(completion), 'complete')
  headers.set('content-type', 'application/json')
  return new Response(JSON.stringify(completion), { status: upstream.status, headers })
}

async function failed(
  { vendor }: ChatRequest,
  upstream: Response,
  headers: Headers,
  finish: Finish,
): Promise<Response> {
  const text = new TextDecoder().decode(await readAnswer(upstream))
  await finish(null, 'refused')
  headers.set('content-type', 'application/json')
  const error = vendor.translation.toError(upstream.status, text)
  return new Response(JSON.stringify(error), { status: upstream.status, headers })
}

function followStream(stream: ChatStream): Follower {
  return {
    push(chunk) {
      const { bytes, done } = stream.push(chunk)
      return { bytes, progress: done ? 'ended' : 'open' }
    },
    end: () => stream.end(),
    reply: () => stream.reply(),
  }
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
