import {
  type McpServer,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { renderBlock } from '../../memory/render.ts'
import * as schema from '../rest/schema.ts'
import { idOf, isNotFound, type ToolContext, toMemory } from './tool.ts'

/** What the profile is made of, in this order. */
const PROFILE_PARTS: readonly Readonly<Record<string, string | boolean>>[] = [
  { pinned: true },
  { category: 'profile' },
  { category: 'preferences' },
  { category: 'corrections' },
  { category: 'skills' },
]
const PROFILE_LIMIT = 100
const RECENT_LIMIT = 20

/** Registers what a client may attach to a conversation: the user in short, the newest memories, and any one memory. */
export function registerResources(
  server: McpServer,
  contextOf: (call: ServerContext) => ToolContext,
): void {
  server.registerResource(
    'profile',
    'engram://profile',
    {
      title: 'Who the user is',
      description:
        'What is pinned, who the user is, what they prefer, what they corrected and what they can do: as text for the start of a conversation. The same memories give the same text.',
      mimeType: 'text/plain',
      annotations: { audience: ['assistant'], priority: 0.9 },
    },
    async (uri, call) => text(uri, await profile(contextOf(call))),
  )
  server.registerResource(
    'recent',
    'engram://recent',
    {
      title: 'What was learned last',
      description: `The ${RECENT_LIMIT} newest memories, newest first.`,
      mimeType: 'application/json',
      annotations: { audience: ['user', 'assistant'], priority: 0.5 },
    },
    async (uri, call) => {
      const { rest, inNamespace } = contextOf(call)
      const page = await rest.ask(schema.memoryPage, {
        method: 'GET',
        path: '/memories',
        query: { limit: RECENT_LIMIT, ...inNamespace },
      })
      return json(uri, { memories: page.memories.map(toMemory), total: page.total })
    },
  )
  server.registerResource(
    'memory',
    new ResourceTemplate('engram://memories/{id}', { list: undefined }),
    {
      title: 'One memory',
      description: 'A memory by its id, with the words it was learned from.',
      mimeType: 'application/json',
    },
    async (uri, { id }, call) => {
      const read = idOf('memory', 'mem').safeParse(id)
      if (!read.success) throw new ResourceNotFoundError(uri.href)
      try {
        const full = await contextOf(call).rest.ask(schema.memoryAnswer, {
          method: 'GET',
          path: `/memories/${encodeURIComponent(read.data)}`,
        })
        return json(uri, { ...toMemory(full), evidence: full.evidence })
      } catch (error) {
        if (isNotFound(error)) throw new ResourceNotFoundError(uri.href)
        throw error
      }
    },
  )
}

/** In order of storing, and each memory once: a client that caches prompts sees the same beginning again. */
async function profile({ rest, inNamespace }: ToolContext): Promise<string> {
  const pages = await Promise.all(
    PROFILE_PARTS.map((part) =>
      rest.ask(schema.memoryPage, {
        method: 'GET',
        path: '/memories',
        query: {
          ...part,
          ...inNamespace,
          order: 'created_at',
          direction: 'asc',
          limit: PROFILE_LIMIT,
        },
      }),
    ),
  )
  const now = new Date().toISOString()
  const inForce = pages
    .flatMap(({ memories }) => memories)
    .filter(({ expires_at: end, valid_to: to }) => (end ?? '9') > now && (to ?? '9') > now)
  const once = new Map(inForce.map((memory) => [memory.id, memory]))
  const items = [...once.values()].map(({ content }) => ({
    kind: 'memory' as const,
    text: content,
    saidAt: null,
  }))
  return items.length === 0
    ? 'Nothing is known yet of who the user is and what they prefer.'
    : renderBlock(items)
}

function text(uri: URL, content: string): ReadResourceResult {
  return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: content }] }
}

function json(uri: URL, value: object): ReadResourceResult {
  return {
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(value) }],
  }
}
