import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { JsonObject, Memory, Status } from '../memory/memory.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import {
  type Change,
  findMemory,
  MEMORY_COLUMNS,
  type MemoryRow,
  replaceMemory,
  type StoredMemory,
  toMemory,
  toStored,
} from './memory-rows.ts'
import { inNamespace } from './namespaces.ts'
import { sql } from './sql.ts'

export const RESOLUTIONS = ['accept_new', 'keep_old', 'keep_both'] as const
export type Resolution = (typeof RESOLUTIONS)[number]

/** Two memories that cannot both hold, waiting for the user's decision. */
export type Conflict = Readonly<{
  id: string
  reason: string
  resolution: Resolution | null
  createdAt: number
  resolvedAt: number | null
  existing: Memory
  proposed: Memory
}>

type ConflictRow = {
  id: string
  namespace_id: number
  reason: string
  resolution: Resolution | null
  created_at: number
  resolved_at: number | null
  existing_id: string
  proposed_id: string
}

/**
 * Conflicts with both sides, `existing` and `proposed`. Without one of them there is nothing to decide; if it
 * is deleted and comes back by undo, so does the conflict.
 */
const CONFLICT_TABLES = sql.raw(`
  conflicts c
    join memories existing on existing.id = c.existing_id and existing.user_id = c.user_id
    join memories proposed on proposed.id = c.proposed_id and proposed.user_id = c.user_id`)

export async function openConflict(
  db: Connection,
  existing: StoredMemory,
  proposed: StoredMemory,
  reason: string,
  at: number,
): Promise<void> {
  await run(
    db,
    sql`
      insert into conflicts (id, user_id, namespace_id, existing_id, proposed_id, reason, created_at)
      values (${newId('conflict')}, ${existing.userId}, ${existing.namespaceId}, ${existing.id},
        ${proposed.id}, ${reason}, ${at})
    `,
  )
}

/**
 * Closes the open conflicts of a memory whose state was decided outside the conflict: the decision about
 * one side is a decision about the conflict, and an inbox must not show it for ever.
 */
export async function settleConflicts(
  db: Connection,
  memory: StoredMemory,
  change: Change,
): Promise<void> {
  if (memory.status === 'pending') return
  const asProposed: Resolution = memory.status === 'approved' ? 'keep_both' : 'keep_old'
  await run(
    db,
    sql`
      update conflicts set resolution = ${asProposed}, resolved_at = ${change.at}
      where proposed_id = ${memory.id} and resolved_at is null
    `,
  )
  // The existing side approved once more, or replaced by a third memory, says nothing of the proposed one.
  if (memory.status !== 'rejected') return
  await run(
    db,
    sql`
      update conflicts set resolution = 'accept_new', resolved_at = ${change.at}
      where existing_id = ${memory.id} and resolved_at is null
    `,
  )
}

/**
 * Brings the conflicts of a memory level with it after an undo: open again when the proposed side waits
 * again, closed when both sides are decided.
 */
export async function agreeConflicts(
  db: Connection,
  userId: string,
  memoryId: string,
  change: Change,
): Promise<void> {
  const rows = await all<{
    id: string
    resolved_at: number | null
    existing: Status
    proposed: Status
  }>(
    db,
    sql`
      select c.id, c.resolved_at, existing.status as existing, proposed.status as proposed
      from ${CONFLICT_TABLES}
      where (c.existing_id = ${memoryId} or c.proposed_id = ${memoryId}) and c.user_id = ${userId}
    `,
  )
  for (const { id, resolved_at, existing, proposed } of rows) {
    const open = proposed === 'pending' && existing !== 'rejected'
    if (open === (resolved_at === null)) continue
    const resolution: Resolution | null = open
      ? null
      : proposed !== 'approved'
        ? 'keep_old'
        : existing === 'approved'
          ? 'keep_both'
          : 'accept_new'
    await run(
      db,
      sql`
        update conflicts
        set resolution = ${resolution}, resolved_at = ${open ? null : change.at}
        where id = ${id}
      `,
    )
  }
}

export function createConflicts(database: Database, now: () => number) {
  return {
    /** Open conflicts of the user, or of one namespace of theirs, newest first. */
    list: (
      userId: string,
      limit: number,
      offset: number,
      namespace: string | null = null,
    ): Promise<{ conflicts: Conflict[]; total: number }> =>
      database.read(async (db) => {
        const within = inNamespace('c', userId, namespace)
        const rows = await all<ConflictRow>(
          db,
          sql`
            select c.* from ${CONFLICT_TABLES}
            where ${within} and c.resolved_at is null
            order by c.created_at desc, c.id
            limit ${limit} offset ${offset}
          `,
        )
        const total = await one<{ n: number }>(
          db,
          sql`
            select count(*) as n from ${CONFLICT_TABLES}
            where ${within} and c.resolved_at is null
          `,
        )
        return { conflicts: await withMemories(db, userId, rows), total: total!.n }
      }),

    /**
     * accept_new: the proposed memory replaces the existing one, which is kept as superseded; keep_old: the
     * proposed one is rejected; keep_both: both are approved. An existing memory that another one has
     * replaced meanwhile stays replaced.
     *
     * @throws EngramError `not_found` when there is no such open conflict.
     */
    resolve: (
      userId: string,
      id: string,
      resolution: Resolution,
      by: Readonly<{ actor: string; cause: JsonObject }>,
    ): Promise<Conflict> =>
      database.write(async (db) => {
        const row = await one<ConflictRow>(
          db,
          sql`
            select c.* from ${CONFLICT_TABLES}
            where c.id = ${id} and c.user_id = ${userId} and c.resolved_at is null
          `,
        )
        if (!row) throw new EngramError('not_found', `no open conflict ${id}`)
        const existing = (await findMemory(db, userId, row.existing_id))!
        const proposed = (await findMemory(db, userId, row.proposed_id))!
        const change: Change = {
          actor: by.actor,
          cause: { ...by.cause, conflict_id: id },
          operationId: newId('operation'),
          at: now(),
        }
        const confirmed = { status: 'approved', lastConfirmedAt: change.at } as const
        if (resolution === 'keep_old') {
          await replaceMemory(database, db, proposed, { status: 'rejected' }, 'rejected', change)
        } else {
          await replaceMemory(database, db, proposed, confirmed, 'approved', change)
        }
        if (existing.status !== 'superseded') {
          const old =
            resolution === 'accept_new'
              ? ({ status: 'superseded', validTo: change.at, supersededBy: proposed.id } as const)
              : confirmed
          const kind = resolution === 'accept_new' ? 'superseded' : 'confirmed'
          await replaceMemory(database, db, existing, old, kind, change)
        }
        await run(
          db,
          sql`
            update conflicts set resolution = ${resolution}, resolved_at = ${change.at}
            where id = ${id}
          `,
        )
        const resolved: ConflictRow = { ...row, resolution, resolved_at: change.at }
        return (await withMemories(db, userId, [resolved]))[0]!
      }),
  }
}

async function withMemories(
  db: Connection,
  userId: string,
  rows: readonly ConflictRow[],
): Promise<Conflict[]> {
  if (rows.length === 0) return []
  const ids = rows.flatMap((row) => [row.existing_id, row.proposed_id])
  const memories = await all<MemoryRow>(
    db,
    sql`
      select ${MEMORY_COLUMNS} from memories m
      where m.user_id = ${userId} and m.id in (${sql.join(ids)})
    `,
  )
  const byId = new Map(memories.map((row) => [row.id, toMemory(toStored(row))]))
  return rows.map((row) => ({
    id: row.id,
    reason: row.reason,
    resolution: row.resolution,
    createdAt: row.created_at,
    resolvedAt: row.resolved_at,
    existing: byId.get(row.existing_id)!,
    proposed: byId.get(row.proposed_id)!,
  }))
}
