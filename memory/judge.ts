import { boundaryOf, companionShare, PREFERENCE_ALLOWANCE, scoreOf } from './admit.ts'
import type { Found, FoundGist, MemoryGist, TurnGist } from './found.ts'
import { type Intent, intentOf } from './intent.ts'
import type { Memory, Scope, Turn } from './memory.ts'
import { type BlockItem, FRAME_TOKENS, itemTokens } from './render.ts'
import type { IndexQuery, ScoreParts } from './scope-index.ts'
import { isPhrase } from './values.ts'

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
  /** Whether somebody searches the memories, or writes to an assistant: most of that has no answer here. */
  asked: 'search' | 'prompt'
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
  /** Where and when a turn was said; null for a memory. */
  said: Pick<Turn, 'conversationId' | 'saidAt'> | null
}> &
  ScoreParts

export type Judged = Readonly<{
  /** Admitted, in the order of the block: what is pinned, memories, turns; of each kind best first. */
  items: readonly JudgedCandidate[]
  /** Everything considered, best first; at most `MAX_JUDGED` of each kind, pinned included. */
  candidates: readonly JudgedCandidate[]
  /** Of the block. */
  tokens: number
  intent: Intent
  /** The evidence from which each kind is about the question. */
  boundary: Readonly<{ memory: number; turn: number }>
  searched: Found['searched']
  textOnly: boolean
  /** The admitted memories themselves, by id, where they were asked for. */
  memories: ReadonlyMap<string, Memory>
}>

/** Candidates of each kind that a receipt lists. */
export const MAX_JUDGED = 20

/** The decision, pure: which candidates go in, and why the others stay out. */
export function judge(
  text: string,
  found: FoundGist,
  settings: RecallSettings,
  textOnly: boolean,
): Judged {
  const intent = judgedIntent(text, settings)
  const boundary = boundariesFor(found, intent, textOnly)
  const candidates = [
    ...found.memories.map((hit) => ofMemory(hit.memory, hit, boundary.memory)),
    ...found.turns.map((hit) => ofTurn(hit.turn, hit, boundary.turn)),
  ].sort((a, b) => b.fused - a.fused || compare(a.id, b.id))
  const pinned = (settings.pinned ? found.pinned : []).map(
    (memory): Judging =>
      candidates.find((candidate) => candidate.id === memory.id) ??
      ofMemory(
        memory,
        { lexical: 0, cosine: 0, evidence: 0, fused: 0, notes: [], replacedBy: null },
        boundary.memory,
      ),
  )
  const verdicts = verdictsOn(candidates, settings, boundary)
  for (const candidate of pinned) verdicts.set(candidate, 'pinned')
  const others = candidates.filter((candidate) => !pinned.includes(candidate))
  // Earlier words are quoted where no memory says it: they take no memory's place.
  const [memories, turns] = [
    others.filter(({ kind }) => kind === 'memory'),
    others.filter(({ kind }) => kind === 'turn'),
  ]
  const { judged, tokens } = withinBudget([...pinned, ...memories, ...turns], verdicts, settings)
  const listed = [
    ...judged.filter((candidate) => candidate.kind === 'memory').slice(0, MAX_JUDGED),
    ...judged.filter((candidate) => candidate.kind === 'turn').slice(0, MAX_JUDGED),
  ].sort((a, b) => b.fused - a.fused || compare(a.id, b.id))
  return {
    items: judged.filter(({ admitted }) => admitted),
    candidates: listed,
    tokens,
    intent,
    boundary,
    searched: found.searched,
    textOnly: found.textOnly,
    memories: new Map(),
  }
}

/** A phrase that somebody looks for in their own memories ("code style") is about themselves. */
function judgedIntent(text: string, { asked }: RecallSettings): Intent {
  const intent = intentOf(text)
  return asked === 'search' && intent === 'other' && isPhrase(text) ? 'personal' : intent
}

/** An index that also decides, out of one that only finds. */
export function judging(search: (scope: Scope, query: IndexQuery) => Promise<Found>) {
  return {
    waitMs: () => 0,
    search,
    judged: async (scope: Scope, query: IndexQuery, settings: RecallSettings): Promise<Judged> =>
      judge(query.text, await search(scope, query), settings, query.vector === null),
  }
}

/** The evidence from which a candidate of each kind is about the question. */
export function boundariesFor(
  found: FoundGist,
  intent: Intent,
  textOnly: boolean,
): Judged['boundary'] {
  return {
    memory: boundaryFor('memory', found, intent, textOnly),
    turn: boundaryFor('turn', found, intent, textOnly),
  }
}

function boundaryFor(
  kind: 'memory' | 'turn',
  found: FoundGist,
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

/** A candidate on the way to its verdict. */
type Judging = Unjudged & Readonly<{ turn: TurnGist | null }>
type Unjudged = Omit<JudgedCandidate, 'admitted' | 'reason'>
/** What is found of each by itself, before budget and number of items. */
type Verdicts = Map<Judging, Reason>

function ofMemory(
  { id, content }: MemoryGist,
  hit: ScoreParts & Pick<JudgedCandidate, 'replacedBy'>,
  boundary: number,
): Judging {
  const { replacedBy } = hit
  const parts = scored(hit, boundary)
  return { kind: 'memory', id, content, ...parts, replacedBy, said: null, turn: null }
}

function ofTurn(turn: TurnGist, hit: ScoreParts, boundary: number): Judging {
  return { ...turnCandidate(turn, hit, boundary), turn }
}

/** A turn as a candidate that nothing has been decided about. */
export function turnCandidate(
  { id, content, conversationId, saidAt }: TurnGist,
  hit: ScoreParts,
  boundary: number,
): Unjudged {
  const said = { conversationId, saidAt }
  return { kind: 'turn', id, content, ...scored(hit, boundary), replacedBy: null, said }
}

function scored({ lexical, cosine, evidence, fused, notes }: ScoreParts, boundary: number) {
  const score = scoreOf(fused, boundary)
  return { score, lexical, cosine, evidence, fused, notes }
}

/**
 * A kind is open when one of its candidates is about the question; then those that score nearly as well come
 * along. A threshold of the user's own decides about each candidate by itself.
 */
function verdictsOn(
  scored: readonly Judging[],
  settings: RecallSettings,
  boundary: Judged['boundary'],
): Verdicts {
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
  const verdict = ({ kind, score, fused }: Judging): Reason => {
    if (settings.threshold !== null) {
      return score >= settings.threshold ? 'admitted' : 'below threshold'
    }
    const least = neededBy[kind]
    if (least === null) return 'nothing relevant'
    return fused >= least ? 'admitted' : 'below threshold'
  }
  return new Map(scored.map((candidate, i) => [candidate, refusals[i] ?? verdict(candidate)]))
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
  if (candidate.turn === null) {
    return candidate.replacedBy === null ? null : 'replaced by a newer memory'
  }
  const { turn } = candidate
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

/** Does a turn say something, rather than only ask or request? Also of what is typed without its marks. */
function isStatement(text: string): boolean {
  return text
    .split(/(?<=[.!?\n])\s+/)
    .some(
      (sentence) =>
        !sentence.trim().endsWith('?') && FIRST_PERSON.test(sentence) && !WANTS.test(sentence),
    )
}

/** By its first words: a question, or a task. */
const WANTS =
  /^\W*(?:(?:hey|hi|hello|ok|okay|so|and|but|also|please|pls|btw|now|then|thanks)\W+)*(?:(?:what|who|where|when|why|how|which|whose)(?:'?s|'re|’s)?\b|(?:do|does|did|can|could|would|should|shall|is|are|was|were|am|have|has) (?:i|you|we|my|our|it|this|that|the|there|they|he|she)\b|(?:tell|give|show|help|write|rewrite|draft|explain|summari[sz]e|translate|fix|check|review|create|make|list|name|find|suggest|recommend|remind|generate|describe|compare|convert|calculate|correct|improve|finish|continue)\b)/i

const FIRST_PERSON = /\b(?:i|i'm|i've|i'd|i'll|i’m|i’ve|i’d|i’ll|my|mine|we|our|we're|we've)\b/i

function withinBudget(
  ordered: readonly Judging[],
  verdicts: Verdicts,
  settings: RecallSettings,
): { judged: JudgedCandidate[]; tokens: number } {
  let tokens = 0
  let count = 0
  const judged = ordered.map((candidate): JudgedCandidate => {
    const verdict = verdicts.get(candidate)!
    if (verdict !== 'admitted' && verdict !== 'pinned') return decided(candidate, verdict, false)
    if (count >= settings.maxItems) return decided(candidate, 'over the number of items', false)
    const cost = itemTokens(toBlockItem(candidate)) + (count === 0 ? FRAME_TOKENS : 0)
    if (tokens + cost > settings.budgetTokens) {
      return decided(candidate, 'over the token budget', false)
    }
    tokens += cost
    count++
    return decided(candidate, verdict, true)
  })
  return { judged, tokens }
}

function decided(candidate: Judging, reason: Reason, admitted: boolean): JudgedCandidate {
  const { kind, id, content, score, lexical, cosine, evidence, fused, notes } = candidate
  const { replacedBy, said } = candidate
  return {
    kind,
    id,
    content,
    score,
    lexical,
    cosine,
    evidence,
    fused,
    notes,
    reason,
    replacedBy,
    said,
    admitted,
  }
}

export function toBlockItem({
  kind,
  content,
  said,
}: Pick<JudgedCandidate, 'kind' | 'content' | 'said'>): BlockItem {
  return { kind, text: content, saidAt: said?.saidAt ?? null }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
