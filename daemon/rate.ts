/** So many of something in any one minute; the rest is refused until the minute is over. */
export type RateLimit = Readonly<{
  /** Counts one, and says whether it is within the limit. */
  take(): boolean
  /** Whether the next one would be within the limit; counts nothing. */
  isOpen(): boolean
}>

export function createRateLimit(perMinute: number, now: () => number): RateLimit {
  let minute = Number.NEGATIVE_INFINITY
  let count = 0
  const current = () => {
    if (now() - minute >= 60_000) {
      minute = now()
      count = 0
    }
    return count
  }
  return {
    take: () => {
      const before = current()
      count = before + 1
      return before < perMinute
    },
    isOpen: () => current() < perMinute,
  }
}
