import { isAdverb } from './clause.ts'
import { readOpening } from './openings.ts'
import { CONDUCT, toListener } from './rewrite.ts'
import { type Token, textOf, token } from './tokens.ts'
import { baseOfGerund, isBaseVerb } from './verbs.ts'
import { wordSet } from './word-set.ts'

export type Instruction = Readonly<{
  /** "User wants the assistant to always answer in German" */
  content: string
  /** It says itself that it is meant for good: "from now on", "whenever". */
  standing: boolean
}>

/**
 * Reads a wish about how to be answered: "please always answer in German", "don't use emojis when you write
 * to me", "use tabs not spaces", "call me Sam". Null for a piece of work to be done once.
 *
 * @param toRemember it stands behind "remember to".
 */
export function readInstruction(tokens: readonly Token[], toRemember = false): Instruction | null {
  const opening = readOpening(tokens).start
  const phrase = standingPhraseLength(tokens, opening)
  const { at, negated, adverb } = readWish(tokens, opening + phrase)
  const verb = tokens[at]
  if (verb === undefined || !isBaseVerb(verb.word)) return null
  const rest = [token(verb.word, 'word', verb.gap), ...tokens.slice(at + 1)] // "Keep" → "keep"
  const next = rest[1]?.word
  if (next === undefined) return null
  if (verb.word === 'call' && next === 'me') return naming(rest.slice(2), negated)
  if (!CONDUCT.has(verb.word) || PARTICLES.has(next)) return null
  const words = textOf(rest).toLowerCase()
  const standing =
    phrase > 0 ||
    (toRemember && MANNERS.has(verb.word)) ||
    STANDING.test(textOf(tokens.slice(0, at)).toLowerCase()) ||
    STANDING.test(words)
  if (!standing && rest.some((piece) => POINTING.has(piece.word))) return null
  const stops = verb.word === 'stop' && baseOfGerund(next) !== null
  const ofManner = negated && OWN_MANNER.test(words)
  if (!standing && adverb === null && !stops && !ofManner && !isContrast(rest)) return null
  const to =
    adverb === 'never'
      ? 'never to'
      : `${negated ? 'not ' : ''}to${adverb === null ? '' : ' always'}`
  return { content: `User wants the assistant ${to} ${textOf(toListener(rest))}`, standing }
}

type Wish = Readonly<{
  /** Index of the verb. */
  at: number
  negated: boolean
  adverb: 'always' | 'never' | null
}>

/** "please always", "do not", "I want you to never": what stands before the verb. */
function readWish(tokens: readonly Token[], from: number): Wish {
  let at = from
  while (POLITE.has(tokens[at]?.word ?? '')) at++
  const asked = askLength(tokens, at)
  at += asked
  let negated = false
  let adverb: Wish['adverb'] = null
  for (; ; at++) {
    const word = tokens[at]?.word ?? ''
    if (word === 'not' && (asked > 0 || tokens[at - 1]?.word === 'do')) negated = true
    else if (word === 'never' || word === 'always') adverb = word
    else if (word === 'do' ? tokens[at + 1]?.word !== 'not' : !BETWEEN.has(word)) break
    else if (word === 'to' && asked === 0) break
  }
  return { at, negated, adverb }
}

const POLITE = wordSet('please kindly could can would you just also and so then')
const BETWEEN = wordSet('to just please ever')
/** What makes another verb of it: "keep up", "go on". */
const PARTICLES = wordSet('up it on going')
const MANNERS = wordSet('answer reply respond speak talk address call explain')

/** The number of tokens of "I want you to", "I'd like you to", "you should". */
function askLength(tokens: readonly Token[], at: number): number {
  const words = tokens.slice(at, at + 6).map((piece) => piece.word)
  const found = ASKING.exec(words.join(' '))
  return found === null ? 0 : found[0].trim().split(' ').length
}

const ASKING =
  /^(?:i (?:also |really |just )?(?:want|need|expect|prefer) you to|i would (?:like|love|prefer|want) (?:for )?you to|you (?:should|must|may|can) )/

/** "Call me Sam", "don't call me Samuel" */
function naming(tokens: readonly Token[], negated: boolean): Instruction | null {
  const end = tokens.findIndex((piece) => piece.kind === 'mark' || AFTER_NAME.has(piece.word))
  const name = end < 0 ? tokens : tokens.slice(0, end)
  const first = name[0]
  if (first === undefined || name.length > 4 || NO_NAME.has(first.word)) return null
  if (!first.capital && first.kind !== 'opaque' && name.length > 1) return null
  const wants = negated ? 'does not want' : 'wants'
  return { content: `User ${wants} to be called ${textOf(name)}`, standing: true }
}

const AFTER_NAME = wordSet('from instead please and not by if when')
const NO_NAME = wordSet('back later at on a an the crazy tomorrow today tonight now maybe asap')

/** "From now on, …", "When you write to me, …": the tokens up to and with the comma. */
function standingPhraseLength(tokens: readonly Token[], at: number): number {
  const comma = tokens.findIndex((piece, i) => i > at && i < at + 10 && piece.word === ',')
  if (comma < 0) return 0
  return STANDING.test(textOf(tokens.slice(at, comma)).toLowerCase()) ? comma + 1 - at : 0
}

/** What says that a wish is not for this once. */
const STANDING = new RegExp(
  `\\b(?:${[
    'from (?:now|here) on|going forward|in (?:the )?future|by default|at all times',
    'whenever|every time|each time|when i ask',
    'when you (?:answer|reply|respond|write|talk|speak|explain|address|give|show)',
    'when (?:answering|replying|responding|writing|talking|speaking|explaining)',
    '(?:write|writing|talk|talking|speak|reply|replying|respond|answer|explain) (?:\\w+ )?to me|with me',
    'in all|for all|all (?:your|my|of your)|every (?:answer|reply|response|message)',
    '(?:in )?your (?:answers|replies|responses|messages)|in your (?:code|explanations)',
  ].join('|')})\\b`,
)
const OWN_MANNER =
  /\b(?:emojis?|emoticons|bullet points?|markdown|jargon|exclamation marks?|em dashes|apologi[sz]e|apologi[sz]ing|disclaimers?|filler|preamble|small talk|metaphors|slang)\b/
/** What ties an instruction to the task at hand. */
const POINTING = wordSet(
  'this that these those above below following here it function file class method example first next',
)

/** "use tabs, not spaces", "use metric instead of imperial" */
function isContrast(rest: readonly Token[]): boolean {
  if (!/^(?:use|prefer|write)$/.test(rest[0]!.word) || rest.length > 14) return false
  return rest.some((piece, i) => {
    const next = rest[i + 1]?.word
    if (i < 2 || next === undefined) return false
    if (piece.word === 'not') return !isAdverb(next)
    if (piece.word === 'instead') return next === 'of'
    return piece.word === 'rather' ? next === 'than' : piece.word === 'over'
  })
}
