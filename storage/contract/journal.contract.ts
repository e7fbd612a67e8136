import { describe, expect, test } from 'bun:test'
import type { Memory, Scope } from '../../memory/memory.ts'
import {
  BY,
  candidate,
  DAY,
  everything,
  exchange,
  failingStore,
  found,
  MINUTE,
  type Open,
  START,
  useStore,
} from './fixture.ts'

export function testJournal(dialect: string, open: Open) {
  describe(`${dialect}: journal`, () => {
    const bench = useStore(open)

    const add = async (scope: Scope, content: string) =>
      (await bench.store.memories.add(scope, { content }, BY)).memory
    const undo = (scope: Scope, target: string | null) =>
      bench.store.journal.undo(scope.userId, target, 'user')
    const state = async (scope: Scope) =>
      (await bench.store.memories.list(everything(scope.userId))).memories
    /** What an undo must restore: all but when it was changed and confirmed. */
    const plain = (memories: readonly Memory[]) =>
      memories
        .map(({ updatedAt: _updatedAt, ...memory }) => memory)
        .toSorted((a, b) => a.id.localeCompare(b.id))

    test('the history of a memory is told oldest first, also when it is gone', async () => {
      const scope = await bench.scope()
      const memory = await add(scope, 'Likes tea')
      bench.clock.at += MINUTE
      const by = { actor: 'mcp', cause: { receipt_id: 'rcp_1' } }
      const { memories, journal } = bench.store
      const changed = await memories.change(scope.userId, memory.id, { pinned: true }, by)
      await memories.remove(scope.userId, memory.id, BY)
      const events = await journal.ofMemory(scope.userId, memory.id)
      expect(events).toMatchObject([
        { kind: 'added', before: null, after: memory, namespace: 'default', createdAt: START },
        { kind: 'updated', before: memory, after: changed, createdAt: START + MINUTE, ...by },
        { kind: 'deleted', before: changed, after: null },
      ])
      const newest = await journal.list(scope.userId, { limit: 10, offset: 0 })
      expect(newest).toEqual(events.toReversed())
      const page = await journal.list(scope.userId, { limit: 1, offset: 1 })
      expect(page).toEqual([events[1]!])
    })

    test('what an exchange taught is listed by its receipt, to its user only', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const by = (receipt_id: string) => ({ actor: 'extraction', cause: { receipt_id } })
      await bench.store.memories.add(ann, { content: 'from one' }, by('rcp_1'))
      await bench.store.memories.add(ann, { content: 'from two' }, by('rcp_2'))
      await bench.store.memories.add(ann, { content: 'by hand' }, BY)
      const taught = async (scope: Scope, id: string) =>
        (await bench.store.journal.ofReceipt(scope.userId, id)).map(({ after }) => after!.content)
      expect(await taught(ann, 'rcp_2')).toEqual(['from two'])
      expect(await taught(ann, 'rcp_3')).toEqual([])
      expect(await taught(ben, 'rcp_2')).toEqual([])
    })

    type Step = Readonly<{
      name: string
      prepare?: (scope: Scope, memory: Memory) => Promise<unknown>
      act: (scope: Scope, memory: Memory) => Promise<unknown>
    }>

    const STEPS: readonly Step[] = [
      {
        name: 'adding',
        act: (scope) => add(scope, 'Likes coffee'),
      },
      {
        name: 'new words',
        act: ({ userId }, { id }) =>
          bench.store.memories.change(userId, id, { content: 'Likes rum' }, BY),
      },
      {
        name: 'a change of everything but the words',
        act: ({ userId }, { id }) =>
          bench.store.memories.change(
            userId,
            id,
            {
              category: 'skills',
              pinned: true,
              expiresAt: START + DAY,
              validFrom: START - DAY,
              validTo: START + DAY,
              metadata: { slot: 'user drink' },
            },
            BY,
          ),
      },
      {
        name: 'a rejection',
        act: ({ userId }, { id }) =>
          bench.store.memories.change(userId, id, { status: 'rejected' }, BY),
      },
      {
        name: 'an approval',
        prepare: ({ userId }, { id }) =>
          bench.store.memories.change(userId, id, { status: 'rejected' }, BY),
        act: ({ userId }, { id }) =>
          bench.store.memories.change(userId, id, { status: 'approved' }, BY),
      },
      {
        name: 'a repetition that pins',
        act: (scope) => bench.store.memories.add(scope, { content: 'likes TEA', pinned: true }, BY),
      },
      {
        name: 'removing',
        act: ({ userId }, { id }) => bench.store.memories.remove(userId, id, BY),
      },
      {
        name: 'removing everything',
        prepare: async (scope) => {
          await add({ ...scope, namespace: 'work' }, 'Works at night')
          const item = { content: 'Ann sings', namespace: 'work', speaker: 'Ann', place: 7 }
          await bench.store.memories.import(scope.userId, [item], BY)
        },
        act: ({ userId }) => bench.store.memories.removeAll(userId, null, BY),
      },
      {
        name: 'an import',
        act: ({ userId }) =>
          bench.store.memories.import(
            userId,
            [
              { content: 'Plays chess', namespace: 'default' },
              { content: 'Plays go', namespace: 'games', status: 'pending' },
            ],
            BY,
          ),
      },
    ]

    for (const { name, prepare, act } of STEPS) {
      test(`${name} is undone, and the undo is undone`, async () => {
        const scope = await bench.scope()
        const memory = await add(scope, 'Likes tea')
        await prepare?.(scope, memory)
        const exportOf = () => bench.store.memories.exportPage(scope.userId, null, 0, 100)
        const before = await exportOf()
        const recalled = await found(bench, scope, 'tea')
        bench.clock.at += MINUTE
        await act(scope, memory)
        const after = await exportOf()
        expect(plain(after.memories)).not.toEqual(plain(before.memories))

        bench.clock.at += MINUTE
        const undone = await undo(scope, null)
        expect(undone.length).toBeGreaterThan(0)
        for (const event of undone) {
          expect(event).toMatchObject({ actor: 'user', createdAt: START + 2 * MINUTE })
          expect(event.cause.undoes).toMatch(/^op_/)
        }
        expect(plain((await exportOf()).memories)).toEqual(plain(before.memories))
        expect(await found(bench, scope, 'tea')).toEqual(recalled)

        bench.clock.at += MINUTE
        await undo(scope, undone[0]!.operationId)
        expect(plain((await exportOf()).memories)).toEqual(plain(after.memories))
      })
    }

    test('undone again and again, the changes go back one by one; a redo is one of them', async () => {
      const scope = await bench.scope()
      const [tea, rum] = [await add(scope, 'Likes tea'), await add(scope, 'Likes rum')]
      await bench.store.memories.remove(scope.userId, tea.id, BY)
      await bench.store.memories.remove(scope.userId, rum.id, BY)
      const contents = async () => (await state(scope)).map(({ content }) => content).toSorted()
      await undo(scope, null)
      expect(await contents()).toEqual(['Likes rum'])
      const [back] = await undo(scope, null)
      expect(await contents()).toEqual(['Likes rum', 'Likes tea'])

      const [redone] = await undo(scope, back!.operationId)
      expect(redone!.cause).toMatchObject({ undoes: back!.operationId, redo: true })
      expect(await contents()).toEqual(['Likes rum'])
      await undo(scope, null)
      expect(await contents()).toEqual(['Likes rum', 'Likes tea'])

      await undo(scope, null)
      await undo(scope, null)
      expect(await contents()).toEqual([])
      await expect(undo(scope, null)).rejects.toMatchObject({ code: 'not_found' })
    })

    test('a change is undone by the id of its operation, its event or its memory', async () => {
      const scope = await bench.scope()
      const { journal, memories } = bench.store
      for (const by of ['operationId', 'id', 'memoryId'] as const) {
        const memory = await add(scope, `undone by ${by}`)
        await memories.change(scope.userId, memory.id, { pinned: true }, BY)
        await add(scope, `later than ${by}`)
        const event = (await journal.ofMemory(scope.userId, memory.id)).at(-1)!
        await undo(scope, event[by])
        expect(await memories.find(scope.userId, memory.id)).toMatchObject({ pinned: false })
        const [, again, undone] = await journal.ofMemory(scope.userId, memory.id)
        expect(undone).toMatchObject({ kind: 'undone', cause: { undoes: event.operationId } })
        expect(again!.undoneBy).toBe(undone!.operationId)
      }
    })

    test('what was changed since, or undone already, is not undone; nothing changes then', async () => {
      const scope = await bench.scope()
      const [tea, rum] = [await add(scope, 'Likes tea'), await add(scope, 'Likes rum')]
      const { journal, memories } = bench.store
      await memories.removeAll(scope.userId, null, BY)
      const removal = (await journal.ofMemory(scope.userId, tea.id)).at(-1)!.operationId
      await undo(scope, removal)
      const conflict = { code: 'conflict' }
      await expect(undo(scope, removal)).rejects.toMatchObject(conflict)

      const changes = [
        { content: 'Likes mate' },
        { pinned: true },
        { status: 'pending' },
        { category: 'x' },
        { expiresAt: 1 },
        { validFrom: 1 },
        { validTo: 1 },
        { metadata: { a: 1 } },
      ] as const
      for (const patch of changes) {
        const again = await add(scope, `changed by ${Object.keys(patch)[0]}`)
        const first = (await journal.ofMemory(scope.userId, again.id))[0]!
        await memories.change(scope.userId, again.id, patch, BY)
        const before = await state(scope)
        await expect(undo(scope, first.operationId)).rejects.toMatchObject(conflict)
        expect(await state(scope)).toEqual(before)
      }
      await memories.remove(scope.userId, rum.id, BY)
      const added = (await journal.ofMemory(scope.userId, rum.id))[0]!
      await expect(undo(scope, added.operationId)).rejects.toMatchObject(conflict)
    })

    test('an operation of which one memory was changed since is not undone at all', async () => {
      const scope = await bench.scope()
      const items = ['Plays chess', 'Plays go', 'Plays bridge'].map((content) => ({
        content,
        namespace: 'default',
      }))
      await bench.store.memories.import(scope.userId, items, BY)
      const operation = (await bench.store.journal.list(scope.userId, { limit: 1, offset: 0 }))[0]!
      const [first] = await state(scope)
      await bench.store.memories.change(scope.userId, first!.id, { pinned: true }, BY)
      const before = await state(scope)
      await expect(undo(scope, operation.operationId)).rejects.toMatchObject({ code: 'conflict' })
      expect(await state(scope)).toEqual(before)
      expect(await found(bench, scope, 'plays')).toHaveLength(3)
    })

    test('a memory that was deleted and imported again is not overwritten by an undo', async () => {
      const scope = await bench.scope()
      const memory = await add(scope, 'Likes tea')
      await bench.store.memories.remove(scope.userId, memory.id, BY)
      const removal = (await bench.store.journal.ofMemory(scope.userId, memory.id)).at(-1)!
      const item = { id: memory.id, content: 'Likes rum', namespace: 'default' }
      await bench.store.memories.import(scope.userId, [item], BY)
      await expect(undo(scope, removal.id)).rejects.toMatchObject({ code: 'conflict' })
      expect(await state(scope)).toMatchObject([{ content: 'Likes rum' }])
    })

    test('a memory whose id another user has by now stays deleted', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const memory = await add(ann, 'Likes tea')
      await bench.store.memories.remove(ann.userId, memory.id, BY)
      const item = { id: memory.id, content: 'Likes rum', namespace: 'default' }
      await bench.store.memories.import(ben.userId, [item], BY)
      await expect(undo(ann, null)).rejects.toMatchObject({ code: 'conflict' })
      expect(await state(ann)).toEqual([])
      expect(await state(ben)).toMatchObject([{ id: memory.id, content: 'Likes rum' }])
    })

    test('a memory comes back although its conversation is gone', async () => {
      const scope = await bench.scope()
      await bench.store.conversations.record(exchange(scope, ['I like tea', 'Noted.']))
      const evidence = { conversationId: 'conv_1', turnId: 'turn_1', quote: 'I like tea' }
      const given = { content: 'Likes tea', evidence }
      const { memory } = await bench.store.memories.add(scope, given, BY)
      await bench.store.memories.remove(scope.userId, memory.id, BY)
      await bench.store.conversations.remove(scope.userId, 'conv_1')
      await undo(scope, memory.id)
      expect(await state(scope)).toEqual([memory])
    })

    test('uses count on through an undo', async () => {
      const scope = await bench.scope()
      const memory = await add(scope, 'Likes tea')
      await bench.store.memories.change(scope.userId, memory.id, { pinned: true }, BY)
      await bench.store.memories.countUse([memory.id], START + 5)
      const [undone] = await undo(scope, null)
      const used = { accessCount: 1, lastAccessedAt: START + 5, pinned: false }
      expect(undone!.after).toMatchObject(used)
      expect(await state(scope)).toMatchObject([used])
    })

    test('an undone supersession restores both sides', async () => {
      const scope = await bench.scope()
      const old = await add(scope, 'Lives in Rome')
      const { turnIds, jobId } = await bench.store.conversations.record(
        exchange(scope, ['I moved to Paris', 'Nice!'], { extraction: {} }),
      )
      await bench.store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
      const learned = await bench.store.learning.apply({
        jobId: jobId!,
        fence: 1,
        scope,
        conversationId: 'conv_1',
        turnIds,
        extractor: 'rules',
        receiptId: null,
        verdicts: [
          {
            candidate: candidate('Lives in Paris', { turnId: turnIds[0]! }),
            verdict: { kind: 'update', supersedes: [old.id], reason: 'moved' },
            saidAt: START,
          },
        ],
      })
      expect(learned).toMatchObject({ superseded: [old.id] })
      expect(await found(bench, scope, 'lives')).toEqual(['Lives in Paris'])
      const [undone] = await undo(scope, old.id)
      expect(plain(await state(scope))).toEqual(plain([old]))
      expect(await found(bench, scope, 'lives')).toEqual(['Lives in Rome'])
      await undo(scope, undone!.operationId)
      expect(await found(bench, scope, 'lives')).toEqual(['Lives in Paris'])
      expect(await bench.store.memories.find(scope.userId, old.id)).toMatchObject({
        status: 'superseded',
        supersededBy: learned!.added[0],
      })
    })

    test('there is nothing to undo for who changed nothing, or of another user', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const memory = await add(ann, 'Likes tea')
      const [event] = await bench.store.journal.ofMemory(ann.userId, memory.id)
      for (const target of [null, memory.id, event!.id, event!.operationId, '%', '']) {
        await expect(undo(ben, target)).rejects.toMatchObject({ code: 'not_found' })
      }
      expect(await state(ann)).toEqual([memory])
    })

    test('an undo is one transaction', async () => {
      const scope = await bench.scope()
      await add(scope, 'Likes tea')
      await bench.store.memories.removeAll(scope.userId, null, BY)
      const failing = failingStore(bench, () => bench.clock.at)
      await expect(failing.journal.undo(scope.userId, null, 'user')).rejects.toThrow('last step')
      expect(await state(scope)).toEqual([])
      await undo(scope, null)
      expect(await state(scope)).toHaveLength(1)
    })

    test('what was deleted long ago is forgotten for good, what came back is not', async () => {
      const scope = await bench.scope()
      const gone = await add(scope, 'Zanzibar is the password')
      const back = await add(scope, 'Likes tea')
      const again = await add(scope, 'Likes rum')
      const { memories, journal } = bench.store
      for (const { id } of [gone, back, again]) await memories.remove(scope.userId, id, BY)
      await undo(scope, back.id)
      await undo(scope, again.id)
      bench.clock.at += 30 * DAY
      await memories.remove(scope.userId, again.id, BY)
      expect(await journal.purgeDeleted(START)).toBe(0)
      expect(await journal.purgeDeleted(START + DAY)).toBe(1)
      expect(await journal.ofMemory(scope.userId, gone.id)).toEqual([])
      expect(await journal.ofMemory(scope.userId, back.id)).toHaveLength(3)
      await undo(scope, again.id)
      expect(plain(await state(scope))).toEqual(plain([back, again]))
      const kept = await found(bench, scope, 'likes')
      expect(kept.toSorted()).toEqual(['Likes rum', 'Likes tea'])
    })
  })
}
