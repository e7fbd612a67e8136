import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TOOLS } from '../daemon/mcp/tools.ts'
import { environment, MAIN, openHome } from './fixtures/harness.ts'
import { GENERATIONS, type Session, type Target } from './fixtures/mcp-clients.ts'

setDefaultTimeout(60_000)

const home = openHome()
const env = { ENGRAM_LEGACY_SSE: '1' }
let url = ''
let headers: Record<string, string> = {}

beforeAll(async () => {
  await home.engram(['memories', 'list'], { env })
  url = home.daemon()!.url
  headers = { 'x-engram-key': readFileSync(join(home.path, 'local.key'), 'utf8').trim() }
})
afterAll(() => home.close())

/** Each client has a namespace of its own: what one stores is not what another finds. */
const targetOf = (namespace: string): Target => ({
  command: (args) => ({
    command: process.execPath,
    args: [MAIN, 'mcp', '--stdio', ...args],
    env: environment(home.path, env),
  }),
  url,
  headers,
  namespace,
})

type Memory = { id: string; content: string; status: string; category: string; pinned: boolean }

describe.each(GENERATIONS)('$name', ({ name, open }) => {
  const namespace = name.replace(/\W+/g, '-')
  let session: Session
  beforeAll(async () => {
    session = await open(targetOf(namespace))
  })
  afterAll(() => session.close())

  /** A call that succeeds, whose text and structure say the same. */
  async function ask<T>(tool: string, args: Record<string, unknown> = {}): Promise<T> {
    const result = await session.call(tool, args)
    if (result.isError) throw new Error(result.content[0]!.text)
    expect(JSON.parse(result.content[0]!.text)).toEqual(result.structuredContent)
    return result.structuredContent as T
  }

  const add = async (content: string, more: object = {}) =>
    (await ask<{ memory: Memory }>('add_memory', { content, ...more })).memory

  /** As it stands in the store. */
  async function rest(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(url + path, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    expect(answer.ok).toBe(true)
    return answer.json()
  }

  test('lists the tools, and says how to use them', async () => {
    const tools = await session.tools()
    expect(tools.map((tool) => tool.name)).toEqual(TOOLS.map((tool) => tool.name))
    expect(tools.every((tool) => tool.outputSchema !== undefined)).toBe(true)
    expect(session.instructions()).toContain('call search_memories')
  })

  test('remembers, finds by other words, rewords and forgets', async () => {
    const memory = await add('User grows tomatoes on the balcony', { category: 'Hobbies' })
    expect(memory).toMatchObject({ category: 'hobbies', status: 'approved' })
    await home.embedded()
    const found = await ask<{ results: { memory: Memory; score: number }[] }>('search_memories', {
      query: 'which vegetable plants do they have at home',
    })
    expect(found.results[0]!.memory.id).toBe(memory.id)
    expect(found.results[0]!.score).toBeGreaterThan(0.5)
    expect(
      await ask<object>('search_memories', { query: 'which lawyer represents them in court' }),
    ).toMatchObject({ results: [] })

    const updated = await ask<{ memory: Memory }>('update_memory', {
      memory_id: memory.id,
      content: 'User grows beans in the garden',
      pinned: true,
    })
    expect(updated.memory).toMatchObject({
      id: memory.id,
      content: 'User grows beans in the garden',
      pinned: true,
    })
    const listed = await ask<{ memories: Memory[]; total: number }>('list_memories', { limit: 1 })
    expect(listed.memories[0]!.id).toBe(memory.id)
    expect(await ask<object>('list_memories', { category: 'hobbies', offset: 1 })).toMatchObject({
      memories: [],
      total: 1,
      offset: 1,
    })

    const log = await ask<{ logs: { query: string }[] }>('get_retrieval_log', { limit: 2 })
    expect(log.logs.map(({ query }) => query)).toEqual([
      'which lawyer represents them in court',
      'which vegetable plants do they have at home',
    ])
    expect(await ask<object>('delete_memory', { memory_id: memory.id })).toEqual({
      success: true,
      memory_id: memory.id,
    })
    const gone = await session.call('delete_memory', { memory_id: memory.id })
    expect(gone.isError).toBe(true)
    expect(gone.content[0]!.text).toMatch(/^Error: no memory mem_\S+\. Ids must be whole/)
  })

  test('learns from an exchange, and finds what was said', async () => {
    const captured = await ask<{
      state: string
      conversation_id: string
      extracted_memories: Memory[]
    }>('capture_conversation', {
      user_message: 'My favourite river is the Elbe.',
      assistant_response: 'The Spree has fine islands as well.',
      session_id: 'one',
    })
    expect(captured.state).toBe('learned')
    expect(captured.extracted_memories[0]!.content).toContain('Elbe')
    const conversation = (await rest('GET', `/conversations/${captured.conversation_id}`)) as {
      source: string
      session_id: string
    }
    expect(conversation).toMatchObject({
      source: name.startsWith('SDK 1') ? 'old-client' : 'new-client',
      session_id: 'one',
    })
    await home.embedded()
    const said = await ask<{
      results: {
        conversation_id: string
        turns: { role: string; content: string; found: boolean }[]
      }[]
    }>('search_conversations', { query: 'which islands did you praise' })
    expect(said.results[0]).toMatchObject({
      conversation_id: captured.conversation_id,
      turns: [
        { role: 'user', content: 'My favourite river is the Elbe.', found: false },
        { role: 'assistant', content: 'The Spree has fine islands as well.', found: true },
      ],
    })
  })

  test('shows what waits, and carries out decisions', async () => {
    const waits = await Promise.all(['One', 'Two', 'Three'].map((word) => add(`Waiting ${word}`)))
    const [one, two, three] = waits.map(({ id }) => id) as [string, string, string]
    for (const id of [one, two, three])
      await rest('PATCH', `/memories/${id}`, { status: 'pending' })
    type Review = { pending: Memory[]; pending_total: number; decided: Memory[] }
    const listed = await ask<Review>('review_memories')
    expect(listed.pending.map(({ id }) => id).sort()).toEqual([one, two, three].sort())
    expect(listed).toMatchObject({ pending_total: 3, decided: [] })

    const bad = { action: 'approve', memory_ids: [one, 'mem_unknown'] }
    expect((await session.call('review_memories', bad)).isError).toBe(true)
    expect((await ask<Review>('review_memories')).pending_total).toBe(3)

    expect(
      await ask<Review>('review_memories', { action: 'approve', memory_ids: [one, two] }),
    ).toMatchObject({
      decided: [
        { id: one, status: 'approved' },
        { id: two, status: 'approved' },
      ],
      pending_total: 1,
    })
    expect(
      await ask<Review>('review_memories', { action: 'reject', memory_ids: [three] }),
    ).toMatchObject({ decided: [{ id: three, status: 'rejected' }], pending_total: 0 })
  })

  test('settles a contradiction', async () => {
    for (const user_message of ['I love jazz.', 'I hate jazz.']) {
      await ask('capture_conversation', { user_message })
    }
    type Review = { conflicts: { id: string; existing_memory: Memory; proposed_memory: Memory }[] }
    const { conflicts } = await ask<Review>('review_memories')
    expect(conflicts).toHaveLength(1)
    const [{ id, existing_memory: old, proposed_memory: proposed }] = conflicts as [
      Review['conflicts'][0],
    ]
    const settled = await ask<Review & { decided: Memory[] }>('review_memories', {
      action: 'resolve',
      conflict_id: id,
      resolution: 'accept_new',
    })
    expect(settled).toMatchObject({
      conflicts: [],
      decided: [
        { id: old.id, status: 'superseded' },
        { id: proposed.id, status: 'approved' },
      ],
    })
  })

  test('takes a change back', async () => {
    const { id } = await add('Drinks oat milk')
    await ask('update_memory', { memory_id: id, content: 'Drinks soy milk' })
    expect(await ask<object>('undo', { target: id })).toMatchObject({
      undone: [
        {
          memory_id: id,
          before: { content: 'Drinks soy milk' },
          after: { content: 'Drinks oat milk' },
        },
      ],
    })
    await ask('delete_memory', { memory_id: id })
    expect(await ask<object>('undo', { target: id })).toMatchObject({
      undone: [{ before: null, after: { content: 'Drinks oat milk' } }],
    })
  })

  test('reads the profile, the newest memories and one of them', async () => {
    const uris = (await session.resources()).map(({ uri }) => uri)
    expect(uris).toEqual(['engram://profile', 'engram://recent'])
    expect((await session.templates()).map(({ uriTemplate }) => uriTemplate)).toEqual([
      'engram://memories/{id}',
    ])
    await add('Is called Ada', { category: 'profile' })
    const pinned = await add('Writes <b> in code', { pinned: true })
    await add('Always answer in British English')
    await add('Prefers short answers', { category: 'preferences' })
    await add('The cat is in the shed')
    const [profile] = await session.read('engram://profile')
    const lines = profile!.text!.split('\n').filter((line) => line.startsWith('- '))
    const places = ['Writes', 'Ada', 'British', 'short answers'].map((word) =>
      lines.findIndex((line) => line.includes(word)),
    )
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places[0]).toBe(0)
    expect(profile!.text).toStartWith('<engram-memory>')
    expect(lines[0]).toBe('- "Writes \\u003cb> in code"')
    expect(profile!.text).not.toContain('cat')
    expect((await session.read('engram://profile'))[0]!.text).toBe(profile!.text!)

    const [recent] = await session.read('engram://recent')
    const { memories } = JSON.parse(recent!.text!) as { memories: Memory[] }
    expect(memories[0]!.content).toBe('The cat is in the shed')
    const [one] = await session.read(`engram://memories/${pinned.id}`)
    expect(one).toMatchObject({ mimeType: 'application/json' })
    expect(JSON.parse(one!.text!)).toMatchObject({ id: pinned.id, evidence: { quote: null } })
    for (const uri of [
      'engram://memories/mem_unknown',
      'engram://memories/..%2Fusers',
      'engram://other',
    ]) {
      await expect(session.read(uri)).rejects.toThrow(/not found/i)
    }
  })

  test('offers prompts that hold what is known', async () => {
    expect((await session.prompts()).map((prompt) => prompt.name)).toEqual([
      'recall',
      'remember',
      'capture',
      'review',
    ])
    await add('Rides a folding bicycle to work')
    await home.embedded()
    const recalled = await session.prompt('recall', { topic: 'how do they get to work' })
    expect(recalled).toContain('- "Rides a folding bicycle to work"')
    expect(await session.prompt('recall', { topic: 'opera tickets in Vienna' })).toContain(
      'Engram knows nothing about it',
    )
    expect(await session.prompt('remember', { statement: 'I am left-handed' })).toContain(
      '"I am left-handed"',
    )
    expect(await session.prompt('capture')).toContain('capture_conversation')
    expect(await session.prompt('review')).toContain('review_memories')
    await expect(session.prompt('recall', {})).rejects.toThrow('topic')
  })

  test('is told what is wrong with its input', async () => {
    for (const [tool, args, says] of [
      ['search_memories', {}, 'query'],
      ['search_memories', { query: 'x', limit: 21 }, 'limit'],
      ['search_memories', { query: 'x', threshold: 2 }, 'threshold'],
      ['search_memories', { query: 'x\u0000' }, 'control characters'],
      ['search_memories', { query: 'x\ud800' }, 'well-formed'],
      ['search_conversations', { query: 'x', around: 6 }, 'around'],
      ['add_memory', { content: '   ' }, 'content'],
      ['add_memory', { content: 'x'.repeat(4001) }, 'content'],
      ['update_memory', { memory_id: '../users', content: 'x' }, 'memory_id'],
      ['list_memories', { offset: -1 }, 'offset'],
      ['get_retrieval_log', { limit: 51 }, 'limit'],
      ['review_memories', { action: 'approve' }, 'memory_ids is needed to approve'],
      ['review_memories', { action: 'resolve', conflict_id: 'cfl_1' }, 'resolution is needed'],
      ['undo', { target: 'a b' }, 'target'],
      ['no_such_tool', {}, 'no_such_tool'],
    ] as const) {
      const said = await session.call(tool, args).then(
        (result) => (result.isError ? result.content[0]!.text : 'no error'),
        (error: Error) => error.message,
      )
      expect({ tool, args: Object.keys(args), said }).toMatchObject({
        said: expect.stringContaining(says),
      })
    }
  })
})
