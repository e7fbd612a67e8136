/** Says what happens again and again once a minute, with how often it happened since. */
export type Seldom = (
  about: string,
  fields: Readonly<Record<string, unknown>>,
  message: string,
) => void

const EVERY_MS = 60_000

export function createSeldom(
  log: (fields: object, message: string) => void,
  now: () => number,
): Seldom {
  const silent = new Map<string, { until: number; since: number }>()
  return (about, fields, message) => {
    const key = `${message} ${about}`
    const state = silent.get(key)
    if (state && now() < state.until) {
      state.since++
      return
    }
    const repeated = state?.since ?? 0
    silent.set(key, { until: now() + EVERY_MS, since: 0 })
    log({ about, ...fields, ...(repeated > 0 && { repeated }) }, message)
  }
}
