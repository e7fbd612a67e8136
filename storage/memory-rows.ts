import { newId } from '../memory/ids.ts'
import type { JsonObject, Memory, NewMemory, Origin, Status } from '../memory/memory.ts'
import { slotOf } from '../memory/slots.ts'
import { removeAnchorsWith } from './anchors.ts'
import { all, type Connection, type Database, nextRev, one, run } from './database.ts'
import { enqueue } from './jobs.ts'
import { namespaceOf } from './namespaces.ts'
import { sql } from './sql.ts'

/** The three ways in which a memory changes. Each writes row, text entry, journal and embedding job. */

/** Who changes a memory and why; events of one operation are undone together. */
export type Change = Readonly<{
  /** user, extraction, import, review, … */
  actor: string
  cause: JsonObject
  operationId: string
  at: number
}>

export type EventKind =
  | 'added'
  | 'updated'
  | 'confirmed'
  | 'approved'
  | 'rejected'
  | 'superseded'
  | 'deleted'
  | 'undone'

export type MemoryRow = {
  seq: number
  id: string
  user_id: string
  namespace_id: number
  namespace: string
  content: string
  category: string
  status: Status
  pinned: number
  confidence: number
  source: string
  origin: Origin
  speaker: string | null
  valid_from: number | null
  valid_to: number | null
  superseded_by: string | null
  expires_at: number | null
  conversation_id: string | null
  turn_id: string | null
  quote: string | null
  place: number
  metadata: string
  access_count: number
  last_accessed_at: number | null
  last_confirmed_at: number | null
  created_at: number
  updated_at: number
}

/** What ranking looks at beside the memory itself. */
export type Standing = Readonly<{
  /** Who said it, when that is known by name. */
  speaker: string | null
  /** Orders the memories of one conversation. */
  place: number
}>

export type StoredMemory = Memory & Standing & Readonly<{ seq: number; namespaceId: number }>

/** Columns of `MemoryRow`; `m` is the table. */
export const MEMORY_COLUMNS = sql.raw(`
  m.seq, m.id, m.user_id, m.namespace_id, ${namespaceOf('m')}, m.content, m.category, m.status, m.pinned,
  m.confidence, m.source, m.origin, m.speaker, m.valid_from, m.valid_to, m.superseded_by, m.expires_at,
  m.conversation_id, m.turn_id, m.quote, m.place, m.metadata, m.access_count, m.last_accessed_at,
  m.last_confirmed_at, m.created_at, m.updated_at`)

export async function findMemory(
  db: Connection,
  userId: string,
  id: string,
): Promise<StoredMemory | null> {
  const row = await one<MemoryRow>(
    db,
    sql`select ${MEMORY_COLUMNS} from memories m where m.id = ${id} and m.user_id = ${userId}`,
  )
  return row ? toStored(row) : null
}

/**
 * The memory of the namespace that says exactly this, is approved or pending and holds at that instant: what
 * was rejected, or has run out, must not swallow the same statement said again. The oldest when several do.
 */
export async function findSame(
  db: Connection,
  namespaceId: number,
  content: string,
  at: number,
): Promise<StoredMemory | null> {
  // Sorted here: SQLite would prepare an ordered statement anew at every call.
  const rows = await all<MemoryRow>(
    db,
    sql`
      select ${MEMORY_COLUMNS} from memories m
      where m.namespace_id = ${namespaceId} and m.content_key = ${contentKey(content)}
        and m.status in ('approved', 'pending')
        and (m.expires_at is null or m.expires_at > ${at})
        and (m.valid_to is null or m.valid_to > ${at})
    `,
  )
  const oldest = rows.sort((a, b) => a.seq - b.seq)[0]
  return oldest ? toStored(oldest) : null
}

/** Repetitions of a statement that differ only in case, spacing or end punctuation have one key. */
export function contentKey(content: string): string {
  const plain = content.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()
  // Only punctuation is what it is.
  return plain.replace(/[\s.!,;:]+$/u, '') || plain
}

export async function insertMemory(
  database: Database,
  db: Connection,
  namespaceId: number,
  memory: Memory,
  { speaker, place }: Standing,
  change: Change,
): Promise<StoredMemory> {
  const rev = await nextRev(db)
  const { evidence } = memory
  const row = await one<{ seq: number }>(
    db,
    sql`
      insert into memories (id, user_id, namespace_id, content, content_key, category, status, pinned,
        confidence, source, origin, speaker, valid_from, valid_to, superseded_by, expires_at,
        conversation_id, turn_id, quote, place, metadata, slot, access_count, last_accessed_at,
        last_confirmed_at, created_at, updated_at, rev)
      values (${memory.id}, ${memory.userId}, ${namespaceId}, ${memory.content},
        ${contentKey(memory.content)}, ${memory.category}, ${memory.status}, ${memory.pinned ? 1 : 0},
        ${memory.confidence}, ${memory.source}, ${memory.origin}, ${speaker}, ${memory.validFrom},
        ${memory.validTo}, ${memory.supersededBy}, ${memory.expiresAt},
        ${evidence.conversationId},
        ${evidence.turnId}, ${evidence.quote}, ${place}, ${JSON.stringify(memory.metadata)}, ${attributeOf(memory)},
        ${memory.accessCount}, ${memory.lastAccessedAt}, ${memory.lastConfirmedAt}, ${memory.createdAt},
        ${memory.updatedAt}, ${rev})
      returning seq
    `,
  )
  const stored: StoredMemory = { ...memory, speaker, place, seq: row!.seq, namespaceId }
  await database.text.put(db, {
    kind: 'memory',
    seq: stored.seq,
    namespaceId,
    text: memory.content,
  })
  await enqueueEmbedding(db, 'memory', stored, change.at)
  await writeEvent(db, 'added', null, stored, change)
  return stored
}

/** The single-valued attribute that a memory states: as extraction noted it, else as its words say. */
function attributeOf({ metadata, content }: Memory): string | null {
  return typeof metadata.slot === 'string' ? metadata.slot : (slotOf(content)?.slot ?? null)
}

export async function replaceMemory(
  database: Database,
  db: Connection,
  before: StoredMemory,
  changed: Partial<Memory>,
  kind: EventKind,
  change: Change,
): Promise<StoredMemory> {
  const after: StoredMemory = { ...before, ...changed, updatedAt: change.at }
  const rev = await nextRev(db)
  await run(
    db,
    sql`
      update memories
      set content = ${after.content}, content_key = ${contentKey(after.content)},
        category = ${after.category}, status = ${after.status}, pinned = ${after.pinned ? 1 : 0},
        confidence = ${after.confidence}, valid_from = ${after.validFrom}, valid_to = ${after.validTo},
        superseded_by = ${after.supersededBy}, expires_at = ${after.expiresAt},
        metadata = ${JSON.stringify(after.metadata)}, slot = ${attributeOf(after)}, last_confirmed_at = ${after.lastConfirmedAt},
        updated_at = ${after.updatedAt}, rev = ${rev}
      where seq = ${before.seq}
    `,
  )
  if (after.status === 'rejected') await removeAnchorsWith(db, before.id)
  if (after.content !== before.content) {
    await database.text.remove(db, 'memory', before.seq)
    await database.text.put(db, {
      kind: 'memory',
      seq: before.seq,
      namespaceId: before.namespaceId,
      text: after.content,
    })
    await removeVectors(db, 'memory', before.seq)
    await enqueueEmbedding(db, 'memory', after, change.at)
  }
  await writeEvent(db, kind, before, after, change)
  return after
}

export async function removeMemory(
  database: Database,
  db: Connection,
  before: StoredMemory,
  change: Change,
): Promise<void> {
  await database.text.remove(db, 'memory', before.seq)
  await removeVectors(db, 'memory', before.seq)
  await removeAnchorsWith(db, before.id)
  await run(db, sql`delete from memories where seq = ${before.seq}`)
  await writeRemoval(db, 'memory', before.namespaceId, before.seq)
  await writeEvent(db, 'deleted', before, null, change)
}

/** Tells readers that a row which they may hold is gone. */
export async function writeRemoval(
  db: Connection,
  kind: 'memory' | 'turn',
  namespaceId: number,
  seq: number,
): Promise<void> {
  const rev = await nextRev(db)
  await run(
    db,
    sql`
      insert into removals (rev, namespace_id, kind, target)
      values (${rev}, ${namespaceId}, ${kind}, ${seq})
    `,
  )
}

/** Also the job that would make one: a vector that is being made is dropped when it comes. */
export async function removeVectors(
  db: Connection,
  kind: 'memory' | 'turn',
  seq: number,
): Promise<void> {
  await run(db, sql`delete from vectors where kind = ${kind} and target = ${seq}`)
  await run(db, sql`delete from jobs where dedup_key = ${embeddingKey(kind, seq)}`)
}

function embeddingKey(kind: 'memory' | 'turn', seq: number): string {
  return `embed:${kind}:${seq}`
}

export async function enqueueEmbedding(
  db: Connection,
  kind: 'memory' | 'turn',
  row: Readonly<{ seq: number; userId: string; namespaceId: number }>,
  at: number,
): Promise<void> {
  await enqueue(db, {
    kind: 'embed',
    userId: row.userId,
    namespaceId: row.namespaceId,
    payload: { kind, seq: row.seq },
    dedupKey: embeddingKey(kind, row.seq),
    runAt: at,
  })
}

async function writeEvent(
  db: Connection,
  kind: EventKind,
  before: StoredMemory | null,
  after: StoredMemory | null,
  change: Change,
): Promise<void> {
  const about = (after ?? before)!
  await run(
    db,
    sql`
      insert into events (id, operation_id, user_id, namespace_id, memory_id, kind, actor, cause,
        receipt_id, before, after, created_at)
      values (${newId('event')}, ${change.operationId}, ${about.userId}, ${about.namespaceId},
        ${about.id}, ${kind}, ${change.actor}, ${JSON.stringify(change.cause)}, ${receiptOf(change)},
        ${before ? toJournal(before) : null}, ${after ? toJournal(after) : null}, ${change.at})
    `,
  )
}

function receiptOf({ cause }: Change): string | null {
  return typeof cause.receipt_id === 'string' ? cause.receipt_id : null
}

function toJournal(memory: StoredMemory): string {
  const { seq: _seq, namespaceId: _namespaceId, ...kept } = memory
  return JSON.stringify(kept)
}

export function fromJournal(text: string): Memory & Standing {
  return JSON.parse(text)
}

/** A new memory with everything that its writer left out. */
export function completed(userId: string, namespace: string, given: NewMemory, at: number): Memory {
  return {
    id: given.id ?? newId('memory'),
    userId,
    namespace,
    content: given.content,
    category: given.category ?? 'general',
    status: given.status ?? 'approved',
    pinned: given.pinned ?? false,
    confidence: given.confidence ?? 1,
    source: given.source ?? 'manual',
    origin: given.origin ?? 'user',
    validFrom: given.validFrom ?? null,
    validTo: given.validTo ?? null,
    supersededBy: given.supersededBy ?? null,
    expiresAt: given.expiresAt ?? null,
    evidence: given.evidence ?? { conversationId: null, turnId: null, quote: null },
    metadata: given.metadata ?? {},
    accessCount: given.accessCount ?? 0,
    lastAccessedAt: given.lastAccessedAt ?? null,
    lastConfirmedAt: given.lastConfirmedAt ?? null,
    createdAt: given.createdAt ?? at,
    updatedAt: given.updatedAt ?? given.createdAt ?? at,
  }
}

export function toStored(row: MemoryRow): StoredMemory {
  return {
    seq: row.seq,
    namespaceId: row.namespace_id,
    id: row.id,
    userId: row.user_id,
    namespace: row.namespace,
    content: row.content,
    category: row.category,
    status: row.status,
    pinned: row.pinned === 1,
    confidence: row.confidence,
    source: row.source,
    origin: row.origin,
    speaker: row.speaker,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    supersededBy: row.superseded_by,
    expiresAt: row.expires_at,
    evidence: { conversationId: row.conversation_id, turnId: row.turn_id, quote: row.quote },
    place: row.place,
    metadata: JSON.parse(row.metadata),
    accessCount: row.access_count,
    lastAccessedAt: row.last_accessed_at,
    lastConfirmedAt: row.last_confirmed_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** Without what means something inside the store only. */
export function toMemory({
  seq: _seq,
  namespaceId: _namespaceId,
  speaker: _speaker,
  place: _place,
  ...memory
}: Memory & Standing & Readonly<{ seq?: number; namespaceId?: number }>): Memory {
  return memory
}
