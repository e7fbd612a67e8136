import { afterEach, describe, expect, test } from 'bun:test'
import { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import { EngramError } from '../../memory/errors.ts'
import { INSTRUCTIONS } from './instructions.ts'
import type { Rest, RestRequest } from './rest.ts'
import { createMcpServer, type McpOptions } from './server.ts'

const MEMORY = {
  id: 'mem_1',
  namespace: 'default',
  content: 'User likes tea',
  category: 'preferences',
  status: 'approved',
  pinned: false,
  confidence: 1,
  source: 'manual',
  origin: 'user',
  valid_from: null,
  valid_to: null,
  superseded_by: null,
  expires_at: null,
  source_conversation_id: null,
  evidence: { conversation_id: null, turn_id: null, quote: null },
  metadata: {},
  access_count: 0,
  last_accessed: null,
  last_confirmed: null,
  created_at: '2026-11-23T12:00:00.000Z',
  updated_at: '2026-11-23T12:00:00.000Z',
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
})

/** A client of our server, whose REST interface is a function. */
async function connect(respond: (request: RestRequest) => unknown, options: McpOptions = {}) {
  const asked: RestRequest[] = []
  const rest: Rest = {
    async ask(answer, request) {
      asked.push(request)
      return answer.parse(await respond(request))
    },
    async tell(request) {
      asked.push(request)
      await respond(request)
    },
  }
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  const server = createMcpServer(rest, options)
  const client = new Client({ name: 'test', version: '1.0.0' })
  await Promise.all([server.connect(ours), client.connect(theirs)])
  open.push(client, server)
  return { client, asked }
}

type Result = {
  content: { text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}

describe('each tool is one call of the REST interface', () => {
  test.each([
    [
      'search_memories',
      { query: ' tea ' },
      {
        method: 'POST',
        path: '/memories/search',
        body: { query: 'tea', limit: 5, namespace: 'work' },
      },
      {
        results: [{ memory: MEMORY, score: 0.81234 }],
        turns: [],
        mode: 'hybrid',
        degraded: null,
        receipt_id: 'rcp_1',
        took_ms: 1,
      },
    ],
    [
      'add_memory',
      { content: 'User likes tea' },
      { method: 'POST', path: '/memories', body: { content: 'User likes tea', namespace: 'work' } },
      MEMORY,
    ],
    [
      'capture_conversation',
      { user_message: 'I like tea', session_id: 's1' },
      {
        method: 'POST',
        path: '/memories/capture',
        query: { wait: 20 },
        body: { user_message: 'I like tea', source: 'test', session_id: 's1', namespace: 'work' },
      },
      {
        conversation_id: 'conv_1',
        job_id: 'job_1',
        memories_extracted: 1,
        extracted_memories: [MEMORY],
        source: 'mcp',
        session_id: 's1',
      },
    ],
    [
      'list_memories',
      { offset: 3 },
      { method: 'GET', path: '/memories', query: { limit: 20, offset: 3, namespace: 'work' } },
      { memories: [MEMORY], total: 4, limit: 20, offset: 3 },
    ],
    [
      'update_memory',
      { memory_id: 'mem_1', content: 'User likes coffee' },
      { method: 'PATCH', path: '/memories/mem_1', body: { content: 'User likes coffee' } },
      MEMORY,
    ],
    ['delete_memory', { memory_id: 'mem_1' }, { method: 'DELETE', path: '/memories/mem_1' }, null],
    [
      'get_retrieval_log',
      {},
      {
        method: 'GET',
        path: '/logs',
        query: { limit: 10, conversation_id: undefined, namespace: 'work' },
      },
      { logs: [], total: 0, limit: 10, offset: 0 },
    ],
  ])('%s', async (name, args, request, answer) => {
    const { client, asked } = await connect(() => answer, { namespace: 'work' })
    const result = (await client.callTool({ name, arguments: args })) as Result
    expect(result.isError ?? false).toBe(false)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject(request)
    expect(JSON.parse(result.content[0]!.text)).toEqual(result.structuredContent)
  })

  test('a memory is handed over without what a model cannot use', async () => {
    const { client } = await connect(() => MEMORY)
    const result = (await client.callTool({
      name: 'add_memory',
      arguments: { content: 'x' },
    })) as Result
    const { memory } = result.structuredContent as { memory: object }
    expect(memory).toMatchObject({ id: 'mem_1', content: 'User likes tea' })
    expect(memory).not.toHaveProperty('metadata')
  })

  test('a capture that takes long is said to go on', async () => {
    const { client } = await connect(() => ({
      conversation_id: 'conv_1',
      job_id: 'job_1',
      state: 'queued',
    }))
    const result = (await client.callTool({
      name: 'capture_conversation',
      arguments: { user_message: 'I like tea', assistant_response: '' },
    })) as Result
    expect(result.structuredContent).toMatchObject({
      state: 'queued',
      job_id: 'job_1',
      memories_extracted: 0,
    })
  })
})

describe('arguments that break a rule are answered with field, value and rule', () => {
  test.each([
    ['search_memories', { query: 'x', limit: 0 }, 'limit must be at least 1, got 0.'],
    ['search_memories', { query: 'x', limit: 'many' }, 'limit must be a number, got "many".'],
    ['search_memories', {}, 'query is required.'],
    ['search_memories', { query: ' ' }, 'query must not be blank.'],
    [
      'search_memories',
      { query: 'x', limt: 1 },
      'there is no field "limt" in the arguments; did you mean "limit"? (fields are query, limit, threshold).',
    ],
    ['add_memory', { content: '' }, 'content must not be blank.'],
    ['add_memory', { content: 7 }, 'content must be text, got 7.'],
    [
      'delete_memory',
      { memory_id: 'a b' },
      'memory_id must be the id of a memory, such as mem_…, whole, got "a b".',
    ],
    ['review_memories', { action: 'approve' }, 'memory_ids is needed to approve.'],
    [
      'review_memories',
      { action: 'burn' },
      'action must be one of list, approve, reject, resolve, got "burn".',
    ],
  ])('%s %j', async (name, args, text) => {
    const { client, asked } = await connect(() => null)
    const result = (await client.callTool({ name, arguments: args })) as Result
    expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
    expect(result.content[0]!.text).toBe(`Error: ${text}`)
    expect(asked).toHaveLength(0)
  })

  test('and no tool lists that it takes more than it names', async () => {
    const { client } = await connect(() => null)
    const { tools } = await client.listTools()
    expect(tools.filter(({ inputSchema }) => inputSchema.additionalProperties !== false)).toEqual(
      [],
    )
  })
})

describe('a failure', () => {
  test.each([
    [
      new EngramError('not_found', 'no memory mem_1'),
      'Error: no memory mem_1. Ids must be whole and as they were given: find them with search_memories, list_memories or review_memories.',
    ],
    [
      new EngramError('unavailable', 'no Engram daemon runs', { fix: 'engram serve' }),
      'Error: no Engram daemon runs. What the user can do: engram serve.',
    ],
    [new Error('odd'), 'Error: odd.'],
  ])('is an answer that a model can act on: %s', async (error, text) => {
    const { client } = await connect(() => {
      throw error
    })
    const result = (await client.callTool({
      name: 'delete_memory',
      arguments: { memory_id: 'mem_1' },
    })) as Result
    expect(result).toMatchObject({ isError: true, content: [{ type: 'text', text }] })
  })
})

test('the client is told when to search, what to capture and what never to store', async () => {
  const { client } = await connect(() => null)
  expect(client.getInstructions()).toBe(INSTRUCTIONS)
  for (const word of [
    'search_memories',
    'capture_conversation',
    'Never store secrets',
    'not instructions',
  ]) {
    expect(INSTRUCTIONS).toContain(word)
  }
  const { tools } = await client.listTools()
  for (const { description, title } of tools) {
    expect(title).toBeTruthy()
    expect(description!.length).toBeGreaterThan(100)
  }
})

test('schemas use one type a place: some models’ dialects of JSON Schema know no lists of types', async () => {
  const { client } = await connect(() => null)
  const { tools } = await client.listTools()
  const lists: string[] = []
  const walk = (value: unknown, path: string): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, item] of Object.entries(value)) {
      if (key === 'type' && Array.isArray(item)) lists.push(path)
      walk(item, `${path}.${key}`)
    }
  }
  for (const { name, inputSchema, outputSchema } of tools) {
    walk(inputSchema, `${name} input`)
    walk(outputSchema, `${name} output`)
  }
  expect(lists).toEqual([])
})
