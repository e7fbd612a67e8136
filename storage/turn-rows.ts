import type { Role, Turn } from '../memory/memory.ts'
import { type Connection, one } from './database.ts'
import { namespaceOf } from './namespaces.ts'
import { sql } from './sql.ts'

export type TurnRow = {
  seq: number
  id: string
  conversation_id: string
  namespace: string
  position: number
  role: Role
  speaker: string | null
  content: string
  truncated: number
  model: string | null
  said_at: number
  created_at: number
  memory_count: number | null
}

/** Columns of `TurnRow`; `t` is the table. */
export const TURN_COLUMNS = sql.raw(`
  t.seq, t.id, t.conversation_id, ${namespaceOf('t')}, t.position, t.role, t.speaker, t.content,
  t.truncated, t.model, t.said_at, t.created_at, t.memory_count`)

export function toTurn(row: TurnRow): Turn {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    namespace: row.namespace,
    position: row.position,
    role: row.role,
    speaker: row.speaker,
    content: row.content,
    truncated: row.truncated === 1,
    model: row.model,
    saidAt: row.said_at,
    createdAt: row.created_at,
    memoryCount: row.memory_count,
  }
}

/** Memories of one turn stand between those of the turn before and of the turn after. */
export const PLACES_PER_TURN = 1_000

/** Where the memories of a turn begin in the order of their conversation; 0 for an unknown turn. */
export async function placeOf(db: Connection, turnId: string | null): Promise<number> {
  if (turnId === null) return 0
  const row = await one<{ position: number }>(
    db,
    sql`select position from turns where id = ${turnId}`,
  )
  return (row?.position ?? 0) * PLACES_PER_TURN
}
