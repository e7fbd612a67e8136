import { contradicts, readStatement, type Statement, sameStatement, stance } from './compare.ts'
import { wordSet } from './english/word-set.ts'
import type { Candidate, Memory } from './memory.ts'
import { slotOf } from './slots.ts'

/** A memory of the same scope that a candidate is held against, in whatever status. */
export type KnownMemory = Memory &
  Readonly<{
    /** Cosine of the two embeddings; null when there is none. It nominates and never decides. */
    similarity: number | null
  }>

export type Decision =
  | Readonly<{ kind: 'add'; status: 'approved' | 'pending'; reason: string }>
  /** It is known: a confirmation of that memory. */
  | Readonly<{ kind: 'discard'; of: string; reason: string }>
  /** It is the newer truth: stored approved, and these are superseded by it. */
  | Readonly<{ kind: 'update'; supersedes: readonly string[]; reason: string }>
  /** Both cannot hold and nobody said which: stored pending beside that memory. */
  | Readonly<{ kind: 'conflict'; with: string; reason: string }>

/**
 * Decides what becomes of a candidate. Pure; the words decide, never the cosine.
 *
 * A rejected memory neither swallows a candidate nor comes back by itself: its repetition waits for review.
 * A superseded one does not swallow either, since people go back to what they had. What was pinned is
 * never superseded by extraction; what was written by hand is, since a newer word of the same person holds.
 * What the user did not say themselves waits for review.
 */
export function reconcile(candidate: Candidate, known: readonly KnownMemory[]): Decision {
  const live = known.filter(({ status }) => status === 'approved' || status === 'pending')
  const twins = live.filter((memory) => saysTheSame(candidate, memory))
  const own = candidate.origin === 'user'

  const twin =
    twins.find(({ status }) => status === 'approved') ??
    twins.find((memory) => !own || memory.origin === 'user')
  if (twin !== undefined) return { kind: 'discard', of: twin.id, reason: 'known already' }
  if (!own) return { kind: 'add', status: 'pending', reason: "not the user's own words" }
  if (twins.length > 0) {
    return { kind: 'update', supersedes: ids(twins), reason: "now in the user's own words" }
  }
  if (known.some((memory) => memory.status === 'rejected' && saysTheSame(candidate, memory))) {
    return { kind: 'add', status: 'pending', reason: 'rejected before' }
  }

  const outdated = outdatedBy(candidate, live)
  if (outdated.memories.length > 0) {
    const kept = outdated.memories.find((memory) => !mayBeSuperseded(candidate, memory))
    return kept === undefined
      ? { kind: 'update', supersedes: ids(outdated.memories), reason: outdated.reason }
      : { kind: 'conflict', with: kept.id, reason: `${outdated.reason}, but ${whyKept(kept)}` }
  }
  const denied = live.find((memory) => contradicts(candidate.content, memory.content))
  if (denied !== undefined) {
    return {
      kind: 'conflict',
      with: denied.id,
      reason: 'says the opposite without a word of change',
    }
  }
  return { kind: 'add', status: 'approved', reason: 'new' }
}

const ids = (memories: readonly Memory[]): string[] => memories.map(({ id }) => id)

/** The same statement, or the same value of the same attribute. */
function saysTheSame(candidate: Candidate, memory: Memory): boolean {
  if (sameStatement(candidate.content, memory.content)) return true
  if (candidate.slot === null || candidate.slot !== slotOfMemory(memory)) return false
  const value = slotOf(candidate.content)?.value
  return value !== undefined && sameValue(value, slotOf(memory.content)?.value)
}

function sameValue(a: string, b: string | undefined): boolean {
  return (
    b !== undefined && a.toLowerCase().replace(/^the /, '') === b.toLowerCase().replace(/^the /, '')
  )
}

/** What extraction noted for the memory, else what its words say. */
function slotOfMemory({ metadata, content }: Memory): string | null {
  const noted = metadata.slot
  return typeof noted === 'string' || noted === null ? noted : (slotOf(content)?.slot ?? null)
}

function mayBeSuperseded(candidate: Candidate, memory: Memory): boolean {
  if (memory.pinned) return false
  return memory.origin === 'user' || candidate.replaces || memory.status === 'pending'
}

function whyKept(memory: Memory): string {
  return memory.pinned ? 'the other is pinned' : "the other is not the user's own words"
}

type Outdated = Readonly<{ memories: readonly KnownMemory[]; reason: string }>

/** The memories that stop being true with the candidate. */
function outdatedBy(candidate: Candidate, live: readonly KnownMemory[]): Outdated {
  if (candidate.slot !== null) {
    const memories = live.filter((memory) => slotOfMemory(memory) === candidate.slot)
    if (memories.length > 0) return { memories, reason: `newer value of ${candidate.slot}` }
  }
  if (!candidate.replaces && !CHANGE.test(candidate.content)) return { memories: [], reason: '' }
  const statement = readStatement(candidate.content)
  const ended = live.filter((memory) => ends(statement, readStatement(memory.content)))
  if (ended.length > 0) return { memories: ended, reason: 'no longer so' }
  const corrected = live.filter((memory) => corrects(statement, readStatement(memory.content)))
  // two that it could mean: better both than the wrong one gone
  return corrected.length === 1
    ? { memories: corrected, reason: 'corrected' }
    : { memories: [], reason: '' }
}

/** A change says itself that it is one, whatever the extractor noted. */
const CHANGE = /\b(?:no longer|not? any ?more|anymore|stopped|quit|switched|migrated|replaced)\b/i

/** "no longer uses Vim", "switched from Vim to Zed" against "uses Vim as their main editor". */
function ends(change: Statement, known: Statement): boolean {
  if (stance(change) < 0 && stance(known) > 0) {
    const denied = change.core.filter((word) => !CHANGE_WORDS.has(word))
    return denied.length > 0 && denied.every((word) => known.core.includes(word))
  }
  const old = abandoned(change.words)
  if (old.length === 0) return false
  const gone = new Set(old)
  return (
    old.every((word) => known.core.includes(word)) &&
    known.core.every((word) => gone.has(word) || USING.has(word))
  )
}

const CHANGE_WORDS = wordSet('longer any more anymore already')
/** What may be said of a tool besides its name and still be all about using it. */
const USING = wordSet(
  'use prefer like work with run main default primary usual favourite editor package manager shell browser terminal database framework language tool',
)

/** The words between "from" and "to" of a switch: what was left behind. */
function abandoned(words: readonly string[]): readonly string[] {
  if (!words.some((word) => /^(?:switched|moved|migrated|converted|changed|replaced)$/.test(word)))
    return []
  const from = words.indexOf('from')
  const to = words.indexOf('to', from)
  if (from >= 0) return words.slice(from + 1, to < 0 ? words.length : to)
  const replaced = words.indexOf('replaced')
  const by = words.findIndex((word) => word === 'with' || word === 'by')
  return replaced >= 0 && by > replaced ? words.slice(replaced + 1, by) : []
}

/** The same sentence about the same thing, with one value exchanged: "sister name Nadine" for "sister name Nadia". */
function corrects(correction: Statement, known: Statement): boolean {
  if (correction.words.length !== known.words.length || stance(correction) !== stance(known))
    return false
  const differing = correction.words.flatMap((word, i) => (word === known.words[i] ? [] : [i]))
  if (differing.length === 0 || differing.at(-1)! - differing[0]! >= MAX_VALUE_WORDS) return false
  const frame = correction.words.length - differing.length
  const isValue = (statement: Statement, i: number): boolean => {
    const word = statement.words[i]!
    return (
      statement.names.includes(word) ||
      statement.numbers.includes(word) ||
      statement.dates.includes(word)
    )
  }
  return (
    frame >= MIN_FRAME_WORDS && differing.every((i) => isValue(correction, i) && isValue(known, i))
  )
}

/** Fewer common words than this and the sentences merely share a verb: "speaks French", "speaks Dutch". */
const MIN_FRAME_WORDS = 2
const MAX_VALUE_WORDS = 3

export type Reconciled = Readonly<{ candidate: Candidate; decision: Decision }>

/**
 * Decides about the candidates of one conversation together: of those that say the same one is kept, and of
 * two values of one attribute the one said later.
 *
 * @param candidates in the order they were said.
 * @param knownFor what is known near a candidate, before any of them is stored.
 * @returns the candidates that are kept, in that order, each with its decision.
 */
export function reconcileAll(
  candidates: readonly Candidate[],
  knownFor: (candidate: Candidate) => readonly KnownMemory[],
): Reconciled[] {
  let kept: Reconciled[] = []
  for (const candidate of candidates) {
    if (kept.some((earlier) => repeats(candidate, earlier.candidate))) continue
    const replaced = kept.filter((earlier) => takesOver(candidate, earlier.candidate))
    kept = kept.filter((earlier) => !replaced.includes(earlier))
    const taken = new Set(kept.flatMap(({ decision }) => supersededBy(decision)))
    const inherited = replaced.flatMap(({ decision }) => supersededBy(decision))
    const decision = reconcile(candidate, knownFor(candidate))
    kept.push({ candidate, decision: inheriting(decision, inherited, taken) })
  }
  return kept
}

const supersededBy = (decision: Decision): readonly string[] =>
  decision.kind === 'update' ? decision.supersedes : []

/** The second of two that say the same; somebody else's words never stand in for the user's. */
function repeats(later: Candidate, earlier: Candidate): boolean {
  return (
    sameStatement(later.content, earlier.content) &&
    (earlier.origin === 'user' || later.origin !== 'user')
  )
}

/** Does what was said later leave nothing of what was said before? */
function takesOver(later: Candidate, earlier: Candidate): boolean {
  if (sameStatement(later.content, earlier.content)) return true
  if (later.origin !== 'user') return false
  if (later.slot !== null && later.slot === earlier.slot) return true
  if (!later.replaces && !CHANGE.test(later.content)) return false
  const change = readStatement(later.content)
  const before = readStatement(earlier.content)
  return ends(change, before) || corrects(change, before)
}

/**
 * The decision with what the candidates that it takes over would have superseded, and without what another
 * of the batch supersedes already: a memory is superseded once.
 */
function inheriting(
  decision: Decision,
  inherited: readonly string[],
  taken: ReadonlySet<string>,
): Decision {
  if (decision.kind === 'discard' || decision.kind === 'conflict') return decision
  if (decision.kind === 'add' && (decision.status === 'pending' || inherited.length === 0))
    return decision
  const supersedes = [...new Set([...inherited, ...supersededBy(decision)])].filter(
    (id) => !taken.has(id),
  )
  return supersedes.length === 0
    ? { kind: 'add', status: 'approved', reason: decision.reason }
    : { kind: 'update', supersedes, reason: decision.reason }
}
