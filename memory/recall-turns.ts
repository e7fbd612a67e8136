import { ADMITTED, boundaryOf, COMPANION_SHARE, scoreOf } from './admit.ts'
import { intentOf } from './intent.ts'
import {
  embed,
  type JudgedCandidate,
  MAX_JUDGED,
  type Question,
  type Reason,
  type Recalled,
  type RecallPorts,
  type RecallSettings,
} from './recall.ts'

/** Of the turns that are found some are the system's, some say the same twice. */
const FETCHED = 80

/**
 * Finds what was said about a question in earlier conversations, by the user or by an assistant, word for word,
 * whether or not memories were taken from it. It is what held then: for what holds now ask `recall`.
 *
 * @returns as `recall`, turns only
 * @throws what the index throws: storage trouble
 */
export async function recallTurns(
  question: Question,
  settings: Pick<RecallSettings, 'maxItems' | 'threshold'>,
  ports: RecallPorts,
  signal?: AbortSignal,
): Promise<Recalled> {
  const started = performance.now()
  const { vector, degraded } = await embed(question.text, ports.embedder, signal)
  const embedded = performance.now()
  const found = await ports.index.search(question.scope, {
    text: question.text,
    vector,
    now: ports.now(),
    limit: FETCHED,
    exceptConversation: question.conversationId,
  })
  const searched = performance.now()
  const intent = intentOf(question.text)
  const textOnly = vector === null || found.textOnly
  const knownShare = (known: number) => (found.termCount === 0 ? 0 : known / found.termCount)
  const boundaryFor = (kind: 'memory' | 'turn') =>
    boundaryOf({
      kind,
      intent,
      size: found.searched[kind],
      knownShare: knownShare(found.known[kind]),
      textOnly,
    })
  const boundary = { memory: boundaryFor('memory'), turn: boundaryFor('turn') }

  const spoken = found.turns.filter(({ turn }) => turn.role === 'user' || turn.role === 'assistant')
  const best = spoken[0]?.fused ?? 0
  const seen = new Set<string>()
  let count = 0
  const candidates = spoken.map(({ turn, lexical, cosine, fused }): JudgedCandidate => {
    const score = scoreOf(fused, boundary.turn)
    const words = turn.content.trim().toLowerCase()
    const isEnough =
      settings.threshold === null
        ? scoreOf(best, boundary.turn) >= ADMITTED && fused >= COMPANION_SHARE * best
        : score >= settings.threshold
    const reason: Reason = seen.has(words)
      ? 'covered by a memory'
      : !isEnough
        ? 'below threshold'
        : count >= settings.maxItems
          ? 'over the number of items'
          : 'admitted'
    seen.add(words)
    if (reason === 'admitted') count++
    const { id, content } = turn
    const judged = { kind: 'turn' as const, id, content, score, lexical, cosine, fused, reason }
    return { ...judged, admitted: reason === 'admitted', source: turn }
  })
  return {
    items: candidates.filter(({ admitted }) => admitted),
    candidates: candidates.slice(0, MAX_JUDGED),
    tokens: 0,
    intent,
    boundary,
    mode: vector === null || found.textOnly ? 'text' : 'hybrid',
    degraded: degraded ?? (found.textOnly ? 'the index is being loaded' : null),
    searched: found.searched,
    embedMs: embedded - started,
    searchMs: searched - embedded,
  }
}
