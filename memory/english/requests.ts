import { readOpening } from './openings.ts'
import type { Sentence } from './sentences.ts'
import type { Token } from './tokens.ts'
import { isBaseVerb } from './verbs.ts'
import { wordSet } from './word-set.ts'

/** What a sentence wants of its reader. */
export type Request =
  /**
   * To keep this statement: "please note that …". Empty when the statements follow ("remember this:"). A bare
   * "note that" is not firm: beside a task it may be part of it.
   */
  | Readonly<{ kind: 'remember'; statement: string; firm: boolean }>
  /** To keep nothing of this message: "don't remember this". */
  | Readonly<{ kind: 'forbid' }>
  /** To drop what was said: "forget that I said …". */
  | Readonly<{ kind: 'forget' }>
  /** To play along: what follows is invented. */
  | Readonly<{ kind: 'pretend' }>
  /** An answer or a piece of work, now. */
  | Readonly<{ kind: 'ask' }>
  /** Nothing that lasts and nothing wanted: "if I were rich", "I was wondering". */
  | Readonly<{ kind: 'idle' }>

/** Null for a sentence that wants nothing: a statement. */
export function readRequest(sentence: Sentence, tokens: readonly Token[]): Request | null {
  const text = sentence.text.replaceAll('’', "'").slice(0, LONGEST_REQUEST)
  if (FORBIDS.test(text) && !FORGETFUL.test(text)) return { kind: 'forbid' }
  if (FORGETS.test(text)) return { kind: 'forget' }
  const statement =
    sentence.text.length > LONGEST_REQUEST ? null : statementToRemember(text, sentence.question)
  if (statement !== null) return { kind: 'remember', statement, firm: FIRM.test(text) }
  if (PRETENDS.test(text)) return { kind: 'pretend' }
  if (sentence.question || isQuestion(tokens)) return { kind: 'ask' }
  if (IDLE.test(text)) return { kind: 'idle' }
  return isTask(tokens, text) ? { kind: 'ask' } : null
}

/** What is longer cannot be one statement; it is looked at for other wishes by its beginning. */
const LONGEST_REQUEST = 3_500

/** One pattern out of several, any of which may match. Case never matters. */
function anyOf(...sources: readonly string[]): RegExp {
  return new RegExp(sources.join('|'), 'is')
}

/** A few words before the matter itself, each with the marks around it. */
function opening(words: string, times = 3): string {
  return `^(?:\\W{0,12}(?:${words})\\b\\W{0,12}){0,${times}}\\W{0,4}`
}

// Remembering

const FORBIDS = anyOf(
  "\\b(?:don't|do not|never|no need to) (?:remember|save|store|record|memori[sz]e|keep|log|note) (?:this|that|it|any|anything|what|these|the following|me|my)\\b",
  '\\bwithout (?:remembering|saving|storing) (?:this|that|it|any|anything)\\b',
  '\\boff the record\\b',
  '\\bkeep this between us\\b',
  "\\b(?:this|it) (?:is not|isn't|should not|shouldn't|must not|mustn't) (?:to )?be (?:remembered|saved|stored)\\b",
)
/** "I don't remember that" forbids nothing. */
const FORGETFUL = anyOf("\\bI (?:really |just )?(?:don't|do not|can't|cannot) remember\\b")

const FORGETS = anyOf(
  `${opening('please|actually|no|wait|ok|okay|sorry|just|can you|could you|you can|now')}(?:forget|ignore|disregard|never ?mind|unlearn|erase|delete)\\b`,
)

const WARMUP = opening(
  'also|and|so|but|ok|okay|hey|hi|hello|btw|oh|please|by the way|one more thing|actually|now|then|great|thanks|thank you|yes|no|sorry|well|kindly|just|first|second|finally|last thing',
  4,
)
const KEEP =
  '(?:remember|memori[sz]e|keep in mind|bear in mind|take note|make (?:a )?(?:mental )?note|note|note down|write down|jot down|be aware|save to (?:your )?memory|store in (?:your )?memory|add to (?:your )?memory|commit to memory|save|store)'
const LATER =
  '(?:,? (?:for (?:me|later|next time|future reference|the future|future conversations|future chats|the record)|going forward|in (?:the )?future|from now on|always|please|also|too))?'
const FIRM = anyOf(
  '\\b(?:remember|forget|memori[sz]e|memory|reference|records?|in mind|please|can you|could you|would you|will you|want you)\\b',
)
const FACT = '(?: this fact| the fact| of the fact| this| the following| of this| of)?'
const THAT = '(?: that\\b|\\s?[:,–—-])\\s*(?<statement>.*)$'
const DO_NOT = "(?:don't|do not|never) (?:ever )?forget"
const YOU_MAY = 'please |kindly |also |just |maybe |always |try to '

const REMEMBERS: readonly RegExp[] = [
  // Remember that …; please note: …; don't forget that …
  anyOf(`${WARMUP}(?:always |do |do please )?(?:${KEEP}|${DO_NOT})${LATER}${FACT}${THAT}`),
  // Could you remember that …
  anyOf(
    `${WARMUP}(?:can|could|would|will|won't|can't) (?:you|u) (?:${YOU_MAY})*(?:${KEEP}|not forget)${LATER}${FACT}${THAT}`,
  ),
  // I want you to know that …
  anyOf(
    `${WARMUP}(?:i|we)(?: would|'d)? ?(?:want|need|like|love|ask)(?: for)? you to (?:${YOU_MAY})*(?:know|${KEEP})${LATER}${FACT}${THAT}`,
  ),
  // For future reference, …
  anyOf(
    `^\\W{0,4}(?:just )?for (?:your |the |my )?(?:future |later )?(?:reference|records?|memory|next time|future)${THAT}`,
  ),
  anyOf(
    `^\\W{0,4}(?:note to self|mental note|to remember|memory|worth (?:noting|remembering)|it(?:'s| is) worth (?:knowing|remembering|noting)|you should (?:know|remember|be aware))${THAT}`,
  ),
]
/** "Remember to always …" */
const REMEMBERS_TO = anyOf(
  `${WARMUP}(?:remember|${DO_NOT}) (?<statement>to (?:always |never |not )?\\w+ .*)$`,
)
const OURS = "(?:i|we|i'm|i've|my|our|the|all|both)\\b"
/** Without "that": only when a statement plainly follows. */
const REMEMBERS_BARE: readonly RegExp[] = [
  anyOf(`${WARMUP}(?:always )?(?:remember|${DO_NOT}|note|keep in mind) (?<statement>${OURS}.*)$`),
  anyOf(
    `${WARMUP}(?:can|could|would|will) you (?:${YOU_MAY})*(?:remember|note|keep in mind) (?<statement>${OURS}.*)$`,
  ),
]
/** The request at the end: "…, please remember that." */
const REMEMBERS_LAST = anyOf(
  "^(?<statement>.{8,}?)(?:,|\\s[-–—]|\\s?\\()\\s?(?:so )?(?:and )?(?:please |do |just |can you |could you |would you )*(?:remember|note|keep in mind|make a note of|don't forget|save|store) (?:that|this|it)(?: for (?:later|me|next time|the future|future reference))?(?: please)?[).!?\\s]*$",
)

const FINITE =
  /\b(?:is|are|was|were|am|has|have|had|does|do|did|can|can't|will|won't|must|should|needs?|uses?|likes?|loves?|hates?|lives?|works?|prefers?|runs?|goes|rotates?|starts?|ends?|wants?|means?|belongs?)\b|\b(?:i'm|i've|i'd|isn't|aren't|don't|doesn't|[a-z]+'s (?:called|named|a|an|the|in|on|at|not))\b|\w's$/i
const ASKS_WHAT = /^(?:what|who|whom|whose|where|when|why|how|which|if|whether|to)\b/i

function statementToRemember(text: string, question: boolean): string | null {
  for (const pattern of REMEMBERS) {
    const statement = pattern.exec(text)?.groups?.statement
    if (statement === undefined) continue
    const bare = statement.trim()
    if (bare === '') return text.trimEnd().endsWith(':') ? '' : null
    if (question && !ASKED.test(text)) return null // "Remember that photo you sent me?"
    if (exhorts(bare)) return null
    return ASKS_WHAT.test(bare) && !/^(?:when(?:ever)?|if)\b.*,/i.test(bare) ? null : tidy(bare)
  }
  for (const pattern of REMEMBERS_BARE) {
    const statement = pattern.exec(text)?.groups?.statement
    if (
      statement !== undefined &&
      FINITE.test(statement) &&
      !exhorts(statement) &&
      (!question || ASKED.test(text)) &&
      !(question && /^(?:the|all|both)\b/i.test(statement))
    ) {
      return tidy(statement)
    }
  }
  const habit = REMEMBERS_TO.exec(text)?.groups?.statement
  if (habit !== undefined) return tidy(habit)
  const last = REMEMBERS_LAST.exec(text)?.groups?.statement
  return last !== undefined && FINITE.test(last) && !ASKS_WHAT.test(last) ? tidy(last) : null
}

const ASKED = /\b(?:can|could|would|will|may) (?:you|i ask you)\b/i

/** "Don't forget, you got this!" cheers; it tells nothing of the speaker. */
function exhorts(statement: string): boolean {
  return (
    /\b(?:you|you're|your|yourself|yourselves)\b/i.test(statement) &&
    !/\b(?:i|i'm|i've|me|my|mine|we|our|answer|reply|respond|write|use|call)\b/i.test(statement)
  )
}

function tidy(statement: string): string {
  return statement
    .trim()
    .replace(/[\s?!.,;:]+$/, '')
    .replace(/,? (?:please|ok|okay|thanks|thank you|right)$/i, '')
}

// Playing

const PRETENDS = anyOf(
  `${opening("ok|okay|now|so|let's|lets|let us|please|can you|could you|for this|hey|hi|and|then")}(?:pretend|imagine|suppose|supposing|assume|assuming|hypothetically|role-?play|play the role|act as|act like|simulate)\\b`,
  // "You are a pirate", but not "You are a great help"
  `${opening('ok|okay|now|so|hey|hi|and|then')}you(?:'re| are) (?:now )?(?:a|an|the|my|playing)\\b(?! (?:great|good|big|huge|real|true|star|genius|legend|lifesaver|life saver|best|champ|gem))`,
  "\\b(?:let's|lets|let us) (?:say|pretend|imagine|suppose|assume|play|role-?play)\\b",
  '\\bfor the sake of (?:argument|the example)\\b',
  '\\bin this (?:story|scenario|game|role-?play|example|hypothetical)\\b',
  '\\bhypothetical(?:ly)?\\b',
  '\\b(?:story|scene|scenario|poem|song|monologue|dialogue) (?:where|in which|about|from)\\b',
  '\\b(?:in|my) character\\b',
  '\\bfor example,? (?:say|suppose|if|let)\\b',
)

/** Conditions, doubt, small talk: nothing in it is stated. */
const IDLE = anyOf(
  `${opening('well|oh|and|but|so|yeah|yes|no|hi|hey|hello|ok|okay', 2)}(?:${[
    'if|unless|even if|as if|what if|were i|had i|should i|say i',
    'perhaps|maybe|i wish|i hope|i wonder|just wondering|wondering|i might|i may',
    "i(?: was| am|'m) wondering|i was thinking",
    'thanks|thank you|e\\.g\\.|for example|for instance|as an example',
    'i (?:think|guess|suppose|believe|hope|bet|see|mean|know) (?:so|not)',
    "i(?:'d| would) (?:be|have)|i could have|i should have",
  ].join('|')})\\b`,
)

// Asking

const ASKING = wordSet('what who whom whose where when why how which')
const INVERTED = wordSet(
  'do does did is are am was were can could will would should shall may might have has had',
)
const AFTER_INVERTED = wordSet(
  'i you we they he she it my our the this that there a an your anyone someone anybody somebody these those',
)

function isQuestion(tokens: readonly Token[]): boolean {
  const { start, lead } = readOpening(tokens)
  return lead.length === 0 && asksAt(tokens, start)
}

/** Does a question or request begin at `at`, with or without its mark: "what …", "should I …", "please"? */
export function asksAt(tokens: readonly Token[], at: number): boolean {
  const first = tokens[at]?.word ?? ''
  const second = tokens[at + 1]?.word ?? ''
  if (first === 'please') return true
  if (first === 'which' && tokens[at - 1]?.word === ',') return false // ", which is …"
  if (ASKING.has(first)) return true
  if (INVERTED.has(first))
    return (
      AFTER_INVERTED.has(second) ||
      (second === 'not' && AFTER_INVERTED.has(tokens[at + 2]?.word ?? ''))
    )
  return (
    first === 'any' ||
    (first === 'got' && second === 'any') ||
    (first === 'anyone' && second !== 'in')
  )
}

/** Verbs of work that one asks for; love, work and live are not among them. */
const TASKS =
  wordSet(`write explain convert translate summarize summarise give show tell make create generate find list help fix
  suggest recommend describe compare calculate compute draft design build code implement add refactor review
  check debug analyze analyse rewrite improve define provide teach solve prove compose answer name pick choose
  search look open run sort format remove delete change update rename replace test optimize optimise simplify
  outline brainstorm plan estimate evaluate extract finish complete continue expand shorten correct proofread
  edit draw guess repeat count read print send schedule book order turn put take use keep set pretend act`)

const ASKS_FOR = anyOf(
  `${opening('hi|hey|hello|so|ok|okay|and|but|also|well|now|please|actually|yes|no|thanks')}(?:${[
    "please\\b|help\\b|let me know|let's\\b|lets\\b",
    'looking for|searching for|trying to',
    'any (?:ideas|suggestions|tips|advice|recommendations|thoughts)',
    // "I'd like a list"; but not a wish for life or about how to be answered
    "i(?:'d| would) (?:like|love|appreciate)\\b(?! (?:.{0,80}\\b(?:one day|someday)\\b|to be called|you to (?:always|never|call)))",
    'i (?:really |just |also )?(?:need|want)\\b(?! (?:you to (?:always|never|call)|to (?:be|become|move|learn|retire|own|adopt|marry|live|study|work|quit|travel|open|start|lose|have|run|write|go|buy|visit|raise|get)\\b))',
    "i(?:'m| am) (?:currently |just |actually |also |really |now |still )?(?:looking|searching|trying|hoping|asking|considering|thinking|debating|deciding|curious|unsure|confused|stuck|having|struggling|running into|getting (?:an?|this|the|errors?))\\b(?! to (?:lose|quit|eat|learn|save|become|conceive|get|cut|reduce|stop|grow)\\b)",
    "i(?:'m| am) (?:in the market|interested in (?:buying|getting|trying|finding|exploring|starting))",
  ].join('|')})`,
)

const WANTS_ADVICE = anyOf(
  "\\b(?:need|want|(?: would|'d) (?:love|like|appreciate)) (?:some |any |your |a few |more |a bit of )*(?:advice|help|tips?|suggestions?|recommendations?|ideas|guidance|input|feedback|thoughts|assistance)\\b",
)

function isTask(tokens: readonly Token[], text: string): boolean {
  if (ASKS_FOR.test(text) || WANTS_ADVICE.test(text)) return true
  const { start } = readOpening(tokens)
  const first = tokens[start]
  return first !== undefined && TASKS.has(first.word) && isBaseVerb(first.word)
}
