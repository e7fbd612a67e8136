/** What users complain about in other proxies, as far as it is about the bytes of a request. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { CLOSING_TAG, OPENING_TAG } from '../../../memory/render.ts'
import { agentConversation, toBody } from '../rig/agent-conversation.ts'
import { CACHE_MODELS, type CacheModel, simulateCache } from '../rig/cache-simulator.ts'
import { DIALECTS, type Dialect, dialect, dialectOf } from '../rig/dialects.ts'
import { valuesOf } from '../rig/http-message.ts'
import { openRawUpstream, type Script } from '../rig/raw-upstream.ts'
import { RECORDED } from '../rig/recorded.ts'
import { startRig } from '../rig/start.ts'

const JSON_TYPE = ['Content-Type', 'application/json'] as const

/** Answers any request in the dialect of its path. */
const answering: Script = ({ request, answer }) =>
  answer(200, [JSON_TYPE], JSON.stringify(dialectOf(request.target).whole('Noted.')))

const upstream = await openRawUpstream(answering)
const rig = await startRig({ upstream: upstream.url })
afterAll(async () => {
  await rig.stop()
  await upstream.stop()
})

const THINGS = [
  ['fruit', 'mango'],
  ['colour', 'teal'],
  ['composer', 'Schubert'],
  ['bakery', 'Kleiner'],
  ['mountain', 'Eiger'],
  ['sport', 'fencing'],
  ['cheese', 'Gruyère'],
  ['novel', 'Momo'],
  ['flower', 'gentian'],
  ['river', 'Aare'],
  ['painter', 'Klee'],
  ['instrument', 'oboe'],
  ['tree', 'larch'],
  ['dessert', 'panna cotta'],
  ['island', 'Sardinia'],
  ['bird', 'kingfisher'],
  ['film', 'Amélie'],
  ['tea', 'Darjeeling'],
  ['museum', 'Beyeler'],
  ['language', 'Portuguese'],
] as const
await rig.remember(...THINGS.map(([thing, name]) => `User’s favourite ${thing} is ${name}`))

async function send(
  asked: Dialect,
  body: string | Uint8Array,
  userAgent = 'test',
): Promise<Response> {
  const answer = await fetch(rig.url + asked.path(false), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent,
      [asked.key[0]]: asked.key[1],
    },
    body,
  })
  await answer.arrayBuffer()
  return answer
}

const WIRES: Readonly<Record<CacheModel, Dialect['name']>> = {
  'Anthropic explicit': 'anthropic messages',
  'Anthropic auto': 'anthropic messages',
  'OpenAI ≤ 5.5': 'openai chat',
  'GPT-5.6+': 'openai responses',
  Ollama: 'ollama chat',
}

describe('1. memory injection kills prompt caching', () => {
  const conversation = agentConversation({
    humanTurns: 20,
    toolSteps: (turn) => (turn === 7 ? 10 : 0),
    say: (turn) => `What is my favourite ${THINGS[turn]![0]}?`,
    systemBytes: 8_000,
    assistantBytes: 1_200,
    toolBytes: 1_000,
  })
  for (const model of CACHE_MODELS) {
    test(`${model}: at least 99 % of what is read from the cache without us`, async () => {
      // Two conversations that begin alike may share what was injected; this is about one alone.
      const system = `${model} ${conversation.system}`
      const direct = conversation.requests.map((steps) =>
        Buffer.from(JSON.stringify(toBody(model, system, steps))),
      )
      upstream.clear()
      for (const body of direct) expect((await send(dialect(WIRES[model]), body)).status).toBe(200)
      const via = upstream.requests.map(({ body }) => body)
      expect(via).toHaveLength(direct.length)
      // Every turn got its memory, and each is still where it was at the end.
      expect(String(via.at(-1)).split(OPENING_TAG).length - 1).toBe(20)
      const without = simulateCache(model, direct)
      const withUs = simulateCache(model, via)
      expect(withUs.promptBytes).toBeGreaterThan(without.promptBytes + 20 * 100)
      expect(withUs.cachedBytes).toBeGreaterThan(0.99 * without.cachedBytes)
      expect(withUs.share).toBeGreaterThan(0.98 * without.share)
    })
  }
})

/** What was put into a body, when nothing else of it changed; null when something did. */
function insertion(sent: Uint8Array, received: Uint8Array): string | null {
  const added = received.length - sent.length
  let same = 0
  while (same < sent.length && sent[same] === received[same]) same++
  const [rest, end] = [sent.subarray(same), received.subarray(same + added)]
  if (added < 0 || !Buffer.from(rest).equals(end)) return null
  return Buffer.from(received.subarray(same, same + added)).toString()
}

/** JSON as nobody's serialiser writes it: number forms, escapes, repeated keys, white space. */
const oddJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      '1.0',
      '1e3',
      '-0',
      '12345678901234567890',
      '0.1e-7',
      'true',
      'null',
      '"\\u00e9\\/\\ud83d\\ude00"',
      '"ü😀\\n"',
      '""',
      '[ ]',
      '{ }',
    ),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(' , ')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', 'cache_control'), tie('value')), { maxLength: 3 })
      .map((entries) => `{${entries.map(([key, value]) => `"${key}" :\t${value}`).join(',\r\n')}}`),
  ),
})).value

/** The last human turn in a body whose other bytes are odd. */
const ODD_BODIES: Readonly<Record<Dialect['name'], (odd: string, prompt: string) => string>> = {
  'openai chat': (odd, prompt) =>
    `{ "z":${odd}, "messages" : [{"role":"system","content":"s","x":${odd}},\n{"x":${odd},"role":"user","content":${prompt},"y":${odd}}], "model":"gpt-5.5","a":${odd} }`,
  'openai responses': (odd, prompt) =>
    `{"z":${odd},"model":"gpt-5.6","store":false,"input":[{"type":"reasoning","x":${odd}},{"role":"user" , "content":[{"type":"input_text","text":${prompt},"prompt_cache_breakpoint":${odd}}]}],"a":${odd}}`,
  'anthropic messages': (odd, prompt) =>
    `{"model":"claude-opus-5-5","max_tokens":1024,"system":[{"type":"text","text":"s","cache_control":${odd}}],"messages":[{"role":"user","content":[{"x":${odd},"type":"text","text":${prompt},"cache_control":{"type":"ephemeral"}}\n]}],"metadata":${odd}}`,
  gemini: (odd, prompt) =>
    `{"contents":[{"role":"user","parts":[{"text":${prompt}, "x":${odd}}]} ],"safetySettings":${odd}}`,
  'ollama chat': (odd, prompt) =>
    `{"model":"llama3.2","stream":false,"options":${odd},"messages":[{"role":"user","content":${prompt}}]}`,
}

describe('2. cache_control dropped or body re-ordered', () => {
  test('of 200 odd bodies every byte arrives, and only memory is added', async () => {
    let injected = 0
    const property = fc.asyncProperty(
      fc.constantFrom(...DIALECTS),
      oddJson,
      fc.constantFrom(...THINGS),
      async (asked, odd, [thing]) => {
        const prompt = `"What is my favourite ${thing}? \\u00fc\\/ ü😀"`
        const sent = Buffer.from(ODD_BODIES[asked.name](odd, prompt))
        upstream.clear()
        expect((await send(asked, sent)).status).toBe(200)
        const added = insertion(sent, upstream.requests[0]!.body)
        expect(added).not.toBe(null)
        if (added !== '') {
          injected++
          expect(added).toContain(OPENING_TAG)
          expect(added).toContain(CLOSING_TAG)
        }
        JSON.parse(String(upstream.requests[0]!.body))
      },
    )
    await fc.assert(property, { numRuns: 200 })
    expect(injected).toBe(200)
  })

  for (const { name, dialect: wire, userAgent, body } of RECORDED) {
    test(`${name}: memory stands behind the prompt, the rest is as it was`, async () => {
      const prompt = 'What is my favourite cheese?'
      const sent = Buffer.from(JSON.stringify(body(prompt)))
      upstream.clear()
      await send(dialect(wire), sent, userAgent)
      const received = upstream.requests[0]!.body
      const added = insertion(sent, received)
      expect(added).toContain('Gruyère')
      const behind = String(received).slice(String(received).indexOf(prompt) + prompt.length)
      // Nothing but the end of the prompt's own block is between the two.
      expect(behind.slice(0, behind.indexOf(OPENING_TAG))).toMatch(
        /^(\\n)*$|^"(,"cache_control":\{"type":"ephemeral"\})?\},\{"type":"(input_)?text","text":"(\\n)*$/,
      )
    })
  }

  test('what is not about memory goes through byte for byte', async () => {
    const sent = Buffer.from(ODD_BODIES['openai chat']('[1.0, 1e3]', '"Zzyzx?"'))
    upstream.clear()
    await send(dialect('openai chat'), sent)
    expect(upstream.requests[0]!.body).toEqual(sent)
  })
})

describe('11. content-length or transfer-encoding mismatch after a rewrite', () => {
  for (const asked of DIALECTS) {
    test(`${asked.name}: one framing header, and it is true`, async () => {
      const text = '📝 ｛…｝ What is my favourite bird? 🐦'
      const sent = Buffer.from(JSON.stringify(asked.body([{ role: 'user', text }], false)))
      upstream.clear()
      await send(asked, sent)
      const [request] = upstream.requests
      expect(insertion(sent, request!.body)).toContain('kingfisher')
      const lengths = valuesOf(request!.headers, 'content-length')
      const encodings = valuesOf(request!.headers, 'transfer-encoding')
      expect([...lengths, ...encodings]).toHaveLength(1)
      if (lengths.length > 0) expect(Number(lengths[0])).toBe(request!.body.length)
      expect(JSON.parse(String(request!.body))).toBeObject()
    })
  }
})

describe('13. thinking signatures and thoughtSignature lost', () => {
  const sign = (value: unknown) =>
    createHmac('sha256', 'of the provider').update(JSON.stringify(value)).digest('base64')
  const thought = { thinking: 'First I look – «ü» – then I leap. 😀' }
  const call = { name: 'read', args: { path: '/é/1.0' } }

  /** What a model says before it wants a tool, signed, and how a client repeats it in the next request. */
  const SIGNED: Readonly<
    Record<string, Readonly<{ wire: Dialect['name']; body: object; signed: object }>>
  > = {
    'anthropic messages': (() => {
      const signed = { type: 'thinking', ...thought, signature: sign(thought) }
      const body = {
        model: 'claude-opus-5-5',
        max_tokens: 1024,
        messages: [
          { role: 'user', content: 'What is my favourite film?' },
          {
            role: 'assistant',
            content: [signed, { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }],
          },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }],
          },
        ],
      }
      return { wire: 'anthropic messages', body, signed }
    })(),
    gemini: (() => {
      const signed = { functionCall: call, thoughtSignature: sign(call) }
      const body = {
        contents: [
          { role: 'user', parts: [{ text: 'What is my favourite film?' }] },
          { role: 'model', parts: [signed] },
          {
            role: 'user',
            parts: [{ functionResponse: { name: 'read', response: { output: 'x' } } }],
          },
        ],
      }
      return { wire: 'gemini', body, signed }
    })(),
    'openai responses': (() => {
      const signed = {
        type: 'reasoning',
        id: 'rs_1',
        summary: [],
        encrypted_content: sign(thought),
      }
      const body = {
        model: 'gpt-5.6',
        store: false,
        input: [
          { role: 'user', content: 'What is my favourite film?' },
          signed,
          { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{}' },
          { type: 'function_call_output', call_id: 'call_1', output: 'x' },
        ],
      }
      return { wire: 'openai responses', body, signed }
    })(),
  }

  for (const [name, { wire, body, signed }] of Object.entries(SIGNED)) {
    test(`${name}: the signed block comes back as it was signed`, async () => {
      upstream.clear()
      await send(dialect(wire), JSON.stringify(body))
      const received = String(upstream.requests[0]!.body)
      expect(received).toContain(JSON.stringify(signed))
      // In a tool loop the human's turn keeps its memory, and no second one is added.
      expect(received.split(OPENING_TAG).length - 1).toBeLessThanOrEqual(1)
    })
  }
})
