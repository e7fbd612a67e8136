import type { Embedder } from '../memory/ports.ts'

const DEFAULT_ENTRIES = 512
/** Longer queries are rare, seldom repeated, and would make the cache as large as they are. */
const MAX_CHARACTERS = 2_000

/** Remembers the vectors of the latest queries: a client that retries asks the same thing again. */
export function cacheQueries(embedder: Embedder, { entries = DEFAULT_ENTRIES } = {}): Embedder {
  // In order of last use: a Map keeps the order of insertion.
  const vectors = new Map<string, Float32Array>()

  const keep = (text: string, vector: Float32Array) => {
    vectors.delete(text)
    vectors.set(text, vector)
    for (const oldest of vectors.keys()) {
      if (vectors.size <= entries) return
      vectors.delete(oldest)
    }
  }

  return {
    model: embedder.model,
    state: () => embedder.state(),
    whenLoaded: () => embedder.whenLoaded(),
    embedQuery: async (text, signal, patienceMs) => {
      signal?.throwIfAborted()
      const vector = vectors.get(text) ?? (await embedder.embedQuery(text, signal, patienceMs))
      if (text.length <= MAX_CHARACTERS) keep(text, vector)
      // A copy: the caller's vector is the caller's to change or transfer.
      return vector.slice()
    },
    embedDocuments: (texts, signal) => embedder.embedDocuments(texts, signal),
    close: () => {
      vectors.clear()
      return embedder.close()
    },
  }
}
