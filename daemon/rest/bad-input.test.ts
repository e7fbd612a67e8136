import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { type Running, runDaemon } from '../fixtures/running.ts'
import { ROUTES } from '../routes.ts'

setDefaultTimeout(120_000)

let daemon: Running
let key: string
let memoryId: string

beforeAll(async () => {
  daemon = await runDaemon({}, { demo: true })
  key = await daemon.newUser('ada')
  const { json } = await daemon.call('POST', '/memories', { key, body: { content: 'Likes tea' } })
  memoryId = json.id
})
afterAll(() => daemon?.close())

const call = (method: string, path: string, body?: unknown) =>
  daemon.call(method, path, { key, ...(body === undefined ? {} : { body }) })

/** What the user has; nothing that is refused may change it. */
async function holdings(): Promise<object> {
  const { json: memories } = await call('GET', '/memories?status=all&limit=100')
  const { json: conversations } = await call('GET', '/conversations')
  const { json: me } = await call('GET', '/users/me')
  return { memories, conversations: conversations.total, me }
}

type Body = Record<string, unknown>
type Target = Readonly<{ method: string; path: string; valid: Body; texts: readonly string[] }>

const TARGETS: readonly Target[] = [
  {
    method: 'POST',
    path: '/memories',
    valid: { content: 'x' },
    texts: ['content', 'category', 'namespace'],
  },
  {
    method: 'PATCH',
    path: '/memories/:memory',
    valid: { content: 'x' },
    texts: ['content', 'category'],
  },
  {
    method: 'POST',
    path: '/memories/search',
    valid: { query: 'x' },
    texts: ['query', 'namespace'],
  },
  {
    method: 'POST',
    path: '/memories/capture?wait=0',
    valid: { user_message: 'x' },
    texts: ['user_message', 'assistant_response', 'source', 'session_id', 'namespace'],
  },
  { method: 'POST', path: '/users/me/api-keys', valid: { name: 'x' }, texts: ['name'] },
  { method: 'POST', path: '/memories/undo', valid: { target: 'x' }, texts: ['target'] },
]

/** Values that are no fit text, as JSON writes them. */
const UNFIT: readonly (readonly [name: string, json: string])[] = [
  ['NUL', '"a\\u0000b"'],
  ['a control character', '"a\\u001bb"'],
  ['half of a surrogate pair', '"a\\ud800b"'],
  ['the other half', '"\\udc00"'],
  ['a number', '7'],
  ['a number too large', '1e309'],
  ['a list', '[]'],
  ['an object', '{"$ne":null}'],
  ['yes', 'true'],
]

describe('every text of every body', () => {
  for (const { method, path, valid, texts } of TARGETS) {
    for (const field of texts) {
      test(`${method} ${path} ${field}`, async () => {
        const before = await holdings()
        const long = JSON.stringify('x'.repeat(300_000))
        for (const [name, value] of [...UNFIT, ['too long a text', long] as const]) {
          const { [field]: _replaced, ...rest } = valid
          const others = JSON.stringify(rest).slice(1, -1)
          const body = `{${[others, `"${field}":${value}`].filter(Boolean).join(',')}}`
          const { status, json, text } = await call(method, path.replace(':memory', memoryId), body)
          expect({ name, status, isRefused: status >= 400 && status < 500 }).toEqual({
            name,
            status,
            isRefused: true,
          })
          expect(json.detail).toContain(field)
          expect(json.code).toMatch(/^(?:invalid|malformed|too_large)$/)
          expect(text.length).toBeLessThan(1_000)
        }
        expect(await holdings()).toEqual(before)
      })
    }
  }
})

describe('bodies that are no JSON of ours', () => {
  const withBodies = ROUTES.filter(
    ({ method, access }) => method !== 'GET' && method !== 'DELETE' && access !== 'admin',
  ).filter(({ body }) => body !== null)
  const bodies: readonly (readonly [string, string, number])[] = [
    ['nothing', '', 400],
    ['half a document', '{"content": "a', 400],
    ['a list', '[]', 422],
    ['a text', '"content"', 422],
    ['null', 'null', 422],
    ['two documents', '{}{}', 400],
    ['a comment', '{/* */}', 400],
    ['a trailing comma', '{"content":"a",}', 400],
    ['a deep list', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    ['a deep object', `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`, 400],
  ]
  for (const route of withBodies) {
    test(`${route.method} ${route.path}`, async () => {
      const path = route.path.replace(/:\w+/g, memoryId)
      for (const [name, body, expected] of bodies) {
        const { status, json } = await call(route.method, path, body)
        const isRefused = status === expected || (expected === 422 && status === 400)
        expect({ name, status, isRefused }).toEqual({ name, status, isRefused: true })
        const inner = json.detail ?? json.error.message
        expect(inner).toBeString()
      }
    })
  }

  test('other content types and encodings are refused before they are read', async () => {
    const before = await holdings()
    const refused: Record<string, string>[] = [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ]
    for (const headers of refused) {
      const { status } = await daemon.call('POST', '/memories', {
        key,
        body: '{"content":"a"}',
        headers,
      })
      expect({ headers, status }).toEqual({ headers, status: 415 })
    }
    expect(await holdings()).toEqual(before)
  })

  test('ten megabytes are refused by their size', async () => {
    const content = 'x'.repeat(10 * 1024 * 1024)
    const { status, json } = await call('POST', '/memories', { content })
    expect({ status, code: json.code }).toEqual({ status: 413, code: 'too_large' })
  })

  test('bytes that are no UTF-8 are refused', async () => {
    const response = await fetch(`${daemon.url}/memories`, {
      method: 'POST',
      headers: { 'x-engram-key': key, 'content-type': 'application/json' },
      body: new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    })
    expect(response.status).toBe(400)
    expect(((await response.json()) as { code: string }).code).toBe('malformed')
  })
})

describe('numbers, names and ids', () => {
  test.each([
    ['GET', '/memories?limit=0'],
    ['GET', '/memories?limit=-1'],
    ['GET', '/memories?limit=1e9'],
    ['GET', '/memories?limit=1.5'],
    ['GET', '/memories?limit=many'],
    ['GET', '/memories?offset=-1'],
    ['GET', '/memories?order=content'],
    ['GET', '/memories?status=deleted'],
    ['GET', '/memories?namespace='],
    ['GET', `/memories?namespace=${'n'.repeat(129)}`],
    ['GET', '/memories?search=a%00b'],
    ['GET', '/logs?limit=101'],
    ['GET', '/logs?kind=all'],
    ['GET', '/jobs?state=lost'],
  ])('%s %s is refused with the name of the field', async (method, path) => {
    const { status, json } = await call(method, path)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    const field = /\?(\w+)=/.exec(path)![1]!
    expect(json.detail).toContain(field)
  })

  test.each([
    [{ query: 'x', limit: 0 }],
    [{ query: 'x', limit: 101 }],
    [{ query: 'x', limit: 2.5 }],
    [{ query: 'x', limit: '5' }],
    [{ query: 'x', threshold: 2 }],
    [{ query: 'x', threshold: 'high' }],
    [{ query: ' \n ' }],
    [{}],
  ])('a search for %j is refused', async (body) => {
    const { status, json } = await call('POST', '/memories/search', body)
    expect(status).toBe(422)
    expect(json.code).toBe('invalid')
  })

  test.each([
    '..%2f..%2fetc%2fpasswd',
    '%00',
    'mem_%F0%9F%A4%B7',
    "' or 1=1 --",
    '0',
    'null',
    'x'.repeat(5_000),
    'constructor',
    '__proto__',
  ])('nothing is found under the id %p', async (id) => {
    const encoded = id.includes('%') ? id : encodeURIComponent(id)
    for (const path of ['/memories/', '/logs/', '/conversations/', '/jobs/']) {
      const { status } = await call('GET', path + encoded)
      expect({
        path,
        status,
        isRefused: status === 404 || status === 400 || status === 422,
      }).toEqual({ path, status, isRefused: true })
    }
  })

  test('an unknown path and a wrong method say so', async () => {
    expect((await call('GET', '/nothing/here')).json.code).toBe('not_found')
    const wrong = await call('PATCH', '/memories', {})
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('allow')).toContain('POST')
  })

  test('fields named as parts of an object are only fields', async () => {
    const body = '{"content":"Proto","__proto__":{"pinned":true},"constructor":{"x":1}}'
    const { status, json } = await call('POST', '/memories', body)
    expect(status).toBe(422)
    expect(json.detail).toBe('there is no field "__proto__" in the body')
    expect(({} as { pinned?: boolean }).pinned).toBeUndefined()
  })

  test('metadata too large, and times that are none', async () => {
    const post = (more: object) => call('POST', '/memories', { content: 'x', ...more })
    const large = await post({ metadata: { a: 'x'.repeat(17_000) } })
    expect(large.json.detail).toContain('metadata')
    for (const expires of ['tomorrow', '2024-13-45', 1e300, {}, '1']) {
      const { status, json } = await post({ expires_at: expires })
      expect({ expires, status }).toEqual({ expires, status: 422 })
      expect(json.detail).toContain('expires_at')
    }
  })
})

describe('what people write', () => {
  test.each([
    'Emoji 👩‍👩‍👧‍👦 and flags 🇵🇹',
    'العربية من اليمين',
    'Zero\u200bwidth and \u202eoverride',
    'NFC é and NFD e\u0301',
    'Line\nbreaks\tand tabs',
    '"quotes" \\ back\\slashes',
    "% _ * ? ' ; --",
    '\ufeffa byte order mark',
    '9007199254740993',
    'undefined null NaN',
  ])('%p comes back as it was stored', async (content) => {
    const { status, json } = await call('POST', '/memories', { content })
    expect(status).toBe(201)
    expect(json.content).toBe(content.trim())
    const found = await call('POST', '/memories/search', { query: content, threshold: 0 })
    expect(found.status).toBe(200)
    const shown = await call('GET', `/memories/${json.id}`)
    expect(shown.json.content).toBe(content.trim())
    await call('DELETE', `/memories/${json.id}`)
  })
})

describe('headers', () => {
  test.each([
    ['x-engram-key', ''],
    ['x-engram-key', 'ek_'],
    ['x-engram-key', 'x'.repeat(8_000)],
    ['x-engram-key', "ek_' or '1'='1"],
    ['authorization', 'Bearer ek_'],
    ['x-engram-user-id', 'somebody else'],
  ])('%s: %p opens nothing', async (name, value) => {
    const { status } = await daemon.call('GET', '/memories', {
      ...(name === 'x-engram-user-id' ? { key } : {}),
      headers: { [name]: value },
    })
    expect([401, 403]).toContain(status)
  })

  test.each([
    ['x-engram-memory', 'sometimes'],
    ['x-engram-provider', '__proto__'],
    ['x-engram-provider', 'http://203.0.113.1/v1'],
    ['x-engram-disable-injection', 'perhaps'],
    ['x-engram-namespace', 'n'.repeat(200)],
    ['x-engram-conversation-id', 'c'.repeat(300)],
  ])('a chat with %s: %p is refused in the form of its clients', async (name, value) => {
    const { status, json } = await daemon.call('POST', '/v1/chat', {
      key,
      headers: { [name]: value },
      body: { model: 'demo', messages: [{ role: 'user', content: 'Hi' }] },
    })
    expect(status).toBe(400)
    expect(json.error.message.toLowerCase()).toContain(name.replace('x-engram-', '').split('-')[0])
    expect(json.error.type).toBeString()
  })

  /** Sends bytes as they are; fetch would not. @returns the status, 0 when the connection just ends */
  function raw(bytes: string): Promise<number> {
    const { hostname, port } = new URL(daemon.url)
    return new Promise((resolve) => {
      let answer = ''
      const socket = connect(Number(port), hostname, () => socket.end(bytes))
      const done = () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0))
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1')
      })
      socket.on('close', done)
      socket.on('error', done)
    })
  }

  test.each([
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['a foreign Host', 'GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
    ['two Hosts', 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n'],
    ['a Host with a path', 'GET /health HTTP/1.1\r\nHost: 127.0.0.1/#@evil\r\n\r\n'],
    [
      'two lengths',
      'POST /memories HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'a negative length',
      'POST /memories HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n',
    ],
    ['no HTTP', 'hello\r\n\r\n'],
  ])('%s is refused, and the daemon goes on', async (_name, bytes) => {
    const status = await raw(bytes)
    expect(status === 0 || (status >= 400 && status < 500)).toBe(true)
    expect((await daemon.call('GET', '/health')).status).toBe(200)
  })
})
