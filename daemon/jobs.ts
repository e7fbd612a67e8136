import type { Logger } from 'pino'
import { isTransient } from '../embed/remote.ts'
import { quantize } from '../embed/vector.ts'
import { EngramError, messageOf } from '../memory/errors.ts'
import type { ChatModel } from '../memory/ports.ts'
import { remember } from '../memory/remember.ts'
import { type Job, type JobKind, MAX_ATTEMPTS } from '../storage/jobs.ts'
import type { Store } from '../storage/store.ts'
import type { Meaning } from './embeddings.ts'
import { type Loop, type Round, startLoop } from './job-loop.ts'
import type { ReviewPolicy } from './settings.ts'

/** Work after the answer: embedding and extraction, from the outbox in the database. */
export type Jobs = Readonly<{
  /** There may be work of this kind: look now. */
  wake(kind: LoopKind): void
  /** Resolves true when the job has ended within `waitMs`, false when it has not or work is being stopped. */
  finished(jobId: string, waitMs: number): Promise<boolean>
  /** Nothing is queued, running or due; for tests and for a daemon that wants to leave. */
  idle(): Promise<boolean>
  /** Takes no further work and waits for what is under way. */
  stop(): Promise<void>
}>

/** Embedding for a model that is to take over belongs to the switch (`embedding-switch.ts`). */
export type LoopKind = Exclude<JobKind, 'reembed'>

export type JobPorts = Readonly<{
  store: Store
  /** The embedder in force, and the index of its vectors. */
  meaning: () => Meaning
  model: ChatModel | null
  review: ReviewPolicy
  log: Logger
  now: () => number
  /** How long a job waits after its n-th failure. */
  retryAfterMs?: (attempt: number) => number
}>

const EMBED_BATCH = 32
const EMBED_LEASE_MS = 60_000
const EMBED_RETRY_MS = 30_000
/** Longer than the model may take, so that a slow answer is not asked for twice. */
const EXTRACT_LEASE_MS = 120_000
/** Extractions of different namespaces that run at once; of one namespace, one after the other. */
const EXTRACT_CONCURRENCY = 2
const CONTEXT_TURNS = 6
/** A failing model is tried so often before the rules stand in for it. */
const MODEL_TRIES = 3
export function startJobs(ports: JobPorts): Jobs {
  const stopping = new AbortController()
  const waiters = new Map<string, Set<() => void>>()
  const { log, now, store } = ports
  const start = (kind: LoopKind, lanes: number, work: () => Promise<Round>) =>
    startLoop(
      {
        lanes,
        work,
        dueInMs: async () => {
          const dueAt = await store.jobs.nextDueAt(kind).catch(() => null)
          return dueAt === null ? null : dueAt - now()
        },
        onError: (error) => log.error({ job: kind, error: messageOf(error) }, 'job loop failed'),
      },
      stopping.signal,
    )
  const embed = start('embed', 1, createEmbedding(ports, stopping.signal))
  const release = (jobId: string) => {
    for (const resolve of waiters.get(jobId) ?? []) resolve()
    waiters.delete(jobId)
  }
  const ended = (jobId: string) => {
    release(jobId)
    // What was learned waits for its vector.
    embed.wake()
  }
  const loops: Record<LoopKind, Loop> = {
    embed,
    extract: start('extract', EXTRACT_CONCURRENCY, () => extractOne(ports, ended, stopping.signal)),
  }
  return {
    wake: (kind) => loops[kind].wake(),

    async finished(jobId, waitMs) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const waiting = waiters.getOrInsertComputed(jobId, () => new Set())
      waiting.add(resolve)
      const timer = setTimeout(resolve, stopping.signal.aborted ? 0 : waitMs)
      try {
        // It may have ended before we began to listen.
        if (await hasEnded(ports.store, jobId)) return true
        await promise
        return await hasEnded(ports.store, jobId)
      } finally {
        clearTimeout(timer)
        waiting.delete(resolve)
        if (waiting.size === 0 && waiters.get(jobId) === waiting) waiters.delete(jobId)
      }
    },

    async idle() {
      const counts = await ports.store.jobs.counts()
      return Object.values(counts).every(({ queued, running }) => queued + running === 0)
    },

    async stop() {
      stopping.abort()
      for (const jobId of [...waiters.keys()]) release(jobId)
      await Promise.all(Object.values(loops).map((loop) => loop.stopped))
    },
  }
}

/** Embeds what waits, a batch a call. */
function createEmbedding(
  { store, meaning, log, now }: JobPorts,
  signal: AbortSignal,
): () => Promise<Round> {
  // After a failure texts come one by one, so that one that ends its embedder ends no others with it.
  let together = EMBED_BATCH

  return async () => {
    const { embedder, model } = meaning()
    await Promise.race([embedder.whenLoaded(), aborted(signal)])
    // Texts wait in the outbox until there is an embedder again; recall answers from words meanwhile.
    if (embedder.state().status !== 'ready') return 'blocked'
    const texts = await store.vectors.claimTexts(together, EMBED_LEASE_MS)
    if (texts.length === 0) return 'none'
    if (meaning().model.id !== model.id) {
      await store.vectors.release(texts, now(), 'another embedding model took over')
      return 'more'
    }
    try {
      const vectors = await embedder.embedDocuments(
        texts.map(({ text }) => text),
        signal,
      )
      await store.vectors.save(
        model.id,
        texts.map(({ text: _text, ...claim }, i) => ({
          ...claim,
          components: vectors[i] ? quantize(vectors[i]).data : null,
        })),
      )
      together = Math.min(EMBED_BATCH, 2 * together)
    } catch (error) {
      // At shutdown the claims are simply left: the next start takes them up at once.
      if (signal.aborted) return 'more'
      const retryAt = now() + EMBED_RETRY_MS
      log.warn(
        { texts: texts.length, error: messageOf(error) },
        'embedding failed; tried again later',
      )
      if (isTransient(error)) {
        // It is not for the texts to pay for a server that is away, however long that takes.
        await store.vectors.release(texts, retryAt, messageOf(error))
        return 'blocked'
      }
      together = 1
      for (const { jobId, fence } of texts) {
        await store.jobs.fail(jobId, fence, messageOf(error), retryAt)
      }
    }
    return 'more'
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function extractOne(
  ports: JobPorts,
  ended: (jobId: string) => void,
  signal: AbortSignal,
): Promise<Round> {
  const { store, log, now, retryAfterMs = backOffMs } = ports
  const [job] = await store.jobs.claim('extract', {
    limit: 1,
    leaseMs: EXTRACT_LEASE_MS,
    onePerNamespace: true,
  })
  if (!job) return 'none'
  try {
    await learn(job, ports, signal)
    ended(job.id)
  } catch (error) {
    // At shutdown the claim is simply left: the next start takes it up at once.
    if (signal.aborted) return 'more'
    const retryAt = isWorthRetrying(error) ? now() + retryAfterMs(job.attempts) : null
    await store.jobs.fail(job.id, job.fence, messageOf(error), retryAt)
    const level = retryAt === null || job.attempts >= MAX_ATTEMPTS ? 'error' : 'warn'
    log[level]({ job: job.id, attempt: job.attempts, error: messageOf(error) }, 'extraction failed')
    if (level === 'error') ended(job.id)
  }
  return 'more'
}

async function learn(job: Job, ports: JobPorts, signal: AbortSignal): Promise<void> {
  const { store } = ports
  const { embedder, index } = ports.meaning()
  const payload = job.payload as {
    turn_ids: string[]
    injected?: string[]
    receipt_id?: string | null
  }
  const { turns, context } = await store.conversations.turnsForExtraction(
    payload.turn_ids,
    CONTEXT_TURNS,
  )
  const scope = { userId: job.userId, namespace: job.namespace }
  const { extractor, verdicts } = await remember(
    { scope, turns, context, injected: payload.injected ?? [] },
    {
      model: ports.model,
      embedder,
      index,
      alike: (...args) => store.memories.alike(...args),
      inSlot: (...args) => store.memories.inSlot(...args),
      review: ports.review,
      now: ports.now,
    },
    job.attempts >= MODEL_TRIES,
    signal,
  )
  await store.learning.apply({
    jobId: job.id,
    fence: job.fence,
    scope,
    conversationId: turns[0]?.conversationId ?? null,
    turnIds: turns.map((turn) => turn.id),
    extractor,
    receiptId: payload.receipt_id ?? null,
    verdicts,
  })
}

/** Trouble outside passes; a bug of ours does not pass by being tried again at once, but may by an update. */
function isWorthRetrying(error: unknown): boolean {
  return !(error instanceof EngramError) || error.code !== 'invalid'
}

/** Full jitter, doubling from 2 s to 15 min. */
function backOffMs(attempt: number): number {
  const ceiling = Math.min(15 * 60_000, 2_000 * 2 ** (attempt - 1))
  return 500 + Math.random() * ceiling
}

async function hasEnded(store: Store, jobId: string): Promise<boolean> {
  const state = await store.jobs.state(jobId)
  return state !== 'queued' && state !== 'running'
}
