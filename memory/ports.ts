/** What the pipeline asks of the outside. `daemon.ts` introduces the implementations. */
import type { Found } from './found.ts'
import type { Judged, RecallSettings } from './judge.ts'
import type { Json, Scope } from './memory.ts'
import type { IndexQuery } from './scope-index.ts'

/** One way of turning text into vectors. Vectors of two models never mix. */
export type EmbeddingModel = Readonly<{
  /** Differs whenever the vectors would: weights, pooling, length limit. */
  fingerprint: string
  /** What people call it: minilm, static. */
  name: string
  dimensions: number
}>

export type EmbedderState = Readonly<
  { status: 'loading' } | { status: 'ready' } | { status: 'failed'; reason: string }
>

export interface Embedder {
  readonly model: EmbeddingModel
  /** Never throws; says at once whether vectors can be had now. */
  state(): EmbedderState
  /** Settles when loading has ended, well or badly; look at `state()` then. */
  whenLoaded(): Promise<void>
  /**
   * Embeds a query, ahead of every document that waits.
   *
   * @param patienceMs how long it may have to wait behind other queries
   * @returns a unit vector, Float32Array[dimensions].
   * @throws EngramError `unavailable` when the model failed to load or the text has nothing to embed; `timeout`,
   *   at once, when it would have to wait longer.
   */
  embedQuery(text: string, signal?: AbortSignal, patienceMs?: number): Promise<Float32Array>
  /**
   * Embeds each text as a unit vector.
   *
   * @returns one Float32Array[dimensions] per text, in the order given; null for a text with nothing to
   *   embed (no letter or digit).
   * @throws EngramError `unavailable` when the model cannot be loaded or reached.
   */
  embedDocuments(texts: readonly string[], signal?: AbortSignal): Promise<(Float32Array | null)[]>
  close(): Promise<void>
}

/** A language model that is asked for JSON. */
export interface ChatModel {
  /** For journals and logs: "openai/gpt-4o-mini". */
  readonly name: string
  /**
   * One answer to one prompt, as text: JSON by request, but the caller parses tolerantly.
   *
   * @throws EngramError `upstream` or `timeout`; its message names the provider and status, never the key.
   */
  complete(
    prompt: Readonly<{ system: string; user: string; schema: Json; schemaName: string }>,
    signal?: AbortSignal,
  ): Promise<string>
}

/** Finds what a scope holds about a question. The scope is the filter before anything is ranked. */
export interface RecallIndex {
  /** How long searches have to wait behind others, now and lately, in milliseconds. */
  waitMs(): number
  search(scope: Scope, query: IndexQuery): Promise<Found>
  /**
   * Searches and decides where the index is: only what a decision says of its candidates comes back.
   *
   * @param withMemories the admitted memories themselves come too
   * @param patienceMs how long it may have to wait behind other searches
   * @throws EngramError `timeout`, at once, when it would have to wait longer
   */
  judged(
    scope: Scope,
    query: IndexQuery,
    settings: RecallSettings,
    withMemories: boolean,
    patienceMs?: number,
  ): Promise<Judged>
}
