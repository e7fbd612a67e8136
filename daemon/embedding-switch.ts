import type { Logger } from 'pino'
import { choiceText, type EmbedderChoice } from '../embed/choice.ts'
import type { DownloadProgress } from '../embed/download.ts'
import { isTransient } from '../embed/remote.ts'
import {
  type Discovered,
  discoverChosen,
  type EmbedderMeans,
  fetchChosen,
  toFetch,
} from '../embed/select.ts'
import { sleep } from '../embed/sleep.ts'
import { until } from '../embed/until.ts'
import { quantize } from '../embed/vector.ts'
import { EngramError, messageOf } from '../memory/errors.ts'
import type { Embedder } from '../memory/ports.ts'
import type { StoredModel } from '../storage/embedding-index.ts'
import type { RecallReader } from '../storage/recall-reader.ts'
import type { Store } from '../storage/store.ts'
import type { Missing } from '../storage/vectors.ts'

/** How far a switch has come. */
export type SwitchProgress = Readonly<{
  phase: 'downloading' | 'opening' | 'filling' | 'finishing'
  download: DownloadProgress | null
  /** Texts that have a vector of the new model, or were looked at and have nothing to embed. */
  filled: number
  total: number
}>

export type Opened = Readonly<{ embedder: Embedder; discovered: Discovered }>

export type SwitchPorts = Readonly<{
  store: Store
  recall: RecallReader
  means: EmbedderMeans
  log: Logger
  now: () => number
  report: (progress: SwitchProgress) => void
  /** How long a server that failed is left alone. */
  retryMs?: number
}>

const FILL_BATCH = 64
/** Rows that are looked at in one step. */
const SPAN = 512
const LEASE_MS = 120_000
const RETRY_MS = 5_000
/** What still comes in while the last texts are embedded is waited for so long before looking again. */
const PAUSE_MS = 50

/** A model took over, or the files of the model in force were found under another name. */
export type Switched = Readonly<{ embedder: Embedder; model: StoredModel }>

/**
 * Brings a model into force: fetches and opens it, gives every memory and turn its vector, and cuts over. May
 * be ended at any time and begun again: what has been done by then is found done.
 *
 * @param opened when the choice was opened already, to see whether it can be
 * @throws EngramError with why it cannot be; the signal's reason. Nothing of it stays open then.
 */
export async function switchModel(
  choice: EmbedderChoice,
  opened: Opened | null,
  ports: SwitchPorts,
  signal: AbortSignal,
): Promise<Switched> {
  const { embedder, discovered } = opened ?? (await fetchAndOpen(choice, ports, signal))
  try {
    signal.throwIfAborted()
    const adopted = await adopt(choice, discovered, ports.store)
    if (adopted.inForce) return { embedder, model: adopted.model }
    return await build(embedder, adopted.model, ports, signal)
  } catch (error) {
    await embedder.close()
    throw error
  }
}

async function build(
  embedder: Embedder,
  model: StoredModel,
  ports: SwitchPorts,
  signal: AbortSignal,
): Promise<Switched> {
  try {
    await ports.recall.prepare(model)
    await fill(embedder, model, { ...ports, idle: false }, signal)
    await finish(embedder, model, ports, signal)
    return { embedder, model }
  } catch (error) {
    await ports.recall.forget(model.id)
    throw error
  }
}

async function fetchAndOpen(
  choice: EmbedderChoice,
  { means, store, report, retryMs = RETRY_MS }: SwitchPorts,
  signal: AbortSignal,
): Promise<Opened> {
  const missing = toFetch(choice, means)
  if (missing) {
    const onProgress = (download: DownloadProgress) =>
      report({ phase: 'downloading', download, filled: 0, total: 0 })
    await fetchChosen(missing, means, onProgress, signal)
  }
  report({ phase: 'opening', download: null, filled: 0, total: 0 })
  for (;;) {
    try {
      return await discoverChosen(choice, means, undefined, signal)
    } catch (error) {
      // After a start without a network, a switch that had begun goes on when there is one again.
      if (signal.aborted || !isTransient(error)) throw error
      await store.embeddings.report(messageOf(error))
      await sleep(retryMs, signal)
    }
  }
}

/** Makes the model known, as the next one or, when it is the one in force under another name, as that. */
async function adopt(
  choice: EmbedderChoice,
  { model, calibration, sample }: Discovered,
  store: Store,
): Promise<{ model: StoredModel; inForce: boolean }> {
  const { inForce } = await store.embeddings.state()
  const text = choiceText(choice)
  const found = { ...model, choice: text, calibration, sample }
  if (inForce && baseOf(inForce.fingerprint) === model.fingerprint) {
    if (inForce.choice !== text) {
      const installed = await store.embeddings.install({
        ...found,
        fingerprint: inForce.fingerprint,
      })
      return { model: installed, inForce: true }
    }
    // The same choice again: its index is to be made anew, and must not be mistaken for the old one.
    found.fingerprint = nextGeneration(inForce.fingerprint)
  }
  const adopted = await store.embeddings.adopt(text, found)
  if (!adopted) throw new EngramError('conflict', `${text} is no longer to take over`)
  return { model: adopted, inForce: false }
}

/** The fingerprint that the embedder itself gives; behind `#` the store counts how often it was made anew. */
export function baseOf(fingerprint: string): string {
  return fingerprint.replace(/#\d+$/, '')
}

function nextGeneration(fingerprint: string): string {
  const generation = Number(/#(\d+)$/.exec(fingerprint)?.[1] ?? 1)
  return `${baseOf(fingerprint)}#${generation + 1}`
}

/**
 * Gives every text that lacks one a vector of this model.
 *
 * @param ports `idle` leaves out what a job waits for
 */
export async function fill(
  embedder: Embedder,
  model: StoredModel,
  { store, report, log, idle, retryMs = RETRY_MS }: SwitchPorts & Readonly<{ idle: boolean }>,
  signal: AbortSignal,
): Promise<void> {
  const { total } = await store.vectors.coverage(model.id)
  let filled = 0
  const tell = () =>
    report({ phase: 'filling', download: null, filled, total: Math.max(total, filled) })
  tell()
  for (const kind of ['memory', 'turn'] as const) {
    for (let after: number | null = 0; after !== null; ) {
      signal.throwIfAborted()
      const page = await store.vectors.missing(model.id, kind, after, { span: SPAN, idle })
      filled += page.seen - page.texts.length
      for (const texts of inBatches(page.texts, FILL_BATCH)) {
        await embedPatiently(embedder, texts, { store, log, retryMs }, signal, (vectors) =>
          store.vectors.fill(
            model.id,
            texts.map((missing, i) => ({ ...missing, components: vectors[i]! })),
          ),
        )
        filled += texts.length
        tell()
      }
      after = page.after
    }
  }
}

/** Embeds what was written meanwhile, until so little is left that the new model can take over. */
async function finish(
  embedder: Embedder,
  model: StoredModel,
  { store, recall, report, log, retryMs = RETRY_MS }: SwitchPorts,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const { embedded, total } = await store.vectors.coverage(model.id)
    report({ phase: 'finishing', download: null, filled: Math.min(embedded, total), total })
    const texts = await store.vectors.claimTexts(FILL_BATCH, LEASE_MS, 'reembed')
    if (texts.length > 0) {
      await embedPatiently(embedder, texts, { store, log, retryMs }, signal, (vectors) =>
        store.vectors.save(
          model.id,
          texts.map(({ text: _, ...claim }, i) => ({ ...claim, components: vectors[i]! })),
        ),
      )
      continue
    }
    // So that its first question finds all of them in RAM.
    await recall.prepare(model)
    if (await store.embeddings.cutOver(model.id)) return
    await sleep(PAUSE_MS, signal)
  }
}

/**
 * Embeds until it succeeds: a server that is away is waited for, and a text that the model dies of is left
 * without a vector.
 *
 * @throws what does not pass by waiting
 */
async function embedPatiently(
  embedder: Embedder,
  texts: readonly Pick<Missing, 'text'>[],
  { store, log, retryMs }: Readonly<{ store: Store; log: Logger; retryMs: number }>,
  signal: AbortSignal,
  keep: (vectors: readonly (Int8Array | null)[]) => Promise<void>,
): Promise<void> {
  let problem: string | null = null
  const vectors: (Int8Array | null)[] = []
  let together = texts.length
  let failures = 0
  while (vectors.length < texts.length) {
    const some = texts.slice(vectors.length, vectors.length + together)
    try {
      await until(embedder.whenLoaded(), signal)
      const embedded = await embedder.embedDocuments(
        some.map(({ text }) => text),
        signal,
      )
      vectors.push(...embedded.map((vector) => vector && quantize(vector).data))
      failures = 0
    } catch (error) {
      signal.throwIfAborted()
      if (isTransient(error)) {
        problem = messageOf(error)
        await store.embeddings.report(problem)
        await sleep(retryMs, signal)
        continue
      }
      if (embedder.state().status === 'failed') throw error
      // Its worker ended and is started again: which text it was shows when each comes alone.
      if (together > 1) together = 1
      else if (++failures >= 2) {
        log.warn({ error: messageOf(error) }, 'a text is left without a vector')
        vectors.push(null)
        failures = 0
      }
    }
  }
  if (problem !== null) await store.embeddings.report(null)
  await keep(vectors)
}

function* inBatches<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}
