import { describe, expect, test } from 'bun:test'
import type { Scope } from '../../memory/memory.ts'
import { MAX_ATTEMPTS } from '../jobs.ts'
import { sql } from '../sql.ts'
import type { Unembedded } from '../vectors.ts'
import {
  BY,
  embedAll,
  exchange,
  fillAll,
  MINUTE,
  MODEL,
  newTurns,
  type Open,
  START,
  useStore,
  vectorOf,
} from './fixture.ts'

export function testVectors(dialect: string, open: Open) {
  describe(`${dialect}: vectors`, () => {
    const bench = useStore(open)

    const add = async (scope: Scope, content: string) =>
      (await bench.store.memories.add(scope, { content }, BY)).memory
    const claim = (limit = 10) => bench.store.vectors.claimTexts(limit, MINUTE)
    const save = (modelId: number, texts: readonly Unembedded[], components?: Int8Array | null) =>
      bench.store.vectors.save(
        modelId,
        texts.map(({ text, ...claimed }) => ({
          ...claimed,
          components: components === undefined ? vectorOf(text) : components,
        })),
      )
    const coverage = (modelId: number) => bench.store.vectors.coverage(modelId)

    test('a model is known by its fingerprint', async () => {
      const { vectors } = bench.store
      const first = await vectors.ensureModel(MODEL)
      expect(await vectors.ensureModel({ ...MODEL, name: 'renamed' })).toBe(first)
      expect(await vectors.ensureModel({ ...MODEL, fingerprint: 'test:2' })).not.toBe(first)
    })

    test('texts wait from the moment they are stored, oldest first, each claimed once', async () => {
      const scope = await bench.scope()
      for (const content of ['one', 'two', 'three']) {
        bench.clock.at += 1
        await add(scope, content)
      }
      const [first, second] = await claim(2)
      expect(first).toEqual({
        jobId: expect.stringMatching(/^job_/),
        fence: 1,
        kind: 'memory',
        seq: expect.any(Number),
        namespaceId: expect.any(Number),
        text: 'one',
      })
      expect(second!.text).toBe('two')
      expect((await claim()).map(({ text }) => text)).toEqual(['three'])
      expect(await claim()).toEqual([])
      bench.clock.at += MINUTE
      expect((await claim()).map(({ text, fence }) => [text, fence])).toEqual([
        ['one', 2],
        ['two', 2],
        ['three', 2],
      ])
    })

    test('a turn of somebody named is embedded with the end of what it answers, others alone', async () => {
      const scope = await bench.scope()
      const turns = newTurns([`${'x'.repeat(1_000)}end?`, 'Green.', 'Thanks'])
      await bench.store.conversations.record(
        exchange(scope, [], {
          turns: [turns[0]!, { ...turns[1]!, speaker: 'Bob' }, turns[2]!],
        }),
      )
      await bench.store.conversations.record(
        exchange(scope, ['y'.repeat(20_000)], { conversationId: 'conv_2' }),
      )
      const texts = (await claim()).map(({ text, kind }) => `${kind}: ${text}`)
      expect(texts).toEqual([
        `turn: ${'x'.repeat(1_000)}end?`,
        `turn: user: ${'x'.repeat(296)}end?\nBob: Green.`,
        'turn: Thanks',
        `turn: ${'y'.repeat(8_000)}`,
      ])
    })

    test('a saved vector closes its job and is counted', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await add(scope, 'one')
      await add(scope, 'two')
      expect(await coverage(modelId)).toEqual({ embedded: 0, total: 2 })
      await save(modelId, await claim(1))
      expect(await coverage(modelId)).toEqual({ embedded: 1, total: 2 })
      expect(await embedAll(bench, modelId)).toBe(1)
      expect(await coverage(modelId)).toEqual({ embedded: 2, total: 2 })
      expect(await bench.count('jobs')).toBe(0)
    })

    test('a text with nothing to embed counts as done, and is not asked for again', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await add(scope, '…')
      await save(modelId, await claim(), null)
      expect(await coverage(modelId)).toEqual({ embedded: 1, total: 1 })
      expect(await fillAll(bench, modelId)).toEqual([])
      const model = { id: modelId, dimensions: MODEL.dimensions }
      const { searched, memories } = await bench.recall.search(
        scope,
        {
          text: 'x',
          vector: new Float32Array(MODEL.dimensions).fill(0.25),
          now: START,
          limit: 5,
          exceptConversation: null,
        },
        model,
      )
      expect(searched.memory).toBe(1)
      expect(memories).toEqual([])
    })

    test('a vector of another length is refused with its batch', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await add(scope, 'one')
      const texts = await claim()
      for (const length of [1, MODEL.dimensions - 1, MODEL.dimensions * 2]) {
        const wrong = save(modelId, texts, new Int8Array(length))
        await expect(wrong).rejects.toMatchObject({ code: 'invalid' })
      }
      expect(await bench.count('vectors')).toBe(0)
      await save(modelId, texts)
      expect(await bench.count('vectors')).toBe(1)
    })

    test('a view into a larger buffer is stored as the view alone', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await add(scope, 'one')
      const batch = new Int8Array(3 * MODEL.dimensions).fill(9)
      batch.set(vectorOf('one'), MODEL.dimensions)
      const view = batch.subarray(MODEL.dimensions, 2 * MODEL.dimensions)
      await save(modelId, await claim(), view)
      const rows = await bench.database.read((db) =>
        db.all<{ components: Uint8Array }>(sql`select components from vectors`),
      )
      const { buffer, byteOffset, byteLength } = rows[0]!.components
      expect(new Int8Array(buffer, byteOffset, byteLength)).toEqual(vectorOf('one'))
    })

    test('a stale claim is dropped', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await add(scope, 'one')
      const stale = await claim()
      bench.clock.at += MINUTE
      const fresh = await claim()
      await save(modelId, stale)
      expect(await bench.count('vectors')).toBe(0)
      await save(modelId, fresh)
      expect(await bench.count('vectors')).toBe(1)
      await save(modelId, fresh)
      expect(await coverage(modelId)).toEqual({ embedded: 1, total: 1 })
    })

    test('new words drop the old vector and queue a new one', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      const { id } = await add(scope, 'one')
      await embedAll(bench, modelId)
      const { memories } = bench.store
      await memories.change(scope.userId, id, { pinned: true }, BY)
      expect(await coverage(modelId)).toEqual({ embedded: 1, total: 1 })
      expect(await claim()).toEqual([])
      await memories.change(scope.userId, id, { content: 'two' }, BY)
      expect(await coverage(modelId)).toEqual({ embedded: 0, total: 1 })
      expect((await claim()).map(({ text }) => text)).toEqual(['two'])
    })

    test('a text that changes many times before it is embedded waits once', async () => {
      const scope = await bench.scope()
      const { id } = await add(scope, 'one')
      for (const content of ['two', 'three', 'four']) {
        await bench.store.memories.change(scope.userId, id, { content }, BY)
      }
      expect((await bench.store.jobs.counts()).embed.queued).toBe(1)
      expect((await claim()).map(({ text }) => text)).toEqual(['four'])
    })

    test('a vector that was being made of the old words is dropped', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      const { id } = await add(scope, 'one')
      const old = await claim()
      await bench.store.memories.change(scope.userId, id, { content: 'two' }, BY)
      await save(modelId, old)
      expect(await coverage(modelId)).toEqual({ embedded: 0, total: 1 })
      const fresh = await claim()
      expect(fresh.map(({ text }) => text)).toEqual(['two'])
      await save(modelId, fresh)
      expect(await coverage(modelId)).toEqual({ embedded: 1, total: 1 })
    })

    test('a vector of what was removed meanwhile leaves nothing', async () => {
      const scope = await bench.scope()
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      const { id } = await add(scope, 'one')
      await bench.store.conversations.record(exchange(scope, ['a']))
      const texts = await claim()
      expect(texts).toHaveLength(2)
      await bench.store.memories.remove(scope.userId, id, BY)
      await bench.store.conversations.remove(scope.userId, 'conv_1')
      await save(modelId, texts)
      expect(await bench.count('vectors')).toBe(0)
      expect(await bench.count('jobs')).toBe(0)
      expect(await coverage(modelId)).toEqual({ embedded: 0, total: 0 })
    })

    test('a new model begins without vectors, and those of the old one stay', async () => {
      const scope = await bench.scope()
      const { vectors } = bench.store
      const old = await vectors.ensureModel(MODEL)
      await add(scope, 'one')
      await add(scope, 'two')
      await bench.store.conversations.record(exchange(scope, ['a', 'b']))
      await embedAll(bench, old)
      expect(await fillAll(bench, old)).toEqual([])
      const fresh = await vectors.ensureModel({ ...MODEL, fingerprint: 'test:2' })
      expect(await coverage(fresh)).toEqual({ embedded: 0, total: 4 })
      expect(await fillAll(bench, fresh, { span: 1 })).toEqual(['one', 'two', 'a', 'b'])
      expect(await fillAll(bench, fresh)).toEqual([])
      expect(await coverage(fresh)).toEqual({ embedded: 4, total: 4 })
      expect(await coverage(old)).toEqual({ embedded: 4, total: 4 })
    })

    test('a text that was given up is tried again when that is asked for', async () => {
      const scope = await bench.scope()
      const { vectors, jobs } = bench.store
      const modelId = await vectors.ensureModel(MODEL)
      await add(scope, 'one')
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const [text] = await claim()
        await jobs.fail(text!.jobId, text!.fence, 'the embedder is down', bench.clock.at)
      }
      expect(await claim()).toEqual([])
      expect((await jobs.counts()).embed).toMatchObject({ queued: 0, dead: 1 })
      expect(await vectors.retryGivenUp()).toBe(1)
      expect(await embedAll(bench, modelId)).toBe(1)
    })

    test('a text that ends its embedder again and again is given up', async () => {
      const scope = await bench.scope()
      await add(scope, 'one')
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        expect(await claim()).toHaveLength(1)
        bench.clock.at += MINUTE
      }
      expect(await claim()).toEqual([])
      expect((await bench.store.jobs.counts()).embed.dead).toBe(1)
    })

    test('new words of a text that was given up are tried', async () => {
      const scope = await bench.scope()
      const { id } = await add(scope, 'one')
      const [text] = await claim()
      await bench.store.jobs.fail(text!.jobId, text!.fence, 'cannot be read', null)
      await bench.store.memories.change(scope.userId, id, { content: 'two' }, BY)
      expect((await claim()).map(({ text }) => text)).toEqual(['two'])
    })
  })
}
