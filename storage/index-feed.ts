import type { Role } from '../memory/memory.ts'
import type { DocumentKind, IndexDocument } from '../memory/scope-index.ts'
import { all, type Connection, one } from './database.ts'
import { sql } from './sql.ts'
import { PLACES_PER_TURN } from './turn-rows.ts'

/** What changed in a namespace after a reader last looked, for its index in RAM. */
export type Changes = Readonly<{
  /** Where to go on from next time. */
  rev: number
  documents: readonly (IndexDocument & Readonly<{ kind: DocumentKind }>)[]
  vectors: readonly Readonly<{ kind: DocumentKind; key: number; components: Int8Array }>[]
  /** Gone, or no longer to be found (rejected, superseded). */
  removed: readonly Readonly<{ kind: DocumentKind; key: number }>[]
}>

export async function currentRev(db: Connection): Promise<number> {
  const row = await one<{ value: number }>(db, sql`select value from counters where name = 'rev'`)
  return row!.value
}

type MemoryChange = {
  seq: number
  content: string
  status: string
  pinned: number
  speaker: string | null
  valid_from: number | null
  valid_to: number | null
  expires_at: number | null
  conversation_id: string | null
  place: number
  created_at: number
}

type TurnChange = {
  seq: number
  content: string
  role: Role
  speaker: string | null
  conversation_id: string
  position: number
  said_at: number
}

/**
 * Everything in the namespace with a revision above `after`, up to the revision at the time of the call.
 * Must run inside one read transaction, so that the parts agree.
 */
export async function changesSince(
  db: Connection,
  namespaceId: number,
  modelId: number | null,
  after: number,
): Promise<Changes> {
  const rev = await currentRev(db)
  if (rev === after) return { rev, documents: [], vectors: [], removed: [] }
  const memories = await all<MemoryChange>(
    db,
    sql`
      select seq, content, status, pinned, speaker, valid_from, valid_to, expires_at, conversation_id,
        place, created_at
      from memories where namespace_id = ${namespaceId} and rev > ${after}
    `,
  )
  const turns = await all<TurnChange>(
    db,
    sql`
      select seq, content, role, speaker, conversation_id, position, said_at
      from turns where namespace_id = ${namespaceId} and rev > ${after}
    `,
  )
  const vectors = modelId === null ? [] : await vectorsSince(db, namespaceId, modelId, after)
  const gone = after === 0 ? [] : await removedSince(db, namespaceId, after)
  const approved = memories.filter((memory) => memory.status === 'approved')
  return {
    rev,
    documents: [...approved.map(fromMemory), ...turns.map(fromTurn)],
    vectors: vectors.map(({ kind, target, components }) => ({
      kind,
      key: target,
      components: new Int8Array(components.buffer, components.byteOffset, components.byteLength),
    })),
    removed: [
      ...memories
        .filter((memory) => memory.status !== 'approved')
        .map((memory) => ({ kind: 'memory' as const, key: memory.seq })),
      ...gone.map(({ kind, target }) => ({ kind, key: target })),
    ],
  }
}

function removedSince(db: Connection, namespaceId: number, after: number) {
  return all<{ kind: DocumentKind; target: number }>(
    db,
    sql`select kind, target from removals where namespace_id = ${namespaceId} and rev > ${after}`,
  )
}

type VectorChange = { kind: DocumentKind; target: number; components: Buffer }

/**
 * New vectors, and those of rows that changed: a memory that comes back from rejection is a new document to
 * the reader, though its vector is old.
 */
async function vectorsSince(
  db: Connection,
  namespaceId: number,
  modelId: number,
  after: number,
): Promise<VectorChange[]> {
  const fresh = await all<VectorChange>(
    db,
    sql`
      select kind, target, components from vectors
      where namespace_id = ${namespaceId} and model_id = ${modelId} and rev > ${after}
        and length(components) > 0
    `,
  )
  if (after === 0) return fresh
  const ofChanged = await all<VectorChange>(
    db,
    sql`
      select v.kind, v.target, v.components
      from memories d
      join vectors v on v.model_id = ${modelId} and v.kind = 'memory' and v.target = d.seq
      where d.namespace_id = ${namespaceId} and d.rev > ${after} and v.rev <= ${after}
        and length(v.components) > 0
      union all
      select v.kind, v.target, v.components
      from turns d
      join vectors v on v.model_id = ${modelId} and v.kind = 'turn' and v.target = d.seq
      where d.namespace_id = ${namespaceId} and d.rev > ${after} and v.rev <= ${after}
        and length(v.components) > 0
    `,
  )
  return [...fresh, ...ofChanged]
}

function fromMemory(row: MemoryChange): Changes['documents'][number] {
  return {
    kind: 'memory',
    key: row.seq,
    text: row.content,
    role: 'user',
    speaker: row.speaker,
    conversation: row.conversation_id,
    place: row.place,
    at: row.valid_from ?? row.created_at,
    expiresAt: earliest(row.expires_at, row.valid_to),
    pinned: row.pinned === 1,
  }
}

function fromTurn(row: TurnChange): Changes['documents'][number] {
  return {
    kind: 'turn',
    key: row.seq,
    text: row.content,
    role: row.role,
    speaker: row.speaker,
    conversation: row.conversation_id,
    place: row.position * PLACES_PER_TURN,
    at: row.said_at,
    expiresAt: null,
    pinned: false,
  }
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
