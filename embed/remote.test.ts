import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { EngramError } from '../memory/errors.ts'
import type { Embedder } from '../memory/ports.ts'
import {
  type Asked,
  type EmbeddingServer,
  plainSend,
  SERVER_DIMENSIONS,
  serverVector,
  startEmbeddingServer,
  vectorsFor,
} from './fixtures/embedding-server.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import { discoverRemote, openRemote, type RemoteOptions, SAMPLE_TEXT } from './remote.ts'

const QUICK = {
  queryMs: 2_000,
  documentsMs: 2_000,
  retryMs: 1,
  longestRetryMs: 50,
  tries: 3,
  probeMs: 1,
  longestProbeMs: 5,
}

let server: EmbeddingServer
const embedders: Embedder[] = []
beforeEach(() => {
  server = startEmbeddingServer()
})
afterEach(async () => {
  for (const embedder of embedders.splice(0)) await embedder.close()
  await server.close()
})

function options(more: Partial<RemoteOptions> = {}): RemoteOptions {
  return {
    kind: 'openai',
    model: 'text-embedding-3-small',
    endpoint: {
      url: server.urls[more.kind ?? 'openai'],
      apiKey: 'sk-secret',
      keySetting: 'embedding.api_key',
    },
    send: plainSend,
    timing: QUICK,
    ...more,
  }
}

async function open(more: Partial<RemoteOptions> = {}): Promise<Embedder> {
  const all = options(more)
  const { model, sample } = await discoverRemote(all)
  server.asked.length = 0
  const embedder = openRemote(model, { sample, ...all })
  embedders.push(embedder)
  return embedder
}

const unit = (vector: readonly number[]) => {
  const norm = Math.hypot(...vector)
  return Float32Array.from(vector, (x) => x / norm)
}
const until = async (isTrue: () => boolean) => {
  const late = Date.now() + 10_000
  while (!isTrue()) {
    if (Date.now() > late) throw new Error(`waited in vain for ${isTrue}`)
    await Bun.sleep(1)
  }
}
const respond = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  server.answer(() => Response.json(body, { status, headers }))

describe('a server that answers', () => {
  test.each([
    ['openai', 'text-embedding-3-small', '/v1/embeddings'],
    ['ollama', 'all-minilm', '/api/embed'],
  ] as const)('%s is asked in its dialect', async (kind, model, path) => {
    const embedder = await open({ kind, model })
    expect(embedder.model).toEqual({
      name: `${kind}:${model}`,
      dimensions: SERVER_DIMENSIONS,
      fingerprint: `${kind}:${model}/${SERVER_DIMENSIONS}`,
    })
    expect(await embedder.embedQuery('tea?')).toEqual(unit(serverVector('tea?')))
    expect(server.asked).toEqual([
      { path, authorization: 'Bearer sk-secret', model, input: ['tea?'] },
    ])
  })

  test('documents go in batches, keep their order, and leave out what has no word', async () => {
    const embedder = await open()
    const texts = Array.from({ length: 150 }, (_, i) => (i % 50 === 7 ? '…' : `text ${i}`))
    const vectors = await embedder.embedDocuments(texts)
    expect(server.asked.map(({ input }) => input.length)).toEqual([64, 64, 19])
    for (const [i, text] of texts.entries()) {
      expect(vectors[i]!).toEqual(text === '…' ? (null as never) : unit(serverVector(text)))
    }
    expect(await embedder.embedDocuments([])).toEqual([])
    expect(server.asked).toHaveLength(3)
  })

  test('long texts are cut, and make smaller batches', async () => {
    const embedder = await open()
    await embedder.embedDocuments(Array(20).fill('tea '.repeat(5_000)))
    expect(server.asked.map(({ input }) => input.length)).toEqual([8, 8, 4])
    expect(server.asked[0]!.input[0]).toHaveLength(8_000)
  })

  test('vectors are put in the order of their indexes', async () => {
    const embedder = await open()
    server.answer(({ input }) =>
      Response.json({
        data: input.map((text, index) => ({ index, embedding: serverVector(text) })).toReversed(),
      }),
    )
    const [a, b] = await embedder.embedDocuments(['one', 'two'])
    expect([a, b]).toEqual([unit(serverVector('one')), unit(serverVector('two'))])
  })

  test('a model gets the prefixes of its family', async () => {
    const embedder = await open({ kind: 'ollama', model: 'nomic-embed-text:latest' })
    await embedder.embedQuery('tea?')
    await embedder.embedDocuments(['User drinks tea'])
    expect(server.asked.map(({ input }) => input[0])).toEqual([
      'search_query: tea?',
      'search_document: User drinks tea',
    ])
    expect(embedder.model.fingerprint).toContain('prefixed')
  })

  test('a server without a key is asked without one', async () => {
    const embedder = await open({
      endpoint: { url: server.urls.openai, apiKey: null, keySetting: 'x' },
    })
    await embedder.embedQuery('tea')
    expect(server.asked[0]).toMatchObject({ authorization: null, path: '/v1/embeddings' })
  })

  test('it is ready once it has been asked', async () => {
    let changes = 0
    const embedder = await open({ onChange: () => changes++ })
    expect(embedder.state()).toEqual({ status: 'loading' })
    await embedder.whenLoaded()
    expect(embedder.state()).toEqual({ status: 'ready' })
    expect(server.asked).toMatchObject([{ input: [SAMPLE_TEXT] }])
    expect(changes).toBe(1)
  })

  test('another model under the same name is not taken for the first', async () => {
    const embedder = await open()
    server.answer((asked) => vectorsFor(asked, SERVER_DIMENSIONS, 40))
    await embedder.whenLoaded()
    expect(embedder.state()).toEqual({
      status: 'failed',
      reason: expect.stringMatching(/another one than before.*engram embeddings reindex/),
    })
    server.answer((asked) => vectorsFor(asked))
    await until(() => embedder.state().status === 'ready')
  })
})

describe('an answer that cannot be used', () => {
  const ok = serverVector('tea')
  const answers: [string, unknown, RegExp][] = [
    ['a page', '<html>', /not JSON/],
    ['NaN in it', `{"data":[{"index":0,"embedding":[NaN,1,2,3,4,5,6,7]}]}`, /not JSON/],
    [
      'null for a number',
      { data: [{ index: 0, embedding: [...ok.slice(1), null] }] },
      /holds null/,
    ],
    [
      'text for a number',
      { data: [{ index: 0, embedding: [...ok.slice(1), 'NaN'] }] },
      /holds "NaN"/,
    ],
    [
      'an infinite number',
      `{"data":[{"index":0,"embedding":[1e999${',1'.repeat(31)}]}]}`,
      /holds null|infin/i,
    ],
    ['numbers too large', { data: [{ index: 0, embedding: ok.map(() => 1e200) }] }, /too large/],
    ['zeros', { data: [{ index: 0, embedding: ok.map(() => 0) }] }, /a vector of zeros/],
    ['an empty vector', { data: [{ index: 0, embedding: [] }] }, /an empty vector/],
    ['no vector', { data: [{ index: 0 }] }, /an empty vector/],
    ['base64', { data: [{ index: 0, embedding: 'AAAA' }] }, /an empty vector/],
    [
      'another dimension',
      { data: [{ index: 0, embedding: ok.slice(1) }] },
      /31 dimensions.* has 32/,
    ],
    ['too few', { data: [] }, /0 vectors for 1/],
    [
      'too many',
      {
        data: [
          { index: 0, embedding: ok },
          { index: 1, embedding: ok },
        ],
      },
      /the text 1 of 1/,
    ],
    [
      'one twice',
      {
        data: [
          { index: 0, embedding: ok },
          { index: 0, embedding: ok },
        ],
      },
      /the text 0 of 1/,
    ],
    ['no data', { object: 'list' }, /no "data"/],
    ['a list', [], /no "data"/],
    ['null', 'null', /no object/],
  ]
  test.each(answers)('%s: an error that says so', async (_, answer, message) => {
    const embedder = await open()
    const calls = [() => embedder.embedQuery('tea'), () => embedder.embedDocuments(['tea'])]
    for (const call of calls) {
      server.answer(
        () => new Response(typeof answer === 'string' ? answer : JSON.stringify(answer)),
      )
      expect(await rejectionOf(call())).toMatchObject({
        code: 'upstream',
        message: expect.stringMatching(message),
      })
      expect(embedder.state()).toMatchObject({ status: 'failed' })
      server.answer((asked) => vectorsFor(asked))
      await until(() => embedder.state().status === 'ready')
    }
  })
})

describe('a server in trouble', () => {
  test.each([
    [429, { error: { message: 'slow down' } }],
    [503, {}],
    [500, 'oops'],
  ])('%i: documents are sent again until they are taken', async (status, body) => {
    const embedder = await open()
    server.answer((asked, count) =>
      count < 3
        ? Response.json(body, { status, headers: { 'retry-after': '0' } })
        : vectorsFor(asked),
    )
    expect(await embedder.embedDocuments(['tea'])).toEqual([unit(serverVector('tea'))])
    expect(server.asked).toHaveLength(3)
    expect(embedder.state()).toEqual({ status: 'ready' })
  })

  test('who sends again waits as long as the server says, or by chance', async () => {
    const waits: number[] = []
    const embedder = await open({
      random: () => 0.5,
      sleep: async (ms) => {
        waits.push(ms)
      },
      timing: { ...QUICK, retryMs: 8, tries: 5 },
    })
    server.answer((asked, count) =>
      count < 5
        ? new Response('', { status: 429, headers: count === 2 ? { 'retry-after': '0.03' } : {} })
        : vectorsFor(asked),
    )
    await embedder.embedDocuments(['tea'])
    expect(waits).toEqual([4, 30, 16, 25])
  })

  test('after enough tries it is left alone, says why, and is used again when it is well', async () => {
    let changes = 0
    const embedder = await open({ onChange: () => changes++ })
    await embedder.whenLoaded()
    server.asked.length = 0
    respond(503, { error: 'the model is being loaded' })
    expect(await rejectionOf(embedder.embedDocuments(['tea']))).toMatchObject({
      code: 'upstream',
      message: expect.stringContaining('503: the model is being loaded'),
    })
    expect(server.asked.length).toBeGreaterThanOrEqual(3)
    expect(embedder.state()).toMatchObject({ status: 'failed' })
    expect(await rejectionOf(embedder.embedQuery('tea'))).toMatchObject({ code: 'unavailable' })
    server.answer((asked) => vectorsFor(asked))
    await until(() => embedder.state().status === 'ready')
    expect(changes).toBeGreaterThanOrEqual(3)
    expect(await embedder.embedQuery('tea')).toHaveLength(SERVER_DIMENSIONS)
  })

  test('a wait that is asked for and too long is waited for outside', async () => {
    const embedder = await open({ timing: { ...QUICK, probeMs: 1 } })
    server.answer(() => new Response('', { status: 429, headers: { 'retry-after': '3600' } }))
    expect(await rejectionOf(embedder.embedDocuments(['tea']))).toMatchObject({ code: 'upstream' })
    expect(server.asked).toHaveLength(1)
    server.answer((asked) => vectorsFor(asked))
    await Bun.sleep(30)
    expect(embedder.state().status).toBe('failed')
    expect(server.asked).toHaveLength(1)
  })

  test('a query is asked once: words answer sooner than a second try', async () => {
    const embedder = await open()
    respond(503, {})
    await rejectionOf(embedder.embedQuery('tea'))
    const atOnce = server.asked.filter(({ input }) => input[0] === 'tea')
    expect(atOnce).toHaveLength(1)
  })

  test('a server that hangs is given up in time', async () => {
    const embedder = await open({ timing: { ...QUICK, queryMs: 30, documentsMs: 30 } })
    const hanging: ((response: Response) => void)[] = []
    server.answer(() => new Promise((resolve) => hanging.push(resolve)))
    const refusal = { code: 'timeout', message: expect.stringContaining('0.03 seconds') }
    expect(await rejectionOf(embedder.embedQuery('tea'))).toMatchObject(refusal)
    for (const release of hanging.splice(0)) release(new Response('late'))
    server.answer((asked) => vectorsFor(asked))
    await until(() => embedder.state().status === 'ready')
    server.answer(() => new Promise((resolve) => hanging.push(resolve)))
    expect(await rejectionOf(embedder.embedDocuments(['tea']))).toMatchObject(refusal)
    for (const release of hanging) release(new Response('late'))
  })

  test('a body that never ends is given up in time', async () => {
    const embedder = await open({ timing: { ...QUICK, queryMs: 30 } })
    server.answer(
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(10)) })),
    )
    expect(await rejectionOf(embedder.embedQuery('tea'))).toMatchObject({ code: 'timeout' })
  })

  test('nobody there', async () => {
    const embedder = await open()
    await server.close()
    const error = await rejectionOf(embedder.embedDocuments(['tea']))
    expect(error).toMatchObject({ code: 'upstream' })
    expect(embedder.state().status).toBe('failed')
    server = startEmbeddingServer()
  })

  test.each([
    [401, /answered 401: bad key/, /engram config set embedding\.api_key/],
    [404, /answered 404: bad key/, /the model’s name/],
  ])('%i: the error says what to do, and not the key', async (status, message, fix) => {
    const embedder = await open()
    respond(status, { error: { message: 'bad key' } })
    const error = await rejectionOf(embedder.embedDocuments(['tea']))
    expect(error).toMatchObject({
      code: 'upstream',
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    })
    expect(JSON.stringify([error, embedder.state()])).not.toContain('sk-secret')
    expect(server.asked.filter(({ input }) => input[0] === 'tea')).toHaveLength(1)
  })
})

describe('a text that a server does not take', () => {
  const tooLong = ({ input }: Asked) => input.some((text) => text.length > 900)
  const refuseLong = (asked: Asked) =>
    tooLong(asked)
      ? Response.json({ error: { message: 'input too long' } }, { status: 400 })
      : vectorsFor(asked)

  test('is shortened, and the others are embedded whole', async () => {
    const embedder = await open()
    server.answer(refuseLong)
    const long = 'tea and coffee '.repeat(200)
    const vectors = await embedder.embedDocuments(['one', long, 'two', 'three'])
    expect(vectors[1]).toEqual(unit(serverVector(long.slice(0, 750))))
    for (const [i, text] of [
      [0, 'one'],
      [2, 'two'],
      [3, 'three'],
    ] as const) {
      expect(vectors[i]).toEqual(unit(serverVector(text)))
    }
    expect(embedder.state()).toEqual({ status: 'ready' })
  })

  test('is left without a vector when nothing helps', async () => {
    const embedder = await open()
    server.answer((asked) =>
      asked.input.some((text) => text.includes('forbidden'))
        ? Response.json({}, { status: 422 })
        : vectorsFor(asked),
    )
    const vectors = await embedder.embedDocuments(['one', 'forbidden '.repeat(300), 'two'])
    expect(vectors.map((vector) => vector !== null)).toEqual([true, false, true])
  })

  test('a server that refuses everything is another matter', async () => {
    const embedder = await open()
    respond(400, { error: 'unknown option' })
    expect(await rejectionOf(embedder.embedDocuments(['one', 'two']))).toMatchObject({
      code: 'upstream',
      message: expect.stringContaining('unknown option'),
    })
    expect(embedder.state().status).toBe('failed')
  })

  test('a question that is refused concerns nobody else', async () => {
    const embedder = await open()
    await embedder.whenLoaded()
    respond(400, { error: 'no' })
    expect(await rejectionOf(embedder.embedQuery('tea'))).toBeInstanceOf(EngramError)
    expect(embedder.state()).toEqual({ status: 'ready' })
  })
})

describe('ending', () => {
  test('a call that is cancelled ends at once, and counts as no failure', async () => {
    const embedder = await open()
    await embedder.whenLoaded()
    server.answer(() => new Promise(() => {}))
    const controller = new AbortController()
    const calls = [
      embedder.embedQuery('tea', controller.signal),
      embedder.embedDocuments(['tea'], controller.signal),
    ].map(rejectionOf)
    await until(() => server.asked.length >= 3)
    controller.abort(new Error('no longer wanted'))
    expect(await Promise.all(calls)).toEqual([controller.signal.reason, controller.signal.reason])
    expect(embedder.state()).toEqual({ status: 'ready' })
  })

  test('closing rejects what waits and what comes later', async () => {
    const embedder = await open()
    server.answer(() => new Promise(() => {}))
    const waiting = [embedder.embedQuery('tea'), embedder.embedDocuments(['tea'])].map(rejectionOf)
    await until(() => server.asked.length >= 2)
    await embedder.close()
    const refusal = expect.objectContaining({ code: 'unavailable' })
    expect(await Promise.all(waiting)).toEqual([refusal, refusal])
    expect(await rejectionOf(embedder.embedQuery('tea'))).toMatchObject({ code: 'unavailable' })
    expect(embedder.state()).toEqual({ status: 'failed', reason: 'it was closed' })
  })
})

test('discovery says what is wrong', async () => {
  respond(401, { error: { message: 'Incorrect API key' } })
  expect(await rejectionOf(discoverRemote(options()))).toMatchObject({
    code: 'upstream',
    message: expect.stringContaining('401: Incorrect API key'),
  })
})
