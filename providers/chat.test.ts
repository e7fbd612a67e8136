import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { LLMock } from '@copilotkit/aimock'
import { EngramError } from '../memory/errors.ts'
import { type ChatModelOptions, createChatModel } from './chat.ts'
import { VENDOR_NAMES } from './vendors.ts'

const PROMPT = {
  system: 'Extract memories.',
  user: 'I moved to Bern.',
  schemaName: 'memories',
  schema: { type: 'object', properties: {}, required: [], additionalProperties: false },
}
const ANSWER = '{"memories":["User lives in Bern"]}'
const SECRET = 'sk-test-0123456789'

const mock = new LLMock({ host: '127.0.0.1', port: 0 })
mock.on({ userMessage: 'moved to Bern', systemMessage: 'Extract memories.' }, { content: ANSWER })
beforeAll(() => mock.start())
afterAll(() => mock.stop())

for (const vendor of VENDOR_NAMES) {
  test(`${vendor} answers through its own API`, async () => {
    const apiKey = vendor === 'ollama' ? null : SECRET
    const chat = createChatModel({ vendor, model: 'some-model', baseUrl: mock.url, apiKey })
    expect(chat.name).toBe(`${vendor}/some-model`)
    expect(await chat.complete(PROMPT)).toBe(ANSWER)
    const paths = {
      openai: '/v1/chat/completions',
      anthropic: '/v1/messages',
      gemini: '/v1beta/models/some-model:generateContent',
      ollama: '/v1/chat/completions',
    }
    expect(mock.getLastRequest()?.path).toBe(paths[vendor])
  })
}

type Scripted = Readonly<{ status?: number; body: unknown }>
type Seen = { headers: Headers; body: Record<string, unknown> }

/** An OpenAI-compatible server that gives these answers in turn. */
async function withServer(
  script: readonly Scripted[],
  options: Partial<ChatModelOptions>,
  run: (chat: ReturnType<typeof createChatModel>, seen: readonly Seen[]) => Promise<void>,
) {
  const seen: Seen[] = []
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const next = script[seen.length]
      seen.push({ headers: request.headers, body: (await request.json()) as Seen['body'] })
      if (!next) return new Response('the script is over', { status: 500 })
      const { body, status } = next
      return typeof body === 'string'
        ? new Response(body, { status })
        : Response.json(body, { status })
    },
  })
  const baseUrl = server.url.href
  const chat = createChatModel({
    vendor: 'openai',
    model: 'gpt-4o-mini',
    apiKey: SECRET,
    baseUrl,
    ...options,
  })
  await run(chat, seen)
}

const say = (content: unknown, finish_reason = 'stop'): Scripted => ({
  body: { choices: [{ message: { content }, finish_reason }] },
})
const refuse = (message: string, status = 400): Scripted => ({
  status,
  body: { error: { message } },
})

async function failureOf(answer: Promise<string>): Promise<EngramError> {
  const failure = await answer.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(EngramError)
  return failure as EngramError
}

describe('what is asked', () => {
  test('of OpenAI: a strict schema, a limit, temperature 0, the key as a bearer token', async () => {
    await withServer([say(ANSWER)], {}, async (chat, seen) => {
      await chat.complete(PROMPT)
      expect(seen[0]?.headers.get('authorization')).toBe(`Bearer ${SECRET}`)
      expect(seen[0]?.body).toEqual({
        model: 'gpt-4o-mini',
        messages: [
          { role: 'system', content: 'Extract memories.' },
          { role: 'user', content: 'I moved to Bern.' },
        ],
        max_completion_tokens: 4096,
        temperature: 0,
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'memories', schema: PROMPT.schema, strict: true },
        },
      })
    })
  })

  test('of a reasoning model: no temperature', async () => {
    await withServer([say(ANSWER)], { model: 'gpt-5-mini' }, async (chat, seen) => {
      await chat.complete(PROMPT)
      expect(seen[0]?.body).not.toHaveProperty('temperature')
    })
  })

  test('of Ollama: the older name of the limit and no credential', async () => {
    const options = { vendor: 'ollama', apiKey: null } as const
    await withServer([say(ANSWER)], options, async (chat, seen) => {
      await chat.complete(PROMPT)
      expect(seen[0]?.body).toMatchObject({ max_tokens: 4096, temperature: 0 })
      expect(seen[0]?.body).not.toHaveProperty('max_completion_tokens')
      expect(seen[0]?.headers.has('authorization')).toBe(false)
    })
  })

  test('of Anthropic: its version and its key header', async () => {
    const answer = { body: { content: [{ type: 'text', text: ANSWER }], stop_reason: 'end_turn' } }
    await withServer([answer], { vendor: 'anthropic' }, async (chat, seen) => {
      expect(await chat.complete(PROMPT)).toBe(ANSWER)
      expect(seen[0]?.headers.get('x-api-key')).toBe(SECRET)
      expect(seen[0]?.headers.get('anthropic-version')).toBe('2023-06-01')
      expect(seen[0]?.body).toMatchObject({
        output_config: { format: { type: 'json_schema', schema: PROMPT.schema } },
      })
    })
  })
})

describe('what a provider refuses', () => {
  const refusals: [message: string, field: string][] = [
    ["Unsupported value: 'temperature' does not support 0 with this model.", 'temperature'],
    ['`temperature` is deprecated for this model.', 'temperature'],
    [
      "'response_format' of type 'json_schema' is not supported with this model.",
      'response_format',
    ],
    ['This model does not support structured outputs', 'response_format'],
    ['JSON mode is not enabled for this model', 'response_format'],
    ['Unrecognized request argument supplied: max_completion_tokens', 'max_completion_tokens'],
  ]
  for (const [message, field] of refusals) {
    test(`"${message}" is asked again without ${field}, and never with it afterwards`, async () => {
      await withServer([refuse(message), say(ANSWER), say(ANSWER)], {}, async (chat, seen) => {
        expect(await chat.complete(PROMPT)).toBe(ANSWER)
        await chat.complete(PROMPT)
        expect(seen.map(({ body }) => field in body)).toEqual([true, false, false])
        const others = ['temperature', 'response_format', 'max_completion_tokens'].filter(
          (other) => other !== field,
        )
        for (const other of others) expect(seen[1]?.body).toHaveProperty(other)
        if (field === 'max_completion_tokens')
          expect(seen[1]?.body).toMatchObject({ max_tokens: 4096 })
      })
    })
  }

  test('each field is given up once', async () => {
    const script = [refuse('temperature'), refuse('response_format', 422), refuse('temperature')]
    await withServer(script, {}, async (chat, seen) => {
      const failure = await failureOf(chat.complete(PROMPT))
      expect(failure.message).toBe('openai/gpt-4o-mini answered 400: temperature')
      expect(seen).toHaveLength(3)
    })
  })

  for (const status of [401, 404, 429, 500]) {
    test(`a status ${status} is not tried again, whatever it says`, async () => {
      await withServer([refuse('temperature', status)], {}, async (chat, seen) => {
        const failure = await failureOf(chat.complete(PROMPT))
        expect(failure.code).toBe('upstream')
        expect(failure.message).toBe(`openai/gpt-4o-mini answered ${status}: temperature`)
        expect(seen).toHaveLength(1)
      })
    })
  }
})

describe('what can go wrong', () => {
  test('a message of the provider is shortened, and the key is taken out of it', async () => {
    const message = `Incorrect API key provided: ${SECRET}. ${'x'.repeat(1000)}`
    await withServer([refuse(message, 401)], {}, async (chat) => {
      const failure = await failureOf(chat.complete(PROMPT))
      expect(failure.message).toContain('answered 401: Incorrect API key provided: [key].')
      expect(failure.message).not.toContain(SECRET)
      expect(failure.message.length).toBeLessThan(400)
    })
  })

  for (const content of ['', '  \n', null, 7]) {
    test(`content ${JSON.stringify(content)} is no answer`, async () => {
      await withServer([say(content, 'length')], {}, async (chat) => {
        const failure = await failureOf(chat.complete(PROMPT))
        expect(failure).toMatchObject({
          code: 'upstream',
          message: 'openai/gpt-4o-mini answered without text (finish reason: length)',
        })
      })
    })
  }

  for (const body of ['<html>hello</html>', '{"choices"', { hello: 1 }]) {
    test(`${JSON.stringify(body)} is no answer`, async () => {
      await withServer([{ body }], {}, async (chat) => {
        const failure = await failureOf(chat.complete(PROMPT))
        expect(failure.code).toBe('upstream')
        expect(failure.message).toBe(
          'openai/gpt-4o-mini: the answer of the provider has no `choices`',
        )
      })
    })
  }

  test('a redirect is an error, not followed', async () => {
    await withServer([{ status: 307, body: 'elsewhere' }], {}, async (chat, seen) => {
      expect((await failureOf(chat.complete(PROMPT))).message).toContain('answered 307')
      expect(seen).toHaveLength(1)
    })
  })

  test('an answer beyond 8 MiB is not read', async () => {
    await withServer([{ body: ' '.repeat(9 * 1024 * 1024) }], {}, async (chat) => {
      const failure = await failureOf(chat.complete(PROMPT))
      expect(failure).toMatchObject({ code: 'upstream' })
      expect(failure.message).toContain('more than 8388608 bytes')
    })
  })

  test('an answer that breaks off is an upstream failure', async () => {
    const rude = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data: (socket) =>
          void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"choices"'),
      },
    })
    const baseUrl = `http://127.0.0.1:${rude.port}`
    const chat = createChatModel({ vendor: 'ollama', model: 'm', baseUrl })
    expect(await failureOf(chat.complete(PROMPT))).toMatchObject({
      code: 'upstream',
      message: 'ollama/m broke off its answer',
    })
    rude.stop(true)
  })

  test('the time for the whole answer is limited, its body included', async () => {
    const body = new ReadableStream({ start: (stream) => stream.enqueue('{') })
    await using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response(body),
    })
    const options = {
      vendor: 'openai',
      model: 'm',
      apiKey: SECRET,
      baseUrl: server.url.href,
    } as const
    const chat = createChatModel({ ...options, timeoutMs: 50 })
    const failure = await failureOf(chat.complete(PROMPT))
    expect(failure).toMatchObject({
      code: 'timeout',
      message: 'openai/m did not answer within 0.05 seconds',
    })
  })

  test('an abort by the caller is an AbortError', async () => {
    const caller = new AbortController()
    await using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch() {
        caller.abort()
        return new Promise<Response>(() => {})
      },
    })
    const options = { vendor: 'ollama', model: 'm', baseUrl: server.url.href } as const
    const answer = createChatModel(options).complete(PROMPT, caller.signal)
    await expect(answer).rejects.toHaveProperty('name', 'AbortError')
  })

  test('a missing key is said before anything is asked', () => {
    for (const vendor of ['openai', 'anthropic', 'gemini'] as const) {
      expect(() => createChatModel({ vendor, model: 'm' })).toThrow(`${vendor}/m needs an API key`)
    }
    expect(createChatModel({ vendor: 'ollama', model: 'm' }).name).toBe('ollama/m')
  })
})
