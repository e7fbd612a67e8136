import { type Intent, intentOf } from './intent.ts'
import type { Role } from './memory.ts'
import { asksWhen, namedTime, saysWhen } from './time-words.ts'

/**
 * One score for a document: `lexical + 1.2 × max(0, cosine)`, lexical being a share of what the question's
 * words could score. No term depends on the other documents, so scores of two questions compare and a
 * threshold has a meaning. The weight is measured in docs/retrieval.md; rank fusion lost 7 points there.
 */
export function fuse(lexical: number, cosine: number): number {
  return lexical + COSINE_WEIGHT * Math.max(0, cosine)
}

const COSINE_WEIGHT = 1.2

/** What a question asks for beside its words. */
export type QueryTraits = Readonly<{
  when: boolean
  month: number | null
  year: number | null
  intent: Intent
}>

export function traitsOf(question: string): QueryTraits {
  return { when: asksWhen(question), ...namedTime(question), intent: intentOf(question) }
}

/** What kind of text a document is; read once, when it comes in. */
export type TextTraits = Readonly<{
  /** It names a time. */
  timed: boolean
  /** It says what somebody wants, avoids or cannot bear. */
  prefers: boolean
}>

export function readTextTraits(text: string): TextTraits {
  return { timed: saysWhen(text), prefers: PREFERENCE.test(text) }
}

const PREFERENCE =
  /\b(?:prefer(?:s|red|ence)?|avoid(?:s|ing)?|dislikes?|aversion|allerg\w+|can(?:'t|not|’t) (?:stand|bear|eat|drink|tolerate)|strictly|committed to|(?:un)?comfortable with|rather|instead of|refuses?|disapproves?|intoleran\w+|sensitive to|phobia|afraid of|no longer (?:eats?|drinks?|uses?)|fan of|passionate about|never)\b/i

/** By how much a document's score is multiplied, given what it is and what is asked. */
export function fitOf(text: TextTraits, spokenByNamed: boolean, traits: QueryTraits): number {
  let fit = 1
  if (spokenByNamed) fit *= SAID_BY_NAMED
  if (text.prefers && traits.intent === 'advice') fit *= PREFERENCE_FOR_ADVICE
  return fit
}

/** By how much the words of a document count more, given who said it, when, and what is asked. */
export function factorOf(
  document: Readonly<{ role: Role; at: number }>,
  timed: boolean,
  spokenByNamed: boolean,
  traits: QueryTraits,
): number {
  let factor = document.role === 'user' ? 1 : NOT_THE_USER
  if (spokenByNamed) factor *= NAMED_SPEAKER
  if (traits.when && timed) factor *= WHEN_ASKED
  if (isOfNamedTime(document.at, traits)) factor *= NAMED_TIME
  return factor
}

// Each measured in docs/retrieval.md, "What each part is worth".
/** 77 % of the evidence in BEAM's chats is what the user said, not the assistant's long answers. */
const NOT_THE_USER = 1 / 1.5
const NAMED_SPEAKER = 1.4
const WHEN_ASKED = 1.15
const NAMED_TIME = 1.5
const SAID_BY_NAMED = 1.1
/** Advice is served by what somebody prefers or avoids rather than by what they once did. */
const PREFERENCE_FOR_ADVICE = 1.25
/** No factor is larger; with room for the rounding of 32-bit floats. */
export const LARGEST_FACTOR = NAMED_SPEAKER * WHEN_ASKED * NAMED_TIME * 1.000_001

function isOfNamedTime(at: number, { month, year }: QueryTraits): boolean {
  if (month === null && year === null) return false
  const date = new Date(at)
  return (
    (month === null || date.getUTCMonth() === month) &&
    (year === null || date.getUTCFullYear() === year)
  )
}
