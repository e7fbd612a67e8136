import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { CLIENT, failureOf, type Proxying, startProxying, until } from './fixtures/proxying.ts'

setDefaultTimeout(60_000)

let proxying: Proxying
beforeAll(async () => {
  proxying = await startProxying()
})
afterAll(() => proxying?.stop())

const TEA = 'User drinks green tea every morning'
const ASK = 'Which tea do I drink in the morning?'
const BLOCK = /<engram-memory>[\s\S]*green tea[\s\S]*<\/engram-memory>/

const sse = (...events: object[]) =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')

/** A short answer in each dialect, as a stream and whole. */
const ANSWER = 'You drink green tea.'
const WIRES = [
  {
    name: 'openai-chat',
    path: '/v1/chat/completions',
    ask: (text: string, stream: boolean) => ({
      model: 'gpt',
      stream,
      messages: [{ role: 'user', content: text }],
    }),
    after: (text: string, next: string) => ({
      model: 'gpt',
      messages: [
        { role: 'user', content: text },
        { role: 'assistant', content: ANSWER },
        { role: 'user', content: next },
      ],
    }),
    whole: { choices: [{ message: { content: ANSWER }, finish_reason: 'stop' }] },
    stream: `${sse(
      { choices: [{ index: 0, delta: { content: 'You drink ' } }] },
      { choices: [{ index: 0, delta: { content: 'green tea.' }, finish_reason: 'stop' }] },
    )}data: [DONE]\n\n`,
    streamType: 'text/event-stream',
  },
  {
    name: 'openai-responses',
    path: '/v1/responses',
    ask: (text: string, stream: boolean) => ({
      model: 'gpt',
      stream,
      input: [{ role: 'user', content: [{ type: 'input_text', text }] }],
    }),
    after: (text: string, next: string) => ({
      model: 'gpt',
      input: [
        { role: 'user', content: [{ type: 'input_text', text }] },
        { role: 'assistant', content: [{ type: 'output_text', text: ANSWER }] },
        { role: 'user', content: [{ type: 'input_text', text: next }] },
      ],
    }),
    whole: {
      id: 'resp_1',
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: ANSWER }] }],
    },
    stream: sse(
      { type: 'response.output_text.delta', delta: 'You drink ' },
      { type: 'response.output_text.delta', delta: 'green tea.' },
      { type: 'response.completed', response: { id: 'resp_1', status: 'completed' } },
    ),
    streamType: 'text/event-stream',
  },
  {
    name: 'anthropic-messages',
    path: '/v1/messages',
    ask: (text: string, stream: boolean) => ({
      model: 'claude',
      max_tokens: 100,
      stream,
      messages: [{ role: 'user', content: [{ type: 'text', text }] }],
    }),
    after: (text: string, next: string) => ({
      model: 'claude',
      max_tokens: 100,
      messages: [
        { role: 'user', content: [{ type: 'text', text }] },
        { role: 'assistant', content: ANSWER },
        { role: 'user', content: next },
      ],
    }),
    whole: { content: [{ type: 'text', text: ANSWER }], stop_reason: 'end_turn' },
    stream: sse(
      { type: 'message_start', message: { id: 'msg_1' } },
      { type: 'content_block_delta', delta: { type: 'text_delta', text: 'You drink ' } },
      { type: 'content_block_delta', delta: { type: 'text_delta', text: 'green tea.' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    ),
    streamType: 'text/event-stream',
  },
  {
    name: 'gemini',
    path: '/v1beta/models/gemini-3:streamGenerateContent?alt=sse',
    ask: (text: string) => ({ contents: [{ role: 'user', parts: [{ text }] }] }),
    after: (text: string, next: string) => ({
      contents: [
        { role: 'user', parts: [{ text }] },
        { role: 'model', parts: [{ text: ANSWER }] },
        { role: 'user', parts: [{ text: next }] },
      ],
    }),
    whole: {
      candidates: [{ content: { parts: [{ text: ANSWER }] }, finishReason: 'STOP' }],
    },
    stream: sse(
      { candidates: [{ content: { parts: [{ text: 'You drink ' }] } }] },
      { candidates: [{ content: { parts: [{ text: 'green tea.' }] }, finishReason: 'STOP' }] },
    ),
    streamType: 'text/event-stream',
  },
  {
    name: 'ollama-chat',
    path: '/api/chat',
    ask: (text: string, stream: boolean) => ({
      model: 'llama',
      stream,
      messages: [{ role: 'user', content: text }],
    }),
    after: (text: string, next: string) => ({
      model: 'llama',
      messages: [
        { role: 'user', content: text },
        { role: 'assistant', content: ANSWER },
        { role: 'user', content: next },
      ],
    }),
    whole: { message: { content: ANSWER }, done: true },
    stream: `${JSON.stringify({ message: { content: 'You drink ' }, done: false })}\n${JSON.stringify({ message: { content: 'green tea.' }, done: false })}\n${JSON.stringify({ done: true })}\n`,
    streamType: 'application/x-ndjson',
  },
  {
    name: 'ollama-generate',
    path: '/api/generate',
    ask: (text: string, stream: boolean) => ({ model: 'llama', stream, prompt: text }),
    after: null,
    whole: { response: ANSWER, done: true },
    stream: `${JSON.stringify({ response: ANSWER, done: false })}\n${JSON.stringify({ done: true })}\n`,
    streamType: 'application/x-ndjson',
  },
] as const

describe.each(WIRES.map((wire) => [wire.name, wire] as const))('%s', (name, wire) => {
  const playStream = () =>
    proxying.upstream.play(async (answer) => {
      await answer.head(200, { 'Content-Type': wire.streamType })
      for (const line of wire.stream.match(/[^\n]*\n/g)!) await answer.chunk(line)
      await answer.end()
    })
  const playWhole = () =>
    proxying.upstream.play((answer) =>
      answer.whole(200, { 'Content-Type': 'application/json' }, JSON.stringify(wire.whole)),
    )

  test('a stream passes byte for byte, memory goes in, the exchange is kept', async () => {
    const ann = await proxying.person(TEA)
    playStream()
    const sent = await proxying.send(wire.path, wire.ask(ASK, true), ann.headers())
    expect(sent).toMatchObject({ status: 200, text: wire.stream, memory: 'used', injected: 1 })
    expect(proxying.last().body.toString()).toMatch(BLOCK)
    expect(proxying.last().target).toBe(wire.path)
    const id = sent.headers.get('x-engram-conversation-id')
    const { json } = await ann.call('GET', `/conversations/${id}`)
    expect(
      json.turns.map((turn: { role: string; content: string }) => [turn.role, turn.content]),
    ).toEqual([
      ['user', ASK],
      ['assistant', ANSWER],
    ])
    const receipt = await ann.call('GET', `/logs/${sent.headers.get('x-engram-receipt')}`)
    expect(receipt.json).toMatchObject({ query: ASK, injected: 1 })
    expect(receipt.json.detail.outcome).toMatchObject({ ending: 'complete', status: 200 })
  })

  test('a whole answer passes byte for byte and is kept before its end is seen', async () => {
    const ann = await proxying.person(TEA)
    playWhole()
    const path = wire.path.replace('streamGenerateContent?alt=sse', 'generateContent')
    const sent = await proxying.send(path, wire.ask(ASK, false), ann.headers())
    expect(sent).toMatchObject({ status: 200, text: JSON.stringify(wire.whole), memory: 'used' })
    const { json } = await ann.call('GET', '/conversations')
    expect(json.conversations[0]).toMatchObject({ turns: 2, source: 'proxy' })
  })

  if (wire.after) {
    test('what was put into a turn stands there in later requests', async () => {
      const ann = await proxying.person(TEA)
      playStream()
      const first = await proxying.send(wire.path, wire.ask(ASK, true), ann.headers())
      const asked = proxying.last().body.toString()
      const block = BLOCK.exec(JSON.stringify(JSON.parse(asked)))![0]
      const second = await proxying.send(wire.path, wire.after(ASK, 'Thanks!'), ann.headers())
      const again = JSON.stringify(proxying.lastBody())
      expect(again.split(block)).toHaveLength(2)
      expect(again.indexOf(block)).toBeLessThan(again.indexOf('Thanks!'))
      expect(second).toMatchObject({ memory: 'used', injected: 1 })
      expect(second.headers.get('x-engram-conversation-id')).toBe(
        first.headers.get('x-engram-conversation-id'),
      )
    })
  }

  test('without anything to say the request goes on as it came', async () => {
    const ann = await proxying.person()
    playWhole()
    const body = JSON.stringify(wire.ask('What is 1 + 1?', false)).replace('{', '{ "x" : 1.0e2,')
    const sent = await proxying.send(wire.path, body, ann.headers())
    expect(sent.memory).toBe('none')
    expect(proxying.last().body.toString()).toBe(body)
  })

  test('who says off is left alone', async () => {
    const ann = await proxying.person(TEA)
    playWhole()
    const body = JSON.stringify(wire.ask(ASK, false))
    const off = await proxying.send(wire.path, body, ann.headers({ 'x-engram-memory': 'off' }))
    expect(off).toMatchObject({ memory: 'skipped; reason=off', status: 200 })
    expect(proxying.last().body.toString()).toBe(body)
    const silent = { 'x-engram-disable-injection': 'true' }
    expect(await proxying.send(wire.path, body, ann.headers(silent))).toMatchObject({
      memory: 'skipped; reason=off',
    })
    expect(proxying.last().body.toString()).toBe(body)
    const { json } = await ann.call('GET', '/conversations')
    expect(json.total).toBe(1)
  })

  test('an error of the provider passes as it is, and its exchange is not learned', async () => {
    const ann = await proxying.person(TEA)
    for (const status of [400, 401, 403, 404, 408, 413, 429, 500, 529]) {
      const body = `{"error":{"message":"no ${status}","n":1.0}}`
      proxying.upstream.play((answer) =>
        answer.whole(
          status,
          { 'Content-Type': 'application/json', 'Retry-After': '7', 'request-id': 'r1' },
          body,
        ),
      )
      const sent = await proxying.send(wire.path, wire.ask(ASK, true), ann.headers())
      expect(sent).toMatchObject({ status, text: body })
      expect(sent.headers.get('retry-after')).toBe('7')
      expect(sent.headers.get('request-id')).toBe('r1')
      expect(proxying.upstream.requests).toHaveLength(1)
    }
    const { json } = await ann.call('GET', '/conversations')
    expect(json).toMatchObject({ conversations: [], total: 0 })
    expect((await ann.call('GET', '/logs')).json.total).toBeGreaterThan(0)
  })

  test('an answer that breaks off breaks off for the client too', async () => {
    const ann = await proxying.person(TEA)
    proxying.upstream.play(async (answer) => {
      await answer.head(200, { 'Content-Type': wire.streamType })
      await answer.chunk(wire.stream.slice(0, wire.stream.indexOf('\n\n') + 2 || 40))
      answer.reset()
    })
    expect(await failureOf(proxying.send(wire.path, wire.ask(ASK, true), ann.headers()))).toContain(
      'closed',
    )
    await until(async () => (await ann.call('GET', '/logs')).json.total > 0)
    const { json } = await ann.call('GET', '/conversations')
    const turns = (await ann.call('GET', `/conversations/${json.conversations[0].id}`)).json.turns
    expect(turns[0]).toMatchObject({ role: 'user', content: ASK })
    expect(turns.slice(1).every(({ truncated }: { truncated: boolean }) => truncated)).toBe(true)
  })

  test('our own errors look like the provider’s', async () => {
    const { status, text } = await proxying.send(wire.path, wire.ask(ASK, true), {
      ...CLIENT,
      'x-engram-key': 'ek_wrong',
    })
    expect(status).toBe(401)
    const error = JSON.parse(text)
    const message = expect.stringContaining('not valid')
    expect(error).toEqual(
      {
        'openai-chat': {
          error: {
            message,
            type: 'authentication_error',
            param: null,
            code: 'engram_unauthorized',
          },
        },
        'openai-responses': {
          error: {
            message,
            type: 'authentication_error',
            param: null,
            code: 'engram_unauthorized',
          },
        },
        'anthropic-messages': { type: 'error', error: { type: 'authentication_error', message } },
        gemini: { error: { code: 401, message, status: 'UNAUTHENTICATED' } },
        'ollama-chat': { error: message },
        'ollama-generate': { error: message },
      }[name] as object,
    )
  })
})
