import { EngramError, messageOf } from '../memory/errors.ts'
import type { Embedder, EmbedderState, EmbeddingModel } from '../memory/ports.ts'
import { choiceText, type RemoteKind } from './choice.ts'
import { familyOf } from './families.ts'
import { REMOTE_WIRES, readVector } from './remote-wire.ts'
import { sleep } from './sleep.ts'
import { cosine } from './vector.ts'
import { hasLetterOrDigit } from './wordpiece.ts'

/** Sends one request and returns its answer; the daemon gives the one function that may. */
export type Send = (
  request: Readonly<{
    url: string
    method?: string
    headers: Record<string, string>
    body?: string
    signal?: AbortSignal
    timeouts: Readonly<{ firstByteMs: number }>
  }>,
) => Promise<Response>

export type RemoteEndpoint = Readonly<{
  /** The whole address: `…/v1/embeddings` or `…/api/embed`. */
  url: string
  apiKey: string | null
  /** The setting that the key is in, for people whose key is refused. */
  keySetting: string
}>

export type RemoteOptions = Readonly<{
  kind: RemoteKind
  /** As the server calls it. */
  model: string
  endpoint: RemoteEndpoint
  send: Send
  /** Called when it can be used again, or no longer. */
  onChange?: () => void
  /** Vector of `SAMPLE_TEXT` when the model was first used: another one now is another model. */
  sample?: Float32Array | Int8Array | null
  timing?: Partial<RemoteTiming>
  random?: () => number
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}>

export type RemoteTiming = Readonly<{
  /** What a query may take, and a batch of documents. */
  queryMs: number
  documentsMs: number
  /** First wait before a batch is sent again; it doubles. */
  retryMs: number
  /** Waits are no longer than this; what a server asks for beyond it is waited for outside. */
  longestRetryMs: number
  tries: number
  /** How soon a server that failed is tried again; it doubles up to the longest. */
  probeMs: number
  longestProbeMs: number
}>

const TIMING: RemoteTiming = {
  queryMs: 10_000,
  // Ollama loads a model at its first request.
  documentsMs: 60_000,
  retryMs: 500,
  longestRetryMs: 10_000,
  tries: 4,
  probeMs: 2_000,
  longestProbeMs: 60_000,
}

/** Texts and characters of one request; servers allow more, but a batch that fails is lost as a whole. */
const MAX_BATCH_TEXTS = 64
const MAX_BATCH_CHARACTERS = 64_000
/** What is sent of one text; most models read less. */
const MAX_CHARACTERS = 8_000
/** A text that a server refuses is tried again shorter, down to this. */
const MIN_CHARACTERS = 500
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Embedded when a model is first used and at every start, so that another model under its name is noticed. */
export const SAMPLE_TEXT = 'User prefers green tea in the morning.'
/** The same model on other hardware stays above 0.99; any two models are below 0.5. */
const SAME_MODEL = 0.95

/**
 * An embedder on a server. It asks nothing until it is needed or `whenLoaded`; a server that fails is left
 * alone for a while, and meanwhile the state says why.
 */
export function openRemote(model: EmbeddingModel, options: RemoteOptions): Embedder {
  return new Remote(model, options)
}

/**
 * Asks a server once, to see whether it can be used and how long its vectors are.
 *
 * @throws EngramError `upstream` or `timeout` with what the server said.
 */
export async function discoverRemote(
  options: RemoteOptions,
  signal?: AbortSignal,
): Promise<{ model: EmbeddingModel; sample: Float32Array }> {
  const family = familyOf(options.model)
  const text = (family?.document ?? '') + SAMPLE_TEXT
  const timing = { ...TIMING, ...options.timing }
  const [given] = await ask(options, [text], timing.documentsMs, signal)
  const sample = readVector(given, null)
  return { model: remoteModel(options, sample.length), sample }
}

/** The address is not part of it: the same model may move to another machine. `sample` tells whether it is. */
function remoteModel(
  { kind, model }: Pick<RemoteOptions, 'kind' | 'model'>,
  dimensions: number,
): EmbeddingModel {
  const name = choiceText({ kind, model })
  const family = familyOf(model)
  const prefixed = family !== null && (family.query !== '' || family.document !== '')
  return {
    name,
    dimensions,
    fingerprint: `${name}/${dimensions}${prefixed ? '/prefixed' : ''}`,
  }
}

class Remote implements Embedder {
  readonly model: EmbeddingModel
  readonly #options: RemoteOptions
  readonly #timing: RemoteTiming
  readonly #prefix: Readonly<{ query: string; document: string }>
  readonly #closing = new AbortController()
  #state: EmbedderState = { status: 'loading' }
  /** Why it is left alone passes by itself: it is overloaded, or was not reached. */
  #passes = false
  #failures = 0
  #probe: Timer | undefined
  #loaded: Promise<void> | null = null

  constructor(model: EmbeddingModel, options: RemoteOptions) {
    this.model = model
    this.#options = options
    this.#timing = { ...TIMING, ...options.timing }
    this.#prefix = familyOf(options.model) ?? { query: '', document: '' }
  }

  state(): EmbedderState {
    return this.#state
  }

  /** Asks for the sample. */
  whenLoaded(): Promise<void> {
    this.#loaded ??= this.#check()
    return this.#loaded
  }

  async embedQuery(text: string, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted()
    this.#assertUsable()
    if (!hasLetterOrDigit(text)) {
      throw new EngramError('unavailable', 'the query has no word that can be embedded')
    }
    const asked = this.#prefix.query + text.slice(0, MAX_CHARACTERS)
    try {
      const [given] = await this.#ask([asked], this.#timing.queryMs, signal)
      const vector = readVector(given, this.model.dimensions)
      this.#succeed()
      return vector
    } catch (error) {
      // It is about this question alone.
      if (error instanceof RefusedText) throw error
      throw this.#fail(error, signal)
    }
  }

  async embedDocuments(
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<(Float32Array | null)[]> {
    signal?.throwIfAborted()
    this.#assertUsable()
    const vectors: (Float32Array | null)[] = texts.map(() => null)
    const readable = texts.flatMap((text, place) =>
      hasLetterOrDigit(text) ? [{ place, text: text.slice(0, MAX_CHARACTERS) }] : [],
    )
    try {
      for (const batch of toBatches(readable)) {
        const given = await this.#embedBatch(batch, signal)
        for (const [i, { place }] of batch.entries()) vectors[place] = given[i]!
      }
      this.#succeed()
      return vectors
    } catch (error) {
      throw this.#fail(error, signal)
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#probe)
    this.#closing.abort(new EngramError('unavailable', 'the embedder was closed'))
    this.#state = { status: 'failed', reason: 'it was closed' }
    this.#passes = false
  }

  /**
   * A batch that is refused for what is in it is asked for in halves, until the text that the server does not
   * take is alone; that one is shortened.
   */
  async #embedBatch(
    batch: readonly Readonly<{ text: string }>[],
    signal: AbortSignal | undefined,
  ): Promise<(Float32Array | null)[]> {
    try {
      const given = await this.#askAgain(
        batch.map(({ text }) => this.#prefix.document + text),
        signal,
      )
      return given.map((vector) => readVector(vector, this.model.dimensions))
    } catch (error) {
      if (!(error instanceof RefusedText)) throw error
      if (batch.length > 1) {
        const middle = batch.length >> 1
        return [
          ...(await this.#embedBatch(batch.slice(0, middle), signal)),
          ...(await this.#embedBatch(batch.slice(middle), signal)),
        ]
      }
      const { text } = batch[0]!
      if (text.length > MIN_CHARACTERS) {
        return this.#embedBatch([{ text: text.slice(0, text.length >> 1) }], signal)
      }
      // A server that refuses everything has another trouble than this text.
      await this.#askAgain([this.#prefix.document + SAMPLE_TEXT], signal)
      return [null]
    }
  }

  /** Waits and asks again, when a server is overloaded or breaks off. */
  async #askAgain(
    texts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly unknown[]> {
    const { tries, retryMs, longestRetryMs, documentsMs } = this.#timing
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask(texts, documentsMs, signal)
      } catch (error) {
        const wait = error instanceof Busy ? error.retryAfterMs : null
        const isTransient = error instanceof Busy
        if (!isTransient || attempt >= tries || (wait ?? 0) > longestRetryMs) throw error
        const ceiling = Math.min(longestRetryMs, retryMs * 2 ** (attempt - 1))
        // Full jitter, so that those who were turned away together do not come back together.
        const random = (this.#options.random ?? Math.random)()
        const waitMs = Math.max(wait ?? 0, random * ceiling)
        await (this.#options.sleep ?? sleep)(waitMs, this.#signalOf(signal))
      }
    }
  }

  #ask(texts: readonly string[], timeoutMs: number, signal: AbortSignal | undefined) {
    return ask(this.#options, texts, timeoutMs, this.#signalOf(signal))
  }

  #signalOf(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal
    return signal ? AbortSignal.any([closing, signal]) : closing
  }

  #assertUsable(): void {
    if (this.#state.status !== 'failed') return
    const message = `the embedder ${this.model.name} is not available: ${this.#state.reason}`
    throw this.#passes
      ? new Busy('unavailable', message, null)
      : new EngramError('unavailable', message)
  }

  async #check(): Promise<void> {
    try {
      const text = this.#prefix.document + SAMPLE_TEXT
      const [given] = await this.#ask([text], this.#timing.documentsMs, undefined)
      const now = readVector(given, this.model.dimensions)
      const { sample } = this.#options
      if (sample && cosine(now, Float32Array.from(sample)) < SAME_MODEL) {
        throw new EngramError(
          'upstream',
          `the model behind ${this.model.name} is another one than before; its vectors would not fit those that are stored`,
          { fix: 'engram embeddings reindex' },
        )
      }
      this.#succeed()
    } catch (error) {
      this.#fail(error, undefined)
    }
  }

  #succeed(): void {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#probe)
    this.#failures = 0
    if (this.#state.status === 'ready') return
    this.#state = { status: 'ready' }
    this.#options.onChange?.()
  }

  /** Leaves the server alone for a while. @returns what to throw */
  #fail(error: unknown, signal: AbortSignal | undefined): unknown {
    if (this.#closing.signal.aborted) {
      return new EngramError('unavailable', `the embedder ${this.model.name} was closed`)
    }
    if (signal?.aborted) return signal.reason
    const known = error instanceof EngramError ? error : null
    const reason = known ? known.message + (known.fix ? ` (${known.fix})` : '') : messageOf(error)
    const wasReady = this.#state.status !== 'failed'
    this.#state = { status: 'failed', reason }
    this.#passes = error instanceof Busy
    const { probeMs, longestProbeMs } = this.#timing
    const asked = error instanceof Busy ? (error.retryAfterMs ?? 0) : 0
    const waitMs = Math.max(asked, Math.min(longestProbeMs, probeMs * 2 ** this.#failures++))
    clearTimeout(this.#probe)
    this.#probe = setTimeout(() => {
      this.#loaded = this.#check()
    }, waitMs)
    if (wasReady) this.#options.onChange?.()
    return known ?? new EngramError('upstream', reason, { cause: error })
  }
}

/** The server is overloaded, or was not reached: the same may work a little later. */
class Busy extends EngramError {
  readonly retryAfterMs: number | null

  constructor(
    code: 'upstream' | 'timeout' | 'unavailable',
    message: string,
    retryAfterMs: number | null,
  ) {
    super(code, message)
    this.retryAfterMs = retryAfterMs
  }
}

/** Is it worth waiting for: was a server overloaded, or not reached? */
export function isTransient(error: unknown): boolean {
  return error instanceof Busy
}

/** The server does not take one of the texts: too long, or something in it. */
class RefusedText extends EngramError {}

async function ask(
  { kind, model, endpoint, send }: RemoteOptions,
  texts: readonly string[],
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const wire = REMOTE_WIRES[kind]
  const late = AbortSignal.timeout(timeoutMs)
  const until = signal ? AbortSignal.any([signal, late]) : late
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (endpoint.apiKey !== null) headers.authorization = `Bearer ${endpoint.apiKey}`
  const { url } = endpoint
  const lateError = () =>
    new Busy('timeout', `${hostOf(url)} gave no vectors within ${timeoutMs / 1000} seconds`, null)
  let response: Response
  let text: string
  try {
    response = await send({
      url,
      headers,
      body: JSON.stringify(wire.toBody(model, texts)),
      signal: until,
      timeouts: { firstByteMs: timeoutMs },
    })
    text = await readText(response, url)
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (late.aborted) throw lateError()
    if (error instanceof EngramError && error.code !== 'upstream' && error.code !== 'timeout') {
      throw error
    }
    throw new Busy('upstream', messageOf(error), null)
  }
  if (!response.ok) throw refusalOf(response, text, url, endpoint)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new EngramError('upstream', `${hostOf(url)} answered something that is not JSON`)
  }
  return wire.vectorsIn(answer, texts.length)
}

/** Statuses by which servers say that they do not like a text. */
const ABOUT_THE_TEXT = new Set([400, 413, 422])

function refusalOf(
  response: Response,
  text: string,
  url: string,
  { keySetting }: RemoteEndpoint,
): EngramError {
  const { status } = response
  const message = `${hostOf(url)} answered ${status}${saidIn(text)}`
  if (status === 429 || status >= 500 || status === 408) {
    return new Busy('upstream', message, retryAfterMs(response.headers))
  }
  if (status === 401 || status === 403) {
    return new EngramError('upstream', message, {
      fix: `check the key: engram config set ${keySetting} -`,
    })
  }
  if (status === 404) {
    return new EngramError('upstream', message, {
      fix: 'check the model’s name and the base URL (with Ollama: ollama pull MODEL)',
    })
  }
  if (ABOUT_THE_TEXT.has(status)) return new RefusedText('upstream', message)
  return new EngramError('upstream', message)
}

/** What the server says about it, in a few words; never the texts, which it may repeat. */
function saidIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    const said = typeof error === 'string' ? error : (error as { message?: unknown })?.message
    if (typeof said === 'string' && said !== '')
      return `: ${said.replace(/\s+/g, ' ').slice(0, 160)}`
  } catch {
    // no JSON: a page of some proxy, which says nothing to a person
  }
  return ''
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(headers: Headers): number | null {
  const given = headers.get('retry-after')?.trim()
  if (!given) return null
  const ms = /^\d+(\.\d+)?$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, Math.min(ms, MAX_RETRY_AFTER_MS)) : null
}

const MAX_RETRY_AFTER_MS = 60 * 60_000

async function readText(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) {
      throw new EngramError('upstream', `${hostOf(url)} sent more than ${MAX_ANSWER_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function* toBatches<T extends Readonly<{ text: string }>>(texts: readonly T[]): Generator<T[]> {
  let batch: T[] = []
  let characters = 0
  for (const item of texts) {
    const isFull =
      batch.length === MAX_BATCH_TEXTS || characters + item.text.length > MAX_BATCH_CHARACTERS
    if (isFull && batch.length > 0) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(item)
    characters += item.text.length
  }
  if (batch.length > 0) yield batch
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'the embedding server'
}
