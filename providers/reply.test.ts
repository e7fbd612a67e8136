import { describe, expect, test } from 'bun:test'
import { replyOf } from './openai-answer.ts'
import { createReplyCollector, MAX_REPLY_BYTES } from './reply.ts'

const EMPTY = {
  text: '',
  truncated: false,
  toolCalls: 0,
  finishReason: null,
  usage: null,
  model: null,
  id: null,
  error: null,
}

describe('createReplyCollector', () => {
  test('text is cut before the character that would pass the cap', () => {
    const collector = createReplyCollector()
    collector.addText('x'.repeat(MAX_REPLY_BYTES - 3))
    expect(collector.reply().truncated).toBe(false)
    collector.addText('🏔️ and more')
    collector.addText('still more')
    const { text, truncated } = collector.reply()
    expect(text).toBe('x'.repeat(MAX_REPLY_BYTES - 3))
    expect(truncated).toBe(true)
  })

  test('text of exactly the cap is whole', () => {
    const collector = createReplyCollector()
    collector.addText('ä'.repeat(MAX_REPLY_BYTES / 2))
    collector.addText('')
    expect(collector.reply()).toEqual({ ...EMPTY, text: 'ä'.repeat(MAX_REPLY_BYTES / 2) })
  })
})

describe('replyOf', () => {
  test('reads the first choice of a completion', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
    const message = { content: 'Hi', tool_calls: [{ id: 'a' }, { id: 'b' }] }
    const choices = [{ message, finish_reason: 'tool_calls' }, { message: { content: 'no' } }]
    expect(replyOf({ choices, usage, model: 'm' })).toEqual({
      ...EMPTY,
      text: 'Hi',
      toolCalls: 2,
      finishReason: 'tool_calls',
      usage,
      model: 'm',
    })
  })

  test('a refusal is what was said', () => {
    expect(replyOf({ choices: [{ message: { content: null, refusal: 'No.' } }] }).text).toBe('No.')
  })

  test('a careless answer reads as empty', () => {
    for (const answer of [
      null,
      'x',
      [],
      {},
      { choices: {} },
      { choices: [null] },
      { choices: [{ message: 1 }] },
    ]) {
      expect(replyOf(answer)).toEqual(EMPTY)
    }
  })
})
