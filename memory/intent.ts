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
