import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { answerOf, call, initialize, openTestDaemon, type TestDaemon } from './fixtures/daemon.ts'

setDefaultTimeout(30_000)

let daemon: TestDaemon
let asLocal: { 'x-engram-key': string }
beforeAll(async () => {
  daemon = await openTestDaemon()
  asLocal = { 'x-engram-key': daemon.key }
})
afterAll(() => daemon.close())

type ToolResult = {
  content: { text: string }[]
  structuredContent: Record<string, unknown>
  isError?: boolean
}
const run = async (
  name: string,
  args: object,
  headers: Readonly<Record<string, string>>,
): Promise<ToolResult> =>
  (await answerOf<ToolResult>(await daemon.post(call(name, args), headers))).result!

const newKey = async (body: object) =>
  daemon.rest<{ id: string; api_key: string }>('POST', '/users/me/api-keys', body)

describe('whoever comes without a valid key', () => {
  test.each([
    ['no key', {}],
    ['a key that never was', { 'x-engram-key': 'ek_wrong' }],
    ['a bearer token that never was', { authorization: 'Bearer ek_wrong' }],
    ['another server’s bearer token', { authorization: 'Bearer eyJhbGciOi.x.y' }],
  ])('is refused with %s, and told how to be let in', async (_, headers) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const response = await fetch(`${daemon.url}/mcp`, {
        method,
        headers: { 'content-type': 'application/json', ...headers } as Record<string, string>,
        ...(method === 'POST' ? { body: JSON.stringify(initialize()) } : {}),
      })
      expect(response.status).toBe(401)
      const challenge = response.headers.get('www-authenticate')!
      expect(challenge).toStartWith('Bearer realm="engram"')
      expect(challenge).toContain(
        `resource_metadata="${daemon.url}/.well-known/oauth-protected-resource/mcp"`,
      )
      expect(challenge.includes('error="invalid_token"')).toBe('authorization' in headers)
      expect(await response.json()).toMatchObject({ code: 'unauthorized' })
    }
  })

  test('is refused from the moment on that the key is revoked or over', async () => {
    const { id, api_key: key } = await newKey({ name: 'short' })
    const headers = { authorization: `Bearer ${key}` }
    expect((await daemon.post(call('list_memories'), headers)).status).toBe(200)
    await daemon.rest('DELETE', `/users/me/api-keys/${id}`)
    expect((await daemon.post(call('list_memories'), headers)).status).toBe(401)
  })

  test('is refused by the gate before anything else', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: 'evil.example' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      const response = await daemon.post(initialize(), { ...asLocal, ...headers })
      expect({ headers, status: response.status }).toEqual({ headers, status: 403 })
    }
    const form = await daemon.post('a=b', { ...asLocal, 'content-type': 'text/plain' })
    expect(form.status).toBe(415)
  })
})

test('the admin key acts for the user that it names, and for nobody alone', async () => {
  const managed = await openTestDaemon({
    ENGRAM_ADMIN_KEY: 'a-long-secret-of-the-admin-0123456789',
  })
  try {
    const admin = { 'x-engram-service-key': 'a-long-secret-of-the-admin-0123456789' }
    const alone = await managed.post(call('list_memories'), admin)
    expect(alone.status).toBe(403)
    expect(await alone.json()).toMatchObject({ fix: expect.stringContaining('X-Engram-User-ID') })
    const named = await managed.post(call('list_memories'), {
      ...admin,
      'x-engram-user-id': 'local',
    })
    expect(named.status).toBe(200)
  } finally {
    await managed.close()
  }
})

describe('a key that may only read', () => {
  test('finds and lists, and changes nothing', async () => {
    const { api_key: key } = await newKey({ name: 'reader', scope: 'read' })
    const headers = { 'x-engram-key': key }
    const { structuredContent } = await run('add_memory', { content: 'Likes tea' }, asLocal)
    const { id } = structuredContent.memory as { id: string }
    for (const [name, args] of [
      ['search_memories', { query: 'tea' }],
      ['search_conversations', { query: 'tea' }],
      ['list_memories', {}],
      ['get_retrieval_log', {}],
      ['review_memories', {}],
    ] as const) {
      expect((await run(name, args, headers)).isError ?? false).toBe(false)
    }
    for (const [name, args] of [
      ['add_memory', { content: 'x' }],
      ['capture_conversation', { user_message: 'I like rum.' }],
      ['update_memory', { memory_id: id, content: 'x' }],
      ['delete_memory', { memory_id: id }],
      ['review_memories', { action: 'reject', memory_ids: [id] }],
      ['undo', { target: id }],
    ] as const) {
      const response = await daemon.post(call(name, args), headers)
      // Not a challenge: no page could widen a key.
      expect(response.status).toBe(200)
      const { result } = await answerOf<ToolResult>(response)
      expect({ name, result }).toMatchObject({
        name,
        result: { isError: true, content: [{ text: expect.stringContaining('may only read') }] },
      })
    }
    expect((await run('list_memories', {}, headers)).structuredContent.total).toBe(1)
  })
})

describe('a session of before 2026-07-28', () => {
  const open = async (headers: Record<string, string>, name?: string) =>
    (await daemon.post(initialize(name), headers)).headers.get('mcp-session-id')!

  test('holds the client’s name, and survives whatever happens to the daemon', async () => {
    const session = await open(asLocal, 'cursor')
    expect(session).toMatch(/^[\x21-\x7e]{20,400}$/)
    const captured = await run(
      'capture_conversation',
      { user_message: 'My favourite tea is sencha.' },
      { ...asLocal, 'mcp-session-id': session },
    )
    const id = captured.structuredContent.conversation_id as string
    expect(await daemon.rest<object>('GET', `/conversations/${id}`)).toMatchObject({
      source: 'cursor',
    })
  })

  test('is good with the key that opened it, and with no other', async () => {
    const session = await open(asLocal)
    const { api_key: second } = await newKey({ name: 'second' })
    const other = await daemon.user('other')
    const ask = (key: string, id = session) =>
      daemon.post(call('list_memories'), { 'x-engram-key': key, 'mcp-session-id': id })
    expect((await ask(daemon.key)).status).toBe(200)
    for (const [key, id] of [
      [second, session],
      [other, session],
      [daemon.key, `${session}x`],
      [daemon.key, session.replace(/^./, 'f')],
      [daemon.key, session.replace(/\..*/, '')],
      [daemon.key, '0123456789abcdef'],
    ] as const) {
      const response = await ask(key, id)
      expect(response.status).toBe(404)
      expect(await answerOf(response)).toEqual({
        jsonrpc: '2.0',
        id: 2,
        error: { code: -32001, message: 'Session not found' },
      } as never)
    }
  })

  test('need not be: each request stands alone', async () => {
    expect((await daemon.post(call('list_memories'), asLocal)).status).toBe(200)
    expect(
      (await daemon.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, asLocal)).status,
    ).toBe(202)
  })

  test('cannot be listened to or ended', async () => {
    for (const method of ['GET', 'DELETE']) {
      const response = await fetch(`${daemon.url}/mcp`, {
        method,
        headers: { ...asLocal, accept: 'text/event-stream' },
      })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
    }
    for (const method of ['PUT', 'PATCH']) {
      expect((await fetch(`${daemon.url}/mcp`, { method, headers: asLocal })).status).toBe(405)
    }
  })

  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'speaks revision %s',
    async (protocolVersion) => {
      const message = { ...initialize(), params: { ...initialize().params, protocolVersion } }
      const { result } = await answerOf(await daemon.post(message, asLocal))
      expect(result).toMatchObject({ protocolVersion, serverInfo: { name: 'engram' } })
    },
  )
})

describe('revision 2026-07-28', () => {
  const modern = (method: string, params: object = {}, version = '2026-07-28') => ({
    jsonrpc: '2.0',
    id: 7,
    method,
    params: {
      ...params,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': version,
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'bare', version: '1' },
      },
    },
  })
  const headersOf = (method: string, more: Record<string, string> = {}) => ({
    ...asLocal,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...more,
  })

  test('needs no handshake, gives no session, and says what the server is', async () => {
    const response = await daemon.post(modern('server/discover'), headersOf('server/discover'))
    expect(response.status).toBe(200)
    expect(response.headers.get('mcp-session-id')).toBeNull()
    expect((await answerOf(response)).result).toMatchObject({
      supportedVersions: expect.arrayContaining(['2026-07-28']),
      capabilities: { tools: {}, resources: {}, prompts: {} },
      cacheScope: 'public',
    })
  })

  test('takes the client’s name from each request', async () => {
    const params = {
      name: 'capture_conversation',
      arguments: { user_message: 'My favourite bread is rye.' },
    }
    const response = await daemon.post(
      modern('tools/call', params),
      headersOf('tools/call', { 'mcp-name': 'capture_conversation' }),
    )
    const { result } = await answerOf<ToolResult>(response)
    const id = result!.structuredContent.conversation_id as string
    expect(await daemon.rest<object>('GET', `/conversations/${id}`)).toMatchObject({
      source: 'bare',
    })
  })

  test('refuses headers that say something else than the message', async () => {
    const response = await daemon.post(modern('tools/list'), headersOf('tools/call'))
    expect(response.status).toBe(400)
    expect((await answerOf(response)).error!.code).toBe(-32020)
  })

  test('refuses a revision that is not known, and names those that are', async () => {
    const response = await daemon.post(modern('tools/list', {}, '2099-01-01'), {
      ...headersOf('tools/list'),
      'mcp-protocol-version': '2099-01-01',
    })
    expect(response.status).toBe(400)
    expect(JSON.stringify(await answerOf(response))).toContain('2026-07-28')
  })

  test('does not keep a listener open: nothing here sends changes', async () => {
    const response = await daemon.post(
      modern('subscriptions/listen', { notifications: { toolsListChanged: true } }),
      headersOf('subscriptions/listen'),
    )
    // The stream ends by itself, or this would wait for ever.
    expect(await response.text()).toContain('"id":7')
  })
})

describe('what is no message', () => {
  test.each([
    ['{', 400, -32700],
    ['\u00ff{"jsonrpc"', 400, -32700],
    ['['.repeat(100), 400, -32700],
    [
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"${'y'.repeat(1024 * 1024)}"}}`,
      413,
      -32600,
    ],
  ])('is refused in the words of JSON-RPC: %#', async (body, status, code) => {
    const response = await daemon.post(body, asLocal)
    expect(response.status).toBe(status)
    expect((await answerOf(response)).error!.code).toBe(code)
  })

  test.each([['null'], ['1'], ['{}'], ['[]'], ['{"jsonrpc":"1.0","id":1,"method":"ping"}']])(
    '%s is refused',
    async (body) => {
      const response = await daemon.post(body, asLocal)
      expect(response.status).toBe(400)
      expect((await answerOf(response)).error).toBeDefined()
    },
  )
})

test('whatever is sent, nothing breaks, and what follows is answered', async () => {
  const method = fc.constantFrom(
    'tools/call',
    'tools/list',
    'resources/read',
    'resources/subscribe',
    'prompts/get',
    'completion/complete',
    'logging/setLevel',
    'initialize',
    'server/discover',
    'subscriptions/listen',
    'notifications/cancelled',
    'ping',
    '__proto__',
  )
  const params = fc.oneof(
    fc.jsonValue(),
    fc.record({ name: fc.constantFrom('search_memories', 'undo', 'x'), arguments: fc.jsonValue() }),
    fc.record({ uri: fc.oneof(fc.string(), fc.constant('engram://memories/%00')) }),
    fc.record({
      _meta: fc.record({
        'io.modelcontextprotocol/protocolVersion': fc.oneof(
          fc.constant('2026-07-28'),
          fc.jsonValue(),
        ),
        'io.modelcontextprotocol/clientCapabilities': fc.oneof(fc.constant({}), fc.jsonValue()),
        'io.modelcontextprotocol/clientInfo': fc.jsonValue(),
      }),
    }),
  )
  const message = fc.record(
    {
      jsonrpc: fc.constant('2.0'),
      id: fc.oneof(fc.integer(), fc.string(), fc.jsonValue()),
      method,
      params,
    },
    { requiredKeys: [] },
  )
  const headers = fc.record(
    {
      'mcp-protocol-version': fc.constantFrom('2026-07-28', '2025-11-25', '1', 'x y'),
      'mcp-method': fc.constantFrom('tools/call', 'tools/list', 'x'),
      'mcp-name': fc.constantFrom('search_memories', 'x'),
      'mcp-session-id': fc.constantFrom('x', 'a.b', '.'),
      accept: fc.constantFrom('application/json', 'text/event-stream', '*/*', 'text/html'),
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(message, fc.array(message, { maxLength: 4 }), fc.jsonValue())
  await fc.assert(
    fc.asyncProperty(body, headers, async (sent, more) => {
      const response = await daemon.post(sent ?? null, { ...asLocal, ...more })
      await response.text()
      expect([200, 202, 400, 404, 406]).toContain(response.status)
    }),
    { numRuns: 400 },
  )
  expect((await daemon.post(call('list_memories'), asLocal)).status).toBe(200)
})

describe('a namespace', () => {
  test('is chosen by a header, and is a partition', async () => {
    const work = { ...asLocal, 'x-engram-namespace': 'work' }
    await run('add_memory', { content: 'Works on a compiler' }, work)
    const listed = async (headers: Record<string, string>) =>
      (
        (await run('list_memories', {}, headers)).structuredContent.memories as {
          content: string
        }[]
      ).map(({ content }) => content)
    expect(await listed(work)).toEqual(['Works on a compiler'])
    expect(await listed(asLocal)).not.toContain('Works on a compiler')
  })

  test('with an impossible name is refused', async () => {
    const headers = { ...asLocal, 'x-engram-namespace': 'x'.repeat(200) }
    expect((await daemon.post(call('list_memories'), headers)).status).toBe(422)
  })
})

test('users with the same message ids at the same time get each their own', async () => {
  const users = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const key = await daemon.user(`canary-${i}`)
      await run('add_memory', { content: `canary number ${i}` }, { 'x-engram-key': key })
      return key
    }),
  )
  const answers = await Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      const i = n % users.length
      const response = await daemon.post(call('list_memories', {}, 'same'), {
        'x-engram-key': users[i]!,
      })
      const { id, result } = await answerOf<ToolResult>(response)
      const memories = result!.structuredContent.memories as { content: string }[]
      return { id, expected: `canary number ${i}`, got: memories.map(({ content }) => content) }
    }),
  )
  for (const { id, expected, got } of answers) expect([id, ...got]).toEqual(['same', expected])
})
