import type { Role } from '../memory/memory.ts'
import type { DocumentKind, IndexDocument } from '../memory/scope-index.ts'
import { all, type Connection, one } from './database.ts'
import { sql } from './sql.ts'
import { PLACES_PER_TURN } from './turn-rows.ts'

/** How far a reader has followed a namespace: by revision, the vectors of each model apart. */
export type Followed = Readonly<{ documents: number; vectors: ReadonlyMap<number, number> }>

/** What changed in a namespace after a reader last looked, or the first part of it. */
export type Changes = Readonly<{
  /** Where to go on from next time. */
  followed: Followed
  /** Nothing further has changed. */
  isLevel: boolean
  documents: readonly (IndexDocument & Readonly<{ kind: DocumentKind }>)[]
  vectors: readonly ChangedVector[]
  /** Gone, or no longer to be found (rejected, superseded). */
  removed: readonly Readonly<{ kind: DocumentKind; key: number }>[]
}>

export type ChangedVector = Readonly<{
  model: number
  kind: DocumentKind
  key: number
  components: Int8Array
}>

export async function currentRev(db: Connection): Promise<number> {
  const row = await one<{ value: number }>(db, sql`select value from counters where name = 'rev'`)
  return row!.value
}

type MemoryChange = {
  seq: number
  id: string
  content: string
  status: string
  pinned: number
  speaker: string | null
  valid_from: number | null
  valid_to: number | null
  expires_at: number | null
  conversation_id: string | null
  place: number
  slot: string | null
  created_at: number
}

const MEMORY_CHANGE = sql.raw(`
  seq, id, content, status, pinned, speaker, valid_from, valid_to, expires_at, conversation_id, place,
  slot, created_at`)

type TurnChange = {
  seq: number
  id: string
  content: string
  role: Role
  speaker: string | null
  conversation_id: string
  position: number
  said_at: number
  memory_count: number | null
}

const TURN_CHANGE = sql.raw(
  'seq, id, content, role, speaker, conversation_id, position, said_at, memory_count',
)

/**
 * What changed in the namespace since, in pages: about `limit` documents, and once there are no more of them,
 * about `limit` vectors of each model. Must run inside one read transaction, so that the parts agree.
 *
 * A vector never comes before its document: vectors are read only when all documents have been, and those of
 * a document that changed later come with it once more.
 */
export async function changesSince(
  db: Connection,
  namespaceId: number,
  followed: Followed,
  limit: number,
): Promise<Changes> {
  const rev = await currentRev(db)
  const after = followed.documents
  const upTo = after === rev ? rev : await documentsEnd(db, namespaceId, after, rev, limit)
  const { documents, removed } = await documentChanges(db, namespaceId, after, upTo)
  const reached = new Map<number, number>()
  const vectors: ChangedVector[] = []
  for (const [model, seen] of followed.vectors) {
    if (after > 0 && upTo > after) {
      vectors.push(...(await vectorsOfChanged(db, namespaceId, model, { after, upTo, seen })))
    }
    const end =
      upTo < rev || seen === rev ? seen : await vectorsEnd(db, namespaceId, model, seen, rev, limit)
    if (end > seen) vectors.push(...(await vectorsBetween(db, namespaceId, model, seen, end)))
    reached.set(model, end)
  }
  const isLevel = upTo === rev && [...reached.values()].every((end) => end === rev)
  return { followed: { documents: upTo, vectors: reached }, isLevel, documents, vectors, removed }
}

/** The revision up to which there are about `limit` documents; `rev` when there are fewer. */
async function documentsEnd(
  db: Connection,
  namespaceId: number,
  after: number,
  rev: number,
  limit: number,
): Promise<number> {
  if (rev - after <= limit) return rev
  let end = rev
  for (const table of ['memories', 'turns', 'removals']) {
    const row = await one<{ rev: number }>(
      db,
      sql`
        select rev from ${sql.raw(table)}
        where namespace_id = ${namespaceId} and rev > ${after}
        order by rev limit 1 offset ${limit - 1}
      `,
    )
    if (row) end = Math.min(end, row.rev)
  }
  return end
}

async function vectorsEnd(
  db: Connection,
  namespaceId: number,
  model: number,
  after: number,
  rev: number,
  limit: number,
): Promise<number> {
  const row = await one<{ rev: number }>(
    db,
    sql`
      select rev from vectors
      where namespace_id = ${namespaceId} and model_id = ${model} and rev > ${after}
      order by rev limit 1 offset ${limit - 1}
    `,
  )
  return row?.rev ?? rev
}

async function documentChanges(
  db: Connection,
  namespaceId: number,
  after: number,
  upTo: number,
): Promise<Pick<Changes, 'documents' | 'removed'>> {
  if (after === upTo) return { documents: [], removed: [] }
  const memories = await all<MemoryChange>(
    db,
    sql`
      select ${MEMORY_CHANGE} from memories
      where namespace_id = ${namespaceId} and rev > ${after} and rev <= ${upTo}
    `,
  )
  const turns = await all<TurnChange>(
    db,
    sql`
      select ${TURN_CHANGE} from turns
      where namespace_id = ${namespaceId} and rev > ${after} and rev <= ${upTo}
    `,
  )
  // Before a reader has seen anything, nothing that it has seen is gone.
  const gone = after === 0 ? [] : await removedBetween(db, namespaceId, after, upTo)
  const approved = memories.filter((memory) => memory.status === 'approved')
  return {
    documents: [...approved.map(fromMemory), ...turns.map(fromTurn)],
    removed: [
      ...memories
        .filter((memory) => memory.status !== 'approved')
        .map((memory) => ({ kind: 'memory' as const, key: memory.seq })),
      ...gone.map(({ kind, target }) => ({ kind, key: target })),
    ],
  }
}

/** Memories that can be found, or turns, by row number. */
export async function documentsBySeq(
  db: Connection,
  kind: DocumentKind,
  seqs: readonly number[],
): Promise<IndexDocument[]> {
  if (seqs.length === 0) return []
  if (kind === 'turn') {
    const turns = await all<TurnChange>(
      db,
      sql`select ${TURN_CHANGE} from turns where seq in (${sql.list(seqs)})`,
    )
    return turns.map(fromTurn)
  }
  const memories = await all<MemoryChange>(
    db,
    sql`
      select ${MEMORY_CHANGE} from memories
      where seq in (${sql.list(seqs)}) and status = 'approved'
    `,
  )
  return memories.map(fromMemory)
}

function removedBetween(db: Connection, namespaceId: number, after: number, upTo: number) {
  return all<{ kind: DocumentKind; target: number }>(
    db,
    sql`
      select kind, target from removals
      where namespace_id = ${namespaceId} and rev > ${after} and rev <= ${upTo}
    `,
  )
}

type VectorChange = { kind: DocumentKind; target: number; components: Buffer }

async function vectorsBetween(
  db: Connection,
  namespaceId: number,
  model: number,
  after: number,
  upTo: number,
): Promise<ChangedVector[]> {
  const rows = await all<VectorChange>(
    db,
    sql`
      select kind, target, components from vectors
      where namespace_id = ${namespaceId} and model_id = ${model} and rev > ${after} and rev <= ${upTo}
        and length(components) > 0
    `,
  )
  return rows.map((row) => toChangedVector(model, row))
}

/**
 * Vectors that were read before their row changed: a memory that comes back from rejection is a new document
 * to the reader, though its vector is old.
 */
async function vectorsOfChanged(
  db: Connection,
  namespaceId: number,
  model: number,
  { after, upTo, seen }: Readonly<{ after: number; upTo: number; seen: number }>,
): Promise<ChangedVector[]> {
  const rows = await all<VectorChange>(
    db,
    sql`
      select v.kind, v.target, v.components
      from memories d
      join vectors v on v.model_id = ${model} and v.kind = 'memory' and v.target = d.seq
      where d.namespace_id = ${namespaceId} and d.rev > ${after} and d.rev <= ${upTo} and v.rev <= ${seen}
        and length(v.components) > 0
      union all
      select v.kind, v.target, v.components
      from turns d
      join vectors v on v.model_id = ${model} and v.kind = 'turn' and v.target = d.seq
      where d.namespace_id = ${namespaceId} and d.rev > ${after} and d.rev <= ${upTo} and v.rev <= ${seen}
        and length(v.components) > 0
    `,
  )
  return rows.map((row) => toChangedVector(model, row))
}

function toChangedVector(model: number, { kind, target, components }: VectorChange): ChangedVector {
  const { buffer, byteOffset, byteLength } = components
  return { model, kind, key: target, components: new Int8Array(buffer, byteOffset, byteLength) }
}

function fromMemory(row: MemoryChange): Changes['documents'][number] {
  return {
    kind: 'memory',
    key: row.seq,
    id: row.id,
    text: row.content,
    role: 'user',
    speaker: row.speaker,
    conversation: row.conversation_id,
    place: row.place,
    at: row.valid_from ?? row.created_at,
    saidAt: row.created_at,
    validFrom: row.valid_from,
    expiresAt: earliest(row.expires_at, row.valid_to),
    pinned: row.pinned === 1,
    slot: row.slot,
    memoryCount: null,
  }
}

function fromTurn(row: TurnChange): Changes['documents'][number] {
  return {
    kind: 'turn',
    key: row.seq,
    id: row.id,
    text: row.content,
    role: row.role,
    speaker: row.speaker,
    conversation: row.conversation_id,
    place: row.position * PLACES_PER_TURN,
    at: row.said_at,
    saidAt: row.said_at,
    validFrom: null,
    expiresAt: null,
    pinned: false,
    slot: null,
    memoryCount: row.memory_count,
  }
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
