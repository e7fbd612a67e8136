/** Readers of flag values. Each throws an Error that says what the value must be. */

export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new Error(`must be a whole number from ${min} to ${max.toLocaleString('en-US')}`)
  }
}

export function share(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0 && value <= 1) return value
  throw new Error('must be a number from 0 to 1')
}

const SECOND_MS = 1000
const DAY_MS = 86_400 * SECOND_MS
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  min: 60 * SECOND_MS,
  m: 60 * SECOND_MS,
  h: 3_600 * SECOND_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  mo: 30 * DAY_MS,
  y: 365 * DAY_MS,
}

/** "10s", "500ms", "2min" as milliseconds. */
export function timeSpan(text: string): number {
  const ms = spanMs(text)
  if (ms !== null && ms > 0 && ms <= DAY_MS) return ms
  throw new Error('must be a time such as 10s, 500ms or 2min')
}

/** "30d", "2w", "6mo" from now, or a date, as an instant; "never" as null. */
export function deadline(text: string, now = Date.now()): number | null {
  if (text === 'never') return null
  const span = spanMs(text)
  const at =
    span !== null ? now + span : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(at))
    throw new Error('must be a time such as 30d or 6mo, a date such as 2027-01-31, or never')
  if (at <= now) throw new Error('must be in the future')
  return at
}

function spanMs(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w|mo|y)$/.exec(text.trim())
  return found ? Number(found[1]) * UNIT_MS[found[2]!]! : null
}

/** The name of an environment variable. */
export function variableName(text: string): string {
  if (/^[A-Za-z_]\w*$/.test(text)) return text
  throw new Error('must be the name of an environment variable, such as ENGRAM_API_KEY')
}

/** The name of a program, as it is kept with what it captures. */
export function clientName(text: string): string {
  const name = text.trim()
  if (/^[\p{L}\p{N}][\p{L}\p{N}\p{P}\p{S} ]{0,79}$/u.test(name)) return name
  throw new Error('must be a name of at most 80 letters, digits and signs')
}
