import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  type HeaderFields,
  type Person,
  type Proxying,
  startProxying,
} from './fixtures/proxying.ts'
import { header, type Received } from './fixtures/upstream.ts'

setDefaultTimeout(60_000)

let proxying: Proxying
let ann: Person
let token: string
beforeAll(async () => {
  proxying = await startProxying()
  ann = await proxying.person('User drinks green tea')
  const made = await ann.call('POST', '/users/me/api-keys', {
    body: { name: 'a base URL', scope: 'proxy' },
  })
  token = made.json.api_key
})
afterAll(() => proxying?.stop())

const CHAT = { model: 'm', messages: [{ role: 'user', content: 'Which tea do I drink?' }] }
const MESSAGES = { ...CHAT, max_tokens: 9 }
const CONTENTS = { contents: [{ role: 'user', parts: [{ text: 'Which tea do I drink?' }] }] }

const send = (path: string, body: unknown, headers: HeaderFields) =>
  proxying.send(path, body, headers)
const credentials = ({ headers }: Received) =>
  Object.fromEntries(
    headers.filter(([name]) =>
      ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'].includes(name),
    ),
  )
const hasMemory = () => proxying.last().body.includes('green tea')

/** No key of ours, whole or in half, is anywhere in what left. */
function expectNoSecret(received: Received): void {
  const all = JSON.stringify([received.target, received.headers, received.body.toString()])
  expect(all).not.toMatch(/ek_/)
  expect(received.headers.some(([name]) => name.startsWith('x-engram'))).toBe(false)
}

describe('an Engram key', () => {
  test.each<
    [where: string, path: string, body: unknown, (key: string) => HeaderFields, HeaderFields]
  >([
    [
      'in its own header, beside the client’s own',
      '/v1/chat/completions',
      CHAT,
      (key) => ({ 'x-engram-key': key, authorization: 'Bearer sk-own' }),
      { authorization: 'Bearer sk-own' },
    ],
    [
      'in its own header, and two keys of the provider',
      '/v1/messages',
      MESSAGES,
      (key) => ({ 'x-engram-key': key, authorization: 'Bearer sk-1', 'x-api-key': 'sk-2' }),
      { authorization: 'Bearer sk-1', 'x-api-key': 'sk-2' },
    ],
    [
      'in its own header alone: the configured key is spent',
      '/v1/messages',
      MESSAGES,
      (key) => ({ 'x-engram-key': key }),
      { 'x-api-key': 'sk-configured-anthropic' },
    ],
    [
      'as a bearer token',
      '/v1/chat/completions',
      CHAT,
      (key) => ({ authorization: `Bearer ${key}` }),
      { authorization: 'Bearer sk-configured-openai' },
    ],
    [
      'as a bearer token of Anthropic’s client',
      '/v1/messages',
      MESSAGES,
      (key) => ({ authorization: `Bearer ${key}`, 'anthropic-version': '2026-10-21' }),
      { 'x-api-key': 'sk-configured-anthropic' },
    ],
    [
      'as a bearer token with the provider’s behind it',
      '/v1/messages',
      MESSAGES,
      (key) => ({ authorization: `Bearer ${key}~sk-ant-own` }),
      { authorization: 'Bearer sk-ant-own' },
    ],
    [
      'in x-api-key with the provider’s behind it',
      '/v1/messages',
      MESSAGES,
      (key) => ({ 'x-api-key': `${key}~sk-ant-own~x` }),
      { 'x-api-key': 'sk-ant-own~x' },
    ],
    [
      'in x-goog-api-key',
      '/v1beta/models/g:generateContent',
      CONTENTS,
      (key) => ({ 'x-goog-api-key': key }),
      { 'x-goog-api-key': 'configured-gemini' },
    ],
    [
      'for Google’s OpenAI dialect',
      '/gemini/v1beta/openai/chat/completions',
      CHAT,
      (key) => ({ authorization: `Bearer ${key}` }),
      { authorization: 'Bearer configured-gemini' },
    ],
    [
      'for Ollama, which needs no other',
      '/api/chat',
      CHAT,
      (key) => ({ authorization: `Bearer ${key}` }),
      {},
    ],
    [
      'with a key for this request alone',
      '/v1/chat/completions',
      CHAT,
      (key) => ({ 'x-engram-key': key, 'x-engram-provider-key': 'sk-once', authorization: 'x' }),
      { authorization: 'Bearer sk-once' },
    ],
    [
      'twice, in its header and where the provider’s would stand',
      '/v1/chat/completions',
      CHAT,
      (key) => ({ 'x-engram-key': key, authorization: `Bearer ${key}` }),
      { authorization: 'Bearer sk-configured-openai' },
    ],
  ])('%s', async (_, path, body, headers, sent) => {
    const { status, memory } = await send(path, body, headers(ann.key))
    expect({ status, memory }).toEqual({ status: 200, memory: 'used' })
    expect(credentials(proxying.last())).toEqual(sent)
    expect(hasMemory()).toBe(true)
    expectNoSecret(proxying.last())
  })

  test.each([
    ['/openai/v1/chat/completions', CHAT, '/v1/chat/completions'],
    ['/v1/messages', MESSAGES, '/v1/messages'],
    ['/gemini/v1beta/models/g:generateContent', CONTENTS, '/v1beta/models/g:generateContent'],
    ['/ollama/api/chat', CHAT, '/api/chat'],
  ])('in the path, of scope proxy: %s', async (path, body, target) => {
    const { status, memory } = await send(`/u/${token}${path}`, body, {})
    expect({ status, memory }).toEqual({ status: 200, memory: 'used' })
    expect(proxying.last().target).toBe(target)
    expect(hasMemory()).toBe(true)
    expectNoSecret(proxying.last())
  })

  test('in the path: the client’s own key goes on, the configured one is spent without', async () => {
    await send(`/u/${token}/v1/chat/completions`, CHAT, { authorization: 'Bearer sk-own' })
    expect(credentials(proxying.last())).toEqual({ authorization: 'Bearer sk-own' })
    await send(`/u/${token}/v1/chat/completions`, CHAT, {})
    expect(credentials(proxying.last())).toEqual({ authorization: 'Bearer sk-configured-openai' })
  })

  test('in the path: one that opens more than the proxy is refused', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    for (const key of [ann.key, 'ek_nonsense', 'x']) {
      const { status, text } = await send(`/u/${key}/v1/chat/completions`, CHAT, {})
      expect(status).toBe(401)
      expect(text).not.toContain(ann.key)
    }
    expect(proxying.upstream.requests).toHaveLength(0)
  })

  test('of scope proxy is good for every way into the proxy, and for nothing else', async () => {
    const given: HeaderFields[] = [
      { 'x-engram-key': token },
      { authorization: `Bearer ${token}` },
      { 'x-api-key': `${token}~sk-own` },
    ]
    for (const headers of given) {
      expect((await send('/v1/messages', MESSAGES, headers)).memory).toBe('used')
      expectNoSecret(proxying.last())
    }
    const { status } = await proxying.running.call('GET', '/memories', { key: token })
    expect(status).toBe(403)
  })

  test('that is revoked opens nothing from then on', async () => {
    const made = await ann.call('POST', '/users/me/api-keys', {
      body: { name: 'to be revoked', scope: 'proxy' },
    })
    const path = `/u/${made.json.api_key}/v1/chat/completions`
    expect((await send(path, CHAT, {})).status).toBe(200)
    const listed = await ann.call('GET', '/users/me/api-keys')
    expect(listed.json.at(-1)).toMatchObject({ scope: 'proxy', hint: expect.any(String) })
    await ann.call('DELETE', `/users/me/api-keys/${made.json.id}`)
    expect((await send(path, CHAT, {})).status).toBe(401)
  })

  test('that is not valid is refused, and nobody else takes its place', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const wrong = `ek_${'A'.repeat(49)}`
    const given: HeaderFields[] = [
      { 'x-engram-key': wrong },
      { 'x-engram-key': '', authorization: 'Bearer sk-own' },
      { authorization: `Bearer ${wrong}` },
      { authorization: `Bearer ${wrong}~sk-own` },
      { 'x-api-key': 'ek_' },
      { authorization: `Bearer ${ann.key}`, 'x-api-key': token },
      { 'x-engram-key': wrong, authorization: `Bearer ${ann.key}` },
    ]
    for (const headers of given) {
      const { status, text } = await send('/v1/messages', MESSAGES, headers)
      expect({ headers, status }).toEqual({ headers, status: 401 })
      expect(text).not.toMatch(/ek_A|ek_[0-9A-Za-z]{20}/)
    }
    expect(proxying.upstream.requests).toHaveLength(0)
  })

  test('names its own user only', async () => {
    const other = { 'x-engram-key': ann.key, 'x-engram-user-id': 'somebody' }
    expect((await send('/v1/chat/completions', CHAT, other)).status).toBe(403)
    const inPath = { 'x-engram-user-id': 'somebody' }
    expect((await send(`/u/${token}/v1/chat/completions`, CHAT, inPath)).status).toBe(403)
    expect((await send('/v1/chat/completions', CHAT, inPath)).status).toBe(401)
  })

  test('that may only read is not learned from', async () => {
    const made = await ann.call('POST', '/users/me/api-keys', {
      body: { name: 'reader', scope: 'read' },
    })
    const before = (await ann.call('GET', '/conversations')).json.total
    const body = { ...CHAT, messages: [{ role: 'user', content: 'I also drink tea at night' }] }
    const sent = await send('/v1/chat/completions', body, { 'x-engram-key': made.json.api_key })
    expect(sent.status).toBe(200)
    const id = sent.headers.get('x-engram-conversation-id')
    const { json } = await ann.call('GET', `/conversations/${id}`)
    expect(json.turns).toEqual([])
    expect((await ann.call('GET', '/conversations')).json.total).toBe(before)
  })
})

describe('without an Engram key', () => {
  test('the local user is meant, and the client’s key goes on as it came', async () => {
    const { status, headers } = await send('/v1/messages', MESSAGES, {
      authorization: 'Bearer sk-ant-api03-own',
      'x-api-key': 'sk-ant-other',
    })
    expect(status).toBe(200)
    expect(credentials(proxying.last())).toEqual({
      authorization: 'Bearer sk-ant-api03-own',
      'x-api-key': 'sk-ant-other',
    })
    const id = headers.get('x-engram-conversation-id')
    const { running } = proxying
    const found = await running.call('GET', `/conversations/${id}`, { key: running.localKey })
    expect(found.status).toBe(200)
    expect(hasMemory()).toBe(false)
  })

  test('no configured key is spent', async () => {
    await send('/v1/chat/completions', CHAT, {})
    expect(credentials(proxying.last())).toEqual({})
  })

  test('a key of Google’s in the URL goes on in a header', async () => {
    await send('/v1beta/models/g:generateContent?alt=json&key=AIzaSy_x&b=%20', CONTENTS, {})
    expect(proxying.last().target).toBe('/v1beta/models/g:generateContent?alt=json&b=%20')
    expect(credentials(proxying.last())).toEqual({ 'x-goog-api-key': 'AIzaSy_x' })
    const composite = `/v1beta/models/g:generateContent?key=${ann.key}~AIza`
    expect((await send(composite, CONTENTS, {})).memory).toBe('used')
    expect(credentials(proxying.last())).toEqual({ 'x-goog-api-key': 'AIza' })
    expectNoSecret(proxying.last())
  })

  test('a request through a tunnel is refused', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      const sent = await send('/v1/chat/completions', CHAT, {
        authorization: 'Bearer sk-own',
        [name]: '127.0.0.1',
      })
      expect(sent.status).toBe(401)
    }
  })

  test('what a form on some page could send is refused, unless a key shows that none did', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const form = await send('/api/chat', CHAT, { 'content-type': type })
      expect(form.status).toBe(415)
      expect(JSON.parse(form.text)).toEqual({ error: expect.stringContaining('application/json') })
      const keyed = { 'content-type': type, authorization: 'Bearer sk-own' }
      expect((await send('/v1/files', 'a', keyed)).status).toBe(200)
    }
  })

  test('a page of another site is refused', async () => {
    const given: HeaderFields[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { host: 'evil.example' },
    ]
    for (const headers of given) {
      expect((await send('/api/chat', CHAT, headers)).status).toBe(403)
    }
  })
})

describe('where a key is required', () => {
  test('nobody gets through without one', async () => {
    const guarded = await startProxying({ ENGRAM_REQUIRE_KEY: 'true' })
    try {
      const denied = await guarded.send('/v1/chat/completions', CHAT)
      expect(denied.status).toBe(401)
      const keyed = { 'x-engram-key': guarded.running.localKey, authorization: 'Bearer sk-own' }
      expect((await guarded.send('/v1/chat/completions', CHAT, keyed)).status).toBe(200)
      expect(header(guarded.last(), 'authorization')).toBe('Bearer sk-own')
    } finally {
      await guarded.stop()
    }
  })
})

describe('a key that must not leave', () => {
  test('stops the request, wherever it stands', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const own = { 'x-engram-key': ann.key, authorization: 'Bearer sk-own' }
    for (const [path, headers] of [
      [`/v1/models?x=${ann.key}`, own],
      [`/openai/v1/${ann.key}`, own],
      ['/v1/models', { ...own, 'x-custom': `token ${ann.key}` }],
      ['/v1/models', { ...own, 'openai-organization': ann.key }],
      ['/v1/models', { ...own, authorization: `Basic ${btoa(`u:${ann.key}`)}` }],
      ['/v1/models', { ...own, authorization: `Basic ${btoa(`${ann.key}:`)}` }],
    ] as const) {
      const { status, text } = await proxying.send(path, undefined, headers, 'GET')
      expect(status).toBe(400)
      expect(text).not.toContain(ann.key)
    }
    expect(proxying.upstream.requests).toHaveLength(0)
  })
})
