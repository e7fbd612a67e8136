import { askedSlot } from './asked-slot.ts'
import { asksAboutFood, limitsFood } from './diet.ts'
import { type Intent, intentOf } from './intent.ts'
import type { Role } from './memory.ts'
import { asksWhen, type NamedTime, namedTime, saysWhen } from './time-words.ts'

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
  time: NamedTime
  intent: Intent
  food: boolean
  /** The single-valued attribute that is asked for; null for none. */
  slot: string | null
}>

/** @param now when it is asked */
export function traitsOf(question: string, now: number): QueryTraits {
  const intent = intentOf(question)
  return {
    when: asksWhen(question),
    // "What should I cook tonight?" names no time of which something is to be remembered.
    time: intent === 'advice' ? NO_TIME : namedTime(question, now),
    intent,
    food: asksAboutFood(question),
    slot: askedSlot(question),
  }
}

/** Parts of the ranking that can be left out, to measure what each is worth (`bench/ablation.ts`). */
export const PARTS = [
  'vectors',
  'neighbours',
  'neighbours of vectors',
  'related words',
  'speakers',
  'dates',
  'the user first',
  'preferences',
  'diets',
  'newest first',
  'attributes',
] as const
export type Part = (typeof PARTS)[number]

/** The traits of a question as a ranking without some of its parts sees them. */
export function traitsWithout(traits: QueryTraits, without: ReadonlySet<Part>): QueryTraits {
  return {
    when: traits.when && !without.has('dates'),
    time: without.has('dates') ? NO_TIME : traits.time,
    intent: without.has('preferences') ? 'other' : traits.intent,
    food: traits.food && !without.has('diets'),
    slot: without.has('attributes') ? null : traits.slot,
  }
}

const NO_TIME: NamedTime = { day: null, month: null, year: null, span: null }

/** What kind of text a document is; read once, when it comes in. */
export type TextTraits = Readonly<{
  /** It names a time. */
  timed: boolean
  /** It says what somebody wants, avoids or cannot bear. */
  prefers: boolean
  /** It says what somebody does not eat. */
  limitsFood: boolean
}>

export function readTextTraits(text: string): TextTraits {
  return { timed: saysWhen(text), prefers: PREFERENCE.test(text), limitsFood: limitsFood(text) }
}

const PREFERENCE =
  /\b(?:prefer(?:s|red|ence)?|avoid(?:s|ing)?|dislikes?|aversion|allerg\w+|can(?:'t|not|’t) (?:stand|bear|eat|drink|tolerate)|strictly|committed to|(?:un)?comfortable with|rather|instead of|refuses?|disapproves?|intoleran\w+|sensitive to|phobia|afraid of|no longer (?:eats?|drinks?|uses?)|fan of|passionate about|never)\b/i

/** Why a document counts more, or less, than its words and its nearness alone; for people to read. */
export type Note =
  | 'said by whom the question names'
  | 'names a time'
  | 'of the time asked about'
  | 'states a preference'
  | 'limits what may be eaten'
  | 'states what is asked'
  | 'not said by the user'
  | 'newer than what stands below it'

/** What speaks for a document, from its words and its nearness: absolute, so that a boundary has a meaning. */
export function evidenceFor(
  { lexical, cosine, slot }: Readonly<{ lexical: number; cosine: number; slot: string | null }>,
  text: TextTraits,
  spokenByNamed: boolean,
  traits: QueryTraits,
): number {
  let evidence = fuse(lexical, cosine) * (spokenByNamed ? SAID_BY_NAMED : 1)
  if (text.limitsFood && traits.food) evidence += FOOD_LIMIT
  if (statesAsked(slot, traits)) evidence += ASKED_ATTRIBUTE
  return evidence
}

function statesAsked(slot: string | null, traits: QueryTraits): boolean {
  return slot !== null && slot === traits.slot
}

/** What a document is ranked by: its evidence, and more for the kind of text that serves the question. */
export function rankingFor(evidence: number, text: TextTraits, traits: QueryTraits): number {
  return text.prefers && traits.intent === 'advice' ? evidence + PREFERENCE_FOR_ADVICE : evidence
}

/** What `voiceOf`, `factorOf`, `evidenceFor` and `rankingFor` did. */
export function notesOf(
  document: Readonly<{ role: Role; at: number; slot: string | null }>,
  text: TextTraits,
  spokenByNamed: boolean,
  traits: QueryTraits,
): Note[] {
  return [
    ...(spokenByNamed ? ['said by whom the question names' as const] : []),
    ...(traits.when && text.timed ? ['names a time' as const] : []),
    ...(isOfNamedTime(document.at, traits.time) ? ['of the time asked about' as const] : []),
    ...(text.prefers && traits.intent !== 'other' ? ['states a preference' as const] : []),
    ...(text.limitsFood && traits.food ? ['limits what may be eaten' as const] : []),
    ...(statesAsked(document.slot, traits) ? ['states what is asked' as const] : []),
    ...(document.role === 'user' ? [] : ['not said by the user' as const]),
  ]
}

/** By how much the words of a document count less when it is not the user who says them. */
export function voiceOf(role: Role): number {
  return role === 'user' ? 1 : NOT_THE_USER
}

/** By how much the words of a document count more, given when it was said, whether by whom the question names, and what is asked. */
export function factorOf(
  at: number,
  timed: boolean,
  spokenByNamed: boolean,
  traits: QueryTraits,
): number {
  let factor = 1
  if (spokenByNamed) factor *= NAMED_SPEAKER
  if (traits.when && timed) factor *= WHEN_ASKED
  if (isOfNamedTime(at, traits.time)) factor *= NAMED_TIME
  if (isOfNamedDay(at, traits.time)) factor *= NAMED_DAY
  return factor
}

/** No `factorOf` of a question is larger. */
export function largestFactor({ when, time }: QueryTraits, namesSomebody: boolean): number {
  let factor = 1
  if (namesSomebody) factor *= NAMED_SPEAKER
  if (when) factor *= WHEN_ASKED
  if (time.span !== null || time.month !== null || time.year !== null) factor *= NAMED_TIME
  if (time.day !== null) factor *= NAMED_DAY
  return factor
}

// Each measured in docs/retrieval.md, "What each part is worth".
/** 77 % of the evidence in BEAM's chats is what the user said, not the assistant's long answers. */
const NOT_THE_USER = 1 / 1.5
const NAMED_SPEAKER = 1.4
const WHEN_ASKED = 1.15
const NAMED_TIME = 1.5
/** Once more for the very day. */
const NAMED_DAY = 1.5
const SAID_BY_NAMED = 1.1
/**
 * Advice is served by what somebody prefers or avoids rather than by what they once did. Added and not
 * multiplied: what helps is that it is a preference, however near it is.
 */
const PREFERENCE_FOR_ADVICE = 0.2
/** As much as a cosine of 0.2: what a diet lacks in nearness to a question about food. */
const FOOD_LIMIT = 0.25
/** More than any boundary: a memory that states the attribute asked for is the answer. */
const ASKED_ATTRIBUTE = 1
function isOfNamedTime(at: number, { month, year, span }: NamedTime): boolean {
  if (span !== null) return at >= span.from && at < span.to
  if (month === null && year === null) return false
  const date = new Date(at)
  return (
    (month === null || date.getUTCMonth() === month) &&
    (year === null || date.getUTCFullYear() === year)
  )
}

function isOfNamedDay(at: number, time: NamedTime): boolean {
  return time.day !== null && isOfNamedTime(at, time) && new Date(at).getUTCDate() === time.day
}
