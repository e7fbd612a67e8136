import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type DemoUpstream, startDemoUpstream } from './demo.ts'
import { demoAnswer } from './demo-answer.ts'
import { send } from './egress.ts'
import type { ChatBody } from './openai.ts'
import { replyOf } from './openai-answer.ts'
import { VENDOR_NAMES, VENDORS, type VendorName } from './vendors.ts'
import { ollamaChat, ollamaGenerate } from './wires/ollama.ts'
import { openaiResponses } from './wires/openai-responses.ts'

let demo: DemoUpstream
beforeAll(async () => {
  demo = await startDemoUpstream()
})
afterAll(() => demo.stop())

const BLOCK =
  '<engram-memory>\nWhat is known:\n- User prefers tabs\n- User lives in Zürich 🏔️\n</engram-memory>'
const ASKED: ChatBody = {
  model: 'demo',
  messages: [
    { role: 'system', content: `Be brief.\n\n${BLOCK}` },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi' },
    { role: 'user', content: 'Where do I live?' },
  ],
}
const EXPECTED = `[demo answer, no model was asked] I was given 2 memories:
- User prefers tabs
- User lives in Zürich 🏔️
You said: "Where do I live?"`

async function ask(vendorName: VendorName, asked: ChatBody): Promise<Response> {
  const { translation, endpoint } = VENDORS[vendorName]
  const { path, body } = translation.toRequest(asked)
  return send({ url: endpoint(demo.baseUrls[vendorName], path), body: JSON.stringify(body) })
}

for (const vendor of VENDOR_NAMES) {
  describe(`the demo as ${vendor}`, () => {
    const { translation } = VENDORS[vendor]

    test('answers whole', async () => {
      const answer = await ask(vendor, ASKED)
      const reply = replyOf(translation.toCompletion(await answer.json(), ASKED))
      expect(reply).toMatchObject({ text: EXPECTED, finishReason: 'stop', model: 'demo' })
    })

    test('answers in a stream of several chunks', async () => {
      const asked = { ...ASKED, stream: true }
      const answer = await ask(vendor, asked)
      expect(answer.headers.get('content-type')).toBe('text/event-stream')
      const stream = translation.createStream(asked)
      let arrivals = 0
      for await (const chunk of answer.body ?? []) {
        stream.push(chunk)
        arrivals++
      }
      expect(stream.end().complete).toBe(true)
      expect(stream.reply()).toMatchObject({ text: EXPECTED, finishReason: 'stop', model: 'demo' })
      expect(arrivals).toBeGreaterThan(2)
    })

    test('says what is wrong in a form that its clients read', async () => {
      const lost = await send({ url: new URL('/v1/embeddings', demo.baseUrls[vendor]), body: '{}' })
      expect(lost.status).toBe(404)
      const { error } = translation.toError(404, await lost.text())
      expect(error.message).toBe('the demo has nothing at POST /v1/embeddings')
      const { path } = translation.toRequest(ASKED)
      const url = VENDORS[vendor].endpoint(demo.baseUrls[vendor], path)
      expect((await send({ url, body: '{' })).status).toBe(400)
    })
  })
}

describe('the demo in its own dialects', () => {
  const system = `Be brief.\n\n${BLOCK}`
  const messages = ASKED.messages.slice(1)
  test.each([
    [openaiResponses, '/v1/responses', { instructions: system, input: messages }],
    [openaiResponses, '/v1/responses', { instructions: system, input: 'Where do I live?' }],
    [ollamaChat, '/api/chat', { messages: ASKED.messages }],
    [ollamaGenerate, '/api/generate', { system, prompt: 'Where do I live?' }],
  ] as const)('$name', async (wire, path, body) => {
    for (const stream of [true, false]) {
      const bytes = new TextEncoder().encode(JSON.stringify({ model: 'demo', stream, ...body }))
      const answer = await send({ url: new URL(path, demo.baseUrls.openai), body: bytes })
      const type = answer.headers.get('content-type') ?? ''
      const collector = wire.collect(wire.read(bytes, path)!, type)
      for await (const chunk of answer.body ?? []) collector.push(chunk)
      expect(collector.end()).toBe(true)
      expect(collector.reply()).toMatchObject({ text: EXPECTED, model: 'demo' })
    }
  })
})

describe('demoAnswer', () => {
  const cases: [name: string, system: string, user: string[], answer: string][] = [
    ['no memory', 'Be brief.', ['Hello'], 'I was given no memory.\nYou said: "Hello"'],
    [
      'one memory',
      '<engram-memory>\n- User likes tea\n</engram-memory>',
      ['Hello'],
      'I was given 1 memory:\n- User likes tea\nYou said: "Hello"',
    ],
    [
      'a block beside the words of the user, which it does not repeat',
      '',
      [
        'One <engram-memory v="1">\n- A\n</engram-memory>',
        'Two\n\n<engram-memory>\n- A\n- B\n</engram-memory>',
      ],
      'I was given 2 memories:\n- A\n- B\nYou said: "Two"',
    ],
    [
      'a block without bullets',
      '<engram-memory>\nA\nB\n</engram-memory>',
      ['Hi'],
      'I was given 2 memories:\n- A\n- B\nYou said: "Hi"',
    ],
    [
      'an empty block',
      '<engram-memory></engram-memory>',
      ['Hi'],
      'I was given no memory.\nYou said: "Hi"',
    ],
    ['silence', '', [], 'I was given no memory.\nYou said nothing.'],
    [
      'a long message',
      '',
      ['🏔️'.repeat(500)],
      `I was given no memory.\nYou said: "${'🏔️'.repeat(100)}…"`,
    ],
  ]
  for (const [name, system, user, answer] of cases) {
    test(name, () => {
      expect(demoAnswer({ system, user })).toBe(`[demo answer, no model was asked] ${answer}`)
    })
  }
})
