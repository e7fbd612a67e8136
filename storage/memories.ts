import { createHash } from 'node:crypto'
import { categoryOf } from '../memory/category.ts'
import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { JsonObject, Memory, MemoryPatch, NewMemory, Scope, Status } from '../memory/memory.ts'
import { settleConflicts } from './conflicts.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import {
  type Change,
  completed,
  contentKey,
  type EventKind,
  findMemory,
  findSame,
  insertMemory,
  MEMORY_COLUMNS,
  type MemoryRow,
  removeMemory,
  replaceMemory,
  type Standing,
  type StoredMemory,
  toMemory,
  toStored,
} from './memory-rows.ts'
import { ensureNamespace, findNamespace, inNamespace } from './namespaces.ts'
import { RESTATED, type Restated, restated } from './restated.ts'
import { type Sql, sql } from './sql.ts'

export type MemoryFilter = Readonly<{
  userId: string
  /** null for every namespace. */
  namespace: string | null
  status: Status | null
  category: string | null
  /** Only memories that hold every word of this. */
  search: string | null
  /** Only memories whose id begins with this: people type the first few characters. */
  idPrefix?: string | null
  /** Only those that are pinned, or that are not. */
  pinned?: boolean | null
  order: 'created_at' | 'updated_at' | 'last_accessed' | 'access_count'
  direction: 'asc' | 'desc'
  limit: number
  offset: number
}>

/** Who asks for a change, for the journal. */
export type By = Readonly<{ actor: string; cause: JsonObject }>

export type Added = Readonly<{
  memory: Memory
  created: boolean
  changed: readonly (keyof Restated)[]
}>

/** A memory with everything that a store needs to hold the same again. */
export type ExportedMemory = Memory & Standing

export type ImportedMemory = NewMemory & Readonly<{ namespace: string }> & Partial<Standing>

export type ImportReport = Readonly<{
  imported: number
  /** Already here, by id or word for word. */
  unchanged: number
}>

const ORDERS: Readonly<Record<MemoryFilter['order'], Sql>> = {
  created_at: sql.raw('m.created_at'),
  updated_at: sql.raw('m.updated_at'),
  last_accessed: sql.raw('coalesce(m.last_accessed_at, 0)'),
  access_count: sql.raw('m.access_count'),
}

export function createMemories(database: Database, now: () => number) {
  const change = (by: By): Change => ({ ...by, operationId: newId('operation'), at: now() })

  return {
    /**
     * Stores a memory, filed by its words when no category is given. One that says exactly the same and is
     * approved or pending is confirmed instead, and takes over what is said anew (`restated.ts`).
     *
     * @returns the memory, whether it is new, and what became another about one that was there.
     * @throws EngramError `conflict` when it brings an id that is taken.
     */
    add: (scope: Scope, given: NewMemory, by: By): Promise<Added> =>
      database.write(async (db) => {
        const doing = change(by)
        const namespaceId = await ensureNamespace(db, scope, doing.at)
        const same = await findSame(db, namespaceId, given.content, doing.at)
        const approved = given.status === undefined || given.status === 'approved'
        if (same && (approved || given.status === 'pending')) {
          const changed = restated(same, given)
          const confirmed = await replaceMemory(
            database,
            db,
            same,
            {
              ...changed,
              lastConfirmedAt: doing.at,
              status: approved ? 'approved' : same.status,
            },
            kindOfRestating(same, approved, changed),
            doing,
          )
          if (same.status !== confirmed.status) await settleConflicts(db, confirmed, doing)
          return {
            memory: toMemory(confirmed),
            created: false,
            changed: RESTATED.filter((name) => name in changed),
          }
        }
        if (given.id !== undefined && (await ownerOf(db, given.id)) !== null) {
          throw new EngramError('conflict', `the id ${given.id} is taken`)
        }
        const filed = { ...given, category: given.category ?? categoryOf(given.content) }
        const memory = completed(scope.userId, scope.namespace, filed, doing.at)
        const stored = await insertMemory(database, db, namespaceId, memory, NO_STANDING, doing)
        return { memory: toMemory(stored), created: true, changed: [] }
      }),

    find: (userId: string, id: string): Promise<Memory | null> =>
      database.read(async (db) => {
        const found = await findMemory(db, userId, id)
        return found ? toMemory(found) : null
      }),

    list: (filter: MemoryFilter): Promise<{ memories: Memory[]; total: number }> =>
      database.read(async (db) => {
        const where = await conditions(database, db, filter)
        if (!where) return { memories: [], total: 0 }
        const direction = sql.raw(filter.direction === 'asc' ? 'asc' : 'desc')
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where ${where}
            order by ${ORDERS[filter.order]} ${direction}, m.seq ${direction}
            limit ${filter.limit} offset ${filter.offset}
          `,
        )
        const total = await one<{ n: number }>(
          db,
          sql`select count(*) as n from memories m where ${where}`,
        )
        return { memories: rows.map(toStored).map(toMemory), total: total!.n }
      }),

    /** Every memory of the user in order of storing, a page at a time: `next` is null at the end. */
    exportPage: (
      userId: string,
      namespace: string | null,
      after: number,
      limit: number,
    ): Promise<{ memories: ExportedMemory[]; next: number | null }> =>
      database.read(async (db) => {
        const within = inNamespace('m', userId, namespace)
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where ${within} and m.seq > ${after}
            order by m.seq
            limit ${limit}
          `,
        )
        const next = rows.length === limit ? rows.at(-1)!.seq : null
        return { memories: rows.map(toStored).map(toExported), next }
      }),

    /**
     * Stores memories as they are given, ids and states included, all or none. One whose id or exact words
     * the user has in that namespace is left as it is. An id that is somebody else's becomes a new one, the
     * same at every attempt.
     */
    import: (userId: string, items: readonly ImportedMemory[], by: By): Promise<ImportReport> =>
      database.write(async (db) => {
        const doing = change(by)
        const renamed = await newIds(db, userId, items)
        const idOf = (id: string) => renamed.get(id) ?? id
        const stored = new Set<string>()
        for (const item of items) {
          const { namespace, speaker, place, ...given } = item
          const id = given.id === undefined ? undefined : idOf(given.id)
          if (id !== undefined && (await ownerOf(db, id)) !== null) continue
          const namespaceId = await ensureNamespace(db, { userId, namespace }, doing.at)
          const repeated = await findRepeats(db, namespaceId, given)
          // Two memories of one export that say the same are two there too.
          if (repeated.some((other) => id === undefined || !stored.has(other))) continue
          const replacedBy = given.supersededBy == null ? null : idOf(given.supersededBy)
          const memory = completed(
            userId,
            namespace,
            { ...given, id, supersededBy: replacedBy, source: given.source ?? 'import' },
            doing.at,
          )
          const standing = { speaker: speaker ?? null, place: place ?? 0 }
          await insertMemory(database, db, namespaceId, memory, standing, doing)
          stored.add(memory.id)
        }
        return { imported: stored.size, unchanged: items.length - stored.size }
      }),

    /** @throws EngramError `not_found`; `conflict` when another memory in force says the new words already. */
    change: (userId: string, id: string, patch: MemoryPatch, by: By): Promise<Memory> =>
      database.write(async (db) => {
        const before = await existing(db, userId, id)
        const doing = change(by)
        await checkSaidOnce(db, before, patch, doing.at)
        const kind = kindOf(before, patch)
        const wanted = Object.entries(patch).filter(([, value]) => value !== undefined)
        const changed: Partial<Memory> = {
          ...(patch.status === 'approved' ? { lastConfirmedAt: doing.at } : {}),
          // Back among the approved it holds again.
          ...(patch.status === 'approved' && before.status === 'superseded'
            ? { supersededBy: null, validTo: null }
            : {}),
          ...Object.fromEntries(wanted),
        }
        const after = await replaceMemory(database, db, before, changed, kind, doing)
        if (patch.status !== undefined) await settleConflicts(db, after, doing)
        return toMemory(after)
      }),

    /** Removes a memory; the journal keeps it for undo. @throws EngramError `not_found`. */
    remove: (userId: string, id: string, by: By): Promise<void> =>
      database.write(async (db) => {
        const before = await existing(db, userId, id)
        await removeMemory(database, db, before, change(by))
      }),

    /** Removes all memories of a namespace, or of the user; one operation, undone as a whole. */
    removeAll: (userId: string, namespace: string | null, by: By): Promise<number> =>
      database.write(async (db) => {
        const doing = change(by)
        const within = inNamespace('m', userId, namespace)
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where ${within}
            order by m.seq
          `,
        )
        for (const row of rows) await removeMemory(database, db, toStored(row), doing)
        return rows.length
      }),

    /** Memories of the namespace with these ids in any state, for reconciliation; unknown ids are skipped. */
    findMany: (scope: Scope, ids: readonly string[]): Promise<Memory[]> =>
      database.read(async (db) => {
        if (ids.length === 0) return []
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where ${inNamespace('m', scope.userId, scope.namespace)}
              and m.id in (${sql.join(ids)})
          `,
        )
        return rows.map(toStored).map(toMemory)
      }),

    /**
     * Memories of the namespace, in any state, that share most words with a text: what a new statement has
     * to be compared with. Best first.
     */
    alike: (scope: Scope, text: string, limit: number): Promise<Memory[]> =>
      database.read(async (db) => {
        const namespaceId = await findNamespace(db, scope)
        if (namespaceId === null) return []
        const best = await database.text.best(db, { kind: 'memory', namespaceId, text, limit })
        if (best.length === 0) return []
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where m.namespace_id = ${namespaceId} and m.seq in (${sql.join(best.map((b) => b.seq))})
          `,
        )
        const order = new Map(best.map(({ seq }, place) => [seq, place]))
        return rows
          .map(toStored)
          .sort((a, b) => order.get(a.seq)! - order.get(b.seq)!)
          .map(toMemory)
      }),

    /** Memories of the namespace, in any state, that state this attribute. */
    inSlot: (scope: Scope, slot: string): Promise<Memory[]> =>
      database.read(async (db) => {
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where ${inNamespace('m', scope.userId, scope.namespace)} and m.slot = ${slot}
            order by m.seq
          `,
        )
        return rows.map(toStored).map(toMemory)
      }),

    /** Memories that were learned from these turns, in the order of the conversation. */
    ofTurns: (userId: string, turnIds: readonly string[]): Promise<Memory[]> =>
      database.read(async (db) => {
        if (turnIds.length === 0) return []
        const rows = await all<MemoryRow>(
          db,
          sql`
            select ${MEMORY_COLUMNS} from memories m
            where m.user_id = ${userId} and m.turn_id in (${sql.join(turnIds)})
            order by m.place, m.seq
          `,
        )
        return rows.map(toStored).map(toMemory)
      }),

    /** Counts a use. Ranking does not look at it: what was found once must not be found more for that. */
    countUse: (ids: readonly string[], at: number): Promise<void> =>
      database.write(async (db) => {
        await countUse(db, null, ids, at)
      }),

    counts: (userId: string): Promise<Record<Status, number>> =>
      database.read(async (db) => {
        const counts = { approved: 0, pending: 0, rejected: 0, superseded: 0 }
        const rows = await all<{ status: Status; n: number }>(
          db,
          sql`select status, count(*) as n from memories where user_id = ${userId} group by status`,
        )
        for (const { status, n } of rows) counts[status] = n
        return counts
      }),
  }
}

/** @param userId whose memories they must be; null for those of several users */
export async function countUse(
  db: Connection,
  userId: string | null,
  ids: readonly string[],
  at: number,
): Promise<void> {
  const owned = userId === null ? sql`` : sql`and user_id = ${userId}`
  for (const id of new Set(ids)) {
    await run(
      db,
      sql`
        update memories set access_count = access_count + 1, last_accessed_at = ${at}
        where id = ${id} ${owned}
      `,
    )
  }
}

async function existing(db: Connection, userId: string, id: string) {
  const found = await findMemory(db, userId, id)
  if (!found) throw new EngramError('not_found', `no memory ${id}`)
  return found
}

/** Adding the same words twice makes one memory, and wording one like another must not make two. */
async function checkSaidOnce(
  db: Connection,
  before: StoredMemory,
  { content, status = before.status }: MemoryPatch,
  at: number,
): Promise<void> {
  if (content === undefined || status !== 'approved') return
  if (contentKey(content) === contentKey(before.content)) return
  const same = await findSame(db, before.namespaceId, content, at)
  if (same?.status !== 'approved') return
  throw new EngramError('conflict', `${same.id} says exactly this already`, {
    fix: 'delete one of them',
  })
}

function kindOf(before: Memory, patch: MemoryPatch): EventKind {
  if (patch.status === 'approved' && before.status !== 'approved') return 'approved'
  if (patch.status === 'rejected' && before.status !== 'rejected') return 'rejected'
  return 'updated'
}

function kindOfRestating(same: Memory, approved: boolean, changed: Restated): EventKind {
  if (same.status === 'pending' && approved) return 'approved'
  return Object.keys(changed).length > 0 ? 'updated' : 'confirmed'
}

async function conditions(database: Database, db: Connection, filter: MemoryFilter) {
  const parts = [sql`m.user_id = ${filter.userId}`]
  if (filter.namespace !== null) {
    const id = await findNamespace(db, { userId: filter.userId, namespace: filter.namespace })
    if (id === null) return null
    parts.push(sql`m.namespace_id = ${id}`)
    if (filter.search !== null) {
      parts.push(database.text.matches('memory', [id], filter.search, 'm.seq'))
    }
  } else if (filter.search !== null) {
    const rows = await all<{ id: number }>(
      db,
      sql`select id from namespaces where user_id = ${filter.userId}`,
    )
    const ids = rows.map(({ id }) => id)
    parts.push(database.text.matches('memory', ids, filter.search, 'm.seq'))
  }
  if (filter.idPrefix != null) {
    parts.push(sql`m.id >= ${filter.idPrefix} and m.id < ${`${filter.idPrefix}\uffff`}`)
  }
  if (filter.status !== null) parts.push(sql`m.status = ${filter.status}`)
  if (filter.pinned != null) parts.push(sql`m.pinned = ${filter.pinned ? 1 : 0}`)
  if (filter.category !== null) parts.push(sql`m.category = ${filter.category}`)
  return sql.join(parts, ' and ')
}

const NO_STANDING: Standing = { speaker: null, place: 0 }

function toExported({ seq: _seq, namespaceId: _namespaceId, ...memory }: StoredMemory) {
  return memory
}

async function ownerOf(db: Connection, id: string): Promise<string | null> {
  const row = await one<{ user_id: string }>(db, sql`select user_id from memories where id = ${id}`)
  return row?.user_id ?? null
}

/**
 * For ids that another user has: ids of the importer's own, made from both, so that a second import finds
 * what the first one stored.
 */
async function newIds(
  db: Connection,
  userId: string,
  items: readonly ImportedMemory[],
): Promise<Map<string, string>> {
  const renamed = new Map<string, string>()
  for (const { id } of items) {
    if (id === undefined) continue
    const owner = await ownerOf(db, id)
    if (owner === userId) continue
    const own = ownId(userId, id)
    if (owner !== null || (await ownerOf(db, own)) === userId) renamed.set(id, own)
  }
  return renamed
}

function ownId(userId: string, id: string): string {
  return `mem_${createHash('sha256').update(`${userId}\0${id}`).digest('hex').slice(0, 26)}`
}

/** Ids of the namespace's memories that say exactly this and are approved or pending like it. */
async function findRepeats(
  db: Connection,
  namespaceId: number,
  { content, status = 'approved' }: NewMemory,
): Promise<string[]> {
  if (status !== 'approved' && status !== 'pending') return []
  const rows = await all<{ id: string }>(
    db,
    sql`
      select id from memories
      where namespace_id = ${namespaceId} and content_key = ${contentKey(content)}
        and status = ${status}
    `,
  )
  return rows.map((row) => row.id)
}
