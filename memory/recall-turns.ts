import { companionShare } from './admit.ts'
import { intentOf } from './intent.ts'
import {
  boundariesFor,
  isAbout,
  type JudgedCandidate,
  MAX_JUDGED,
  type Reason,
  type RecallSettings,
  turnCandidate,
} from './judge.ts'
import { embed, type Question, type Recalled, type RecallPorts } from './recall.ts'

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
  const [{ vector, degraded }, conversationId] = await Promise.all([
    embed(question.text, ports.embedder, signal),
    question.conversationId,
  ])
  const embedded = performance.now()
  const found = await ports.index.search(question.scope, {
    text: question.text,
    vector,
    now: ports.now(),
    limit: FETCHED,
    exceptConversation: conversationId,
  })
  const searched = performance.now()
  const intent = intentOf(question.text)
  const boundary = boundariesFor(found, intent, vector === null || found.textOnly)
  const spoken = found.turns.filter(({ turn }) => turn.role === 'user' || turn.role === 'assistant')
  const isOpen = spoken.some((hit) => isAbout(hit, boundary.turn))
  const least = companionShare(settings.maxItems) * (spoken[0]?.fused ?? 0)
  const seen = new Set<string>()
  let count = 0
  const candidates = spoken.map((hit): JudgedCandidate => {
    const candidate = turnCandidate(hit.turn, hit, boundary.turn)
    const words = hit.turn.content.trim().toLowerCase()
    const isEnough =
      settings.threshold === null
        ? isOpen && candidate.fused >= least
        : candidate.score >= settings.threshold
    const reason: Reason = seen.has(words)
      ? 'covered by a memory'
      : !isEnough
        ? 'below threshold'
        : count >= settings.maxItems
          ? 'over the number of items'
          : 'admitted'
    seen.add(words)
    if (reason === 'admitted') count++
    return { ...candidate, reason, admitted: reason === 'admitted' }
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
    memories: new Map(),
    embedMs: embedded - started,
    searchMs: searched - embedded,
  }
}
