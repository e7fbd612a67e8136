/** What client libraries do beside conversations, and around them. */
import { afterAll, describe, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { OPENING_TAG } from '../../../memory/render.ts'
import { dialect } from '../rig/dialects.ts'
import { type HeaderLine, valuesOf } from '../rig/http-message.ts'
import { openRawUpstream } from '../rig/raw-upstream.ts'
import { startRig } from '../rig/start.ts'

const upstream = await openRawUpstream(({ reset }) => reset())
const rig = await startRig({ upstream: upstream.url })
afterAll(async () => {
  await rig.stop()
  await upstream.stop()
})
await rig.remember('User drinks black coffee from Ethiopia')
const QUESTION = 'Which coffee do I drink?'

const openai = new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: 'sk-client', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: rig.url, apiKey: 'sk-ant-client', maxRetries: 0 })
const google = new GoogleGenAI({ apiKey: 'AIza-client', httpOptions: { baseUrl: rig.url } })
const ollama = new Ollama({ host: rig.url })

const JSON_TYPE: HeaderLine = ['Content-Type', 'application/json']

/** From now on the provider answers this. */
function answers(body: object, headers: readonly HeaderLine[] = []): void {
  upstream.clear()
  upstream.play(({ answer }) => answer(200, [JSON_TYPE, ...headers], JSON.stringify(body)))
}
const received = () => upstream.requests.map(({ method, target }) => `${method} ${target}`)
const bodies = () => upstream.requests.map(({ body }) => String(body))

describe('what is no conversation passes as it is', () => {
  test('models of OpenAI and of Anthropic, which have the same path', async () => {
    const listing = (id: string) =>
      openRawUpstream(({ answer }) =>
        answer(200, [JSON_TYPE], JSON.stringify({ data: [{ id }], has_more: false })),
      )
    const [ofOpenAi, ofAnthropic] = [await listing('gpt-5.5'), await listing('claude-opus-5-5')]
    const both = await startRig({
      upstream: { openai: ofOpenAi.url, anthropic: ofAnthropic.url },
    })
    const first = new OpenAI({ baseURL: `${both.url}/v1`, apiKey: 'sk-client' })
    const second = new Anthropic({ baseURL: both.url, apiKey: 'sk-ant-client' })
    expect((await first.models.list()).data[0]!.id).toBe('gpt-5.5')
    expect((await second.models.list()).data[0]!.id).toBe('claude-opus-5-5')
    await both.stop()
    await ofOpenAi.stop()
    await ofAnthropic.stop()
  })

  test('embeddings, packed as the library asks for them', async () => {
    const packed = Buffer.from(new Float32Array([0.5, -0.25]).buffer).toString('base64')
    answers({
      object: 'list',
      model: 'text-embedding-3-small',
      data: [{ object: 'embedding', index: 0, embedding: packed }],
      usage: { prompt_tokens: 1, total_tokens: 1 },
    })
    const { data } = await openai.embeddings.create({
      model: 'text-embedding-3-small',
      input: QUESTION,
    })
    expect(data[0]!.embedding).toEqual([0.5, -0.25])
    expect(bodies()[0]).toBe(
      `{"model":"text-embedding-3-small","input":"${QUESTION}","encoding_format":"base64"}`,
    )
  })

  test('token counts of Anthropic and Google, without memory', async () => {
    answers({ input_tokens: 12 })
    const count = await anthropic.messages.countTokens({
      model: 'claude-opus-5-5',
      messages: [{ role: 'user', content: QUESTION }],
    })
    expect(count.input_tokens).toBe(12)
    expect(bodies()[0]).not.toContain(OPENING_TAG)
    answers({ totalTokens: 13 })
    const { totalTokens } = await google.models.countTokens({
      model: 'gemini-3-pro',
      contents: QUESTION,
    })
    expect(totalTokens).toBe(13)
    expect(bodies()[0]).not.toContain(OPENING_TAG)
  })

  test('Ollama’s list of models and its embeddings', async () => {
    answers({ models: [{ name: 'llama3.2' }] })
    expect((await ollama.list()).models[0]!.name).toBe('llama3.2')
    answers({ model: 'nomic-embed-text', embeddings: [[0.5, 0.25]] })
    const { embeddings } = await ollama.embed({ model: 'nomic-embed-text', input: QUESTION })
    expect(embeddings).toEqual([[0.5, 0.25]])
    expect(bodies()[0]).not.toContain(OPENING_TAG)
  })

  test('an upload, byte for byte', async () => {
    answers({ id: 'file_1', object: 'file', bytes: 3, filename: 'a.bin', purpose: 'user_data' })
    const file = new File([Uint8Array.of(0, 255, 10)], 'a.bin')
    expect((await openai.files.create({ file, purpose: 'user_data' })).id).toBe('file_1')
    expect(Buffer.from(upstream.requests[0]!.body).includes(Buffer.of(0, 255, 10))).toBe(true)
  })
})

describe('around conversations', () => {
  test('ids of requests arrive where the libraries show them', async () => {
    answers(dialect('openai chat').whole('Hi'), [['X-Request-Id', 'req_1']])
    const completion = await openai.chat.completions.create({
      model: 'gpt-5.5',
      messages: [{ role: 'user', content: QUESTION }],
    })
    expect(completion._request_id).toBe('req_1')
  })

  test('Ollama’s generate carries memory too', async () => {
    answers({ model: 'llama3.2', created_at: '', response: 'Black.', done: true })
    const { response } = await ollama.generate({ model: 'llama3.2', prompt: QUESTION })
    expect(response).toBe('Black.')
    expect(bodies()[0]).toContain('Ethiopia')
  })

  test('a conversation that OpenAI keeps gets memory once, and is not sent it again', async () => {
    answers({ ...dialect('openai responses').whole('Black.'), id: 'resp_1' })
    const first = await openai.responses.create({ model: 'gpt-5.6', input: QUESTION })
    answers({ ...dialect('openai responses').whole('You are welcome.'), id: 'resp_2' })
    await openai.responses.create({
      model: 'gpt-5.6',
      previous_response_id: first.id,
      input: 'Thanks!',
    })
    expect(JSON.parse(bodies()[0]!)).toEqual({
      model: 'gpt-5.6',
      previous_response_id: 'resp_1',
      input: 'Thanks!',
    })
  })

  test('a key in the URL goes on as a header', async () => {
    answers(dialect('gemini').whole('Hi'))
    const url = `${rig.url}/v1beta/models/gemini-3-pro:generateContent?key=AIza-in-url`
    const contents = [{ role: 'user', parts: [{ text: QUESTION }] }]
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contents }),
    })
    expect(received()).toEqual(['POST /v1beta/models/gemini-3-pro:generateContent'])
    expect(valuesOf(upstream.requests[0]!.headers, 'x-goog-api-key')).toEqual(['AIza-in-url'])
  })

  test('an overloaded provider is asked again by the library, when the provider says', async () => {
    upstream.clear()
    const wire = dialect('anthropic messages')
    upstream.play(({ answer }) => {
      const isFirst = upstream.requests.length === 1
      const retry: HeaderLine = ['Retry-After-Ms', '1']
      return isFirst
        ? answer(529, [JSON_TYPE, retry], JSON.stringify(wire.error(529, 'Overloaded')))
        : answer(200, [JSON_TYPE], JSON.stringify(wire.whole('Hi')))
    })
    const patient = new Anthropic({ baseURL: rig.url, apiKey: 'sk-ant-client', maxRetries: 1 })
    const { content } = await patient.messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 64,
      messages: [{ role: 'user', content: QUESTION }],
    })
    expect(content[0]).toMatchObject({ text: 'Hi' })
    expect(upstream.requests).toHaveLength(2)
    // Asked again, it is the same question: the same bytes.
    expect(bodies()[1]).toBe(bodies()[0]!)
    const counts = upstream.requests.map(({ headers }) =>
      valuesOf(headers, 'x-stainless-retry-count').join(),
    )
    expect(counts).toEqual(['0', '1'])
  })
})
