import { terms } from './words.ts'

const MONTHS =
  'january february march april may june july august september october november december'.split(' ')
const MONTH_TERMS = MONTHS.map((month) => terms(month)[0]!)

/** Day, month and year of an instant as search terms (UTC): ["8", "mai", "2023"] after stemming. */
export function dateTerms(at: number): string[] {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return [] // beyond the 270,000 years that a date can be
  return [
    String(date.getUTCDate()),
    MONTH_TERMS[date.getUTCMonth()]!,
    String(date.getUTCFullYear()),
  ]
}

/** Does a text name a time: a day, a month, "yesterday", "last week"? */
export function saysWhen(text: string): boolean {
  return TIME_WORDS.test(text)
}

/** Does a question ask for a time? */
export function asksWhen(question: string): boolean {
  return /^(?:and |so )?(?:when|how long|since when|what (?:year|month|date|day|time)|which (?:year|month|day))\b/i.test(
    question.trim(),
  )
}

/** The month (0 to 11) and year that a question names; null where it names none. */
export function namedTime(
  question: string,
): Readonly<{ month: number | null; year: number | null }> {
  const text = question.toLowerCase()
  const month = MONTHS.findIndex((name) =>
    // "may" and "march" are also verbs: they are months beside a number or after "in".
    name === 'may' || name === 'march'
      ? new RegExp(
          `\\b(?:in|since|until|last|of) ${name}\\b|\\b${name},? \\d|\\d(?:st|nd|rd|th)? (?:of )?${name}\\b`,
        ).test(text)
      : new RegExp(`\\b${name}\\b`).test(text),
  )
  const year = /\b(19\d\d|20\d\d)\b/.exec(text)?.[1]
  return { month: month < 0 ? null : month, year: year ? Number(year) : null }
}

const TIME_WORDS =
  /\b(?:yesterday|today|tonight|tomorrow|ago|last|next|this (?:morning|week|month|year|weekend|summer|spring|fall|autumn|winter)|recently|since|weeks?|months?|years?|days?|weekend|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december|\d{4}|\d{1,2}(?:st|nd|rd|th))\b/i
