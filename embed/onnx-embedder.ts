import { EngramError, messageOf } from '../memory/errors.ts'
import { Line } from '../memory/line.ts'
import type { Embedder, EmbedderState, EmbeddingModel } from '../memory/ports.ts'
import type { FromWorker, ToWorker } from './onnx.worker.ts'
import type { SentenceModel } from './sentence-model.ts'
import { until } from './until.ts'

/** 256 words of 100 characters fit in it, and a megabyte is not copied to another thread. */
const MAX_CHARACTERS = 32_768
/** How long to wait before each new start of a worker that died; there is none after the last. */
const RESTART_DELAYS_MS = [100, 1_000, 10_000]
/** A worker that lived so long starts the count anew. */
const STEADY_MS = 600_000

export type OnnxOptions = Readonly<{
  sentenceModel: SentenceModel
  /** onnxruntime_binding.node, its shared library beside it; null where onnxruntime has no build. */
  addonPath: string | null
  /** The module of onnx.worker.ts; an executable has it under a name of its own. */
  workerUrl?: string
  restartDelaysMs?: readonly number[]
  /** How long a model of which nothing is known yet may take to load. */
  loadingMs?: number
}>

/**
 * An embedder that runs a model in a worker, loaded in the background. Calls made meanwhile wait.
 *
 * A worker that dies rejects what it had before it and is started again, at most three times in a row; one
 * that cannot load its model is not, nor one whose model turns out to be another than expected.
 */
export function openOnnxEmbedder(model: EmbeddingModel, options: OnnxOptions): Embedder {
  return new OnnxEmbedder(model.name, model, options)
}

/** The largest models load in a few seconds; a disk that does not answer would be waited for without end. */
const LOADING_MS = 90_000

/**
 * Opens a model of which nothing is known yet but its files.
 *
 * @throws EngramError `invalid` with what is wrong with the files, `unavailable`, or `timeout`; the signal's
 *   reason
 */
export async function discoverOnnxEmbedder(
  name: string,
  options: OnnxOptions,
  signal?: AbortSignal,
): Promise<Embedder> {
  const embedder = new OnnxEmbedder(name, null, options)
  const late = AbortSignal.timeout(options.loadingMs ?? LOADING_MS)
  try {
    await until(embedder.whenLoaded(), signal ? AbortSignal.any([signal, late]) : late)
  } catch (error) {
    void embedder.close() // its thread may be stuck, which nobody should wait for
    if (signal?.aborted || !late.aborted) throw error
    throw new EngramError('timeout', `${name} is not loaded in time: its files cannot be read`)
  }
  const state = embedder.state()
  if (state.status === 'ready') return embedder
  await embedder.close()
  throw new EngramError('invalid', state.status === 'failed' ? state.reason : 'it did not load')
}

type Call = Readonly<{
  message: ToWorker
  resolve: (vectors: readonly (Float32Array | null)[]) => void
  reject: (reason: unknown) => void
}>

class OnnxEmbedder implements Embedder {
  readonly #name: string
  /** null until it is known which model the files hold. */
  #model: EmbeddingModel | null
  readonly #options: OnnxOptions
  readonly #calls = new Map<number, Call>()
  readonly #queries = new Line()
  #lastId = 0
  #state: EmbedderState = { status: 'loading' }
  #loading = Promise.withResolvers<void>()
  #worker: Worker | null = null
  #restart: Timer | undefined
  #restarts = 0
  #readyAt = 0

  constructor(name: string, model: EmbeddingModel | null, options: OnnxOptions) {
    this.#name = name
    this.#model = model
    this.#options = options
    this.#start()
  }

  get model(): EmbeddingModel {
    if (this.#model === null) throw new Error(`the model of ${this.#name} is not known yet`)
    return this.#model
  }

  state(): EmbedderState {
    return this.#state
  }

  whenLoaded(): Promise<void> {
    return this.#loading.promise
  }

  async embedQuery(text: string, signal?: AbortSignal, patienceMs?: number): Promise<Float32Array> {
    const [vector] = await this.#queries.stand(() => this.#embed([text], true, signal), patienceMs)
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
    const worker = this.#worker
    this.#fail('it was closed')
    if (worker) await endWorker(worker)
  }

  async #embed(
    texts: readonly string[],
    urgent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly (Float32Array | null)[]> {
    signal?.throwIfAborted()
    if (this.#state.status === 'failed') throw this.#unavailable(this.#state.reason)
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
        this.#options.workerUrl ?? new URL('./onnx.worker.ts', import.meta.url).href,
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
    const { addonPath, sentenceModel } = this.#options
    this.#post({ kind: 'open', model: sentenceModel, addonPath })
    for (const { message } of this.#calls.values()) this.#post(message)
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        if (!this.#isExpected(message)) break
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
        break
      case 'at-rest': // who closes it listens for that
    }
  }

  /** Vectors of another model must not come in under this one's name. */
  #isExpected({ dimensions, fingerprint }: Readonly<Omit<EmbeddingModel, 'name'>>): boolean {
    this.#model ??= { name: this.#name, dimensions, fingerprint }
    const { model } = this
    if (model.dimensions === dimensions && model.fingerprint === fingerprint) return true
    this.#worker?.terminate()
    this.#fail(`its files have changed: they were ${model.fingerprint} and are ${fingerprint}`)
    return false
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
    for (const call of this.#calls.values()) call.reject(this.#unavailable(reason))
    this.#calls.clear()
  }

  #unavailable(reason: string): EngramError {
    return new EngramError('unavailable', `the embedder ${this.#name} is not available: ${reason}`)
  }
}

/** A run takes less than a second, loading a large model a few. */
const END_MS = 20_000

/**
 * Ends a worker when it has finished the run it is in: one that is ended within native code takes the process
 * with it. Its memory is free, and its native code at rest, only once it says so.
 */
async function endWorker(worker: Worker): Promise<void> {
  const closed = new Promise((resolve) => worker.addEventListener('close', resolve))
  const isDone = new Promise<void>((resolve) => {
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === 'at-rest') resolve()
    })
  })
  worker.postMessage({ kind: 'close' } satisfies ToWorker)
  let timer: Timer | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, END_MS)
  })
  await Promise.race([isDone, closed, late])
  clearTimeout(timer)
  worker.terminate()
  // One that is stuck in a read never ends.
  await Promise.race([closed, late])
}

/** One line. Bun reports an error in a worker as a drawing of its source, with the message after "error: ". */
function toReason(message: string): string {
  const lines = message.split('\n')
  const stated = lines.find((line) => line.startsWith('error: '))
  return (stated?.slice('error: '.length) ?? lines[0] ?? '').trim() || 'no reason given'
}
