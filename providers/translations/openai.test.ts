import { describe, expect, test } from 'bun:test'
import { openaiChat } from './openai.ts'
import { ASKED, readFixture, stream, testChatStream } from './stream.contract.ts'

testChatStream(openaiChat, ['openai-text.sse', 'openai-tools.sse'])

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('openai-chat', () => {
  test('a request passes as it is, unknown fields included', () => {
    const body = { ...ASKED, top_k: 4, messages: [{ role: 'oracle', content: 'Hm' }] }
    const request = openaiChat.toRequest(body)
    expect(request.path).toBe('/chat/completions')
    expect(request.body).toBe(body as never)
    expect(request.dropped).toEqual([])
  })

  test('a complete answer passes as it is', () => {
    const answer = { id: 'x', choices: [{ message: { content: 'Hi' } }], extra: 1 }
    expect(openaiChat.toCompletion(answer, ASKED)).toBe(answer as never)
  })

  for (const answer of [null, 'text', [], {}, { choices: 'none' }]) {
    test(`${JSON.stringify(answer)} is no answer`, () => {
      expect(() => openaiChat.toCompletion(answer, ASKED)).toThrow('has no `choices`')
    })
  }

  test('the very bytes are forwarded and the reply is collected', async () => {
    const bytes = await readFixture('openai-text.sse')
    const open = openaiChat.createStream(ASKED)
    const { bytes: forwarded, done } = open.push(bytes)
    expect(forwarded).toBe(bytes)
    expect(done).toBe(true)
    expect(open.end()).toEqual({ bytes: new Uint8Array(), complete: true })
    expect(open.reply()).toEqual({
      text: 'Grüße aus Zürich 🏔️',
      truncated: false,
      toolCalls: 0,
      finishReason: 'stop',
      usage: {
        prompt_tokens: 1210,
        completion_tokens: 7,
        total_tokens: 1217,
        prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      } as never,
      model: 'gpt-4o-mini-2024-07-18',
      id: 'chatcmpl-CfA1',
      error: null,
    })
  })

  test('parallel tool calls are counted once each', async () => {
    const { reply } = stream(openaiChat, ASKED, [await readFixture('openai-tools.sse')])
    expect(reply.toolCalls).toBe(2)
    expect(reply.finishReason).toBe('tool_calls')
  })

  test('`done` is said with the chunk that ends in [DONE], and only there', () => {
    const open = openaiChat.createStream(ASKED)
    const pieces = ['data: {"choices":[]}\n\ndata: [DO', 'NE]\n', '\n', ': bye\n\n']
    expect(pieces.map((piece) => open.push(bytesOf(piece)).done)).toEqual([
      false,
      false,
      true,
      false,
    ])
  })

  test('a stream that breaks off is forwarded as far as it came and not complete', async () => {
    const text = Buffer.from(await readFixture('openai-text.sse')).toString()
    const bytes = Buffer.from(text.slice(0, text.indexOf('"finish_reason":"stop"')))
    const outcome = stream(openaiChat, ASKED, [bytes])
    expect(outcome.sent).toBe(bytes.toString())
    expect(outcome.complete).toBe(false)
  })

  test('a server that gives a reason to finish and closes without [DONE] has said everything', async () => {
    const bytes = (await readFixture('openai-text.sse')).slice(0, -'data: [DONE]\n\n'.length)
    const outcome = stream(openaiChat, ASKED, [bytes])
    expect(outcome.sent).toBe(Buffer.from(bytes).toString())
    expect({ complete: outcome.complete, dones: outcome.dones }).toEqual({
      complete: true,
      dones: 0,
    })
  })

  test('a frame that is not JSON passes; the reply says that it has a gap', () => {
    const sent =
      'data: {"choices":[{"index":0,"delta":{"content":"one "}}]}\n\n' +
      'data: {oops\n\n' +
      'data: {"choices":[{"index":0,"delta":{"content":"three"},"finish_reason":"stop"}]}\n\n' +
      'data: [DONE]\n\n'
    const outcome = stream(openaiChat, ASKED, [bytesOf(sent)])
    expect(outcome.sent).toBe(sent)
    expect(outcome.reply).toMatchObject({ text: 'one three', truncated: true })
    expect(outcome.complete).toBe(true)
  })

  test('a line beyond all bounds ends the collecting, not the forwarding', () => {
    const open = openaiChat.createStream(ASKED)
    const piece = bytesOf('x'.repeat(9 * 1024 * 1024))
    const last = bytesOf('data: [DONE]\n\n')
    const pieces = [bytesOf('data: '), piece, piece, bytesOf('\n\n'), last]
    expect(pieces.map((bytes) => open.push(bytes).bytes)).toEqual(pieces)
    expect(open.reply().truncated).toBe(true)
    expect(open.end().complete).toBe(false)
  })

  test('an error inside the stream passes, is reported and leaves it incomplete', () => {
    const sent =
      'data: {"error":{"message":"Out of memory","type":"server_error"}}\n\ndata: [DONE]\n\n'
    const outcome = stream(openaiChat, ASKED, [bytesOf(sent)])
    expect(outcome.sent).toBe(sent)
    expect(outcome.complete).toBe(false)
    expect(outcome.reply.error).toMatchObject({ message: 'Out of memory', type: 'server_error' })
  })

  test('of several choices the first is collected', () => {
    const choices = [
      { index: 1, delta: { content: 'second' } },
      { index: 0, delta: { content: 'first' } },
    ]
    const sent = `data: ${JSON.stringify({ choices })}\n\n`
    expect(stream(openaiChat, ASKED, [bytesOf(sent)]).reply.text).toBe('first')
  })
})
