import { afterEach, beforeEach } from 'bun:test'
import { createHash } from 'node:crypto'
import type { Candidate, Scope } from '../../memory/memory.ts'
import type { IndexQuery } from '../../memory/scope-index.ts'
import type { ConversationTrace, Exchange, NewTurn } from '../conversations.ts'
import type { Database } from '../database.ts'
import type { By, MemoryFilter } from '../memories.ts'
import type { RecallReader } from '../recall-reader.ts'
import type { NewReceipt } from '../receipts.ts'
import { sql } from '../sql.ts'
import { createStore, type Store } from '../store.ts'
import type { NewKey } from '../users.ts'
import type { MissingPage } from '../vectors.ts'

/** A fresh, empty store and what reads it. */
export type Opened = Readonly<{
  store: Store
  recall: RecallReader
  database: Database
  close(): Promise<void>
}>

export type Open = (now?: () => number) => Promise<Opened>

export const START = Date.UTC(2026, 0, 15, 12)
export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

export const BY: By = { actor: 'user', cause: {} }

/** What a test works with: opened before each test, closed after it. */
export type Bench = Readonly<{
  clock: { at: number }
  readonly store: Store
  readonly recall: RecallReader
  readonly database: Database
  /** A new user's scope. */
  scope(externalId?: string, namespace?: string): Promise<Scope>
  /** Rows of a table, of one user where it has that column. */
  count(table: string, userId?: string): Promise<number>
}>

export function useStore(open: Open): Bench {
  const clock = { at: START }
  let opened: Opened
  beforeEach(async () => {
    clock.at = START
    opened = await open(() => clock.at)
  })
  afterEach(() => opened.close())
  return {
    clock,
    get store() {
      return opened.store
    },
    get recall() {
      return opened.recall
    },
    get database() {
      return opened.database
    },
    async scope(externalId = 'ann', namespace = 'default') {
      const { user } = await opened.store.users.create(externalId, null)
      return { userId: user.id, namespace }
    },
    count: (table, userId) => countRows(opened.database, table, userId),
  }
}

export function countRows(database: Database, table: string, userId?: string): Promise<number> {
  return database.read(async (db) => {
    const of = userId === undefined ? sql`` : sql`where user_id = ${userId}`
    const rows = await db.all<{ n: number }>(sql`select count(*) as n from ${sql.raw(table)} ${of}`)
    return rows[0]!.n
  })
}

/** The store, but every transaction fails after its last step. */
export function failingStore({ database }: Pick<Bench, 'database'>, now: () => number): Store {
  return createStore(
    {
      ...database,
      write: (work) =>
        database.write(async (db) => {
          await work(db)
          throw new Error('the last step failed')
        }),
    },
    now,
  )
}

export const everything = (userId: string): MemoryFilter => ({
  userId,
  namespace: null,
  status: null,
  category: null,
  search: null,
  order: 'created_at',
  direction: 'asc',
  limit: 1_000,
  offset: 0,
})

/** Of the prefix up to and including each of these contents. */
export function hashes(contents: readonly string[]): Uint8Array[] {
  return contents.map((_, i) =>
    createHash('sha256')
      .update(JSON.stringify(contents.slice(0, i + 1)))
      .digest(),
  )
}

/** Turns by turns, the user's first; `before` is what was said earlier. */
export function newTurns(contents: readonly string[], before: readonly string[] = []): NewTurn[] {
  const all = [...before, ...contents]
  return hashes(all)
    .slice(before.length)
    .map((prefixHash, i) => ({
      role: (before.length + i) % 2 === 0 ? 'user' : 'assistant',
      speaker: null,
      content: contents[i]!,
      truncated: false,
      model: null,
      saidAt: START + i,
      prefixHash,
    }))
}

export function trace(contents: readonly string[], more: Partial<ConversationTrace> = {}) {
  return {
    source: 'proxy',
    conversationId: null,
    sessionId: null,
    prefixHashes: hashes(contents),
    sureFrom: 2,
    goesOn: false,
    ...more,
  } satisfies ConversationTrace
}

export const RECEIPT: NewReceipt = {
  kind: 'chat',
  query: 'what tea?',
  injected: 1,
  tokens: 12,
  tookMs: 0.5,
  detail: '{"candidates":[]}',
}

export function exchange(
  scope: Scope,
  contents: readonly string[],
  more: Partial<Exchange> = {},
): Exchange {
  return {
    scope,
    conversationId: 'conv_1',
    source: 'proxy',
    sessionId: null,
    turns: newTurns(contents),
    receipt: null,
    usedMemoryIds: [],
    extraction: null,
    anchor: null,
    usedAnchors: [],
    ...more,
  }
}

export function candidate(content: string, more: Partial<Candidate> = {}): Candidate {
  return {
    content,
    category: 'preferences',
    confidence: 0.8,
    origin: 'user',
    turnId: 'turn_none',
    quote: content,
    slot: null,
    replaces: false,
    validFrom: null,
    expiresAt: null,
    ...more,
  }
}

export function newKey(name: string, more: Partial<NewKey> = {}): NewKey {
  return {
    name,
    hash: createHash('sha256').update(name).digest(),
    hint: 'ek_abc',
    scope: 'write',
    expiresAt: null,
    ...more,
  }
}

export const MODEL = { fingerprint: 'test:1', name: 'test', dimensions: 16 }

/** A vector that only depends on the text. */
export function vectorOf(text: string, dimensions = MODEL.dimensions): Int8Array {
  const bytes = createHash('shake256', { outputLength: dimensions }).update(text).digest()
  return new Int8Array(bytes.buffer, bytes.byteOffset, dimensions)
}

export function unitOf(components: Int8Array): Float32Array {
  let squares = 0
  for (const component of components) squares += component ** 2
  return Float32Array.from(components, (component) => component / Math.sqrt(squares))
}

/** Embeds all that waits. @returns how many texts it was */
export async function embedAll({ store }: Pick<Bench, 'store'>, modelId: number): Promise<number> {
  let embedded = 0
  for (;;) {
    const texts = await store.vectors.claimTexts(50, MINUTE)
    if (texts.length === 0) return embedded
    await store.vectors.save(
      modelId,
      texts.map(({ text, ...claim }) => ({ ...claim, components: vectorOf(text) })),
    )
    embedded += texts.length
  }
}

/** Gives everything that lacks one a vector of this model. @returns the texts */
export async function fillAll(
  { store: { vectors } }: Pick<Bench, 'store'>,
  modelId: number,
  { dimensions = MODEL.dimensions, span = 50, of = vectorOf } = {},
): Promise<string[]> {
  const filled: string[] = []
  for (const kind of ['memory', 'turn'] as const) {
    for (let after: number | null = 0; after !== null; ) {
      const page: MissingPage = await vectors.missing(modelId, kind, after, { span, idle: false })
      await vectors.fill(
        modelId,
        page.texts.map((missing) => ({ ...missing, components: of(missing.text, dimensions) })),
      )
      filled.push(...page.texts.map(({ text }) => text))
      after = page.after
    }
  }
  return filled
}

export function query(text: string, more: Partial<IndexQuery> = {}): IndexQuery {
  return { text, vector: null, now: START, limit: 20, exceptConversation: null, ...more }
}

/** Contents of the memories that recall finds, best first. */
export async function found(
  { recall }: Pick<Bench, 'recall'>,
  scope: Scope,
  text: string,
  more: Partial<IndexQuery> = {},
): Promise<string[]> {
  const { memories } = await recall.search(scope, query(text, more), null)
  return memories.map(({ memory }) => memory.content)
}

/** Ids as somebody hostile would choose them. */
export const HOSTILE_IDS = [
  '%',
  '_',
  'u1&agent=x',
  "' or '1'='1",
  '"; drop table memories; --',
  '*',
  '\\',
  'مرحبا\u202eabc',
  'x'.repeat(256),
  ' ',
  'null',
  '__proto__',
  'u1',
  'U1',
  '😀',
  'u1/default',
]
