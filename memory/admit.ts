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
 * @param knownShare share of the question's terms that some document of the scope holds, 0 to 1
 * @param textOnly no vectors took part: scores lack their cosine part
 */
export function boundaryOf(intent: Intent, knownShare: number, textOnly: boolean): number {
  if (textOnly) return TEXT_ONLY
  if (intent === 'advice') return ADVICE_BOUNDARY
  return OTHER_BOUNDARY + UNKNOWN_WORDS * (1 - knownShare)
}

// Chosen on the even-numbered chats and users of LoCoMo, BEAM and PrefEval: docs/retrieval.md, "Admission".
const OTHER_BOUNDARY = 0.7
const ADVICE_BOUNDARY = 0.36
const UNKNOWN_WORDS = 0.3
/** Without the cosine part a good hit scores about half. */
const TEXT_ONLY = 0.45

/** At this score and above a candidate is admitted. */
export const ADMITTED = 0.5
/** Once one candidate is admitted, weaker ones come along down to this share of its fused score. */
export const COMPANION_SHARE = 0.6
