import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { MAX_REPLY_BYTES, type Reply } from '../reply.ts'
import type { Asked, Progress, Wire } from '../wire.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { gemini } from './gemini.ts'
import { ollamaChat, ollamaGenerate } from './ollama.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'

const SSE = 'text/event-stream; charset=utf-8'
const JSON_TYPE = 'application/json; charset=UTF-8'

const ASKED: Asked = {
  model: 'asked',
  stream: true,
  said: [],
  signs: { system: [], maxTokens: null, tools: false, json: false },
  closed: null,
  kept: null,
  toSystem: null,
}

type Outcome = Readonly<{ reply: Reply; complete: boolean; progress: readonly Progress[] }>

function collect(
  wire: Wire,
  pieces: readonly (string | Uint8Array)[],
  contentType = SSE,
  stream = true,
): Outcome {
  const collector = wire.collect({ ...ASKED, stream }, contentType)
  const progress = pieces.map((piece) => collector.push(Buffer.from(piece)))
  return { complete: collector.end(), reply: collector.reply(), progress }
}

const fixture = async (name: string) =>
  Buffer.from(await Bun.file(join(import.meta.dir, '../fixtures', name)).arrayBuffer())

const frames = (...events: object[]) =>
  Buffer.from(
    events
      .map((event) => {
        const { type } = event as { type?: string }
        return `${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(event)}\n\n`
      })
      .join(''),
  )
const lines = (...objects: object[]) =>
  Buffer.from(objects.map((object) => `${JSON.stringify(object)}\n`).join(''))

const RESPONSE = {
  id: 'resp_1',
  model: 'gpt-5.6',
  status: 'completed',
  output: [
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'thinking' }] },
    { type: 'message', content: [{ type: 'output_text', text: 'Grüße aus Zürich 🏔️' }] },
  ],
  usage: {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 64 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 107,
  },
}

const STREAMS: readonly (readonly [
  name: string,
  Wire,
  () => Promise<Buffer>,
  string,
  Partial<Reply>,
])[] = [
  [
    'openai-chat',
    openaiChat,
    () => fixture('openai-text.sse'),
    SSE,
    { finishReason: 'stop', model: 'gpt-4o-mini-2024-07-18', id: 'chatcmpl-CfA1' },
  ],
  [
    'anthropic-messages',
    anthropicMessages,
    () => fixture('anthropic-text.sse'),
    SSE,
    { finishReason: 'end_turn' },
  ],
  ['gemini', gemini, () => fixture('gemini-text.sse'), SSE, { finishReason: 'STOP' }],
  [
    'gemini as an array',
    gemini,
    async () => {
      const sse = (await fixture('gemini-text.sse')).toString()
      const objects = sse
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6))
      return Buffer.from(`[${objects.join('\n,\r\n')}\n]\n`)
    },
    JSON_TYPE,
    { finishReason: 'STOP' },
  ],
  [
    'openai-responses',
    openaiResponses,
    async () =>
      frames(
        { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.6', output: [] } },
        { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning' } },
        { type: 'response.reasoning_summary_text.delta', delta: 'thinking' },
        { type: 'response.output_item.added', output_index: 1, item: { type: 'message' } },
        { type: 'response.output_text.delta', delta: 'Grüße aus ' },
        { type: 'response.output_text.delta', delta: 'Zürich 🏔️' },
        { type: 'response.output_text.done', text: 'Grüße aus Zürich 🏔️' },
        { type: 'response.completed', response: RESPONSE },
      ),
    SSE,
    {
      finishReason: 'completed',
      id: 'resp_1',
      model: 'gpt-5.6',
      usage: {
        prompt_tokens: 100,
        completion_tokens: 7,
        total_tokens: 107,
        prompt_tokens_details: { cached_tokens: 64 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    },
  ],
  [
    'ollama-chat',
    ollamaChat,
    async () =>
      lines(
        { model: 'q', message: { role: 'assistant', content: '', thinking: 'hm' }, done: false },
        { model: 'q', message: { role: 'assistant', content: 'Grüße aus ' }, done: false },
        { model: 'q', message: { role: 'assistant', content: 'Zürich 🏔️' }, done: false },
        {
          model: 'q',
          message: { role: 'assistant', content: '' },
          done: true,
          done_reason: 'stop',
          prompt_eval_count: 20,
          eval_count: 5,
        },
      ),
    'application/x-ndjson',
    {
      finishReason: 'stop',
      model: 'q',
      usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
    },
  ],
  [
    'ollama-generate',
    ollamaGenerate,
    async () =>
      lines(
        { model: 'q', response: 'Grüße aus ', thinking: 'x', done: false },
        { model: 'q', response: 'Zürich 🏔️', done: false },
        { model: 'q', response: '', done: true, done_reason: 'length', eval_count: 5 },
      ),
    'application/x-ndjson',
    { finishReason: 'length', usage: { prompt_tokens: 0, completion_tokens: 5, total_tokens: 5 } },
  ],
]

const TEXT = 'Grüße aus Zürich 🏔️'

describe('a stream', () => {
  for (const [name, wire, load, contentType, expected] of STREAMS) {
    test(`${name}: its text, its end and what it cost`, async () => {
      const { reply, complete, progress } = collect(wire, [await load()], contentType)
      expect(reply).toMatchObject({ text: TEXT, truncated: false, toolCalls: 0, ...expected })
      expect(reply.error).toBeNull()
      expect(complete).toBe(true)
      expect(progress.at(-1)).toBe(wire === gemini ? 'ending' : 'ended')
    })

    test(`${name}: the same wherever its bytes are split`, async () => {
      const bytes = await load()
      const whole = collect(wire, [bytes], contentType)
      for (let at = 1; at < bytes.length; at++) {
        const halves = collect(wire, [bytes.subarray(0, at), bytes.subarray(at)], contentType)
        expect(halves.reply).toEqual(whole.reply)
        expect(halves.complete).toBe(true)
      }
    })

    test(`${name}: the same byte by byte, with CRLF and with comments in between`, async () => {
      const bytes = await load()
      const whole = collect(wire, [bytes], contentType)
      const each = (given: Buffer) =>
        collect(
          wire,
          [...given].map((byte) => new Uint8Array([byte])),
          contentType,
        )
      expect(each(bytes).reply).toEqual(whole.reply)
      const text = bytes.toString()
      expect(each(Buffer.from(text.replace(/\r?\n/g, '\r\n'))).reply).toEqual(whole.reply)
      if (contentType !== SSE) return
      expect(each(Buffer.from(text.replace(/\r?\n/g, '\r'))).reply).toEqual(whole.reply)
      const commented = text.replace(
        /\r?\n\r?\n/g,
        '\n\n: ping\n\nevent: ping\ndata: {"type":"ping"}\n\n',
      )
      expect(each(Buffer.from(commented)).reply.text).toBe(TEXT)
    })

    test(`${name}: cut anywhere before its end it is not complete, and says what came`, async () => {
      const bytes = await load()
      const text = bytes.toString()
      const last = Math.max(
        ...[
          '"finish_reason":"stop"',
          '"finishReason": "STOP"',
          'event: message_stop',
          '"done":true',
        ]
          .concat('event: response.completed')
          .map((mark) => text.indexOf(mark)),
      )
      expect(last).toBeGreaterThan(0)
      const end = Buffer.byteLength(text.slice(0, last))
      for (let at = 0; at <= end; at++) {
        const { complete, reply } = collect(wire, [bytes.subarray(0, at)], contentType)
        expect(complete).toBe(false)
        expect(TEXT.startsWith(reply.text.replace(/\ufffd+$/, ''))).toBe(true)
      }
    })

    test(`${name}: bytes that make no sense are no answer, and nothing is thrown`, () => {
      for (const nonsense of ['data: {\n\n', '{"a":', ']]]}}}', '\u0000\u0001', 'data: 1\n\n1\n']) {
        const { complete } = collect(wire, [nonsense, new Uint8Array([0xff, 0xfe])], contentType)
        expect(complete).toBe(false)
      }
    })
  }

  test('openai-chat: calls of tools are counted, their arguments are no text', async () => {
    const { reply, complete } = collect(openaiChat, [await fixture('openai-tools.sse')])
    expect(reply).toMatchObject({ toolCalls: 2, finishReason: 'tool_calls' })
    expect(reply.text).not.toContain('{')
    expect(complete).toBe(true)
  })

  test('anthropic-messages: calls of tools, thinking and the cache', async () => {
    const { reply } = collect(anthropicMessages, [await fixture('anthropic-tools.sse')])
    expect(reply.toolCalls).toBeGreaterThan(0)
    expect(reply.finishReason).toBe('tool_use')
    const thought = collect(anthropicMessages, [
      frames(
        {
          type: 'message_start',
          message: {
            id: 'msg_1',
            model: 'claude',
            usage: {
              input_tokens: 10,
              cache_read_input_tokens: 900,
              cache_creation_input_tokens: 90,
            },
          },
        },
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'thinking', thinking: '' },
        },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'thinking_delta', thinking: 'no' },
        },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'signature_delta', signature: 'x' },
        },
        { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
        { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'yes' } },
        { type: 'content_block_delta', index: 1, delta: { type: 'citations_delta', citation: {} } },
        {
          type: 'message_delta',
          delta: { stop_reason: 'end_turn' },
          usage: { output_tokens: 5, input_tokens: null },
        },
        { type: 'message_stop' },
      ),
    ])
    expect(thought.reply).toMatchObject({
      text: 'yes',
      id: 'msg_1',
      usage: {
        prompt_tokens: 1000,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 900 },
      },
    })
  })

  test('gemini: calls, thoughts, a blocked prompt', async () => {
    const { reply } = collect(gemini, [await fixture('gemini-tools.sse')])
    expect(reply.toolCalls).toBeGreaterThan(0)
    const blocked = collect(gemini, [await fixture('gemini-blocked.sse')])
    expect(blocked.reply.text).toBe('')
    expect(blocked.complete).toBe(true)
    const thinking = frames({
      candidates: [
        {
          content: { parts: [{ text: 'no', thought: true }, { text: 'yes' }] },
          finishReason: 'STOP',
        },
        { index: 1, content: { parts: [{ text: 'other' }] } },
      ],
      usageMetadata: { promptTokenCount: 10, cachedContentTokenCount: 8, candidatesTokenCount: 2 },
    })
    expect(collect(gemini, [thinking]).reply).toMatchObject({
      text: 'yes',
      usage: { prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 8 } },
    })
  })

  test('openai-responses: calls that the client runs', () => {
    const { reply } = collect(openaiResponses, [
      frames(
        { type: 'response.output_item.added', item: { type: 'function_call' } },
        { type: 'response.function_call_arguments.delta', delta: '{"text":"no"}' },
        { type: 'response.output_item.added', item: { type: 'web_search_call' } },
        {
          type: 'response.incomplete',
          response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
        },
      ),
    ])
    expect(reply).toMatchObject({ text: '', toolCalls: 1, finishReason: 'max_output_tokens' })
  })

  test.each([
    [
      'openai-chat',
      openaiChat,
      frames(
        { choices: [{ delta: { content: 'a' } }] },
        { error: { message: 'overloaded', type: 'server_error' } },
      ),
    ],
    [
      'anthropic-messages',
      anthropicMessages,
      frames({ type: 'error', error: { type: 'overloaded_error', message: 'overloaded' } }),
    ],
    [
      'openai-responses',
      openaiResponses,
      frames({
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'server_error', message: 'overloaded' } },
      }),
    ],
    [
      'openai-responses',
      openaiResponses,
      frames({ type: 'error', code: 'x', message: 'overloaded' }),
    ],
    [
      'gemini',
      gemini,
      frames({ error: { code: 503, status: 'UNAVAILABLE', message: 'overloaded' } }),
    ],
    ['ollama-chat', ollamaChat, lines({ error: 'overloaded' })],
  ] as const)('%s: an error after a status of 200 is no answer', (_, wire, bytes) => {
    const { reply, complete } = collect(wire, [bytes])
    expect(reply.error?.message).toBe('overloaded')
    expect(complete).toBe(false)
  })

  test('what is kept of a long text is capped', () => {
    const long = 'ä'.repeat(100_000)
    const many = Array.from({ length: 8 }, () => ({ choices: [{ delta: { content: long } }] }))
    const { reply, complete } = collect(openaiChat, [
      frames(...many, { choices: [{ delta: {}, finish_reason: 'stop' }] }),
      'data: [DONE]\n\n',
    ])
    expect(Buffer.byteLength(reply.text)).toBe(MAX_REPLY_BYTES)
    expect(reply.truncated).toBe(true)
    expect(complete).toBe(true)
  })

  test('a line without end is given up, and the stream with it', () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    const pieces = ['data: ', ...Array.from({ length: 20 }, () => piece), '\n\ndata: [DONE]\n\n']
    for (const wire of [openaiChat, ollamaChat]) {
      const { reply, complete } = collect(wire, pieces)
      expect({ complete, truncated: reply.truncated }).toEqual({ complete: false, truncated: true })
    }
  })
})

describe('a whole answer', () => {
  test.each([
    [
      'openai-chat',
      openaiChat,
      { id: 'c', model: 'm', choices: [{ message: { content: TEXT }, finish_reason: 'stop' }] },
    ],
    [
      'anthropic-messages',
      anthropicMessages,
      {
        id: 'c',
        model: 'm',
        content: [
          { type: 'thinking', thinking: 'x' },
          { type: 'text', text: TEXT },
        ],
        stop_reason: 'end_turn',
        usage: {},
      },
    ],
    ['openai-responses', openaiResponses, { ...RESPONSE, id: 'c', model: 'm' }],
    [
      'gemini',
      gemini,
      {
        responseId: 'c',
        modelVersion: 'm',
        candidates: [{ content: { parts: [{ text: TEXT }] }, finishReason: 'STOP' }],
      },
    ],
    ['ollama-chat', ollamaChat, { model: 'm', message: { content: TEXT }, done: true }],
    ['ollama-generate', ollamaGenerate, { model: 'm', response: TEXT, done: true }],
  ] as const)('%s', (_, wire, answer) => {
    const bytes = Buffer.from(JSON.stringify(answer, null, 1))
    for (const at of [1, bytes.length >> 1, bytes.length - 1]) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)]
      const { reply, complete, progress } = collect(wire, pieces, JSON_TYPE, false)
      expect(reply).toMatchObject({ text: TEXT, model: 'm', truncated: false })
      expect(progress).toEqual(['ending', 'ending'])
      expect(complete).toBe(true)
    }
    const cut = collect(wire, [bytes.subarray(0, -2)], JSON_TYPE, false)
    expect(cut.complete).toBe(false)
  })

  test('a page of HTML is no answer', () => {
    for (const wire of [openaiChat, anthropicMessages, openaiResponses, gemini, ollamaChat]) {
      expect(collect(wire, ['<html>'], 'text/html', false).complete).toBe(false)
    }
  })
})
