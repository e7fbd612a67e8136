const MONTHS =
  'january february march april may june july august september october november december'.split(' ')

/**
 * Reads the dates of the public sets as UTC: "1:56 pm on 8 May, 2023" (LoCoMo), "March-15-2024" (BEAM),
 * "2023/05/20 (Sat) 02:21" (LongMemEval).
 *
 * @returns epoch milliseconds; null when it is none of these
 */
export function readDate(text: string): number | null {
  const slashed = /(\d{4})\/(\d{1,2})\/(\d{1,2})(?:.*?(\d{1,2}):(\d{2}))?/.exec(text)
  if (slashed) {
    const [, year, month, day, hour = '0', minute = '0'] = slashed
    return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute))
  }
  const dayFirst = /(\d{1,2}) ([a-z]+),? (\d{4})/i.exec(text)
  if (dayFirst) return utc(dayFirst[3]!, dayFirst[2]!, dayFirst[1]!, text)
  const monthFirst = /([a-z]+)[- ](\d{1,2})(?:,|-| )\s*(\d{4})/i.exec(text)
  return monthFirst ? utc(monthFirst[3]!, monthFirst[1]!, monthFirst[2]!, text) : null
}

function utc(year: string, monthName: string, day: string, text: string): number | null {
  const month = MONTHS.indexOf(monthName.toLowerCase())
  if (month < 0) return null
  const clock = /\b(\d{1,2}):(\d{2})\s*(am|pm)\b/i.exec(text)
  const hour = clock ? (Number(clock[1]) % 12) + (clock[3]!.toLowerCase() === 'pm' ? 12 : 0) : 0
  return Date.UTC(Number(year), month, Number(day), hour, clock ? Number(clock[2]) : 0)
}

/** Messages of a session that is dated as a whole follow each other by so much. */
export const MESSAGE_MS = 60_000

/** When nothing is dated: any fixed day will do. */
export const UNDATED = Date.UTC(2024, 0, 1)
