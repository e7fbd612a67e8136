import { basename } from 'node:path'
import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { type BlockItem, renderBlock } from '../../memory/render.ts'
import type { Client } from '../client.ts'
import type { HookEvent } from '../clients/catalog.ts'
import type { HookInput } from './hook-input.ts'
import type { Session, Sessions } from './session.ts'
import { lastExchange } from './transcript.ts'

export type HookPorts = Readonly<{
  /** claude-code or codex */
  client: string
  namespace: string | undefined
  sessions: Sessions
  now: () => number
  daemon: () => Promise<Pick<Client, 'ask' | 'exchange'>>
}>

/** At the start of a session there is no question yet: so many of what fits the project and the person. */
const START_LIMIT = 8

/** What the client adds to the model's context; null for nothing. */
export async function answerHook(
  event: HookEvent,
  input: HookInput,
  ports: HookPorts,
): Promise<string | null> {
  // What an agent tells another one is not the user's.
  if (input.agent_id) return null
  switch (event) {
    case 'session-start':
      return onStart(input, ports)
    case 'prompt':
      return onPrompt(input, ports)
    case 'stop':
      await onStop(input, ports)
      return null
  }
}

async function onStart(input: HookInput, ports: HookPorts): Promise<string | null> {
  const now = ports.now()
  ports.sessions.prune(now)
  const before = ports.sessions.read(input.session_id)
  // A session that is resumed still has what it was given; a cleared or compacted one has not.
  const session =
    input.source === 'resume' && before ? before : { ...(before ?? NEW), given: [], since: now }
  const project = input.cwd ? basename(input.cwd) : ''
  const about = await search(ports, {
    query: `What is the project ${project} about, and what was decided in it?`,
    limit: START_LIMIT,
    pinned: true,
  })
  const person = await search(ports, {
    query: 'How do I like code to be written and answers to be given?',
    limit: START_LIMIT,
  })
  // Turns speak of a question that was not asked.
  const memories = [...about.results, ...person.results].map(({ memory }) => memory)
  return give(input.session_id, session, memories, [], ports, START_LIMIT)
}

async function onPrompt(input: HookInput, ports: HookPorts): Promise<string | null> {
  const query = (input.prompt ?? '').trim().slice(0, schema.LIMITS.query).trim()
  // A command to the client asks the model nothing.
  if (query === '' || query.startsWith('/')) return null
  const session = ports.sessions.read(input.session_id) ?? { ...NEW, since: ports.now() }
  const found = await search(ports, { query })
  const memories = found.results.map(({ memory }) => memory)
  const turns = found.turns.filter((turn) => turn.conversation_id !== session.conversationId)
  return give(input.session_id, session, memories, turns, ports, memories.length)
}

type Memory = z.output<typeof schema.memoryAnswer>
type Turn = z.output<typeof schema.searchAnswer>['turns'][number]

const NEW: Session = { given: [], since: 0, conversationId: null, captured: null }

/** Each memory once a session: what is in the context already would only cost. */
function give(
  id: string,
  session: Session,
  memories: readonly Memory[],
  turns: readonly Turn[],
  ports: HookPorts,
  limit: number,
): string | null {
  const isKnown = (memory: Memory) =>
    session.given.includes(memory.id) ||
    // Learned from this very conversation: the model was there.
    (memory.source_conversation_id !== null &&
      memory.source_conversation_id === session.conversationId &&
      Date.parse(memory.created_at) >= session.since)
  const fresh = memories
    .filter((memory, at) => memories.findIndex(({ id: other }) => other === memory.id) === at)
    .filter((memory) => !isKnown(memory))
    .slice(0, limit)
  const quoted = turns.filter((turn) => !session.given.includes(turn.turn_id))
  const given = [
    ...session.given,
    ...fresh.map((memory) => memory.id),
    ...quoted.map((turn) => turn.turn_id),
  ]
  ports.sessions.write(id, { ...session, given })
  const items: BlockItem[] = [
    ...fresh.map(({ content }) => ({ kind: 'memory', text: content, saidAt: null }) as const),
    ...quoted.map(
      (turn) => ({ kind: 'turn', text: turn.content, saidAt: Date.parse(turn.said_at) }) as const,
    ),
  ]
  return items.length > 0 ? renderBlock(items) : null
}

async function search(
  ports: HookPorts,
  body: Readonly<{ query: string; limit?: number; pinned?: boolean }>,
) {
  const client = await ports.daemon()
  return client.ask(schema.searchAnswer, {
    method: 'POST',
    path: '/memories/search',
    body: { ...body, prompt: true, ...(ports.namespace ? { namespace: ports.namespace } : {}) },
    repeatable: true,
  })
}

/** Keeps the last exchange; the daemon learns from it in its own time. */
async function onStop(input: HookInput, ports: HookPorts): Promise<void> {
  if (input.stop_hook_active || !input.transcript_path) return
  const question = input.prompt_id ?? input.turn_id ?? null
  const session = ports.sessions.read(input.session_id) ?? { ...NEW, since: ports.now() }
  if (question !== null && session.captured === question) return
  const exchange = lastExchange(ports.client, input.transcript_path, question)
  if (!exchange) return
  // The client may call before it has written the answer down; then it says it itself.
  const answer = input.last_assistant_message?.trim() || exchange.assistant
  const client = await ports.daemon()
  const kept = await client.ask(schema.captureQueued.or(schema.captureAnswer), {
    method: 'POST',
    path: '/memories/capture',
    query: { wait: 0 },
    body: {
      user_message: cut(exchange.user),
      ...(answer === '' ? {} : { assistant_response: cut(answer) }),
      source: ports.client,
      session_id: input.session_id,
      ...(ports.namespace ? { namespace: ports.namespace } : {}),
    },
  })
  ports.sessions.write(input.session_id, {
    ...session,
    conversationId: kept.conversation_id,
    captured: question,
  })
}

/** Whole characters only: half of a pair would be refused. */
function cut(text: string): string {
  return text
    .slice(0, schema.LIMITS.captureText)
    .replace(/[\ud800-\udbff]$/, '')
    .trim()
}
