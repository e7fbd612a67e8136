import { EngramError } from '../memory/errors.ts'
import type { Caller } from './identity.ts'
import type { Route } from './route.ts'

/**
 * Lets a caller through to a route or not.
 *
 * @param isLocal the request came from this machine, and that is enough here; see `isLocalRequest`
 * @throws EngramError `unauthorized` without a key where one is needed, `forbidden` when the key lacks the
 *   right.
 */
export function checkAccess(
  { access, method }: Pick<Route, 'access' | 'method'>,
  caller: Caller,
  isLocal: boolean,
): void {
  if (access !== 'proxy' && access !== 'open') refuseProxyKey(caller)
  switch (access) {
    case 'open':
    case 'proxy':
    case 'oauth':
      return
    case 'mcp':
      if (caller.kind === 'user') return
      if (caller.kind === 'anonymous') throw denied(caller, 'an API key is needed, or OAuth')
      throw new EngramError('forbidden', 'the admin key needs a user to act for here', {
        fix: 'send X-Engram-User-ID as well, or a key of the user',
      })
    case 'local':
      if (isLocal || isAdmin(caller)) return
      if (method === 'GET' && caller.kind === 'user') return
      throw denied(caller, method === 'GET' ? 'an API key is needed' : 'this needs the admin key')
    case 'admin':
      if (isAdmin(caller)) return
      throw denied(caller, 'this needs the admin key')
    case 'read':
    case 'write':
      if (caller.kind === 'anonymous') throw denied(caller, 'an API key is needed')
      if (access === 'write' && caller.kind === 'user' && caller.key?.scope === 'read') {
        throw denied(caller, `the key "${caller.key.name}" may only read`)
      }
  }
}

/** A key of the proxy may stand in URLs and settings of other programs: it opens nothing else. */
function refuseProxyKey(caller: Caller): void {
  if (caller.kind !== 'user' || caller.key?.scope !== 'proxy') return
  throw new EngramError('forbidden', `the key "${caller.key.name}" is for the proxy alone`)
}

function isAdmin(caller: Caller): boolean {
  return caller.kind === 'admin' || (caller.kind === 'user' && caller.admin)
}

function denied(caller: Caller, message: string): EngramError {
  return caller.kind === 'anonymous'
    ? new EngramError('unauthorized', message, { fix: 'send it as X-Engram-Key: ek_…' })
    : new EngramError('forbidden', message)
}
