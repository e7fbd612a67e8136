import type { Role } from './memory.ts'
import { asksWhen, namedTime } from './time-words.ts'

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
export type QueryTraits = Readonly<{ when: boolean; month: number | null; year: number | null }>

export function traitsOf(question: string): QueryTraits {
  return { when: asksWhen(question), ...namedTime(question) }
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
