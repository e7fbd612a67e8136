import { z } from 'zod'
import * as schema from '../rest/schema.ts'
import { category, memory, offset, rounded, type Tool, toMemory, tool } from './tool.ts'

const READS = { readOnlyHint: true, openWorldHint: false } as const

const query = z.string().trim().min(1).max(schema.LIMITS.query)
/** A turn can be a whole file; a model needs to recognise it. */
const MAX_TURN_CHARACTERS = 2_000

/** Tools that find and show. */
export const RECALL_TOOLS: readonly Tool[] = [
  tool({
    name: 'search_memories',
    title: 'Search memories',
    description:
      'Finds what is known about the user: preferences, projects, people, decisions, and their own words from earlier conversations. Call it before answering whenever the answer could depend on who the user is or what they said before. Ask one thing at a time, in plain words ("which editor do they use"); a question finds more than a keyword. Best first. The score goes from 0 to 1; from 0.5 on it is probably about the question. An empty list is a normal answer: nothing is known, so do not guess.',
    annotations: READS,
    input: z.object({
      query: query.describe('What you want to know, in plain words'),
      limit: z.number().int().min(1).max(20).default(5).describe('At most so many memories'),
      threshold: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe(
          'Only memories from this score up. Leave it out: Engram then decides by the question',
        ),
    }),
    output: z.object({
      results: z.array(z.object({ memory, score: z.number() })),
      turns: z
        .array(
          z.object({
            content: z.string(),
            said_at: z.string(),
            score: z.number(),
            conversation_id: z.string(),
          }),
        )
        .describe(
          'What the user said in earlier conversations, word for word, where no memory says it',
        ),
      receipt_id: z.string(),
    }),
    async run({ query, limit, threshold }, { rest, inNamespace }) {
      const found = await rest.ask(schema.searchAnswer, {
        method: 'POST',
        path: '/memories/search',
        repeatable: true,
        body: { query, limit, ...(threshold === undefined ? {} : { threshold }), ...inNamespace },
      })
      return {
        results: found.results.map((hit) => ({
          memory: toMemory(hit.memory),
          score: rounded(hit.score),
        })),
        turns: found.turns.map((turn) => ({
          content: turn.content,
          said_at: turn.said_at,
          score: rounded(turn.score),
          conversation_id: turn.conversation_id,
        })),
        receipt_id: found.receipt_id,
      }
    },
  }),
  tool({
    name: 'search_conversations',
    title: 'Search earlier conversations',
    description:
      'Finds what was said in earlier conversations, word for word, by the user and by assistants, with the turns around it. Use it when the user asks what they said, what you recommended, or what was decided and why. It is what was said then and may no longer hold: for what is true now use search_memories. An empty list is a normal answer.',
    annotations: READS,
    input: z.object({
      query: query.describe('What it was about, in plain words'),
      limit: z.number().int().min(1).max(20).default(5).describe('At most so many places'),
      around: z
        .number()
        .int()
        .min(0)
        .max(5)
        .default(1)
        .describe('So many turns before and after each place come with it'),
    }),
    output: z.object({
      results: z.array(
        z.object({
          conversation_id: z.string(),
          said_at: z.string(),
          score: z.number(),
          turns: z.array(
            z.object({
              role: z.string(),
              content: z.string(),
              cut: z.boolean().describe('only the beginning of a long turn is shown'),
              said_at: z.string(),
              found: z.boolean().describe('the turn that was found; the others stand around it'),
            }),
          ),
        }),
      ),
      receipt_id: z.string(),
    }),
    async run({ query, limit, around }, { rest, inNamespace }) {
      const found = await rest.ask(schema.conversationHits, {
        method: 'POST',
        path: '/conversations/search',
        repeatable: true,
        body: { query, limit, around, ...inNamespace },
      })
      return {
        results: found.results.map((hit) => ({
          conversation_id: hit.conversation_id,
          said_at: hit.said_at,
          score: rounded(hit.score),
          turns: hit.turns.map((turn) => ({
            role: turn.role,
            content: turn.content.slice(0, MAX_TURN_CHARACTERS).toWellFormed(),
            cut: turn.content.length > MAX_TURN_CHARACTERS,
            said_at: turn.said_at,
            found: turn.id === hit.turn_id,
          })),
        })),
        receipt_id: found.receipt_id,
      }
    },
  }),
  tool({
    name: 'list_memories',
    title: 'List memories',
    description:
      'Pages through everything that is remembered and in force, newest first. For an overview, or when the user asks what you know about them. To answer a question use search_memories: it finds what fits.',
    annotations: READS,
    input: z.object({
      limit: z.number().int().min(1).max(100).default(20).describe('At most so many'),
      offset,
      category: category.optional().describe('Only memories of this category'),
    }),
    output: z.object({
      memories: z.array(memory),
      total: z.number(),
      limit: z.number(),
      offset: z.number(),
    }),
    async run({ limit, offset, category }, { rest, inNamespace }) {
      const page = await rest.ask(schema.memoryPage, {
        method: 'GET',
        path: '/memories',
        query: { limit, offset, category, ...inNamespace },
      })
      return { memories: page.memories.map(toMemory), total: page.total, limit, offset }
    },
  }),
  tool({
    name: 'get_retrieval_log',
    title: 'Show what was recalled and why',
    description:
      'Shows which memories were handed to a model for recent requests and searches, newest first. Use it when the user asks why you knew something, or why a memory was missed.',
    annotations: READS,
    input: z.object({
      conversation_id: z
        .string()
        .trim()
        .min(1)
        .max(255)
        .optional()
        .describe('Only requests of this conversation'),
      limit: z.number().int().min(1).max(50).default(10).describe('At most so many'),
    }),
    output: z.object({
      logs: z.array(
        z.object({
          id: z.string(),
          kind: z.string().describe('chat: through the proxy. search: by a tool or a person'),
          query: z.string(),
          conversation_id: z.string().describe('in which it was asked').nullable(),
          retrieved_memories: z.array(
            z.object({ memory_id: z.string(), content: z.string(), score: z.number() }),
          ),
          created_at: z.string(),
        }),
      ),
      total: z.number(),
    }),
    async run({ conversation_id: conversationId, limit }, { rest, inNamespace }) {
      const page = await rest.ask(schema.logPage, {
        method: 'GET',
        path: '/logs',
        query: { limit, conversation_id: conversationId, ...inNamespace },
      })
      return {
        logs: page.logs.map((log) => ({
          id: log.id,
          kind: log.kind,
          query: log.query,
          conversation_id: log.conversation_id,
          retrieved_memories: log.retrieved_memories,
          created_at: log.created_at,
        })),
        total: page.total,
      }
    },
  }),
]
