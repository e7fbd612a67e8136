import { expect, test } from 'bun:test'
import { EngramError } from '../memory/errors.ts'
import type { Embedder } from '../memory/ports.ts'
import { cacheQueries } from './cache.ts'

/** Counts what reaches it; its vector is the text's length. */
function createCounter() {
  const asked: string[] = []
  const embedder: Embedder = {
    model: { name: 'counter', fingerprint: 'counter', dimensions: 1 },
    state: () => ({ status: 'ready' }),
    whenLoaded: async () => {},
    embedQuery: async (text) => {
      asked.push(text)
      if (text === 'bad') throw new EngramError('unavailable', 'nothing to embed')
      return Float32Array.of(text.length)
    },
    embedDocuments: async (texts) => texts.map((text) => Float32Array.of(text.length)),
    close: async () => {},
  }
  return { asked, embedder }
}

test('a query is embedded once', async () => {
  const { asked, embedder } = createCounter()
  const cached = cacheQueries(embedder)
  expect(await cached.embedQuery('tea')).toEqual(Float32Array.of(3))
  expect(await cached.embedQuery('tea')).toEqual(Float32Array.of(3))
  expect(asked).toEqual(['tea'])
})

test('what a caller does to its vector stays with the caller', async () => {
  const cached = cacheQueries(createCounter().embedder)
  const first = await cached.embedQuery('tea')
  first[0] = 99
  expect(await cached.embedQuery('tea')).toEqual(Float32Array.of(3))
})

test('the query used longest ago goes first', async () => {
  const { asked, embedder } = createCounter()
  const cached = cacheQueries(embedder, { entries: 2 })
  for (const text of ['a', 'b', 'a', 'c', 'a', 'b']) await cached.embedQuery(text)
  expect(asked).toEqual(['a', 'b', 'c', 'b'])
})

test('failures are not remembered', async () => {
  const { asked, embedder } = createCounter()
  const cached = cacheQueries(embedder)
  await expect(cached.embedQuery('bad')).rejects.toThrow('nothing to embed')
  await expect(cached.embedQuery('bad')).rejects.toThrow('nothing to embed')
  expect(asked).toEqual(['bad', 'bad'])
})

test('a very long query is not kept', async () => {
  const { asked, embedder } = createCounter()
  const cached = cacheQueries(embedder)
  const text = 'tea '.repeat(1_000)
  await cached.embedQuery(text)
  await cached.embedQuery(text)
  expect(asked).toHaveLength(2)
})

test('a cancelled query is cancelled although it is remembered', async () => {
  const cached = cacheQueries(createCounter().embedder)
  await cached.embedQuery('tea')
  const signal = AbortSignal.abort(new Error('no longer wanted'))
  await expect(cached.embedQuery('tea', signal)).rejects.toThrow('no longer wanted')
})
