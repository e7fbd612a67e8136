import { describe, expect, test } from 'bun:test'
import type { Found, FoundTurn } from './found.ts'
import { judging } from './judge.ts'
import type { Role, Turn } from './memory.ts'
import type { Embedder } from './ports.ts'
import { recallTurns } from './recall-turns.ts'

const turn = (id: string, role: Role, content: string, fused: number): FoundTurn => ({
  turn: {
    id,
    conversationId: 'conv_1',
    namespace: 'default',
    position: 0,
    role,
    speaker: null,
    content,
    truncated: false,
    model: null,
    saidAt: 0,
    createdAt: 0,
    memoryCount: 1,
  } satisfies Turn,
  at: 0,
  lexical: fused,
  cosine: 0,
  evidence: fused,
  fused,
  notes: [],
})

const ready: Embedder = {
  model: { fingerprint: 'x', name: 'x', dimensions: 2 },
  state: () => ({ status: 'ready' }),
  whenLoaded: async () => {},
  embedQuery: async () => new Float32Array([1, 0]),
  embedDocuments: async () => [],
  close: async () => {},
}

const found = (turns: readonly FoundTurn[]): Found => ({
  memories: [],
  turns,
  pinned: [],
  termCount: 2,
  known: { memory: 2, turn: 2 },
  nameCount: 0,
  unknownNames: { memory: 0, turn: 0 },
  searched: { memory: 0, turn: turns.length },
  textOnly: false,
})

const ask = async (
  turns: readonly FoundTurn[],
  settings: { maxItems?: number; threshold?: number | null } = {},
  embedder = ready,
) => {
  const recalled = await recallTurns(
    { scope: { userId: 'u', namespace: 'default' }, text: 'the river', conversationId: null },
    { maxItems: 5, threshold: null, ...settings },
    { embedder, index: judging(async () => found(turns)), now: () => 0 },
  )
  return {
    recalled,
    ids: recalled.items.map(({ id }) => id),
    reasons: Object.fromEntries(recalled.candidates.map(({ id, reason }) => [id, reason])),
  }
}

describe('what was said', () => {
  test('is found whoever of the two said it, also where a memory says it', async () => {
    const { ids } = await ask([
      turn('a', 'assistant', 'The Spree has islands', 2),
      turn('b', 'user', 'I like the Elbe', 1.8),
      turn('c', 'system', 'You are a helpful river', 1.7),
      turn('d', 'tool', '{"river": 1}', 1.7),
    ])
    expect(ids).toEqual(['a', 'b'])
  })

  test('is nothing when nothing is about it, and brings companions along when something is', async () => {
    expect((await ask([turn('a', 'user', 'x', 0.2), turn('b', 'user', 'y', 0.19)])).ids).toEqual([])
    const { ids, reasons } = await ask([
      turn('a', 'user', 'x', 2),
      turn('b', 'user', 'y', 1.3),
      turn('c', 'user', 'z', 0.3),
    ])
    expect(ids).toEqual(['a', 'b'])
    expect(reasons).toMatchObject({ c: 'below threshold' })
  })

  test('comes once, and not more often than asked for', async () => {
    const { ids, reasons } = await ask(
      [
        turn('a', 'user', 'The Elbe', 2),
        turn('b', 'user', ' the elbe ', 1.9),
        turn('c', 'user', 'The Havel', 1.8),
        turn('d', 'user', 'The Oder', 1.7),
      ],
      { maxItems: 2 },
    )
    expect(ids).toEqual(['a', 'c'])
    expect(reasons).toMatchObject({ b: 'covered by a memory', d: 'over the number of items' })
  })

  test('is held to a threshold that is given', async () => {
    const turns = [turn('a', 'user', 'x', 0.3), turn('b', 'user', 'y', 0.1)]
    const { recalled } = await ask(turns, { threshold: 0 })
    expect(recalled.items.map(({ id }) => id)).toEqual(['a', 'b'])
    expect((await ask(turns, { threshold: recalled.items[0]!.score })).ids).toEqual(['a'])
  })

  test('is looked for by words alone when there are no vectors, and says so', async () => {
    const loading: Embedder = { ...ready, state: () => ({ status: 'loading' }) }
    const { recalled } = await ask([turn('a', 'user', 'x', 1)], {}, loading)
    expect(recalled).toMatchObject({ mode: 'text', degraded: 'the embedder is loading' })
    expect(recalled.items).toHaveLength(1)
  })
})
