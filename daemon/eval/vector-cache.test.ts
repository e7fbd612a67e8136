import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Embedder } from '../../memory/ports.ts'
import { cacheDocuments } from './vector-cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'engram-vectors-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Says how long a text is, and has nothing to say of an empty one. */
function embedder(fingerprint = 'lengths') {
  const asked: string[] = []
  const embed = (text: string) => (text === '' ? null : Float32Array.of(text.length, 0.5, -1))
  return {
    asked,
    model: { fingerprint, name: 'lengths', dimensions: 3 },
    state: () => ({ status: 'ready' }) as const,
    whenLoaded: async () => {},
    embedQuery: async (text: string) => embed(text)!,
    embedDocuments: async (texts: readonly string[]) => {
      asked.push(...texts)
      return texts.map(embed)
    },
    close: async () => {},
  } satisfies Embedder & { asked: string[] }
}

test('a text is embedded once, in this run and the next', async () => {
  const first = embedder()
  const cache = cacheDocuments(first, folder)
  const vectors = await cache.embedDocuments(['tea', '', 'coffee', 'tea'])
  expect(vectors).toEqual([
    Float32Array.of(3, 0.5, -1),
    null,
    Float32Array.of(6, 0.5, -1),
    Float32Array.of(3, 0.5, -1),
  ])
  expect(first.asked).toEqual(['tea', '', 'coffee'])
  expect(cache.use).toEqual({ read: 1, made: 3 })
  cache.save()

  const second = embedder()
  const again = cacheDocuments(second, folder)
  expect(await again.embedDocuments(['coffee', '', 'rum', 'tea'])).toEqual([
    vectors[2]!,
    null,
    Float32Array.of(3, 0.5, -1),
    vectors[0]!,
  ])
  expect(second.asked).toEqual(['rum'])
})

test('vectors of two models never mix', async () => {
  const one = cacheDocuments(embedder('one'), folder)
  await one.embedDocuments(['tea'])
  one.save()
  const other = embedder('other')
  await cacheDocuments(other, folder).embedDocuments(['tea'])
  expect(other.asked).toEqual(['tea'])
})

test('a file that is cut off gives what is whole of it', async () => {
  const cache = cacheDocuments(embedder(), folder)
  await cache.embedDocuments(['tea', 'coffee'])
  cache.save()
  const [name] = readdirSync(folder)
  const bytes = await Bun.file(join(folder, name!)).bytes()
  writeFileSync(join(folder, name!), bytes.subarray(0, bytes.length - 4))
  const next = embedder()
  await cacheDocuments(next, folder).embedDocuments(['tea', 'coffee'])
  expect(next.asked).toEqual(['coffee'])
})
