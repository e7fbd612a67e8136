import { z } from 'zod'
import * as schema from '../rest/schema.ts'
import { category, content, memory, memoryId, type Tool, toMemory, tool } from './tool.ts'

/** How long a capture waits for what was learned: less than the minute that clients give a tool. */
const CAPTURE_WAIT_S = 20

const pinned = z
  .boolean()
  .optional()
  .describe('Hand it to the model whatever the question; only when the user asks for that')

/** Tools that change what is remembered. */
export const REMEMBER_TOOLS: readonly Tool[] = [
  tool({
    name: 'add_memory',
    title: 'Add a memory',
    description:
      'Stores one durable statement about the user, when they ask you to remember something or state a lasting fact or preference. Write one sentence that stands alone in a year, in the third person and with names instead of "it" or "there": "User prefers tabs over spaces in Python". Not for passing remarks, not for your own conclusions, never for secrets such as passwords or keys. What is known already is confirmed, not doubled. For a whole exchange use capture_conversation.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: z.object({
      content: content.describe('One statement that stands alone, at most 4000 characters'),
      category: category.optional(),
      pinned,
    }),
    output: z.object({
      memory,
      changed: z
        .array(z.string())
        .describe('What became another about a memory that said the same before'),
    }),
    async run(given, { rest, inNamespace }) {
      const added = await rest.ask(schema.addedMemory, {
        method: 'POST',
        path: '/memories',
        repeatable: true,
        body: { ...given, ...inNamespace },
      })
      return { memory: toMemory(added), changed: added.changed ?? [] }
    },
  }),
  tool({
    name: 'capture_conversation',
    title: 'Capture an exchange',
    description:
      "Hands over one exchange, as it was said, so that Engram can learn from it: it keeps what lasts and drops the rest. Call it after each exchange in which the user said something about themselves, their work, their plans or their preferences, or corrected you. Give the user's message and your answer word for word, without secrets. Give the same session_id for every exchange of one conversation. Answers what was learned; an empty list means nothing was worth keeping.",
    annotations: {
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: false,
      openWorldHint: false,
    },
    input: z.object({
      user_message: z
        .string()
        .trim()
        .min(1)
        .max(schema.LIMITS.captureText)
        .describe('What the user said, word for word'),
      assistant_response: z
        .string()
        .trim()
        .max(schema.LIMITS.captureText)
        .optional()
        .describe('What you answered, word for word'),
      source: z
        .string()
        .trim()
        .min(1)
        .max(schema.LIMITS.source)
        .optional()
        .describe('The program this conversation takes place in; your client’s own name without'),
      session_id: z
        .string()
        .trim()
        .min(1)
        .max(schema.LIMITS.sessionId)
        .optional()
        .describe('The same for every exchange of one conversation'),
    }),
    output: z.object({
      state: z.enum(['learned', 'queued']).describe('queued: it is stored, and learning goes on'),
      conversation_id: z.string(),
      job_id: z.string().describe('of the learning, when there is any').nullable(),
      memories_extracted: z.number(),
      extracted_memories: z.array(memory),
    }),
    async run({ assistant_response: answer, source: said, ...exchange }, context) {
      const { rest, inNamespace, source } = context
      const captured = await rest.ask(z.union([schema.captureAnswer, schema.captureQueued]), {
        method: 'POST',
        path: '/memories/capture',
        query: { wait: CAPTURE_WAIT_S },
        body: {
          ...exchange,
          source: source.set ?? said ?? source.usual,
          ...(answer ? { assistant_response: answer } : {}),
          ...inNamespace,
        },
        waitMs: (CAPTURE_WAIT_S + 10) * 1000,
      })
      const learned =
        'extracted_memories' in captured ? captured.extracted_memories.map(toMemory) : []
      return {
        state: 'extracted_memories' in captured ? ('learned' as const) : ('queued' as const),
        conversation_id: captured.conversation_id,
        job_id: captured.job_id,
        memories_extracted: learned.length,
        extracted_memories: learned,
      }
    },
  }),
  tool({
    name: 'update_memory',
    title: 'Reword a memory',
    description:
      'Replaces the text of a memory, when the user corrects it or makes it more precise. Find its id with search_memories first. Give the whole new statement, not the difference. The earlier wording is kept and undo takes the change back.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: z.object({
      memory_id: memoryId,
      content: content.describe('The whole new statement, at most 4000 characters'),
      category: category.optional(),
      pinned,
    }),
    output: z.object({ memory }),
    run: async ({ memory_id: id, ...changes }, { rest }) => ({
      memory: toMemory(
        await rest.ask(schema.memoryAnswer, {
          method: 'PATCH',
          repeatable: true,
          path: `/memories/${encodeURIComponent(id)}`,
          body: changes,
        }),
      ),
    }),
  }),
  tool({
    name: 'delete_memory',
    title: 'Delete a memory',
    description:
      'Forgets a memory. Only when the user asks for it. For something that has changed use update_memory instead. Find the id with search_memories first. undo brings it back for some time.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: z.object({ memory_id: memoryId }),
    output: z.object({ success: z.literal(true), memory_id: z.string() }),
    async run({ memory_id: id }, { rest }) {
      await rest.tell({ method: 'DELETE', path: `/memories/${encodeURIComponent(id)}` })
      return { success: true as const, memory_id: id }
    },
  }),
]
