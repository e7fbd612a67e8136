import { EngramError } from '../../memory/errors.ts'
import type { User } from '../../storage/users.ts'
import type { Caller } from '../identity.ts'

/** The user a request acts for. Routes of access read and write always have one; see `daemon/access.ts`. */
export function userOf(caller: Caller): User {
  if (caller.kind === 'user') return caller.user
  throw new EngramError('forbidden', 'this needs a user', {
    fix: 'send a user key, or X-Engram-User-ID with the admin key',
  })
}

/** How the journal names the caller. */
export function actorOf(caller: Caller): string {
  if (caller.kind !== 'user') return caller.kind
  if (!caller.key) return 'admin'
  return `${caller.key.app ? 'app' : 'key'}:${caller.key.name}`
}
