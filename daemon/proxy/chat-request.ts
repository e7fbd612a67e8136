import { stripInjected } from '../../memory/echo.ts'
import { EngramError } from '../../memory/errors.ts'
import { type ChatBody, textOf } from '../../providers/openai.ts'
import { readVendorName, type Vendor, vendorAt } from '../../providers/vendors.ts'
import { arrivalOf } from '../activity.ts'
import { checkContentType, parseJson, readBytes } from '../body.ts'
import { exchangeTurns, type Message, NOTHING_BEFORE, traceOf } from '../exchange.ts'
import { LIMITS } from '../rest/schema.ts'
import type { Services } from '../services.ts'
import { identifyCaller } from './caller.ts'
import type { Inquiry } from './inquiry.ts'
import { readMemoryMode } from './memory-mode.ts'
import { readConversation, readNamespace } from './request-options.ts'

/** A request to the translating endpoint, read and checked, before anything is done about it. */
export type ChatRequest = Readonly<{
  inquiry: Inquiry
  vendor: Vendor
  baseUrl: string
  /** The provider's key: the client's own, or the configured one. */
  credential: string | null
  body: ChatBody
  /** As it came, for when nothing is changed. */
  bytes: Uint8Array
}>

/** The end of a long message says what it wants. */
const MAX_QUESTION_CHARACTERS = 1_000

/** @throws EngramError for what is wrong with the request; nothing has happened then. */
export async function readChatRequest(
  request: Request,
  token: string | null,
  services: Services,
): Promise<ChatRequest> {
  const { headers } = request
  const arrival = arrivalOf(headers, '/v1/chat', services.now())
  const mode = readMemoryMode(headers)
  const { user, isKnown, readOnly } = await identifyCaller(request, token, services)
  services.keepOpen(request)
  checkContentType(request)
  const bytes = await readBytes(request, LIMITS.chatBytes)
  const body = readChatBody(parseJson(bytes))
  const name = readVendorName(headers.get('x-engram-provider') ?? 'openai')
  const baseUrl = services.config[`providers.${name}.base_url`]
  const vendor = vendorAt(name, baseUrl)
  const messages = spokenMessages(body)
  const turns = exchangeTurns(messages, services.now())
  return {
    inquiry: {
      user,
      scope: { userId: user.id, namespace: readNamespace(headers) },
      arrival,
      mode: { read: mode.read, write: mode.write && !readOnly },
      vendor: name,
      model: body.model,
      turns,
      trace: traceOf(turns, readConversation(headers)),
      hash: turns.at(-1)?.prefixHash ?? NOTHING_BEFORE,
      prefill: '',
      question: questionOf(messages),
      skip: mode.read ? null : 'off',
      anchored: null,
    },
    vendor,
    baseUrl,
    credential: findCredential(headers, vendor, isKnown, services),
    body,
    bytes,
  }
}

function readChatBody(value: unknown): ChatBody {
  const body = value as { messages?: unknown; model?: unknown; stream?: unknown } | null
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new EngramError('invalid', 'the body must be a JSON object with "messages"')
  }
  const { messages, model, stream } = body
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new EngramError('invalid', 'messages must be a list with at least one message')
  }
  for (const [i, message] of messages.entries()) {
    if (message === null || typeof message !== 'object' || typeof message.role !== 'string') {
      throw new EngramError('invalid', `messages[${i}] must be an object with a role`)
    }
  }
  if (typeof model !== 'string' || model === '') {
    throw new EngramError('invalid', 'model must be the name of a model')
  }
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    throw new EngramError('invalid', `stream must be true or false, got ${JSON.stringify(stream)}`)
  }
  return body as ChatBody
}

/** The human's and the assistant's words in order; system text, tools, their callers and images are left out. */
function spokenMessages(body: ChatBody): Message[] {
  const spoken: Message[] = []
  for (const { role, content, name, tool_calls } of body.messages) {
    if (role !== 'user' && role !== 'assistant') continue
    if (Array.isArray(tool_calls) && tool_calls.length > 0) continue
    const text = stripInjected(textOf(content)).trim()
    const speaker = typeof name === 'string' ? name : null
    if (text !== '') spoken.push({ role, content: text, speaker, saidAt: null })
  }
  return spoken
}

function questionOf(messages: readonly Message[]): string {
  const last = messages.findLast(({ role }) => role === 'user')
  return last?.content.slice(-MAX_QUESTION_CHARACTERS) ?? ''
}

/**
 * The client's own provider key, in whatever header its SDK puts it. The configured key is spent only for
 * callers who proved who they are.
 */
function findCredential(
  headers: Headers,
  vendor: Vendor,
  isKnown: boolean,
  { config }: Services,
): string | null {
  const bearer = /^bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const given =
    headers.get('x-engram-provider-key') ??
    [bearer, headers.get('x-api-key'), headers.get('x-goog-api-key')]
      .map((key) => (key?.startsWith('ek_') ? key.split('~').slice(1).join('~') : key))
      .find(Boolean)
  if (given) return given
  const configured = vendor.name === 'ollama' ? null : config[`providers.${vendor.name}.api_key`]
  if (configured !== null && (isKnown || config.demo)) return configured
  if (!vendor.needsKey) return null
  throw new EngramError('unauthorized', `no key for ${vendor.name} came with the request`, {
    fix:
      configured === null
        ? `send it as Authorization: Bearer …, or set ENGRAM_${vendor.name.toUpperCase()}_API_KEY for the daemon`
        : 'the configured key is used only with an X-Engram-Key',
  })
}
