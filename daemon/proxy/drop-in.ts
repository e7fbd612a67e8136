/**
 * The endpoints that a provider's own clients call. Bytes pass as they are; into a conversation a block of
 * memories is put, and its answer is read along and kept. In the order of work: who asks, what is asked, what
 * memory knows, what goes to the provider, what comes back.
 */
import { messageOf } from '../../memory/errors.ts'
import { DEFAULT_NAMESPACE } from '../../memory/memory.ts'
import { splice } from '../../providers/splice.ts'
import type { Asked, Wire } from '../../providers/wire.ts'
import { type Arrival, arrivalOf } from '../activity.ts'
import { NOTHING_BEFORE, nextHash, traceOf } from '../exchange.ts'
import { LIMITS } from '../rest/schema.ts'
import type { Services } from '../services.ts'
import { type ProxyBody, readProxyBody, type SentBody, streamOf } from './body.ts'
import { identifyCaller, type Outbound, outboundOf, type ProxyCaller } from './caller.ts'
import { profileOf } from './client-profiles.ts'
import { type Dialogue, readDialogue } from './dialogue.ts'
import { answerHeaders, forward } from './forward.ts'
import { inject } from './inject.ts'
import type { Inquiry, Skip } from './inquiry.ts'
import { type MemoryMode, readMemoryMode } from './memory-mode.ts'
import { once } from './once.ts'
import { prepare } from './prepare.ts'
import { type Commit, record } from './record.ts'
import { refusal, statusOf } from './refusal.ts'
import { type Ending, type Finish, followCopy, PASSING, relay } from './relay.ts'
import { readConversation, readNamespace, readPlacement } from './request-options.ts'
import type { Target } from './target.ts'
import { limitsOf, tellMemory } from './tell.ts'

/** What passes unread is held only when it is small: then it leaves in one piece. */
const PASSED_WHOLE_BYTES = 256 * 1024

export async function answerDropIn(
  request: Request,
  target: Target,
  services: Services,
): Promise<Response> {
  const arrival = arrivalOf(request.headers, target.path, services.now())
  try {
    const caller = await identifyCaller(request, target.token, services)
    // Slow models are silent for minutes, and this caller may be here.
    services.keepOpen(request)
    const outbound = outboundOf(request, target, caller, services)
    const mode = readMemoryMode(request.headers)
    const { wire } = target
    const isOff = !mode.read && !mode.write
    if (wire === null || isOff) {
      const body = await readProxyBody(request, PASSED_WHOLE_BYTES)
      const why = wire === null ? null : 'off'
      return await pass(request, target, caller, arrival, outbound, body, why, services)
    }
    return await answerChat(request, { ...target, wire }, caller, arrival, mode, outbound, services)
  } catch (error) {
    const response = refusal(error, target.form, services)
    services.metrics.countRequest(target.vendor, target.wire?.name ?? 'other', response.status)
    return response
  }
}

type ChatTarget = Target & Readonly<{ wire: Wire }>

async function answerChat(
  request: Request,
  target: ChatTarget,
  caller: ProxyCaller,
  arrival: Arrival,
  mode: MemoryMode,
  outbound: Outbound,
  services: Services,
): Promise<Response> {
  const { wire } = target
  const passing = (body: ProxyBody, why: Skip) =>
    pass(request, target, caller, arrival, outbound, body, why, services)
  if (!isReadable(request)) return passing(streamOf(request), 'unreadable')
  const declared = Number(request.headers.get('content-length') ?? 0)
  const giveBack = services.room.take(Math.min(declared, LIMITS.chatBytes))
  if (giveBack === null) return passing(streamOf(request), 'busy')
  try {
    const body = await readProxyBody(request, LIMITS.chatBytes)
    if (body.kind === 'none') return await passing(body, 'unreadable')
    if (body.kind === 'stream') return await passing(body, 'too-large')
    const asked = wire.read(body.bytes, target.path)
    if (asked === null) return await passing(body, 'unreadable')
    const conversation = readConversationOf(request, target, caller, arrival, mode, asked, services)
    const { dialogue, inquiry } = conversation
    const recalled = await prepare(inquiry, services)
    const placement = readPlacement(request.headers)
    const injection = inject(asked, dialogue, inquiry, recalled, placement, services.now())
    const { injected, prepared } = injection
    const commit: Commit = once((reply, ending, outcome) =>
      record(inquiry, prepared, injected, reply, ending, outcome, services),
    )
    try {
      const { insertions } = injection
      const sent: SentBody =
        insertions.length === 0 ? body : { kind: 'pieces', pieces: splice(body.bytes, insertions) }
      const upstream = await forward(request, target, outbound, sent, services)
      const { response } = upstream
      const headers = answerHeaders(upstream, request.method)
      tellMemory(headers, prepared, injected.contents.length, services)
      services.metrics.countRequest(target.vendor, wire.name, response.status)
      const finish: Finish = async (reply, ending) => {
        await commit(reply, response.ok ? ending : 'refused', { status: response.status })
        if (reply?.id && wire.name === 'openai-responses') {
          services.chains.note(caller.user.id, reply.id, prepared.conversationId)
        }
      }
      const follower = response.ok
        ? followCopy(
            wire.collect(asked, response.headers.get('content-type') ?? ''),
            response.headers.get('content-encoding'),
            services,
          )
        : PASSING
      return await relay(upstream, headers, follower, finish, limitsOf(request, services))
    } catch (error) {
      // Who leaves before the answer has still said what they said.
      const ending = request.signal.aborted ? 'cut off' : 'refused'
      await commit(null, ending, { error: messageOf(error), status: statusOf(error) })
      throw error
    }
  } finally {
    giveBack()
  }
}

/** What is read here is JSON as it is, not packed. */
function isReadable({ headers }: Request): boolean {
  const encoding = headers.get('content-encoding')
  const type = headers.get('content-type')
  return (encoding === null || encoding === 'identity') && (type === null || /json/i.test(type))
}

type Conversation = Readonly<{ dialogue: Dialogue; inquiry: Inquiry }>

function readConversationOf(
  { headers }: Request,
  { vendor, wire }: ChatTarget,
  { user, readOnly }: ProxyCaller,
  arrival: Arrival,
  mode: MemoryMode,
  asked: Asked,
  services: Services,
): Conversation {
  const profile = profileOf(headers)
  const dialogue = readDialogue(asked, profile, services.now(), hashBefore(asked))
  const isSideCall = profile.isSideCall(asked, dialogue.lastText)
  const skip = skipOf(headers, mode, asked, isSideCall)
  const named = readConversation(headers)
  const { kept } = asked
  const linked = kept?.after ? services.chains.find(user.id, kept.after) : null
  const trace = traceOf(
    dialogue.turns,
    {
      source: named.source,
      conversationId: named.conversationId ?? (named.sessionId ? null : linked),
      sessionId: named.sessionId ?? (linked ? null : (kept?.conversation ?? null)),
    },
    dialogue.goesOn,
  )
  const writes = mode.write && !readOnly && !isSideCall && asked.closed !== 'raw'
  return {
    dialogue,
    inquiry: {
      user,
      scope: { userId: user.id, namespace: readNamespace(headers) },
      arrival,
      mode: { read: mode.read && !isSideCall, write: writes },
      vendor,
      model: asked.model,
      turns: dialogue.turns,
      trace,
      hash: dialogue.hash,
      prefill: dialogue.prefill,
      question: dialogue.question,
      skip,
      anchored:
        mode.read && keepsBlocks(asked, wire, skip)
          ? dialogue.places.map(({ prefixHash }) => prefixHash)
          : null,
    },
  }
}

/** Not where the provider keeps the conversation, our blocks with it, and not where there is none. */
function keepsBlocks({ kept }: Asked, { name }: Wire, skip: Skip | null): boolean {
  return kept === null && name !== 'ollama-generate' && skip !== 'subscription' && skip !== 'raw'
}

function skipOf(
  headers: Headers,
  mode: MemoryMode,
  asked: Asked,
  isSideCall: boolean,
): Skip | null {
  if (!mode.read) return 'off'
  if (isSideCall) return 'side-call'
  return asked.closed ?? (isSubscription(headers) ? 'subscription' : null)
}

/** Tokens of a Claude subscription. */
function isSubscription(headers: Headers): boolean {
  return ['authorization', 'x-api-key'].some((name) =>
    /(?:^|[\s~])sk-ant-oat/.test(headers.get(name) ?? ''),
  )
}

/** Where the provider keeps the conversation, equal words are no sign of an equal conversation. */
function hashBefore({ kept }: Asked): Uint8Array {
  if (kept === null) return NOTHING_BEFORE
  return nextHash(NOTHING_BEFORE, 'system', kept.after ?? crypto.randomUUID())
}

/** Everything that is no conversation, or of which memory keeps out. */
async function pass(
  request: Request,
  target: Target,
  { user }: ProxyCaller,
  arrival: Arrival,
  outbound: Outbound,
  body: ProxyBody,
  why: Skip | null,
  services: Services,
): Promise<Response> {
  const memory = why === null ? 'none' : `skipped; reason=${why}`
  let isTold = false
  const tell = (status: number | null, ending: Ending) => {
    if (isTold) return
    isTold = true
    services.activity.publish({
      ...arrival,
      userId: user.id,
      // As it came: memory has no part in this, so that nobody has checked it.
      namespace: request.headers.get('x-engram-namespace')?.trim() || DEFAULT_NAMESPACE,
      provider: target.vendor,
      model: null,
      status,
      tookMs: services.now() - arrival.at,
      injected: 0,
      memory,
      ending,
      receiptId: null,
    })
  }
  try {
    const upstream = await forward(request, target, outbound, body, services)
    const headers = answerHeaders(upstream, request.method)
    if (why !== null) {
      headers.set('x-engram-memory', memory)
      services.metrics.countMemory('skipped', why)
      if (why !== 'off') services.seldom(why, {}, 'memory skipped')
    }
    const { status } = upstream.response
    services.metrics.countRequest(target.vendor, target.wire?.name ?? 'other', status)
    const finish: Finish = async (_reply, ending) => tell(status, ending)
    return relay(upstream, headers, PASSING, finish, limitsOf(request, services))
  } catch (error) {
    tell(statusOf(error), 'refused')
    throw error
  }
}
