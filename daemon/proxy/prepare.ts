import { EngramError } from '../../memory/errors.ts'
import { newId } from '../../memory/ids.ts'
import type { RecallSettings } from '../../memory/judge.ts'
import { type Recalled, recall } from '../../memory/recall.ts'
import type { FoundAnchor } from '../../storage/anchors.ts'
import { type Outcome, withinBudget } from '../budget.ts'
import { hurriedPorts } from '../recall-ports.ts'
import { recallSettingsOf } from '../rest/users.ts'
import type { Services } from '../services.ts'
import type { Inquiry, Skip } from './inquiry.ts'

/** What memory did for a request, before the provider is asked. */
export type Prepared = Readonly<{
  settings: RecallSettings
  conversationId: string
  /** How many of the request's turns are stored already. */
  known: number
  /** null when nothing of the request is kept. */
  receiptId: string | null
  /** null when memory was not asked. */
  recalled: Outcome<Recalled> | null
  skip: Skip | null
  anchors: readonly FoundAnchor[]
  tookMs: number
}>

/** Finds conversation and memories within the deadline; whatever goes wrong, the request goes on without. */
export async function prepare(inquiry: Inquiry, services: Services): Promise<Prepared> {
  const started = performance.now()
  const { config, seldom, metrics } = services
  const { max_memories_injected: maxItems, retrieval_threshold: threshold } = recallSettingsOf(
    inquiry.user,
    services,
  )
  const settings: RecallSettings = {
    maxItems,
    budgetTokens: config['recall.budget_tokens'],
    threshold,
    turns: config['recall.quote_turns'] ? 'own' : 'none',
    pinned: true,
    asked: 'prompt',
  }
  let located: Located = { id: newId('conversation'), known: 0, anchors: [] }
  const deadlineMs = config['recall.deadline_ms']
  const outcome = await withinBudget(deadlineMs, async (signal) => {
    const locating = locate(inquiry, services).then((found) => {
      located = found
      return found.id
    })
    if (inquiry.skip !== null || inquiry.question === '') {
      await locating
      return null
    }
    const question = { scope: inquiry.scope, text: inquiry.question, conversationId: locating }
    return recall(question, settings, hurriedPorts(services, deadlineMs), signal)
  })
  const tookMs = performance.now() - started
  metrics.timePrepared(tookMs)
  if (!outcome.done) {
    seldom(outcome.reason, { error: outcome.detail }, 'memory skipped')
  } else if (outcome.value?.degraded) {
    seldom('degraded', { error: outcome.value.degraded }, 'memory by words alone')
  }
  return {
    settings,
    conversationId: located.id,
    known: located.known,
    receiptId: inquiry.mode.read || inquiry.mode.write ? newId('receipt') : null,
    recalled: !outcome.done ? outcome : outcome.value ? { done: true, value: outcome.value } : null,
    skip: inquiry.skip,
    anchors: located.anchors,
    tookMs,
  }
}

type Located = Readonly<{ id: string; known: number; anchors: readonly FoundAnchor[] }>

async function locate(inquiry: Inquiry, { store }: Services): Promise<Located> {
  const { scope, trace, vendor } = inquiry
  const { conversations } = store
  const find = (asked: typeof trace): Promise<Located> =>
    inquiry.anchored
      ? conversations.resume(scope, asked, vendor, inquiry.anchored)
      : conversations.locate(scope, asked).then((found) => ({ ...found, anchors: [] }))
  try {
    return await find(trace)
  } catch (error) {
    if (!(error instanceof EngramError) || error.code !== 'not_found') throw error
    // An id that is not (or no longer) ours: the chat goes on under the one that has its history, or a new one.
    return find({ ...trace, conversationId: null })
  }
}

/** For the header X-Engram-Memory. */
export function memoryState({ recalled, skip }: Prepared, injected: number): string {
  if (recalled !== null && !recalled.done) {
    // What earlier turns hold went back to where it stood; nothing was added to it.
    return injected > 0 ? `used; degraded=${recalled.reason}` : `skipped; reason=${recalled.reason}`
  }
  const degraded = recalled?.value.degraded ? '; degraded=text' : ''
  if (injected > 0) return `used${degraded}`
  return skip === null ? `none${degraded}` : `skipped; reason=${skip}`
}
