import type { Intent } from './intent.ts'

/**
 * The decision whether anything known answers a question at all. Most questions of a day have no answer in
 * memory, and then nothing must go into the prompt.
 */

/**
 * How sure a candidate is to be about the question, 0 to 1: `fused / (fused + boundary)`. 0.5 is where it
 * becomes worth handing to the model. Compares between questions, since the boundary accounts for what the
 * question asks and how many of its words nobody has ever used in this scope.
 *
 * @param fused score of `memory/rank.ts`
 */
export function scoreOf(fused: number, boundary: number): number {
  return fused <= 0 ? 0 : fused / (fused + boundary)
}

/**
 * The fused score that separates "about this" from "about something else".
 *
 * The best of many unrelated documents scores higher than the best of few, so the boundary grows with the
 * logarithm of their number. It grows further with the share of the question's terms that nobody has used
 * here: a question about unknown things has no answer.
 */
export function boundaryOf({ kind, size, intent, knownShare, textOnly }: Asked): number {
  const background = Math.min(LARGEST, SMALLEST + PER_LOG_SIZE * Math.log(Math.max(1, size)))
  const boundary = background + UNKNOWN_TERMS * (1 - knownShare)
  // A turn is any message, most of them about something that has passed; a memory is meant to last.
  const forAdvice = intent === 'advice' && kind === 'memory' ? background * ADVICE_SHARE : boundary
  return textOnly ? forAdvice * TEXT_ONLY_SHARE : forAdvice
}

export type Asked = Readonly<{
  /** What is judged. */
  kind: 'memory' | 'turn'
  /** How many documents of this kind were searched. */
  size: number
  intent: Intent
  /** Share of the question's terms that some document of this kind holds, 0 to 1. */
  knownShare: number
  /** No vectors took part: scores lack their cosine part. */
  textOnly: boolean
}>

// The 90th percentile of the best score that questions of other people reach, measured on LoCoMo's facts in
// stores of 3 to 200: docs/retrieval.md, "Admission".
const SMALLEST = 0.38
const PER_LOG_SIZE = 0.095
const LARGEST = 0.92
const UNKNOWN_TERMS = 0.1
const ADVICE_SHARE = 0.42
/** Without the cosine part a good hit scores about half. */
const TEXT_ONLY_SHARE = 0.5

/** At this score and above a candidate is admitted. */
export const ADMITTED = 0.5
/** Once one candidate is admitted, weaker ones come along down to this share of its fused score. */
export const COMPANION_SHARE = 0.6
