import type { Memory, Scope, Turn } from '../memory/memory.ts'
import type { Found } from '../memory/ports.ts'
import { type IndexAnswer, type IndexQuery, ScopeIndex } from '../memory/scope-index.ts'
import type { RelatedTerms } from '../memory/term-index.ts'
import { all, type Connection, type Database } from './database.ts'
import { changesSince } from './index-feed.ts'
import { MEMORY_COLUMNS, type MemoryRow, toMemory, toStored } from './memory-rows.ts'
import { findNamespace } from './namespaces.ts'
import { sql } from './sql.ts'
import { TURN_COLUMNS, type TurnRow, toTurn } from './turn-rows.ts'

/** The model whose vectors are in force, as the store numbers it. */
export type ModelInForce = Readonly<{ id: number; dimensions: number }>

/** Documents held in RAM over all scopes; the scopes used least recently go first. */
const MAX_HELD_DOCUMENTS = 1_200_000

type Held = { index: ScopeIndex; rev: number; modelId: number | null }

/**
 * Answers recall from indexes in RAM, one per scope, that are brought level with the database before every
 * search: what was committed before the question is in the answer.
 *
 * @param read runs its function over one state of the database, one call after the other
 */
export function createRecallReader(read: Database['read'], related?: RelatedTerms) {
  const held = new Map<number, Held>()

  async function indexOf(
    db: Connection,
    namespaceId: number,
    model: ModelInForce | null,
  ): Promise<Held> {
    const modelId = model?.id ?? null
    let entry = held.get(namespaceId)
    if (!entry || entry.modelId !== modelId) {
      entry = { index: new ScopeIndex(model?.dimensions ?? 0, related), rev: 0, modelId }
    }
    // Last in the map is used last.
    held.delete(namespaceId)
    held.set(namespaceId, entry)
    const changes = await changesSince(db, namespaceId, modelId, entry.rev)
    for (const { kind, key } of changes.removed) entry.index.delete(kind, key)
    for (const document of changes.documents) entry.index.put(document.kind, document)
    for (const { kind, key, components } of changes.vectors) {
      entry.index.setVector(kind, key, components)
    }
    entry.rev = changes.rev
    evict()
    return entry
  }

  function evict(): void {
    let documents = 0
    for (const { index } of held.values()) documents += index.size.memory + index.size.turn
    for (const [namespaceId, { index }] of held) {
      if (documents <= MAX_HELD_DOCUMENTS || held.size === 1) return
      documents -= index.size.memory + index.size.turn
      held.delete(namespaceId)
    }
  }

  return {
    search: (scope: Scope, query: IndexQuery, model: ModelInForce | null): Promise<Found> =>
      read(async (db) => {
        const namespaceId = await findNamespace(db, scope)
        if (namespaceId === null) return NOTHING
        const { index } = await indexOf(db, namespaceId, model)
        const answer = index.search(query)
        return {
          ...(await withRows(db, answer)),
          background: answer.background,
          termCount: answer.termCount,
          known: answer.known,
          searched: index.size,
          textOnly: false,
        }
      }),

    /** Loads a scope's index, so that its first search does not have to. */
    warm: (scope: Scope, model: ModelInForce | null): Promise<void> =>
      read(async (db) => {
        const namespaceId = await findNamespace(db, scope)
        if (namespaceId !== null) await indexOf(db, namespaceId, model)
      }),
  }
}

export type RecallReader = ReturnType<typeof createRecallReader>

const NO_BACKGROUND = { mean: 0, deviation: 0, size: 0 }
const NOTHING: Found = {
  memories: [],
  turns: [],
  pinned: [],
  background: { memory: NO_BACKGROUND, turn: NO_BACKGROUND },
  termCount: 0,
  known: { memory: 0, turn: 0 },
  searched: { memory: 0, turn: 0 },
  textOnly: false,
}

async function withRows(
  db: Connection,
  answer: IndexAnswer,
): Promise<Pick<Found, 'memories' | 'turns' | 'pinned'>> {
  const memories = await memoriesByKey(db, [
    ...answer.memories.map((hit) => hit.key),
    ...answer.pinned,
  ])
  const turns = await turnsByKey(
    db,
    answer.turns.map((hit) => hit.key),
  )
  return {
    memories: answer.memories.flatMap(({ key, at, lexical, cosine, fused }) => {
      const memory = memories.get(key)
      return memory ? [{ memory, at, lexical, cosine, fused }] : []
    }),
    turns: answer.turns.flatMap(({ key, at, lexical, cosine, fused }) => {
      const turn = turns.get(key)
      return turn ? [{ turn, at, lexical, cosine, fused }] : []
    }),
    pinned: answer.pinned.flatMap((key) => memories.get(key) ?? []),
  }
}

async function memoriesByKey(
  db: Connection,
  keys: readonly number[],
): Promise<Map<number, Memory>> {
  if (keys.length === 0) return new Map()
  const rows = await all<MemoryRow>(
    db,
    sql`
      select ${MEMORY_COLUMNS} from memories m
      where m.seq in (${listOf(keys)})
    `,
  )
  return new Map(rows.map((row) => [row.seq, toMemory(toStored(row))]))
}

async function turnsByKey(db: Connection, keys: readonly number[]): Promise<Map<number, Turn>> {
  if (keys.length === 0) return new Map()
  const rows = await all<TurnRow>(
    db,
    sql`
      select ${TURN_COLUMNS} from turns t
      where t.seq in (${listOf(keys)})
    `,
  )
  return new Map(rows.map((row) => [row.seq, toTurn(row)]))
}

/** Row numbers as a list, padded by repetition to a few lengths, so that few statements are prepared. */
function listOf(keys: readonly number[]) {
  const length = Math.ceil(keys.length / 16) * 16
  return sql.join(Array.from({ length }, (_, i) => keys[Math.min(i, keys.length - 1)]!))
}
