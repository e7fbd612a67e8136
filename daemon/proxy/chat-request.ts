import { stripInjected } from '../../memory/echo.ts'
import { EngramError } from '../../memory/errors.ts'
import { DEFAULT_NAMESPACE, type Scope } from '../../memory/memory.ts'
import { type ChatBody, textOf } from '../../providers/openai.ts'
import { readVendorName, type Vendor, vendorAt } from '../../providers/vendors.ts'
import type { ConversationTrace } from '../../storage/conversations.ts'
import type { User } from '../../storage/users.ts'
import { checkContentType, parseJson, readBytes, textProblem } from '../body.ts'
import { type ExchangeTurn, exchangeTurns, type Message, traceOf } from '../exchange.ts'
import { isLocalRequest } from '../local.ts'
import { LIMITS } from '../rest/schema.ts'
import type { Services } from '../services.ts'
import { type MemoryMode, readMemoryMode } from './memory-mode.ts'

/** A request to the chat endpoint, read and checked, before anything is done about it. */
export type ChatRequest = Readonly<{
  user: User
  scope: Scope
  mode: MemoryMode
  vendor: Vendor
  baseUrl: string
  /** The provider's key: the client's own, or the configured one. */
  credential: string | null
  body: ChatBody
  /** As it came, for when nothing is changed. */
  bytes: Uint8Array
  /** The human's and the assistant's words in order; system text, tools and images are left out. */
  turns: readonly ExchangeTurn[]
  trace: ConversationTrace
  /** What memory is asked about; empty when no human said anything. */
  question: string
}>

/** The end of a long message says what it wants. */
const MAX_QUESTION_CHARACTERS = 1_000
/** Of a history that was never seen before, so many messages are kept. */
const MAX_NEW_HISTORY = 50

/** @throws EngramError for what is wrong with the request; nothing has happened then. */
export async function readChatRequest(request: Request, services: Services): Promise<ChatRequest> {
  const { headers } = request
  const mode = readMemoryMode(headers)
  const { user, isKnown } = await readUser(request, services)
  checkContentType(request)
  const bytes = await readBytes(request, LIMITS.chatBytes)
  const body = readChatBody(parseJson(bytes))
  const name = readVendorName(headers.get('x-engram-provider') ?? 'openai')
  const baseUrl = services.config[`providers.${name}.base_url`]
  const vendor = vendorAt(name, baseUrl)
  const messages = spokenMessages(body).slice(-MAX_NEW_HISTORY)
  const turns = exchangeTurns(messages, services.now())
  return {
    user,
    scope: { userId: user.id, namespace: readNamespace(headers) },
    mode,
    vendor,
    baseUrl,
    credential: findCredential(headers, vendor, isKnown, services),
    body,
    bytes,
    turns,
    trace: traceOf(turns, readConversation(headers)),
    question: questionOf(messages),
  }
}

async function readUser(
  request: Request,
  services: Services,
): Promise<{ user: User; isKnown: boolean }> {
  const caller = await services.identity.identify(request.headers)
  if (caller.kind === 'user') return { user: caller.user, isKnown: true }
  if (caller.kind === 'anonymous' && isLocalRequest(request, services.config)) {
    return { user: services.localUser(), isKnown: false }
  }
  throw new EngramError('unauthorized', 'an Engram key is needed here', {
    fix: 'send it as X-Engram-Key: ek_…',
  })
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

function spokenMessages(body: ChatBody): Message[] {
  const spoken: Message[] = []
  for (const { role, content, name } of body.messages) {
    if (role !== 'user' && role !== 'assistant') continue
    const text = fit(stripInjected(textOf(content)).trim())
    if (text !== '') spoken.push({ role, content: text, speaker: fitName(name), saidAt: null })
  }
  return spoken
}

/** Text that a provider accepts may still be unfit to be kept; the copy for memory is mended. */
function fit(text: string): string {
  if (textProblem(text) === null) return text
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '')
}

function fitName(name: unknown): string | null {
  return typeof name === 'string' && name.trim() !== '' ? fit(name.trim()).slice(0, 120) : null
}

function questionOf(messages: readonly Message[]): string {
  const last = messages.findLast(({ role }) => role === 'user')
  return last?.content.slice(-MAX_QUESTION_CHARACTERS) ?? ''
}

function readNamespace(headers: Headers): string {
  const name = headers.get('x-engram-namespace')?.trim()
  if (!name) return DEFAULT_NAMESPACE
  if (name.length > LIMITS.namespace || textProblem(name)) {
    throw new EngramError(
      'invalid',
      `X-Engram-Namespace must be at most ${LIMITS.namespace} characters without control characters`,
    )
  }
  return name
}

/** A conversation can be named by our id or by one of the client's own. */
function readConversation(headers: Headers) {
  const given = headers.get('x-engram-conversation-id')?.trim() || null
  if (given !== null && (given.length > LIMITS.sessionId || textProblem(given))) {
    throw new EngramError(
      'invalid',
      `X-Engram-Conversation-ID must be at most ${LIMITS.sessionId} characters`,
    )
  }
  const isOurs = given?.startsWith('conv_') ?? false
  return {
    source: 'proxy',
    conversationId: isOurs ? given : null,
    sessionId: isOurs ? null : given,
  }
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
    [bearer, headers.get('x-api-key'), headers.get('x-goog-api-key')].find(
      (key) => key && !key.startsWith('ek_'),
    )
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
