import type { GetPromptResult, McpServer, ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { renderBlock } from '../../memory/render.ts'
import * as schema from '../rest/schema.ts'
import type { ToolContext } from './tool.ts'

const RECALLED = 10

/** Registers what a user may call by name in a client: the ways to use Engram. */
export function registerPrompts(
  server: McpServer,
  contextOf: (call: ServerContext) => ToolContext,
): void {
  server.registerPrompt(
    'recall',
    {
      title: 'What do you remember about …',
      description: 'Puts what is known about a topic into the conversation.',
      argsSchema: z.object({
        topic: z
          .string()
          .trim()
          .min(1)
          .max(schema.LIMITS.query)
          .describe('A topic or a question, in plain words'),
      }),
    },
    async ({ topic }, call) => ask(await recalled(topic, contextOf(call))),
  )
  server.registerPrompt(
    'remember',
    {
      title: 'Remember this',
      description: 'Has one statement stored.',
      argsSchema: z.object({
        statement: z
          .string()
          .trim()
          .min(1)
          .max(schema.LIMITS.content)
          .describe('What to remember, as you would say it'),
      }),
    },
    ({ statement }) =>
      ask(
        `Remember this about me: ${JSON.stringify(statement)}\n\nFirst call search_memories to see whether something like it is known. If it is and has changed, call update_memory with the new statement; if it is not, call add_memory. Write it as one sentence that stands alone, in the third person. If it holds a password, key or other secret, do not store it and tell me so. Then say in one line what you stored.`,
      ),
  )
  server.registerPrompt(
    'capture',
    {
      title: 'Learn from this conversation',
      description: 'Hands the conversation so far over to Engram.',
    },
    () =>
      ask(
        'Hand this conversation over to Engram: call capture_conversation once for each exchange so far in which I said something about myself, my work, my plans or my preferences, or corrected you, oldest first, word for word and with one session_id for all of them. Leave out secrets. Then list what was learned.',
      ),
  )
  server.registerPrompt(
    'review',
    {
      title: 'Review what was learned',
      description: 'Goes through memories that wait for a decision.',
    },
    () =>
      ask(
        'Call review_memories and go through what waits with me: first the pairs that contradict each other, then the pending memories. Show each in one line and ask me what to do; decide nothing by yourself. Then carry out what I said.',
      ),
  )
}

async function recalled(topic: string, { rest, inNamespace }: ToolContext): Promise<string> {
  const found = await rest.ask(schema.searchAnswer, {
    method: 'POST',
    path: '/memories/search',
    repeatable: true,
    body: { query: topic, limit: RECALLED, ...inNamespace },
  })
  const items = [
    ...found.results.map(({ memory }) => ({
      kind: 'memory' as const,
      text: memory.content,
      saidAt: null,
    })),
    ...found.turns.map((turn) => ({
      kind: 'turn' as const,
      text: turn.content,
      saidAt: Date.parse(turn.said_at),
    })),
  ]
  const asked = `What do you remember about this: ${JSON.stringify(topic)}`
  return items.length === 0
    ? `${asked}\n\nEngram knows nothing about it. Say so, and do not guess.`
    : `${asked}\n\n${renderBlock(items)}`
}

function ask(text: string): GetPromptResult {
  return { messages: [{ role: 'user', content: { type: 'text', text } }] }
}
