import { terms } from './words.ts'

/** What kind of value a text states or a question asks for. */
export type ValueKind = 'money' | 'percent' | 'time' | 'date' | 'number'

/** A place in a text where something is said to be so much, or to have changed. */
export type Stated = Readonly<{
  /** `change`: a word of change, with or without a value beside it. */
  kind: ValueKind | 'change'
  /** As it is compared: "$1,200" and "1200" are not the same, "five" and "5" are. Empty for a change. */
  value: string
  /** The word after a plain number, as a search term: "12 books" → book. */
  unit: string
  /** Whether the words around it say that it is new. */
  isChange: boolean
  /** How much of the question is around it: the sum of the weights of its distinct terms there. */
  cover: number
}>

/**
 * Finds what a text states about the matter of a question: its values of the kinds asked for, and its words
 * of change, each with how much of the question stands around it in the same sentence.
 *
 * @param weights of the question's terms
 */
export function readStated(
  text: string,
  weights: ReadonlyMap<string, number>,
  kinds: ReadonlySet<ValueKind>,
): Stated[] {
  const prose = text.slice(0, MAX_CHARACTERS).split('```', 1)[0]!
  const found: Stated[] = []
  for (const sentence of prose.split(SENTENCE_END)) {
    if (!/\d/.test(sentence) && !SAYS_SOMETHING.test(sentence)) continue
    for (const match of sentence.matchAll(VALUE)) {
      const value = readValue(match, sentence)
      if (value && kinds.has(value.kind)) {
        const around = windowAround(sentence, match.index, match[0].length)
        found.push({ ...value, isChange: CHANGE.test(around), cover: coverOf(around, weights) })
      }
    }
    const change = CERTAIN_CHANGE.exec(sentence)
    if (change) {
      const around = windowAround(sentence, change.index, change[0].length)
      const cover = coverOf(around, weights)
      found.push({ kind: 'change', value: '', unit: '', isChange: true, cover })
    }
  }
  return found
}

/** People say what matters first; the rest of a long message is code or something pasted. */
const MAX_CHARACTERS = 1_200
/** On each side of a value: about 25 words, a long clause. */
const WINDOW = 150

const SENTENCE_END = /(?<=[.!?])\s+|\n+/
const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)'
const SMALL_NUMBERS = 'one two three four five six seven eight nine ten eleven twelve'.split(' ')
const RANGE = '(?:[-–]\\d+)?'
const VALUE = new RegExp(
  [
    '(?<money>[$€£]\\s?\\d[\\d,.]*(?:k|m)?\\b|\\b\\d[\\d,.]* (?:dollars|euros|pounds)\\b)',
    '(?<percent>\\b\\d[\\d,.]*\\s?(?:%|percent\\b))',
    '(?<time>\\b\\d{1,2}(?::\\d{2})?\\s?(?:am|pm)\\b|\\b\\d{1,2}:\\d{2}\\b)',
    `(?<date>\\b${MONTH}\\.? \\d{1,2}(?:st|nd|rd|th)?${RANGE}(?:,? \\d{4})?\\b|\\b\\d{1,2}(?:st|nd|rd|th)?(?: of)? ${MONTH}\\b|\\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\\b)`,
    `(?<number>\\b\\d[\\d,.]*${RANGE}\\b|\\b(?:${SMALL_NUMBERS.join('|')})\\b)`,
  ].join('|'),
  'gi',
)
const SAYS_SOMETHING = new RegExp(
  `\\b(?:${SMALL_NUMBERS.join('|')}|\\w+day|increased|decreased|reduced|raised|extended|adjusted|updated?|rescheduled|moved|changed|postponed|shortened|lowered|switched|replaced|longer|anymore|instead)\\b`,
  'i',
)
/** Words that may say that something is new. */
const CHANGE =
  /\b(?:now|new|newly|increas(?:ed|ing)|decreased?|reduced|raised|extended|adjusted|updated?|rescheduled?|moved|changed|postponed|shortened|lowered|upped|recently|improved|grown|reached|switched|instead|no longer|anymore|down to|up to|so far|already|total of)\b/i
/** Words that hardly say anything else. */
const CERTAIN_CHANGE =
  /\b(?:increased|decreased|reduced|raised|extended|adjusted|updated?|rescheduled|moved|changed|postponed|shortened|lowered|upped|switched|replaced|no longer|anymore|instead of)\b/i

function readValue(
  match: RegExpExecArray,
  sentence: string,
): (Pick<Stated, 'value' | 'unit'> & { kind: ValueKind }) | null {
  const [kind] = Object.entries(match.groups!).find(([, text]) => text !== undefined)! as [
    ValueKind,
    string,
  ]
  const plain = match[0].toLowerCase().replace(/[,\s]/g, '')
  if (kind !== 'number') return { kind, value: plain, unit: '' }
  const isYear = /^(?:19|20)\d\d$/.test(plain)
  const isListMark = sentence.slice(0, match.index).trim() === ''
  if (isYear || isListMark) return null
  const after = sentence.slice(match.index + match[0].length)
  const unit = UNIT.exec(after)?.[1]
  const spelled = SMALL_NUMBERS.indexOf(plain)
  return {
    kind,
    value: spelled < 0 ? plain : String(spelled + 1),
    unit: unit === undefined ? '' : (terms(unit)[0] ?? ''),
  }
}

const UNIT = /^[\s-]*(?:more |different |total |new |additional |of )?([a-z]+)/i

function windowAround(sentence: string, at: number, length: number): string {
  return sentence.slice(Math.max(0, at - WINDOW), at + length + WINDOW)
}

function coverOf(text: string, weights: ReadonlyMap<string, number>): number {
  let cover = 0
  for (const term of new Set(terms(text))) cover += weights.get(term) ?? 0
  return cover
}

/**
 * The kinds of value that a question asks for; null when it does not ask what holds now: "what is my
 * budget?" does, "what was it?", "how many days between …?" and "how do I …?" do not.
 */
export function askedKinds(question: string): ReadonlySet<ValueKind> | null {
  const text = question.trim()
  if (LOOKS_BACK.test(text) || !(ASKS_FOR_VALUE.test(text) || isPhrase(text))) return null
  const asked = ASKED.find(([pattern]) => pattern.test(question))
  const kinds = asked?.[1] ?? ALL_KINDS
  // Who names a day asks what happens on it, not for another one.
  return new Set(NAMES_DAY.test(text) ? kinds.filter((kind) => kind !== 'date') : kinds)
}

const NAMES_DAY = new RegExp(
  `\\b\\d{1,2}(?:st|nd|rd|th)?(?: of)? ${MONTH}\\b|\\b${MONTH}\\.? \\d|\\b\\d{4}-\\d\\d-\\d\\d\\b`,
  'i',
)

/** "grocery budget", typed into a search: what holds now is meant. */
export function isPhrase(text: string): boolean {
  return (
    PHRASE.test(text) && !/^(?:have|has|do|does|is|are|am|can|could|should|would)\b/i.test(text)
  )
}

const PHRASE = /^(?:[\p{L}\p{N}'’-]+ ){0,3}[\p{L}\p{N}'’-]+$/u

/** Does a question ask about an earlier time, so that what no longer holds may be its answer? */
export function looksBack(question: string): boolean {
  return LOOKS_BACK.test(question)
}

const LOOKS_BACK =
  /\b(?:did|was|were|had|used to|between|passed|at first|original(?:ly)?|initially|previous(?:ly)?|earlier|before|formerly|no longer)\b/i
const ASKS_FOR_VALUE =
  /(?:^(?:and |so )?|\b(?:tell|remind) me |\b(?:remember|know) )(?:(?:by |at |on |in |to |for )?(?:what|which)|who|where|when|how (?:many|much|long|often|old|far|big|large|tall))\b/i
const ALL_KINDS: readonly ValueKind[] = ['money', 'percent', 'time', 'date', 'number']
/** The first that fits. */
const ASKED: readonly (readonly [RegExp, readonly ValueKind[]])[] = [
  [/\bwhat time\b/i, ['time']],
  [/^(?:when|(?:by )?what (?:date|day)|by when)\b|\bdeadline\b|\bdate\b/i, ['date', 'time']],
  [/\bpercent|\baccuracy|\brate\b|\bcoverage/i, ['percent', 'number']],
  [/\bhow much\b|\bbudget|\bcost|\bprice|\bsalary|\bfees?\b|\bspend/i, ['money', 'number']],
  [/\bhow (?:long|many (?:days|weeks|months|years|hours|minutes))\b/i, ['number', 'date', 'time']],
  [/\bhow (?:many|often|old|far)\b|\bnumber of\b/i, ['number']],
]
