import type { Clause } from './clause.ts'
import { judgeOthers } from './judge-others.ts'
import { judgeSpeaker } from './judge-speaker.ts'
import { isTimeNoun, type Judgement, POINTERS, readSaid, type Said } from './judgement.ts'
import { TROUBLE } from './lexicon.ts'
import { CONDUCT_NOUNS, isConduct } from './rewrite.ts'
import { baseOfGerund, baseOfParticiple } from './verbs.ts'
import { wordSet } from './word-set.ts'

/**
 * Does the clause state something about the speaker that lasts? Null when it does not, or may not.
 *
 * @param inContext it stands behind a clause that may say what its "it" and "they" are.
 */
export function judge(clause: Clause, inContext = false): Judgement | null {
  const said = readSaid(clause)
  if (
    said.clause.adverbs.has('probably') ||
    isUnfinished(said) ||
    isOfTheMoment(said) ||
    pointsElsewhere(said, inContext) ||
    isToListener(said)
  )
    return null
  const found = clause.subject.kind === 'mine' ? judgeOthers(said) : judgeSpeaker(said)
  return found !== null && hasEnded(said) ? { ...found, change: true } : found
}

function hasEnded({ clause, rest }: Said): boolean {
  return (
    clause.adverbs.has('no longer') ||
    (clause.negated && rest.some((piece) => piece.word === 'anymore'))
  )
}

/** "Yes, I love to" */
function isUnfinished({ rest }: Said): boolean {
  return rest.findLast((piece) => piece.kind !== 'mark')?.word === 'to'
}

/** What can only be understood beside the screen. */
const ON_SCREEN = wordSet('here above below following')
const HANDLING = wordSet('use run write call try get build deploy host code')

/** "I run the script and it hangs": what happened, not what one does. */
function hasOutcome({ tokens, verb }: Clause): boolean {
  return tokens.some(
    (piece, i) =>
      i > verb &&
      (piece.word === 'and' || piece.word === 'but') &&
      /^(?:it|nothing|then|this|that)$/.test(tokens[i + 1]?.word ?? ''),
  )
}

const LASTS_ANYWAY = wordSet('live work')

function isOfTheMoment({ clause, rest }: Said): boolean {
  if (HANDLING.has(clause.lemma) && hasOutcome(clause)) return true
  if (rest.some((piece) => ON_SCREEN.has(piece.word) || TROUBLE.has(piece.word))) return true
  if (clause.form === 'progressive' || LASTS_ANYWAY.has(clause.lemma)) return false
  return /\b(?:right now|at the moment)\b/.test(clause.tokens.map((piece) => piece.word).join(' '))
}

const DEMONSTRATIVES = wordSet('this these those')
const PRONOUNS = wordSet('it them him her his they she he its')
const ARTICLES = wordSet('a an the my our some any no two three all each every another')
/** Nouns that nothing later refers to: "a fan of them", "a lot of it". */
const EMPTY_NOUNS = wordSet('fan lot bit big huge')

/** "I love seeing them", "I use this daily": what is meant was said elsewhere, or is only visible there. */
function pointsElsewhere({ clause, rest, first, second }: Said, inContext: boolean): boolean {
  if (
    !inContext &&
    clause.lemma !== 'be' &&
    POINTERS.has(first) &&
    !isTimeNoun(second) &&
    second !== 'when' &&
    second !== 'if'
  ) {
    if (!(clause.lemma === 'find' && first === 'it')) return true
  }
  let named =
    inContext ||
    clause.subject.kind === 'mine' ||
    clause.subject.kind === 'both' ||
    isPlainObject(first)
  return rest.some((piece, i) => {
    const { word } = piece
    const next = rest[i + 1]
    if (DEMONSTRATIVES.has(word)) return !isTimeNoun(next?.word ?? '')
    if (word === 'there') return next === undefined || next.kind === 'mark'
    if (PRONOUNS.has(word)) {
      return !named && next?.word !== 'when' && !(word === 'it' && clause.lemma === 'find')
    }
    if (piece.kind === 'opaque' || piece.kind === 'number' || piece.capital) named = true
    else if (ARTICLES.has(word)) named ||= !EMPTY_NOUNS.has(next?.word ?? '')
    else if (/[^s]s$/.test(word) && word.length > 3 && baseOfParticiple(word) === null) named = true
    return false
  })
}

/** "seafood" in "I dislike seafood and will not touch it" */
function isPlainObject(word: string): boolean {
  return (
    word !== '' &&
    !NO_OBJECT.has(word) &&
    !POINTERS.has(word) &&
    !PRONOUNS.has(word) &&
    baseOfGerund(word) === null
  )
}

const NO_OBJECT = wordSet(
  'a an the my our some any no all each every another in at on for with of to from about by how when where',
)

const ANYBODY = wordSet('where when that which things if as while because')

/** "I believe in you", "I like your idea"; "games where you build things" is said of anybody. */
function isToListener({ clause, rest }: Said): boolean {
  if (clause.lemma === 'prefer') return false
  return rest.some((piece, i) => {
    if (piece.word === 'your') return !CONDUCT_NOUNS.has(rest[i + 1]?.word ?? '')
    return piece.word === 'you' && !ANYBODY.has(rest[i - 1]?.word ?? '') && !isConduct(rest, i)
  })
}
