import type { JsonObject } from '../../memory/memory.ts'
import type { Reply } from '../../providers/reply.ts'
import type { NewAnchor } from '../../storage/anchors.ts'
import type { Exchange } from '../../storage/conversations.ts'
import { textProblem } from '../body.ts'
import { withinBudget } from '../budget.ts'
import { type ExchangeTurn, MAX_TURN_CHARACTERS, nextHash } from '../exchange.ts'
import { recallDetail } from '../receipt.ts'
import type { Services } from '../services.ts'
import type { Inquiry } from './inquiry.ts'
import { memoryState, type Prepared } from './prepare.ts'
import type { Ending } from './relay.ts'

/** How long the end of an answer waits for its exchange to be on disk. Then the user gets the answer. */
const RECORD_BUDGET_MS = 2_000
/** Of a history that was never seen before, so many turns are kept. */
const MAX_NEW_HISTORY = 50

/** What was put into the request. */
export type Injected = Readonly<{
  /** Ids of the memories among it that were put there now. */
  memoryIds: readonly string[]
  /** Everything that it holds, earlier turns included. */
  contents: readonly string[]
  anchor: NewAnchor | null
  usedAnchors: readonly number[]
}>

/** `record` for one request, when its end is known; @param outcome what the provider answered, for the receipt */
export type Commit = (reply: Reply | null, ending: Ending, outcome: JsonObject) => Promise<void>

export const NOTHING_INJECTED: Injected = {
  memoryIds: [],
  contents: [],
  anchor: null,
  usedAnchors: [],
}

/**
 * Keeps the exchange: turns, receipt, anchor and extraction job in one transaction. Bounded in time and never
 * fails: storage trouble is logged, and the answer goes out.
 *
 * @param outcome what the provider answered, for the receipt
 */
export async function record(
  inquiry: Inquiry,
  prepared: Prepared,
  injected: Injected,
  reply: Reply | null,
  ending: Ending,
  outcome: JsonObject,
  services: Services,
): Promise<void> {
  try {
    await keep(inquiry, prepared, injected, reply, ending, outcome, services)
  } finally {
    // Afterwards: who sees it can ask for its receipt.
    const { status } = outcome
    services.activity.publish({
      userId: inquiry.user.id,
      namespace: inquiry.scope.namespace,
      ...inquiry.arrival,
      provider: inquiry.vendor,
      model: inquiry.model,
      status: typeof status === 'number' ? status : null,
      tookMs: services.now() - inquiry.arrival.at,
      injected: injected.contents.length,
      memory: memoryState(prepared, injected.contents.length),
      ending,
      receiptId: prepared.receiptId,
    })
  }
}

async function keep(
  inquiry: Inquiry,
  prepared: Prepared,
  injected: Injected,
  reply: Reply | null,
  ending: Ending,
  outcome: JsonObject,
  services: Services,
): Promise<void> {
  const { receiptId, recalled } = prepared
  if (receiptId === null) return
  const keepsTurns = inquiry.mode.write && ending !== 'refused'
  const { contents } = injected
  const exchange: Exchange = {
    scope: inquiry.scope,
    conversationId: prepared.conversationId,
    source: inquiry.trace.source,
    sessionId: inquiry.trace.sessionId,
    turns: keepsTurns ? turnsToKeep(inquiry, prepared, reply, ending, services.now()) : [],
    receipt: {
      id: receiptId,
      kind: 'chat',
      query: fit(inquiry.question),
      injected: contents.length,
      tokens: recalled?.done === true ? recalled.value.tokens : 0,
      tookMs: prepared.tookMs,
      detail: JSON.stringify({
        ...detailOf(prepared, services),
        outcome: {
          provider: inquiry.vendor,
          model: inquiry.model,
          ending,
          finish_reason: reply?.finishReason ?? null,
          usage: (reply?.usage ?? null) as JsonObject | null,
          ...(reply?.error && { error: reply.error.message }),
          ...outcome,
        },
      }),
    },
    usedMemoryIds: injected.memoryIds,
    extraction: keepsTurns ? { injected: contents } : null,
    anchor: injected.anchor,
    usedAnchors: injected.usedAnchors,
  }
  const stored = store(exchange, services)
  // A step of an agent leaves a receipt and nothing that anybody counts on: its answer does not wait for it.
  const isStep =
    recalled === null && exchange.anchor === null && prepared.known >= inquiry.turns.length
  if (!isStep || exchange.turns.at(-1)?.role === 'assistant') await stored
}

/** Never fails, and takes bounded time. */
async function store(exchange: Exchange, services: Services): Promise<void> {
  const stored = await withinBudget(RECORD_BUDGET_MS, () =>
    services.store.conversations.record(exchange),
  )
  if (!stored.done) {
    services.metrics.countUnrecorded(stored.reason)
    services.seldom(stored.reason, { error: stored.detail }, 'exchange not recorded')
    return
  }
  if (stored.value.jobId !== null) services.jobs.wake('extract')
  if (exchange.turns.length > 0) services.jobs.wake('embed')
}

function detailOf({ recalled, settings, skip }: Prepared, services: Services): JsonObject {
  if (recalled?.done) return recallDetail(recalled.value, settings, services)
  const degraded = recalled
    ? `${recalled.reason}: ${recalled.detail}`
    : `not asked: ${skip ?? 'no new question'}`
  return { mode: 'off', degraded, candidates: [] }
}

function turnsToKeep(
  { turns, hash, prefill, model }: Inquiry,
  { known }: Prepared,
  reply: Reply | null,
  ending: Ending,
  now: number,
): ExchangeTurn[] {
  // The last one always: it is what the receipt is about, and stored only once.
  const fresh = turns.slice(Math.min(known, Math.max(0, turns.length - 1))).slice(-MAX_NEW_HISTORY)
  const said = reply === null ? '' : (prefill + reply.text).trim()
  // Who calls a tool has not answered yet.
  const isAnswer = reply !== null && reply.text.trim() !== '' && reply.toolCalls === 0
  const answer: ExchangeTurn[] = isAnswer
    ? [
        {
          role: 'assistant',
          speaker: null,
          content: said,
          truncated: ending !== 'complete' || reply.truncated,
          model: reply.model ?? model,
          saidAt: now,
          prefixHash: nextHash(hash, 'assistant', said),
        },
      ]
    : []
  return [...fresh, ...answer].map(asKept)
}

function asKept(turn: ExchangeTurn): ExchangeTurn {
  const { content } = turn
  return {
    ...turn,
    speaker: turn.speaker === null ? null : fit(turn.speaker.trim()).slice(0, 120) || null,
    content: fit(content.slice(0, MAX_TURN_CHARACTERS)),
    truncated: turn.truncated || content.length > MAX_TURN_CHARACTERS,
  }
}

/** Text that a provider accepts may still be unfit to be kept; the copy for memory is mended. */
export function fit(text: string): string {
  if (textProblem(text) === null) return text
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '')
}
