import { EngramError, messageOf } from '../memory/errors.ts'
import type { Services } from './services.ts'

/** The error as it may be shown. One that is not ours is a bug: it is logged whole, and named by a number. */
export function knownError(error: unknown, { log }: Pick<Services, 'log'>): EngramError {
  if (error instanceof EngramError) return error
  const id = crypto.randomUUID()
  log.error({ id, error: messageOf(error), stack: (error as Error)?.stack }, 'unexpected error')
  return new EngramError('internal', `an unexpected error, logged as ${id}`, {
    fix: 'engram doctor',
  })
}
