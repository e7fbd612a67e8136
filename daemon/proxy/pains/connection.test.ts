/** What users complain about in other proxies, as far as it is about connections, headers and errors. */
import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import { generateText } from 'ai'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { DIALECTS, type Dialect, dialect, dialectOf } from '../rig/dialects.ts'
import { type HeaderLine, valuesOf } from '../rig/http-message.ts'
import { connectRaw } from '../rig/raw-client.ts'
import { openRawUpstream } from '../rig/raw-upstream.ts'
import { startRig, until } from '../rig/start.ts'

const upstream = await openRawUpstream(({ reset }) => reset())
const rig = await startRig({ upstream: upstream.url })
afterAll(async () => {
  await rig.stop()
  await upstream.stop()
})

const JSON_TYPE: HeaderLine = ['Content-Type', 'application/json']
const hello = (asked: Dialect, isStream: boolean) =>
  JSON.stringify(asked.body([{ role: 'user', text: 'Hello?' }], isStream))

/** Sends a request of its own connection. */
async function open(asked: Dialect, isStream: boolean, headers: readonly HeaderLine[] = []) {
  const client = await connectRaw(rig.url)
  client.request(
    'POST',
    asked.path(isStream),
    [JSON_TYPE, asked.key, ...headers],
    hello(asked, isStream),
  )
  return client
}

describe('4. client leaves, provider keeps generating and billing', () => {
  for (const asked of DIALECTS) {
    const head = [['Content-Type', asked.streamType]] as const
    const begun = asked.frames(['one ', 'two ', 'three'])

    test(`${asked.name}: before the headers`, async () => {
      const [arrived, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      upstream.play(async ({ clientLeft }) => {
        arrived.resolve()
        await clientLeft
        left.resolve()
      })
      const client = await open(asked, true)
      await arrived.promise
      client.reset()
      await left.promise
    })

    test(`${asked.name}: after the headers`, async () => {
      const left = Promise.withResolvers<void>()
      upstream.play(async (exchange) => {
        await exchange.head(200, head)
        // Some servers send their headers only with a first byte.
        await exchange.send(begun[0]!)
        await exchange.clientLeft
        left.resolve()
      })
      const client = await open(asked, true)
      await client.answer()
      client.reset()
      await left.promise
    })

    test(`${asked.name}: mid-stream`, async () => {
      const left = Promise.withResolvers<void>()
      upstream.play(async ({ head: sendHead, send, clientLeft }) => {
        await sendHead(200, head)
        await send(begun.slice(0, 3).join(''))
        await clientLeft
        left.resolve()
      })
      const client = await open(asked, true)
      const { pieces } = await client.answer()
      await pieces.next()
      client.reset()
      await left.promise
    })

    test(`${asked.name}: while it takes nothing more, which also stops the provider from sending on`, async () => {
      const left = Promise.withResolvers<void>()
      let sent = 0
      let isLeft = false
      const filling = `${begun.at(1)!.slice(0, -1)}${' '.repeat(65_536)}\n`
      upstream.play(async ({ head: sendHead, send, clientLeft }) => {
        await sendHead(200, head)
        void clientLeft.then(() => {
          isLeft = true
          left.resolve()
        })
        while (!isLeft && sent < 256 * 1024 * 1024) {
          await send(filling)
          sent += filling.length
        }
      })
      const client = await open(asked, true)
      await client.answer()
      client.pause()
      // Held back: nothing was sent between two looks, long after the system's buffers are full.
      let before = -1
      await until(async () => {
        const isHeld = sent > 0 && sent === before
        before = sent
        await Bun.sleep(50)
        return isHeld && sent === before
      })
      expect(sent).toBeLessThan(64 * 1024 * 1024)
      client.reset()
      await left.promise
    })
  }
})

const CODINGS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  identity: (bytes) => bytes,
}

describe('5. gzip header over plain body (ZlibError)', () => {
  for (const [coding, encode] of Object.entries(CODINGS)) {
    for (const asked of DIALECTS) {
      test(`${asked.name}: ${coding} passes as it came, as answer, error and stream`, async () => {
        const plain = {
          whole: [200, 'application/json', JSON.stringify(asked.whole('Grüße 😀'))],
          error: [404, 'application/json', JSON.stringify(asked.error(404, 'no such model'))],
          stream: [200, asked.streamType, asked.frames(['Grüße ', '😀']).join('')],
        } as const
        for (const [kind, [status, type, text]] of Object.entries(plain)) {
          const bytes = encode(Buffer.from(text))
          upstream.play(({ answer }) =>
            answer(
              status,
              [
                ['Content-Type', type],
                ['Content-Encoding', coding],
              ],
              bytes,
            ),
          )
          const client = await open(asked, kind === 'stream', [
            ['Accept-Encoding', 'gzip, br, zstd, identity'],
          ])
          const answer = await client.answer()
          expect(answer.status).toBe(status)
          expect(valuesOf(answer.headers, 'content-encoding')).toEqual([coding])
          expect(bytes.equals(await answer.body())).toBe(true)
          client.close()
        }
      })
    }

    test(`five libraries read ${coding}`, async () => {
      upstream.play((exchange) => {
        const asked = dialectOf(exchange.request.target)
        const body = encode(Buffer.from(JSON.stringify(asked.whole('Grüße 😀'))))
        return exchange.answer(200, [JSON_TYPE, ['Content-Encoding', coding]], body)
      })
      const content = 'Hello?'
      const messages = [{ role: 'user' as const, content }]
      const openai = new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: 'sk-client' })
      const anthropic = new Anthropic({ baseURL: rig.url, apiKey: 'sk-ant-client' })
      const google = new GoogleGenAI({
        apiKey: 'AIza-client',
        httpOptions: { baseUrl: rig.url, apiVersion: 'v1beta' },
      })
      const model = createOpenAI({ baseURL: `${rig.url}/v1`, apiKey: 'sk-client' })('gpt-5.6')
      const ollama = new Ollama({ host: rig.url })
      const texts = await Promise.all([
        openai.chat.completions
          .create({ model: 'gpt-5.5', messages })
          .then(({ choices }) => choices[0]!.message.content),
        anthropic.messages
          .create({ model: 'claude-opus-5-5', max_tokens: 64, messages })
          .then((message) => message.content[0]!.type === 'text' && message.content[0].text),
        google.models
          .generateContent({ model: 'gemini-3-pro', contents: content })
          .then(({ text }) => text),
        ollama.chat({ model: 'llama3.2', messages }).then(({ message }) => message.content),
        generateText({ model, prompt: content }).then(({ text }) => text),
      ])
      expect<unknown[]>(texts).toEqual(Array(5).fill('Grüße 😀'))
    })
  }

  test('who names no coding gets none', async () => {
    upstream.clear()
    upstream.play(({ answer }) => answer(200, [JSON_TYPE], '{}'))
    await (await open(dialect('openai chat'), false)).answer()
    expect(valuesOf(upstream.requests[0]!.headers, 'accept-encoding')).toEqual(['identity'])
  })
})

/** Names and values, however they were split into lines. */
function multiset(headers: readonly HeaderLine[]): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    all[key] = all[key] === undefined ? value : `${all[key]}, ${value}`
  }
  return all
}

const without = (headers: Record<string, string>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

describe('10. anthropic-beta, version, user agent, rate-limit and retry headers lost', () => {
  const SENT: readonly HeaderLine[] = [
    ['User-Agent', 'claude-cli/2.1.332 (external, cli)'],
    ['Accept', 'application/json'],
    ['Accept-Encoding', 'gzip, deflate, br, zstd'],
    ['Accept-Language', '*'],
    ['anthropic-version', '2026-10-21'],
    ['anthropic-beta', 'claude-code-20250219,interleaved-thinking-2025-05-14'],
    ['anthropic-beta', 'context-management-2025-06-27'],
    ['anthropic-dangerous-direct-browser-access', 'true'],
    ['Authorization', 'Bearer sk-ant-client'],
    ['X-Api-Key', 'sk-ant-other'],
    ['X-Stainless-Lang', 'js'],
    ['X-Stainless-Retry-Count', '0'],
    ['X-App', 'cli'],
    ['Session-Id', '01a2151b'],
    ['originator', 'codex_exec'],
    ['OpenAI-Organization', 'org-1'],
    ['x-goog-api-client', 'google-genai-sdk/3.3.0'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['X-Custom', 'a'],
    ['X-Custom', 'b'],
  ]
  /** What must not go on: of one connection only, ours, or none of the provider's business. */
  const KEPT_BACK: readonly HeaderLine[] = [
    ['Cookie', 'session=1'],
    ['Referer', 'http://127.0.0.1/'],
    ['TE', 'trailers'],
    ['Keep-Alive', 'timeout=5'],
    ['Connection', 'keep-alive, X-Only-This-Hop'],
    ['X-Only-This-Hop', '1'],
    ['X-Engram-Memory', 'on'],
    ['X-Engram-Namespace', 'default'],
    ['X-Engram-Anything', '1'],
  ]

  for (const asked of DIALECTS) {
    test(`${asked.name}: what goes in comes out, but for the documented list`, async () => {
      upstream.clear()
      upstream.play(({ answer }) => answer(200, [JSON_TYPE], JSON.stringify(asked.whole('Hi'))))
      const client = await connectRaw(rig.url)
      const sent = [JSON_TYPE, ...SENT]
      client.request('POST', asked.path(false), [...sent, ...KEPT_BACK], hello(asked, false))
      await client.answer()
      const received = multiset(upstream.requests[0]!.headers)
      // Of the connection between us and the provider.
      const ours = ['host', 'content-length', 'connection']
      expect(without(received, ours)).toEqual(multiset(sent))
      client.close()
    })

    for (const isStream of [false, true]) {
      test(`${asked.name}: what the provider sends comes back, ${isStream ? 'streamed' : 'whole'}`, async () => {
        const headers: readonly HeaderLine[] = [
          ['Content-Type', isStream ? asked.streamType : 'application/json'],
          ['Date', 'Mon, 23 Nov 2026 12:00:00 GMT'],
          ['Server', 'provider'],
          ['Request-Id', 'req_1'],
          ['X-Request-Id', 'req_2'],
          ['Retry-After', '3'],
          ['Retry-After-Ms', '3000'],
          ['X-Should-Retry', 'false'],
          ['anthropic-ratelimit-requests-remaining', '41'],
          ['anthropic-organization-id', 'org'],
          ['X-Ratelimit-Remaining-Tokens', '149984'],
          ['OpenAI-Processing-Ms', '12'],
          ['CF-Ray', '8f1'],
          ['Link', '<a>; rel=x'],
          ['Link', '<b>; rel=y'],
          ['Cache-Control', 'no-store'],
          ['Strict-Transport-Security', 'max-age=1'],
        ]
        const body = isStream ? asked.frames(['Hi']).join('') : JSON.stringify(asked.whole('Hi'))
        upstream.play(({ answer }) =>
          answer(200, [...headers, ['Set-Cookie', 'a=1'], ['Keep-Alive', 'timeout=5']], body),
        )
        const client = await open(asked, isStream)
        const answer = await client.answer()
        await answer.body()
        const received = multiset(answer.headers)
        const added = Object.keys(received).filter((name) => name.startsWith('x-engram-'))
        expect(added).toContain('x-engram-memory')
        const ours = [...added, 'content-length', 'transfer-encoding', 'connection']
        expect(without(received, ours)).toEqual(multiset(headers))
        client.close()
      })
    }
  }
})

describe('14. large bodies rejected by the gateway', () => {
  const PICTURES: Readonly<Record<string, (data: string) => object>> = {
    'openai chat': (data) => ({
      model: 'gpt-5.5',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } },
          ],
        },
      ],
    }),
    'anthropic messages': (data) => ({
      model: 'claude-opus-5-5',
      max_tokens: 64,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
            { type: 'text', text: 'What is this?' },
          ],
        },
      ],
    }),
  }
  for (const [wire, sizeMiB] of [
    ['anthropic messages', 33],
    ['openai chat', 60],
  ] as const) {
    test(`${wire}: ${sizeMiB} MiB with a picture arrive, and the provider’s 413 comes back`, async () => {
      const asked = dialect(wire)
      const refusal = JSON.stringify(asked.error(413, 'request_too_large'))
      upstream.clear()
      upstream.play(({ answer }) => answer(413, [JSON_TYPE, ['Request-Id', 'req_9']], refusal))
      const sent = JSON.stringify(PICTURES[wire]!('iVBORw0KGgo'.padEnd(sizeMiB * 1024 * 1024, 'A')))
      const answer = await fetch(rig.url + asked.path(false), {
        method: 'POST',
        headers: { 'content-type': 'application/json', [asked.key[0]]: asked.key[1] },
        body: sent,
      })
      expect([answer.status, answer.headers.get('request-id'), await answer.text()]).toEqual([
        413,
        'req_9',
        refusal,
      ])
      expect(Buffer.from(sent).equals(upstream.requests[0]!.body)).toBe(true)
    })
  }
})

describe('15. stale keep-alive sockets: hang, reset, double send', () => {
  test('whatever the provider does to idle connections, nothing is sent twice and nobody waits', async () => {
    const asked = dialect('openai chat')
    upstream.clear()
    let number = 0
    upstream.play(async ({ answer, close, reset }) => {
      const turn = number++ % 5
      if (turn === 3) return reset()
      await answer(200, [JSON_TYPE], JSON.stringify(asked.whole('Hi')))
      // As servers do without announcing it, also at the very moment when the next request comes.
      if (turn === 1) close()
      if (turn === 2) setTimeout(close, 1)
    })
    const outcomes: number[] = []
    for (let i = 0; i < 60; i++) {
      const answer = await fetch(`${rig.url}${asked.path(false)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer sk-client' },
        body: hello(asked, false),
      })
      await answer.arrayBuffer()
      outcomes.push(answer.status)
      if (!answer.ok) {
        expect(answer.status).toBe(502)
        // No byte of an answer came: the client's library may try again.
        expect(answer.headers.get('x-should-retry')).toBe('true')
      }
      if (i % 4 === 0) upstream.closeIdle()
    }
    expect(upstream.requests.length).toBeLessThanOrEqual(60)
    expect(outcomes.filter((status) => status === 200).length).toBeGreaterThan(30)
  })

  test('a provider that is not there is an answer at once, in its own form', async () => {
    const nowhere = await startRig({ upstream: 'http://127.0.0.1:9' })
    for (const asked of DIALECTS) {
      const answer = await fetch(nowhere.url + asked.path(false), {
        method: 'POST',
        headers: { 'content-type': 'application/json', [asked.key[0]]: asked.key[1] },
        body: hello(asked, false),
      })
      expect(answer.status).toBe(502)
      expect(answer.headers.get('x-should-retry')).toBe('true')
      expect(asked.errorText((await answer.json()) as never)).toContain('127.0.0.1:9')
    }
    await nowhere.stop()
  })
})

describe('18. WebSocket-first clients stall', () => {
  for (const path of ['/v1/responses', '/openai/v1/responses']) {
    test(`an upgrade of ${path} is refused with 426, and the connection can be used on`, async () => {
      const client = await connectRaw(rig.url)
      client.request('GET', path, [
        ['Connection', 'Upgrade'],
        ['Upgrade', 'websocket'],
        ['Sec-WebSocket-Version', '13'],
        ['Sec-WebSocket-Key', 'I5VWFVEu08YECXTTnuH0DA=='],
        ['Authorization', 'Bearer sk-client'],
        ['openai-beta', 'responses_websockets=2026-02-06'],
      ])
      const answer = await client.answer()
      expect(answer.status).toBe(426)
      expect(JSON.parse(String(await answer.body()))).toHaveProperty('error.message')
      client.close()
    })
  }
})

/** A library's error as a program sees it. */
type Seen = Readonly<{ kind: string; status: unknown; id: unknown; message: string }>

const LIBRARIES: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  openai: (url) =>
    new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: 'sk-client',
      maxRetries: 0,
    }).chat.completions.create({
      model: 'gpt-5.5',
      messages: [{ role: 'user', content: 'Hello?' }],
    }),
  'openai responses': (url) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: 'sk-client', maxRetries: 0 }).responses.create({
      model: 'gpt-5.6',
      input: 'Hello?',
    }),
  anthropic: (url) =>
    new Anthropic({ baseURL: url, apiKey: 'sk-ant-client', maxRetries: 0 }).messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 64,
      messages: [{ role: 'user', content: 'Hello?' }],
    }),
  genai: (url) =>
    new GoogleGenAI({
      apiKey: 'AIza-client',
      httpOptions: { baseUrl: url },
    }).models.generateContent({ model: 'gemini-3-pro', contents: 'Hello?' }),
  ollama: (url) =>
    new Ollama({ host: url }).chat({
      model: 'llama3.2',
      messages: [{ role: 'user', content: 'Hello?' }],
    }),
}

async function seen(asking: Promise<unknown>, url: string): Promise<Seen> {
  try {
    await asking
  } catch (thrown) {
    const error = thrown as Error & Record<string, unknown>
    return {
      kind: error instanceof ApiError ? 'ApiError' : error.constructor.name,
      status: error.status ?? error.status_code,
      id: error.requestID,
      message: error.message.replaceAll(url, 'URL'),
    }
  }
  throw new Error('it succeeded')
}

describe('19. error path differs from the success path (shape, headers, status)', () => {
  const STATUSES = [400, 401, 403, 404, 408, 413, 429, 500, 529]
  for (const [library, ask] of Object.entries(LIBRARIES)) {
    test(`${library}: class, status, request id and message are as without us`, async () => {
      for (const status of STATUSES) {
        upstream.play((exchange) => {
          const asked = dialectOf(exchange.request.target)
          const body = JSON.stringify(asked.error(status, `refused with ${status}, sorry`))
          const ids: HeaderLine[] = [
            ['Request-Id', 'req_1'],
            ['X-Request-Id', 'req_1'],
          ]
          return exchange.answer(status, [JSON_TYPE, ...ids], body)
        })
        const direct = await seen(ask(upstream.url), upstream.url)
        const via = await seen(ask(rig.url), rig.url)
        expect(via).toEqual(direct)
        expect(via.status).toBe(status)
      }
    })
  }

  test('an error that is no JSON comes back as it is', async () => {
    for (const asked of DIALECTS) {
      const page = '<html>Bad gateway ü</html>'
      upstream.play(({ answer }) => answer(502, [['Content-Type', 'text/html']], page))
      const client = await open(asked, true)
      const answer = await client.answer()
      expect([answer.status, String(await answer.body())]).toEqual([502, page])
      expect(valuesOf(answer.headers, 'content-type')).toEqual(['text/html'])
      client.close()
    }
  })
})

describe('20. 5-minute client limit on slow models', () => {
  // A first byte after 6 minutes is in bench/nightly.ts.
  test('no limit of the HTTP client is in force towards a provider', async () => {
    const asked = dialect('ollama chat')
    upstream.play(({ answer }) => answer(200, [JSON_TYPE], JSON.stringify(asked.whole('Hi'))))
    const fetched = spyOn(globalThis, 'fetch')
    try {
      await (await open(asked, false)).answer()
      const [, options] = fetched.mock.calls.find(([url]) => String(url).startsWith(upstream.url))!
      expect(options).toMatchObject({ timeout: false })
    } finally {
      fetched.mockRestore()
    }
  })
})
