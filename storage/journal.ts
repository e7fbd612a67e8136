import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { JsonObject, Memory } from '../memory/memory.ts'
import { agreeConflicts } from './conflicts.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import {
  type Change,
  type EventKind,
  findMemory,
  fromJournal,
  insertMemory,
  removeMemory,
  replaceMemory,
  toMemory,
} from './memory-rows.ts'
import { inNamespace, namespaceOf } from './namespaces.ts'
import { sql } from './sql.ts'

/** One entry of the journal: who or what changed which memory. */
export type MemoryEvent = Readonly<{
  id: string
  operationId: string
  memoryId: string
  namespace: string
  kind: EventKind
  actor: string
  cause: JsonObject
  before: Memory | null
  after: Memory | null
  createdAt: number
  /** The operation that undid it. */
  undoneBy: string | null
}>

type EventRow = {
  seq: number
  id: string
  operation_id: string
  namespace_id: number
  namespace: string
  memory_id: string
  kind: EventKind
  actor: string
  cause: string
  before: string | null
  after: string | null
  created_at: number
  undone_by: string | null
}

const EVENT_COLUMNS = sql.raw(`
  e.seq, e.id, e.operation_id, e.namespace_id, ${namespaceOf('e')}, e.memory_id, e.kind, e.actor, e.cause,
  e.before, e.after, e.created_at, e.undone_by`)

export function createJournal(database: Database, now: () => number) {
  return {
    /** What happened to one memory, oldest first; also to one that is gone. */
    ofMemory: (userId: string, memoryId: string): Promise<MemoryEvent[]> =>
      database.read(async (db) => {
        const rows = await all<EventRow>(
          db,
          sql`
            select ${EVENT_COLUMNS} from events e
            where e.memory_id = ${memoryId} and e.user_id = ${userId}
            order by e.seq
          `,
        )
        return rows.map(toEvent)
      }),

    /** What the exchange of a receipt taught, oldest first. */
    ofReceipt: (userId: string, receiptId: string): Promise<MemoryEvent[]> =>
      database.read(async (db) => {
        const rows = await all<EventRow>(
          db,
          sql`
            select ${EVENT_COLUMNS} from events e
            where e.user_id = ${userId} and e.receipt_id = ${receiptId}
            order by e.seq
          `,
        )
        return rows.map(toEvent)
      }),

    /** What happened lately, newest first. */
    list: (
      userId: string,
      filter: Readonly<{ namespace?: string | null; limit: number; offset: number }>,
    ): Promise<MemoryEvent[]> =>
      database.read(async (db) => {
        const rows = await all<EventRow>(
          db,
          sql`
            select ${EVENT_COLUMNS} from events e
            where ${inNamespace('e', userId, filter.namespace ?? null)}
            order by e.seq desc
            limit ${filter.limit} offset ${filter.offset}
          `,
        )
        return rows.map(toEvent)
      }),

    /**
     * Takes an operation back as a whole: what it added goes, what it removed returns, what it changed gets
     * its earlier wording. Undoing an undo does it again: that counts as a change like the first.
     *
     * @param target an operation's or event's id, a memory's id for its latest change, or null for the
     *   user's latest change that is in force and no undo: asked again and again, it walks back
     * @returns the events of the undoing
     * @throws EngramError `not_found`; `conflict` when a memory was changed again since, or it was undone
     *   already. Nothing is changed then.
     */
    undo: (userId: string, target: string | null, actor: string): Promise<MemoryEvent[]> =>
      database.write(async (db) => {
        const operation = await findOperation(db, userId, target)
        const events = await all<EventRow>(
          db,
          sql`
            select ${EVENT_COLUMNS} from events e
            where e.operation_id = ${operation} and e.user_id = ${userId}
            order by e.seq desc
          `,
        )
        if (events[0]!.undone_by) {
          throw new EngramError('conflict', `${operation} was undone already`)
        }
        const isRedo = isUndo(JSON.parse(events[0]!.cause))
        const change: Change = {
          actor,
          cause: { undoes: operation, ...(isRedo ? { redo: true } : {}) },
          operationId: newId('operation'),
          at: now(),
        }
        for (const event of events) await undoEvent(database, db, userId, event, change)
        await run(
          db,
          sql`
            update events set undone_by = ${change.operationId}
            where operation_id = ${operation} and user_id = ${userId}
          `,
        )
        const touched = new Set(events.map((event) => event.memory_id))
        for (const memoryId of touched) await agreeConflicts(db, userId, memoryId, change)
        const undone = await all<EventRow>(
          db,
          sql`
            select ${EVENT_COLUMNS} from events e
            where e.operation_id = ${change.operationId} and e.user_id = ${userId}
            order by e.seq
          `,
        )
        return undone.map(toEvent)
      }),

    /**
     * Forgets for good what was deleted before this instant: the journal's copies, and the words that the
     * text index still has on disk.
     *
     * @returns of how many memories
     */
    purgeDeleted: (before: number): Promise<number> =>
      database.write(async (db) => {
        const gone = await all<{ user_id: string; memory_id: string }>(
          db,
          sql`
            select e.user_id, e.memory_id from events e
            where e.kind = 'deleted' and not exists (
              select 1 from memories m where m.id = e.memory_id and m.user_id = e.user_id
            )
            group by e.user_id, e.memory_id
            having max(e.created_at) < ${before}
          `,
        )
        for (const { user_id, memory_id } of gone) {
          await run(
            db,
            sql`delete from events where user_id = ${user_id} and memory_id = ${memory_id}`,
          )
          await run(
            db,
            sql`
              delete from conflicts
              where user_id = ${user_id} and (existing_id = ${memory_id} or proposed_id = ${memory_id})
            `,
          )
        }
        if (gone.length > 0) await database.text.compact(db)
        return gone.length
      }),
  }
}

/** A redo is told apart in its cause: it undoes too, and yet is a change that can be walked back over. */
function isUndo({ undoes, redo }: JsonObject): boolean {
  return undoes !== undefined && redo === undefined
}

async function findOperation(
  db: Connection,
  userId: string,
  target: string | null,
): Promise<string> {
  const wanted =
    target === null
      ? sql`
          select max(seq) as seq from events
          where user_id = ${userId} and undone_by is null
            and (json_extract(cause, '$.undoes') is null or json_extract(cause, '$.redo') is not null)
        `
      : sql`
          select max(seq) as seq from events where user_id = ${userId} and memory_id = ${target}
          union all
          select max(seq) from events where operation_id = ${target} and user_id = ${userId}
          union all
          select max(seq) from events where id = ${target} and user_id = ${userId}
        `
  const row = await one<{ operation_id: string }>(
    db,
    sql`select operation_id from events where seq = (select max(seq) from (${wanted}) found)`,
  )
  if (!row) {
    throw new EngramError(
      'not_found',
      target === null ? 'there is nothing to undo' : `no change ${target} to undo`,
    )
  }
  return row.operation_id
}

async function undoEvent(
  database: Database,
  db: Connection,
  userId: string,
  event: EventRow,
  change: Change,
): Promise<void> {
  const current = await findMemory(db, userId, event.memory_id)
  const before = event.before ? fromJournal(event.before) : null
  const after = event.after ? fromJournal(event.after) : null
  if (after ? !(current && sameState(current, after)) : current) {
    throw new EngramError(
      'conflict',
      `${event.memory_id} was ${current ? 'changed' : 'deleted'} since; undo the later change first`,
    )
  }
  if (!before) {
    await removeMemory(database, db, current!, change)
  } else if (current) {
    // What counts its uses, and when it changed, goes on.
    const { accessCount, lastAccessedAt } = current
    const earlier = { ...before, evidence: current.evidence, accessCount, lastAccessedAt }
    await replaceMemory(database, db, current, earlier, 'undone', change)
  } else {
    const taken = await one(db, sql`select 1 from memories where id = ${before.id}`)
    if (taken) throw new EngramError('conflict', `the id ${before.id} is taken by now`)
    await insertMemory(database, db, event.namespace_id, before, before, change)
  }
}

/** Equal in what a person or the pipeline can change; counters do not matter. */
function sameState(a: Memory, b: Memory): boolean {
  return (
    a.content === b.content &&
    a.category === b.category &&
    a.status === b.status &&
    a.pinned === b.pinned &&
    a.validFrom === b.validFrom &&
    a.validTo === b.validTo &&
    a.expiresAt === b.expiresAt &&
    a.supersededBy === b.supersededBy &&
    JSON.stringify(a.metadata) === JSON.stringify(b.metadata)
  )
}

function toEvent(row: EventRow): MemoryEvent {
  return {
    id: row.id,
    operationId: row.operation_id,
    memoryId: row.memory_id,
    namespace: row.namespace,
    kind: row.kind,
    actor: row.actor,
    cause: JSON.parse(row.cause),
    before: row.before ? toMemory(fromJournal(row.before)) : null,
    after: row.after ? toMemory(fromJournal(row.after)) : null,
    createdAt: row.created_at,
    undoneBy: row.undone_by,
  }
}
