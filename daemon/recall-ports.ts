import { hurryQueries } from '../embed/hurry.ts'
import type { RecallPorts } from '../memory/recall.ts'
import type { Services } from './services.ts'

/** Of the time that memory may take, what embedding the question may: the rest is for the search. */
const EMBEDDING_SHARE = 0.6

/**
 * And of it, what either part may stand in line, so that a question is answered from words while there is time,
 * and one that would be late is not begun.
 */
const EMBEDDING_LINE_SHARE = 0.2
const SEARCH_LINE_SHARE = 0.5

/** What recall works with for a request that waits so long: without a vector in time, words answer. */
export function hurriedPorts(
  { embedder, index, now }: Pick<Services, 'embedder' | 'index' | 'now'>,
  deadlineMs: number,
): RecallPorts {
  return {
    embedder: hurryQueries(embedder, EMBEDDING_SHARE * deadlineMs),
    index,
    now,
    patience: {
      embedMs: EMBEDDING_LINE_SHARE * deadlineMs,
      searchMs: SEARCH_LINE_SHARE * deadlineMs,
    },
  }
}
