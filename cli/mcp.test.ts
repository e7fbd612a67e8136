import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Client as ModernClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { environment, MAIN, openHome, until } from './fixtures/harness.ts'
import { isRunning } from './locate.ts'

setDefaultTimeout(60_000)

const home = openHome()
afterAll(() => home.close())

const TOOLS = [
  'add_memory',
  'capture_conversation',
  'delete_memory',
  'get_retrieval_log',
  'list_memories',
  'search_memories',
  'update_memory',
]

type Result = {
  content: { type: string; text: string }[]
  structuredContent?: unknown
  isError?: boolean
}
type Session = Readonly<{
  listTools(): Promise<{
    tools: { name: string; inputSchema: object; outputSchema?: object; annotations?: object }[]
  }>
  call(name: string, args?: Record<string, unknown>): Promise<Result>
  instructions(): string | undefined
  close(): Promise<void>
}>

const server = () => ({
  command: process.execPath,
  args: [MAIN, 'mcp', '--stdio'],
  env: environment(home.path),
  stderr: 'pipe' as const,
})

type Generation = Readonly<{
  name: string
  open(): Promise<Session>
  /** What its user grows, so that two sessions on one daemon do not find each other's. */
  plant: string
  plants: string
  water: string
}>

async function openLegacy(): Promise<Session> {
  const client = new LegacyClient({ name: 'old', version: '1.0.0' })
  await client.connect(new LegacyTransport(server()))
  return {
    listTools: async () => (await client.listTools()) as never,
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as Result,
    instructions: () => client.getInstructions(),
    close: () => client.close(),
  }
}

async function openModern(mode: 'auto' | { pin: string }): Promise<Session> {
  const client = new ModernClient(
    { name: 'new', version: '1.0.0' },
    { versionNegotiation: { mode } },
  )
  await client.connect(new ModernTransport(server()))
  expect(client.getProtocolEra()).toBe('modern')
  return {
    listTools: async () => (await client.listTools()) as never,
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as Result,
    instructions: () => client.getInstructions(),
    close: () => client.close(),
  }
}

/** The first message of a client decides which revision is spoken. */
const GENERATIONS: readonly Generation[] = [
  {
    name: 'SDK 1.x, with a handshake',
    open: openLegacy,
    plant: 'tomato',
    plants: 'tomatoes',
    water: 'river',
  },
  {
    name: 'SDK 2.x, revision 2026-07-28',
    open: () => openModern({ pin: '2026-07-28' }),
    plant: 'cucumber',
    plants: 'cucumbers',
    water: 'lake',
  },
]

describe.each(GENERATIONS)('a client of $name', ({ open, plant, plants, water }) => {
  test('lists seven tools, and remembers, finds, rewords and forgets', async () => {
    const session = await open()
    try {
      expect(session.instructions()).toContain('search_memories')
      const { tools } = await session.listTools()
      expect(tools.map(({ name }) => name).sort()).toEqual(TOOLS)

      const ask = async <T>(name: string, args: Record<string, unknown>) => {
        const result = await session.call(name, args)
        expect(result.isError ?? false).toBe(false)
        expect(JSON.parse(result.content[0]!.text)).toEqual(result.structuredContent)
        return result.structuredContent as T
      }
      type Memory = { id: string; content: string }
      const { memory } = await ask<{ memory: Memory }>('add_memory', {
        content: `User grows ${plants} on the balcony`,
      })
      await home.embedded()
      const found = await ask<{ results: { memory: Memory; score: number }[] }>('search_memories', {
        query: `which ${plant} plants are on the balcony`,
      })
      expect(found.results[0]!.memory).toMatchObject({ id: memory.id })
      const updated = await ask<{ memory: Memory }>('update_memory', {
        memory_id: memory.id,
        content: 'User grows beans in the garden',
      })
      expect(updated.memory.content).toBe('User grows beans in the garden')
      const listed = await ask<{ memories: Memory[]; total: number }>('list_memories', { limit: 1 })
      expect(listed.memories[0]!.id).toBe(memory.id)
      const log = await ask<{ logs: { query: string }[] }>('get_retrieval_log', { limit: 1 })
      expect(log.logs).toHaveLength(1)
      const captured = await ask<{ state: string; extracted_memories: Memory[] }>(
        'capture_conversation',
        {
          user_message: `My favourite ${water} is the Elbe.`,
          assistant_response: 'A fine one.',
          session_id: `session-${plant}`,
        },
      )
      expect(captured.state).toBe('learned')
      expect(captured.extracted_memories).toHaveLength(1)
      expect(await ask<object>('delete_memory', { memory_id: memory.id })).toEqual({
        success: true,
        memory_id: memory.id,
      })

      const gone = await session.call('delete_memory', { memory_id: memory.id })
      expect(gone.isError).toBe(true)
      expect(gone.content[0]!.text).toMatch(
        /^Error: no memory mem_.*search_memories or list_memories/,
      )
    } finally {
      await session.close()
    }
  })

  test('is told what is wrong with its input', async () => {
    const session = await open()
    try {
      for (const [name, args, says] of [
        ['search_memories', {}, 'query'],
        ['search_memories', { query: 'x', limit: 21 }, 'limit'],
        ['search_memories', { query: 'x', threshold: 2 }, 'threshold'],
        ['add_memory', { content: '   ' }, 'content'],
        ['add_memory', { content: 'x'.repeat(4001) }, 'content'],
        ['update_memory', { memory_id: '../users', content: 'x' }, 'memory_id'],
        ['get_retrieval_log', { limit: 51 }, 'limit'],
      ] as const) {
        const said = await session.call(name, args).then(
          (result) => (result.isError ? result.content[0]!.text : 'no error'),
          (error: Error) => error.message,
        )
        expect({ name, args: Object.keys(args), said }).toMatchObject({
          said: expect.stringContaining(says),
        })
      }
    } finally {
      await session.close()
    }
  })
})

test('a daemon that goes away is found again, or started', async () => {
  const session = await openModern('auto')
  try {
    expect((await session.call('list_memories')).isError ?? false).toBe(false)
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { pid } = home.daemon()!
      process.kill(pid, signal)
      await until(() => !isRunning(pid))
      const [said] = (await session.call('list_memories')).content
      expect(said!.text).toStartWith('{"memories":')
    }
  } finally {
    await session.close()
  }
})

test('the advertised schemas carry every bound', async () => {
  const session = await openLegacy()
  try {
    const { tools } = await session.listTools()
    const schema = (name: string) =>
      tools.find((tool) => tool.name === name)!.inputSchema as {
        properties: Record<string, object>
        required?: string[]
      }
    expect(schema('search_memories').properties).toMatchObject({
      query: { type: 'string', minLength: 1, maxLength: 4000 },
      limit: { type: 'integer', minimum: 1, maximum: 20, default: 5 },
      threshold: { type: 'number', minimum: 0, maximum: 1 },
    })
    expect(schema('search_memories').required).toEqual(['query'])
    expect(schema('add_memory').properties).toMatchObject({
      content: { minLength: 1, maxLength: 4000 },
    })
    expect(schema('list_memories').properties).toMatchObject({
      limit: { minimum: 1, maximum: 100, default: 20 },
      offset: { minimum: 0, default: 0 },
    })
    expect(schema('get_retrieval_log').properties).toMatchObject({
      limit: { minimum: 1, maximum: 50, default: 10 },
    })
    expect(schema('capture_conversation').properties).toMatchObject({
      user_message: { maxLength: 20_000 },
      source: { maxLength: 80, default: 'mcp' },
      session_id: { maxLength: 255 },
    })
    expect(schema('update_memory').required).toEqual(['memory_id', 'content'])
    expect(tools.every(({ outputSchema }) => outputSchema !== undefined)).toBe(true)
    const reads = tools.filter(
      ({ annotations }) => (annotations as { readOnlyHint?: boolean }).readOnlyHint,
    )
    expect(reads.map(({ name }) => name).sort()).toEqual([
      'get_retrieval_log',
      'list_memories',
      'search_memories',
    ])
    const destroys = tools.filter(
      ({ annotations }) => (annotations as { destructiveHint?: boolean }).destructiveHint,
    )
    expect(destroys.map(({ name }) => name).sort()).toEqual(['delete_memory', 'update_memory'])
  } finally {
    await session.close()
  }
})

test('standard output carries messages only, and the session ends with its input', async () => {
  const child = home.start(['mcp', '--stdio'])
  const send = (message: object) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  send({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2024-11-05',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    },
  })
  send({ method: 'notifications/initialized' })
  child.stdin.write('this is not JSON\n')
  send({ id: 2, method: 'tools/call', params: { name: 'list_memories', arguments: {} } })
  const lines: { id?: number; result?: unknown }[] = []
  let text = ''
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk)
    const complete = text.split('\n')
    text = complete.pop()!
    for (const line of complete) lines.push(JSON.parse(line))
    if (lines.some(({ id }) => id === 2)) break
  }
  expect(lines.map(({ id }) => id)).toEqual([1, 2])
  expect(lines[0]).toMatchObject({
    result: { protocolVersion: '2024-11-05', serverInfo: { name: 'engram' } },
  })
  child.stdin.end()
  expect(await child.exited).toBe(0)
})
