import type { Intent } from './intent.ts'

/**
 * The decision whether anything known is about a question at all. Most questions of a day have no answer in
 * memory, and then nothing must go into the prompt.
 */

/**
 * How sure a candidate is to be about the question, 0 to 1: `fused / (fused + boundary)`. About 0.5 is where
 * it becomes worth handing to the model. Compares between questions, since the boundary accounts for what
 * the question asks and how much of it nobody has ever mentioned in this scope.
 *
 * @param fused what it is ranked by, `memory/rank.ts`
 */
export function scoreOf(fused: number, boundary: number): number {
  return fused <= 0 ? 0 : fused / (fused + boundary)
}

export type Asked = Readonly<{
  /** What is judged. */
  kind: 'memory' | 'turn'
  /** How many documents of this kind were searched. */
  size: number
  intent: Intent
  /** Share of the question's terms that some document of this kind holds, 0 to 1. */
  knownShare: number
  /** Share of the names in the question that no document of this kind holds, 0 to 1; 0 without names. */
  unknownNames: number
  /** No vectors took part: scores lack their cosine part. */
  textOnly: boolean
}>

/**
 * The evidence that separates "about this" from "about something else".
 *
 * The best of many unrelated documents scores higher than the best of few, so the boundary grows with the
 * logarithm of their number. It is lower for a memory where the question is about the user or asks for
 * advice: the store is full of answers to that, and a missed one costs more than one too many. It is higher
 * the less of the question anybody has mentioned here, above all its names.
 */
export function boundaryOf(asked: Asked): number {
  const { kind, intent, knownShare, unknownNames, textOnly } = asked
  const growth = Math.log(Math.max(1, asked.size))
  const { smallest, perLogSize, largest } = BOUNDARIES[kind === 'turn' ? 'turn' : intent]
  const background = Math.min(largest, smallest + perLogSize * growth)
  // Advice names what it is about ("in Rome"), which a preference need not have heard of.
  const isAdvice = kind === 'memory' && intent === 'advice'
  // Where little has been said, that a word is new says little.
  const newWords = (1 - knownShare) * Math.min(1, growth / TELLING_GROWTH)
  const unknown = isAdvice ? 0 : UNKNOWN_TERMS * newWords + UNKNOWN_NAMES * unknownNames
  const boundary = background + unknown
  return textOnly ? boundary * TEXT_ONLY_SHARE : boundary
}

// Measured as docs/retrieval.md, "How well", says: the best evidence that questions without an answer reach,
// other people's in stores of 1 to 600 (LoCoMo and BEAM, even-numbered chats) and everyday ones in stores of
// 1 to 200 facts of strangers; and what the right answers of the same stores reach.
const BOUNDARIES = {
  other: { smallest: 0.25, perLogSize: 0.13, largest: 0.94 },
  personal: { smallest: 0.22, perLogSize: 0.05, largest: 0.94 },
  advice: { smallest: 0.25, perLogSize: 0.025, largest: 0.94 },
  // A turn is any message, most of them about something that has passed; a memory is meant to last.
  turn: { smallest: 0.34, perLogSize: 0.095, largest: 0.9 },
} as const
const UNKNOWN_TERMS = 0.05
const UNKNOWN_NAMES = 0.25
const TELLING_GROWTH = Math.log(100)
/** Without the cosine part a good hit scores about half. */
const TEXT_ONLY_SHARE = 0.5

/** What states a preference needs so much less when advice is asked, or something about the user. */
export const PREFERENCE_ALLOWANCE = 0.1

/**
 * Once one candidate is admitted, weaker ones of its kind come along down to this share of the best: the
 * fewer are wanted, the less far down. Five at 0.6 cost 0.2 to 1 points of what five could hold and make
 * what is handed over a quarter more precise; ten at 0.45 cost 0.1 to 1 (docs/retrieval.md).
 */
export function companionShare(maxItems: number): number {
  return Math.min(0.6, Math.max(0.4, 0.6 - 0.03 * (maxItems - 5)))
}
