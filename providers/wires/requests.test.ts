import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Insertion, splice } from '../splice.ts'
import type { Asked, Wire } from '../wire.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { gemini } from './gemini.ts'
import { ollamaChat, ollamaGenerate } from './ollama.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'

const BLOCK = '<engram-memory>\n- "User drinks tea" ☕\n</engram-memory>'

const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const spliced = (bytes: Uint8Array<ArrayBuffer>, insertions: readonly Insertion[]) =>
  Buffer.concat(splice(bytes, insertions))
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const PATHS: Readonly<Partial<Record<Wire['name'], string>>> = {
  gemini: '/v1beta/models/gemini-3:streamGenerateContent?alt=sse',
}
const read = (wire: Wire, body: unknown): Asked => {
  const asked = wire.read(encode(body), PATHS[wire.name] ?? '/x')
  if (!asked) throw new Error('not read')
  return asked
}
const saidOf = (wire: Wire, body: unknown) =>
  read(wire, body).said.map(({ role, texts, step }) => [role, texts.join('|'), step])

/** The body with the block in its last human message. */
function injected(wire: Wire, body: unknown, form?: 'inside' | 'beside'): unknown {
  const bytes = encode(body)
  const slot = read(wire, body).said.findLast((said) => said.role === 'user')!.slot!
  return JSON.parse(decode(spliced(bytes, slot.insert(BLOCK, form ?? slot.form))))
}

function inSystem(wire: Wire, body: unknown): unknown {
  return JSON.parse(decode(spliced(encode(body), read(wire, body).toSystem!(BLOCK))))
}

describe('who said what', () => {
  test('openai-chat: people and the assistant, without system, tools and pictures', () => {
    const body = {
      model: 'gpt-5',
      stream: true,
      max_completion_tokens: 9,
      tools: [{ type: 'function' }],
      response_format: { type: 'json_schema' },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi "there"', name: 'ann' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] },
        { role: 'tool', tool_call_id: 'a', content: 'secret' },
        { role: 'assistant', content: [{ type: 'text', text: 'Yes' }], tool_calls: [] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
            { type: 'text', text: 'this?' },
          ],
        },
      ],
    }
    const asked = read(openaiChat, body)
    expect(saidOf(openaiChat, body)).toEqual([
      ['user', 'Hi "there"', false],
      ['assistant', '', true],
      ['assistant', 'Yes', false],
      ['user', 'What is|this?', false],
    ])
    expect(asked.said[0]!.speaker).toBe('ann')
    expect(asked.said[3]!.media).toBe(true)
    expect(asked).toMatchObject({ model: 'gpt-5', stream: true, closed: null, kept: null })
    expect(asked.signs).toEqual({ system: ['Be brief.'], maxTokens: 9, tools: true, json: true })
  })

  test('anthropic-messages: blocks, tool results and messages of the system in between', () => {
    const body = {
      model: 'claude-opus-5-5',
      max_tokens: 1024,
      system: [
        { type: 'text', text: 'billing' },
        { type: 'text', text: 'You are' },
      ],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '<system-reminder>x</system-reminder>' },
            { type: 'text', text: 'Fix it', cache_control: { type: 'ephemeral' } },
          ],
        },
        { role: 'system', content: [{ type: 'text', text: 'more' }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'xx' },
            { type: 'text', text: 'Reading.' },
            { type: 'tool_use', id: 't', name: 'read', input: { text: 'no' } },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'secret' }] },
        { role: 'assistant', content: 'Done.' },
      ],
    }
    expect(saidOf(anthropicMessages, body)).toEqual([
      ['user', '<system-reminder>x</system-reminder>|Fix it', false],
      ['assistant', 'Reading.', true],
      ['user', '', false],
      ['assistant', 'Done.', false],
    ])
    const asked = read(anthropicMessages, body)
    expect(asked.closed).toBe('prefill')
    expect(asked.stream).toBe(false)
    expect(asked.signs).toEqual({
      system: ['billing', 'You are'],
      maxTokens: 1024,
      tools: false,
      json: false,
    })
  })

  test('openai-responses: items, calls beside messages, and what the provider keeps', () => {
    const body = {
      model: 'gpt-5',
      instructions: 'Be brief.',
      input: [
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'dev' }] },
        { role: 'user', content: 'Hello' },
        { type: 'reasoning', summary: [], encrypted_content: 'x' },
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Let me look' }],
        },
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'secret' },
        { type: 'web_search_call', id: 'w' },
        { role: 'assistant', content: [{ type: 'output_text', text: 'Done' }] },
        { type: 'custom_tool_call', call_id: 'b', name: 'g', input: '' },
      ],
    }
    expect(saidOf(openaiResponses, body)).toEqual([
      ['user', 'Hello', false],
      ['assistant', 'Let me look', true],
      ['assistant', 'Done', true],
    ])
    expect(read(openaiResponses, body).signs.system).toEqual(['Be brief.', 'dev'])
    expect(read(openaiResponses, body).kept).toBeNull()
    expect(saidOf(openaiResponses, { input: 'Hi' })).toEqual([['user', 'Hi', false]])
    const kept = (more: object) => read(openaiResponses, { input: 'Hi', ...more }).kept
    expect(kept({ previous_response_id: 'resp_1' })).toEqual({
      conversation: null,
      after: 'resp_1',
    })
    expect(kept({ conversation: 'conv_1' })).toEqual({ conversation: 'conv_1', after: null })
    expect(kept({ conversation: { id: 'conv_2' } })).toEqual({
      conversation: 'conv_2',
      after: null,
    })
    expect(kept({ conversation: null, previous_response_id: null })).toBeNull()
  })

  test('gemini: parts, thoughts and results of functions, in both spellings', () => {
    for (const [call, response, media] of [
      ['functionCall', 'functionResponse', 'inlineData'],
      ['function_call', 'function_response', 'file_data'],
    ] as const) {
      const body = {
        system_instruction: { parts: [{ text: 'Be brief.' }] },
        generation_config: { max_output_tokens: 5, response_mime_type: 'application/json' },
        contents: [
          { parts: [{ text: 'Look' }, { [media]: { data: 'AAAA' } }] },
          {
            role: 'model',
            parts: [{ text: 'hm', thought: true }, { text: 'Ok' }, { [call]: { name: 'f' } }],
          },
          { role: 'user', parts: [{ [response]: { name: 'f', response: { text: 'no' } } }] },
        ],
      }
      expect(saidOf(gemini, body)).toEqual([
        ['user', 'Look', false],
        ['assistant', 'Ok', true],
      ])
      const asked = read(gemini, body)
      expect(asked.said[0]!.media).toBe(true)
      expect(asked).toMatchObject({ model: 'gemini-3', stream: true })
      expect(asked.signs).toEqual({ system: ['Be brief.'], maxTokens: 5, tools: false, json: true })
    }
  })

  test('ollama: chat streams unless told not to, generate is one question', () => {
    const chat = {
      model: 'llama',
      options: { num_predict: 3 },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi', images: ['AAAA'] },
        { role: 'assistant', content: '', tool_calls: [{ function: {} }] },
        { role: 'tool', content: 'secret' },
      ],
    }
    expect(saidOf(ollamaChat, chat)).toEqual([
      ['user', 'Hi', false],
      ['assistant', '', true],
    ])
    expect(read(ollamaChat, chat)).toMatchObject({ model: 'llama', stream: true, closed: null })
    expect(read(ollamaChat, { ...chat, stream: false }).stream).toBe(false)
    expect(saidOf(ollamaGenerate, { model: 'x', prompt: 'Why?' })).toEqual([
      ['user', 'Why?', false],
    ])
    expect(read(ollamaGenerate, { prompt: 'Why?', raw: true }).closed).toBe('raw')
    expect(read(ollamaGenerate, { prompt: 'Why?', suffix: 'end' }).closed).toBe('raw')
    expect(read(ollamaGenerate, { prompt: 'Why?', suffix: '' }).closed).toBeNull()
  })

  const WIRES = [openaiChat, openaiResponses, anthropicMessages, gemini, ollamaChat, ollamaGenerate]
  test.each(WIRES.map((wire) => [wire.name, wire] as const))(
    '%s: what is no request of it is not read, and nothing is thrown',
    (_, wire) => {
      for (const body of ['', '[]', '1', '"x"', '{"messages":', 'null', '{"a":1}x']) {
        expect(wire.read(encode(body), '/x')).toBeNull()
      }
      fc.assert(
        fc.property(fc.json(), (json) => {
          for (const name of ['messages', 'input', 'contents', 'prompt', 'system', 'x']) {
            const asked = wire.read(encode(`{"${name}":${json},"messages":[${json}]}`), '/x')
            for (const { slot } of asked?.said ?? []) slot?.insert('x', 'beside')
          }
        }),
      )
    },
  )
})

describe('an added text', () => {
  const part = { type: 'text', text: BLOCK }

  test.each([
    [
      'openai-chat: a string stays a string',
      openaiChat,
      { messages: [{ role: 'user', content: 'Hi' }], model: 'm' },
      { messages: [{ role: 'user', content: `Hi\n\n${BLOCK}` }], model: 'm' },
    ],
    [
      'openai-chat: a list gets a part more',
      openaiChat,
      { messages: [{ content: [{ type: 'text', text: 'Hi' }], role: 'user' }] },
      { messages: [{ content: [{ type: 'text', text: 'Hi' }, part], role: 'user' }] },
    ],
    [
      'openai-chat: an empty list gets its first',
      openaiChat,
      { messages: [{ content: [], role: 'user' }] },
      { messages: [{ content: [part], role: 'user' }] },
    ],
    [
      'openai-responses: the string that is the input',
      openaiResponses,
      { input: 'Hi' },
      { input: `Hi\n\n${BLOCK}` },
    ],
    [
      'openai-responses: a part of an item',
      openaiResponses,
      { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }] },
      {
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'Hi' },
              { type: 'input_text', text: BLOCK },
            ],
          },
        ],
      },
    ],
    [
      'anthropic-messages: behind the marker',
      anthropicMessages,
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'x' } }] },
        ],
      },
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'text', text: 'Hi', cache_control: { type: 'x' } }, part],
          },
        ],
      },
    ],
    [
      'gemini: a part',
      gemini,
      { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
      { contents: [{ role: 'user', parts: [{ text: 'Hi' }, { text: BLOCK }] }] },
    ],
    [
      'ollama-chat',
      ollamaChat,
      { messages: [{ role: 'user', content: 'Hi' }] },
      { messages: [{ role: 'user', content: `Hi\n\n${BLOCK}` }] },
    ],
    ['ollama-generate', ollamaGenerate, { prompt: 'Hi' }, { prompt: `Hi\n\n${BLOCK}` }],
  ])('%s', (_, wire, body, expected) => {
    expect(injected(wire, body)).toEqual(expected)
  })

  test('stands the same way in a message that was a list once and is a string now, and the other way round', () => {
    const asString = { messages: [{ role: 'user', content: 'Hi "you"' }] }
    const asList = { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi "you"' }] }] }
    for (const wire of [anthropicMessages, openaiChat]) {
      expect(injected(wire, asString, 'beside')).toEqual(injected(wire, asList))
      const inside = injected(wire, asList, 'inside') as typeof asList
      expect(inside.messages[0]!.content[0]!.text).toBe(`Hi "you"\n\n${BLOCK}`)
      expect(inside.messages[0]!.content).toHaveLength(1)
    }
    expect(injected(openaiResponses, { input: 'Hi' }, 'beside')).toEqual({
      input: [
        { role: 'user', content: 'Hi' },
        { role: 'user', content: BLOCK },
      ],
    })
  })

  test.each([
    [
      'openai-chat: behind the first system message',
      openaiChat,
      {
        messages: [
          { role: 'developer', content: 'Be' },
          { role: 'system', content: 'x' },
        ],
      },
      {
        messages: [
          { role: 'developer', content: `Be\n\n${BLOCK}` },
          { role: 'system', content: 'x' },
        ],
      },
    ],
    [
      'openai-chat: as a message of its own',
      openaiChat,
      { messages: [{ role: 'user', content: 'Hi' }] },
      {
        messages: [
          { role: 'system', content: BLOCK },
          { role: 'user', content: 'Hi' },
        ],
      },
    ],
    [
      'openai-chat: as a part',
      openaiChat,
      { messages: [{ role: 'system', content: [{ type: 'text', text: 'Be' }] }] },
      { messages: [{ role: 'system', content: [{ type: 'text', text: 'Be' }, part] }] },
    ],
    [
      'anthropic-messages: last of the list',
      anthropicMessages,
      { system: [{ type: 'text', text: 'a' }], messages: [] },
      { system: [{ type: 'text', text: 'a' }, part], messages: [] },
    ],
    [
      'anthropic-messages: at the end of the string',
      anthropicMessages,
      { system: 'a', messages: [] },
      { system: `a\n\n${BLOCK}`, messages: [] },
    ],
    [
      'anthropic-messages: as a new field',
      anthropicMessages,
      { messages: [] },
      { system: BLOCK, messages: [] },
    ],
    [
      'openai-responses',
      openaiResponses,
      { instructions: 'a', input: 'b' },
      { instructions: `a\n\n${BLOCK}`, input: 'b' },
    ],
    ['openai-responses: new', openaiResponses, { input: 'b' }, { instructions: BLOCK, input: 'b' }],
    [
      'gemini',
      gemini,
      { systemInstruction: { parts: [{ text: 'a' }] }, contents: [] },
      { systemInstruction: { parts: [{ text: 'a' }, { text: BLOCK }] }, contents: [] },
    ],
    [
      'gemini: new',
      gemini,
      { contents: [] },
      { systemInstruction: { parts: [{ text: BLOCK }] }, contents: [] },
    ],
    [
      'ollama-chat',
      ollamaChat,
      { messages: [{ role: 'system', content: 'a' }] },
      { messages: [{ role: 'system', content: `a\n\n${BLOCK}` }] },
    ],
    [
      'ollama-generate',
      ollamaGenerate,
      { prompt: 'x', system: '' },
      { prompt: 'x', system: `\n\n${BLOCK}` },
    ],
  ])('of the system: %s', (_, wire, body, expected) => {
    expect(inSystem(wire, body)).toEqual(expected)
  })

  test('none for the system where the request must not have one', () => {
    expect(read(gemini, { contents: [], cachedContent: 'cachedContents/1' }).toSystem).toBeNull()
    expect(read(gemini, { contents: [], cached_content: 'cachedContents/1' }).toSystem).toBeNull()
    expect(read(ollamaGenerate, { prompt: 'x', raw: true }).toSystem).toBeNull()
    expect(read(anthropicMessages, { system: null, messages: [] }).toSystem).toBeNull()
  })
})

describe('every other byte stays as the client wrote it', () => {
  /** Number forms, escapes, spaces, orders of keys and double keys that no serialiser would give back. */
  const odd = fc.constantFrom(
    '{"temperature":1.0,"seed":12345678901234567890,"big":1e3,"neg":-0.0}',
    '{"a":"\\u00e4\\/\\ud83c\\udfd4","a":[1 , 2,3 ],"z":{},"y":[ ]}',
    '[null, true,false , {"text":"\\"messages\\":[","content":"]}"}]',
    '"line\\nline\\\\"',
    '1E+2',
  )
  const text = fc
    .string({ unit: 'grapheme', maxLength: 60 })
    .map((plain) =>
      JSON.stringify(plain).replace(/[a-c]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    )
  const space = fc.constantFrom('', ' ', '\n  ', '\t')

  const shapes: readonly (readonly [Wire, (t: string, o: string, s: string) => string])[] = [
    [
      openaiChat,
      (t, o, s) =>
        `{${s}"x":${o},${s}"messages":${s}[${s}{"x":${o},"content":${t},"role":"user"}${s},{"role":"user","content":[{"type":"text","text":${t}${s}}${s}]}${s}]${s},"y":${o}}`,
    ],
    [
      anthropicMessages,
      (t, o, s) =>
        `${s}{"system":[${s}{"type":"text","text":${t}}${s}],"messages":[{"role":"user","content":[{"type":"x","a":${o}},{"text":${t},"type":"text","cache_control":${o}}]}],"tools":${o}${s}}${s}`,
    ],
    [
      openaiResponses,
      (t, o, s) =>
        `{"input":[${s}{"role":"user","content":[{"type":"input_text","text":${t}}]},${o}],"instructions":${t},"z":${o}}`,
    ],
    [
      gemini,
      (t, o, s) =>
        `{"contents":[{"parts":[{"text":${s}${t}},{"inlineData":${o}}],${s}"role":"user"}],"z":${o}}`,
    ],
    [
      ollamaChat,
      (t, o, s) => `{"messages":[{"role":"user",${s}"content":${t}${s}}],"options":${o},"z":${o}}`,
    ],
    [ollamaGenerate, (t, o, s) => `{"prompt"${s}:${t},"context":${o},"system":${t}}`],
  ]

  test.each(shapes.map(([wire, write]) => [wire.name, wire, write] as const))(
    '%s',
    (_, wire, write) => {
      fc.assert(
        fc.property(text, odd, space, fc.boolean(), (t, o, s, other) => {
          const body = write(t, o, s)
          const bytes = encode(body)
          const asked = wire.read(bytes, '/x')!
          const insertions = [
            ...asked.said.flatMap(
              ({ slot }) =>
                slot?.insert(BLOCK, other === (slot.form === 'inside') ? 'beside' : 'inside') ?? [],
            ),
            ...(asked.toSystem?.(BLOCK) ?? []),
          ]
          expect(insertions.length).toBeGreaterThan(0)
          const changed = spliced(bytes, insertions)
          expect(() => JSON.parse(decode(changed))).not.toThrow()
          // Taken out again, from the back, the insertions leave exactly what came.
          let left = Buffer.from(changed)
          const sorted = insertions.toSorted((a, b) => a.at - b.at)
          let shift = sorted.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0)
          for (const { at, json } of sorted.toReversed()) {
            const size = Buffer.byteLength(json)
            shift -= size
            expect(left.subarray(at + shift, at + shift + size).toString()).toBe(json)
            left = Buffer.concat([left.subarray(0, at + shift), left.subarray(at + shift + size)])
          }
          expect(left.equals(bytes)).toBe(true)
        }),
      )
    },
  )
})
