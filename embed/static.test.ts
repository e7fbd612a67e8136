import { describe, expect, test } from 'bun:test'
import { testEmbedder } from './embedder.contract.ts'
import { PATHS, readReference } from './fixtures/paths.ts'
import { openStatic, readStaticModel, sumOfPieces } from './static.ts'
import { cosine } from './vector.ts'

testEmbedder('static', () => openStatic(PATHS))

test('sums pieces as the reference does', () => {
  const sum = sumOfPieces(readStaticModel(PATHS))
  for (const { text, vector } of readReference('static-256')) {
    expect(cosine(sum(text).vector, vector)).toBeGreaterThan(0.99999)
  }
})

test('what every text has in common is taken away: unrelated texts are far apart, related ones near', async () => {
  const embedder = openStatic(PATHS)
  const near = async (a: string, b: string) =>
    cosine(await embedder.embedQuery(a), await embedder.embedQuery(b))
  expect(await near('What is the boiling point of ethanol?', 'User has a dog')).toBeLessThan(0.2)
  expect(await near('Which pet do I have?', 'User has a dog')).toBeGreaterThan(0.35)
})

test('128 pieces of a text count', async () => {
  const embedder = openStatic(PATHS)
  const beginning = 'tea, '.repeat(128)
  expect(await embedder.embedQuery(`${beginning} and cake`)).toEqual(
    await embedder.embedQuery(beginning),
  )
})

test('documents that take long can be cancelled on their way', async () => {
  const embedder = openStatic(PATHS)
  const controller = new AbortController()
  const long = Array.from({ length: 20_000 }, () => 'tabs over spaces '.repeat(500))
  setTimeout(() => controller.abort(new Error('no longer wanted')), 20)
  await expect(embedder.embedDocuments(long, controller.signal)).rejects.toThrow('no longer wanted')
})

describe('a file that is not there or not the right one', () => {
  test.each([
    ['table', { ...PATHS, tablePath: '/nowhere/table.i8' }, 'cannot read a model file'],
    ['scales', { ...PATHS, scalesPath: PATHS.tokenizerPath }, 'damaged or another file'],
  ])('%s: the state is failed and says why', async (_, paths, reason) => {
    const embedder = openStatic(paths)
    await embedder.whenLoaded()
    expect(embedder.state()).toEqual({
      status: 'failed',
      reason: expect.stringContaining(reason),
    })
    await expect(embedder.embedQuery('tea')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(embedder.embedDocuments(['tea'])).rejects.toMatchObject({ code: 'unavailable' })
  })
})
