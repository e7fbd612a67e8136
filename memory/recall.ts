import { messageOf } from './errors.ts'
import type { Judged, RecallSettings } from './judge.ts'
import type { Scope } from './memory.ts'
import type { Embedder, RecallIndex } from './ports.ts'

export type Question = Readonly<{
  scope: Scope
  text: string
  /**
   * The conversation it is asked in: its turns are before the model already. It may still be looked for while
   * the question is embedded.
   */
  conversationId: string | null | Promise<string | null>
  /** The admitted memories themselves are wanted too, not only what they say. */
  withMemories?: boolean
}>

export type RecallPorts = Readonly<{
  embedder: Embedder
  /** Of vectors of the embedder's model. */
  index: RecallIndex
  now: () => number
  /** How long each part may have to wait behind others; without it, as long as it takes. */
  patience?: Readonly<{ embedMs: number; searchMs: number }>
}>

export type Recalled = Omit<Judged, 'textOnly'> &
  Readonly<{
    /** hybrid: words and vectors; text: words alone, and `degraded` says why. */
    mode: 'hybrid' | 'text'
    degraded: string | null
    /** The parts of the time it took. */
    embedMs: number
    searchMs: number
  }>

/** Candidates of each kind that are fetched. */
const FETCHED = 40

/**
 * What the wait before the search takes from the patience for embedding. Where searches have to wait, the
 * processors have more to do than they can: then words alone, for some, are better than nothing for many. At 500
 * requests a second on two processors, 71 of 2,500 were late with 1, 3 with 4 (`npm run bench:proxy -- --quick`).
 */
const SEARCHES_COUNT = 4

/**
 * Finds what is known about a question and decides what of it the model should see. Nothing is a normal
 * answer. Never fails for lack of vectors: then words alone decide, and the result says so.
 *
 * @throws what the index throws: storage trouble
 */
export async function recall(
  question: Question,
  settings: RecallSettings,
  ports: RecallPorts,
  signal?: AbortSignal,
): Promise<Recalled> {
  // Both at once: they change together when another embedding model takes over.
  const { embedder, index, patience } = ports
  const started = performance.now()
  const [{ vector, degraded }, conversationId] = await Promise.all([
    embed(
      question.text,
      embedder,
      signal,
      patience && patience.embedMs - SEARCHES_COUNT * index.waitMs(),
    ),
    question.conversationId,
  ])
  const embedded = performance.now()
  const { textOnly, ...judged } = await index.judged(
    question.scope,
    {
      text: question.text,
      vector,
      now: ports.now(),
      limit: FETCHED,
      exceptConversation: conversationId,
    },
    settings,
    question.withMemories ?? false,
    patience?.searchMs,
  )
  return {
    ...judged,
    mode: vector === null || textOnly ? 'text' : 'hybrid',
    degraded: degraded ?? (textOnly ? 'the index is being loaded' : null),
    embedMs: embedded - started,
    searchMs: performance.now() - embedded,
  }
}

/** The question as a vector; null, and why, when there is none to be had. */
export async function embed(
  text: string,
  embedder: Embedder,
  signal: AbortSignal | undefined,
  patienceMs?: number,
): Promise<{ vector: Float32Array | null; degraded: string | null }> {
  const state = embedder.state()
  if (state.status === 'loading') return { vector: null, degraded: 'the embedder is loading' }
  if (state.status === 'failed') return { vector: null, degraded: `no embedder: ${state.reason}` }
  try {
    return { vector: await embedder.embedQuery(text, signal, patienceMs), degraded: null }
  } catch (error) {
    // Whatever is wrong with vectors, words still answer; the receipt shows the reason.
    const reason = (patienceMs ?? 0) < 0 ? 'more is asked than can be searched' : messageOf(error)
    return { vector: null, degraded: `the question was not embedded: ${reason}` }
  }
}
