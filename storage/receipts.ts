import { newId } from '../memory/ids.ts'
import type { JsonObject, Scope } from '../memory/memory.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import { ensureNamespace, inNamespace, namespaceOf } from './namespaces.ts'
import { sql } from './sql.ts'

/** What recall did for one request. */
export type Receipt = Readonly<{
  id: string
  namespace: string
  conversationId: string | null
  /** The first turn of the exchange it served. */
  turnId: string | null
  kind: 'chat' | 'search'
  query: string
  injected: number
  tokens: number
  tookMs: number
  /** Candidates, settings in force and outcome; `memory/recall.ts` and the proxy define what it holds. */
  detail: JsonObject
  createdAt: number
}>

export type NewReceipt = Omit<
  Receipt,
  'id' | 'namespace' | 'conversationId' | 'turnId' | 'createdAt' | 'detail'
> &
  Readonly<{
    id?: string
    /** As JSON text: it is kept as such, and crosses a thread faster than the objects would. */
    detail: string
  }>

type ReceiptRow = {
  id: string
  namespace: string
  conversation_id: string | null
  turn_id: string | null
  kind: Receipt['kind']
  query: string
  injected: number
  tokens: number
  took_ms: number
  detail: string
  created_at: number
}

const RECEIPT_COLUMNS = sql.raw(`
  r.id, ${namespaceOf('r')}, r.conversation_id, r.turn_id, r.kind, r.query, r.injected, r.tokens, r.took_ms,
  r.detail, r.created_at`)

export async function insertReceipt(
  db: Connection,
  userId: string,
  namespaceId: number,
  receipt: NewReceipt & Readonly<{ conversationId: string | null; turnId: string | null }>,
  at: number,
): Promise<string> {
  const id = receipt.id ?? newId('receipt')
  await run(
    db,
    sql`
      insert into receipts (id, user_id, namespace_id, conversation_id, turn_id, kind, query, injected,
        tokens, took_ms, detail, created_at)
      values (${id}, ${userId}, ${namespaceId}, ${receipt.conversationId}, ${receipt.turnId},
        ${receipt.kind}, ${receipt.query}, ${receipt.injected}, ${receipt.tokens}, ${receipt.tookMs},
        ${receipt.detail}, ${at})
    `,
  )
  return id
}

export function createReceipts(database: Database, now: () => number) {
  return {
    add: (scope: Scope, receipt: NewReceipt): Promise<string> =>
      database.write(async (db) => {
        const at = now()
        const namespaceId = await ensureNamespace(db, scope, at)
        return insertReceipt(
          db,
          scope.userId,
          namespaceId,
          { ...receipt, conversationId: null, turnId: null },
          at,
        )
      }),

    /** Newest first. */
    list: (
      userId: string,
      filter: Readonly<{
        namespace: string | null
        conversationId: string | null
        kind: Receipt['kind'] | null
        limit: number
        offset: number
      }>,
    ): Promise<{ receipts: Receipt[]; total: number }> =>
      database.read(async (db) => {
        const parts = [inNamespace('r', userId, filter.namespace)]
        if (filter.conversationId !== null) {
          parts.push(sql`r.conversation_id = ${filter.conversationId}`)
        }
        if (filter.kind !== null) parts.push(sql`r.kind = ${filter.kind}`)
        const where = sql.join(parts, ' and ')
        const rows = await all<ReceiptRow>(
          db,
          sql`
            select ${RECEIPT_COLUMNS} from receipts r
            where ${where}
            order by r.seq desc
            limit ${filter.limit} offset ${filter.offset}
          `,
        )
        const total = await one<{ n: number }>(
          db,
          sql`select count(*) as n from receipts r where ${where}`,
        )
        return { receipts: rows.map(toReceipt), total: total!.n }
      }),

    find: (userId: string, id: string): Promise<Receipt | null> =>
      database.read(async (db) => {
        const row = await one<ReceiptRow>(
          db,
          sql`
            select ${RECEIPT_COLUMNS} from receipts r
            where r.id = ${id} and r.user_id = ${userId}
          `,
        )
        return row ? toReceipt(row) : null
      }),

    /** The user's receipts whose id begins with this, at most two: enough to tell one from several. */
    findIds: (userId: string, prefix: string): Promise<string[]> =>
      database.read(async (db) => {
        const rows = await all<{ id: string }>(
          db,
          sql`
            select id from receipts
            where user_id = ${userId} and id >= ${prefix} and id < ${`${prefix}\uffff`}
            limit 2
          `,
        )
        return rows.map((row) => row.id)
      }),

    purge: (before: number): Promise<number> =>
      database.write((db) => run(db, sql`delete from receipts where created_at < ${before}`)),
  }
}

function toReceipt(row: ReceiptRow): Receipt {
  return {
    id: row.id,
    namespace: row.namespace,
    conversationId: row.conversation_id,
    turnId: row.turn_id,
    kind: row.kind,
    query: row.query,
    injected: row.injected,
    tokens: row.tokens,
    tookMs: row.took_ms,
    detail: JSON.parse(row.detail),
    createdAt: row.created_at,
  }
}
