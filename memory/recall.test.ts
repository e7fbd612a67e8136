import { expect, test } from 'bun:test'
import type { Found } from './found.ts'
import { judging } from './judge.ts'
import { Line } from './line.ts'
import type { Embedder } from './ports.ts'
import { recall } from './recall.ts'

const NOTHING: Found = {
  memories: [],
  turns: [],
  pinned: [],
  termCount: 1,
  known: { memory: 0, turn: 0 },
  nameCount: 0,
  unknownNames: { memory: 0, turn: 0 },
  searched: { memory: 0, turn: 0 },
  textOnly: false,
}

const line = new Line()
const embedder: Embedder = {
  model: { name: 'one', fingerprint: 'one', dimensions: 1 },
  state: () => ({ status: 'ready' }),
  whenLoaded: async () => {},
  embedQuery: (_text, _signal, patienceMs) =>
    line.stand(async () => Float32Array.of(1), patienceMs),
  embedDocuments: async (texts) => texts.map(() => null),
  close: async () => {},
}

const ask = (searchWaitMs: number, patience?: { embedMs: number; searchMs: number }) =>
  recall(
    { scope: { userId: 'u', namespace: 'default' }, text: 'tea?', conversationId: null },
    {
      maxItems: 5,
      budgetTokens: 100,
      threshold: null,
      turns: 'none',
      pinned: false,
      asked: 'prompt',
    },
    {
      embedder,
      index: { ...judging(async () => NOTHING), waitMs: () => searchWaitMs },
      now: () => 0,
      ...(patience && { patience }),
    },
  )

test('where searches wait already, words answer instead of a vector that would come late', async () => {
  const patience = { embedMs: 30, searchMs: 60 }
  expect(await ask(0, patience)).toMatchObject({ mode: 'hybrid', degraded: null })
  expect(await ask(10, patience)).toMatchObject({
    mode: 'text',
    degraded: 'the question was not embedded: more is asked than can be searched',
  })
})

test('who has time waits for the vector', async () => {
  expect(await ask(10_000)).toMatchObject({ mode: 'hybrid', degraded: null })
})
