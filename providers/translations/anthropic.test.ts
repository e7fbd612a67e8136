import { describe, expect, test } from 'bun:test'
import { EngramError } from '../../memory/errors.ts'
import type { ChatBody, ChatMessage } from '../openai.ts'
import { replyOf } from '../openai-answer.ts'
import { anthropicMessages as translation } from './anthropic.ts'
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

testChatStream(translation, [
  'anthropic-text.sse',
  'anthropic-tools.sse',
  'anthropic-overloaded.sse',
])

const HI: ChatMessage = { role: 'user', content: 'Hi' }
const TOOL = {
  type: 'function',
  function: { name: 'find', description: 'Finds.', parameters: { type: 'object', properties: {} } },
}
const PNG = 'data:image/png;base64,iVBORw0KGgo='

function bodyOf(extra: Record<string, unknown>, messages: unknown = [HI]) {
  const body = { model: 'claude-opus-4-6', messages, ...extra } as ChatBody
  const { path, body: sent, dropped } = translation.toRequest(body)
  expect(path).toBe('/messages')
  return { ...sent, dropped } as Record<string, unknown>
}

const call = (id: string, name: string, text: string) => ({
  id,
  type: 'function',
  function: { name, arguments: text },
})

describe('anthropic-messages: fields of a request', () => {
  const plain = {
    model: 'claude-opus-4-6',
    max_tokens: 4096,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    dropped: [],
  }
  const find = {
    name: 'find',
    description: 'Finds.',
    input_schema: { type: 'object', properties: {} },
  }

  const cases: [asked: Record<string, unknown>, sent: Record<string, unknown>][] = [
    [{}, {}],
    [{ max_tokens: 9 }, { max_tokens: 9 }],
    [{ max_tokens: 9, max_completion_tokens: 8 }, { max_tokens: 8 }],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ temperature: 1.7 }, { temperature: 1 }],
    [{ top_p: 0.5 }, { top_p: 0.5 }],
    [
      { temperature: 0.3, top_p: 0.5 },
      { temperature: 0.3, dropped: ['top_p'] },
    ],
    [{ stop: 'END' }, { stop_sequences: ['END'] }],
    [{ stop: ['END', '\n'] }, { stop_sequences: ['END'], dropped: ['stop'] }],
    [{ stream: true, stream_options: { include_usage: true } }, { stream: true }],
    [{ stream: false, stop: null, tools: null, response_format: { type: 'text' } }, {}],
    [{ n: 1, presence_penalty: 0, logit_bias: {}, logprobs: false, service_tier: 'auto' }, {}],
    [
      { seed: 1, presence_penalty: 1, frequency_penalty: 1, logit_bias: { 1: 2 }, logprobs: true },
      { dropped: ['seed', 'presence_penalty', 'frequency_penalty', 'logit_bias', 'logprobs'] },
    ],
    [{ user: 'u_1' }, { metadata: { user_id: 'u_1' } }],
    [{ user: 'jo@example.org' }, { dropped: ['user'] }],
    [{ reasoning_effort: 'minimal' }, { output_config: { effort: 'low' } }],
    [{ reasoning_effort: 'high' }, { output_config: { effort: 'high' } }],
    [{ reasoning_effort: 'none' }, { dropped: ['reasoning_effort'] }],
    [
      { model: 'claude-haiku-4-5-20251001', reasoning_effort: 'high', temperature: 0.5 },
      { model: 'claude-haiku-4-5-20251001', temperature: 0.5, dropped: ['reasoning_effort'] },
    ],
    [
      { model: 'claude-opus-4-8', temperature: 0, top_p: 0.5 },
      { model: 'claude-opus-4-8', dropped: ['temperature', 'top_p'] },
    ],
    [
      { model: 'claude-sonnet-5', temperature: 0.2, reasoning_effort: 'max' },
      { model: 'claude-sonnet-5', output_config: { effort: 'max' }, dropped: ['temperature'] },
    ],
    [
      { model: 'claude-3-5-haiku-latest', temperature: 0.2 },
      { model: 'claude-3-5-haiku-latest', temperature: 0.2 },
    ],
    [{ reasoning_effort: 'constructor' }, { dropped: ['reasoning_effort'] }],
    [
      { response_format: { type: 'json_object' } },
      { system: [{ type: 'text', text: 'Answer with one JSON object and nothing else.' }] },
    ],
    [{ tools: [TOOL] }, { tools: [find] }],
    [
      { tools: [TOOL], tool_choice: 'auto' },
      { tools: [find], tool_choice: { type: 'auto' } },
    ],
    [
      { tools: [TOOL], tool_choice: 'none' },
      { tools: [find], tool_choice: { type: 'none' } },
    ],
    [
      { tools: [TOOL], tool_choice: 'required' },
      { tools: [find], tool_choice: { type: 'any' } },
    ],
    [
      { tools: [TOOL], tool_choice: { type: 'function', function: { name: 'find' } } },
      { tools: [find], tool_choice: { type: 'tool', name: 'find' } },
    ],
    [
      { tools: [TOOL], parallel_tool_calls: false },
      { tools: [find], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    ],
    [
      { tools: [TOOL], tool_choice: 'required', parallel_tool_calls: false },
      { tools: [find], tool_choice: { type: 'any', disable_parallel_tool_use: true } },
    ],
    [{ tool_choice: 'auto', parallel_tool_calls: false }, {}],
    [
      { tools: [{ type: 'function', function: { name: 'now' } }] },
      { tools: [{ name: 'now', input_schema: { type: 'object', properties: {} } }] },
    ],
  ]
  for (const [asked, sent] of cases) {
    test(`${JSON.stringify(asked)} → ${JSON.stringify(sent)}`, () => {
      expect(bodyOf(asked)).toEqual({ ...plain, ...sent })
    })
  }

  test('a JSON schema becomes output_config.format, with what Anthropic refuses told in words', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['memories'],
      properties: {
        memories: {
          type: 'array',
          maxItems: 5,
          items: {
            type: 'object',
            properties: {
              text: { type: 'string', description: 'One sentence.', maxLength: 200 },
              sure: { type: 'number', minimum: 0 },
              at: { oneOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
              maximum: { type: 'string' },
            },
          },
        },
      },
    }
    const asked = { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }
    expect(bodyOf(asked).output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          additionalProperties: false,
          required: ['memories'],
          properties: {
            memories: {
              type: 'array',
              description: '(maxItems: 5)',
              items: {
                type: 'object',
                additionalProperties: false,
                properties: {
                  text: { type: 'string', description: 'One sentence. (maxLength: 200)' },
                  sure: { type: 'number', description: '(minimum: 0)' },
                  at: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
                  maximum: { type: 'string' },
                },
              },
            },
          },
        },
      },
    })
  })

  test('fields with the names of object methods are fields like others', () => {
    const asked = JSON.parse('{"constructor":1,"__proto__":{"a":1},"toString":"x"}')
    const body = { model: 'claude-opus-4-6', messages: [HI] }
    const { dropped } = translation.toRequest(Object.assign(Object.create(null), body, asked))
    expect(dropped).toEqual(expect.arrayContaining(['constructor', 'toString']))
  })

  test('a strict tool stays strict', () => {
    const parameters = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } }
    const tool = { type: 'function', function: { name: 'dial', strict: true, parameters } }
    expect(bodyOf({ tools: [tool] }).tools).toEqual([
      {
        name: 'dial',
        strict: true,
        input_schema: {
          type: 'object',
          additionalProperties: false,
          properties: { n: { type: 'integer', description: '(minimum: 1)' } },
        },
      },
    ])
  })

  const refused: [Record<string, unknown>, string][] = [
    [{ n: 2 }, 'n must be 1'],
    [{ temperature: 'hot' }, 'temperature must be a number'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ functions: [{ name: 'old' }] }, 'functions'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'a tool must'],
    [{ tools: [TOOL], tool_choice: { type: 'allowed_tools' } }, 'tool_choice must'],
    [{ messages: 'Hi' }, 'messages must be a list'],
    [{ messages: [{ role: 'function', content: '1' }] }, 'got "function"'],
    [{ messages: ['Hi'] }, "a message's role"],
    [{ messages: [{ role: 'user', content: [{ type: 'video' }] }] }, '"video" cannot'],
    [
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] },
      'data: URI',
    ],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: '/etc/passwd' } }] },
        ],
      },
      'data: URI',
    ],
    [
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }],
          },
        ],
      },
      'does not take audio/wav',
    ],
  ]
  for (const [asked, words] of refused) {
    test(`${JSON.stringify(asked)} is invalid`, () => {
      const attempt = () => bodyOf(asked)
      expect(attempt).toThrow(words)
      expect(attempt).toThrow(EngramError)
    })
  }
})

describe('anthropic-messages: messages of a request', () => {
  const text = (words: string) => ({ type: 'text', text: words })

  const cases: [name: string, asked: unknown[], sent: Record<string, unknown>][] = [
    [
      'system and developer messages go to system from wherever they are',
      [
        { role: 'system', content: 'One' },
        HI,
        { role: 'developer', content: [text('Two'), text(' '), text('Three')] },
      ],
      {
        system: [text('One'), text('Two'), text('Three')],
        messages: [{ role: 'user', content: [text('Hi')] }],
      },
    ],
    [
      'a cache marker on a part stays',
      [{ role: 'user', content: [{ ...text('Hi'), cache_control: { type: 'ephemeral' } }] }],
      {
        messages: [
          { role: 'user', content: [{ ...text('Hi'), cache_control: { type: 'ephemeral' } }] },
        ],
      },
    ],
    [
      'images and documents become blocks, web addresses stay addresses',
      [
        {
          role: 'user',
          content: [
            text('See'),
            { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
            {
              type: 'file',
              file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' },
            },
          ],
        },
      ],
      {
        messages: [
          {
            role: 'user',
            content: [
              text('See'),
              {
                type: 'image',
                source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
              },
              { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } },
              {
                type: 'document',
                source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
              },
            ],
          },
        ],
      },
    ],
    [
      'neighbours of one role become one message, and empty ones vanish',
      [
        HI,
        { role: 'user', content: 'there' },
        { role: 'assistant', content: '' },
        { role: 'user', content: null },
        HI,
      ],
      { messages: [{ role: 'user', content: [text('Hi'), text('there'), text('Hi')] }] },
    ],
    [
      'a tool loop keeps its ids, and the results of one step are one message',
      [
        HI,
        {
          role: 'assistant',
          content: 'Looking.',
          tool_calls: [call('call_1', 'find', '{"q":"a"}'), call('c:2', 'now', '')],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'A' },
        { role: 'tool', tool_call_id: 'c:2', content: [] },
        { role: 'user', content: 'Well?' },
      ],
      {
        messages: [
          { role: 'user', content: [text('Hi')] },
          {
            role: 'assistant',
            content: [
              text('Looking.'),
              { type: 'tool_use', id: 'call_1', name: 'find', input: { q: 'a' } },
              { type: 'tool_use', id: 'c_2', name: 'now', input: {} },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'call_1', content: [text('A')] },
              { type: 'tool_result', tool_use_id: 'c_2' },
              text('Well?'),
            ],
          },
        ],
      },
    ],
    [
      'arguments that are not JSON are kept as they were',
      [HI, { role: 'assistant', content: null, tool_calls: [call('1', 'find', '{"q":')] }],
      {
        messages: [
          { role: 'user', content: [text('Hi')] },
          {
            role: 'assistant',
            content: [{ type: 'tool_use', id: '1', name: 'find', input: { arguments: '{"q":' } }],
          },
        ],
      },
    ],
    [
      'a beginning given to the assistant does not end in white space',
      [HI, { role: 'assistant', content: 'Sure: \n' }],
      {
        messages: [
          { role: 'user', content: [text('Hi')] },
          { role: 'assistant', content: [text('Sure:')] },
        ],
      },
    ],
    [
      'a refusal is what the assistant said',
      [HI, { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }, HI],
      {
        messages: [
          { role: 'user', content: [text('Hi')] },
          { role: 'assistant', content: [text('No.')] },
          { role: 'user', content: [text('Hi')] },
        ],
      },
    ],
    [
      'the name of a speaker cannot be said',
      [{ ...HI, name: 'jo' }],
      { messages: [{ role: 'user', content: [text('Hi')] }], dropped: ['messages.name'] },
    ],
  ]
  for (const [name, asked, sent] of cases) {
    test(name, () => expect(bodyOf({}, asked)).toMatchObject(sent))
  }

  test('a data: URI that cannot be decoded is invalid', () => {
    const image_url = { url: 'data:image/svg+xml,%zz' }
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url }] }]
    expect(() => bodyOf({}, messages)).toThrow('percent-encoded')
  })

  test('a data: URI without base64 is encoded', () => {
    const url = 'data:image/svg+xml;charset=utf-8,%3Csvg%2F%3E'
    const sent = bodyOf({}, [
      { role: 'user', content: [{ type: 'image_url', image_url: { url } }] },
    ])
    expect(sent.messages).toEqual([
      {
        role: 'user',
        content: [
          {
            type: 'image',
            source: { type: 'base64', media_type: 'image/svg+xml', data: btoa('<svg/>') },
          },
        ],
      },
    ])
  })
})

describe('anthropic-messages: complete answers', () => {
  const answer = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content: [
      { type: 'thinking', thinking: 'Hm', signature: 'x' },
      { type: 'text', text: 'Let me ' },
      { type: 'text', text: 'look.' },
      { type: 'tool_use', id: 'toolu_1', name: 'find', input: { q: 'ä' } },
      { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} },
    ],
    stop_reason: 'tool_use',
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 30,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 3 },
    },
  }

  test('text, tool calls and usage are OpenAI-shaped; thinking is not part of it', () => {
    const { created, ...completion } = translation.toCompletion(answer, ASKED)
    expect(created).toBeGreaterThan(1_700_000_000)
    expect(created).toBeLessThan(10_000_000_000)
    expect(completion).toEqual({
      id: 'msg_1',
      object: 'chat.completion',
      model: 'claude-sonnet-5',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Let me look.',
            refusal: null,
            tool_calls: [
              {
                id: 'toolu_1',
                type: 'function',
                function: { name: 'find', arguments: '{"q":"ä"}' },
              },
              { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
            ],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 60,
        completion_tokens: 5,
        total_tokens: 65,
        prompt_tokens_details: { cached_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    })
    expect(replyOf({ ...completion, created })).toMatchObject({
      text: 'Let me look.',
      toolCalls: 2,
      finishReason: 'tool_calls',
      model: 'claude-sonnet-5',
    })
  })

  const reasons = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
    toString: 'stop',
  }
  for (const [stop_reason, expected] of Object.entries(reasons)) {
    test(`${stop_reason} → ${expected}`, () => {
      const { choices } = translation.toCompletion({ ...answer, stop_reason }, ASKED)
      expect(choices[0]?.finish_reason as string).toBe(expected)
    })
  }

  test('an answer that only calls tools has null content, an empty one has none but is text', () => {
    const onlyCalls = { ...answer, content: answer.content.slice(3) }
    expect(translation.toCompletion(onlyCalls, ASKED).choices[0]?.message.content).toBeNull()
    const empty = translation.toCompletion({ content: [] }, ASKED)
    expect(empty.choices[0]?.message.content).toBe('')
    expect(empty.model).toBe('asked-model')
  })

  test('anything else is no answer', () => {
    for (const other of [null, 'x', {}, { content: 'text' }]) {
      expect(() => translation.toCompletion(other, ASKED)).toThrow('has no `content`')
    }
  })
})

describe('anthropic-messages: streams', () => {
  test('text comes as chunks: the role first, then the finish, the usage and [DONE]', async () => {
    const outcome = stream(translation, ASKED, [await readFixture('anthropic-text.sse')])
    expect(deltasOf(outcome)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Grüße aus' },
      { content: ' Zürich 🏔️' },
      {},
    ])
    expect(framesOf(outcome).at(-1)).toBe('[DONE]')
    const last = chunksOf(outcome).at(-1)
    expect(last).toMatchObject({
      id: 'msg_01Text',
      object: 'chat.completion.chunk',
      model: 'claude-haiku-4-5-20251001',
      choices: [],
      usage: {
        prompt_tokens: 2160,
        completion_tokens: 29,
        total_tokens: 2189,
        prompt_tokens_details: { cached_tokens: 2048 },
        completion_tokens_details: { reasoning_tokens: 18 },
      },
    })
    expect(outcome).toMatchObject({ dones: 1, complete: true })
    expect(outcome.reply).toMatchObject({
      text: 'Grüße aus Zürich 🏔️',
      truncated: false,
      finishReason: 'stop',
      model: 'claude-haiku-4-5-20251001',
      error: null,
      usage: { prompt_tokens: 2160 },
    })
  })

  test('the usage chunk comes only when it was asked for; the reply knows it anyway', async () => {
    const asked = { ...ASKED, stream_options: null }
    const outcome = stream(translation, asked, [await readFixture('anthropic-text.sse')])
    for (const chunk of chunksOf(outcome)) {
      expect(chunk).not.toHaveProperty('usage')
      expect(chunk.choices).toHaveLength(1)
    }
    expect(outcome.reply.usage?.completion_tokens).toBe(29)
  })

  test('parallel tool calls have their own index, and one without parameters gets {}', async () => {
    const outcome = stream(translation, ASKED, [await readFixture('anthropic-tools.sse')])
    expect(assemble(outcome)).toEqual({
      text: 'Let me look.',
      calls: [
        { id: 'toolu_01A', name: 'get_weather', arguments: '{"city": "Zürich"}' },
        { id: 'toolu_01B', name: 'get_time', arguments: '{}' },
      ],
    })
    expect(outcome.reply).toMatchObject({ toolCalls: 2, finishReason: 'tool_calls' })
  })

  test('an error inside the stream is the last frame', async () => {
    const outcome = stream(translation, ASKED, [await readFixture('anthropic-overloaded.sse')])
    expect(framesOf(outcome).at(-1)).toEqual({
      error: { message: 'Overloaded', type: 'overloaded_error', param: null, code: null },
    })
    expect(outcome).toMatchObject({ dones: 0, complete: false })
    expect(outcome.reply).toMatchObject({ text: 'Half an', finishReason: null })
    expect(outcome.reply.error?.message).toBe('Overloaded')
  })

  test('a stream that closes early ends with an error frame, wherever it was cut', async () => {
    const bytes = await readFixture('anthropic-tools.sse')
    const whole = Buffer.from(bytes).toString()
    const end = Buffer.byteLength(whole.slice(0, whole.indexOf('data: {"type":"message_stop"}')))
    for (let at = 0; at <= end; at += 7) {
      const outcome = stream(translation, ASKED, [bytes.subarray(0, at)])
      expect(framesOf(outcome).at(-1)).toHaveProperty('error.type', 'server_error')
      expect(outcome.sent).not.toContain('[DONE]')
      expect(outcome).toMatchObject({ dones: 0, complete: false })
    }
  })

  test('a frame that cannot be read ends the answer, and nothing follows', async () => {
    const whole = Buffer.from(await readFixture('anthropic-text.sse')).toString()
    const broken = whole.replace('{"type": "ping"}', '{"type": "pi')
    const outcome = stream(translation, ASKED, [Buffer.from(broken)])
    expect(assemble(outcome).text).toBe('')
    expect(framesOf(outcome).at(-1)).toHaveProperty('error.message')
    expect(outcome.complete).toBe(false)
  })
})

describe('anthropic-messages: errors', () => {
  test('the message and the type are kept', () => {
    const body =
      '{"type":"error","error":{"type":"not_found_error","message":"model: x"},"request_id":"r"}'
    expect(translation.toError(404, body)).toEqual({
      error: { message: 'model: x', type: 'not_found_error', param: null, code: null },
    })
  })
})
