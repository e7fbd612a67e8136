import { type Clause, isAdverb, opensClause, readClause } from './clause.ts'
import { readOpening } from './openings.ts'
import { asksAt } from './requests.ts'
import { isJoinedVerb } from './rewrite.ts'
import { type Token, token } from './tokens.ts'
import { wordSet } from './word-set.ts'

/** One clause of a sentence that can stand alone. */
export type Part = Readonly<{
  clause: Clause
  /** "At work,": what stands before its subject and stays. */
  lead: readonly Token[]
  /** Tokens of the clause from here on belong to what follows, or to nothing worth keeping. */
  end: number
  /** "Actually, …" */
  corrects: boolean
  /** "I think …" */
  hedged: boolean
}>

export type Parts = Readonly<{
  parts: readonly Part[]
  /** Somewhere behind a comma it asks: "…, so what can I cook". */
  asks: boolean
}>

/**
 * The clauses of a sentence that can stand alone. It is cut where the speaker begins anew ("…, but my wife
 * hates it"), and where a cut frees an attribute that changes by itself ("I live in Rome and work at
 * Acme"). What refers back stays with what it refers to; remarks ("…, it's so relaxing") and what is not
 * worth keeping are left out.
 *
 * @param isWorth is a clause worth keeping? Asked for every clause but the first.
 */
export function partsOf(tokens: readonly Token[], isWorth: (clause: Clause) => boolean): Parts {
  const { start, lead, corrects, hedged } = readOpening(tokens)
  const first = readClause(tokens, start)
  if (first === null) return { parts: [], asks: false }
  const parts: Part[] = []
  let asks = false
  let current: Clause = first
  let opening = lead
  let end: number | null = null
  const close = (at: number): void => {
    const inserted = current.tokens.length - tokens.length
    parts.push({ clause: current, lead: opening, end: (end ?? at) + inserted, corrects, hedged })
    opening = []
    end = null
  }
  for (let i = first.verb + 1; i < tokens.length - 1; i++) {
    const joint = jointLength(tokens, i)
    if (joint === 0) continue
    const at = i + joint
    const concludes = tokens[at - 1]!.word === 'so'
    asks ||= asksAt(tokens, at)
    const strays = asksAt(tokens, at) || isRemark(tokens, at) || isAside(tokens, at, joint)
    const next = strays ? null : nextClause(tokens, at, current)
    if (next === null) {
      if (strays || concludes) end ??= i
      continue
    }
    const back = refersBack(next)
    if (!isWorth(next) || (back && (concludes || end !== null))) end ??= i
    else {
      if (!back) {
        close(i)
        current = next
      }
      i = next.verb - (next.tokens.length - tokens.length)
    }
  }
  close(tokens.length)
  return { parts, asks }
}

function nextClause(tokens: readonly Token[], at: number, current: Clause): Clause | null {
  return opensClause(tokens, at) ? readClause(tokens, at) : sharedSubject(tokens, at, current)
}

/** ", and since I have never …" leads to a clause that is not about this one. */
function isAside(tokens: readonly Token[], at: number, joint: number): boolean {
  return joint > 1 && SUBORDINATE.has(tokens[at]?.word ?? '')
}

const SUBORDINATE = wordSet(
  'since when while although if as with because even though after before whether',
)

/** The number of tokens of "and", ", and", ", so", "," or a dash at `i`; 0 when nothing is joined there. */
function jointLength(tokens: readonly Token[], i: number): number {
  const { word } = tokens[i]!
  if (word === 'and' || word === 'but') return 1
  if (word === 'so')
    return /^(?:i|we|my|please|can|could|would)$/.test(tokens[i + 1]?.word ?? '') ? 1 : 0
  if (!/^[,;–—-]$/.test(word)) return 0
  const next = tokens[i + 1]?.word
  return next === 'and' || next === 'but' || next === 'so' || next === 'plus' ? 2 : 1
}

/** "I live in Rome and work at Acme": the second half as a clause of its own, when it is worth a cut. */
function sharedSubject(tokens: readonly Token[], at: number, current: Clause): Clause | null {
  const { subject } = current
  if ((subject.kind !== 'I' && subject.kind !== 'we') || current.modal !== null) return null
  if (current.negated) return null // "I don't smoke and drink"
  if (current.form !== 'present' && current.form !== 'be' && current.form !== 'passive') return null
  const naming = isNaming(current) || isContinuedNaming(current, tokens)
  let body = tokens.slice(at)
  if (naming && isComplement(tokens[at]))
    body = [token('am'), ...body] // "I'm Sam, a nurse from Leeds"
  else if (!isJoinedVerb(tokens, at)) return null
  const row = [...tokens.slice(0, at), current.tokens[subject.from]!, ...body]
  const clause = readClause(row, at)
  return clause !== null && (naming || FREED.has(current.lemma) || FREED.has(clause.lemma))
    ? clause
    : null
}

/** Home and work change by themselves. */
const FREED = wordSet('live work reside')

function isNaming({ form, tokens, finite }: Clause): boolean {
  return form === 'be' && tokens[finite + 1]?.capital === true
}

/** "I'm Sam, 34, from Leeds": the complements after the first. */
function isContinuedNaming({ form, tokens }: Clause, sentence: readonly Token[]): boolean {
  return form === 'be' && tokens !== sentence
}

function isComplement(piece: Token | undefined): boolean {
  return (
    piece !== undefined && (piece.kind === 'number' || /^(?:a|an|from|based)$/.test(piece.word))
  )
}

const BACKWARD = wordSet(
  'it its they them their he she his her him this that these those one ones both there',
)

/** Does a clause need the one before it to be understood? */
function refersBack({ tokens, verb }: Clause): boolean {
  for (const { word } of tokens.slice(verb + 1)) {
    if (word === 'and' || word === 'but' || word === ',') return false
    if (BACKWARD.has(word)) return true
  }
  return false
}

/** "it's so relaxing", "which is great": an opinion of what was just said, no part of it. */
function isRemark(tokens: readonly Token[], at: number): boolean {
  const subject = tokens[at]?.word ?? ''
  if (!/^(?:it|that|this|which)$/.test(subject)) return false
  let verb = at + 1
  while (isAdverb(tokens[verb]?.word ?? '')) verb++
  if (subject === 'that' && !/^(?:is|was)$/.test(tokens[verb]?.word ?? '')) return false
  return tokens.slice(verb, verb + 7).some((piece) => REMARKS.has(piece.word))
}

const REMARKS =
  wordSet(`great good awesome amazing cool fun nice relaxing rewarding calming beautiful wonderful perfect helpful fantastic
  incredible lovely so such really been super crazy hard tough difficult worth helps feels makes keeps reminds gives
  brings why awful terrible annoying sad scary exciting interesting special important best worst`)
