import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Embedder } from '../memory/ports.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import { cosine } from './vector.ts'

/** What every embedder must do, whatever text it meets. */
export function testEmbedder(name: string, open: () => Embedder) {
  describe(`${name}: Embedder`, () => {
    let embedder: Embedder
    beforeAll(async () => {
      embedder = open()
      await embedder.whenLoaded()
    })
    afterAll(() => embedder.close())

    test('is ready once it has loaded', () => {
      expect(embedder.state()).toEqual({ status: 'ready' })
      expect(embedder.model.name).toBe(name)
      expect(embedder.model.fingerprint).toMatch(/sha256:[0-9a-f]{16}/)
    })

    const readable: [string, string][] = [
      ['a word', 'x'],
      ['accents and scripts', 'naïve café, Ünïcödé, ЖЖ, かな, 東京'],
      ['Chinese', '我喜欢用制表符缩进代码'],
      ['NUL and control characters', 'tabs\0 over\u0007 spaces\u200b'],
      ['lone surrogates', 'tabs \ud800 over \udfff spaces'],
      ['a megabyte', 'User prefers tabs over spaces. '.repeat(34_000)],
      ['words after much space', `${' '.repeat(5_000)}tabs over spaces`],
      ['the names of special tokens', 'what [SEP] and [CLS] mean'],
    ]
    test.each(readable)('%s: a unit vector', async (_, text) => {
      const asQuery = await embedder.embedQuery(text)
      const [asDocument] = await embedder.embedDocuments([text])
      for (const vector of [asQuery, asDocument!]) {
        expect(vector).toBeInstanceOf(Float32Array)
        expect(vector).toHaveLength(embedder.model.dimensions)
        expect(Math.hypot(...vector)).toBeCloseTo(1, 4)
      }
    })

    const unreadable: [string, string][] = [
      ['an empty text', ''],
      ['spaces', ' \n\t '],
      ['punctuation', '?! -- …'],
      ['emoji', '🙂🎉👩‍👩‍👧'],
      ['NUL', '\0\0'],
      ['a lone surrogate', '\ud83d'],
      ['a megabyte of dots', '.'.repeat(1_000_000)],
      ['special tokens', '[CLS] [PAD] [SEP]'],
      ['10,000 characters without a space', 'aGVsbG8'.repeat(1_429)],
    ]
    test.each(unreadable)('%s: nothing to embed', async (_, text) => {
      expect(await embedder.embedDocuments([text])).toEqual([null])
      expect(await rejectionOf(embedder.embedQuery(text))).toMatchObject({
        name: 'EngramError',
        code: 'unavailable',
      })
    })

    test('documents keep their order, with null where there is nothing', async () => {
      const texts = ['I drink tea.', '…', 'My dog is called Rex.', '', 'I live in Oslo.']
      const vectors = await embedder.embedDocuments(texts)
      expect(vectors.map((vector) => vector !== null)).toEqual([true, false, true, false, true])
      for (const i of [0, 2, 4]) {
        expect(cosine(vectors[i]!, await embedder.embedQuery(texts[i]!))).toBeCloseTo(1, 5)
      }
      expect(await embedder.embedDocuments([])).toEqual([])
    })

    test('a text has one vector, whatever was embedded beside it', async () => {
      const text = 'I switched from npm to pnpm.'
      const [alone] = await embedder.embedDocuments([text])
      const among = await embedder.embedDocuments(['Another, longer sentence.', text, 'short'])
      expect(among[1]).toEqual(alone!)
    })

    test('what is alike is nearer than what is not', async () => {
      const query = await embedder.embedQuery('Which foods should we avoid at dinner?')
      const [near, far] = await embedder.embedDocuments([
        "I'm allergic to peanuts.",
        'The build runs on a Raspberry Pi.',
      ])
      expect(cosine(query, near!)).toBeGreaterThan(cosine(query, far!))
    })

    test('a call that was cancelled before it began does nothing', async () => {
      const signal = AbortSignal.abort(new Error('no longer wanted'))
      expect(await rejectionOf(embedder.embedQuery('tea', signal))).toBe(signal.reason)
      expect(await rejectionOf(embedder.embedDocuments(['tea'], signal))).toBe(signal.reason)
    })

    test('after close it says so, and refuses', async () => {
      const closing = open()
      await closing.whenLoaded()
      await closing.close()
      await closing.close()
      expect(closing.state()).toEqual({ status: 'failed', reason: 'it was closed' })
      const refusal = { code: 'unavailable', message: expect.stringContaining('it was closed') }
      expect(await rejectionOf(closing.embedQuery('tea'))).toMatchObject(refusal)
      expect(await rejectionOf(closing.embedDocuments(['tea']))).toMatchObject(refusal)
    })
  })
}
