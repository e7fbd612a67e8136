import { LLMock } from '@copilotkit/aimock'

/** All four providers on one port, answering what `sdk.contract.ts` asks. */
export type MockProviders = Readonly<{
  url: string
  /** The bodies of the chat requests that arrived, in the mock's own form, as text. */
  received(): readonly string[]
  stop(): Promise<void>
}>

export const ANSWER = 'Schwarzer Kaffee, wie immer. Grüße aus Zürich 🏔️☕️!'
export const TOOL_ANSWER = 'Sunny in both.'
export const PICTURE_ANSWER = 'A very small red square.'
export const WEATHER = { city: 'Bern', sunny: true }

export async function startMockProviders(): Promise<MockProviders> {
  const mock = new LLMock({ host: '127.0.0.1', port: 0, chunkSize: 4, logLevel: 'silent' })
  const weather = /weather in Genf and Bern/
  const toolCalls = [
    { id: 'call_genf', name: 'get_weather', arguments: '{"city":"Genf"}' },
    { id: 'call_bern', name: 'get_weather', arguments: '{"city":"Bern"}' },
  ]
  mock.on({ userMessage: weather, hasToolResult: true }, { content: TOOL_ANSWER })
  // Google says STOP after calls, too.
  mock.on({ userMessage: weather, model: /gemini/ }, { toolCalls, finishReason: 'stop' })
  mock.onMessage(weather, { toolCalls })
  mock.onMessage(/coffee/, { content: ANSWER })
  mock.onMessage(/as JSON/, { content: JSON.stringify(WEATHER) })
  // The text need not stand in the same message as the picture.
  mock.on(
    { predicate: ({ messages }) => JSON.stringify(messages).includes('on this picture') },
    { content: PICTURE_ANSWER },
  )
  mock.onMessage(/.*/, { content: 'Good to know.' })
  await mock.start()
  const front = serveGeminiV1(mock.url)
  return {
    url: front.url.origin,
    received: () =>
      mock
        .getRequests()
        .filter(({ method }) => method === 'POST')
        .map(({ body }) => JSON.stringify(body)),
    async stop() {
      await front.stop(true)
      await mock.stop()
    },
  }
}

/** Google's own client asks below /v1, the mock knows its API only below /v1beta. */
function serveGeminiV1(mockUrl: string) {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url)
      const path = pathname.replace(/^\/v1(?=\/models\/[^/]+:)/, '/v1beta')
      return fetch(mockUrl + path + search, {
        method: request.method,
        headers: request.headers,
        body: request.body,
        signal: request.signal,
        decompress: false,
      })
    },
  })
}
