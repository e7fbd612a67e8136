import { describe, expect, test } from 'bun:test'
import { EngramError } from '../../memory/errors.ts'
import type { ChatBody, ChatMessage } from '../openai.ts'
import { gemini as translation } from './gemini.ts'
import {
  ASKED,
  assemble,
  chunksOf,
  deltasOf,
  framesOf,
  readFixture,
  stream,
  testChatStream,
} from './stream.contract.ts'

testChatStream(translation, ['gemini-text.sse', 'gemini-tools.sse', 'gemini-blocked.sse'])

const HI: ChatMessage = { role: 'user', content: 'Hi' }
const PARAMETERS = { type: 'object', properties: { q: { type: 'string' } } }
const TOOL = {
  type: 'function',
  function: { name: 'find', description: 'Finds.', parameters: PARAMETERS },
}

function requestOf(extra: Record<string, unknown>, messages: unknown = [HI]) {
  return translation.toRequest({ model: 'gemini-3.5-flash', messages, ...extra } as ChatBody)
}

const call = (id: string, name: string, text: string, signature?: string) => ({
  id,
  type: 'function',
  function: { name, arguments: text },
  ...(signature && { extra_content: { google: { thought_signature: signature } } }),
})

describe('gemini: fields of a request', () => {
  const contents = [{ role: 'user', parts: [{ text: 'Hi' }] }]
  const config = (generationConfig: unknown) => ({ generationConfig })
  const tools = [
    {
      functionDeclarations: [
        {
          name: 'find',
          description: 'Finds.',
          parametersJsonSchema: PARAMETERS,
        },
      ],
    },
  ]
  const calling = (functionCallingConfig: unknown) => ({
    tools,
    toolConfig: { functionCallingConfig },
  })
  const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } }

  const cases: [
    asked: Record<string, unknown>,
    sent: Record<string, unknown>,
    dropped?: string[],
  ][] = [
    [{}, {}],
    [{ max_tokens: 9 }, config({ maxOutputTokens: 9 })],
    [{ max_completion_tokens: 8, max_tokens: 9 }, config({ maxOutputTokens: 8 })],
    [{ temperature: 1.7, top_p: 0.5 }, config({ temperature: 1.7, topP: 0.5 })],
    [{ stop: 'END' }, config({ stopSequences: ['END'] })],
    [{ n: 2 }, config({ candidateCount: 2 })],
    [{ n: 1 }, {}],
    [
      { seed: 0, presence_penalty: 1, frequency_penalty: -1 },
      config({ seed: 0, presencePenalty: 1, frequencyPenalty: -1 }),
    ],
    [
      { response_format: { type: 'json_object' } },
      config({ responseMimeType: 'application/json' }),
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
      config({ responseMimeType: 'application/json', responseJsonSchema: schema }),
    ],
    [{ reasoning_effort: 'low' }, config({ thinkingConfig: { thinkingLevel: 'low' } })],
    [{ reasoning_effort: 'minimal' }, config({ thinkingConfig: { thinkingLevel: 'minimal' } })],
    [
      { model: 'gemini-3.1-pro', reasoning_effort: 'minimal' },
      config({ thinkingConfig: { thinkingLevel: 'low' } }),
    ],
    [
      { model: 'gemini-2.5-flash', reasoning_effort: 'medium' },
      config({ thinkingConfig: { thinkingBudget: 8192 } }),
    ],
    [
      { model: 'gemini-2.5-flash', reasoning_effort: 'none' },
      config({ thinkingConfig: { thinkingBudget: 0 } }),
    ],
    [{ reasoning_effort: 'none' }, {}, ['reasoning_effort']],
    [{ model: 'gemini-2.0-flash', reasoning_effort: 'low' }, {}, ['reasoning_effort']],
    [{ tools: [TOOL] }, { tools }],
    [
      { tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object' } } }] },
      { tools: [{ functionDeclarations: [{ name: 'now' }] }] },
    ],
    [{ tools: [TOOL], tool_choice: 'auto' }, calling({ mode: 'AUTO' })],
    [{ tools: [TOOL], tool_choice: 'none' }, calling({ mode: 'NONE' })],
    [{ tools: [TOOL], tool_choice: 'required' }, calling({ mode: 'ANY' })],
    [
      { tools: [TOOL], tool_choice: { type: 'function', function: { name: 'find' } } },
      calling({ mode: 'ANY', allowedFunctionNames: ['find'] }),
    ],
    [{ tools: [TOOL], parallel_tool_calls: true }, { tools }],
    [{ tools: [TOOL], parallel_tool_calls: false }, { tools }, ['parallel_tool_calls']],
    [{ user: 'u', store: true, logit_bias: { 1: 1 } }, {}, ['user', 'store', 'logit_bias']],
  ]
  for (const [asked, sent, dropped = []] of cases) {
    test(`${JSON.stringify(asked)} → ${JSON.stringify(sent)}`, () => {
      const request = requestOf(asked)
      expect(request.body).toEqual({ contents, ...sent } as never)
      expect(request.dropped).toEqual(dropped)
    })
  }

  test('the model and the stream are part of the path', () => {
    const paths = [
      requestOf({}).path,
      requestOf({ stream: true }).path,
      requestOf({ model: 'models/gemma-3-27b-it' }).path,
      requestOf({ model: 'tunedModels/mine-1' }).path,
    ]
    expect(paths).toEqual([
      '/models/gemini-3.5-flash:generateContent',
      '/models/gemini-3.5-flash:streamGenerateContent?alt=sse',
      '/models/gemma-3-27b-it:generateContent',
      '/tunedModels/mine-1:generateContent',
    ])
  })

  const refused: [Record<string, unknown>, string][] = [
    [{ model: '../files' }, 'model must be'],
    [{ model: 'a/b' }, 'model must be'],
    [{ model: 'a?key=1' }, 'model must be'],
    [{ model: 7 }, 'model must be'],
    [{ modalities: ['audio'] }, 'modalities'],
    [{ top_p: '1' }, 'top_p must be a number'],
    [{ messages: null }, 'messages must be a list'],
    [
      { messages: [{ role: 'tool', tool_call_id: 'call_9', content: '1' }] },
      '"call_9" follows no call',
    ],
  ]
  for (const [asked, words] of refused) {
    test(`${JSON.stringify(asked)} is invalid`, () => {
      const attempt = () => requestOf(asked)
      expect(attempt).toThrow(words)
      expect(attempt).toThrow(EngramError)
    })
  }
})

describe('gemini: messages of a request', () => {
  const loop = (first: unknown, second: unknown, answers: readonly [string, string]) => [
    HI,
    { role: 'assistant', content: null, tool_calls: [first, second] },
    { role: 'tool', tool_call_id: 'call_r_0', content: answers[0] },
    { role: 'tool', tool_call_id: 'call_r_1', content: [{ type: 'text', text: answers[1] }] },
  ]

  test('system and developer messages are the system instruction', () => {
    const { body } = requestOf({}, [
      { role: 'system', content: 'One' },
      HI,
      { role: 'developer', content: [{ type: 'text', text: 'Two' }] },
    ])
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'One' }, { text: 'Two' }] })
    expect(body.contents).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }])
  })

  test('images, audio and files become parts, web addresses stay addresses', () => {
    const url = 'https://example.org/a.png'
    const { body } = requestOf({}, [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image_url', image_url: { url: 'data:image/PNG;base64,iVBO' } },
          { type: 'image_url', image_url: { url } },
          { type: 'input_audio', input_audio: { data: 'UklG', format: 'wav' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBE' } },
        ],
      },
    ])
    expect(body.contents).toEqual([
      {
        role: 'user',
        parts: [
          { text: 'See' },
          { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
          { fileData: { fileUri: url } },
          { inlineData: { mimeType: 'audio/wav', data: 'UklG' } },
          { inlineData: { mimeType: 'application/pdf', data: 'JVBE' } },
        ],
      },
    ])
  })

  test('a tool loop carries names and thought signatures, its results are one message', () => {
    const messages = loop(
      call('call_r_0', 'find', '{"q":"a"}', 'U2ln'),
      call('call_r_1', 'now', ''),
      ['{"found":1}', 'noon'],
    )
    expect(requestOf({}, messages).body.contents).toEqual([
      { role: 'user', parts: [{ text: 'Hi' }] },
      {
        role: 'model',
        parts: [
          { functionCall: { name: 'find', args: { q: 'a' } }, thoughtSignature: 'U2ln' },
          { functionCall: { name: 'now', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'find', response: { found: 1 } } },
          { functionResponse: { name: 'now', response: { output: 'noon' } } },
        ],
      },
    ])
  })

  test('a missing signature is excused on the first call of a step, from Gemini 3 on', () => {
    const messages = loop(call('call_r_0', 'a', ''), call('call_r_1', 'b', ''), ['1', '2'])
    const signatures = (model: string) => {
      const contents = requestOf({ model }, messages).body.contents as { parts: object[] }[]
      return contents[1]?.parts.map((part) =>
        'thoughtSignature' in part ? part.thoughtSignature : null,
      )
    }
    const excused = ['skip_thought_signature_validator', null]
    expect(signatures('gemini-3.5-flash')).toEqual(excused)
    expect(signatures('gemini-flash-latest')).toEqual(excused)
    expect(signatures('gemini-2.5-flash')).toEqual([null, null])
    expect(signatures('gemma-3-27b-it')).toEqual([null, null])
  })

  test("an id that Gemini gave goes back to it, one of anybody else's does not", () => {
    const answer = {
      candidates: [
        { content: { parts: [{ functionCall: { id: 'ab12', name: 'find', args: {} } }] } },
      ],
    }
    const own = translation.toCompletion(answer, ASKED).choices[0]?.message.tool_calls?.[0]
    expect(own?.id).toMatch(/^call_/)
    const { body } = requestOf({}, [
      { role: 'assistant', content: '', tool_calls: [own, call('toolu_1', 'now', '{}')] },
      { role: 'tool', tool_call_id: own?.id, content: 'x' },
      { role: 'tool', tool_call_id: 'toolu_1', content: 'y' },
    ])
    expect(body.contents).toMatchObject([
      { parts: [{ functionCall: { id: 'ab12' } }, { functionCall: { name: 'now' } }] },
      { parts: [{ functionResponse: { id: 'ab12' } }, { functionResponse: { name: 'now' } }] },
    ])
    expect(JSON.stringify(body)).not.toContain('toolu_1')
  })

  test('neighbours of one role become one message, and empty ones vanish', () => {
    const { body } = requestOf({}, [HI, { role: 'assistant', content: '' }, HI, { role: 'user' }])
    expect(body.contents).toEqual([{ role: 'user', parts: [{ text: 'Hi' }, { text: 'Hi' }] }])
  })
})

describe('gemini: complete answers', () => {
  const answer = {
    candidates: [
      {
        content: {
          role: 'model',
          parts: [
            { text: 'Hm', thought: true },
            { text: 'Let me ' },
            { text: 'look.' },
            { functionCall: { name: 'find', args: { q: 'ä' } }, thoughtSignature: 'U2ln' },
            { functionCall: { name: 'now' } },
          ],
        },
        finishReason: 'STOP',
      },
    ],
    usageMetadata: {
      promptTokenCount: 60,
      cachedContentTokenCount: 30,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 3,
      totalTokenCount: 68,
    },
    modelVersion: 'gemini-3.5-flash',
    responseId: 'iFl7aOqWBdzQz7IP',
  }

  test('text, tool calls, signatures and usage are OpenAI-shaped; thoughts are not part of it', () => {
    const { created, ...completion } = translation.toCompletion(answer, ASKED)
    expect(created).toBeGreaterThan(1_700_000_000)
    expect(completion).toEqual({
      id: 'iFl7aOqWBdzQz7IP',
      object: 'chat.completion',
      model: 'gemini-3.5-flash',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Let me look.',
            refusal: null,
            tool_calls: [
              {
                id: 'call_iFl7aOqWBdzQz7IP_0',
                type: 'function',
                function: { name: 'find', arguments: '{"q":"ä"}' },
                extra_content: { google: { thought_signature: 'U2ln' } },
              },
              {
                id: 'call_iFl7aOqWBdzQz7IP_1',
                type: 'function',
                function: { name: 'now', arguments: '{}' },
              },
            ],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 60,
        completion_tokens: 8,
        total_tokens: 68,
        prompt_tokens_details: { cached_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    })
  })

  test('an invented id fits into the 40 characters of OpenAI', () => {
    const long = { ...answer, responseId: 'x/'.repeat(60) }
    const calls = translation.toCompletion(long, ASKED).choices[0]?.message.tool_calls ?? []
    const ids = calls.map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^call_[\w-]{1,35}$/)
  })

  const reasons = {
    STOP: 'stop',
    OTHER: 'stop',
    MALFORMED_FUNCTION_CALL: 'stop',
    MAX_TOKENS: 'length',
    SAFETY: 'content_filter',
    RECITATION: 'content_filter',
    PROHIBITED_CONTENT: 'content_filter',
    valueOf: 'stop',
  }
  for (const [finishReason, expected] of Object.entries(reasons)) {
    test(`${finishReason} → ${expected}`, () => {
      const { choices } = translation.toCompletion({ candidates: [{ finishReason }] }, ASKED)
      expect(choices[0]?.finish_reason as string).toBe(expected)
      expect(choices[0]?.message.content).toBe('')
    })
  }

  test('a blocked prompt is an empty, filtered answer', () => {
    const { choices } = translation.toCompletion(
      { promptFeedback: { blockReason: 'OTHER' } },
      ASKED,
    )
    expect(choices).toMatchObject([{ message: { content: '' }, finish_reason: 'content_filter' }])
  })

  test('every candidate is a choice', () => {
    const candidates = ['a', 'b'].map((text) => ({
      content: { parts: [{ text }] },
      finishReason: 'STOP',
    }))
    const { choices } = translation.toCompletion({ candidates }, ASKED)
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
  })

  test('anything else is no answer', () => {
    for (const other of [null, 'x', {}, { candidates: [] }]) {
      expect(() => translation.toCompletion(other, ASKED)).toThrow('has no `candidates`')
    }
  })
})

describe('gemini: streams', () => {
  test('text comes as chunks; finish, usage and [DONE] when the upstream closes', async () => {
    const open = translation.createStream(ASKED)
    const { bytes, done } = open.push(await readFixture('gemini-text.sse'))
    expect(done).toBe(false)
    expect(Buffer.from(bytes).toString()).not.toContain('[DONE]')
    const ended = open.end()
    expect(ended.complete).toBe(true)
    expect(Buffer.from(ended.bytes).toString()).toEndWith('data: [DONE]\n\n')
    const outcome = stream(translation, ASKED, [await readFixture('gemini-text.sse')])
    expect(deltasOf(outcome)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Grüße aus' },
      { content: ' Zürich 🏔️' },
      {},
    ])
    expect(chunksOf(outcome).at(-1)).toMatchObject({
      id: 'iFl7aOqWBdzQz7IP',
      model: 'gemini-3.5-flash',
      choices: [],
      usage: {
        prompt_tokens: 2160,
        completion_tokens: 29,
        total_tokens: 2189,
        prompt_tokens_details: { cached_tokens: 2048 },
        completion_tokens_details: { reasoning_tokens: 18 },
      },
    })
    expect(outcome.reply).toMatchObject({
      text: 'Grüße aus Zürich 🏔️',
      finishReason: 'stop',
      model: 'gemini-3.5-flash',
      error: null,
    })
  })

  test('parallel tool calls have ids, whole arguments and their signature', async () => {
    const outcome = stream(translation, ASKED, [await readFixture('gemini-tools.sse')])
    expect(assemble(outcome)).toEqual({
      text: 'Let me look.',
      calls: [
        { id: 'call_b2V7aPz_Os-4_0', name: 'get_weather', arguments: '{"city":"Zürich"}' },
        { id: 'call_b2V7aPz_Os-4_1', name: 'get_time', arguments: '{}' },
      ],
    })
    const calls = deltasOf(outcome).flatMap(({ tool_calls }) => tool_calls ?? [])
    expect(calls.map(({ extra_content }) => extra_content?.google?.thought_signature)).toEqual([
      'EpwCCpkCAQw51sfdJ8bO',
      undefined,
    ])
    expect(outcome.reply).toMatchObject({ toolCalls: 2, finishReason: 'tool_calls' })
  })

  test('a blocked prompt finishes as content_filter', async () => {
    const outcome = stream(translation, ASKED, [await readFixture('gemini-blocked.sse')])
    expect(outcome.complete).toBe(true)
    expect(outcome.reply).toMatchObject({ text: '', finishReason: 'content_filter' })
  })

  test('an error inside the stream is the last frame', async () => {
    const text = Buffer.from(await readFixture('gemini-text.sse')).toString()
    const first = text.slice(0, text.indexOf('\n\n') + 2)
    const error = { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' }
    const bytes = Buffer.from(`${first}data: ${JSON.stringify({ error })}\n\n`)
    const outcome = stream(translation, ASKED, [bytes])
    expect(framesOf(outcome).at(-1)).toEqual({
      error: {
        message: 'The model is overloaded.',
        type: 'server_error',
        param: null,
        code: 'UNAVAILABLE',
      },
    })
    expect(outcome).toMatchObject({ dones: 0, complete: false })
  })

  test('a stream that closes before the reason to finish ends with an error frame, wherever it was cut', async () => {
    const bytes = await readFixture('gemini-text.sse')
    for (let at = 0; at <= bytes.length - 3; at += 5) {
      const outcome = stream(translation, ASKED, [bytes.subarray(0, at)])
      expect(framesOf(outcome).at(-1)).toHaveProperty('error.type', 'server_error')
      expect(outcome.sent).not.toContain('[DONE]')
      expect(outcome.complete).toBe(false)
    }
  })

  test('candidates are told apart by their index', () => {
    const frame = (index: number, text: string, finishReason?: string) =>
      `data: ${JSON.stringify({ candidates: [{ index, content: { parts: [{ text }] }, finishReason }] })}\n\n`
    const sent = frame(0, 'a') + frame(1, 'x') + frame(0, 'b', 'STOP') + frame(1, 'y', 'MAX_TOKENS')
    const outcome = stream(translation, ASKED, [Buffer.from(sent)])
    const choices = chunksOf(outcome).flatMap((chunk) => chunk.choices)
    const textOf = (wanted: number) =>
      choices.map(({ index, delta }) => (index === wanted ? (delta.content ?? '') : '')).join('')
    expect([textOf(0), textOf(1)]).toEqual(['ab', 'xy'])
    expect(choices.filter((choice) => choice.finish_reason)).toMatchObject([
      { index: 0, finish_reason: 'stop' },
      { index: 1, finish_reason: 'length' },
    ])
    expect(outcome.reply).toMatchObject({ text: 'ab', finishReason: 'stop' })
  })
})

describe('gemini: errors', () => {
  test('the message and the status word are kept', () => {
    const body = '{"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED"}}'
    expect(translation.toError(429, body)).toEqual({
      error: {
        message: 'Quota exceeded.',
        type: 'rate_limit_error',
        param: null,
        code: 'RESOURCE_EXHAUSTED',
      },
    })
  })
})
