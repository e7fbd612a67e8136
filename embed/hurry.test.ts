import { expect, test } from 'bun:test'
import type { Embedder } from '../memory/ports.ts'
import { cacheQueries } from './cache.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import { hurryQueries } from './hurry.ts'

function slow() {
  const waiting: (() => void)[] = []
  const embedder: Embedder = {
    model: { name: 'slow', fingerprint: 'slow', dimensions: 1 },
    state: () => ({ status: 'ready' }),
    whenLoaded: async () => {},
    embedQuery: (text) =>
      new Promise((resolve) => waiting.push(() => resolve(Float32Array.of(text.length)))),
    embedDocuments: async (texts) => texts.map(() => null),
    close: async () => {},
  }
  return { embedder, waiting }
}

test('a query in time is answered', async () => {
  const { embedder, waiting } = slow()
  const answer = hurryQueries(embedder, 60_000).embedQuery('tea')
  waiting[0]!()
  expect(await answer).toEqual(Float32Array.of(3))
})

test('a late one is given up; its vector is there for the next time', async () => {
  const { embedder, waiting } = slow()
  const hurried = hurryQueries(cacheQueries(embedder), 1)
  expect(await rejectionOf(hurried.embedQuery('tea'))).toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('longer than 1 ms'),
  })
  waiting[0]!()
  await Bun.sleep(0)
  expect(await hurried.embedQuery('tea')).toEqual(Float32Array.of(3))
  expect(waiting).toHaveLength(1)
})
