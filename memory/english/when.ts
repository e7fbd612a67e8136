/** A span of time that words name: instants, the end not included. */
export type Span = Readonly<{ from: number; to: number }>

export type Resolved = Readonly<{
  /** The text with relative dates made absolute. */
  text: string
  /** What its first date names; null when it names none. */
  span: Span | null
  /** "since 2015", "for ten years": when it began; null when nothing says so. */
  since: number | null
}>

/**
 * Where a date without a year lies: behind the speaker ("I moved in June"; in the perfect it goes on), ahead ("I'm getting married in
 * June"), or every year ("my birthday is on 3 May"), which is left as it is.
 */
export type Tense = 'past' | 'perfect' | 'future' | 'recurring'

/**
 * Replaces words that count from the moment of speaking ("yesterday", "last year", "in two weeks") by the
 * dates they meant (UTC). What can mean two things ("next Friday", "last summer") stays as it was said, and
 * so does everything in quotation marks or back-ticks.
 */
export function resolveDates(text: string, saidAt: number, tense: Tense): Resolved {
  let span: Span | null = null
  let since: number | null = null
  const said = new Date(saidAt)
  if (Number.isNaN(said.getTime())) return { text, span, since }
  const resolved = lowerTime(text).replace(EXPRESSION, (match: string, ...rest: unknown[]) => {
    const groups = rest.at(-1) as Readonly<Record<string, string | undefined>>
    if (groups.opaque !== undefined) return match
    const found = read(match, groups, said, tense)
    if (found === null) return match
    if (found.span !== null) span ??= found.span
    if (found.since !== null) since ??= found.since
    return found.text
  })
  return {
    text:
      /^\p{Ll}/u.test(resolved) && !/^\p{Ll}/u.test(text)
        ? resolved[0]!.toUpperCase() + resolved.slice(1)
        : resolved,
    span,
    since,
  }
}

/** "Yesterday" is a song; at the beginning of a statement it is the day. */
function lowerTime(text: string): string {
  return /^(?:Yesterday|Tomorrow|Today|Tonight|Last|Next|This|In|Since|Two|Three|Four|Five)\b/.test(
    text,
  )
    ? text[0]!.toLowerCase() + text.slice(1)
    : text
}

const isBehind = (tense: Tense): boolean => tense === 'past' || tense === 'perfect'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const
const MONTH =
  '(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)'
const COUNT =
  '(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|\\d{1,3})'
const UNIT = '(?:day|week|month|year)s?'

const EXPRESSION = new RegExp(
  [
    '(?<opaque>"[^"]{0,400}"|“[^”]{0,400}”|`[^`]{0,400}`)',
    "\\b(?<day>(?:the )?day after tomorrow|(?:the )?day before yesterday|tomorrow(?: morning| afternoon| evening| night)?|yesterday(?: morning| afternoon| evening)?|last night|tonight|this (?:morning|afternoon|evening)|today)\\b(?!’s|'s)",
    "\\b(?<lead>since |until |till |by |from |of |before |after |during |for |early |earlier |late |later |mid-)?(?<!\\bthe )(?<which>last|next|this) (?<period>week|month|year)\\b(?!’s|'s)",
    `\\b(?:about |around |over |almost |nearly |some )?(?<agoCount>${COUNT}) (?<agoUnit>${UNIT}) ago\\b`,
    `\\bin (?<inCount>${COUNT}) (?<inUnit>${UNIT})\\b(?! of)`,
    `\\bfor (?:about |almost |over |nearly |more than |the (?:past|last) )?(?<forCount>${COUNT}) (?<forUnit>years|months|year|decades)\\b`,
    `\\b(?<iso>(?:19|20)\\d\\d-\\d\\d-\\d\\d)\\b`,
    `\\b(?<dayFirst>\\d{1,2})(?:st|nd|rd|th)?(?: of)? (?<dayMonth>${MONTH})\\b\\.?(?:,? (?<dayYear>(?:19|20)\\d\\d)\\b)?`,
    `\\b(?<monthFirst>${MONTH})\\.? (?<monthDay>\\d{1,2})(?:st|nd|rd|th)?\\b(?!:|\\s?[-–]\\s?\\d)(?:,? (?<monthDayYear>(?:19|20)\\d\\d)\\b)?`,
    `\\b(?<monthLead>in|since|until|by|from|this|next|last|of) (?<month>${MONTH})\\b(?! \\d{1,2}\\b(?!\\d))(?:,? (?:of )?(?<monthYear>(?:19|20)\\d\\d)\\b)?`,
    '\\b(?<yearLead>in|since|until|by|from|of|year) (?<year>(?:19|20)\\d\\d)\\b',
  ].join('|'),
  'g',
)

type Found = Readonly<{ text: string; span: Span | null; since: number | null }>
type Groups = Readonly<Record<string, string | undefined>>

function read(match: string, g: Groups, said: Date, tense: Tense): Found | null {
  if (g.day !== undefined) return readDay(g.day, said)
  if (g.period !== undefined) return readPeriod(g.which!, g.period, g.lead ?? '', said)
  if (g.agoCount !== undefined) return readDistance(-count(g.agoCount), g.agoUnit!, said, match)
  if (g.inCount !== undefined) {
    return tense === 'future' ? readDistance(count(g.inCount), g.inUnit!, said, match) : null
  }
  if (g.forCount !== undefined && tense !== 'perfect') return null
  if (g.forCount !== undefined) return readDuration(match, count(g.forCount), g.forUnit!, said)
  if (g.iso !== undefined) {
    const from = Date.parse(`${g.iso}T00:00:00Z`)
    return Number.isNaN(from) ? null : { text: match, span: { from, to: from + DAY }, since: null }
  }
  if (g.dayMonth !== undefined)
    return readDate(match, Number(g.dayFirst), g.dayMonth, g.dayYear, said, tense)
  if (g.monthFirst !== undefined)
    return readDate(match, Number(g.monthDay), g.monthFirst, g.monthDayYear, said, tense)
  if (g.month !== undefined)
    return readMonth(match, g.monthLead!, g.month, g.monthYear, said, tense)
  if (g.year !== undefined) {
    const span = yearSpan(Number(g.year))
    return { text: match, span, since: g.yearLead === 'since' ? span.from : null }
  }
  return null
}

const DAY = 86_400_000

const midnight = (at: Date): number =>
  Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate())
const daySpan = (from: number): Span => ({ from, to: from + DAY })
const monthSpan = (year: number, month: number): Span => ({
  from: Date.UTC(year, month, 1),
  to: Date.UTC(year, month + 1, 1),
})
const yearSpan = (year: number): Span => ({
  from: Date.UTC(year, 0, 1),
  to: Date.UTC(year + 1, 0, 1),
})

/** "24 November 2026" */
export function dayName(at: number): string {
  const date = new Date(at)
  return `${date.getUTCDate()} ${monthName(at)}`
}

function monthName(at: number): string {
  const date = new Date(at)
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`
}

function readDay(words: string, said: Date): Found {
  const offset = words.includes('after tomorrow')
    ? 2
    : words.includes('before yesterday')
      ? -2
      : words.startsWith('tomorrow')
        ? 1
        : words.startsWith('yesterday') || words === 'last night'
          ? -1
          : 0
  const from = midnight(said) + offset * DAY
  const part = /(morning|afternoon|evening|night)$/.exec(words)?.[1]
  const day = dayName(from)
  const text =
    part === undefined
      ? `on ${day}`
      : `on the ${part === 'night' && words === 'tonight' ? 'evening' : part} of ${day}`
  return { text, span: daySpan(from), since: null }
}

function readPeriod(which: string, period: string, lead: string, said: Date): Found | null {
  const step = which === 'last' ? -1 : which === 'next' ? 1 : 0
  const year = said.getUTCFullYear()
  const month = said.getUTCMonth()
  let span: Span
  let name: string
  if (period === 'year') {
    span = yearSpan(year + step)
    name = String(year + step)
  } else if (period === 'month') {
    span = monthSpan(year, month + step)
    name = monthName(span.from)
  } else {
    const monday = midnight(said) - ((said.getUTCDay() + 6) % 7) * DAY + step * 7 * DAY
    span = { from: monday, to: monday + 7 * DAY }
    name = `the week of ${dayName(monday)}`
  }
  const word = lead.trim()
  if (word === 'for') return null // "for last week" says too little
  const text =
    word === ''
      ? `in ${name}`
      : /^(?:early|earlier|late|later)$/.test(word)
        ? `${word} in ${name}`
        : `${lead}${name}`
  return { text, span, since: word === 'since' || word === 'from' ? span.from : null }
}

/** "3 years ago", "in two weeks": exact in days, "around" in anything longer. */
function readDistance(n: number, unit: string, said: Date, match: string): Found | null {
  if (Number.isNaN(n)) return null
  const year = said.getUTCFullYear()
  switch (unit.replace(/s$/, '')) {
    case 'day': {
      const from = midnight(said) + n * DAY
      return { text: `on ${dayName(from)}`, span: daySpan(from), since: null }
    }
    case 'week': {
      const from = midnight(said) + n * 7 * DAY
      return {
        text: `around ${dayName(from)}`,
        span: { from: from - 3 * DAY, to: from + 4 * DAY },
        since: null,
      }
    }
    case 'month': {
      const span = monthSpan(year, said.getUTCMonth() + n)
      return { text: `around ${monthName(span.from)}`, span, since: null }
    }
    case 'year': {
      const span = yearSpan(year + n)
      return span.from > 0 || n > 0
        ? { text: `around ${year + n}`, span, since: null }
        : { text: match, span: null, since: null }
    }
    default:
      return null
  }
}

/** "for ten years" grows stale: the year it began does not. */
function readDuration(match: string, n: number, unit: string, said: Date): Found | null {
  if (Number.isNaN(n)) return null
  const year = said.getUTCFullYear()
  if (unit.startsWith('month')) {
    const span = monthSpan(year, said.getUTCMonth() - n)
    return { text: `${match} (since about ${monthName(span.from)})`, span: null, since: span.from }
  }
  const began = year - n * (unit.startsWith('decade') ? 10 : 1)
  return { text: `${match} (since about ${began})`, span: null, since: Date.UTC(began, 0, 1) }
}

function readDate(
  match: string,
  day: number,
  name: string,
  given: string | undefined,
  said: Date,
  tense: Tense,
): Found | null {
  const month = monthIndex(name)
  if (day < 1 || day > 31) return null
  if (given !== undefined)
    return { text: match, span: daySpan(Date.UTC(Number(given), month, day)), since: null }
  if (tense === 'recurring') return null
  const today = midnight(said)
  const thisYear = said.getUTCFullYear()
  let from = Date.UTC(thisYear, month, day)
  if (tense === 'future' && from < today) from = Date.UTC(thisYear + 1, month, day)
  if (isBehind(tense) && from > today) from = Date.UTC(thisYear - 1, month, day)
  const comma = /\d$|\d(?:st|nd|rd|th)$/.test(match) ? ',' : '' // "March 5, 2027", but "5 March 2027"
  return {
    text: `${match}${comma} ${new Date(from).getUTCFullYear()}`,
    span: daySpan(from),
    since: null,
  }
}

function readMonth(
  match: string,
  lead: string,
  name: string,
  given: string | undefined,
  said: Date,
  tense: Tense,
): Found | null {
  const month = monthIndex(name)
  const since = (span: Span): number | null =>
    lead === 'since' || lead === 'from' ? span.from : null
  if (given !== undefined) {
    const span = monthSpan(Number(given), month)
    return { text: match, span, since: since(span) }
  }
  if (tense === 'recurring' && lead !== 'since') return null
  if (lead === 'this' || lead === 'next' || lead === 'last') return null
  let year = said.getUTCFullYear()
  const ahead = lead === 'since' ? 'past' : tense
  if (ahead === 'future' && month < said.getUTCMonth()) year++
  if (isBehind(ahead) && month > said.getUTCMonth()) year--
  const span = monthSpan(year, month)
  return { text: `${match} ${year}`, span, since: since(span) }
}

function monthIndex(name: string): number {
  return MONTHS.findIndex((month) => month.startsWith(name.slice(0, 3)))
}

const COUNTS: ReadonlyMap<string, number> = new Map(
  'a:1 an:1 one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12 fifteen:15 twenty:20 thirty:30'
    .split(' ')
    .map((pair) => [pair.split(':')[0]!, Number(pair.split(':')[1])] as const),
)

function count(word: string): number {
  return COUNTS.get(word) ?? Number(word)
}
