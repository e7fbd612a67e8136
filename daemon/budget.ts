import { EngramError, messageOf } from '../memory/errors.ts'

export type Outcome<T> = Readonly<
  { done: true; value: T } | { done: false; reason: 'late' | 'failed'; detail: string }
>

/**
 * Runs work that must not cost the user their answer: it gets so many milliseconds, and neither lateness nor
 * failure goes further than this. The work's signal is aborted when it is late; work that foresees it says so
 * by an EngramError `timeout`.
 */
export async function withinBudget<T>(
  budgetMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Outcome<T>> {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Outcome<T>>((resolve) => {
    timer = setTimeout(() => {
      controller.abort()
      resolve({ done: false, reason: 'late', detail: `took longer than ${budgetMs} ms` })
    }, budgetMs)
  })
  const finished = (async (): Promise<Outcome<T>> => {
    try {
      return { done: true, value: await work(controller.signal) }
    } catch (error) {
      const isLate = error instanceof EngramError && error.code === 'timeout'
      return { done: false, reason: isLate ? 'late' : 'failed', detail: messageOf(error) }
    }
  })()
  try {
    return await Promise.race([finished, late])
  } finally {
    clearTimeout(timer)
  }
}
