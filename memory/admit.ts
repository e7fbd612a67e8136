/**
 * The decision whether anything known answers a question at all. Most questions of a day have no answer in
 * memory, and then nothing must go into the prompt.
 */

/** What kind of help a question wants; it decides how much evidence a memory needs. */
export type Intent = 'advice' | 'other'

/**
 * Advice ("what should I cook?") is served by a preference that shares no word with the question, so
 * nearness in meaning is enough. Anything else must be about what the memory says.
 */
export function intentOf(question: string): Intent {
  return ADVICE.test(question) && !LOOKING_BACK.test(question) ? 'advice' : 'other'
}

const ADVICE =
  /\b(?:recommend|suggest|advi[cs]e|ideas?|tips?|best way|should i|must-\w+|worth (?:trying|visiting|buying|watching|reading)|(?:what|which) (?:\w+ ){0,3}(?:should|can|could|would) (?:i|you)|what (?:are|is) (?:some|the best|a good)|what would be (?:a|some) good|how (?:should|can|could|do) i|where (?:should|can|could) i|(?:help|assist) me (?:choose|pick|find|plan|decide|select)|(?:looking|want|like|planning|going) to|looking for|good (?:options?|choices?|ways?|approach|companion)|are there any|can you (?:provide|share|give me some))/i
/** "What did you recommend?" asks for what was said, not for advice. */
const LOOKING_BACK =
  /\b(?:did|have|has|had|was|were) (?:i|you|we|he|she|they|[A-Z]\w+)\b|\b(?:my|our) (?:last|previous|earlier)\b/

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
