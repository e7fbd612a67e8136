import { isEcho, stripInjected } from './echo.ts'
import { EngramError, messageOf } from './errors.ts'
import { extractByModel } from './extract.ts'
import type { Candidate, Memory, Scope, Turn } from './memory.ts'
import type { ChatModel, Embedder, RecallIndex } from './ports.ts'
import { type Decision, type KnownMemory, reconcileAll } from './reconcile.ts'
import { extractByRules } from './rules.ts'
import { slotOf } from './slots.ts'

/** What waits for a person's approval. */
export type Review = 'none' | 'conflicts' | 'all'

export type Lesson = Readonly<{
  scope: Scope
  /** New turns, in order. */
  turns: readonly Turn[]
  /** Earlier turns of the same conversation. */
  context: readonly Turn[]
  /** What memory put into the request: saying it again teaches nothing. */
  injected: readonly string[]
}>

export type RememberPorts = Readonly<{
  /** null when none is configured: the built-in rules extract then. */
  model: ChatModel | null
  embedder: Embedder
  index: RecallIndex
  /** Memories of the scope in any state that share words with a text, best first. */
  alike: (scope: Scope, text: string, limit: number) => Promise<Memory[]>
  /** Memories of the scope in any state that state this attribute. */
  inSlot: (scope: Scope, slot: string) => Promise<Memory[]>
  review: Review
  now: () => number
}>

export type Taught = Readonly<{
  /** rules, or the model's name; with the reason when rules stood in for a model. */
  extractor: string
  verdicts: readonly Readonly<{ candidate: Candidate; verdict: Decision; saidAt: number }>[]
}>

/** Known memories that a candidate is compared with, per way of finding them. */
const COMPARED = 8

/**
 * Turns → candidates → decisions; storing them is the caller's, in one transaction with the job.
 *
 * @param lastTry the model has failed before: rather than trying again, the rules extract
 * @throws EngramError `upstream` or `timeout` when the model fails and it is not the last try
 */
export async function remember(
  lesson: Lesson,
  ports: RememberPorts,
  lastTry: boolean,
  signal?: AbortSignal,
): Promise<Taught> {
  const turns = lesson.turns.map((turn) => ({ ...turn, content: stripInjected(turn.content) }))
  const { candidates, extractor } = await extract(turns, lesson.context, ports, lastTry, signal)
  const ownWords = turns.filter((turn) => turn.role === 'user').map((turn) => turn.content)
  const fresh = candidates.filter((candidate) => !isEcho(candidate, lesson.injected, ownWords))
  const known = new Map<Candidate, readonly KnownMemory[]>()
  for (const candidate of fresh) {
    known.set(candidate, await findKnown(lesson.scope, candidate, ports, signal))
  }
  const saidAt = new Map(turns.map((turn) => [turn.id, turn.saidAt]))
  return {
    extractor,
    verdicts: reconcileAll(fresh, (candidate) => known.get(candidate)!).map(
      ({ candidate, decision }) => ({
        candidate,
        verdict: underReview(decision, ports.review),
        saidAt: saidAt.get(candidate.turnId) ?? ports.now(),
      }),
    ),
  }
}

async function extract(
  turns: readonly Turn[],
  context: readonly Turn[],
  { model, now }: RememberPorts,
  lastTry: boolean,
  signal: AbortSignal | undefined,
): Promise<{ candidates: readonly Candidate[]; extractor: string }> {
  const byRules = (reason: string) => ({
    candidates: extractByRules(turns, now()),
    extractor: reason === '' ? 'rules' : `rules (${reason})`,
  })
  if (!model) return byRules('')
  try {
    const { candidates, problems } = await extractByModel(
      model,
      turns,
      { now: now(), context },
      signal,
    )
    // An empty answer that could be read is a verdict; one that could not is none.
    if (candidates.length > 0 || problems.length === 0) {
      return { candidates, extractor: model.name }
    }
    return byRules(`${model.name}: ${problems[0]}`)
  } catch (error) {
    if (!lastTry) throw error
    return byRules(`${model.name} failed: ${messageOf(error)}`)
  }
}

/** What the scope holds that this candidate may repeat, replace or contradict. */
async function findKnown(
  scope: Scope,
  candidate: Candidate,
  { alike, inSlot, embedder, index, now }: RememberPorts,
  signal: AbortSignal | undefined,
): Promise<KnownMemory[]> {
  const found = new Map<string, KnownMemory>()
  const add = (memory: Memory, similarity: number | null) => {
    if (!found.has(memory.id)) found.set(memory.id, { ...memory, similarity })
  }
  const vector = await vectorOf(candidate.content, embedder, signal)
  const near = await index.search(scope, {
    text: candidate.content,
    vector,
    now: now(),
    limit: COMPARED,
    exceptConversation: null,
  })
  for (const { memory, cosine } of near.memories) add(memory, vector === null ? null : cosine)
  for (const memory of await alike(scope, candidate.content, COMPARED)) add(memory, null)
  const slot = slotOf(candidate.content)?.slot ?? candidate.slot
  if (slot) for (const memory of await inSlot(scope, slot)) add(memory, null)
  return [...found.values()]
}

/** null when there is none to be had now: words and attributes find most of what is known. */
async function vectorOf(
  content: string,
  embedder: Embedder,
  signal: AbortSignal | undefined,
): Promise<Float32Array | null> {
  if (embedder.state().status !== 'ready') return null
  try {
    return (await embedder.embedDocuments([content], signal))[0] ?? null
  } catch (error) {
    if (signal?.aborted || !(error instanceof EngramError)) throw error
    return null
  }
}

/** The review policy over a decision: what waits for approval, and what does not. */
function underReview(decision: Decision, review: Review): Decision {
  if (review === 'all' && decision.kind === 'add') {
    return {
      ...decision,
      status: 'pending',
      reason: `${decision.reason}; every memory is reviewed`,
    }
  }
  if (review === 'none' && decision.kind === 'conflict') {
    return {
      kind: 'update',
      supersedes: [decision.with],
      reason: `${decision.reason}; the newer statement holds`,
    }
  }
  return decision
}
