/** What users complain about in other proxies, as far as it is about streams. */
import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { DIALECTS, type Dialect, dialect } from '../rig/dialects.ts'
import { valuesOf } from '../rig/http-message.ts'
import { connectRaw, type RawAnswer } from '../rig/raw-client.ts'
import { type Exchange, openRawUpstream } from '../rig/raw-upstream.ts'
import { startRig } from '../rig/start.ts'

const upstream = await openRawUpstream(({ reset }) => reset())
const rig = await startRig({ upstream: upstream.url })
afterAll(async () => {
  await rig.stop()
  await upstream.stop()
})

const CHUNKED = ['Transfer-Encoding', 'chunked'] as const

/** Asks for a stream. @returns the answer, as soon as it begins */
async function ask(asked: Dialect, question = 'Hello?'): Promise<RawAnswer & { close(): void }> {
  const client = await connectRaw(rig.url)
  const body = JSON.stringify(asked.body([{ role: 'user', text: question }], true))
  client.request('POST', asked.path(true), [['Content-Type', 'application/json'], asked.key], body)
  return { ...(await client.answer()), close: client.close }
}

/** A script that answers a stream, frame by frame. */
const streaming =
  (asked: Dialect, frames: readonly string[]) =>
  async ({ head, chunk, lastChunk }: Exchange) => {
    await head(200, [['Content-Type', asked.streamType], CHUNKED])
    for (const frame of frames) await chunk(frame)
    await lastChunk()
  }

type Turn = Readonly<{ role: string; content: string; truncated: boolean }>

/** The assistant's turn of the exchange, as it was kept. */
async function keptTurn({ headers }: RawAnswer): Promise<Turn | undefined> {
  await rig.settled()
  const [id] = valuesOf(headers, 'x-engram-conversation-id')
  const { turns } = await rig.rest<{ turns: Turn[] }>('GET', `/conversations/${id}`)
  return turns.findLast(({ role }) => role === 'assistant')
}

const keptAnswer = async (answer: RawAnswer) => (await keptTurn(answer))?.content

const PIECES = ['Grüße ', 'aus Zürich ', '🏔️ und ', '日本', ' – tschüss!'] as const
const WORDS = PIECES.join('')

describe('3. multibyte characters split across chunks become U+FFFD', () => {
  for (const asked of DIALECTS) {
    test(`${asked.name}: one byte a packet arrives whole, and is kept whole`, async () => {
      const sent = asked.frames(PIECES).join('')
      upstream.play(async ({ head, sendByteByByte, close }) => {
        await head(200, [['Content-Type', asked.streamType]])
        await sendByteByByte(sent)
        close()
      })
      const answer = await ask(asked, `Greet me, ${asked.name}.`)
      expect(String(await answer.body())).toBe(sent)
      expect(await keptAnswer(answer)).toBe(WORDS)
    })
  }
})

describe('6. stream cut after 10 s of silence', () => {
  // Silences of 40 seconds are in bench/nightly.ts.
  test('a request whose sender is known is never timed out, nor is what we ask the provider', async () => {
    const keepOpen = spyOn(rig.daemon.services, 'keepOpen')
    const fetched = spyOn(globalThis, 'fetch')
    try {
      for (const asked of DIALECTS) {
        upstream.play(streaming(asked, asked.frames(PIECES)))
        keepOpen.mockClear()
        fetched.mockClear()
        await (await ask(asked)).body()
        expect(keepOpen).toHaveBeenCalled()
        const [, options] = fetched.mock.calls.find(([url]) =>
          String(url).startsWith(upstream.url),
        )!
        expect(options).toMatchObject({ timeout: false })
      }
    } finally {
      keepOpen.mockRestore()
      fetched.mockRestore()
    }
  })
})

describe('7. stream buffered, tokens arrive at once', () => {
  for (const asked of DIALECTS) {
    test(`${asked.name}: no frame waits for the next`, async () => {
      const frames = asked.frames(PIECES)
      // The next frame is sent only when the one before has arrived: what holds one back would wait for ever.
      const arrived = frames.map(() => Promise.withResolvers<void>())
      upstream.play(async ({ head, chunk, lastChunk }) => {
        await head(200, [['Content-Type', asked.streamType], CHUNKED])
        for (const [i, frame] of frames.entries()) {
          await chunk(frame)
          await arrived[i]!.promise
        }
        await lastChunk()
      })
      const answer = await ask(asked)
      let received = ''
      let expected = ''
      let seen = 0
      for await (const piece of answer.pieces) {
        received += Buffer.from(piece).toString('latin1')
        const whole = expected + Buffer.from(frames[seen] ?? '').toString('latin1')
        if (received.length < whole.length) continue
        expect(received).toBe(whole)
        expected = whole
        arrived[seen++]!.resolve()
      }
      expect(seen).toBe(frames.length)
    })
  }
})

describe('8. first token late', () => {
  // How late in milliseconds is printed by `npm run bench:proxy`, which also looks for a step near 40 ms.
  for (const asked of DIALECTS) {
    test(`${asked.name}: head and first frame arrive while the rest is not even written`, async () => {
      const [first = '', ...rest] = asked.frames(PIECES)
      const seen = Promise.withResolvers<void>()
      upstream.play(async ({ head, chunk, lastChunk }) => {
        await head(200, [['Content-Type', asked.streamType], CHUNKED])
        await chunk(first)
        await seen.promise
        for (const frame of rest) await chunk(frame)
        await lastChunk()
      })
      const answer = await ask(asked)
      let received = ''
      while (received.length < first.length) {
        received += String((await answer.pieces.next()).value)
      }
      expect(received).toBe(first)
      seen.resolve()
      await answer.body()
    })
  }
})

describe('9. upstream dies mid-stream, client sees success', () => {
  for (const asked of DIALECTS) {
    test(`${asked.name}: a stream that breaks off breaks off, and nothing is learned of it`, async () => {
      const all = asked.frames(PIECES)
      const until = all
        .slice(
          0,
          all.findIndex((frame) => frame.includes('日本')),
        )
        .join('')
      upstream.play(async ({ head, chunk, reset, request }) => {
        expect(request.method).toBe('POST')
        await head(200, [['Content-Type', asked.streamType], CHUNKED])
        await chunk(until)
        await settledAtClient.promise
        reset()
      })
      const settledAtClient = Promise.withResolvers<void>()
      const answer = await ask(asked, `Greet me, for the last time, ${asked.name}.`)
      let received = ''
      const reading = (async () => {
        for await (const piece of answer.pieces) {
          received += Buffer.from(piece).toString('latin1')
          if (received.length === Buffer.byteLength(until)) settledAtClient.resolve()
        }
      })()
      await expect(reading).rejects.toThrow('the connection ended')
      expect(Buffer.from(received, 'latin1').toString()).toBe(until)
      const turn = await keptTurn(answer)
      expect(turn).toMatchObject({ truncated: true })
      expect(WORDS).toStartWith(turn!.content)
      expect((await rig.memories()).join()).not.toContain('Zürich')
    })

    test(`${asked.name}: a whole answer that breaks off is no success`, async () => {
      const whole = JSON.stringify(asked.whole(WORDS))
      upstream.play(async ({ send, reset }) => {
        await send(
          `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(whole)}\r\n\r\n${whole.slice(0, 40)}`,
        )
        reset()
      })
      const body = asked.body([{ role: 'user', text: 'Hello?' }], false)
      const outcome = await fetch(rig.url + asked.path(false), {
        method: 'POST',
        headers: { 'content-type': 'application/json', [asked.key[0]]: asked.key[1] },
        body: JSON.stringify(body),
      }).then(
        async (answer) =>
          answer.ok
            ? answer.text().then(
                () => 'success',
                () => 'broken',
              )
            : 'error',
        () => 'broken',
      )
      expect(outcome).not.toBe('success')
    })
  }
})

/** Two calls at once, a call without arguments, empty deltas, and one without its index. */
const TOOL_FRAMES: Readonly<Partial<Record<Dialect['name'], readonly string[]>>> = {
  'openai chat': (() => {
    const frame = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-5.5', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
    const call = (index: number, more: object) => frame({ tool_calls: [{ index, ...more }] })
    return [
      frame({ role: 'assistant', content: null }),
      call(0, { id: 'call_a', type: 'function', function: { name: 'read', arguments: '' } }),
      call(1, { id: 'call_b', type: 'function', function: { name: 'write', arguments: '' } }),
      frame({}),
      call(0, { function: { arguments: '{"path":' } }),
      call(1, { function: { arguments: '{"text":"ü' } }),
      call(0, { function: { arguments: '"/é"}' } }),
      frame({ content: '' }),
      call(1, { function: { arguments: '😀"}' } }),
      frame({}, 'tool_calls'),
      'data: [DONE]\n\n',
    ]
  })(),
  'anthropic messages': (() => {
    const frame = (type: string, more: object) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`
    const start = (index: number, id: string, name: string) =>
      frame('content_block_start', {
        index,
        content_block: { type: 'tool_use', id, name, input: {} },
      })
    const json = (index: number, partial_json: string) =>
      frame('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } })
    return [
      frame('message_start', {
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'claude-opus-5-5',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 9, output_tokens: 1 },
        },
      }),
      start(0, 'toolu_a', 'read'),
      json(0, ''),
      json(0, '{"path":'),
      frame('ping', {}),
      json(0, '"/é"}'),
      frame('content_block_stop', { index: 0 }),
      start(1, 'toolu_b', 'now'),
      frame('content_block_stop', { index: 1 }),
      frame('message_delta', {
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 9 },
      }),
      frame('message_stop', {}),
    ]
  })(),
}

describe('12. tool-call deltas merged, re-indexed or dropped', () => {
  for (const [name, frames] of Object.entries(TOOL_FRAMES)) {
    test(`${name}: arrive byte for byte`, async () => {
      const asked = dialect(name as Dialect['name'])
      upstream.play(streaming(asked, frames))
      expect(String(await (await ask(asked)).body())).toBe(frames.join(''))
    })
  }

  test('a delta without its index arrives as it is', async () => {
    const asked = dialect('openai chat')
    const frames = [
      'data: {"choices":[{"delta":{"tool_calls":[{"id":"call_a","function":{"name":"read","arguments":"{}"}}]}}]}\n\n',
      'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n',
    ]
    upstream.play(streaming(asked, frames))
    expect(String(await (await ask(asked)).body())).toBe(frames.join(''))
  })

  test('the openai library puts the same message together as without us', async () => {
    upstream.play(streaming(dialect('openai chat'), TOOL_FRAMES['openai chat']!))
    const assemble = (baseURL: string) =>
      new OpenAI({ baseURL, apiKey: 'sk-client', maxRetries: 0 }).chat.completions
        .stream({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello?' }] })
        .finalChatCompletion()
    const [direct, via] = [await assemble(`${upstream.url}/v1`), await assemble(`${rig.url}/v1`)]
    expect(via).toEqual(direct)
    expect(via.choices[0]!.message.tool_calls).toHaveLength(2)
  })

  test('the anthropic library puts the same message together as without us', async () => {
    upstream.play(streaming(dialect('anthropic messages'), TOOL_FRAMES['anthropic messages']!))
    const assemble = (baseURL: string) =>
      new Anthropic({ baseURL, apiKey: 'sk-ant-client', maxRetries: 0 }).messages
        .stream({
          model: 'claude-opus-5-5',
          max_tokens: 1024,
          messages: [{ role: 'user', content: 'Hello?' }],
        })
        .finalMessage()
    const [direct, via] = [await assemble(upstream.url), await assemble(rig.url)]
    expect(via.content).toEqual(direct.content)
    expect(via.content).toHaveLength(2)
  })
})

describe('17. keep-alive comments or missing pings break clients', () => {
  const KEEP_ALIVE = [': keep-alive\n\n', ':\r\n\r\n', 'event: ping\ndata: {"type":"ping"}\n\n']
  for (const asked of DIALECTS.filter(({ streamType }) => streamType.includes('event-stream'))) {
    test(`${asked.name}: frames through us are the provider’s, none more and none less`, async () => {
      const frames = asked.frames(PIECES).flatMap((frame, i) => [KEEP_ALIVE[i % 3]!, frame])
      upstream.play(streaming(asked, frames))
      const answer = await ask(asked, `Ping me, ${asked.name}.`)
      expect(String(await answer.body())).toBe(frames.join(''))
      expect(await keptAnswer(answer)).toBe(WORDS)
    })
  }
})

test('streams at the same time never mix', async () => {
  const asked = dialect('openai chat')
  upstream.play(async (exchange) => {
    const { messages } = JSON.parse(String(exchange.request.body))
    const name = String(messages.at(-1).content).slice(0, 9)
    await streaming(asked, asked.frames([name, ...PIECES]))(exchange)
  })
  const answers = await Promise.all(
    Array.from({ length: 32 }, async (_, i) => {
      const name = `stream ${String(i).padStart(2, '0')}`
      return { name, body: String(await (await ask(asked, name)).body()) }
    }),
  )
  for (const { name, body } of answers) {
    expect(body).toBe(asked.frames([name, ...PIECES]).join(''))
  }
})
