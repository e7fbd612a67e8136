/** Our types as the JSON that callers see: snake_case, instants as ISO 8601. */
import type { JsonObject, Memory, Turn } from '../../memory/memory.ts'
import type { Grant } from '../../storage/apps.ts'
import type { Conflict } from '../../storage/conflicts.ts'
import type { Conversation } from '../../storage/conversations.ts'
import type { Job } from '../../storage/jobs.ts'
import type { MemoryEvent } from '../../storage/journal.ts'
import type { Standing } from '../../storage/memory-rows.ts'
import type { Receipt } from '../../storage/receipts.ts'
import type { ApiKey, User } from '../../storage/users.ts'
import type { Activity } from '../activity.ts'

export function json(value: unknown, status = 200): Response {
  return Response.json(value, { status })
}

export const noContent = (): Response => new Response(null, { status: 204 })

function iso(at: number): string
function iso(at: number | null): string | null
function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

export function toUserJson(user: User) {
  return { id: user.id, external_id: user.externalId, created_at: iso(user.createdAt) }
}

export function toKeyJson(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    hint: key.hint,
    scope: key.scope,
    created_at: iso(key.createdAt),
    last_used_at: iso(key.lastUsedAt),
    expires_at: iso(key.expiresAt),
  }
}

export function toAppJson(grant: Grant) {
  return {
    id: grant.id,
    name: grant.appName,
    scope: grant.scope,
    resource: grant.resource,
    created_at: iso(grant.createdAt),
    last_used_at: iso(grant.lastUsedAt),
  }
}

export function toMemoryJson(memory: Memory & Partial<Standing>) {
  const { evidence } = memory
  return {
    id: memory.id,
    namespace: memory.namespace,
    content: memory.content,
    category: memory.category,
    status: memory.status,
    pinned: memory.pinned,
    confidence: memory.confidence,
    source: memory.source,
    origin: memory.origin,
    valid_from: iso(memory.validFrom),
    valid_to: iso(memory.validTo),
    superseded_by: memory.supersededBy,
    expires_at: iso(memory.expiresAt),
    source_conversation_id: evidence.conversationId,
    evidence: {
      conversation_id: evidence.conversationId,
      turn_id: evidence.turnId,
      quote: evidence.quote,
    },
    ...(memory.place === undefined ? {} : { speaker: memory.speaker ?? null, place: memory.place }),
    metadata: memory.metadata,
    access_count: memory.accessCount,
    last_accessed: iso(memory.lastAccessedAt),
    last_confirmed: iso(memory.lastConfirmedAt),
    created_at: iso(memory.createdAt),
    updated_at: iso(memory.updatedAt),
  }
}

export type MemoryJson = ReturnType<typeof toMemoryJson>

export function toConflictJson(conflict: Conflict) {
  return {
    id: conflict.id,
    status: conflict.resolution === null ? 'open' : 'resolved',
    reason: conflict.reason,
    resolution: conflict.resolution,
    created_at: iso(conflict.createdAt),
    resolved_at: iso(conflict.resolvedAt),
    existing_memory: toMemoryJson(conflict.existing),
    proposed_memory: toMemoryJson(conflict.proposed),
  }
}

export function toEventJson(event: MemoryEvent) {
  return {
    id: event.id,
    operation_id: event.operationId,
    memory_id: event.memoryId,
    namespace: event.namespace,
    kind: event.kind,
    actor: event.actor,
    cause: event.cause,
    before: event.before && toMemoryJson(event.before),
    after: event.after && toMemoryJson(event.after),
    created_at: iso(event.createdAt),
    undone_by: event.undoneBy,
  }
}

export function toConversationJson(conversation: Conversation) {
  return {
    id: conversation.id,
    namespace: conversation.namespace,
    source: conversation.source,
    session_id: conversation.sessionId,
    turns: conversation.turns,
    created_at: iso(conversation.createdAt),
    updated_at: iso(conversation.updatedAt),
  }
}

export function toTurnJson(turn: Turn) {
  return {
    id: turn.id,
    position: turn.position,
    role: turn.role,
    speaker: turn.speaker,
    content: turn.content,
    truncated: turn.truncated,
    model: turn.model,
    said_at: iso(turn.saidAt),
    memory_count: turn.memoryCount,
  }
}

/** What a receipt's detail says of one candidate; written by `daemon/receipt.ts`. */
type CandidateJson = Readonly<{
  kind: string
  id: string
  content: string
  score: number
  admitted: boolean
}>

export function toLogJson(receipt: Receipt) {
  const candidates = (receipt.detail.candidates ?? []) as unknown as readonly CandidateJson[]
  return {
    id: receipt.id,
    namespace: receipt.namespace,
    kind: receipt.kind,
    query: receipt.query,
    conversation_id: receipt.conversationId,
    retrieved_memories: candidates
      .filter((candidate) => candidate.admitted && candidate.kind === 'memory')
      .map(({ id, content, score }) => ({ memory_id: id, content, score })),
    injected: receipt.injected,
    tokens: receipt.tokens,
    took_ms: receipt.tookMs,
    detail: receipt.detail,
    created_at: iso(receipt.createdAt),
  }
}

export function toJobJson(job: Job) {
  return {
    id: job.id,
    kind: job.kind,
    namespace: job.namespace,
    state: job.state,
    attempts: job.attempts,
    error: job.error,
    result: job.result as JsonObject | null,
    created_at: iso(job.createdAt),
    finished_at: iso(job.finishedAt),
  }
}

export function toActivityJson(activity: Activity) {
  return {
    at: iso(activity.at),
    namespace: activity.namespace,
    client: activity.client,
    provider: activity.provider,
    path: activity.path,
    model: activity.model,
    status: activity.status,
    took_ms: Math.round(activity.tookMs * 10) / 10,
    injected: activity.injected,
    memory: activity.memory,
    ending: activity.ending,
    receipt_id: activity.receiptId,
  }
}
