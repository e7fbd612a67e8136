import { timingSafeEqual } from 'node:crypto'
import { EngramError } from '../memory/errors.ts'
import type { Store } from '../storage/store.ts'
import type { ApiKey, User } from '../storage/users.ts'
import { hashKey, isApiKey } from './keys.ts'
import { isAccessToken } from './oauth/secrets.ts'

/** What a caller showed: an API key, or the token of an app that the user has let in. */
export type Credential = Pick<ApiKey, 'id' | 'name' | 'scope'> & Readonly<{ app?: true }>

/** Who sent a request. */
export type Caller = Readonly<
  | { kind: 'user'; user: User; key: Credential | null; admin: boolean }
  | { kind: 'admin' }
  | { kind: 'anonymous' }
>

export type Identity = Readonly<{
  /**
   * The caller by `X-Engram-Key`, by a bearer token that is one of our keys, or by the admin key. With the
   * admin key, `X-Engram-User-ID` names the user to act for.
   *
   * @throws EngramError `unauthorized` for a key that is not valid (never a fall-back to somebody else),
   *   `not_found` for an unknown user to act for, `forbidden` for a user id that is not the key's.
   */
  identify(headers: Headers): Promise<Caller>
  /**
   * As `identify`, for the addresses that apps may use: also by the access token of an app, if it is for this
   * address.
   */
  identifyApp(headers: Headers, resource: string): Promise<Caller>
  /** The caller of one Engram key, wherever it was found. */
  byKey(key: string): Promise<Caller>
  /** After a key or user was changed or removed: nothing remembered of it is trusted any more. */
  forget(): void
  /** When each key and each app was last used, by id, since the last call. */
  takeLastUsed(): Record<string, number>
}>

const MAX_REMEMBERED = 4_096

export function createIdentity(
  options: Readonly<{
    store: Store
    pepper: Uint8Array
    adminKey: string | null
    localUserId: () => string
    now: () => number
  }>,
): Identity {
  const { store, pepper, adminKey, now } = options
  const remembered = new Map<string, { user: User; key: ApiKey }>()
  /** Counts `forget`: what was read before one must not be remembered after it. */
  let generation = 0
  let lastUsed: Record<string, number> = {}

  async function byKey(text: string): Promise<Caller> {
    if (!isApiKey(text)) throw notValid()
    const hash = hashKey(text, pepper)
    const name = Buffer.from(hash).toString('base64')
    let found = remembered.get(name) ?? null
    if (!found) {
      const asked = generation
      found = await store.users.findKey(hash)
      if (!found) throw notValid()
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      if (asked === generation) remembered.set(name, found)
    }
    const { key, user } = found
    if (key.expiresAt !== null && key.expiresAt <= now()) throw notValid()
    lastUsed[key.id] = now()
    // The local key lies in a file that only the owner of this installation can read.
    const admin = user.id === options.localUserId() && key.name === 'local'
    return { kind: 'user', user, key, admin }
  }

  /** Not remembered: a stranger can end a consent, by using its code a second time. */
  async function byToken(text: string, resource: string): Promise<Caller> {
    const found = await store.apps.findToken(hashKey(text, pepper))
    if (!found) {
      throw new EngramError('unauthorized', 'the access token is not valid, or not any more')
    }
    const { grant, user } = found
    if (grant.resource !== resource) {
      throw new EngramError(
        'unauthorized',
        `the access token is for ${grant.resource}, not for ${resource}`,
      )
    }
    lastUsed[grant.id] = now()
    const key = { id: grant.id, name: grant.appName, scope: grant.scope, app: true as const }
    return { kind: 'user', user, key, admin: false }
  }

  async function identify(headers: Headers): Promise<Caller> {
    const wantedUser = headers.get('x-engram-user-id')
    const given = givenSecret(headers)
    if (given === null) return { kind: 'anonymous' }
    if (adminKey !== null && sameSecret(given, adminKey)) {
      if (wantedUser === null) return { kind: 'admin' }
      const user = await store.users.findByExternalId(wantedUser)
      if (!user) throw new EngramError('not_found', `no user with external_id "${wantedUser}"`)
      return { kind: 'user', user, key: null, admin: true }
    }
    return ofUser(await byKey(given), wantedUser)
  }

  return {
    byKey,
    identify,

    async identifyApp(headers, resource) {
      const given = givenSecret(headers)
      if (given === null || !isAccessToken(given)) return identify(headers)
      return ofUser(await byToken(given, resource), headers.get('x-engram-user-id'))
    },

    forget() {
      generation++
      remembered.clear()
    },

    takeLastUsed() {
      const taken = lastUsed
      lastUsed = {}
      return taken
    },
  }
}

function givenSecret(headers: Headers): string | null {
  return (
    headers.get('x-engram-service-key') ??
    headers.get('x-engram-key') ??
    bearerKey(headers.get('authorization'))
  )
}

/** @throws EngramError `forbidden` when the caller names a user that the key is not of. */
function ofUser(caller: Caller, wanted: string | null): Caller {
  if (wanted !== null && caller.kind === 'user' && wanted !== caller.user.externalId) {
    throw new EngramError('forbidden', 'X-Engram-User-ID is not the user of this key')
  }
  return caller
}

function notValid(): EngramError {
  return new EngramError('unauthorized', 'the API key is not valid', {
    fix: 'engram keys create, or POST /users for a new user',
  })
}

/** Only a bearer token with our prefix is meant for us; any other is the provider's. */
function bearerKey(authorization: string | null): string | null {
  return /^bearer +(ek_\S*)$/i.exec(authorization ?? '')?.[1] ?? null
}

function sameSecret(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new Bun.CryptoHasher('sha256').update(text).digest())
  return timingSafeEqual(left!, right!)
}
