import type { Logger } from 'pino'
import { cacheQueries } from '../embed/cache.ts'
import { calibrate } from '../embed/calibrate.ts'
import { choiceText, type EmbedderChoice, readChoice } from '../embed/choice.ts'
import { MINILM_MODEL } from '../embed/minilm.ts'
import { discoverChosen, type EmbedderMeans, openChosen, toFetch } from '../embed/select.ts'
import { sleep } from '../embed/sleep.ts'
import { STATIC_MODEL } from '../embed/static.ts'
import { until } from '../embed/until.ts'
import { UNCHANGED } from '../memory/calibration.ts'
import { EngramError, messageOf } from '../memory/errors.ts'
import { Line } from '../memory/line.ts'
import type { Embedder, RecallIndex } from '../memory/ports.ts'
import type { ChosenBy, IndexState, Removal, StoredModel } from '../storage/embedding-index.ts'
import type { RecallReader } from '../storage/recall-reader.ts'
import type { Store } from '../storage/store.ts'
import {
  baseOf,
  fill,
  type Opened,
  type Switched,
  type SwitchProgress,
  switchModel,
} from './embedding-switch.ts'

/** What turns texts into vectors now, and what finds them: of one model, so take both at once. */
export type Meaning = Readonly<{ embedder: Embedder; index: RecallIndex; model: StoredModel }>

export type EmbeddingStatus = Readonly<{
  /** failed: the embedder in force cannot be used, or the switch was given up. building: work is under way. */
  state: 'ready' | 'building' | 'failed'
  /** Why it is not ready. */
  problem: string | null
  inForce: StoredModel
  embedder: Readonly<{ status: 'loading' | 'ready' | 'failed'; reason: string | null }>
  chosenBy: ChosenBy
  embedded: number
  total: number
  /** Texts that wait for their vector, and those that were given up. */
  waiting: number
  givenUp: number
  next: (NonNullable<IndexState['next']> & Readonly<{ progress: SwitchProgress | null }>) | null
}>

export type Embeddings = Readonly<{
  /** The pair in force at this moment. */
  current(): Meaning
  status(): Promise<EmbeddingStatus>
  /**
   * Makes this choice take over, in the background. It is opened and tried first, unless it must be fetched.
   *
   * @throws EngramError with what is wrong with it; nothing has changed then.
   */
  use(choice: EmbedderChoice): Promise<EmbeddingStatus>
  /** Gives every text a new vector of the model in force, in the background. */
  reindex(): Promise<EmbeddingStatus>
  /** A switch is under way. */
  isBusy(): boolean
  stop(): Promise<void>
}>

export type EmbeddingsOptions = Readonly<{
  store: Store
  recall: RecallReader
  means: EmbedderMeans
  log: Logger
  now: () => number
  /** What the setting `embedding.model` says; null when it leaves the choice to us. */
  setting: string | null
  /** The built-in embedder of this machine. */
  byDefault: 'minilm' | 'static'
  /** A built-in embedder that is being loaded already; it is closed when another one is in force. */
  early?: Early | null
  /** There is an embedder again that had been away, or another one. */
  onReady: () => void
  /** How long a replaced model is kept for the questions that are on their way. */
  graceMs?: number
  retryMs?: number
  /** How long a model that somebody chooses may take to open. */
  openingMs?: number
}>

export type Early = Readonly<{ choice: 'minilm' | 'static'; embedder: Embedder }>

/** Begins to load the embedder that will probably be in force; null when it is no built-in one. */
export function openEarly(choice: string, means: EmbedderMeans): Early | null {
  if (choice !== 'minilm' && choice !== 'static') return null
  const own = choice === 'minilm' ? MINILM_MODEL : STATIC_MODEL
  return { choice, embedder: openChosen({ kind: choice }, { ...own, sample: null }, means) }
}

const GRACE_MS = 5_000
const REMOVED_AT_ONCE = 500
/** Between two removals others get to write. */
const REMOVAL_PAUSE_MS = 10
/** How long opening a model may take somebody who waits for it. */
const OPENING_MS = 90_000

/**
 * Opens the embedder in force, or the first one, and goes on with what had begun: a switch, or the removal of
 * old vectors.
 *
 * Which model it is to be is said by the setting or by a command; what was said last holds. A setting counts
 * as said when it differs from what it was at the last start.
 */
export async function openEmbeddings(options: EmbeddingsOptions): Promise<Embeddings> {
  const { store, recall, means, log, now, setting, byDefault, onReady } = options
  const stopping = new AbortController()
  const retired = new Set<Promise<void>>()
  let running: Readonly<{ abort: AbortController; ended: Promise<void> }> | null = null
  let progress: SwitchProgress | null = null

  const before = await store.embeddings.state()
  const searches = new Line()
  let current = meaningOf(await openFirst(before, options), recall, searches)
  const wanted = wantedAtStart(before, setting, byDefault)
  await store.embeddings.note(wanted?.by ?? before.chosenBy, setting)
  if (wanted && wanted.choice !== current.model.choice) await store.embeddings.begin(wanted.choice)
  else if (wanted && before.next && before.next.choice !== wanted.choice) {
    await store.embeddings.cancel()
  }

  const inBackground = (name: string, work: () => Promise<void>): Promise<void> =>
    work().catch((error) => {
      if (!stopping.signal.aborted) log.error({ error: messageOf(error) }, name)
    })

  /** Starts or goes on with the switch that the store knows of. */
  function start(choice: EmbedderChoice, opened: Opened | null): void {
    const abort = new AbortController()
    const signal = AbortSignal.any([stopping.signal, abort.signal])
    const report = (next: SwitchProgress) => {
      if (!signal.aborted) progress = next
    }
    const ports = { store, recall, means, log, now, report, ...retryOf(options) }
    const ended = inBackground('embedding switch broke off', async () => {
      const text = choiceText(choice)
      log.info({ model: text }, 'another embedding model is to take over')
      try {
        takeOver(await switchModel(choice, opened, ports, signal))
      } catch (error) {
        if (signal.aborted) return
        log.error({ model: text, error: messageOf(error) }, 'the embedding model did not take over')
        await store.embeddings.fail(messageOf(error))
      } finally {
        if (running?.abort === abort) {
          running = null
          progress = null
        }
      }
    })
    running = { abort, ended }
  }

  function takeOver({ embedder, model }: Switched): void {
    const old = current
    current = meaningOf({ embedder, model }, recall, searches)
    log.info({ model: model.name, fingerprint: model.fingerprint }, 'embedding model in force')
    onReady()
    retire(old, model.id)
  }

  /** Keeps a replaced model for the questions that are on their way, then lets go of it. */
  function retire(old: Meaning, byModelId: number): void {
    const retiring = (async () => {
      await sleep(options.graceMs ?? GRACE_MS, stopping.signal).catch(() => {}) // at the end, at once
      await old.embedder.close()
      if (stopping.signal.aborted || old.model.id === byModelId) return
      // Unless it has become the next one meanwhile.
      const { next, inForce } = await store.embeddings.state()
      if (next?.model?.id === old.model.id || inForce?.id === old.model.id) return
      await recall.forget(old.model.id)
      await removeOld()
    })()
    const tracked = inBackground('old vectors were not removed', () => retiring)
    retired.add(tracked)
    void tracked.finally(() => retired.delete(tracked))
  }

  async function removeOld(): Promise<void> {
    for (let at: Removal | null = null; !stopping.signal.aborted; ) {
      at = await store.embeddings.removeRetired(REMOVED_AT_ONCE, at)
      if (at === null) return
      await sleep(REMOVAL_PAUSE_MS, stopping.signal)
    }
  }

  async function interrupt(): Promise<void> {
    const interrupted = running
    interrupted?.abort.abort(new Error('another choice was made'))
    await interrupted?.ended
  }

  async function switchTo(choice: EmbedderChoice, by: ChosenBy): Promise<void> {
    // What must be fetched takes its time, and shows what is wrong with it in the background.
    const opened = toFetch(choice, means) ? null : await openNow(choice)
    await interrupt()
    await store.embeddings.begin(choiceText(choice))
    await store.embeddings.note(by, setting)
    start(choice, opened)
  }

  /** Opens a choice while somebody waits for the answer. */
  async function openNow(choice: EmbedderChoice): Promise<Opened> {
    const late = AbortSignal.timeout(options.openingMs ?? OPENING_MS)
    try {
      return await discoverChosen(choice, means, onReady, AbortSignal.any([stopping.signal, late]))
    } catch (error) {
      if (stopping.signal.aborted) throw new EngramError('unavailable', 'the daemon stops')
      if (late.aborted)
        throw new EngramError('timeout', `${choiceText(choice)} did not open in time`)
      throw error
    }
  }

  async function stayWith(): Promise<void> {
    await store.embeddings.cancel()
    await store.embeddings.note('command', setting)
    const removing = inBackground('old vectors were not removed', removeOld)
    retired.add(removing)
    void removing.finally(() => retired.delete(removing))
  }

  /** What nobody waits for: texts that a crash left without vector and job, and old vectors. */
  async function tidy(): Promise<void> {
    await store.vectors.retryGivenUp()
    await removeOld()
    const { embedder, model } = current
    await until(embedder.whenLoaded(), stopping.signal)
    if (embedder.state().status !== 'ready') return
    const ports = { store, recall, means, log, now, report: () => {}, idle: true }
    try {
      await fill(embedder, model, { ...ports, ...retryOf(options) }, stopping.signal)
    } catch (error) {
      // Another one has taken over, and gives every text a vector anyway.
      if (current.model.id === model.id) throw error
    }
  }

  async function status(): Promise<EmbeddingStatus> {
    const { embedder, model } = current
    const [{ next, chosenBy }, coverage, jobs] = await Promise.all([
      store.embeddings.state(),
      store.vectors.coverage(model.id),
      store.jobs.counts(),
    ])
    const state = embedder.state()
    const reason = state.status === 'failed' ? state.reason : null
    const waiting = jobs.embed.queued + jobs.embed.running
    const isFailed = reason !== null || next?.state === 'failed'
    const isBuilding = next?.state === 'building' || state.status === 'loading' || waiting > 0
    return {
      state: isFailed ? 'failed' : isBuilding ? 'building' : 'ready',
      problem: reason ?? next?.problem ?? null,
      inForce: model,
      embedder: { status: state.status, reason },
      chosenBy,
      ...coverage,
      waiting,
      givenUp: jobs.embed.dead + jobs.reembed.dead,
      next: next && { ...next, progress: next.state === 'building' ? progress : null },
    }
  }

  let last: Promise<unknown> = Promise.resolve()
  /** Choices are made one after the other. */
  function oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work)
    last = result.catch(() => {}) // who asked has the error; the next choice is made all the same
    return result
  }

  const after = await store.embeddings.state()
  if (after.next?.state === 'building') start(readChoice(after.next.choice), null)
  else if (isOutdated(current.model)) {
    await store.embeddings.begin(current.model.choice)
    start(readChoice(current.model.choice), null)
  }
  // The first contact of a remote one, and the loading of the others.
  void current.embedder.whenLoaded().then(onReady)
  const tidying = inBackground('embeddings were not tidied up', tidy)

  return {
    current: () => current,
    status,
    isBusy: () => running !== null,

    use: (choice) =>
      oneByOne(async () => {
        const text = choiceText(choice)
        if (text === current.model.choice) await interrupt()
        // It may have been replaced while it was interrupted.
        if (text === current.model.choice) await stayWith()
        else {
          const { next } = await store.embeddings.state()
          if (next?.choice !== text || next.state === 'failed') await switchTo(choice, 'command')
        }
        return status()
      }),

    reindex: () =>
      oneByOne(async () => {
        const { chosenBy } = await store.embeddings.state()
        await switchTo(readChoice(current.model.choice), chosenBy)
        return status()
      }),

    async stop() {
      stopping.abort(new Error('the daemon stops'))
      await last
      await running?.ended
      await Promise.all([tidying, ...retired])
      await current.embedder.close()
    },
  }
}

/** @param searches what stands before the thread that searches */
function meaningOf({ embedder, model }: Switched, recall: RecallReader, searches: Line): Meaning {
  const { id, dimensions, calibration } = model
  return {
    embedder: cacheQueries(embedder),
    model,
    index: {
      waitMs: () => searches.lastingWaitMs,
      search: (scope, query) =>
        searches.stand(() => recall.search(scope, query, { id, dimensions, calibration })),
      judged: (scope, query, settings, withMemories, patienceMs) =>
        searches.stand(
          () =>
            recall.judged(scope, query, settings, withMemories, { id, dimensions, calibration }),
          patienceMs,
        ),
    },
  }
}

/** The embedder in force; on the first start the built-in one that is wanted, or the one of this machine. */
async function openFirst(state: IndexState, options: EmbeddingsOptions): Promise<Switched> {
  const { early } = options
  const first = await openFirstWith(state, options)
  if (early && first.embedder !== early.embedder) await early.embedder.close()
  return first
}

async function openFirstWith(
  { inForce }: IndexState,
  { store, means, setting, byDefault, onReady, early }: EmbeddingsOptions,
): Promise<Switched> {
  if (inForce) {
    if (early?.choice === inForce.choice && !isOutdated(inForce)) {
      return { embedder: early.embedder, model: inForce }
    }
    const known = { ...inForce, fingerprint: baseOf(inForce.fingerprint) }
    const embedder = openChosen(readChoice(inForce.choice), known, means, onReady)
    return { embedder, model: inForce }
  }
  const name = setting === 'minilm' || setting === 'static' ? setting : byDefault
  const own = name === 'minilm' ? MINILM_MODEL : STATIC_MODEL
  const embedder = early?.choice === name ? early.embedder : openEarly(name, means)!.embedder
  const calibration =
    name === 'static' && embedder.state().status === 'ready' ? await calibrate(embedder) : UNCHANGED
  return { embedder, model: await store.embeddings.install({ ...own, choice: name, calibration }) }
}

/** A built-in model of another version of Engram: its vectors are there, but no question can be asked of them. */
function isOutdated({ choice, fingerprint }: StoredModel): boolean {
  const own = choice === 'minilm' ? MINILM_MODEL : choice === 'static' ? STATIC_MODEL : null
  return own !== null && own.fingerprint !== baseOf(fingerprint)
}

/** What a start asks for, beyond what was asked before; null for nothing. */
function wantedAtStart(
  { inForce, chosenBy, setting: before }: IndexState,
  setting: string | null,
  byDefault: string,
): Readonly<{ choice: string; by: ChosenBy }> | null {
  if (setting !== null) return setting === before ? null : { choice: setting, by: 'setting' }
  // Nobody has said anything: another machine may have another default.
  if (chosenBy === 'default') return { choice: byDefault, by: 'default' }
  return inForce ? null : { choice: byDefault, by: 'default' }
}

function retryOf({ retryMs }: EmbeddingsOptions) {
  return retryMs === undefined ? {} : { retryMs }
}
