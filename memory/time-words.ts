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

/** A time that a question names. */
export type NamedTime = Readonly<{
  /** 1 to 31, only beside a month; null where the question names none. */
  day: number | null
  /** 0 to 11. */
  month: number | null
  year: number | null
  /** From one instant to before another, where it is named from now: "yesterday", "two weeks ago". */
  span: Readonly<{ from: number; to: number }> | null
}>

/** @param now what "yesterday" is the day before of; days are UTC's */
export function namedTime(question: string, now: number): NamedTime {
  const text = question.toLowerCase()
  const iso = /\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b/.exec(text)
  if (iso) {
    const month = Number(iso[2]) - 1
    const day = iso[3] ? Number(iso[3]) : null
    return { day, month: month < 12 ? month : null, year: Number(iso[1]), span: null }
  }
  const month = MONTHS.findIndex((name) =>
    // "may" and "march" are also verbs: they are months beside a number or after "in".
    name === 'may' || name === 'march'
      ? new RegExp(
          `\\b(?:in|since|until|last|of) ${name}\\b|\\b${name},? \\d|\\d(?:st|nd|rd|th)? (?:of )?${name}\\b`,
        ).test(text)
      : new RegExp(`\\b${name}\\b`).test(text),
  )
  const year = /\b(19\d\d|20\d\d)\b/.exec(text)?.[1]
  const named = month < 0 ? null : MONTHS[month]!
  const day =
    named === null
      ? null
      : (new RegExp(`\\b${named},? (\\d{1,2})(?:st|nd|rd|th)?\\b(?!\\d)`).exec(text)?.[1] ??
        new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)? (?:of )?${named}\\b`).exec(text)?.[1])
  return {
    day: day == null ? null : Number(day),
    month: month < 0 ? null : month,
    year: year ? Number(year) : null,
    span: month < 0 && !year ? spanFromNow(text, now) : null,
  }
}

const DAY_MS = 86_400_000
const UNIT_DAYS = { day: 1, week: 7, weekend: 7, month: 30, year: 365 } as const
const COUNTS = 'a|an|one|two|three|four|five|six|seven|eight|nine|ten|\\d{1,3}'
const AGO = new RegExp(`\\b(${COUNTS}|a couple of|a few) (day|week|month|year)s? ago\\b`)
const SPELLED = 'zero one two three four five six seven eight nine ten'.split(' ')

/** What people mean by such words is wide: last week is the one before this one, or the last seven days. */
function spanFromNow(text: string, now: number): NamedTime['span'] {
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const days = (from: number, to: number) => ({
    from: today - from * DAY_MS,
    to: today - to * DAY_MS,
  })
  if (/\byesterday\b/.test(text)) return days(1, 0)
  if (/\b(?:today|this morning|this afternoon|tonight)\b/.test(text)) return days(0, -1)
  const last = /\blast (week|weekend|month|year)\b/.exec(text)
  if (last) return days(2 * UNIT_DAYS[last[1] as keyof typeof UNIT_DAYS], 0)
  if (/\bthis (week|month|year)\b/.test(text)) {
    const unit = /\bthis (week|month|year)\b/.exec(text)![1] as keyof typeof UNIT_DAYS
    return days(UNIT_DAYS[unit], -1)
  }
  const ago = AGO.exec(text)
  if (!ago) return null
  const [, many, unit] = ago as unknown as [string, string, keyof typeof UNIT_DAYS]
  const count = /^an?$/.test(many)
    ? 1
    : /^a couple/.test(many)
      ? 2
      : /^a few/.test(many)
        ? 3
        : SPELLED.includes(many)
          ? SPELLED.indexOf(many)
          : Number(many)
  const middle = count * UNIT_DAYS[unit]
  const slack = Math.max(1, UNIT_DAYS[unit] / 2, middle / 4)
  return days(Math.ceil(middle + slack), Math.floor(middle - slack) - 1)
}

const TIME_WORDS =
  /\b(?:yesterday|today|tonight|tomorrow|ago|last|next|this (?:morning|week|month|year|weekend|summer|spring|fall|autumn|winter)|recently|since|weeks?|months?|years?|days?|weekend|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december|\d{4}|\d{1,2}(?:st|nd|rd|th))\b/i
