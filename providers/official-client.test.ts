/** OpenAI's own client, in front of Anthropic's and Google's APIs through the translations. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { LLMock } from '@copilotkit/aimock'
import OpenAI from 'openai'
import { clientHeaders, send } from './egress.ts'
import type { ChatBody } from './openai.ts'
import { VENDORS, type VendorName } from './vendors.ts'

const TEXT = 'Grüße aus Zürich 🏔️'
const WEATHER = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}
const TOOLS = [{ type: 'function', function: WEATHER }] as const

const mock = new LLMock({ host: '127.0.0.1', port: 0, chunkSize: 3 })
mock.onToolResult('call_bern', { content: 'Sunny in both.' })
mock.onMessage('Greet me', {
  content: TEXT,
  usage: { input_tokens: 5, output_tokens: 7, promptTokenCount: 5, candidatesTokenCount: 7 },
})
mock.onMessage('Weather', {
  toolCalls: [
    { id: 'call_genf', name: 'get_weather', arguments: '{"city":"Genf"}' },
    { id: 'call_bern', name: 'get_weather', arguments: '{"city":"Bern"}' },
  ],
})
mock.onMessage('Too much', {
  error: { message: 'Slow down.', type: 'rate_limit_error' },
  status: 429,
})
beforeAll(() => mock.start())
afterAll(() => mock.stop())

/** The chat route at its smallest. */
function serveChat(vendorName: VendorName, upstream: () => string) {
  const { translation, endpoint } = VENDORS[vendorName]
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const asked = (await request.json()) as ChatBody
      const { path, body } = translation.toRequest(asked)
      const answer = await send({
        url: endpoint(upstream(), path),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: request.signal,
      })
      const { status } = answer
      const headers = clientHeaders(answer.headers, true)
      if (status >= 400)
        return Response.json(translation.toError(status, await answer.text()), { status, headers })
      if (!asked.stream) return Response.json(translation.toCompletion(await answer.json(), asked))
      return new Response(translated(answer, translation.createStream(asked)), { headers })
    },
  })
}

async function* translated(
  answer: Response,
  stream: ReturnType<(typeof VENDORS)['openai']['translation']['createStream']>,
) {
  for await (const chunk of answer.body ?? []) yield stream.push(chunk).bytes
  yield stream.end().bytes
}

for (const vendor of ['anthropic', 'gemini'] as const) {
  describe(`the openai client in front of ${vendor}`, () => {
    const server = serveChat(vendor, () => mock.url)
    afterAll(() => server.stop(true))
    const client = new OpenAI({ baseURL: `${server.url}v1`, apiKey: 'unused', maxRetries: 0 })
    const model = `${vendor}-model`
    const ask = (content: string) => [{ role: 'user', content }] as const

    test('gets text and usage', async () => {
      const completion = await client.chat.completions.create({
        model,
        messages: [...ask('Greet me')],
      })
      expect(completion.choices[0]?.message.content).toBe(TEXT)
      expect(completion.choices[0]?.finish_reason).toBe('stop')
      expect(completion.usage).toMatchObject({
        prompt_tokens: 5,
        completion_tokens: 7,
        total_tokens: 12,
      })
    })

    test('gets streamed text and usage', async () => {
      const stream = client.chat.completions.stream({
        model,
        messages: [...ask('Greet me')],
        stream_options: { include_usage: true },
      })
      const pieces: string[] = []
      stream.on('content', (piece) => pieces.push(piece))
      const completion = await stream.finalChatCompletion()
      expect(pieces.join('')).toBe(TEXT)
      expect(pieces.length).toBeGreaterThan(3)
      expect(completion.choices[0]?.message.content).toBe(TEXT)
      expect(completion.usage?.completion_tokens).toBe(7)
    })

    for (const streamed of [false, true]) {
      test(`goes through a loop of parallel tool calls, ${streamed ? 'streamed' : 'whole'}`, async () => {
        const request = { model, messages: [...ask('Weather?')], tools: [...TOOLS] }
        const first = streamed
          ? await client.chat.completions.stream(request).finalChatCompletion()
          : await client.chat.completions.create(request)
        const choice = first.choices[0]
        expect(choice?.finish_reason).toBe('tool_calls')
        const calls = (choice?.message.tool_calls ?? []).filter((call) => call.type === 'function')
        expect(calls.map((call) => JSON.parse(call.function.arguments))).toEqual([
          { city: 'Genf' },
          { city: 'Bern' },
        ])
        const results = calls.map(
          ({ id }) => ({ role: 'tool', tool_call_id: id, content: 'sun' }) as const,
        )
        const message = choice?.message
        if (!message) throw new Error('no message')
        const second = await client.chat.completions.create({
          ...request,
          messages: [...request.messages, message, ...results],
        })
        expect(second.choices[0]?.message.content).toBe('Sunny in both.')
      })
    }

    test('throws its own class of error, with the message of the provider', async () => {
      const failure = await client.chat.completions
        .create({ model, messages: [...ask('Too much')] })
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(OpenAI.RateLimitError)
      expect(failure).toHaveProperty('message', '429 Slow down.')
      expect(
        (failure as InstanceType<typeof OpenAI.RateLimitError>).headers?.get('retry-after'),
      ).toBe('1')
    })
  })
}

test('the openai client throws when the provider fails inside the stream', async () => {
  const upstream = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => new Response(Bun.file(`${import.meta.dir}/fixtures/anthropic-overloaded.sse`)),
  })
  const server = serveChat('anthropic', () => upstream.url.href)
  const client = new OpenAI({ baseURL: `${server.url}v1`, apiKey: 'unused', maxRetries: 0 })
  const stream = await client.chat.completions.create({
    model: 'claude-haiku-4-5',
    messages: [{ role: 'user', content: 'Greet me' }],
    stream: true,
  })
  let text = ''
  const reading = (async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  })()
  await expect(reading).rejects.toThrow('Overloaded')
  expect(text).toBe('Half an')
  await Promise.all([upstream.stop(true), server.stop(true)])
})
