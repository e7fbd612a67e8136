/** What a round of work came to: there may be more, there is none, or it cannot be done now. */
export type Round = 'more' | 'none' | 'blocked'

export type Loop = Readonly<{
  /** There may be work: one lane looks now. Heard also by lanes that were looking while it was said. */
  wake(): void
  /** All lanes have ended, after `signal`. */
  stopped: Promise<void>
}>

export type LoopOptions = Readonly<{
  /** Rounds that may run at once. */
  lanes: number
  work: () => Promise<Round>
  /** In how many milliseconds there will be work by itself; null for never. */
  dueInMs: () => Promise<number | null>
  /** A round failed: the lane sleeps until it is woken. */
  onError: (error: unknown) => void
}>

/** How long a lane sleeps at most: what another process or a clock change made due is found then. */
const MAX_SLEEP_MS = 60_000
/** And at least: a job that is due but not free (its namespace is at work) must not make a lane spin. */
const MIN_SLEEP_MS = 200

/** Runs `work` while there is some, then sleeps until it is woken or the next is due. */
export function startLoop(
  { lanes, work, dueInMs, onError }: LoopOptions,
  signal: AbortSignal,
): Loop {
  const sleepers = new Set<() => void>()
  /** Counts what was rung for while nobody slept: who was looking then looks again. */
  let missed = 0
  const wakeOne = (): boolean => {
    const [sleeper] = sleepers
    sleeper?.()
    return sleeper !== undefined
  }
  const wake = () => {
    if (!wakeOne()) missed++
  }
  signal.addEventListener(
    'abort',
    () => {
      while (wakeOne());
    },
    { once: true },
  )

  async function lane(): Promise<void> {
    while (!signal.aborted) {
      const heard = missed
      let round: Round = 'blocked'
      try {
        round = await work()
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
      // Where there was one there may be two: the next is for whoever is free.
      if (round === 'more') wakeOne()
      else if (heard === missed) {
        await sleep(round === 'none' ? await untilDue() : MAX_SLEEP_MS, heard)
      }
    }
  }

  /** Until it is woken or the time is over; not at all when somebody rang meanwhile. */
  async function sleep(ms: number, heard: number): Promise<void> {
    if (signal.aborted || heard !== missed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const up = () => {
      sleepers.delete(up)
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(up, ms)
    sleepers.add(up)
    await promise
  }

  async function untilDue(): Promise<number> {
    const ms = await dueInMs()
    return ms === null ? MAX_SLEEP_MS : Math.min(MAX_SLEEP_MS, Math.max(MIN_SLEEP_MS, ms))
  }

  const running = Array.from({ length: lanes }, lane)
  return { wake, stopped: Promise.all(running).then(() => {}) }
}
