import { type Calibration, UNCHANGED } from '../memory/calibration.ts'
import type { Found, FoundGist, MemoryGist, TurnGist } from '../memory/found.ts'
import { type Judged, judge, type RecallSettings } from '../memory/judge.ts'
import type { Memory, Scope, Turn } from '../memory/memory.ts'
import {
  type IndexAnswer,
  type IndexDocument,
  type IndexHit,
  type IndexQuery,
  ScopeIndex,
} from '../memory/scope-index.ts'
import type { RelatedTerms } from '../memory/term-index.ts'
import { all, type Connection, type Database } from './database.ts'
import { changesSince, type Followed } from './index-feed.ts'
import { findMemory, MEMORY_COLUMNS, type MemoryRow, toMemory, toStored } from './memory-rows.ts'
import { findNamespace } from './namespaces.ts'
import { sql } from './sql.ts'
import { answerFromText } from './text-answer.ts'
import { TURN_COLUMNS, type TurnRow, toTurn } from './turn-rows.ts'

/** A model whose vectors are searched, as the store numbers it. */
export type ModelInForce = Readonly<{ id: number; dimensions: number; calibration?: Calibration }>

export type ReaderOptions = Readonly<{
  /** Documents held in RAM over all scopes; the scopes used least recently go first. */
  maxDocuments?: number
  /** Changes that are followed in one step. */
  stepDocuments?: number
  /** How long a search may spend on following changes before it answers from the database's text index. */
  followMs?: number
}>

const MAX_DOCUMENTS = 1_200_000
/** Five to ten milliseconds' worth. */
const STEP_DOCUMENTS = 500
/** A fifth of the time that a proxied request waits for memory. */
const FOLLOW_MS = 30
/** How long what is read in the background keeps a search waiting: as long as answering from text takes. */
const TURN_MS = 20

/** What an index, or the database's text, has found: by row number. */
type Answer = IndexAnswer & Pick<Found, 'searched' | 'textOnly'>

type Held = { index: ScopeIndex; followed: Followed; following: Promise<void> | null }

/**
 * Answers recall from indexes in RAM, one per scope, that are brought level with the database before every
 * search: what was committed before the question is in the answer. While much is to be read, after a start or
 * an import, answers come from the database's text index, and the rest is read between them.
 *
 * @param database `read` runs its function over one state of the database, one call after the other
 */
export function createRecallReader(
  { read, text }: Pick<Database, 'read' | 'text'>,
  related?: RelatedTerms,
  {
    maxDocuments = MAX_DOCUMENTS,
    stepDocuments = STEP_DOCUMENTS,
    followMs = FOLLOW_MS,
  }: ReaderOptions = {},
) {
  const held = new Map<number, Held>()
  /** Dimensions of each model whose vectors are held, by the store's number. */
  const models = new Map<number, number>()
  /** Models that are out of use: a question that was embedded before is answered without vectors. */
  const forgotten = new Set<number>()

  function prepare({ id, dimensions }: ModelInForce): void {
    forgotten.delete(id)
    models.set(id, dimensions)
  }

  function hold(namespaceId: number): Held {
    const entry = held.get(namespaceId) ?? {
      index: new ScopeIndex(0, related),
      followed: { documents: 0, vectors: new Map() },
      following: null,
    }
    // Last in the map is used last.
    held.delete(namespaceId)
    held.set(namespaceId, entry)
    return entry
  }

  /** Gives an index the models that are in use, and no others. */
  function fitModels(entry: Held): void {
    const vectors = new Map(entry.followed.vectors)
    for (const id of vectors.keys()) {
      if (models.has(id)) continue
      entry.index.removeModel(id)
      vectors.delete(id)
    }
    for (const [id, dimensions] of models) {
      if (vectors.has(id)) continue
      entry.index.addModel(id, dimensions)
      vectors.set(id, 0)
    }
    entry.followed = { ...entry.followed, vectors }
  }

  /** Follows the next part of what has changed. @returns nothing further has */
  async function step(db: Connection, namespaceId: number, entry: Held): Promise<boolean> {
    fitModels(entry)
    const { index } = entry
    const changes = await changesSince(db, namespaceId, entry.followed, stepDocuments)
    for (const { kind, key } of changes.removed) index.delete(kind, key)
    for (const document of changes.documents) index.put(document.kind, document)
    for (const { kind, key, components, model } of changes.vectors) {
      index.setVector(kind, key, components, model)
    }
    entry.followed = changes.followed
    return changes.isLevel
  }

  async function stepsUntil(
    lateAt: number,
    db: Connection,
    namespaceId: number,
    entry: Held,
  ): Promise<boolean> {
    for (;;) {
      if (await step(db, namespaceId, entry)) return true
      if (performance.now() >= lateAt) return false
    }
  }

  /** Follows to the end, letting searches in between two steps. */
  function follow(namespaceId: number, entry: Held): Promise<void> {
    entry.following ??= (async () => {
      try {
        // Let go while it was being read: another may have taken its place.
        while (held.get(namespaceId) === entry) {
          if (await read((db) => stepsUntil(performance.now() + TURN_MS, db, namespaceId, entry)))
            return
          await new Promise((resolve) => setImmediate(resolve))
        }
      } finally {
        entry.following = null
        evict(namespaceId)
      }
    })()
    return entry.following
  }

  function evict(except: number): void {
    let documents = 0
    for (const { index } of held.values()) documents += index.size.memory + index.size.turn
    for (const [namespaceId, { index }] of held) {
      if (documents <= maxDocuments) return
      if (namespaceId === except) continue
      documents -= index.size.memory + index.size.turn
      held.delete(namespaceId)
      index.release()
    }
  }

  async function search(
    db: Connection,
    namespaceId: number,
    query: IndexQuery,
    model: ModelInForce | null,
  ): Promise<Answer> {
    const entry = hold(namespaceId)
    // What is being read in the background goes on there; this search does not wait for it.
    const isLevel =
      entry.following === null &&
      (await stepsUntil(performance.now() + followMs, db, namespaceId, entry))
    if (isLevel) evict(namespaceId)
    if (!isLevel) {
      // Not waited for: a failure shows at the next search, which takes the same steps.
      void follow(namespaceId, entry).catch(() => {})
      const answer = await answerFromText({ db, text, namespaceId, query, related })
      return { ...answer, textOnly: true }
    }
    const { index } = entry
    const known = model !== null && models.has(model.id)
    const answer = index.search(
      known ? query : { ...query, vector: null },
      known ? { model: model.id, calibration: model.calibration ?? UNCHANGED } : undefined,
    )
    const textOnly = query.vector !== null && model !== null && !known
    return { ...answer, searched: index.size, textOnly }
  }

  /** @param use of the answer, in the same state of the database */
  function find<T>(
    scope: Scope,
    query: IndexQuery,
    model: ModelInForce | null,
    use: (db: Connection, answer: Answer) => Promise<T>,
  ): Promise<T> {
    if (model && !forgotten.has(model.id)) prepare(model)
    return read(async (db) => {
      const namespaceId = await findNamespace(db, scope)
      return use(db, namespaceId === null ? NOTHING : await search(db, namespaceId, query, model))
    })
  }

  return {
    search: (scope: Scope, query: IndexQuery, model: ModelInForce | null): Promise<Found> =>
      find(scope, query, model, withRows),

    /** As `RecallIndex.judged`. */
    judged: (
      scope: Scope,
      query: IndexQuery,
      settings: RecallSettings,
      withMemories: boolean,
      model: ModelInForce | null,
    ): Promise<Judged> =>
      find(scope, query, model, async (db, answer) => {
        const judged = judge(query.text, gistOf(answer), settings, query.vector === null)
        if (!withMemories) return judged
        return { ...judged, memories: await memoriesById(db, scope.userId, judged.items) }
      }),

    /** Loads a scope's index, so that its first search does not have to. */
    async warm(scope: Scope, model: ModelInForce | null): Promise<void> {
      if (model) prepare(model)
      const namespaceId = await read((db) => findNamespace(db, scope))
      if (namespaceId !== null) await follow(namespaceId, hold(namespaceId))
    },

    /** From now on vectors of this model are held too, and those that there are, are read in all held scopes. */
    async prepare(model: ModelInForce): Promise<void> {
      prepare(model)
      for (const [namespaceId, entry] of [...held]) await follow(namespaceId, entry)
    },

    /** Lets go of a model's vectors. */
    async forget(modelId: number): Promise<void> {
      forgotten.add(modelId)
      models.delete(modelId)
      for (const entry of held.values()) if (entry.following === null) fitModels(entry)
    },

    /** What is held in RAM. */
    held: async (): Promise<Readonly<{ scopes: number; documents: number }>> => {
      let documents = 0
      for (const { index } of held.values()) documents += index.size.memory + index.size.turn
      return { scopes: held.size, documents }
    },
  }
}

export type RecallReader = ReturnType<typeof createRecallReader>

const NOTHING: Answer = {
  memories: [],
  turns: [],
  pinned: [],
  termCount: 0,
  known: { memory: 0, turn: 0 },
  nameCount: 0,
  unknownNames: { memory: 0, turn: 0 },
  searched: { memory: 0, turn: 0 },
  textOnly: false,
}

/** As much as a decision needs, which the index has: nothing is read for it. */
function gistOf(answer: Answer): FoundGist {
  const memory = ({ id, text }: IndexDocument): MemoryGist => ({ id, content: text })
  const turn = ({ id, conversation, role, text, at, memoryCount }: IndexDocument): TurnGist => ({
    id,
    conversationId: conversation!,
    role,
    content: text,
    saidAt: at,
    memoryCount,
  })
  const parts = ({ at, lexical, cosine, evidence, fused, notes }: IndexHit) => ({
    at,
    lexical,
    cosine,
    evidence,
    fused,
    notes,
  })
  return {
    ...answer,
    memories: answer.memories.map((hit) => ({
      memory: memory(hit.document),
      replacedBy: hit.replacedBy,
      ...parts(hit),
    })),
    turns: answer.turns.map((hit) => ({ turn: turn(hit.document), ...parts(hit) })),
    pinned: answer.pinned.map(memory),
  }
}

/** The answer with memories and turns as the store has them. */
async function withRows(db: Connection, answer: Answer): Promise<Found> {
  const memories = await readMemories(db, answer)
  const turns = await readTurns(db, answer)
  return {
    ...answer,
    memories: answer.memories.flatMap(({ kind: _kind, key, document: _document, ...hit }) => {
      const memory = memories.get(key)
      return memory ? [{ memory, ...hit }] : []
    }),
    turns: answer.turns.flatMap(
      ({ kind: _kind, key, document: _document, replacedBy: _replacedBy, ...hit }) => {
        const turn = turns.get(key)
        return turn ? [{ turn, ...hit }] : []
      },
    ),
    pinned: answer.pinned.flatMap(({ key }) => memories.get(key) ?? []),
  }
}

async function readMemories(db: Connection, answer: Answer): Promise<Map<number, Memory>> {
  const keys = [...answer.memories, ...answer.pinned].map(({ key }) => key)
  if (keys.length === 0) return new Map()
  const rows = await all<MemoryRow>(
    db,
    sql`
      select ${MEMORY_COLUMNS} from memories m
      where m.seq in (${sql.list(keys)})
    `,
  )
  return new Map(rows.map((row) => [row.seq, toMemory(toStored(row))]))
}

async function readTurns(db: Connection, answer: Answer): Promise<Map<number, Turn>> {
  const keys = answer.turns.map(({ key }) => key)
  if (keys.length === 0) return new Map()
  const rows = await all<TurnRow>(
    db,
    sql`
      select ${TURN_COLUMNS} from turns t
      where t.seq in (${sql.list(keys)})
    `,
  )
  return new Map(rows.map((row) => [row.seq, toTurn(row)]))
}

/** Those of the items that are memories. */
async function memoriesById(
  db: Connection,
  userId: string,
  items: Judged['items'],
): Promise<Map<string, Memory>> {
  const found = new Map<string, Memory>()
  for (const { kind, id } of items) {
    const memory = kind === 'memory' ? await findMemory(db, userId, id) : null
    if (memory) found.set(id, toMemory(memory))
  }
  return found
}
