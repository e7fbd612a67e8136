import { describe, expect, test } from 'bun:test'
import type { NewAnchor } from '../anchors.ts'
import {
  BY,
  DAY,
  exchange,
  hashes,
  MINUTE,
  newTurns,
  type Open,
  START,
  trace,
  useStore,
} from './fixture.ts'

export function testAnchors(dialect: string, open: Open) {
  describe(`${dialect}: anchors`, () => {
    const bench = useStore(open)
    const [first, , third] = hashes(['Which tea?', 'Green.', 'Why?'])
    const anchor = (more: Partial<NewAnchor> = {}): NewAnchor => ({
      provider: 'openai',
      prefixHash: first!,
      block: 'a block',
      form: 'inside',
      itemIds: [],
      ...more,
    })
    const asked = trace(['Which tea?', 'Green.', 'Why?'])

    test('what was put into a turn is found by whoever sends that turn again', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      expect(await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).toMatchObject({
        anchors: [],
      })
      await conversations.record(
        exchange(scope, ['Which tea?', 'Green.'], { anchor: anchor({ form: 'beside' }) }),
      )
      const resumed = await conversations.resume(scope, asked, 'openai', asked.prefixHashes)
      expect(resumed).toMatchObject({ id: 'conv_1', known: 2 })
      expect(resumed.anchors).toEqual([
        {
          seq: expect.any(Number),
          prefixHash: expect.anything(),
          block: 'a block',
          form: 'beside',
          usedAt: START,
        },
      ])
      expect(Buffer.from(resumed.anchors[0]!.prefixHash).equals(first!)).toBe(true)
    })

    test('it is of one user, one namespace and one provider', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      await conversations.record(exchange(scope, ['Which tea?'], { anchor: anchor() }))
      const other = await bench.scope('bob')
      await conversations.record(exchange(other, ['x'], { conversationId: 'conv_2' }))
      const elsewhere = { ...scope, namespace: 'work' }
      await conversations.record(exchange(elsewhere, ['x'], { conversationId: 'conv_3' }))
      for (const [asking, provider] of [
        [other, 'openai'],
        [elsewhere, 'openai'],
        [scope, 'anthropic'],
      ] as const) {
        expect(
          (await conversations.resume(asking, asked, provider, asked.prefixHashes)).anchors,
        ).toEqual([])
      }
      expect(
        (await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).anchors,
      ).toHaveLength(1)
    })

    test('a turn has one at a time, and a request finds those of all its turns', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      const put = (given: NewAnchor) =>
        conversations.record(exchange(scope, ['Which tea?'], { anchor: given }))
      await put(anchor({ itemIds: ['mem_1'] }))
      await put(anchor({ block: 'another', form: 'beside', itemIds: ['mem_2', 'mem_2'] }))
      await put(anchor({ prefixHash: third! }))
      const { anchors } = await conversations.resume(scope, asked, 'openai', asked.prefixHashes)
      expect(anchors.map(({ block, form }) => `${block} ${form}`).sort()).toEqual([
        'a block inside',
        'another beside',
      ])
      expect(await bench.count('anchor_items')).toBe(1)
    })

    test('a turn that gets nothing now has none', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      await conversations.record(exchange(scope, [], { anchor: anchor({ itemIds: ['mem_1'] }) }))
      await conversations.record(exchange(scope, [], { anchor: anchor({ block: '' }) }))
      expect(
        (await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).anchors,
      ).toEqual([])
      expect(await bench.count('anchor_items')).toBe(0)
    })

    test('what was deleted is in none any more', async () => {
      const scope = await bench.scope()
      const { conversations, memories } = bench.store
      const { memory } = await memories.add(scope, { content: 'Likes tea' }, BY)
      const { turnIds } = await conversations.record(
        exchange(scope, ['I like tea'], { conversationId: 'conv_old' }),
      )
      await conversations.record(
        exchange(scope, [], { anchor: anchor({ itemIds: [memory.id, 'mem_kept'] }) }),
      )
      await conversations.record(
        exchange(scope, [], { anchor: anchor({ prefixHash: third!, itemIds: [turnIds[0]!] }) }),
      )
      await memories.remove(scope.userId, memory.id, BY)
      const left = await conversations.resume(scope, asked, 'openai', asked.prefixHashes)
      expect(left.anchors.map(({ prefixHash }) => Buffer.from(prefixHash))).toEqual([
        Buffer.from(third!),
      ])
      await conversations.remove(scope.userId, 'conv_old')
      expect(
        (await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).anchors,
      ).toEqual([])
      expect(await bench.count('anchor_items')).toBe(0)
    })

    test('what was rejected is in none any more, what was only changed stays', async () => {
      const scope = await bench.scope()
      const { conversations, memories } = bench.store
      const { memory } = await memories.add(scope, { content: 'Likes tea' }, BY)
      const itemIds = [memory.id]
      await conversations.record(exchange(scope, [], { anchor: anchor({ itemIds }) }))
      await memories.change(scope.userId, memory.id, { pinned: true }, BY)
      expect(
        (await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).anchors,
      ).toHaveLength(1)
      await memories.change(scope.userId, memory.id, { status: 'rejected' }, BY)
      expect(
        (await conversations.resume(scope, asked, 'openai', asked.prefixHashes)).anchors,
      ).toEqual([])
    })

    test('those that no request carries go with time, and with their user', async () => {
      const scope = await bench.scope()
      const { conversations, anchors, users } = bench.store
      await conversations.record(exchange(scope, [], { anchor: anchor() }))
      await conversations.record(exchange(scope, [], { anchor: anchor({ prefixHash: third! }) }))
      const before = await conversations.resume(scope, asked, 'openai', asked.prefixHashes)
      bench.clock.at += 2 * DAY
      const used = before.anchors.find(({ prefixHash }) =>
        third!.every((b, i) => b === prefixHash[i]),
      )!
      await conversations.record(exchange(scope, [], { usedAnchors: [used.seq] }))
      expect(await anchors.purge(START + DAY)).toBe(1)
      const after = await conversations.resume(scope, asked, 'openai', asked.prefixHashes)
      expect(after.anchors.map(({ seq, usedAt }) => [seq, usedAt])).toEqual([
        [used.seq, START + 2 * DAY],
      ])
      await users.remove(scope.userId)
      expect(await bench.count('anchors')).toBe(0)
    })

    test('an anchor that cannot be stored leaves nothing of its exchange', async () => {
      const scope = await bench.scope()
      const wrong = anchor({ form: 'elsewhere' as 'inside' })
      await expect(
        bench.store.conversations.record(exchange(scope, ['Which tea?'], { anchor: wrong })),
      ).rejects.toThrow()
      expect(await bench.count('turns')).toBe(0)
      expect(await bench.count('anchors')).toBe(0)
    })
  })

  describe(`${dialect}: a question that is being worked on`, () => {
    const bench = useStore(open)

    test('is the one that was asked hours ago, which a new one of the same words is not', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      await conversations.record(exchange(scope, [], { turns: newTurns(['Fix the tests']) }))
      bench.clock.at += 90 * MINUTE
      const again = trace(['Fix the tests'])
      const working = await conversations.locate(scope, { ...again, goesOn: true })
      expect(working).toEqual({ id: 'conv_1', known: 1 })
      expect((await conversations.locate(scope, again)).id).not.toBe('conv_1')
    })
  })
}
