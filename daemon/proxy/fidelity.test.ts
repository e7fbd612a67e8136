import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import {
  blockOf,
  CLIENT,
  failureOf,
  type Person,
  type Proxying,
  startProxying,
  until,
} from './fixtures/proxying.ts'
import { header } from './fixtures/upstream.ts'

setDefaultTimeout(60_000)

let proxying: Proxying
let ann: Person
beforeAll(async () => {
  proxying = await startProxying()
  ann = await proxying.person('User drinks green tea')
})
afterAll(() => proxying?.stop())

const CHAT = {
  model: 'm',
  stream: true,
  messages: [{ role: 'user', content: 'Which tea do I drink?' }],
}
const SSE = { 'Content-Type': 'text/event-stream' }
const FRAMES = [
  ': a comment\n\n',
  'data: {"choices":[{"index":0,"delta":{"content":"Grüße 🏔️ "}}]}\r\n\r\n',
  'event: ping\ndata: {"type":"ping"}\n\n',
  'data: {"choices":[{"index":0,"delta":{"content":"aus Zürich","tool_calls":[]}}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":8}}}\n\n',
  'data: [DONE]\n\n',
]
const STREAM = FRAMES.join('')

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const turnsOf = async (headers: Headers): Promise<string[]> => {
  const id = headers.get('x-engram-conversation-id')
  const { json } = await ann.call('GET', `/conversations/${id}`)
  return json.turns.map(({ content }: { content: string }) => content)
}

/** A connection on which bytes are written and read as they are. */
async function rawClient(): Promise<{
  socket: Socket
  received: () => Buffer
  gone: Promise<void>
}> {
  const { hostname, port } = new URL(proxying.running.url)
  const socket = await new Promise<Socket>((resolve) => {
    const made = connect(Number(port), hostname, () => resolve(made))
  })
  let received = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
  })
  socket.on('error', () => {})
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { socket, received: () => received, gone }
}

function rawRequest(body: string, head: readonly string[] = []): string {
  const { host } = new URL(proxying.running.url)
  return [
    'POST /v1/chat/completions HTTP/1.1',
    `Host: ${host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Engram-Key: ${ann.key}`,
    'Authorization: Bearer sk-own',
    ...head,
    '',
    body,
  ].join('\r\n')
}

function inPieces(body: Uint8Array): ReadableStream<Uint8Array> {
  const size = 1024 * 1024
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= body.length) return controller.close()
      controller.enqueue(body.subarray(at, at + size))
      at += size
    },
  })
}

describe('headers', () => {
  test('to the provider: everything but what speaks of one connection, of the way here, or of us', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    await proxying.send(
      '/v1/messages',
      { messages: [] },
      ann.headers({
        'user-agent': 'claude-cli/2.1.330',
        'anthropic-beta': 'a-2025, b-2026',
        'anthropic-version': '2026-10-21',
        'x-stainless-retry-count': '1',
        'x-app': 'cli',
        'session-id': 's',
        originator: 'codex',
        'accept-encoding': 'gzip;q=0.5, br',
        te: 'trailers',
        cookie: 'a=b',
        referer: 'http://x',
        'proxy-authorization': 'Basic x',
        'x-engram-namespace': 'work',
        'x-engram-memory': 'on',
        connection: 'keep-alive, x-hop',
        'x-hop': 'no',
      }),
    )
    const names = proxying
      .last()
      .headers.map(([name]) => name)
      .sort()
    expect(names).toEqual([
      'accept',
      'accept-encoding',
      'anthropic-beta',
      'anthropic-version',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'originator',
      'session-id',
      'user-agent',
      'x-app',
      'x-stainless-retry-count',
    ])
    expect(header(proxying.last(), 'anthropic-beta')).toBe('a-2025, b-2026')
    expect(header(proxying.last(), 'user-agent')).toBe('claude-cli/2.1.330')
    expect(header(proxying.last(), 'accept-encoding')).toBe('gzip;q=0.5, br')
    expect(header(proxying.last(), 'host')).toBe(new URL(proxying.upstream.url).host)
  })

  test('to the provider: repeated ones keep every value, and no packing is asked for that the client did not', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const client = await rawClient()
    client.socket.write(rawRequest('{"messages":[]}', ['X-Twice: 1', 'X-Twice: 2']))
    await until(() => proxying.upstream.requests.length > 0)
    client.socket.destroy()
    expect(header(proxying.last(), 'x-twice')).toBe('1, 2')
    // What Bun adds by itself, as docs/proxy.md says. Empty ones would be sent as empty ones.
    expect(header(proxying.last(), 'user-agent')).toBe(`Bun/${Bun.version}`)
    expect(header(proxying.last(), 'accept')).toBe('*/*')
    expect(header(proxying.last(), 'accept-encoding')).toBe('identity')
  })

  test('to the client: everything, limits and hints to wait among them', async () => {
    const given = {
      'Content-Type': 'application/json',
      'request-id': 'req_1',
      'x-request-id': 'x',
      'retry-after-ms': '5',
      'x-should-retry': 'false',
      'anthropic-ratelimit-requests-remaining': '3',
      'x-ratelimit-reset-tokens': '1s',
      'openai-processing-ms': '7',
      Date: 'Mon, 01 Jan 2024 00:00:00 GMT',
      Server: 'x',
      Vary: 'a',
      'Cache-Control': 'no-store',
    }
    proxying.upstream.play((answer) =>
      answer.whole(200, { ...given, 'Keep-Alive': 'timeout=5', 'Set-Cookie': 'a=b' }, '{}'),
    )
    const { headers } = await proxying.send('/v1/models', undefined, CLIENT, 'GET')
    for (const [name, value] of Object.entries(given)) expect(headers.get(name)).toBe(value)
    expect(headers.has('keep-alive')).toBe(false)
    expect(headers.has('set-cookie')).toBe(false)
    expect([...headers.keys()].filter((name) => name.startsWith('x-engram'))).toEqual([])
  })
})

describe('bodies', () => {
  test('a stream of single bytes arrives as the same bytes, and is understood', async () => {
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      for (const byte of Buffer.from(STREAM)) await answer.chunk(new Uint8Array([byte]))
      await answer.end()
    })
    const { text, headers } = await proxying.send('/v1/chat/completions', CHAT, ann.headers())
    expect(text).toBe(STREAM)
    expect((await turnsOf(headers)).at(-1)).toBe('Grüße 🏔️ aus Zürich')
    const receipt = await ann.call('GET', `/logs/${headers.get('x-engram-receipt')}`)
    expect(receipt.json.detail.outcome.usage.prompt_tokens_details.cached_tokens).toBe(8)
  })

  test('each piece reaches the client before the provider sends the next', async () => {
    const seen = FRAMES.map(() => Promise.withResolvers<void>())
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      for (const [i, frame] of FRAMES.entries()) {
        await answer.chunk(frame)
        await seen[i]!.promise
      }
      await answer.end()
    })
    const response = await fetch(`${proxying.running.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...ann.headers() },
      body: JSON.stringify(CHAT),
    })
    let text = ''
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(bytes).toString()
      const complete = FRAMES.findIndex((_, i) => FRAMES.slice(0, i + 1).join('') === text)
      if (complete === FRAMES.length - 1) {
        // The end of the answer is in sight, and the exchange is kept already.
        expect(await turnsOf(response.headers)).toHaveLength(2)
      }
      if (complete >= 0) seen[complete]!.resolve()
    }
    expect(text).toBe(STREAM)
  })

  test('a last piece that only the end shows to be the last waits for the end or a moment', async () => {
    const frames = [
      'data: {"candidates":[{"content":{"parts":[{"text":"Gr"}]}}]}\n\n',
      'data: {"candidates":[{"content":{"parts":[{"text":"üße"}]},"finishReason":"STOP"}]}\n\n',
      'data: {"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}]}\n\n',
    ]
    const seen = frames.map(() => Promise.withResolvers<void>())
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      for (const [i, frame] of frames.entries()) {
        await answer.chunk(frame)
        await seen[i]!.promise
      }
      await answer.end()
    })
    const response = await fetch(
      `${proxying.running.url}/v1beta/models/g:streamGenerateContent?alt=sse`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...ann.headers() },
        body: JSON.stringify({ contents: [{ parts: [{ text: 'Greet me' }] }] }),
      },
    )
    let text = ''
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(bytes).toString()
      const complete = frames.findIndex((_, i) => frames.slice(0, i + 1).join('') === text)
      if (complete >= 0) seen[complete]!.resolve()
    }
    expect(text).toBe(frames.join(''))
    expect((await turnsOf(response.headers)).at(-1)).toBe('Grüße!')
  })

  const PACKERS = {
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  } as const
  test.each(Object.entries(PACKERS))(
    'packed as %s it passes as it is, and is understood',
    async (name, pack) => {
      const packed = pack(Buffer.from(STREAM))
      for (const status of [200, 404]) {
        proxying.upstream.play(async (answer) => {
          await answer.head(status, { ...SSE, 'Content-Encoding': name })
          await answer.chunk(packed.subarray(0, 9))
          await answer.chunk(packed.subarray(9))
          await answer.end()
        })
        const response = await fetch(`${proxying.running.url}/v1/chat/completions`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'accept-encoding': name,
            ...ann.headers(),
          },
          body: JSON.stringify({
            ...CHAT,
            messages: [{ role: 'user', content: `${name} ${status}` }],
          }),
          decompress: false,
        })
        expect(response.status).toBe(status)
        expect(response.headers.get('content-encoding')).toBe(name)
        expect(sha(await response.bytes())).toBe(sha(packed))
        expect(header(proxying.last(), 'accept-encoding')).toBe(name)
        const turns = await turnsOf(response.headers)
        expect(turns.at(-1)).toBe(status === 200 ? 'Grüße 🏔️ aus Zürich' : undefined)
      }
    },
  )

  test('packed as nobody knows or not as it says, it passes all the same and is not learned from', async () => {
    for (const encoding of ['gzip', 'br', 'compress', 'gzip, br']) {
      proxying.upstream.play((answer) =>
        answer.whole(200, { ...SSE, 'Content-Encoding': encoding }, STREAM),
      )
      const response = await fetch(`${proxying.running.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...ann.headers() },
        body: JSON.stringify({ ...CHAT, messages: [{ role: 'user', content: encoding }] }),
        decompress: false,
      })
      expect(await response.text()).toBe(STREAM)
      expect(await turnsOf(response.headers)).toEqual([encoding])
    }
  })

  test('text of many scripts goes in with its true length', async () => {
    const bea = await proxying.person('User mag grünen Tee 🍵 和 乌龙茶 tea')
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const text = 'Which tea? 🏔️ 乌龙茶 "quoted" \\ \u2028 end'
    const body = JSON.stringify({ ...CHAT, messages: [{ role: 'user', content: text }] })
    await proxying.send('/v1/chat/completions', body, bea.headers())
    expect(proxying.lastBody().messages[0].content).toStartWith(`${text}\n\n<engram-memory>`)
    const framing = proxying
      .last()
      .headers.filter(([name]) => name === 'content-length' || name === 'transfer-encoding')
    expect(framing).toEqual([['content-length', String(proxying.last().body.length)]])
  })

  test.each([33, 60])('%i MiB with a picture go through, with memory', async (size) => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const picture = randomBytes(((size * 3) / 4) * 1024 * 1024).toString('base64')
    const content = [
      { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } },
      { type: 'text', text: 'Which tea do I drink?' },
    ]
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })
    const { memory } = await proxying.send('/v1/chat/completions', body, ann.headers())
    expect(memory).toBe('used')
    const sent = proxying.lastBody()
    sent.messages[0].content.pop()
    expect(sha(Buffer.from(JSON.stringify(sent)))).toBe(sha(Buffer.from(body)))
  })

  test.each(['with its length', 'in chunks'])(
    'more than 64 MiB goes through without, %s',
    async (how) => {
      const refusal = '{"error":{"message":"too large for me"}}'
      proxying.upstream.play((answer) =>
        answer.whole(413, { 'Content-Type': 'application/json' }, refusal),
      )
      const body = Buffer.from(JSON.stringify({ ...CHAT, padding: 'x'.repeat(65 * 1024 * 1024) }))
      const response = await fetch(`${proxying.running.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...ann.headers() },
        body: how === 'in chunks' ? inPieces(body) : body,
      })
      expect(response.status).toBe(413)
      expect(await response.text()).toBe(refusal)
      expect(response.headers.get('x-engram-memory')).toBe('skipped; reason=too-large')
      expect(sha(proxying.last().body)).toBe(sha(body))
      const length = header(proxying.last(), 'content-length')
      expect(length).toBe(how === 'in chunks' ? undefined : String(body.length))
    },
  )

  test('what is packed or no JSON goes through without memory', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const packed = gzipSync(JSON.stringify(CHAT))
    const response = await fetch(`${proxying.running.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...ann.headers() },
      body: packed,
    })
    expect(response.headers.get('x-engram-memory')).toBe('skipped; reason=unreadable')
    expect(proxying.last().body.equals(packed)).toBe(true)
    expect(header(proxying.last(), 'content-encoding')).toBe('gzip')
    for (const body of ['', 'not JSON', '{"messages":', '[]', '{"messages":{}}', '\u0000']) {
      const sent = await proxying.send('/v1/chat/completions', body, ann.headers())
      expect({ body, memory: sent.memory }).toEqual({ body, memory: 'skipped; reason=unreadable' })
      expect(proxying.last().body.toString()).toBe(body)
    }
  })
})

describe('everything else of an API', () => {
  test('passes with any method, any body and any answer', async () => {
    const answered = randomBytes(100_000)
    proxying.upstream.play((answer) =>
      answer.whole(201, { 'Content-Type': 'audio/mpeg' }, answered),
    )
    for (const [method, path, size] of [
      ['POST', '/v1/files', 3_000_000],
      ['PUT', '/openai/v1/anything?x=1&x=2', 10],
      ['PATCH', '/anthropic/v1/skills', 0],
      ['DELETE', '/v1/responses/resp_1', 0],
      ['GET', '/gemini/v1beta/models', 0],
      ['POST', '/api/blobs/sha256:abc', 500_000],
      ['POST', '/v1/messages/count_tokens', 20],
      ['POST', '/v1/embeddings', 20],
    ] as const) {
      const body = size > 0 ? randomBytes(size) : null
      const response = await fetch(proxying.running.url + path, {
        method,
        headers: { 'content-type': 'application/octet-stream', ...CLIENT },
        body,
      })
      expect(response.status).toBe(201)
      expect(response.headers.get('content-type')).toBe('audio/mpeg')
      expect(sha(await response.bytes())).toBe(sha(answered))
      expect(proxying.last()).toMatchObject({ method })
      expect(proxying.last().target).toBe(path.replace(/^\/(openai|anthropic|gemini)/, ''))
      expect(sha(proxying.last().body)).toBe(sha(body ?? new Uint8Array()))
    }
  })

  test('goes where a configured address says, version or not', async () => {
    const other = await startProxying({
      ENGRAM_OPENAI_BASE_URL: `${proxying.upstream.url}/base/v3`,
      ENGRAM_GEMINI_BASE_URL: `${proxying.upstream.url}/v1beta/openai`,
      ENGRAM_OLLAMA_BASE_URL: `${proxying.upstream.url}/ollama/v1`,
    })
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    try {
      for (const [path, target] of [
        ['/v1/models', '/base/v3/models'],
        ['/openai/models', '/base/v3/models'],
        ['/v1beta/models', '/v1beta/models'],
        ['/upload/v1beta/files?x=1', '/upload/v1beta/files?x=1'],
        ['/gemini/v1alpha/models', '/v1alpha/models'],
        ['/api/tags', '/ollama/api/tags'],
        ['/ollama/', '/ollama/'],
        ['/ollama/v1/models', '/ollama/v1/models'],
      ] as const) {
        await other.send(path, undefined, CLIENT, 'GET')
        expect([path, proxying.last().target]).toEqual([path, target])
      }
    } finally {
      await other.stop()
    }
  })

  test('a HEAD says how long the answer would be', async () => {
    proxying.upstream.play((answer) =>
      answer.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n'),
    )
    const { headers, text } = await proxying.send('/v1/models/x', undefined, CLIENT, 'HEAD')
    expect(headers.get('content-length')).toBe('1234')
    expect(text).toBe('')
    expect(proxying.last().method).toBe('HEAD')
  })

  test('an answer without a body, and a redirect, come as they are', async () => {
    proxying.upstream.play((answer) => answer.write('HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'))
    expect(await proxying.send('/v1/files/x', undefined, CLIENT, 'DELETE')).toMatchObject({
      status: 204,
    })
    proxying.upstream.play((answer) => answer.whole(307, { Location: 'http://127.0.0.1:9/x' }, ''))
    const { status, headers } = await proxying.send('/v1/chat/completions', CHAT, ann.headers())
    expect(status).toBe(307)
    expect(headers.get('location')).toBe('http://127.0.0.1:9/x')
  })

  test('a socket is refused at once, a greeting is returned', async () => {
    proxying.upstream.play((answer) => answer.whole(200, {}, '{}'))
    const client = await rawClient()
    const { host } = new URL(proxying.running.url)
    client.socket.write(
      `GET /v1/responses HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    )
    await until(() => client.received().includes('no_websocket'))
    expect(client.received().toString()).toStartWith('HTTP/1.1 426 ')
    client.socket.destroy()
    for (const path of ['/api/hello', '/anthropic/api/hello']) {
      expect((await proxying.send(path, undefined, {}, 'HEAD')).status).toBe(200)
      expect((await proxying.send(path, undefined, {}, 'GET')).text).toBe('{"message":"hello"}')
    }
    expect(proxying.upstream.requests).toHaveLength(0)
  })
})

describe('who leaves', () => {
  /** Sends a chat over a raw connection, and says when the provider's side of it is gone. */
  async function leave(
    when: (client: Awaited<ReturnType<typeof rawClient>>) => Promise<void>,
    script: 'silent' | 'head' | 'frame' | 'flood',
    question = 'Which tea do I drink?',
  ) {
    const gone = Promise.withResolvers<void>()
    proxying.upstream.play(async (answer) => {
      void answer.gone.then(gone.resolve)
      if (script === 'silent') return
      await answer.head(200, SSE)
      if (script === 'head') return
      await answer.chunk(FRAMES[1]!)
      if (script === 'frame') return
      const flood = Buffer.from(`data: ${'x'.repeat(65_000)}\n\n`)
      let left = false
      void answer.gone.then(() => {
        left = true
      })
      while (!left) await answer.chunk(flood)
    })
    const client = await rawClient()
    if (script === 'flood') client.socket.pause()
    const messages = [{ role: 'user', content: question }]
    client.socket.write(rawRequest(JSON.stringify({ ...CHAT, messages })))
    await until(() => proxying.upstream.requests.length === 1)
    await when(client)
    client.socket.resetAndDestroy()
    await gone.promise
  }

  test('before the answer begins, ends the provider’s work', () => leave(async () => {}, 'silent'))
  test('after its head', () =>
    leave((client) => until(() => client.received().includes('200 OK')), 'head'))
  test('in the middle of it, and what was said is kept', async () => {
    const question = 'What did I say before I left?'
    await leave((client) => until(() => client.received().includes('Grüße')), 'frame', question)
    const kept = async () => {
      const [newest] = (await ann.call('GET', '/conversations?limit=1')).json.conversations
      return (await ann.call('GET', `/conversations/${newest.id}`)).json.turns
    }
    await until(async () => (await kept())[0]?.content === question)
    expect(await kept()).toMatchObject([
      { role: 'user', truncated: false },
      { role: 'assistant', content: 'Grüße 🏔️', truncated: true },
    ])
  })
  test('while it takes nothing more', () => leave(async () => {}, 'flood'))

  test('who reads slowly slows the provider down', async () => {
    let written = 0
    const total = 192 * 1024 * 1024
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      const flood = Buffer.alloc(256 * 1024, 'x')
      while (written < total) {
        await answer.chunk(flood)
        written += flood.length
      }
    })
    const client = await rawClient()
    client.socket.pause()
    client.socket.write(rawRequest(JSON.stringify(CHAT)))
    let before = -1
    let still = 0
    await until(async () => {
      still = written === before && written > 0 ? still + 1 : 0
      before = written
      await Bun.sleep(20)
      return still >= 20
    })
    expect(written).toBeLessThan(total / 2)
    client.socket.destroy()
  })
})

describe('a provider that fails', () => {
  test('before a byte: one request, and a 502 that invites another', async () => {
    proxying.upstream.play((answer) => answer.reset())
    const { status, headers, text } = await proxying.send(
      '/v1/chat/completions',
      CHAT,
      ann.headers(),
    )
    expect(status).toBe(502)
    expect(headers.get('x-should-retry')).toBe('true')
    expect(JSON.parse(text).error.code).toBe('engram_upstream')
    expect(proxying.upstream.requests).toHaveLength(1)
  })

  test('is not there: the same in each form', async () => {
    const lonely = await startProxying({
      ENGRAM_OPENAI_BASE_URL: 'http://127.0.0.1:9',
      ENGRAM_ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
      ENGRAM_GEMINI_BASE_URL: 'http://127.0.0.1:9',
      ENGRAM_OLLAMA_BASE_URL: 'http://127.0.0.1:9',
    })
    try {
      for (const [path, key] of [
        ['/v1/chat/completions', 'error'],
        ['/v1/messages', 'type'],
        ['/v1beta/models/g:generateContent', 'error'],
        ['/api/chat', 'error'],
        ['/api/tags', 'error'],
      ] as const) {
        const { status, text } = await lonely.send(path, { messages: [], contents: [] })
        expect(status).toBe(502)
        expect(Object.keys(JSON.parse(text))).toContain(key)
        expect(text).toContain('connection refused')
      }
    } finally {
      await lonely.stop()
    }
  })

  test('falls silent: after the time that is set the client hears the end of it', async () => {
    const hasty = await startProxying({
      ENGRAM_OPENAI_BASE_URL: proxying.upstream.url,
      ENGRAM_SILENCE_SECONDS: '1',
      ENGRAM_FIRST_BYTE_SECONDS: '1',
    })
    try {
      proxying.upstream.play(async (answer) => {
        await answer.head(200, SSE)
        await answer.chunk(FRAMES[1]!)
      })
      expect(await failureOf(hasty.send('/v1/chat/completions', CHAT))).toContain('closed')
      proxying.upstream.play(() => {})
      const { status, text } = await hasty.send('/v1/chat/completions', CHAT)
      expect(status).toBe(504)
      expect(JSON.parse(text).error.message).toContain('1 seconds')
    } finally {
      await hasty.stop()
    }
  })

  test('ends a stream without an end: the client sees what came and nothing invented', async () => {
    const cut = FRAMES.slice(0, 3).join('')
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      await answer.chunk(cut)
      await answer.end()
    })
    const { text, headers } = await proxying.send('/v1/chat/completions', CHAT, ann.headers())
    expect(text).toBe(cut)
    const receipt = await ann.call('GET', `/logs/${headers.get('x-engram-receipt')}`)
    expect(receipt.json.detail.outcome.ending).toBe('cut off')
    expect(blockOf(proxying.last())).not.toBeNull()
  })

  test('says in the middle of a stream that it failed: it passes, and is no answer', async () => {
    const failing = `${FRAMES[1]}data: {"error":{"message":"overloaded","type":"server_error"}}\n\n`
    proxying.upstream.play(async (answer) => {
      await answer.head(200, SSE)
      await answer.chunk(failing)
      await answer.end()
    })
    const { text, headers } = await proxying.send('/v1/chat/completions', CHAT, ann.headers())
    expect(text).toBe(failing)
    const receipt = await ann.call('GET', `/logs/${headers.get('x-engram-receipt')}`)
    expect(receipt.json.detail.outcome).toMatchObject({ ending: 'cut off', error: 'overloaded' })
  })
})
