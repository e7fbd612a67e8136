import { afterAll, describe, expect, test } from 'bun:test'
import { EngramError } from '../memory/errors.ts'
import { clientHeaders, type Outgoing, send, upstreamHeaders } from './egress.ts'

const KEY = 'ek_0123456789abcdefghijABCDEFGHIJ'

/** Every request that arrived. */
const arrived: { path: string; headers: Headers; body: string }[] = []

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname, search } = new URL(request.url)
    arrived.push({ path: pathname + search, headers: request.headers, body: await request.text() })
    if (pathname === '/redirect') return Response.redirect('/elsewhere', 307)
    if (pathname === '/gzip') {
      const headers = { 'content-encoding': 'gzip', 'content-type': 'text/plain' }
      return new Response(Bun.gzipSync('zipped'), { headers })
    }
    if (pathname === '/never') return new Promise<Response>(() => {})
    return new Response('ok', { status: pathname === '/teapot' ? 418 : 200 })
  },
})
afterAll(() => server.stop(true))

const at = (path: string) => new URL(path, server.url).href

async function failureOf(outgoing: Outgoing): Promise<EngramError> {
  try {
    await send(outgoing)
  } catch (error) {
    if (error instanceof EngramError) return error
    throw error
  }
  throw new Error('the request was sent')
}

describe('send', () => {
  test('method, headers and body arrive; any status is an answer', async () => {
    const answer = await send({ url: at('/teapot?x=1'), headers: { 'x-a': 'b' }, body: 'hello' })
    expect(answer.status).toBe(418)
    expect(arrived.at(-1)).toMatchObject({ path: '/teapot?x=1', body: 'hello' })
    expect(arrived.at(-1)?.headers.get('x-a')).toBe('b')
  })

  test('a redirect is returned, not followed', async () => {
    const answer = await send({ url: at('/redirect'), headers: { authorization: 'Bearer sk-1' } })
    expect(answer.status).toBe(307)
    expect(answer.headers.get('location')).toBe('/elsewhere')
    expect(arrived.map(({ path }) => path)).not.toContain('/elsewhere')
  })

  test('bytes stay compressed when asked, and are decoded otherwise', async () => {
    const raw = await send({ url: at('/gzip'), decompress: false })
    expect(raw.headers.get('content-encoding')).toBe('gzip')
    expect(new TextDecoder().decode(Bun.gunzipSync(await raw.arrayBuffer()))).toBe('zipped')
    expect(await (await send({ url: at('/gzip') })).text()).toBe('zipped')
  })

  for (const url of [
    'file:///etc/hostname',
    's3://bucket/key',
    'data:,hi',
    'ftp://h/',
    'blob:x',
    '/v1',
  ]) {
    test(`${url} is refused`, async () => {
      const failure = await failureOf({ url })
      expect(failure.code).toBe('invalid')
      expect(failure.message).not.toContain(url)
    })
  }

  const basic = (pair: string) => `Basic ${btoa(pair)}`
  const leaks: [name: string, outgoing: Partial<Outgoing>][] = [
    ['a header of ours', { headers: { 'X-Engram-Namespace': 'work' } }],
    ['a key as a bearer token', { headers: { authorization: `Bearer ${KEY}` } }],
    ['a key as the whole value', { headers: { 'x-api-key': KEY } }],
    ['a composite key', { headers: { 'x-api-key': `${KEY}~sk-1` } }],
    ['a key as the password of Basic', { headers: { authorization: basic(`u:${KEY}`) } }],
    ['a key as the name of Basic', { headers: { 'x-auth': `basic  ${btoa(`${KEY}:`)}` } }],
    ['a percent-encoded key in a header', { headers: { 'x-a': `%65%6b_${KEY.slice(3)}` } }],
    ['a key in a query', { url: at(`/?key=${KEY}`) }],
    ['a key in a path', { url: at(`/u/${KEY}/v1`) }],
    ['a key in a query, encoded', { url: at(`/?key=%65%6b_${KEY.slice(3)}`) }],
    ['a key as a password', { url: `http://u:${KEY}@127.0.0.1:${server.port}/` }],
  ]
  for (const [name, outgoing] of leaks) {
    test(`${name} does not leave, and is not repeated in the error`, async () => {
      const before = arrived.length
      const failure = await failureOf({ url: at('/'), ...outgoing })
      expect(failure.code).toBe('internal')
      expect(failure.message).not.toContain(KEY.slice(3))
      expect(arrived).toHaveLength(before)
    })
  }

  test('a name and a password that are none of ours leave', async () => {
    const authorization = basic('ann:sk-0123456789abcdefghijABCDEFGHIJ')
    await send({ url: at('/'), headers: { authorization } })
    expect(arrived.at(-1)?.headers.get('authorization')).toBe(authorization)
  })

  test('a URL that is not well percent-encoded leaves as it is', async () => {
    await send({ url: at('/?q=100%zz') })
    expect(arrived.at(-1)?.path).toBe('/?q=100%zz')
  })

  test("a provider's key that holds the same letters in its middle leaves", async () => {
    const headers = { authorization: `Bearer sk-proj-ab${KEY}`, 'x-short': 'ek_short' }
    expect((await send({ url: at('/'), headers })).status).toBe(200)
  })

  test('a server that is not there is named, with the cause and what to do', async () => {
    const closed = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    const { port } = closed
    await closed.stop(true)
    const failure = await failureOf({ url: `http://127.0.0.1:${port}/v1/secret-path` })
    expect(failure.code).toBe('upstream')
    expect(failure.message).toBe(`cannot reach 127.0.0.1:${port}: connection refused`)
    expect(failure.fix).toContain('base URL')
  })

  test('a connection that closes without an answer is an upstream failure', async () => {
    const rude = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.end() },
    })
    const failure = await failureOf({ url: `http://127.0.0.1:${rude.port}/` })
    expect(failure).toMatchObject({
      code: 'upstream',
      message: `cannot reach 127.0.0.1:${rude.port}: the connection was closed before an answer`,
    })
    rude.stop(true)
  })

  test('no answer in time is a timeout', async () => {
    const failure = await failureOf({ url: at('/never'), timeouts: { firstByteMs: 20 } })
    expect(failure.code).toBe('timeout')
    expect(failure.message).toBe(`127.0.0.1:${server.port} sent no answer within 0.02 seconds`)
  })

  test('once the answer has begun, it may take longer than the first byte', async () => {
    await using slow = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () =>
        new Response(async function* () {
          yield 'first'
          await Bun.sleep(450)
          yield ', last'
        }),
    })
    const answer = await send({ url: slow.url, timeouts: { firstByteMs: 300 } })
    expect(await answer.text()).toBe('first, last')
  })

  test('an abort by the caller is an AbortError, before and during the request', async () => {
    const early = AbortSignal.abort(new Error('mine'))
    await expect(send({ url: at('/'), signal: early })).rejects.toHaveProperty('name', 'AbortError')
    const caller = new AbortController()
    const sent = send({ url: at('/never'), signal: caller.signal })
    caller.abort()
    await expect(sent).rejects.toHaveProperty('name', 'AbortError')
  })

  test('an abort during the answer closes the connection to the provider', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const slow = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () =>
        new Response(
          new ReadableStream({
            start: (stream) => stream.enqueue('first'),
            cancel: () => resolve(),
          }),
        ),
    })
    const caller = new AbortController()
    const answer = await send({ url: slow.url, signal: caller.signal })
    const reader = answer.body?.getReader()
    await reader?.read()
    caller.abort()
    await closed
    await expect(reader?.read()).rejects.toHaveProperty('name', 'AbortError')
    await slow.stop(true)
  })
})

describe('upstreamHeaders', () => {
  test('drops what is of one connection or of us, keeps the rest', () => {
    const kept = {
      accept: '*/*',
      'accept-encoding': 'gzip',
      'anthropic-beta': 'a, b',
      authorization: 'Bearer sk-1',
      'content-type': 'application/json',
      originator: 'codex_cli',
      'user-agent': 'OpenAI/JS 6.49.0',
      'x-app': 'cli',
      'x-stainless-lang': 'js',
    }
    const dropped = {
      connection: 'keep-alive, X-Hop',
      'content-length': '2',
      cookie: 'a=1',
      expect: '100-continue',
      forwarded: 'for=1.2.3.4',
      host: '127.0.0.1:3647',
      'keep-alive': 'timeout=5',
      origin: 'http://127.0.0.1:3647',
      'proxy-authorization': 'Basic x',
      referer: 'http://127.0.0.1:3647/ui/',
      te: 'trailers',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      'x-engram-key': KEY,
      'x-engram-user-id': 'jo',
      'x-forwarded-for': '1.2.3.4',
      'x-hop': '1',
    }
    const headers = upstreamHeaders(new Headers({ ...kept, ...dropped }))
    expect(Object.fromEntries(headers)).toEqual(kept)
  })
})

describe('clientHeaders', () => {
  const upstream = new Headers({
    'content-encoding': 'gzip',
    'content-length': '10',
    'content-type': 'text/event-stream',
    connection: 'close, x-hop',
    'set-cookie': 'a=1',
    'transfer-encoding': 'chunked',
    'x-hop': '1',
    'retry-after': '1',
    'retry-after-ms': '900',
    'x-should-retry': 'true',
    'request-id': 'req_1',
    'x-request-id': 'req_2',
    'x-ratelimit-remaining-tokens': '5',
    'anthropic-ratelimit-requests-remaining': '4',
  })
  const kept = {
    'anthropic-ratelimit-requests-remaining': '4',
    'content-encoding': 'gzip',
    'content-type': 'text/event-stream',
    'request-id': 'req_1',
    'retry-after': '1',
    'retry-after-ms': '900',
    'x-ratelimit-remaining-tokens': '5',
    'x-request-id': 'req_2',
    'x-should-retry': 'true',
  }

  test('keeps limits, hints and ids, drops what is of one connection', () => {
    expect(Object.fromEntries(clientHeaders(upstream))).toEqual(kept)
  })

  test('drops the encoding of a body that was decoded', () => {
    const { 'content-encoding': _, ...rest } = kept
    expect(Object.fromEntries(clientHeaders(upstream, true))).toEqual(rest)
  })

  test('the headers of a fetch can be changed afterwards', async () => {
    const answer = await send({ url: at('/') })
    const headers = clientHeaders(answer.headers)
    headers.set('x-engram-memory', 'none')
    expect(headers.get('x-engram-memory')).toBe('none')
  })
})
