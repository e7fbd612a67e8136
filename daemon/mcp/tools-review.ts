import { z } from 'zod'
import * as schema from '../rest/schema.ts'
import type { Rest } from './rest.ts'
import { idOf, memory, offset, type Tool, type ToolContext, toMemory, tool } from './tool.ts'

const conflict = z.object({
  id: z.string(),
  status: z.string(),
  reason: z.string(),
  existing_memory: memory,
  proposed_memory: memory,
})

const reviewInput = z
  .object({
    action: z
      .enum(['list', 'approve', 'reject', 'resolve'])
      .default('list')
      .describe(
        'list shows what waits; approve and reject take memory_ids; resolve takes conflict_id and resolution',
      ),
    memory_ids: z
      .array(idOf('memory', 'mem'))
      .min(1)
      .max(50)
      .optional()
      .describe('Memories that wait, for approve and reject'),
    conflict_id: idOf('conflict', 'cfl').optional().describe('A conflict, for resolve'),
    resolution: schema.resolve.shape.resolution
      .optional()
      .describe(
        'For resolve: accept_new lets the proposed memory replace the existing one, keep_old rejects it, keep_both lets both hold',
      ),
    limit: z.number().int().min(1).max(100).default(20).describe('At most so many, for list'),
    offset,
  })
  .superRefine((given, context) => {
    const needed =
      given.action === 'resolve'
        ? (['conflict_id', 'resolution'] as const)
        : given.action === 'list'
          ? []
          : (['memory_ids'] as const)
    for (const name of needed) {
      if (given[name] === undefined) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `is needed to ${given.action}`,
        })
      }
    }
  })

/** Tools for what waits for the user's decision, and for taking decisions back. */
export const REVIEW_TOOLS: readonly Tool[] = [
  tool({
    name: 'review_memories',
    title: 'Review memories',
    description:
      'Shows and decides what waits for the user: memories that are pending, and pairs of memories that cannot both hold. Use list when the user wants to review, or when they just said something that settles one of these. Decide only what the user has decided: read it out to them and ask. What they approve is recalled from then on; what they reject is kept but never recalled. undo takes a decision back.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: false,
    },
    writes: (given) => {
      const { action = 'list' } = (given ?? {}) as { action?: unknown }
      return action !== 'list'
    },
    input: reviewInput,
    output: z.object({
      pending: z.array(memory).describe('memories that wait, newest first'),
      pending_total: z.number(),
      conflicts: z.array(conflict).describe('pairs that cannot both hold'),
      conflicts_total: z.number(),
      decided: z.array(memory).describe('the memories that this call decided on'),
    }),
    async run(given, context) {
      const decided = await decide(given, context)
      return { ...(await waiting(given, context)), decided }
    },
  }),
  tool({
    name: 'undo',
    title: 'Undo',
    description:
      'Takes a change of memories back: one that was added goes, one that was deleted, reworded, approved or replaced is as before. Give the id of the memory to take back its latest change, which is the safe way; without it the latest change that still stands and is no undo is taken back, whoever made it; called again, the one before it. Taking an undo back does the change again.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: false,
      openWorldHint: false,
    },
    input: z.object({
      target: idOf('memory or an event', 'mem')
        .optional()
        .describe('A memory, or an event or operation of the journal; the latest change without'),
    }),
    output: z.object({
      undone: z.array(
        z.object({
          memory_id: z.string(),
          before: memory.nullable().describe('as it was until now; null when it was not there'),
          after: memory.nullable().describe('as it is now; null when it is gone'),
        }),
      ),
    }),
    async run({ target }, { rest }) {
      const { events } = await rest.ask(schema.eventList, {
        method: 'POST',
        path: '/memories/undo',
        body: target === undefined ? {} : { target },
      })
      return {
        undone: events.map((event) => ({
          memory_id: event.memory_id,
          before: event.before && toMemory(event.before),
          after: event.after && toMemory(event.after),
        })),
      }
    },
  }),
]

type Review = z.output<typeof reviewInput>

async function decide(
  { action, memory_ids: ids = [], conflict_id: conflictId, resolution }: Review,
  { rest }: ToolContext,
): Promise<z.output<typeof memory>[]> {
  switch (action) {
    case 'list':
      return []
    case 'resolve': {
      const resolved = await rest.ask(schema.conflictAnswer, {
        method: 'POST',
        path: `/memories/conflicts/${encodeURIComponent(conflictId!)}/resolve`,
        body: { resolution },
      })
      return [toMemory(resolved.existing_memory), toMemory(resolved.proposed_memory)]
    }
    default:
      return setStatus(rest, ids, action === 'approve' ? 'approved' : 'rejected')
  }
}

/** One after the other, and all looked up first: an id that is wrong changes nothing. */
async function setStatus(rest: Rest, ids: readonly string[], status: 'approved' | 'rejected') {
  const paths = [...new Set(ids)].map((id) => `/memories/${encodeURIComponent(id)}`)
  for (const path of paths) await rest.ask(schema.memoryAnswer, { method: 'GET', path })
  const changed = []
  for (const path of paths) {
    changed.push(
      toMemory(
        await rest.ask(schema.memoryAnswer, {
          method: 'PATCH',
          path,
          repeatable: true,
          body: { status },
        }),
      ),
    )
  }
  return changed
}

async function waiting({ limit, offset }: Review, { rest, inNamespace }: ToolContext) {
  const query = { limit, offset, ...inNamespace }
  const [pending, conflicts] = await Promise.all([
    rest.ask(schema.memoryPage, { method: 'GET', path: '/memories/review', query }),
    rest.ask(schema.conflictPage, { method: 'GET', path: '/memories/conflicts', query }),
  ])
  return {
    pending: pending.memories.map(toMemory),
    pending_total: pending.total,
    conflicts: conflicts.conflicts.map(({ id, status, reason, ...sides }) => ({
      id,
      status,
      reason,
      existing_memory: toMemory(sides.existing_memory),
      proposed_memory: toMemory(sides.proposed_memory),
    })),
    conflicts_total: conflicts.total,
  }
}
