/**
 * What kind of help a question wants; it decides how much evidence a memory needs.
 *
 * - `advice`: something is to be chosen for the user ("what should I cook?"). A preference that shares no word
 *   with the question serves it, so nearness in meaning is enough.
 * - `personal`: it asks about the user ("what is my dog called?"): memory is where such answers are.
 * - `other`: anything else. Most of it is about the world, and must be about what a memory says to bring it.
 */
export type Intent = 'advice' | 'personal' | 'other'

export function intentOf(question: string): Intent {
  const isPersonal = FIRST_PERSON.test(question.replace(HOW_TO, ''))
  const isAboutOthers = !isPersonal && !/\byou/i.test(question) && OF_SOMEBODY.test(question)
  if (ADVICE.test(question) && !LOOKING_BACK.test(question) && !isAboutOthers) return 'advice'
  return isPersonal ? 'personal' : 'other'
}

const ADVICE =
  /\b(?:recommend|suggest|advi[cs]e|ideas?|tips?|best way|should (?:i|we)|must-\w+|worth (?:trying|visiting|buying|watching|reading)|(?:what|which) (?:\w+ ){0,3}(?:should|can|could|would) (?:i|you|we)|what (?:are|is) (?:some|the best|a good)|what would be (?:a|some) good|how (?:should|can|could) (?:i|we)|where (?:should|can|could) (?:i|we)|(?:help|assist) me (?:choose|pick|find|plan|decide|select)|(?:looking|want|like|planning|going) to|looking for|good (?:options?|choices?|ways?|approach|companion)|are there any|can you (?:provide|share|give me some))/i
/** "What did you recommend?" asks for what was said, not for advice. */
const LOOKING_BACK =
  /\b(?:did|have|has|had|was|were) (?:i|you|we|he|she|they|[A-Z]\w+)\b|\b(?:my|our) (?:last|previous|earlier)\b/
/** "What does Ann recommend?" asks for what somebody said or does. */
const OF_SOMEBODY =
  /\b(?:does|do|did|has|have|can|could|will|would) [A-Z]\w+|\b(?:is|are|was|were) [A-Z]\w+ (?:and [A-Z]\w+ )?\w+(?:ing|s)?\b|(?<=\s)[A-Z]\w+['’]s\b|\b(?:that|which|when|what|[Hh]e|[Ss]he) [A-Z]\w+ /
// "US" is a country, "i.e." is no one.
const FIRST_PERSON = /\b(?:I|i(?!\.)|[Mm]e|[Mm]y|[Mm]ine|[Ww]e|us|[Oo]urs?|MY)\b/
/** "How do I sort a list?" is not about who asks. */
const HOW_TO = /\bhow (?:do|does|can|could|would|should|did|to) (?:i|we|you|one)\b/gi
