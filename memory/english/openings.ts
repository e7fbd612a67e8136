import { opensClause } from './clause.ts'
import type { Token } from './tokens.ts'
import { wordSet } from './word-set.ts'

/** What stands before a statement: how far it reaches, what of it stays, and what it announces. */
export type Opening = Readonly<{
  /** Index of the first token of the statement itself. */
  start: number
  /** "At work,", "When I travel,": part of what is said. */
  lead: readonly Token[]
  /** "Actually,", "sorry, I meant": it corrects something said before. */
  corrects: boolean
  /** "I think that": said with reserve. */
  hedged: boolean
}>

/** Reads greetings, discourse words, reserve and leading phrases at the front of a sentence. */
export function readOpening(tokens: readonly Token[]): Opening {
  let at = 0
  let corrects = false
  let hedged = false
  for (let turns = 0; turns < 6; turns++) {
    const phrase = longestPhrase(tokens, at)
    if (phrase === null) break
    corrects ||= phrase.corrects
    hedged ||= phrase.hedged
    at = afterMarks(tokens, at + phrase.length)
  }
  const lead = leadLength(tokens, at)
  return { start: at + lead, lead: tokens.slice(at, at + lead), corrects, hedged }
}

type Phrase = Readonly<{ words: readonly string[]; corrects: boolean; hedged: boolean }>

const phrases = (text: string, corrects: boolean, hedged = false): Phrase[] =>
  text.split('|').map((phrase) => ({ words: phrase.trim().split(/\s+/), corrects, hedged }))

const PHRASES: readonly Phrase[] = [
  ...phrases(
    `hi|hello|hey|hiya|yo|greetings|hi there|hello there|hey there|hi all|hi everyone|good morning|good evening|good afternoon
    |oh|ah|well|so|and|but|also|plus|yes|yeah|yep|yup|ok|okay|right|sure|cool|great|nice|thanks|thank you|thanks a lot|great thanks|perfect
    |btw|by the way|fyi|for your information|for context|for what it is worth|fwiw|just so you know|so you know|you know
    |to be honest|tbh|honestly|personally|frankly|in general|generally|as you know|as i said|like i said|as i mentioned|as mentioned
    |in fact|the thing is|thing is|the truth is|basically|also|anyway|anyways|anyhow|otherwise|besides|furthermore|moreover
    |turns out|it turns out|it turns out that|turns out that|context|background|some background|some context|a bit about me|about me|a little about me|intro
    |note|nb|ps|p.s.|update|edit|reminder|fun fact|fact|one more thing|another thing|same here|me too|lol|haha|hmm|hm|um|uh|wow|gosh|yay|ugh
    |as for me|for me|in my case|speaking of which|i mean|i must say|i have to say|i must admit|i have to admit|i admit|i confess|i should mention|i should mention that
    |let me introduce myself|first of all|first|firstly|second|secondly|third|finally|lastly|for starters|to start|just to be clear|to be clear|to clarify
    |i forgot to mention|i forgot to mention that|i would like to add that|i want to add that|did i mention|unfortunately|luckily|fortunately|sadly|thankfully|clearly|obviously|of course|in short|in summary|overall`,
    false,
  ),
  ...phrases(
    `actually|no|nope|nah|sorry|oops|correction|small correction|wait|no wait|wait no|scratch that|sorry i meant|i meant|i meant that|i mean to say|my bad|oh sorry
    |i misspoke|to correct myself|i was wrong|not anymore|let me correct that|let me correct myself|as a correction`,
    true,
  ),
  ...phrases(
    `i think|i think that|i believe|i believe that|i would say|i would say that|i feel like|i guess you could say|i suppose`,
    false,
    true,
  ),
]

const BY_FIRST: ReadonlyMap<string, readonly Phrase[]> = (() => {
  const table = new Map<string, Phrase[]>()
  for (const phrase of PHRASES) {
    const first = phrase.words[0]!
    table.set(first, [...(table.get(first) ?? []), phrase])
  }
  for (const list of table.values()) list.sort((a, b) => b.words.length - a.words.length)
  return table
})()

/** A greeting may be followed by a name: "Hey Sam, …". */
const GREETINGS = wordSet('hi hello hey hiya yo thanks')

function longestPhrase(tokens: readonly Token[], at: number): (Phrase & { length: number }) | null {
  const first = tokens[at]?.word ?? ''
  for (const phrase of BY_FIRST.get(first) ?? []) {
    if (!phrase.words.every((word, k) => tokens[at + k]?.word === word)) continue
    let length = phrase.words.length
    if (GREETINGS.has(first)) length += addresseeLength(tokens, at + length)
    if (tokens[at + length] === undefined) continue
    if (phrase.hedged && !opensClause(tokens, at + length)) continue // "I think so"
    return { ...phrase, length }
  }
  return null
}

/** 1 where a name stands: "Hey Sam, …", "Hey Sam I …". */
function addresseeLength(tokens: readonly Token[], at: number): number {
  const name = tokens[at]
  const next = tokens[at + 1]?.word ?? ''
  if (name?.kind !== 'word' || name.word === 'i') return 0
  return /^[,!.-]$/.test(next) || (name.capital && next === 'i') ? 1 : 0
}

function afterMarks(tokens: readonly Token[], at: number): number {
  let i = at
  while (tokens[i]?.kind === 'mark' && !/^[("'`]$/.test(tokens[i]!.word)) i++
  return i
}

/** How many tokens of a leading phrase stand before the clause: "At work," "Every morning". */
function leadLength(tokens: readonly Token[], at: number): number {
  const first = tokens[at]
  if (first === undefined || opensClause(tokens, at) || !LEADS.has(first.word)) return 0
  const needsComma = CLAUSES.has(first.word) || !mayLeadBare(tokens, at)
  for (let i = at + 1; i < Math.min(tokens.length, at + MAX_LEAD_TOKENS); i++) {
    const { word } = tokens[i]!
    if (word === ',') {
      const next = i + 1
      if (opensClause(tokens, next)) return next - at
      if (needsComma) continue
    }
    if (needsComma) continue
    if (word === 'i' || word === 'we') return i - at <= MAX_BARE_LEAD ? i - at : 0
    if (VERBS_OF_A_STATEMENT.has(word)) return 0
  }
  return 0
}

/** "Every morning I …", but not "Every little thing I do …" or "Those moments remind me why I …". */
function mayLeadBare(tokens: readonly Token[], at: number): boolean {
  const { word } = tokens[at]!
  if (word === 'every' || word === 'most') return TIMES.has(tokens[at + 1]?.word ?? '')
  return !/^(?:these|those|this|that)$/.test(word) || TIMES.has(tokens[at + 1]?.word ?? '')
}

const TIMES = wordSet(
  `day days morning mornings evening evenings night nights afternoon week weeks weekend weekends month year years
  summer winter spring fall autumn time sunday monday tuesday wednesday thursday friday saturday`,
)
const MAX_LEAD_TOKENS = 18
/** Without a comma only a short phrase leads: "In my free time I …". */
const MAX_BARE_LEAD = 5
const VERBS_OF_A_STATEMENT = wordSet('is are was were has have had means')
const CLAUSES = wordSet(
  'when whenever while because since as after before although though once until',
)
const LEADS =
  wordSet(`at in on every most during for from by with without outside besides unlike due despite apart aside these
  those this last next now currently nowadays lately recently usually normally typically generally mostly
  sometimes often occasionally always two three four five six ten several many years today yesterday tomorrow
  tonight back growing being until about around right over under whenever when while because since as after
  before although though once professionally originally eventually other alongside based`)
