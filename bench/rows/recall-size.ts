import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Assets, openAssets } from '../../daemon/assets.ts'
import { openStatic } from '../../embed/static.ts'
import { quantize } from '../../embed/vector.ts'
import type { Scope } from '../../memory/memory.ts'
import type { Embedder } from '../../memory/ports.ts'
import { VectorIndex } from '../../memory/vector-index.ts'
import type { StoredModel } from '../../storage/embedding-index.ts'
import { type OpenStore, openSqliteStore } from '../../storage/open.ts'
import type { Corpus } from '../corpus.ts'
import { summarize } from '../statistics.ts'
import { type Bench, megabytes, ms, type Row } from './row.ts'

const LIMITS_MS: Readonly<Record<number, number>> = { 1000: 1, 10000: 2, 100000: 8 }
const LARGE = 100_000
/** Of 100,000 memories each: with the smaller ones a good million in all. */
const LARGE_SCOPES = 10
/** As many as minilm's: how long a comparison takes depends on nothing else of a vector. */
const DIMENSIONS = 384
const NEAREST = 10
const WARM_UP = 50
const LEASE_MS = 600_000
/** Searches while an index is being loaded that are timed at most. */
const EARLY = 200
/** What a proxied request waits for memory. */
const DEADLINE_MS = 150

/**
 * Recall by the number of memories, in the thread that answers it, without the question's embedding: how long
 * a search takes, what answers while an index is loaded, what the indexes hold, and whether the nearest
 * vectors are the nearest. A million memories only when not `quick`: they take some minutes and 2 GB of disk.
 *
 * The vectors are those of `static`, which embeds a million texts in a minute, with zeros up to the length of
 * minilm's.
 */
export async function measureRecallSize({
  corpus,
  quick,
  say,
}: Pick<Bench, 'corpus' | 'quick' | 'say'>): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'engram-recall-size-'))
  const path = join(folder, 'engram.db')
  const assets = await openAssets(folder)
  const embedder = openStatic({
    tablePath: assets.staticTable,
    scalesPath: assets.staticScales,
    tokenizerPath: assets.minilmTokenizer,
  })
  const searches = quick ? 200 : 1_000
  const sizes = Object.keys(LIMITS_MS).map(Number)
  const large = quick ? 1 : LARGE_SCOPES
  const names = [
    ...sizes.slice(0, -1).map(String),
    ...Array.from({ length: large }, (_, i) => `${LARGE}-${i}`),
  ]
  const sizeOf = (name: string) => Number(name.split('-')[0])
  try {
    const { userId, model } = await fillStore()
    const questions = await questionsOf(corpus, embedder, searches + WARM_UP + EARLY)
    const asking = { userId, model, questions, searches, open: () => open(path, assets) }
    say('searching')
    const rows = [await nearestRow(corpus, embedder, LARGE, quick ? 100 : 500)]
    for (const name of names.slice(0, sizes.length)) {
      rows.push(...(await scopeRows({ userId, namespace: name }, sizeOf(name), asking)))
    }
    if (!quick) rows.push(await manyRow(names, asking))
    return rows
  } finally {
    await embedder.close()
    rmSync(folder, { recursive: true, force: true })
  }

  async function fillStore(): Promise<{ userId: string; model: StoredModel }> {
    const { store, close } = await open(path, assets)
    const { user } = await store.users.create('bench', null)
    const model = await store.embeddings.install({
      name: 'static, as long as minilm',
      dimensions: DIMENSIONS,
      fingerprint: 'bench',
      choice: 'static',
    })
    let from = 0
    for (const namespace of names) {
      const started = performance.now()
      const to = from + sizeOf(namespace)
      await fill(store, model.id, { userId: user.id, namespace }, corpus, embedder, from, to)
      from = to
      const seconds = (performance.now() - started) / 1_000
      say(`stored ${sizeOf(namespace)} memories with vectors in ${seconds.toFixed(1)} s`)
    }
    await close()
    say(`the database has ${megabytes(statSync(path).size)}`)
    return { userId: user.id, model }
  }
}

function open(path: string, assets: Assets): Promise<OpenStore> {
  return openSqliteStore({
    path,
    addonPath: assets.sqliteAddon,
    relatedWordsPath: assets.relatedWords,
    workers: assets.workers,
    onCrash: (error) => {
      throw error
    },
  })
}

const BATCH = 500

async function fill(
  store: OpenStore['store'],
  modelId: number,
  { userId, namespace }: Scope,
  corpus: Corpus,
  embedder: Embedder,
  from: number,
  to: number,
): Promise<void> {
  const by = { actor: 'bench', cause: {} }
  for (let at = from; at < to; at += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, to - at) }, (_, i) => ({
      namespace,
      content: corpus.statement(at + i),
    }))
    await store.memories.import(userId, items, by)
    const texts = await store.vectors.claimTexts(BATCH, LEASE_MS)
    const vectors = await embedder.embedDocuments(texts.map(({ text }) => text))
    await store.vectors.save(
      modelId,
      texts.map(({ text: _, ...claim }, i) => ({
        ...claim,
        components: vectors[i] ? padded(quantize(vectors[i]).data, Int8Array) : null,
      })),
    )
  }
}

function padded<V extends Int8Array | Float32Array>(
  vector: V,
  array: new (length: number) => V,
): V {
  const longer = new array(DIMENSIONS)
  longer.set(vector)
  return longer
}

type Asked = Readonly<{ text: string; vector: Float32Array }>

async function questionsOf(corpus: Corpus, embedder: Embedder, count: number): Promise<Asked[]> {
  const questions: Asked[] = []
  for (let n = 0; n < count; n++) {
    const text = corpus.question(n)
    const vector = await embedder.embedQuery(text)
    if (vector) questions.push({ text, vector: padded(vector, Float32Array) })
  }
  return questions
}

type Asking = Readonly<{
  userId: string
  model: StoredModel
  questions: readonly Asked[]
  searches: number
  open: () => Promise<OpenStore>
}>

/** Searches once. @returns milliseconds, the way through to the thread and back included */
async function timed(
  { recall }: Pick<OpenStore, 'recall'>,
  scope: Scope,
  { text, vector }: Asked,
  model: StoredModel,
): Promise<{ took: number; textOnly: boolean }> {
  const query = { text, vector, now: Date.now(), limit: 40, exceptConversation: null }
  const started = performance.now()
  const { textOnly } = await recall.search(scope, query, model)
  return { took: performance.now() - started, textOnly }
}

/** One scope after a start: while its index is loaded, and from then on. */
async function scopeRows(scope: Scope, size: number, asking: Asking): Promise<Row[]> {
  const { model, questions, searches } = asking
  const opened = await asking.open()
  // The thread's own start is no part of it.
  await opened.recall.held()
  const before = residentBytes()
  const started = performance.now()
  const early: number[] = []
  let loadedMs = 0
  for (const question of questions.slice(0, EARLY)) {
    const { took, textOnly } = await timed(opened, scope, question, model)
    loadedMs = performance.now() - started
    if (!textOnly) break
    early.push(took)
  }
  await opened.recall.warm(scope, model)
  const held = residentBytes() - before
  for (const question of questions.slice(0, WARM_UP)) await timed(opened, scope, question, model)
  const times: number[] = []
  for (const question of questions.slice(WARM_UP, WARM_UP + searches)) {
    times.push((await timed(opened, scope, question, model)).took)
  }
  await opened.close()
  const found = summarize(times)
  const limit = LIMITS_MS[size]!
  const rows: Row[] = [
    {
      figure: `search among ${counted(size)} memories, without the question's embedding`,
      measured: `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}, max ${ms(found.max)} (${megabytes(held)} held)`,
      target: `p50 ≤ ${limit} ms`,
      ok: found.p50 <= limit,
      values: { p50: found.p50, p95: found.p95, max: found.max, held },
    },
  ]
  if (early.length === 0) return rows
  const first = summarize(early)
  return [
    ...rows,
    {
      figure: `search while the index of ${counted(size)} is loaded, by words`,
      measured: `p50 ${ms(first.p50)}, max ${ms(first.max)} (${early.length} searches, loaded after ${ms(loadedMs)})`,
      target: `max ≤ ${DEADLINE_MS} ms`,
      ok: first.max <= DEADLINE_MS,
      values: { p50: first.p50, max: first.max, searches: early.length, loaded: loadedMs },
    },
  ]
}

/** All scopes at once, asked in turn. */
async function manyRow(names: readonly string[], asking: Asking): Promise<Row> {
  const { userId, model, questions, searches } = asking
  const opened = await asking.open()
  await opened.recall.held()
  const before = residentBytes()
  const started = performance.now()
  for (const namespace of names) await opened.recall.warm({ userId, namespace }, model)
  const loaded = (performance.now() - started) / 1_000
  const { documents, scopes } = await opened.recall.held()
  const held = residentBytes() - before
  const times: number[] = []
  for (const [i, question] of questions.slice(0, searches).entries()) {
    const namespace = names[(names.length - LARGE_SCOPES + (i % LARGE_SCOPES)) % names.length]!
    const { took } = await timed(opened, { userId, namespace }, question, model)
    if (i >= WARM_UP) times.push(took)
  }
  await opened.close()
  const found = summarize(times)
  const limit = LIMITS_MS[LARGE]!
  return {
    figure: `search with ${counted(documents)} memories in ${scopes} scopes in RAM, in one of ${counted(LARGE)}`,
    measured: `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}, max ${ms(found.max)} (${megabytes(held)} held, ${Math.round(held / documents)} bytes a memory, loaded in ${loaded.toFixed(1)} s)`,
    target: `p50 ≤ ${limit} ms`,
    ok: found.p50 <= limit,
    values: { p50: found.p50, p95: found.p95, max: found.max, held, documents, loaded },
  }
}

/** How many of the ten nearest by vectors as they were are found among vectors as they are kept. */
async function nearestRow(
  corpus: Corpus,
  embedder: Embedder,
  size: number,
  searches: number,
): Promise<Row> {
  const index = new VectorIndex(DIMENSIONS)
  const exact: Float32Array[] = []
  for (let at = 0; at < size; at += BATCH) {
    const texts = Array.from({ length: BATCH }, (_, i) => corpus.statement(at + i))
    for (const vector of await embedder.embedDocuments(texts)) {
      if (!vector) continue
      index.set(exact.length, padded(quantize(vector).data, Int8Array))
      exact.push(vector)
    }
  }
  const times: number[] = []
  let found = 0
  let sought = 0
  for (let n = 0; n < searches; n++) {
    const question = await embedder.embedQuery(corpus.question(n))
    if (!question) continue
    const cosines = exact.map((vector) => dot(vector, question))
    const worst = cosines.toSorted((a, b) => b - a)[NEAREST - 1]!
    const started = performance.now()
    const best = index.compare(padded(question, Float32Array)).nearest(NEAREST)
    times.push(performance.now() - started)
    found += best.filter(({ slot }) => cosines[slot]! >= worst).length
    sought += NEAREST
  }
  index.clear()
  const share = found / sought
  const { p50 } = summarize(times)
  return {
    figure: `recall@${NEAREST} among ${counted(size)} vectors, against exact cosines of unrounded ones`,
    measured: `${share.toFixed(4)} (${sought / NEAREST} questions, p50 ${ms(p50)})`,
    target: '≥ 0.98',
    ok: share >= 0.98,
    values: { recall: share, questions: sought / NEAREST, p50 },
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function residentBytes(): number {
  Bun.gc(true)
  return process.memoryUsage.rss()
}

const counted = (count: number) => count.toLocaleString('en-US')
