import { type Token, tokensOf } from './english/tokens.ts'
import { baseOfGerund, baseOfParticiple, baseOfThird } from './english/verbs.ts'
import { wordSet } from './english/word-set.ts'
import { stem } from './stem.ts'
import { words } from './words.ts'

export type DifferenceKind = 'number' | 'date' | 'name' | 'quantity' | 'negation' | 'polarity'

/** What one statement has and the other has not. */
export type Difference = Readonly<{
  kind: DifferenceKind
  a: readonly string[]
  b: readonly string[]
}>

export type Comparison = Readonly<{
  /** Share of the content words, stemmed, that both have (Dice): 0 to 1. */
  similarity: number
  differences: readonly Difference[]
}>

/**
 * Compares two statements by their words. Similarity only nominates: two statements that differ in a
 * number, a date, a name or a "not" say different things however near they are.
 */
export function compareStatements(a: string, b: string): Comparison {
  const left = readStatement(a)
  const right = readStatement(b)
  const differences: Difference[] = []
  const add = (kind: DifferenceKind, onlyA: readonly string[], onlyB: readonly string[]): void => {
    if (onlyA.length > 0 || onlyB.length > 0) differences.push({ kind, a: onlyA, b: onlyB })
  }
  add('number', without(left.numbers, right.numbers), without(right.numbers, left.numbers))
  add('date', without(left.dates, right.dates), without(right.dates, left.dates))
  add('name', namesWithout(left, right), namesWithout(right, left))
  add(
    'quantity',
    without(left.quantities, right.quantities),
    without(right.quantities, left.quantities),
  )
  if (left.negations.length % 2 !== right.negations.length % 2)
    add('negation', left.negations, right.negations)
  if (left.leaning * right.leaning < 0) add('polarity', left.leanings, right.leanings)
  return { similarity: dice(left.stems, right.stems), differences }
}

/**
 * Do two statements say the same thing? Only when their content words are the same, in the same order, with
 * nothing that `compareStatements` would list between them. Who is meant by "I", "User" and "The user's" is
 * the same person; articles, plain prepositions and the spelling of "favourite" do not matter; tense does.
 */
export function sameStatement(a: string, b: string): boolean {
  const left = readStatement(a).words
  const right = readStatement(b).words
  if (left.length === 0 || right.length === 0) return a.trim() === b.trim()
  return left.length === right.length && left.every((word, i) => word === right[i])
}

/** Does one statement deny what the other says: the same words, with and without "not", "love" against "hate"? */
export function contradicts(a: string, b: string): boolean {
  const left = readStatement(a)
  const right = readStatement(b)
  const core = (statement: Statement): string => statement.core.join(' ')
  return left.core.length > 0 && core(left) === core(right) && stance(left) !== stance(right)
}

/** A statement as it is compared. */
export type Statement = Readonly<{
  /** Content words in order: lower case, verbs in their base form, spelling unified. */
  words: readonly string[]
  /** `words` without negation, liking and disliking: what it is about. */
  core: readonly string[]
  stems: ReadonlySet<string>
  numbers: readonly string[]
  dates: readonly string[]
  names: readonly string[]
  quantities: readonly string[]
  negations: readonly string[]
  leanings: readonly string[]
  /** −1 for "hate", 1 for "like", 0 for neither. */
  leaning: number
}>

/** −1 when the statement denies or dislikes, else 1. */
export function stance(statement: Statement): number {
  const sign = statement.negations.length % 2 === 1 ? -1 : 1
  return sign * (statement.leaning === 0 ? 1 : statement.leaning)
}

export function readStatement(text: string): Statement {
  const tokens = tokensOf(text.replace(WITH_QUOTE, '$1'))
  const found = {
    words: [] as string[],
    core: [] as string[],
    numbers: [] as string[],
    dates: [] as string[],
    names: [] as string[],
    quantities: [] as string[],
    negations: [] as string[],
    leanings: [] as string[],
  }
  let leaning = 0
  for (const [i, piece] of tokens.entries()) {
    for (const word of wordsOf(piece, tokens[i + 1])) {
      found.words.push(word)
      const liking = LEANINGS.get(word)
      if (NEGATIONS.has(word)) {
        found.negations.push(word)
        continue
      }
      if (liking !== undefined && leaning === 0) {
        leaning = liking
        found.leanings.push(word)
        continue
      }
      found.core.push(word)
      if (DATE_WORDS.has(word) || /^(?:19|20)\d\d$|^\d{4}-\d\d-\d\d$/.test(word))
        found.dates.push(word)
      else if (/\d/.test(word) && piece.kind !== 'opaque') found.numbers.push(word)
      else if (QUANTITIES.has(word)) found.quantities.push(word)
      else if (isNameLike(piece, i)) found.names.push(word)
    }
  }
  return {
    ...found,
    leaning,
    stems: new Set(found.words.map((word) => (/^[a-z]+$/.test(word) ? stem(word) : word))),
  }
}

/** `User said: "…"` is compared by what was said. */
const WITH_QUOTE = /^User said: "(.*)"$/s

/** The comparable words of a token: none for the speaker and for words that only join. */
function wordsOf(piece: Token, next: Token | undefined): string[] {
  if (piece.kind === 'mark') return []
  if (piece.kind === 'opaque')
    return [piece.text.replace(/^["“«'‘`]+|["”»'’`]+$/g, '').toLowerCase()]
  if (piece.kind === 'number') return [numeral(piece.word)]
  const word = piece.word.replace(/['’]s?$/, '')
  if (SPEAKER.has(word) || JOINING.has(word)) return []
  if (word === 'have' || word === 'has') return isAuxiliary(next) ? [] : ['have']
  if (word === 'to') return next?.capital === true || next?.kind === 'number' ? ['to'] : []
  if (/[+#&]/.test(word)) return [word] // C++, F#, R&D
  const number = SPELLED.get(word)
  if (number !== undefined) return [number]
  if (/^[a-z]+$/.test(word)) return [baseForm(word)]
  return words(word).map(baseForm)
}

/** "has lived", "has been": only a tense; "has a doctor" is not "is a doctor". */
function isAuxiliary(next: Token | undefined): boolean {
  return next !== undefined && (next.word === 'not' || baseOfParticiple(next.word) !== null)
}

function numeral(word: string): string {
  const ordinal = /^(\d+)(?:st|nd|rd|th)$/.exec(word)
  return ordinal !== null
    ? ordinal[1]!
    : word.replace(/(?<=\d),(?=\d{3})/g, '').replace(/^[$€£]/, '')
}

/** Verbs in their base form, except the past, which says something else; spelling unified. */
function baseForm(word: string): string {
  const spelled = SPELLINGS.get(word) ?? word
  const verb = baseOfThird(spelled) ?? baseOfGerund(spelled) ?? spelled
  return SPELLINGS.get(verb) ?? verb
}

const map = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((pair) => pair.split(':') as [string, string]),
  )

const SPEAKER = wordSet(
  'user users i me my mine myself we us our ours ourselves they them their theirs themselves themself',
)
const JOINING = wordSet(
  `a an the is am are be being having do does of at in on for as so just really very quite also too currently
  now please it its which that there been`,
)
const NEGATIONS = wordSet(
  'not no never none nobody nothing neither nor cannot without hardly barely stop stopped quit',
)
const QUANTITIES = wordSet(
  `all every each both some most many much few several half half-dozen none always usually often sometimes rarely seldom
  only once twice daily weekly monthly yearly least more less`,
)
const LEANINGS: ReadonlyMap<string, number> = new Map([
  ...['like', 'love', 'enjoy', 'adore', 'prefer', 'favor', 'fancy'].map(
    (word) => [word, 1] as const,
  ),
  ...['hate', 'dislike', 'detest', 'despise', 'loathe', 'avoid', 'refuse', 'dread'].map(
    (word) => [word, -1] as const,
  ),
])
const DATE_WORDS = wordSet(
  `january february march april may june july august september october november december monday tuesday wednesday
  thursday friday saturday sunday today tomorrow yesterday`,
)
const SPELLED = map(
  `two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12 thirteen:13 fourteen:14
  fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20 thirty:30 forty:40 fifty:50 sixty:60 hundred:100`,
)
const SPELLINGS = map(
  `favorite:favourite colour:color colours:colors flavour:flavor behaviour:behavior honour:honor neighbour:neighbor
  neighbours:neighbors centre:center theatre:theater grey:gray programme:program favour:favor called:name named:name
  organise:organize specialise:specialize prioritise:prioritize practise:practice analyse:analyze mom:mother mum:mother
  mommy:mother mummy:mother dad:father daddy:father kids:children kid:child reside:live metre:meter litre:liter
  licence:license pyjamas:pajamas tyre:tire yoghurt:yogurt aeroplane:airplane maths:math isn:not`,
)

function isNameLike(piece: Token, index: number): boolean {
  if (piece.kind === 'opaque') return true
  if (/^\p{Lu}[\p{Lu}\d]+$/u.test(piece.text) || /\p{Ll}\p{Lu}/u.test(piece.text)) return true // NASA, iPhone
  return index > 0 && piece.capital
}

function without(a: readonly string[], b: readonly string[]): string[] {
  const rest = [...b]
  return a.filter((word) => {
    const at = rest.indexOf(word)
    if (at < 0) return true
    rest.splice(at, 1)
    return false
  })
}

/** A name counts as missing only when the other statement has not even the bare word. */
function namesWithout(a: Statement, b: Statement): string[] {
  return a.names.filter((name) => !b.words.includes(name))
}

function dice(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size + b.size === 0) return 0
  let common = 0
  for (const word of a) if (b.has(word)) common++
  return (2 * common) / (a.size + b.size)
}
