import type { JudgedCandidate, RecallSettings } from '../memory/judge.ts'
import type { JsonObject } from '../memory/memory.ts'
import type { Recalled } from '../memory/recall.ts'
import type { NewReceipt } from '../storage/receipts.ts'
import type { Services } from './services.ts'

/** Of a candidate that was not handed over, so much is kept: enough to recognise it. */
const NEAR_MISS_CHARACTERS = 200

/** What recall considered, as a receipt keeps it; `engram why` prints it. */
export function recallDetail(
  recalled: Recalled,
  settings: RecallSettings,
  { embedder }: Pick<Services, 'embedder'>,
): JsonObject {
  return {
    mode: recalled.mode,
    degraded: recalled.degraded,
    intent: recalled.intent,
    boundary: { memory: round(recalled.boundary.memory), turn: round(recalled.boundary.turn) },
    searched: recalled.searched,
    settings: {
      max_items: settings.maxItems,
      budget_tokens: Number.isFinite(settings.budgetTokens) ? settings.budgetTokens : null,
      threshold: settings.threshold,
      quote_turns: settings.turns,
    },
    embedding_model: recalled.mode === 'hybrid' ? embedder.model.fingerprint : null,
    embed_ms: round(recalled.embedMs),
    search_ms: round(recalled.searchMs),
    candidates: recalled.candidates.map(toCandidate),
  }
}

export function searchReceipt(
  query: string,
  recalled: Recalled,
  settings: RecallSettings,
  tookMs: number,
  services: Pick<Services, 'embedder'>,
): NewReceipt {
  return {
    kind: 'search',
    query,
    injected: recalled.items.length,
    tokens: recalled.tokens,
    tookMs,
    detail: JSON.stringify(recallDetail(recalled, settings, services)),
  }
}

function toCandidate(candidate: JudgedCandidate): JsonObject {
  return {
    kind: candidate.kind,
    id: candidate.id,
    content: candidate.admitted
      ? candidate.content
      : candidate.content.slice(0, NEAR_MISS_CHARACTERS),
    score: round(candidate.score),
    lexical: round(candidate.lexical),
    cosine: round(candidate.cosine),
    evidence: round(candidate.evidence),
    fused: round(candidate.fused),
    notes: candidate.notes,
    admitted: candidate.admitted,
    reason: candidate.reason,
    ...(candidate.replacedBy === null ? {} : { replaced_by: candidate.replacedBy }),
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
