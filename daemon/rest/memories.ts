import { EngramError } from '../../memory/errors.ts'
import { newId } from '../../memory/ids.ts'
import type { JudgedCandidate } from '../../memory/judge.ts'
import { DEFAULT_NAMESPACE, type MemoryPatch, type Scope } from '../../memory/memory.ts'
import { recall } from '../../memory/recall.ts'
import type { Restated } from '../../storage/restated.ts'
import type { User } from '../../storage/users.ts'
import { searchReceipt } from '../receipt.ts'
import { route } from '../route.ts'
import { actorOf, userOf } from './caller.ts'
import * as schema from './schema.ts'
import {
  json,
  noContent,
  toConflictJson,
  toConversationJson,
  toEventJson,
  toMemoryJson,
  toTurnJson,
} from './shapes.ts'
import { recallSettingsOf } from './users.ts'

const TAG = 'memories'

/** As the interface calls what saying a statement again can change. */
const FIELDS: Readonly<Record<keyof Restated, string>> = {
  category: 'category',
  pinned: 'pinned',
  expiresAt: 'expires_at',
  validFrom: 'valid_from',
  validTo: 'valid_to',
  metadata: 'metadata',
}

export const memoryRoutes = [
  route({
    method: 'GET',
    path: '/memories',
    access: 'read',
    tag: TAG,
    summary: 'Lists memories; `search` keeps those that hold every word of it',
    query: schema.memoryQuery,
    answers: { 200: { description: 'a page of memories', schema: schema.memoryPage } },
    async handle({ query, caller, services }) {
      const { limit, offset, order, direction } = query
      const { memories, total } = await services.store.memories.list({
        userId: userOf(caller).id,
        // Who has a part of an id looks for one memory, wherever it is.
        namespace: query.id_prefix ? null : (query.namespace ?? DEFAULT_NAMESPACE),
        status: query.status === 'all' || query.id_prefix ? null : query.status,
        category: query.category ?? null,
        search: query.search?.trim() || null,
        idPrefix: query.id_prefix ?? null,
        pinned: query.pinned ?? null,
        order,
        direction,
        limit,
        offset,
      })
      return json({ memories: memories.map(toMemoryJson), total, limit, offset })
    },
  }),
  route({
    method: 'POST',
    path: '/memories',
    access: 'write',
    tag: TAG,
    summary:
      'Stores a memory; one that says exactly the same is confirmed instead, and takes over what is said anew',
    body: schema.newMemory,
    answers: {
      201: { description: 'the new memory', schema: schema.memoryAnswer },
      200: { description: 'the memory that said it already', schema: schema.addedMemory },
    },
    async handle({ body, caller, services }) {
      checkAhead(body.expires_at, services.now())
      const { memory, created, changed } = await services.store.memories.add(
        scopeOf(userOf(caller), body.namespace),
        {
          content: body.content,
          ...(body.category == null ? {} : { category: body.category }),
          pinned: body.pinned,
          expiresAt: body.expires_at ?? null,
          validFrom: body.valid_from ?? null,
          metadata: body.metadata ?? {},
        },
        { actor: actorOf(caller), cause: {} },
      )
      services.jobs.wake('embed')
      if (created) return json(toMemoryJson(memory), 201)
      return json({ ...toMemoryJson(memory), changed: changed.map((name) => FIELDS[name]) })
    },
  }),
  route({
    method: 'DELETE',
    path: '/memories',
    access: 'write',
    tag: TAG,
    summary: 'Deletes all memories of one namespace, or of every one; undo brings them back',
    query: schema.namespaceQuery,
    answers: { 204: { description: 'deleted' } },
    async handle({ query, caller, services }) {
      await services.store.memories.removeAll(userOf(caller).id, query.namespace ?? null, {
        actor: actorOf(caller),
        cause: {},
      })
      return noContent()
    },
  }),
  route({
    method: 'POST',
    path: '/memories/search',
    access: 'read',
    tag: TAG,
    summary: 'Finds what is known about a question; nothing is a normal answer',
    body: schema.search,
    answers: { 200: { description: 'best first', schema: schema.searchAnswer } },
    async handle({ body, caller, services }) {
      const user = userOf(caller)
      const scope = scopeOf(user, body.namespace)
      const settings = {
        maxItems: body.limit,
        budgetTokens: Number.POSITIVE_INFINITY,
        threshold: body.threshold ?? recallSettingsOf(user, services).retrieval_threshold,
        turns: 'own' as const,
        pinned: body.pinned,
        asked: body.prompt ? ('prompt' as const) : ('search' as const),
      }
      const started = performance.now()
      const recalled = await recall(
        { scope, text: body.query, conversationId: null, withMemories: true },
        settings,
        services,
        AbortSignal.timeout(10_000),
      )
      const tookMs = performance.now() - started
      const found = recalled.items.filter((item) => item.kind === 'memory')
      const receiptId = body.receipt ? newId('receipt') : ''
      // The answer does not wait for its paperwork; only the answer itself is promised.
      const keepReceipt = async () => {
        const receipt = searchReceipt(body.query, recalled, settings, tookMs, services)
        await services.store.receipts.add(scope, { ...receipt, id: receiptId })
        await services.store.memories.countUse(
          found.map((item) => item.id),
          services.now(),
        )
      }
      if (body.receipt) services.later('search receipt', keepReceipt)
      return json({
        results: found.map((item) => ({
          memory: toMemoryJson(recalled.memories.get(item.id)!),
          score: item.score,
          ...(body.explain ? { parts: partsOf(item) } : {}),
        })),
        ...(body.explain
          ? { candidates: recalled.candidates.map(toCandidateJson), boundary: recalled.boundary }
          : {}),
        turns: recalled.items.flatMap(({ id, content, score, said }) =>
          said
            ? [
                {
                  turn_id: id,
                  conversation_id: said.conversationId,
                  content,
                  said_at: new Date(said.saidAt).toISOString(),
                  score,
                },
              ]
            : [],
        ),
        mode: recalled.mode,
        degraded: recalled.degraded,
        receipt_id: receiptId,
        took_ms: tookMs,
      })
    },
  }),
  route({
    method: 'GET',
    path: '/memories/review',
    access: 'read',
    tag: TAG,
    summary: 'Memories that wait for a decision, newest first',
    query: schema.pageQuery,
    answers: { 200: { description: 'a page of memories', schema: schema.memoryPage } },
    async handle({ query: { limit, offset, namespace }, caller, services }) {
      const { memories, total } = await services.store.memories.list({
        userId: userOf(caller).id,
        namespace: namespace ?? null,
        status: 'pending',
        category: null,
        search: null,
        order: 'created_at',
        direction: 'desc',
        limit,
        offset,
      })
      return json({ memories: memories.map(toMemoryJson), total, limit, offset })
    },
  }),
  route({
    method: 'GET',
    path: '/memories/conflicts',
    access: 'read',
    tag: TAG,
    summary: 'Pairs of memories that cannot both hold',
    query: schema.pageQuery,
    answers: { 200: { description: 'a page of open conflicts', schema: schema.conflictPage } },
    async handle({ query: { limit, offset, namespace }, caller, services }) {
      const { conflicts, total } = await services.store.conflicts.list(
        userOf(caller).id,
        limit,
        offset,
        namespace ?? null,
      )
      return json({ conflicts: conflicts.map(toConflictJson), total, limit, offset })
    },
  }),
  route({
    method: 'POST',
    path: '/memories/conflicts/:id/resolve',
    access: 'write',
    tag: TAG,
    summary: 'Decides a conflict',
    body: schema.resolve,
    answers: { 200: { description: 'the resolved conflict', schema: schema.conflictAnswer } },
    async handle({ params, body, caller, services }) {
      const conflict = await services.store.conflicts.resolve(
        userOf(caller).id,
        params.id!,
        body.resolution,
        { actor: actorOf(caller), cause: {} },
      )
      return json(toConflictJson(conflict))
    },
  }),
  route({
    method: 'POST',
    path: '/memories/undo',
    access: 'write',
    tag: TAG,
    summary: 'Takes a change back, by default the latest',
    body: schema.undo,
    answers: { 200: { description: 'what the undoing changed', schema: schema.eventList } },
    async handle({ body, caller, services }) {
      const events = await services.store.journal.undo(
        userOf(caller).id,
        body.target ?? null,
        actorOf(caller),
      )
      services.jobs.wake('embed')
      return json({ events: events.map(toEventJson) })
    },
  }),
  route({
    method: 'GET',
    path: '/memories/:id',
    access: 'read',
    tag: TAG,
    summary: 'One memory',
    answers: { 200: { description: 'the memory', schema: schema.memoryAnswer } },
    async handle({ params, caller, services }) {
      return json(toMemoryJson(await existing(services.store, userOf(caller), params.id!)))
    },
  }),
  route({
    method: 'PATCH',
    path: '/memories/:id',
    access: 'write',
    tag: TAG,
    summary: 'Changes a memory; approving or rejecting is a change of its status',
    body: schema.memoryPatch,
    answers: { 200: { description: 'the memory', schema: schema.memoryAnswer } },
    async handle({ params, body, caller, services }) {
      checkAhead(body.expires_at, services.now())
      const patch: MemoryPatch = {
        ...defined('content', body.content),
        ...defined('category', body.category),
        ...defined('pinned', body.pinned),
        ...defined('status', body.status),
        ...defined('expiresAt', body.expires_at),
        ...defined('validFrom', body.valid_from),
        ...defined('validTo', body.valid_to),
        ...defined('metadata', body.metadata),
      }
      const memory = await services.store.memories.change(userOf(caller).id, params.id!, patch, {
        actor: actorOf(caller),
        cause: {},
      })
      services.jobs.wake('embed')
      return json(toMemoryJson(memory))
    },
  }),
  route({
    method: 'DELETE',
    path: '/memories/:id',
    access: 'write',
    tag: TAG,
    summary: 'Deletes a memory; undo brings it back',
    answers: { 204: { description: 'deleted' } },
    async handle({ params, caller, services }) {
      await services.store.memories.remove(userOf(caller).id, params.id!, {
        actor: actorOf(caller),
        cause: {},
      })
      return noContent()
    },
  }),
  route({
    method: 'GET',
    path: '/memories/:id/history',
    access: 'read',
    tag: TAG,
    summary: 'Everything that happened to a memory, oldest first; also when it is gone',
    answers: { 200: { description: 'the events', schema: schema.eventList } },
    async handle({ params, caller, services }) {
      const events = await services.store.journal.ofMemory(userOf(caller).id, params.id!)
      if (events.length === 0) throw new EngramError('not_found', `no memory ${params.id}`)
      return json({ events: events.map(toEventJson) })
    },
  }),
  route({
    method: 'GET',
    path: '/memories/:id/source',
    access: 'read',
    tag: TAG,
    summary: 'The conversation that a memory was learned from',
    answers: { 200: { description: 'memory and conversation', schema: schema.memorySource } },
    async handle({ params, caller, services }) {
      const user = userOf(caller)
      const memory = await existing(services.store, user, params.id!)
      const { conversationId } = memory.evidence
      const found = conversationId
        ? await services.store.conversations.find(user.id, conversationId)
        : null
      return json({
        memory: toMemoryJson(memory),
        conversation: found && {
          ...toConversationJson(found.conversation),
          turns: found.turns.map(toTurnJson),
        },
      })
    },
  }),
]

function toCandidateJson(candidate: JudgedCandidate) {
  const { kind, id, content, score, admitted, reason } = candidate
  return { kind, id, content, score, parts: partsOf(candidate), admitted, reason }
}

function partsOf({ lexical, cosine, evidence, fused, notes }: JudgedCandidate) {
  return { lexical, cosine, evidence, fused, notes }
}

export function scopeOf(user: User, namespace: string | undefined): Scope {
  return { userId: user.id, namespace: namespace ?? DEFAULT_NAMESPACE }
}

async function existing(
  store: Parameters<Parameters<typeof route>[0]['handle']>[0]['services']['store'],
  user: User,
  id: string,
) {
  const memory = await store.memories.find(user.id, id)
  if (!memory) throw new EngramError('not_found', `no memory ${id}`)
  return memory
}

/** What ended before it began would be kept and never recalled. An import may hold such: it was so. */
function checkAhead(expiresAt: number | null | undefined, now: number): void {
  if (expiresAt == null || expiresAt > now) return
  const given = new Date(expiresAt).toISOString()
  throw new EngramError('invalid', `expires_at must be in the future, got ${given}`, {
    fix: 'leave it out, or delete the memory',
  })
}

/** Only the fields that a patch names: `undefined` would overwrite. */
function defined<Key extends string, Value>(key: Key, value: Value | undefined) {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<Key, Value>>
}
