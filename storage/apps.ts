import { newId } from '../memory/ids.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import { sql } from './sql.ts'
import { type KeyScope, toUser, type User, type UserRow } from './users.ts'

/** A program that may ask users to let it in. */
export type App = Readonly<{
  id: string
  name: string
  redirectUris: readonly string[]
  createdAt: number
  /** null until a user has let it in. */
  lastUsedAt: number | null
}>

/** What a user allowed an app. */
export type Grant = Readonly<{
  id: string
  appId: string
  appName: string
  userId: string
  scope: KeyScope
  /** The address of ours that its tokens are for. */
  resource: string
  createdAt: number
  lastUsedAt: number
}>

/** Hashes, as they are kept, and when each ends. */
export type NewTokens = Readonly<{
  access: Uint8Array
  accessExpiresAt: number
  refresh: Uint8Array
  refreshExpiresAt: number
}>

export type NewCode = Readonly<{
  hash: Uint8Array
  appId: string
  userId: string
  scope: KeyScope
  redirectUri: string
  challenge: string
  resource: string
  expiresAt: number
}>

/** What the app says when it exchanges a code; null for what it may leave out. */
export type CodeProof = Readonly<{
  appId: string
  /** SHA-256 of the verifier, base64url. */
  challenge: string
  redirectUri: string | null
  resource: string | null
}>

/** Of a refresh token that was exchanged already, a second use within so long is a retry, not a theft. */
const RETRY_MS = 60_000
const MAX_GRANTS = 100
/** Several processes of one app refresh at the same time; none needs more tokens than this. */
const MAX_TOKENS = 32

type AppRow = {
  id: string
  name: string
  redirect_uris: string
  created_at: number
  last_used_at: number | null
}
type GrantRow = {
  id: string
  app_id: string
  app_name: string
  user_id: string
  scope: KeyScope
  resource: string
  created_at: number
  last_used_at: number
}
type CodeRow = {
  app_id: string
  user_id: string
  scope: KeyScope
  redirect_uri: string
  challenge: string
  resource: string
  expires_at: number
  grant_id: string | null
}

export function createApps(database: Database, now: () => number) {
  return {
    /** Of the apps that nobody has let in yet, at most `maxWaiting` are kept: the oldest make room. */
    register: (app: Pick<App, 'name' | 'redirectUris'>, maxWaiting: number): Promise<App> =>
      database.write(async (db) => {
        await run(
          db,
          sql`
            delete from apps
            where last_used_at is null and id not in (
              select id from apps where last_used_at is null
              order by created_at desc, id
              limit ${maxWaiting - 1}
            )
          `,
        )
        const id = newId('app')
        await run(
          db,
          sql`
            insert into apps (id, name, redirect_uris, created_at)
            values (${id}, ${app.name}, ${JSON.stringify(app.redirectUris)}, ${now()})
          `,
        )
        return (await findApp(db, id))!
      }),

    find: (id: string): Promise<App | null> => database.read((db) => findApp(db, id)),

    /** Keeps a code that shows, once, that its holder is the user. One at a time for a user. */
    addApproval: (
      approval: Readonly<{ hash: Uint8Array; userId: string; scope: KeyScope; expiresAt: number }>,
    ): Promise<void> =>
      database.write(async (db) => {
        await run(db, sql`delete from app_approvals where user_id = ${approval.userId}`)
        await run(
          db,
          sql`
            insert into app_approvals (hash, user_id, scope, expires_at)
            values (${Buffer.from(approval.hash)}, ${approval.userId}, ${approval.scope},
              ${approval.expiresAt})
          `,
        )
      }),

    /** Uses such a code up. null when there is none or its time is over. */
    takeApproval: (hash: Uint8Array): Promise<{ userId: string; scope: KeyScope } | null> =>
      database.write(async (db) => {
        const taken = await one<{ user_id: string; scope: KeyScope; expires_at: number }>(
          db,
          sql`
            delete from app_approvals where hash = ${Buffer.from(hash)}
            returning user_id, scope, expires_at
          `,
        )
        if (!taken || taken.expires_at <= now()) return null
        return { userId: taken.user_id, scope: taken.scope }
      }),

    /** An authorization code. */
    addCode: (code: NewCode): Promise<void> =>
      database.write(async (db) => {
        await run(
          db,
          sql`
            insert into app_codes (hash, app_id, user_id, scope, redirect_uri, challenge, resource,
              expires_at)
            values (${Buffer.from(code.hash)}, ${code.appId}, ${code.userId}, ${code.scope},
              ${code.redirectUri}, ${code.challenge}, ${code.resource}, ${code.expiresAt})
          `,
        )
        await run(db, sql`update apps set last_used_at = ${now()} where id = ${code.appId}`)
      }),

    /**
     * Exchanges an authorization code for tokens.
     *
     * @returns null when the code is unknown, over, or somebody else's. A code that is used a second time
     *   was stolen by one of the two: what the first use gave is taken back.
     */
    redeem: (hash: Uint8Array, proof: CodeProof, tokens: NewTokens): Promise<Grant | null> =>
      database.write(async (db) => {
        const code = await one<CodeRow>(
          db,
          sql`
            select app_id, user_id, scope, redirect_uri, challenge, resource, expires_at, grant_id
            from app_codes
            where hash = ${Buffer.from(hash)}
          `,
        )
        if (!code || code.app_id !== proof.appId) return null
        if (code.grant_id !== null) {
          await run(db, sql`delete from app_grants where id = ${code.grant_id}`)
          return null
        }
        if (code.expires_at <= now() || !provesCode(proof, code)) {
          await run(db, sql`delete from app_codes where hash = ${Buffer.from(hash)}`)
          return null
        }
        const id = newId('grant')
        await run(
          db,
          sql`
            insert into app_grants (id, app_id, user_id, scope, resource, created_at, last_used_at)
            values (${id}, ${code.app_id}, ${code.user_id}, ${code.scope}, ${code.resource},
              ${now()}, ${now()})
          `,
        )
        await run(db, sql`update app_codes set grant_id = ${id} where hash = ${Buffer.from(hash)}`)
        await insertTokens(db, id, tokens)
        await dropOldGrants(db, code.user_id)
        return findGrant(db, id)
      }),

    /**
     * Exchanges a refresh token for its successor.
     *
     * @returns null when it is unknown, over, or another app's. One that was exchanged a while ago is in two
     *   hands: the whole grant ends.
     */
    refresh: (
      hash: Uint8Array,
      { appId, resource }: Pick<CodeProof, 'appId' | 'resource'>,
      tokens: NewTokens,
    ): Promise<Grant | null> =>
      database.write(async (db) => {
        const token = await one<{ grant_id: string; expires_at: number; used_at: number | null }>(
          db,
          sql`
            select grant_id, expires_at, used_at from app_tokens
            where hash = ${Buffer.from(hash)} and kind = 'refresh'
          `,
        )
        const grant = token ? await findGrant(db, token.grant_id) : null
        if (!token || !grant || grant.appId !== appId || token.expires_at <= now()) return null
        if (resource !== null && resource !== grant.resource) return null
        if (token.used_at !== null && token.used_at + RETRY_MS <= now()) {
          await run(db, sql`delete from app_grants where id = ${grant.id}`)
          return null
        }
        await run(
          db,
          sql`
            update app_tokens set used_at = coalesce(used_at, ${now()})
            where hash = ${Buffer.from(hash)}
          `,
        )
        await insertTokens(db, grant.id, tokens)
        await run(db, sql`update apps set last_used_at = ${now()} where id = ${appId}`)
        return grant
      }),

    /** The grant of an access token and its user; null when there is none or its time is over. */
    findToken: (hash: Uint8Array): Promise<{ grant: Grant; user: User } | null> =>
      database.read(async (db) => {
        const token = await one<{ grant_id: string }>(
          db,
          sql`
            select grant_id from app_tokens
            where hash = ${Buffer.from(hash)} and kind = 'access' and expires_at > ${now()}
          `,
        )
        const grant = token ? await findGrant(db, token.grant_id) : null
        if (!token || !grant) return null
        const user = await one<UserRow>(db, sql`select * from users where id = ${grant.userId}`)
        return { grant, user: toUser(user!) }
      }),

    /** Newest first. */
    listGrants: (userId: string): Promise<Grant[]> =>
      database.read(async (db) => {
        const rows = await all<GrantRow>(
          db,
          sql`${GRANTS} where g.user_id = ${userId} order by g.created_at desc, g.id`,
        )
        return rows.map(toGrant)
      }),

    revokeGrant: (userId: string, id: string): Promise<boolean> =>
      database.write(
        async (db) =>
          (await run(db, sql`delete from app_grants where user_id = ${userId} and id = ${id}`)) > 0,
      ),

    /** Ends the grant that a token of the app, of either kind, belongs to. */
    revokeToken: (hash: Uint8Array, appId: string): Promise<boolean> =>
      database.write(
        async (db) =>
          (await run(
            db,
            sql`
              delete from app_grants
              where app_id = ${appId}
                and id in (select grant_id from app_tokens where hash = ${Buffer.from(hash)})
            `,
          )) > 0,
      ),

    touchGrants: (usedAt: Readonly<Record<string, number>>): Promise<void> =>
      database.write(async (db) => {
        for (const [id, at] of Object.entries(usedAt)) {
          await run(db, sql`update app_grants set last_used_at = ${at} where id = ${id}`)
        }
      }),

    /** Forgets what is over: codes, tokens, grants without any, and apps that nobody uses. */
    sweep: (unusedBefore: number, waitingBefore: number): Promise<void> =>
      database.write(async (db) => {
        const at = now()
        await run(db, sql`delete from app_approvals where expires_at <= ${at}`)
        await run(db, sql`delete from app_codes where expires_at <= ${at}`)
        await run(db, sql`delete from app_tokens where expires_at <= ${at}`)
        await run(
          db,
          sql`
            delete from app_grants
            where not exists (select 1 from app_tokens t where t.grant_id = app_grants.id)
          `,
        )
        await run(
          db,
          sql`
            delete from apps
            where coalesce(last_used_at <= ${unusedBefore}, created_at <= ${waitingBefore})
              and not exists (select 1 from app_grants g where g.app_id = apps.id)
          `,
        )
      }),
  }
}

/** Compared here and not in SQL: a wrong verifier uses the code up. */
function provesCode(proof: CodeProof, code: CodeRow): boolean {
  return (
    proof.challenge === code.challenge &&
    (proof.redirectUri === null || proof.redirectUri === code.redirect_uri) &&
    (proof.resource === null || proof.resource === code.resource)
  )
}

async function insertTokens(db: Connection, grantId: string, tokens: NewTokens): Promise<void> {
  for (const kind of ['access', 'refresh'] as const) {
    await run(
      db,
      sql`
        delete from app_tokens
        where grant_id = ${grantId} and kind = ${kind} and hash not in (
          select hash from app_tokens where grant_id = ${grantId} and kind = ${kind}
          order by expires_at desc, hash
          limit ${MAX_TOKENS - 1}
        )
      `,
    )
  }
  await run(
    db,
    sql`
      insert into app_tokens (hash, grant_id, kind, expires_at)
      values
        (${Buffer.from(tokens.access)}, ${grantId}, 'access', ${tokens.accessExpiresAt}),
        (${Buffer.from(tokens.refresh)}, ${grantId}, 'refresh', ${tokens.refreshExpiresAt})
    `,
  )
}

/** A program that asks anew each time must not fill the table. */
async function dropOldGrants(db: Connection, userId: string): Promise<void> {
  await run(
    db,
    sql`
      delete from app_grants
      where user_id = ${userId} and id not in (
        select id from app_grants where user_id = ${userId}
        order by last_used_at desc, id
        limit ${MAX_GRANTS}
      )
    `,
  )
}

async function findApp(db: Connection, id: string): Promise<App | null> {
  const row = await one<AppRow>(db, sql`select * from apps where id = ${id}`)
  if (!row) return null
  return {
    id: row.id,
    name: row.name,
    redirectUris: JSON.parse(row.redirect_uris) as string[],
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }
}

const GRANTS = sql`
  select g.id, g.app_id, a.name as app_name, g.user_id, g.scope, g.resource, g.created_at,
    g.last_used_at
  from app_grants g join apps a on a.id = g.app_id
`

async function findGrant(db: Connection, id: string): Promise<Grant | null> {
  const row = await one<GrantRow>(db, sql`${GRANTS} where g.id = ${id}`)
  return row ? toGrant(row) : null
}

function toGrant(row: GrantRow): Grant {
  return {
    id: row.id,
    appId: row.app_id,
    appName: row.app_name,
    userId: row.user_id,
    scope: row.scope,
    resource: row.resource,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }
}
