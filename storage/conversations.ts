import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { JsonObject, Role, Scope, Turn } from '../memory/memory.ts'
import {
  type FoundAnchor,
  findAnchors,
  type NewAnchor,
  putAnchor,
  removeAnchorsWith,
  touchAnchors,
} from './anchors.ts'
import { all, type Connection, type Database, nextRev, one, run } from './database.ts'
import { enqueue } from './jobs.ts'
import { countUse } from './memories.ts'
import { enqueueEmbedding, removeVectors, writeRemoval } from './memory-rows.ts'
import { ensureNamespace, findNamespace, inNamespace, namespaceOf } from './namespaces.ts'
import { insertReceipt, type NewReceipt } from './receipts.ts'
import { sql } from './sql.ts'
import { TURN_COLUMNS, type TurnRow, toTurn } from './turn-rows.ts'

export type Conversation = Readonly<{
  id: string
  namespace: string
  source: string
  sessionId: string | null
  turns: number
  createdAt: number
  updatedAt: number
}>

export type NewTurn = Readonly<{
  role: Role
  speaker: string | null
  content: string
  truncated: boolean
  model: string | null
  saidAt: number
  /** Hash of the conversation up to and including this turn. */
  prefixHash: Uint8Array
}>

/** What a request shows of the conversation it belongs to. */
export type ConversationTrace = Readonly<{
  source: string
  /** An id that the client got from us; must be the user's own. */
  conversationId: string | null
  /** The client's own name for the conversation. */
  sessionId: string | null
  /** Hashes of the request's turns, oldest first, each over everything up to it. */
  prefixHashes: readonly Uint8Array[]
  /** How many of them make a match certain: two chats that begin with "hi" are two chats. */
  sureFrom: number
  /** The assistant is at work on its answer, over several requests: the last turn has been seen before. */
  goesOn: boolean
}>

export type FoundConversation = Readonly<{
  id: string
  /** How many of the request's turns are stored already. */
  known: number
}>

/** Everything an exchange leaves behind; one transaction. */
export type Exchange = Readonly<{
  scope: Scope
  conversationId: string
  source: string
  sessionId: string | null
  turns: readonly NewTurn[]
  receipt: NewReceipt | null
  /** Memories that were handed to the model: their use is counted. */
  usedMemoryIds: readonly string[]
  /** What extraction should know beside the turns; null when nothing is to be learned. */
  extraction: JsonObject | null
  /** What was put into a turn and must stand there in later requests; null for nothing. */
  anchor: NewAnchor | null
  /** Earlier ones that this request carried and that nobody has noted for a while. */
  usedAnchors: readonly number[]
}>

export type StoredExchange = Readonly<{
  /** One per turn given; those that were here before keep their ids. */
  turnIds: readonly string[]
  /** null when there was nothing new to learn from. */
  jobId: string | null
  receiptId: string | null
}>

/**
 * A request that repeats the last question of a conversation this soon is a retry. Asked again after the
 * conversation went on, or later, it begins another one.
 */
const RETRY_WINDOW_MS = 10 * 60 * 1000
/** An agent may work this long on one question. */
const WORK_WINDOW_MS = 24 * 60 * 60 * 1000

/** Of a longer history, the newest turns are enough to find it by. */
const MAX_COMPARED = 2_000
/** No turn has it. */
const NO_HASH = Buffer.alloc(0)

type ConversationRow = {
  id: string
  namespace: string
  source: string
  session_id: string | null
  turns: number
  created_at: number
  updated_at: number
}

/** Finding the conversation of a request; of a database that may be read only. */
export function createLookups({ read }: Pick<Database, 'read'>, now: () => number) {
  return {
    /**
     * The conversation that a request continues: by our id, by the client's session, or by the history it
     * carries. A new id when there is none.
     *
     * @throws EngramError `not_found` when it names an id that is not the user's.
     */
    locate: (scope: Scope, trace: ConversationTrace): Promise<FoundConversation> =>
      read((db) => locate(db, scope, trace, now())),

    /**
     * The same, and what was put into turns of the request when they were sent before.
     *
     * @param turns hashes of the conversation up to and including each turn that may hold something
     * @throws EngramError as `locate`.
     */
    resume: (
      scope: Scope,
      trace: ConversationTrace,
      provider: string,
      turns: readonly Uint8Array[],
    ): Promise<FoundConversation & Readonly<{ anchors: FoundAnchor[] }>> =>
      read(async (db) => {
        const found = await locate(db, scope, trace, now())
        const namespaceId = await findNamespace(db, scope)
        const newest = turns.slice(-MAX_COMPARED)
        const anchors =
          namespaceId === null ? [] : await findAnchors(db, namespaceId, provider, newest)
        return { ...found, anchors }
      }),
  }
}

export type Lookups = ReturnType<typeof createLookups>

export function createConversations(database: Database, now: () => number) {
  return {
    ...createLookups(database, now),

    /**
     * Stores turns, receipt, anchor and extraction job; everything or nothing.
     *
     * @throws EngramError `not_found` when the conversation is of another scope.
     */
    record: (exchange: Exchange): Promise<StoredExchange> =>
      database.write((db) => record(database, db, exchange, now())),

    /** Finds the conversation and stores in one transaction: the same exchange twice leaves one. */
    recordLocated: (
      trace: ConversationTrace,
      exchange: Omit<
        Exchange,
        'conversationId' | 'source' | 'sessionId' | 'anchor' | 'usedAnchors'
      >,
    ): Promise<StoredExchange & Readonly<{ conversationId: string }>> =>
      database.write(async (db) => {
        const at = now()
        const { id } = await locate(db, exchange.scope, trace, at)
        const { source, sessionId } = trace
        const stored = await record(
          database,
          db,
          { ...exchange, conversationId: id, source, sessionId, anchor: null, usedAnchors: [] },
          at,
        )
        return { ...stored, conversationId: id }
      }),

    /**
     * Newest first. One without turns is not listed: a request that the provider refused leaves a receipt and the
     * name of its session, and nothing to read.
     */
    list: (
      userId: string,
      filter: Readonly<{ namespace: string | null; limit: number; offset: number }>,
    ): Promise<{ conversations: Conversation[]; total: number }> =>
      database.read(async (db) => {
        const within = sql`
          ${inNamespace('c', userId, filter.namespace)}
            and exists (select 1 from turns t where t.conversation_id = c.id)
        `
        const rows = await all<ConversationRow>(
          db,
          sql`
            select c.id, ${sql.raw(namespaceOf('c'))}, c.source, c.session_id, c.created_at, c.updated_at,
              (select count(*) from turns t where t.conversation_id = c.id) as turns
            from conversations c
            where ${within}
            order by c.updated_at desc, c.id
            limit ${filter.limit} offset ${filter.offset}
          `,
        )
        const total = await one<{ n: number }>(
          db,
          sql`
            select count(*) as n
            from conversations c
            where ${within}
          `,
        )
        return { conversations: rows.map(toConversation), total: total!.n }
      }),

    /** A turn among so many before and after it, in order; empty when the user has no such turn. */
    around: (userId: string, turnId: string, count: number): Promise<Turn[]> =>
      database.read(async (db) => {
        const rows = await all<TurnRow>(
          db,
          sql`
            select ${TURN_COLUMNS} from turns t
            join turns found on found.conversation_id = t.conversation_id
            where found.id = ${turnId} and found.user_id = ${userId}
              and t.position between found.position - ${count} and found.position + ${count}
            order by t.position
          `,
        )
        return rows.map(toTurn)
      }),

    /** With its turns in order; null when the user has no such conversation. */
    find: (
      userId: string,
      id: string,
    ): Promise<{ conversation: Conversation; turns: Turn[] } | null> =>
      database.read(async (db) => {
        const row = await one<ConversationRow>(
          db,
          sql`
            select c.id, ${sql.raw(namespaceOf('c'))}, c.source, c.session_id, c.created_at, c.updated_at,
              (select count(*) from turns t where t.conversation_id = c.id) as turns
            from conversations c
            where c.user_id = ${userId} and c.id = ${id}
          `,
        )
        if (!row) return null
        const turns = await all<TurnRow>(
          db,
          sql`
            select ${TURN_COLUMNS} from turns t
            where t.conversation_id = ${id}
            order by t.position
          `,
        )
        return { conversation: toConversation(row), turns: turns.map(toTurn) }
      }),

    /**
     * The turns that an extraction reads, in order: those named, and up to `before` earlier ones of the same
     * conversation for context.
     */
    turnsForExtraction: (
      turnIds: readonly string[],
      before: number,
    ): Promise<{ turns: Turn[]; context: Turn[] }> =>
      database.read(async (db) => {
        if (turnIds.length === 0) return { turns: [], context: [] }
        const rows = await all<TurnRow>(
          db,
          sql`
            select ${TURN_COLUMNS} from turns t
            where t.id in (${sql.join(turnIds)})
            order by t.conversation_id, t.position
          `,
        )
        const first = rows[0]
        if (!first) return { turns: [], context: [] }
        const earlier = await all<TurnRow>(
          db,
          sql`
            select ${TURN_COLUMNS} from turns t
            where t.conversation_id = ${first.conversation_id} and t.position < ${first.position}
            order by t.position desc
            limit ${before}
          `,
        )
        return { turns: rows.map(toTurn), context: earlier.reverse().map(toTurn) }
      }),

    /** Removes a conversation and its turns. Memories learned from it stay. @returns false when unknown. */
    remove: (userId: string, id: string): Promise<boolean> =>
      database.write(async (db) => {
        const turns = await all<RemovedTurn>(
          db,
          sql`
            select seq, id, namespace_id from turns
            where conversation_id = ${id} and user_id = ${userId}
          `,
        )
        for (const turn of turns) await removeTurn(database, db, turn)
        const removed = await run(
          db,
          sql`delete from conversations where id = ${id} and user_id = ${userId}`,
        )
        return removed > 0
      }),

    /** Removes whole conversations whose last turn is older than `before`, 200 at a time. @returns how many. */
    purge: (before: number): Promise<number> =>
      database.write(async (db) => {
        const old = await all<{ id: string }>(
          db,
          sql`select id from conversations where updated_at < ${before} limit 200`,
        )
        for (const { id } of old) {
          const turns = await all<RemovedTurn>(
            db,
            sql`select seq, id, namespace_id from turns where conversation_id = ${id}`,
          )
          for (const turn of turns) await removeTurn(database, db, turn)
          await run(db, sql`delete from conversations where id = ${id}`)
        }
        return old.length
      }),
  }
}

async function locate(
  db: Connection,
  scope: Scope,
  trace: ConversationTrace,
  at: number,
): Promise<FoundConversation> {
  const namespaceId = await findNamespace(db, scope)
  const named = await findNamed(db, namespaceId, trace)
  if (named !== null) {
    const found = await longestPrefix(db, namespaceId!, trace, at, named)
    return { id: named, known: found?.known ?? 0 }
  }
  const fresh = { id: newId('conversation'), known: 0 }
  if (namespaceId === null || trace.sessionId !== null) return fresh
  return (await longestPrefix(db, namespaceId, trace, at, null)) ?? fresh
}

/** The conversation that the client itself names, by our id or by its own; null when it names none of ours. */
async function findNamed(
  db: Connection,
  namespaceId: number | null,
  trace: ConversationTrace,
): Promise<string | null> {
  if (trace.conversationId !== null) {
    const row = await one<{ id: string }>(
      db,
      sql`
        select id from conversations
        where id = ${trace.conversationId} and namespace_id = ${namespaceId ?? -1}
      `,
    )
    if (!row) throw new EngramError('not_found', `no conversation ${trace.conversationId}`)
    return row.id
  }
  if (trace.sessionId === null || namespaceId === null) return null
  const row = await one<{ id: string }>(
    db,
    sql`
      select id from conversations
      where namespace_id = ${namespaceId} and source = ${trace.source}
        and session_id = ${trace.sessionId}
    `,
  )
  return row?.id ?? null
}

async function record(
  database: Database,
  db: Connection,
  exchange: Exchange,
  at: number,
): Promise<StoredExchange> {
  const { scope, conversationId } = exchange
  const namespaceId = await ensureNamespace(db, scope, at)
  // A session is one conversation. When two requests begin the same session at once, the second one keeps
  // the id that its client was told, without the session's name.
  const kept = await run(
    db,
    sql`
      insert into conversations (id, user_id, namespace_id, source, session_id, created_at, updated_at)
      select ${conversationId}, ${scope.userId}, ${namespaceId}, ${exchange.source},
        case when exists (
          select 1 from conversations
          where namespace_id = ${namespaceId} and source = ${exchange.source}
            and session_id = ${exchange.sessionId}
        ) then null else ${exchange.sessionId} end,
        ${at}, ${at}
      where true
      on conflict (id) do update set updated_at = excluded.updated_at
      where conversations.namespace_id = excluded.namespace_id
    `,
  )
  if (kept === 0) throw new EngramError('not_found', `no conversation ${conversationId}`)
  const last = await one<{ position: number | null }>(
    db,
    sql`select max(position) as position from turns where conversation_id = ${conversationId}`,
  )
  let position = (last?.position ?? -1) + 1
  const turnIds: string[] = []
  const newTurnIds: string[] = []
  for (const turn of exchange.turns) {
    const hash = Buffer.from(turn.prefixHash)
    const known = await one<{ id: string }>(
      db,
      sql`
        select id from turns
        where namespace_id = ${namespaceId} and prefix_hash = ${hash}
          and conversation_id = ${conversationId}
      `,
    )
    if (known) {
      turnIds.push(known.id)
      continue
    }
    const id = newId('turn')
    const rev = await nextRev(db)
    const row = await one<{ seq: number }>(
      db,
      sql`
        insert into turns (id, conversation_id, user_id, namespace_id, position, role, speaker, content,
          truncated, model, prefix_hash, said_at, created_at, rev)
        values (${id}, ${conversationId}, ${scope.userId}, ${namespaceId}, ${position}, ${turn.role},
          ${turn.speaker}, ${turn.content}, ${turn.truncated ? 1 : 0}, ${turn.model}, ${hash},
          ${turn.saidAt}, ${at}, ${rev})
        returning seq
      `,
    )
    const seq = row!.seq
    await database.text.put(db, { kind: 'turn', seq, namespaceId, text: turn.content })
    await enqueueEmbedding(db, 'turn', { seq, userId: scope.userId, namespaceId }, at)
    turnIds.push(id)
    // Of an answer that broke off nobody knows what it was going to say.
    if (turn.role !== 'assistant' || !turn.truncated) newTurnIds.push(id)
    position++
  }
  const receiptId = exchange.receipt
    ? await insertReceipt(
        db,
        scope.userId,
        namespaceId,
        { ...exchange.receipt, conversationId, turnId: turnIds[0] ?? null },
        at,
      )
    : null
  await countUse(db, scope.userId, exchange.usedMemoryIds, at)
  if (exchange.anchor) await putAnchor(db, namespaceId, exchange.anchor, at)
  await touchAnchors(db, exchange.usedAnchors, at)
  const jobId =
    exchange.extraction && newTurnIds.length > 0
      ? await enqueue(db, {
          kind: 'extract',
          userId: scope.userId,
          namespaceId,
          payload: { ...exchange.extraction, turn_ids: newTurnIds, receipt_id: receiptId },
          dedupKey: null,
          runAt: at,
        })
      : null
  return { turnIds, jobId, receiptId }
}

type RemovedTurn = { seq: number; id: string; namespace_id: number }

async function removeTurn(
  database: Database,
  db: Connection,
  { seq, id, namespace_id: namespaceId }: RemovedTurn,
): Promise<void> {
  await database.text.remove(db, 'turn', seq)
  await removeVectors(db, 'turn', seq)
  await removeAnchorsWith(db, id)
  await run(db, sql`delete from turns where seq = ${seq}`)
  await writeRemoval(db, 'turn', namespaceId, seq)
}

async function longestPrefix(
  db: Connection,
  namespaceId: number,
  trace: ConversationTrace,
  at: number,
  within: string | null,
): Promise<FoundConversation | null> {
  const first = Math.max(0, trace.prefixHashes.length - MAX_COMPARED)
  const hashes = trace.prefixHashes.slice(first).map((hash) => Buffer.from(hash))
  if (hashes.length === 0) return null
  const knownBy = new Map(hashes.map((hash, i) => [hash.toString('latin1'), first + i + 1]))
  const sure = within === null ? hashes.slice(Math.max(0, trace.sureFrom - 1 - first)) : hashes
  const rows = await all<{ conversation_id: string; prefix_hash: Buffer }>(
    db,
    sql`
      select conversation_id, prefix_hash from turns
      where namespace_id = ${namespaceId} and prefix_hash in (${sql.join([...sure, NO_HASH])})
        ${within === null ? sql`` : sql`and conversation_id = ${within}`}
      order by seq
    `,
  )
  let best: FoundConversation | null = null
  for (const row of rows) {
    const known = knownBy.get(row.prefix_hash.toString('latin1'))!
    // Of several conversations that share this history, the newest goes on.
    if (known >= (best?.known ?? 1)) best = { id: row.conversation_id, known }
  }
  if (best || within !== null) return best
  const retried = await one<{ conversation_id: string }>(
    db,
    sql`
      select t.conversation_id from turns t
      where t.namespace_id = ${namespaceId} and t.prefix_hash = ${hashes.at(-1)}
        and t.created_at > ${at - (trace.goesOn ? WORK_WINDOW_MS : RETRY_WINDOW_MS)}
        and not exists (
          select 1 from turns later
          where later.conversation_id = t.conversation_id and later.position > t.position
            and later.role = 'user'
        )
      order by t.seq desc
      limit 1
    `,
  )
  return retried ? { id: retried.conversation_id, known: trace.prefixHashes.length } : null
}

function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    namespace: row.namespace,
    source: row.source,
    sessionId: row.session_id,
    turns: row.turns,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
