/**
 * What each part of the ranking is worth: R@10 of every set with all parts, and what is lost without one.
 *
 *   node bun.mjs bench/ablation.ts DIR [--embedder static] [--sets a,b]
 *
 * DIR as for `engram eval --data`. The documents and vectors are those that the store hands to its own
 * indexes; only the threads are left out.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openAssets } from '../daemon/assets.ts'
import type { Corpus, EvalSet, Half } from '../daemon/eval/corpus.ts'
import { findSets } from '../daemon/eval/forms/forms.ts'
import { mean, measure } from '../daemon/eval/metrics.ts'
import { randomFrom } from '../daemon/eval/random.ts'
import { recordCorpus } from '../daemon/eval/recorded.ts'
import { embedAll, openBuiltIn } from '../daemon/eval/rig.ts'
import { cacheDocuments } from '../daemon/eval/vector-cache.ts'
import { findPaths } from '../daemon/paths.ts'
import { calibrate } from '../embed/calibrate.ts'
import type { Embedder } from '../memory/ports.ts'
import { PARTS, type Part } from '../memory/rank.ts'
import { readRelatedTerms } from '../memory/related-terms.ts'
import { ScopeIndex } from '../memory/scope-index.ts'
import type { RelatedTerms } from '../memory/term-index.ts'
import { all, type Database } from '../storage/database.ts'
import { type Changes, changesSince } from '../storage/index-feed.ts'
import { findNamespace } from '../storage/namespaces.ts'
import { sql } from '../storage/sql.ts'
import { openSqlite } from '../storage/sqlite/database.ts'
import { createStore } from '../storage/store.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { embedder: { type: 'string', default: 'minilm' }, sets: { type: 'string' } },
})
const [dir] = positionals
if (dir === undefined || !['minilm', 'static'].includes(values.embedder)) {
  console.error('usage: node bun.mjs bench/ablation.ts DIR [--embedder minilm|static] [--sets a,b]')
  process.exit(2)
}

/** A corpus as its index reads it from the store. */
type Stored = Readonly<{ corpus: Corpus; changes: Changes; labelOf: ReadonlyMap<number, string> }>

const cacheDir = findPaths(process.env).cacheDir
const assets = await openAssets(cacheDir)
const embedder = await openBuiltIn(values.embedder as 'minilm' | 'static', assets)
const calibration = await calibrate(embedder)
const related = readRelatedTerms(readFileSync(assets.relatedWords, 'utf8'))
const wanted = values.sets?.split(',')
const sets = findSets(dir).sets.filter(
  ({ name, level }) => level === 'document' && (!wanted || wanted.includes(name)),
)
const folder = mkdtempSync(join(tmpdir(), 'engram-ablation-'))
try {
  for (const set of sets) await printSet(set)
} finally {
  await embedder.close()
  rmSync(folder, { recursive: true, force: true })
}

async function printSet(set: EvalSet): Promise<void> {
  const stored = await store(set)
  const vectors = await queryVectors(set)
  const whole = measureWithout(new Set(), stored, vectors)
  const newest = whole.newest === null ? '' : ', newest first'
  console.log(`${set.name}: R@10 tuned on, held out${newest}`)
  console.log(
    `  ${'everything'.padEnd(24)}${shown(whole.dev)}${shown(whole.held_out)}${shown(whole.newest)}`,
  )
  for (const part of PARTS) {
    const without = measureWithout(new Set([part]), stored, vectors)
    const lost = (half: 'dev' | 'held_out' | 'newest') =>
      shown(without[half] === null ? null : without[half] - whole[half]!, true)
    console.log(
      `  ${`without ${part}`.padEnd(24)}${lost('dev')}${lost('held_out')}${lost('newest')}`,
    )
  }
}

function shown(value: number | null, signed = false): string {
  if (value === null) return ''
  const text = (100 * value).toFixed(1)
  return `${signed && value > 0 ? '+' : ''}${text}`.padStart(10)
}

async function store(set: EvalSet): Promise<Stored[]> {
  const path = join(folder, `${set.name}.db`)
  const database = await openSqlite({ path, addonPath: assets.sqliteAddon })
  const documents = cacheDocuments(embedder, join(cacheDir, 'eval'))
  const random = randomFrom(1)
  try {
    const store = createStore(database)
    const modelId = await store.vectors.ensureModel(embedder.model)
    const stored: Stored[] = []
    for (const corpus of set.corpora) {
      const recorded = await recordCorpus(store, corpus.id, await corpus.load(), random)
      await embedAll(store, modelId, documents)
      const changes = await database.read(async (db) => {
        const namespaceId = await findNamespace(db, recorded.scope)
        return changesSince(
          db,
          namespaceId!,
          { documents: 0, vectors: new Map([[modelId, 0]]) },
          Number.MAX_SAFE_INTEGER,
        )
      })
      const ids = await idsOf(database, changes)
      stored.push({
        corpus,
        changes,
        labelOf: new Map(
          [...ids].flatMap(([key, id]) => {
            const label = recorded.labelOf.get(id)
            return label === undefined ? [] : [[key, label] as const]
          }),
        ),
      })
    }
    documents.save()
    return stored
  } finally {
    await database.close()
  }
}

/** The ids of the stored rows by their numbers, as the index has them. */
async function idsOf(database: Database, { documents }: Changes): Promise<Map<number, string>> {
  const kind = documents[0]?.kind ?? 'memory'
  const table = sql.raw(kind === 'memory' ? 'memories' : 'turns')
  const rows = await database.read((db) =>
    all<{ seq: number; id: string }>(db, sql`select seq, id from ${table}`),
  )
  return new Map(rows.map(({ seq, id }) => [seq, id]))
}

async function queryVectors(set: EvalSet): Promise<ReadonlyMap<string, Float32Array>> {
  const texts = set.corpora.flatMap(({ questions, updates }) => [
    ...questions.map(({ text }) => text),
    ...updates.map(({ question }) => question),
  ])
  const vectors = new Map<string, Float32Array>()
  for (const text of new Set(texts))
    vectors.set(text, await (embedder as Embedder).embedQuery(text))
  return vectors
}

function measureWithout(
  without: ReadonlySet<Part>,
  stored: readonly Stored[],
  vectors: ReadonlyMap<string, Float32Array>,
): Readonly<{ dev: number | null; held_out: number | null; newest: number | null }> {
  const r10 = { dev: [] as number[], held_out: [] as number[] }
  const newest: number[] = []
  for (const { corpus, changes, labelOf } of stored) {
    const index = indexOf(changes, embedder.model.dimensions, related, without)
    const rank = (text: string) => {
      const { memories, turns } = index.search(
        {
          text,
          vector: vectors.get(text)!,
          now: Date.now(),
          limit: 40,
          exceptConversation: null,
        },
        { model: 0, calibration },
      )
      return [...memories, ...turns].map(({ key }) => labelOf.get(key)!)
    }
    const half: Half = corpus.half
    for (const { text, relevant } of corpus.questions) {
      r10[half].push(measure(rank(text), relevant).r10)
    }
    for (const { question, stale, updated } of corpus.updates) {
      const ranked = rank(question)
      const place = (labels: ReadonlySet<string>) => {
        const at = ranked.findIndex((label) => labels.has(label))
        return at < 0 ? Number.POSITIVE_INFINITY : at
      }
      newest.push(Number(place(updated) < place(stale)))
    }
  }
  const orNull = (all: readonly number[]) => (all.length === 0 ? null : mean(all))
  return { dev: orNull(r10.dev), held_out: orNull(r10.held_out), newest: orNull(newest) }
}

function indexOf(
  { documents, vectors }: Changes,
  dimensions: number,
  words: RelatedTerms,
  without: ReadonlySet<Part>,
): ScopeIndex {
  const index = new ScopeIndex(dimensions, words, undefined, without)
  for (const document of documents) index.put(document.kind, document)
  for (const { kind, key, components } of vectors) index.setVector(kind, key, components)
  return index
}
