import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { JsonObject } from '../memory/memory.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import { sql } from './sql.ts'

export type User = Readonly<{
  id: string
  externalId: string
  settings: JsonObject
  createdAt: number
}>

/** `proxy` opens the proxy and nothing else. */
export type KeyScope = 'read' | 'write' | 'proxy'

/** An API key as it is stored: the key itself is known to its holder only. */
export type ApiKey = Readonly<{
  id: string
  userId: string
  name: string
  hint: string
  scope: KeyScope
  createdAt: number
  lastUsedAt: number | null
  expiresAt: number | null
}>

export type NewKey = Readonly<{
  name: string
  hash: Uint8Array
  hint: string
  scope: KeyScope
  expiresAt: number | null
}>

export type UserRow = { id: string; external_id: string; settings: string; created_at: number }
type KeyRow = {
  id: string
  user_id: string
  name: string
  hint: string
  scope: KeyScope
  created_at: number
  last_used_at: number | null
  expires_at: number | null
}

export function createUsers(database: Database, now: () => number) {
  return {
    /** @throws EngramError `conflict` when the external id is taken; nothing is stored then. */
    create: (externalId: string, key: NewKey | null): Promise<{ user: User; key: ApiKey | null }> =>
      database.write(async (db) => {
        if (await findByExternalId(db, externalId)) {
          throw new EngramError('conflict', `external_id "${externalId}" is taken`)
        }
        const at = now()
        const user: User = { id: newId('user'), externalId, settings: {}, createdAt: at }
        await run(
          db,
          sql`
            insert into users (id, external_id, settings, created_at, updated_at)
            values (${user.id}, ${externalId}, '{}', ${at}, ${at})
          `,
        )
        return { user, key: key ? await insertKey(db, user.id, key, at) : null }
      }),

    find: (id: string) => database.read((db) => findById(db, id)),

    findByExternalId: (externalId: string) =>
      database.read((db) => findByExternalId(db, externalId)),

    /** Newest last. */
    list: (limit: number, offset: number): Promise<{ users: User[]; total: number }> =>
      database.read(async (db) => {
        const rows = await all<UserRow>(
          db,
          sql`select * from users order by created_at, id limit ${limit} offset ${offset}`,
        )
        const total = await one<{ n: number }>(db, sql`select count(*) as n from users`)
        return { users: rows.map(toUser), total: total!.n }
      }),

    /** @throws EngramError `conflict` when the external id is taken, `not_found`. */
    rename: (id: string, externalId: string): Promise<User> =>
      database.write(async (db) => {
        const taken = await findByExternalId(db, externalId)
        if (taken && taken.id !== id) {
          throw new EngramError('conflict', `external_id "${externalId}" is taken`)
        }
        await run(
          db,
          sql`update users set external_id = ${externalId}, updated_at = ${now()} where id = ${id}`,
        )
        return existing(db, id)
      }),

    /** @throws EngramError `not_found`. */
    changeSettings: (id: string, settings: JsonObject): Promise<User> =>
      database.write(async (db) => {
        await run(
          db,
          sql`
            update users set settings = ${JSON.stringify(settings)}, updated_at = ${now()}
            where id = ${id}
          `,
        )
        return existing(db, id)
      }),

    /** Removes the user and everything of theirs: keys, memories, conversations, journal, receipts. */
    remove: (id: string): Promise<boolean> =>
      database.write(async (db) => {
        for (const kind of ['memory', 'turn'] as const) {
          const rows = await all<{ seq: number }>(
            db,
            kind === 'memory'
              ? sql`select seq from memories where user_id = ${id}`
              : sql`select seq from turns where user_id = ${id}`,
          )
          for (const { seq } of rows) await database.text.remove(db, kind, seq)
        }
        await removeRows(db, id)
        const removed = await run(db, sql`delete from users where id = ${id}`)
        if (removed > 0) await database.text.compact(db)
        return removed > 0
      }),

    /** The key with this hash and its user; null when there is none or it has expired. */
    findKey: (hash: Uint8Array): Promise<{ key: ApiKey; user: User } | null> =>
      database.read(async (db) => {
        const key = await one<KeyRow>(
          db,
          sql`
            select id, user_id, name, hint, scope, created_at, last_used_at, expires_at
            from api_keys
            where hash = ${Buffer.from(hash)} and (expires_at is null or expires_at > ${now()})
          `,
        )
        if (!key) return null
        return { key: toKey(key), user: (await findById(db, key.user_id))! }
      }),

    listKeys: (userId: string): Promise<ApiKey[]> =>
      database.read(async (db) => {
        const rows = await all<KeyRow>(
          db,
          sql`
            select id, user_id, name, hint, scope, created_at, last_used_at, expires_at
            from api_keys
            where user_id = ${userId}
            order by created_at, id
          `,
        )
        return rows.map(toKey)
      }),

    /** @throws EngramError `conflict` when the user has a key of this name. */
    addKey: (userId: string, key: NewKey): Promise<ApiKey> =>
      database.write(async (db) => {
        const taken = await one(
          db,
          sql`select 1 from api_keys where user_id = ${userId} and name = ${key.name}`,
        )
        if (taken) throw new EngramError('conflict', `a key named "${key.name}" exists`)
        return insertKey(db, userId, key, now())
      }),

    /** Puts the key in place of the user's key of the same name, if there is one. */
    replaceKey: (userId: string, key: NewKey): Promise<ApiKey> =>
      database.write(async (db) => {
        await run(db, sql`delete from api_keys where user_id = ${userId} and name = ${key.name}`)
        return insertKey(db, userId, key, now())
      }),

    revokeKey: (userId: string, keyId: string): Promise<boolean> =>
      database.write(
        async (db) =>
          (await run(db, sql`delete from api_keys where user_id = ${userId} and id = ${keyId}`)) >
          0,
      ),

    touchKeys: (usedAt: Readonly<Record<string, number>>): Promise<void> =>
      database.write(async (db) => {
        for (const [id, at] of Object.entries(usedAt)) {
          await run(db, sql`update api_keys set last_used_at = ${at} where id = ${id}`)
        }
      }),

    listNamespaces: (
      userId: string,
    ): Promise<{ name: string; memories: number; createdAt: number }[]> =>
      database.read((db) =>
        all(
          db,
          sql<{ name: string; memories: number; createdAt: number }>`
            select n.name, n.created_at as "createdAt",
              (select count(*) from memories m where m.namespace_id = n.id and m.status = 'approved')
                as memories
            from namespaces n
            where n.user_id = ${userId}
            order by n.created_at, n.id
          `,
        ),
      ),
  }
}

/**
 * The rows of which a user may have very many, some at a time: SQLite remembers in RAM what one statement
 * changes, to be able to take it back. The rest goes with the user's own row.
 */
async function removeRows(db: Connection, userId: string): Promise<void> {
  const namespaces = sql`select id from namespaces where user_id = ${userId}`
  const statements = [
    ...['turns', 'memories', 'events', 'receipts', 'jobs'].map((table) => {
      const name = sql.raw(table)
      return sql`
        delete from ${name}
        where seq in (select seq from ${name} where user_id = ${userId} limit ${ROWS_AT_ONCE})
      `
    }),
    sql`
      delete from vectors
      where (kind, target, model_id) in (
        select kind, target, model_id from vectors
        where namespace_id in (${namespaces})
        limit ${ROWS_AT_ONCE}
      )
    `,
    sql`
      delete from removals
      where rev in (
        select rev from removals where namespace_id in (${namespaces}) limit ${ROWS_AT_ONCE}
      )
    `,
  ]
  for (const statement of statements) while ((await run(db, statement)) > 0);
}

const ROWS_AT_ONCE = 1_000

async function findById(db: Connection, id: string): Promise<User | null> {
  const row = await one<UserRow>(db, sql`select * from users where id = ${id}`)
  return row ? toUser(row) : null
}

async function existing(db: Connection, id: string): Promise<User> {
  const user = await findById(db, id)
  if (!user) throw new EngramError('not_found', `no user ${id}`)
  return user
}

async function findByExternalId(db: Connection, externalId: string): Promise<User | null> {
  const row = await one<UserRow>(db, sql`select * from users where external_id = ${externalId}`)
  return row ? toUser(row) : null
}

async function insertKey(db: Connection, userId: string, key: NewKey, at: number): Promise<ApiKey> {
  const id = newId('key')
  await run(
    db,
    sql`
      insert into api_keys (id, user_id, name, hash, hint, scope, created_at, expires_at)
      values (${id}, ${userId}, ${key.name}, ${Buffer.from(key.hash)}, ${key.hint}, ${key.scope},
        ${at}, ${key.expiresAt})
    `,
  )
  return {
    id,
    userId,
    name: key.name,
    hint: key.hint,
    scope: key.scope,
    createdAt: at,
    lastUsedAt: null,
    expiresAt: key.expiresAt,
  }
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    externalId: row.external_id,
    settings: JSON.parse(row.settings),
    createdAt: row.created_at,
  }
}

function toKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    hint: row.hint,
    scope: row.scope,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
