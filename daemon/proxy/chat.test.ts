import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { failureOf, type HeaderFields, type Proxying, startProxying } from './fixtures/proxying.ts'
import { header } from './fixtures/upstream.ts'

setDefaultTimeout(60_000)

let proxying: Proxying
beforeAll(async () => {
  proxying = await startProxying()
})
afterAll(() => proxying?.stop())

const TEA = 'User drinks green tea every morning'
const ASK = {
  model: 'some-model',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Which tea do I drink? I moved to Basel.' },
  ],
}
const ANSWER = 'Green tea.'
const WHOLE = {
  openai: { model: 'o', choices: [{ message: { content: ANSWER }, finish_reason: 'stop' }] },
  anthropic: {
    id: 'm',
    model: 'c',
    content: [{ type: 'text', text: ANSWER }],
    stop_reason: 'end_turn',
  },
  gemini: { candidates: [{ content: { parts: [{ text: ANSWER }] }, finishReason: 'STOP' }] },
  ollama: { model: 'l', choices: [{ message: { content: ANSWER }, finish_reason: 'stop' }] },
} as const
const TARGETS = {
  openai: '/v1/chat/completions',
  anthropic: '/v1/messages',
  gemini: '/v1beta/models/some-model:generateContent',
  ollama: '/v1/chat/completions',
} as const
type Provider = keyof typeof WHOLE
const PROVIDERS = Object.keys(WHOLE) as Provider[]

const answerWith = (body: object, status = 200) =>
  proxying.upstream.play((answer) =>
    answer.whole(status, { 'Content-Type': 'application/json' }, JSON.stringify(body)),
  )

describe.each(PROVIDERS)('POST /v1/chat with %s', (provider) => {
  const headers = { 'x-engram-provider': provider }

  test('is answered in OpenAI’s form, with memory in front of the system prompt', async () => {
    const ann = await proxying.person(TEA)
    answerWith(WHOLE[provider])
    const sent = await proxying.send('/v1/chat', ASK, ann.headers(headers))
    expect(sent).toMatchObject({ status: 200, memory: 'used', injected: 1 })
    expect(JSON.parse(sent.text).choices[0].message.content).toBe(ANSWER)
    expect(proxying.last().target).toBe(TARGETS[provider])
    const body = proxying.last().body.toString()
    expect(body.indexOf('green tea')).toBeLessThan(body.indexOf('Be brief.'))
    expect(body.indexOf('green tea')).toBeGreaterThan(0)
    const id = sent.headers.get('x-engram-conversation-id')
    const { json } = await ann.call('GET', `/conversations/${id}`)
    expect(json.turns.map(({ content }: { content: string }) => content)).toEqual([
      ASK.messages[1]!.content,
      ANSWER,
    ])
    await proxying.running.settled()
    const memories = (await ann.call('GET', '/memories')).text
    expect(memories).toContain('Basel')
  })

  test('says who the client is to the provider, and nothing of ours', async () => {
    const ann = await proxying.person(TEA)
    answerWith(WHOLE[provider])
    await proxying.send('/v1/chat', ASK, ann.headers({ ...headers, 'user-agent': 'x/1' }))
    const name = {
      openai: 'authorization',
      anthropic: 'x-api-key',
      gemini: 'x-goog-api-key',
      ollama: 'authorization',
    }[provider]
    expect(header(proxying.last(), name)).toContain('sk-client')
    expect(header(proxying.last(), 'user-agent')).toBe('x/1')
    expect(proxying.last().headers.some(([each]) => each.startsWith('x-engram'))).toBe(false)
  })

  test('an error is told in OpenAI’s form', async () => {
    const ann = await proxying.person(TEA)
    answerWith({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } }, 529)
    const { status, text } = await proxying.send('/v1/chat', ASK, ann.headers(headers))
    expect(status).toBe(529)
    expect(JSON.parse(text).error).toMatchObject({ message: 'busy', type: 'overloaded_error' })
  })
})

describe('a stream', () => {
  const stream = { ...ASK, stream: true }

  test.each([
    ['openai', 'openai-text.sse'],
    ['anthropic', 'anthropic-text.sse'],
    ['gemini', 'gemini-text.sse'],
  ])('of %s ends when its exchange is kept', async (provider, fixture) => {
    const ann = await proxying.person(TEA)
    const bytes = await Bun.file(join(import.meta.dir, '../../providers/fixtures', fixture)).bytes()
    proxying.upstream.play(async (answer) => {
      await answer.head(200, { 'Content-Type': 'text/event-stream' })
      for (let at = 0; at < bytes.length; at += 100)
        await answer.chunk(bytes.subarray(at, at + 100))
      await answer.end()
    })
    const sent = await proxying.send(
      '/v1/chat',
      stream,
      ann.headers({ 'x-engram-provider': provider }),
    )
    expect(sent.text).toEndWith('data: [DONE]\n\n')
    expect(sent.headers.get('content-type')).toContain('text/event-stream')
    const id = sent.headers.get('x-engram-conversation-id')
    const { json } = await ann.call('GET', `/conversations/${id}`)
    expect(json.turns.at(-1)).toMatchObject({ content: 'Grüße aus Zürich 🏔️', truncated: false })
  })

  test('that breaks off ends in an error frame where the client reads a translation', async () => {
    const ann = await proxying.person(TEA)
    proxying.upstream.play(async (answer) => {
      await answer.head(200, { 'Content-Type': 'text/event-stream' })
      await answer.chunk('data: {"type":"message_start","message":{"id":"m"}}\n\n')
      await answer.end()
    })
    const anthropic = ann.headers({ 'x-engram-provider': 'anthropic' })
    const { text } = await proxying.send('/v1/chat', stream, anthropic)
    expect(text).toContain('before its answer was complete')
    expect(text).not.toContain('[DONE]')
    proxying.upstream.play(async (answer) => {
      await answer.head(200, { 'Content-Type': 'text/event-stream' })
      await answer.chunk('data: {"choices":[]}\n\n')
      answer.reset()
    })
    expect(await failureOf(proxying.send('/v1/chat', stream, ann.headers()))).toContain('closed')
  })
})

describe('which endpoint it is', () => {
  test('another provider at OpenAI’s own path is translated, OpenAI itself is not', async () => {
    const ann = await proxying.person(TEA)
    answerWith(WHOLE.anthropic)
    const { text } = await proxying.send(
      '/v1/chat/completions',
      ASK,
      ann.headers({ 'x-engram-provider': 'anthropic' }),
    )
    expect(JSON.parse(text).object).toBe('chat.completion')
    expect(proxying.last().target).toBe('/v1/messages')
    answerWith(WHOLE.openai)
    const body = JSON.stringify(ASK).replace('{', '{"temperature":1.0,')
    await proxying.send(
      '/v1/chat/completions',
      body,
      ann.headers({ 'x-engram-provider': 'OpenAI' }),
    )
    expect(proxying.last().body.toString()).toStartWith('{"temperature":1.0,"model"')
    expect(proxying.lastBody().messages[0].content).toBe('Be brief.')
    expect(proxying.lastBody().messages[1].content).toContain('<engram-memory>')
  })

  test('below a provider’s name the header changes nothing', async () => {
    const ann = await proxying.person(TEA)
    answerWith(WHOLE.openai)
    await proxying.send(
      '/openai/v1/chat/completions',
      ASK,
      ann.headers({ 'x-engram-provider': 'anthropic' }),
    )
    expect(proxying.last().target).toBe('/v1/chat/completions')
  })

  test.each<[string, object, HeaderFields, number, string]>([
    ['a provider that is none', ASK, { 'x-engram-provider': 'x' }, 400, 'must be one of'],
    ['no messages', { model: 'm' }, {}, 400, 'messages must be a list'],
    ['no model', { messages: ASK.messages }, {}, 400, 'model must be'],
    ['another content type', ASK, { 'content-type': 'text/plain' }, 415, 'application/json'],
  ])('%s is refused in OpenAI’s form', async (_, body, headers, status, message) => {
    const ann = await proxying.person(TEA)
    answerWith(WHOLE.openai)
    const sent = await proxying.send('/v1/chat', body, ann.headers(headers))
    expect(sent.status).toBe(status)
    expect(JSON.parse(sent.text).error.message).toContain(message)
    expect(proxying.upstream.requests).toHaveLength(0)
  })

  test('a key in the path, and one with the provider’s behind it, are good here too', async () => {
    const ann = await proxying.person(TEA)
    const { json } = await ann.call('POST', '/users/me/api-keys', {
      body: { name: 'url', scope: 'proxy' },
    })
    answerWith(WHOLE.openai)
    expect((await proxying.send(`/u/${json.api_key}/v1/chat`, ASK)).memory).toBe('used')
    const composite = { authorization: `Bearer ${ann.key}~sk-own` }
    expect((await proxying.send('/v1/chat', ASK, composite)).memory).toBe('used')
    expect(header(proxying.last(), 'authorization')).toBe('Bearer sk-own')
    expect(
      (await proxying.send('/v1/chat', ASK, { authorization: `Bearer ${ann.key}` })).memory,
    ).toBe('used')
    expect(header(proxying.last(), 'authorization')).toBe('Bearer sk-configured-openai')
  })
})
