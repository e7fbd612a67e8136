import { EngramError, messageOf } from '../memory/errors.ts'
import type { Embedder, EmbedderState } from '../memory/ports.ts'
import type { FromWorker, ToWorker } from './minilm.worker.ts'
import { MINILM_MODEL, type MiniLmPaths } from './minilm-model.ts'

/** 256 words of 100 characters fit in it, and a megabyte is not copied to another thread. */
const MAX_CHARACTERS = 32_768
/** How long to wait before each new start of a worker that died; there is none after the last. */
const RESTART_DELAYS_MS = [100, 1_000, 10_000]
/** A worker that lived so long starts the count anew. */
const STEADY_MS = 600_000

export type MiniLmOptions = MiniLmPaths &
  Readonly<{
    /** The module of minilm.worker.ts; an executable has it under a name of its own. */
    workerUrl?: string
    restartDelaysMs?: readonly number[]
  }>

/**
 * The embedder `minilm`: all-MiniLM-L6-v2 in a worker, loaded in the background. Calls made meanwhile wait.
 *
 * A worker that dies rejects what it had before it and is started again, at most three times in a row; one
 * that cannot load its model is not.
 */
export function openMiniLm(options: MiniLmOptions): Embedder {
  return new MiniLm(options)
}

type Call = Readonly<{
  message: ToWorker
  resolve: (vectors: readonly (Float32Array | null)[]) => void
  reject: (reason: unknown) => void
}>

class MiniLm implements Embedder {
  readonly model = MINILM_MODEL
  readonly #options: MiniLmOptions
  readonly #calls = new Map<number, Call>()
  #lastId = 0
  #state: EmbedderState = { status: 'loading' }
  #loading = Promise.withResolvers<void>()
  #worker: Worker | null = null
  #restart: Timer | undefined
  #restarts = 0
  #readyAt = 0

  constructor(options: MiniLmOptions) {
    this.#options = options
    this.#start()
  }

  state(): EmbedderState {
    return this.#state
  }

  whenLoaded(): Promise<void> {
    return this.#loading.promise
  }

  async embedQuery(text: string, signal?: AbortSignal): Promise<Float32Array> {
    const [vector] = await this.#embed([text], true, signal)
    if (vector) return vector
    throw new EngramError('unavailable', 'the query has no word that can be embedded')
  }

  async embedDocuments(
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<(Float32Array | null)[]> {
    if (texts.length === 0) return []
    return [...(await this.#embed(texts, false, signal))]
  }

  async close(): Promise<void> {
    // Native code that is torn down while it comes up takes the whole process with it.
    if (this.#worker && this.#state.status === 'loading') await this.#loading.promise
    const worker = this.#worker
    this.#fail('it was closed')
    if (worker === null) return
    // Its memory is free, and its native code at rest, only once it says so.
    const closed = new Promise((resolve) => worker.addEventListener('close', resolve))
    worker.terminate()
    await closed
  }

  async #embed(
    texts: readonly string[],
    urgent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly (Float32Array | null)[]> {
    signal?.throwIfAborted()
    if (this.#state.status === 'failed') throw unavailable(this.#state.reason)
    const id = ++this.#lastId
    const clipped = texts.map((text) => text.slice(0, MAX_CHARACTERS))
    const message: ToWorker = { kind: 'embed', id, urgent, texts: clipped }
    const { promise, resolve, reject } = Promise.withResolvers<readonly (Float32Array | null)[]>()
    const onAbort = () => {
      this.#calls.delete(id)
      this.#post({ kind: 'cancel', id })
      reject(signal?.reason)
    }

    this.#calls.set(id, { message, resolve, reject })
    this.#post(message)
    signal?.addEventListener('abort', onAbort)
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #start(): void {
    let worker: Worker
    try {
      worker = new Worker(
        this.#options.workerUrl ?? new URL('./minilm.worker.ts', import.meta.url).href,
      )
    } catch (error) {
      this.#fail(messageOf(error))
      return
    }
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      // What was on its way when the worker was given up comes too late.
      if (worker === this.#worker) this.#receive(data)
    }
    worker.onerror = (event) => {
      event.preventDefault()
      this.#onDeath(worker, toReason(event.message))
    }
    worker.addEventListener('close', () => this.#onDeath(worker, 'its thread ended'))
    const { addonPath, modelPath, tokenizerPath, tokenizerConfigPath } = this.#options
    const paths = { addonPath, modelPath, tokenizerPath, tokenizerConfigPath }
    this.#post({ kind: 'open', paths })
    for (const { message } of this.#calls.values()) this.#post(message)
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        this.#state = { status: 'ready' }
        this.#readyAt = performance.now()
        this.#loading.resolve()
        break
      case 'not-opened':
        this.#worker?.terminate()
        this.#fail(toReason(message.reason))
        break
      case 'embedded':
        this.#take(message.id)?.resolve(message.vectors)
        break
      case 'refused':
        this.#take(message.id)?.reject(new EngramError('unavailable', toReason(message.reason)))
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    return call
  }

  /** An error event, a close event, or both, and both after a worker that is no longer ours. */
  #onDeath(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return
    this.#worker = null
    worker.terminate()
    const delayMs = this.#state.status === 'ready' ? this.#nextDelayMs() : undefined
    if (delayMs === undefined) {
      this.#fail(reason)
      return
    }
    this.#rejectCalls(reason)
    this.#state = { status: 'loading' }
    this.#loading = Promise.withResolvers()
    this.#restart = setTimeout(() => this.#start(), delayMs)
  }

  #nextDelayMs(): number | undefined {
    if (performance.now() - this.#readyAt > STEADY_MS) this.#restarts = 0
    return (this.#options.restartDelaysMs ?? RESTART_DELAYS_MS)[this.#restarts++]
  }

  #fail(reason: string): void {
    clearTimeout(this.#restart)
    this.#worker = null
    this.#state = { status: 'failed', reason }
    this.#rejectCalls(reason)
    this.#loading.resolve()
  }

  #rejectCalls(reason: string): void {
    for (const call of this.#calls.values()) call.reject(unavailable(reason))
    this.#calls.clear()
  }
}

function unavailable(reason: string): EngramError {
  return new EngramError('unavailable', `the embedder minilm is not available: ${reason}`)
}

/** One line. Bun reports an error in a worker as a drawing of its source, with the message after "error: ". */
function toReason(message: string): string {
  const lines = message.split('\n')
  const stated = lines.find((line) => line.startsWith('error: '))
  return (stated?.slice('error: '.length) ?? lines[0] ?? '').trim() || 'no reason given'
}
