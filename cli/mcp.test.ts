import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { environment, jsonOf, MAIN, openHome, until } from './fixtures/harness.ts'
import { GENERATIONS, type Session, type Target } from './fixtures/mcp-clients.ts'
import { isRunning } from './locate.ts'

setDefaultTimeout(60_000)

const home = openHome()
afterAll(() => home.close())

const target: Target = {
  command: (args) => ({
    command: process.execPath,
    args: [MAIN, 'mcp', '--stdio', ...args],
    env: environment(home.path),
  }),
  url: 'http://127.0.0.1:9',
  headers: {},
}

const generation = (name: string) => GENERATIONS.find((one) => one.name === name)!
const openLegacy = () => generation('SDK 1.x over stdio').open(target)
const openModern = () => generation('SDK 2.x over stdio, 2026-07-28').open(target)

test('a daemon that goes away is found again, or started', async () => {
  const session = await openModern()
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
    const tools = await session.tools()
    const schema = (name: string) => tools.find((tool) => tool.name === name)!.inputSchema
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
      source: { minLength: 1, maxLength: 80 },
      session_id: { maxLength: 255 },
    })
    expect(schema('update_memory').required).toEqual(['memory_id', 'content'])
    expect(schema('search_conversations').properties).toMatchObject({
      query: { minLength: 1, maxLength: 4000 },
      limit: { minimum: 1, maximum: 20, default: 5 },
      around: { minimum: 0, maximum: 5, default: 1 },
    })
    expect(schema('review_memories').properties).toMatchObject({
      action: { enum: ['list', 'approve', 'reject', 'resolve'], default: 'list' },
      memory_ids: { minItems: 1, maxItems: 50 },
      resolution: { enum: ['accept_new', 'keep_old', 'keep_both'] },
    })
    expect(tools.every(({ outputSchema }) => outputSchema !== undefined)).toBe(true)
    const reads = tools.filter(
      ({ annotations }) => (annotations as { readOnlyHint?: boolean }).readOnlyHint,
    )
    expect(reads.map(({ name }) => name).sort()).toEqual([
      'get_retrieval_log',
      'list_memories',
      'search_conversations',
      'search_memories',
    ])
    const destroys = tools.filter(
      ({ annotations }) => (annotations as { destructiveHint?: boolean }).destructiveHint,
    )
    expect(destroys.map(({ name }) => name).sort()).toEqual([
      'delete_memory',
      'review_memories',
      'undo',
      'update_memory',
    ])
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

test('whatever comes in, standard output stays a stream of messages', async () => {
  const child = home.start(['mcp', '--stdio'])
  const lines = fc.sample(
    fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ jsonrpc: fc.constant('2.0'), id: fc.jsonValue(), method: fc.string() })
        .map((m) => JSON.stringify(m)),
      fc
        .record({ name: fc.string(), arguments: fc.jsonValue() })
        .map((params) =>
          JSON.stringify({ jsonrpc: '2.0', id: 'fuzz', method: 'tools/call', params }),
        ),
    ),
    200,
  )
  for (const line of lines) child.stdin.write(`${line}\n`)
  const last = { jsonrpc: '2.0', id: 'the last', method: 'tools/list' }
  child.stdin.write(`${JSON.stringify(last)}\n`)
  let text = ''
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('"the last"')) break
  }
  child.stdin.end()
  for (const line of text.trimEnd().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
  }
  expect(await child.exited).toBe(0)
})

describe('the source of what is captured', () => {
  let count = 0
  const capture = async (session: Session, args: object = {}) => {
    const { structuredContent } = await session.call('capture_conversation', {
      user_message: `I play the cello with ${++count} friends.`,
      ...args,
    })
    const id = structuredContent!.conversation_id as string
    const shown = await home.engram(['conversations', 'show', id, '--json'])
    return jsonOf<{ source: string }>(shown).source
  }
  const open = (args: string[]) =>
    generation('SDK 1.x over stdio').open({
      ...target,
      command: (more) => target.command([...args, ...more]),
    })

  test('is --client, else what the model says, else the client’s own name', async () => {
    const named = await open(['--client', 'cursor'])
    const unnamed = await open([])
    try {
      expect(await capture(named)).toBe('cursor')
      expect(await capture(named, { source: 'told' })).toBe('cursor')
      expect(await capture(unnamed, { source: 'told' })).toBe('told')
      expect(await capture(unnamed)).toBe('old-client')
    } finally {
      await Promise.all([named.close(), unnamed.close()])
    }
  })

  test.each(['', '  ', 'x'.repeat(81), 'a\nb'])('--client %j is refused', async (name) => {
    const { code, err, out } = await home.engram(['mcp', '--stdio', '--client', name])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('--client must be a name')
  })
})

test('two clients over stdio and the command line work at once on one folder', async () => {
  const sessions = await Promise.all([openLegacy(), openModern()])
  try {
    const rounds = 20
    const stored = await Promise.all([
      ...sessions.map(async (session, s) => {
        for (let i = 0; i < rounds; i++) {
          const result = await session.call('add_memory', { content: `Client ${s} says ${i}` })
          expect(result.isError ?? false).toBe(false)
        }
      }),
      ...Array.from({ length: 4 }, async (_, i) => {
        expect((await home.engram(['add', `Command line says ${i}`])).code).toBe(0)
      }),
    ])
    expect(stored).toHaveLength(6)
    const listed = jsonOf<{ memories: { content: string }[]; total: number }>(
      await home.engram(['memories', 'list', '--search', 'says', '--limit', '100', '--json']),
    )
    const expected = [
      ...[0, 1].flatMap((s) => Array.from({ length: rounds }, (_, i) => `Client ${s} says ${i}`)),
      ...[0, 1, 2, 3].map((i) => `Command line says ${i}`),
    ]
    expect(listed.memories.map(({ content }) => content).sort()).toEqual(expected.sort())
    const all = jsonOf<{ total: number }>(await home.engram(['memories', 'list', '--json']))
    for (const session of sessions) {
      const { structuredContent } = await session.call('list_memories', { limit: 1 })
      expect(structuredContent!.total).toBe(all.total)
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()))
  }
})
