import { boundaryOf, companionShare, PREFERENCE_ALLOWANCE, scoreOf } from './admit.ts'
import { messageOf } from './errors.ts'
import { type Intent, intentOf } from './intent.ts'
import type { Memory, Scope, Turn } from './memory.ts'
import type { Embedder, Found, RecallIndex } from './ports.ts'
import { type BlockItem, FRAME_TOKENS, itemTokens } from './render.ts'
import type { ScoreParts } from './scope-index.ts'

export type Question = Readonly<{
  scope: Scope
  text: string
  /** The conversation it is asked in: its turns are before the model already. */
  conversationId: string | null
}>

export type RecallSettings = Readonly<{
  /** At most so many items are admitted. */
  maxItems: number
  /** The admitted items cost at most so many tokens. */
  budgetTokens: number
  /** Score from which an item is admitted, 0 to 1; null for the built-in decision. */
  threshold: number | null
  /**
   * Which words of earlier conversations may be quoted where no memory says it: the user's own statements,
   * everybody's, or none.
   */
  turns: 'own' | 'all' | 'none'
  /** Whether pinned memories go in whatever the question. */
  pinned: boolean
}>

export type RecallPorts = Readonly<{
  embedder: Embedder
  /** Of vectors of the embedder's model. */
  index: RecallIndex
  now: () => number
}>

/** What became of a candidate. */
export type Reason =
  | 'admitted'
  | 'pinned'
  /** Its score is below the boundary. */
  | 'below threshold'
  /** Nothing here is about the question. */
  | 'nothing relevant'
  /** A memory taken from this turn, or a turn with the same words, stands for it. */
  | 'covered by a memory'
  /** A newer memory gives the same attribute another value. */
  | 'replaced by a newer memory'
  /** Not the user's own statement. */
  | 'not a statement of the user'
  | 'over the token budget'
  | 'over the number of items'
  /** An earlier turn of the conversation holds it. */
  | 'in the conversation already'

export type JudgedCandidate = Readonly<{
  kind: 'memory' | 'turn'
  id: string
  content: string
  /** 0 to 1; 0.5 is the boundary. */
  score: number
  admitted: boolean
  reason: Reason
  /** The id of the memory that says it anew; null when there is none. */
  replacedBy: string | null
  /** The memory or turn itself; not for the receipt. */
  source: Memory | Turn
}> &
  ScoreParts

export type Recalled = Readonly<{
  /** Admitted, in the order of the block: pinned first, then best first. */
  items: readonly JudgedCandidate[]
  /** Everything considered, best first; at most `MAX_JUDGED` of each kind, pinned included. */
  candidates: readonly JudgedCandidate[]
  /** Of the block. */
  tokens: number
  intent: Intent
  /** The evidence from which each kind is about the question. */
  boundary: Readonly<{ memory: number; turn: number }>
  /** hybrid: words and vectors; text: words alone, and `degraded` says why. */
  mode: 'hybrid' | 'text'
  degraded: string | null
  searched: Found['searched']
  /** The parts of the time it took. */
  embedMs: number
  searchMs: number
}>

/** Candidates of each kind that are fetched, and of those, that a receipt lists. */
const FETCHED = 40
export const MAX_JUDGED = 20

/**
 * Finds what is known about a question and decides what of it the model should see. Nothing is a normal
 * answer. Never fails for lack of vectors: then words alone decide, and the result says so.
 *
 * @throws what the index throws: storage trouble
 */
export async function recall(
  question: Question,
  settings: RecallSettings,
  ports: RecallPorts,
  signal?: AbortSignal,
): Promise<Recalled> {
  // Both at once: they change together when another embedding model takes over.
  const { embedder, index } = ports
  const started = performance.now()
  const { vector, degraded } = await embed(question.text, embedder, signal)
  const embedded = performance.now()
  const found = await index.search(question.scope, {
    text: question.text,
    vector,
    now: ports.now(),
    limit: FETCHED,
    exceptConversation: question.conversationId,
  })
  const searched = performance.now()
  const judged = judge(question.text, found, settings, vector === null)
  return {
    ...judged,
    mode: vector === null || found.textOnly ? 'text' : 'hybrid',
    degraded: degraded ?? (found.textOnly ? 'the index is being loaded' : null),
    searched: found.searched,
    embedMs: embedded - started,
    searchMs: searched - embedded,
  }
}

/** The question as a vector; null, and why, when there is none to be had. */
export async function embed(
  text: string,
  embedder: Embedder,
  signal: AbortSignal | undefined,
): Promise<{ vector: Float32Array | null; degraded: string | null }> {
  const state = embedder.state()
  if (state.status === 'loading') return { vector: null, degraded: 'the embedder is loading' }
  if (state.status === 'failed') return { vector: null, degraded: `no embedder: ${state.reason}` }
  try {
    return { vector: await embedder.embedQuery(text, signal), degraded: null }
  } catch (error) {
    // Whatever is wrong with vectors, words still answer; the receipt shows the reason.
    return { vector: null, degraded: `the question was not embedded: ${messageOf(error)}` }
  }
}

/** The decision, pure: which candidates go in, and why the others stay out. */
export function judge(
  text: string,
  found: Found,
  settings: RecallSettings,
  textOnly: boolean,
): Pick<Recalled, 'items' | 'candidates' | 'tokens' | 'intent' | 'boundary'> {
  const intent = intentOf(text)
  const boundary = boundariesFor(found, intent, textOnly)
  const scored = [
    ...found.memories.map((hit) => candidateOf('memory', hit.memory, hit, boundary.memory)),
    ...found.turns.map((hit) => candidateOf('turn', hit.turn, hit, boundary.turn)),
  ].sort((a, b) => b.fused - a.fused || compare(a.id, b.id))
  const verdicts = withVerdicts(scored, settings, boundary)
  const pinned = (settings.pinned ? found.pinned : []).map((memory): Judging => {
    const hit = verdicts.find((candidate) => candidate.id === memory.id)
    return {
      ...(hit ??
        candidateOf(
          'memory',
          memory,
          { lexical: 0, cosine: 0, evidence: 0, fused: 0, notes: [] },
          boundary.memory,
        )),
      reason: 'pinned',
    }
  })
  const others = verdicts.filter(({ id }) => !pinned.some((candidate) => candidate.id === id))
  const { judged, tokens } = withinBudget([...pinned, ...others], settings)
  const listed = [
    ...judged.filter((candidate) => candidate.kind === 'memory').slice(0, MAX_JUDGED),
    ...judged.filter((candidate) => candidate.kind === 'turn').slice(0, MAX_JUDGED),
  ].sort((a, b) => b.fused - a.fused || compare(a.id, b.id))
  return {
    items: judged.filter((candidate) => candidate.admitted),
    candidates: listed,
    tokens,
    intent,
    boundary,
  }
}

/** The evidence from which a candidate of each kind is about the question. */
export function boundariesFor(
  found: Found,
  intent: Intent,
  textOnly: boolean,
): Recalled['boundary'] {
  return {
    memory: boundaryFor('memory', found, intent, textOnly),
    turn: boundaryFor('turn', found, intent, textOnly),
  }
}

function boundaryFor(
  kind: 'memory' | 'turn',
  found: Found,
  intent: Intent,
  textOnly: boolean,
): number {
  return boundaryOf({
    kind,
    intent,
    size: found.searched[kind],
    knownShare: found.termCount === 0 ? 0 : found.known[kind] / found.termCount,
    unknownNames: found.nameCount === 0 ? 0 : found.unknownNames[kind] / found.nameCount,
    textOnly: textOnly || found.textOnly,
  })
}

export type Judging = Omit<JudgedCandidate, 'admitted'>

export function candidateOf(
  kind: 'memory' | 'turn',
  source: Memory | Turn,
  hit: ScoreParts & Partial<Pick<JudgedCandidate, 'replacedBy'>>,
  boundary: number,
): Judging {
  const { id, content } = source
  const { lexical, cosine, evidence, fused, notes } = hit
  const score = scoreOf(fused, boundary)
  const parts = { lexical, cosine, evidence, fused, notes }
  return {
    kind,
    id,
    content,
    score,
    ...parts,
    reason: 'below threshold',
    replacedBy: hit.replacedBy ?? null,
    source,
  }
}

/**
 * A kind is open when one of its candidates is about the question; then those that score nearly as well come
 * along. A threshold of the user's own decides about each candidate by itself.
 */
function withVerdicts(
  scored: readonly Judging[],
  settings: RecallSettings,
  boundary: Recalled['boundary'],
): Judging[] {
  const refusals = scored.map((candidate) => refusal(candidate, scored, settings))
  const eligible = scored.filter((_, i) => refusals[i] === null)
  const needed = (kind: Judging['kind']): number | null => {
    const ofKind = eligible.filter((candidate) => candidate.kind === kind)
    const isOpen = ofKind.some((candidate) => isAbout(candidate, boundary[kind]))
    return isOpen
      ? companionShare(settings.maxItems) * Math.max(...ofKind.map(({ fused }) => fused))
      : null
  }
  const neededBy = { memory: needed('memory'), turn: needed('turn') }
  return scored.map((candidate, i): Judging => {
    const refused = refusals[i]
    if (refused) return { ...candidate, reason: refused }
    if (settings.threshold !== null) {
      const passes = candidate.score >= settings.threshold
      return { ...candidate, reason: passes ? 'admitted' : 'below threshold' }
    }
    const least = neededBy[candidate.kind]
    if (least === null) return { ...candidate, reason: 'nothing relevant' }
    return { ...candidate, reason: candidate.fused >= least ? 'admitted' : 'below threshold' }
  })
}

/** Does the evidence of a candidate say that it is about the question? */
export function isAbout({ evidence, notes }: ScoreParts, boundary: number): boolean {
  const allowance = notes.includes('states a preference') ? PREFERENCE_ALLOWANCE : 0
  return evidence + allowance >= boundary
}

/** Why a candidate may not be handed over whatever its score; null when it may. */
function refusal(
  candidate: Judging,
  all: readonly Judging[],
  settings: RecallSettings,
): Reason | null {
  if (candidate.kind === 'memory') {
    return candidate.replacedBy === null ? null : 'replaced by a newer memory'
  }
  const turn = candidate.source as Turn
  if (settings.turns === 'none') return 'not a statement of the user'
  if (settings.turns === 'own' && (turn.role !== 'user' || !isStatement(turn.content))) {
    return 'not a statement of the user'
  }
  // Once extraction has taken memories from a turn they stand for it: also when they were superseded or
  // deleted since, which must not be undone by quoting the turn.
  if ((turn.memoryCount ?? 0) > 0) return 'covered by a memory'
  const words = turn.content.trim().toLowerCase()
  return all.some(
    (other) =>
      other !== candidate &&
      other.fused >= candidate.fused &&
      other.content.trim().toLowerCase() === words,
  )
    ? 'covered by a memory'
    : null
}

/** Does a turn say something, rather than only ask or request? */
function isStatement(text: string): boolean {
  return text
    .split(/(?<=[.!?\n])\s+/)
    .some((sentence) => !sentence.trim().endsWith('?') && FIRST_PERSON.test(sentence))
}

const FIRST_PERSON = /\b(?:i|i'm|i've|i'd|i'll|i’m|i’ve|i’d|i’ll|my|mine|we|our|we're|we've)\b/i

function withinBudget(
  ordered: readonly Judging[],
  settings: RecallSettings,
): { judged: JudgedCandidate[]; tokens: number } {
  let tokens = 0
  let count = 0
  const judged = ordered.map((candidate): JudgedCandidate => {
    const wanted = candidate.reason === 'admitted' || candidate.reason === 'pinned'
    if (!wanted) return { ...candidate, admitted: false }
    if (count >= settings.maxItems) {
      return { ...candidate, admitted: false, reason: 'over the number of items' }
    }
    const cost = itemTokens(toBlockItem(candidate)) + (count === 0 ? FRAME_TOKENS : 0)
    if (tokens + cost > settings.budgetTokens) {
      return { ...candidate, admitted: false, reason: 'over the token budget' }
    }
    tokens += cost
    count++
    return { ...candidate, admitted: true }
  })
  return { judged, tokens }
}

export function toBlockItem(
  candidate: Pick<JudgedCandidate, 'kind' | 'content' | 'source'>,
): BlockItem {
  const saidAt = candidate.kind === 'turn' ? (candidate.source as Turn).saidAt : null
  return { kind: candidate.kind, text: candidate.content, saidAt }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
