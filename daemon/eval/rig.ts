import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calibrate } from '../../embed/calibrate.ts'
import { type EmbedderName, openEmbedder } from '../../embed/open.ts'
import { quantize } from '../../embed/vector.ts'
import { EngramError } from '../../memory/errors.ts'
import { judging } from '../../memory/judge.ts'
import type { Scope } from '../../memory/memory.ts'
import type { Embedder, RecallIndex } from '../../memory/ports.ts'
import { openSqliteStore } from '../../storage/open.ts'
import type { Store } from '../../storage/store.ts'
import type { Assets } from '../assets.ts'
import type { CachedDocuments } from './vector-cache.ts'

/** A store of its own in a temporary folder, opened as the daemon opens its own. */
export type Rig = Readonly<{
  store: Store
  index: RecallIndex
  /** Loads the index of a scope, which is not part of a question. */
  warm(scope: Scope): Promise<void>
  /** Embeds everything that waits, as the daemon's job does, through the cache. */
  embedAll(documents: CachedDocuments): Promise<void>
  sizeBytes(): number
  close(): Promise<void>
}>

export async function openRig(assets: Assets, embedder: Embedder): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'engram-eval-'))
  const path = join(folder, 'engram.db')
  try {
    const opened = await openSqliteStore({
      path,
      addonPath: assets.sqliteAddon,
      relatedWordsPath: assets.relatedWords,
      workers: assets.workers,
      onCrash: (error) => {
        throw error
      },
    })
    const { store } = opened
    const modelId = await store.vectors.ensureModel(embedder.model)
    const model = {
      id: modelId,
      dimensions: embedder.model.dimensions,
      calibration: await calibrate(embedder),
    }
    return {
      store,
      index: judging((scope, query) => opened.recall.search(scope, query, model)),
      warm: (scope) => opened.recall.warm(scope, model),
      embedAll: (documents) => embedAll(store, modelId, documents),
      sizeBytes: () =>
        ['', '-wal'].reduce(
          (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
          0,
        ),
      async close() {
        await opened.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

const BATCH = 256
const LEASE_MS = 600_000

/** Embeds everything that waits, as the job of the daemon does. */
export async function embedAll(
  store: Store,
  modelId: number,
  documents: CachedDocuments,
): Promise<void> {
  for (;;) {
    const texts = await store.vectors.claimTexts(BATCH, LEASE_MS)
    if (texts.length === 0) return
    const vectors = await documents.embedDocuments(texts.map(({ text }) => text))
    await store.vectors.save(
      modelId,
      texts.map(({ text: _text, ...claim }, i) => ({
        ...claim,
        components: vectors[i] ? quantize(vectors[i]).data : null,
      })),
    )
  }
}

/** @throws EngramError `unavailable` when its parts are missing or broken. */
export async function openBuiltIn(name: EmbedderName, assets: Assets): Promise<Embedder> {
  const embedder = openEmbedder({
    name,
    paths: {
      addonPath: assets.onnxAddon,
      modelPath: assets.minilmModel ?? '',
      tokenizerPath: assets.minilmTokenizer,
      tokenizerConfigPath: assets.minilmTokenizerConfig,
      tablePath: assets.staticTable,
      scalesPath: assets.staticScales,
    },
    workerUrl: assets.workers.onnx,
  })
  await embedder.whenLoaded()
  const state = embedder.state()
  if (state.status === 'ready') return embedder
  await embedder.close()
  const reason = state.status === 'failed' ? state.reason : 'it did not load'
  throw new EngramError('unavailable', `the embedder ${name} cannot be used: ${reason}`)
}
