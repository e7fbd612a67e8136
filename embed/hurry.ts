import { EngramError } from '../memory/errors.ts'
import type { Embedder } from '../memory/ports.ts'

/**
 * The same embedder for somebody who cannot wait: a query that takes longer than `limitMs` is given up, so that
 * there is still time to answer from words. A server far away may need longer than memory may take as a whole.
 */
export function hurryQueries(embedder: Embedder, limitMs: number): Embedder {
  return {
    model: embedder.model,
    state: () => embedder.state(),
    whenLoaded: () => embedder.whenLoaded(),
    async embedQuery(text, signal, patienceMs) {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(() => {
        late.reject(
          new EngramError('timeout', `its vector took longer than ${Math.round(limitMs)} ms`),
        )
      }, limitMs)
      try {
        return await Promise.race([embedder.embedQuery(text, signal, patienceMs), late.promise])
      } finally {
        clearTimeout(timer)
      }
    },
    embedDocuments: (texts, signal) => embedder.embedDocuments(texts, signal),
    close: () => embedder.close(),
  }
}
