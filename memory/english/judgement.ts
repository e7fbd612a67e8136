import type { Category } from '../memory.ts'
import { type Clause, isAdverb } from './clause.ts'
import type { Token } from './tokens.ts'
import { wordSet } from './word-set.ts'

/**
 * What a clause is worth remembering for. `certain` holds in any company; otherwise only where the speaker
 * asks for nothing in the same turn, because "I'm planning a trip to Rome. What should I see?" is about the
 * answer wanted, and the same first sentence alone is about the speaker.
 */
export type Judgement = Readonly<{
  certain: boolean
  category: Category
  /** The words themselves say that something changed: "no longer", "moved", "switched". */
  change: boolean
  /** An event that happens once: its date is when it stops being news. */
  event: boolean
}>

export const certain = (category: Category): Judgement => ({
  certain: true,
  category,
  change: false,
  event: false,
})
export const likely = (category: Category): Judgement => ({ ...certain(category), certain: false })
export const change = (category: Category): Judgement => ({ ...certain(category), change: true })
export const once = (judgement: Judgement): Judgement => ({ ...judgement, event: true })

/** A clause and what follows its main verb, which is what rules look at. */
export type Said = Readonly<{
  clause: Clause
  /** The tokens after the main verb, without adverbs at their front. */
  rest: readonly Token[]
  /** The first words of `rest`; empty where a mark stands or there are no more. */
  first: string
  second: string
  third: string
}>

export function readSaid(clause: Clause): Said {
  const tokens = clause.tokens.slice(0, endOf(clause))
  let from = clause.verb + 1
  while (from < tokens.length && (isAdverb(tokens[from]!.word) || tokens[from]!.word === 'not'))
    from++
  return saidAbout(clause, tokens.slice(from))
}

/** Where another clause begins: what is said there is not said by this one. */
function endOf({ tokens, verb }: Clause): number {
  for (let i = verb + 1; i < tokens.length - 1; i++) {
    if (!JOINTS.has(tokens[i]!.word)) continue
    let next = i + 1
    while (JOINTS.has(tokens[next]?.word ?? '')) next++
    if (OPENERS.has(tokens[next]?.word ?? '')) return i
  }
  return tokens.length
}

const JOINTS = wordSet(', ; - – — and but so plus')
const OPENERS = wordSet(
  'i we my our it that this which they he she how what should can could would do does is since because',
)

/** The same clause, looking at a later part of it. */
export function saidAbout(clause: Clause, rest: readonly Token[]): Said {
  const word = (i: number): string => {
    const piece = rest[i]
    if (piece === undefined || piece.kind === 'mark') return ''
    return piece.kind === 'opaque' ? piece.text : piece.word
  }
  return { clause, rest, first: word(0), second: word(1), third: word(2) }
}

/** Null: nothing in it lasts, or one cannot be sure. */
export type Rule = (said: Said) => Judgement | null

export const always =
  (judgement: Judgement): Rule =>
  () =>
    judgement

/** Holds where one of these words comes next. */
export const before = (words: string, judgement: Judgement): Rule => {
  const set = wordSet(words)
  return ({ first }) => (set.has(first) ? judgement : null)
}

/** Rules by lemma; a key may name several, separated by spaces. */
export function byLemma(rows: Readonly<Record<string, Rule>>): ReadonlyMap<string, Rule> {
  return new Map(
    Object.entries(rows).flatMap(([lemmas, rule]) =>
      lemmas
        .trim()
        .split(/\s+/)
        .map((lemma) => [lemma, rule] as const),
    ),
  )
}

/** Does any of the next `within` tokens have one of these words? */
export function mentions(
  rest: readonly Token[],
  words: ReadonlySet<string>,
  within = rest.length,
): boolean {
  return rest.slice(0, within).some((piece) => words.has(piece.word))
}

/** The words up to the next mark, as one string. */
export function phraseOf(rest: readonly Token[], from = 0): string {
  const found: string[] = []
  for (const piece of rest.slice(from, from + 8)) {
    if (piece.kind === 'mark') break
    found.push(piece.word)
  }
  return found.join(' ')
}

/** Words that point at something outside the sentence. */
export const POINTERS = wordSet(
  'this that these those it them him her you your yours what whatever',
)

const TIME_NOUNS = wordSet(
  'year month week summer winter spring fall autumn weekend morning evening afternoon june july time',
)

export const isTimeNoun = (word: string): boolean => TIME_NOUNS.has(word)

const MONTHS = wordSet(
  'january february march april june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec',
)
const DAYS = wordSet(
  'monday tuesday wednesday thursday friday saturday sunday tomorrow tonight today yesterday ago',
)

/** Does it name a time: a month, a day, a year, "next week"? */
export function isDated(rest: readonly Token[]): boolean {
  return rest.some((piece, i) => {
    const { word } = piece
    if (MONTHS.has(word))
      return piece.capital || rest[i - 1]?.kind === 'number' || rest[i - 1]?.word === 'in'
    if (word === 'may') return piece.capital || rest[i - 1]?.word === 'in'
    if (word === 'next' || word === 'this' || word === 'last')
      return isTimeNoun(rest[i + 1]?.word ?? '')
    return DAYS.has(word) || /^(?:(?:19|20)\d\d|\d{4}-\d\d-\d\d)$/.test(word)
  })
}

const STRETCHES = wordSet('year years month months decade decades weeks life childhood')
const AFTER_SINCE = wordSet('i my last childhood college high birth university school')

/** "for ten years", "since 2015", "all my life" */
export function isLong(rest: readonly Token[]): boolean {
  return rest.some((piece, i) => {
    const next = rest[i + 1]
    if (piece.word === 'since') {
      if (next === undefined || /^(?:spoke|talked|chatted|met)$/.test(rest[i + 3]?.word ?? ''))
        return false
      return next.kind === 'number' || next.capital || AFTER_SINCE.has(next.word)
    }
    return STRETCHES.has(piece.word) && next?.word !== 'old'
  })
}
