import { describe, expect, test } from 'bun:test'
import type { Memory, NewMemory, Scope } from '../../memory/memory.ts'
import type { Resolution } from '../conflicts.ts'
import {
  BY,
  candidate,
  exchange,
  failingStore,
  found,
  MINUTE,
  newTurns,
  type Open,
  START,
  useStore,
} from './fixture.ts'

export function testConflicts(dialect: string, open: Open) {
  describe(`${dialect}: conflicts`, () => {
    const bench = useStore(open)
    let learnings = 0

    /** Lets extraction come to one verdict. */
    async function learn(scope: Scope, content: string, verdict: unknown) {
      const conversationId = `conv_${++learnings}`
      const { turnIds, jobId } = await bench.store.conversations.record(
        exchange(scope, [], {
          conversationId,
          turns: newTurns([conversationId]),
          extraction: {},
        }),
      )
      const claim = await bench.store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
      const learned = await bench.store.learning.apply({
        jobId: jobId!,
        fence: claim[0]!.fence,
        scope,
        conversationId,
        turnIds,
        extractor: 'rules',
        receiptId: null,
        verdicts: [
          {
            candidate: candidate(content, { turnId: turnIds[0]! }),
            verdict: verdict as never,
            saidAt: bench.clock.at,
          },
        ],
      })
      return learned!
    }

    async function openOne(given: Partial<NewMemory> = {}, externalId = 'ann') {
      const scope = await bench.scope(externalId)
      const existing = (
        await bench.store.memories.add(scope, { content: 'Lives in Rome', ...given }, BY)
      ).memory
      const learned = await learn(scope, 'Lives in Paris', {
        kind: 'conflict',
        with: existing.id,
        reason: 'two homes',
      })
      const { conflicts } = await bench.store.conflicts.list(scope.userId, 10, 0)
      const conflict = conflicts[0]!
      expect(learned.conflicts).toEqual([conflict.proposed.id])
      return { scope, conflict, existing, proposed: conflict.proposed }
    }

    const listed = async (scope: Scope) =>
      (await bench.store.conflicts.list(scope.userId, 10, 0)).conflicts
    const find = async (scope: Scope, { id }: Memory) =>
      (await bench.store.memories.find(scope.userId, id))!

    test('a conflict shows both memories; the proposed one waits and is not recalled', async () => {
      const { scope, conflict, existing } = await openOne()
      expect(conflict).toMatchObject({
        id: expect.stringMatching(/^cfl_/),
        reason: 'two homes',
        resolution: null,
        createdAt: START,
        resolvedAt: null,
        existing,
        proposed: { content: 'Lives in Paris', status: 'pending' },
      })
      expect(await found(bench, scope, 'lives')).toEqual(['Lives in Rome'])
    })

    const OUTCOMES: readonly (readonly [Resolution, Partial<Memory>, Partial<Memory>, string[]])[] =
      [
        [
          'accept_new',
          { status: 'superseded', validTo: START + MINUTE },
          { status: 'approved', lastConfirmedAt: START + MINUTE },
          ['Lives in Paris'],
        ],
        [
          'keep_old',
          { status: 'approved', lastConfirmedAt: START + MINUTE },
          { status: 'rejected' },
          ['Lives in Rome'],
        ],
        [
          'keep_both',
          { status: 'approved', lastConfirmedAt: START + MINUTE },
          { status: 'approved', lastConfirmedAt: START + MINUTE },
          ['Lives in Paris', 'Lives in Rome'],
        ],
      ]

    for (const [resolution, old, fresh, recalled] of OUTCOMES) {
      test(`${resolution} decides about both memories, once`, async () => {
        const { scope, conflict, existing, proposed } = await openOne()
        bench.clock.at += MINUTE
        const { conflicts } = bench.store
        const resolved = await conflicts.resolve(scope.userId, conflict.id, resolution, BY)
        expect(resolved).toMatchObject({
          id: conflict.id,
          resolution,
          resolvedAt: START + MINUTE,
          existing: old,
          proposed: fresh,
        })
        expect(await find(scope, existing)).toEqual(resolved.existing)
        expect(await find(scope, proposed)).toEqual(resolved.proposed)
        expect((await found(bench, scope, 'lives')).toSorted()).toEqual(recalled)
        expect(await conflicts.list(scope.userId, 10, 0)).toEqual({ conflicts: [], total: 0 })
        const again = conflicts.resolve(scope.userId, conflict.id, 'keep_both', BY)
        await expect(again).rejects.toMatchObject({ code: 'not_found' })
      })

      test(`${resolution} is undone: the conflict waits again; and the undo is undone`, async () => {
        const { scope, conflict, existing, proposed } = await openOne()
        bench.clock.at += MINUTE
        await bench.store.conflicts.resolve(scope.userId, conflict.id, resolution, BY)
        const [undone] = await bench.store.journal.undo(scope.userId, null, 'user')
        const { updatedAt: _a, ...before } = existing
        const { updatedAt: _b, ...waiting } = proposed
        expect(await listed(scope)).toMatchObject([
          { id: conflict.id, resolution: null, existing: before, proposed: waiting },
        ])
        await bench.store.journal.undo(scope.userId, undone!.operationId, 'user')
        expect(await listed(scope)).toEqual([])
        expect(await find(scope, existing)).toMatchObject(old)
        expect(await find(scope, proposed)).toMatchObject({ status: fresh.status })
      })
    }

    test('accept_new says which memory replaced the old one', async () => {
      const { scope, conflict, existing, proposed } = await openOne()
      await bench.store.conflicts.resolve(scope.userId, conflict.id, 'accept_new', BY)
      expect(await find(scope, existing)).toMatchObject({ supersededBy: proposed.id })
      const events = await bench.store.journal.ofMemory(scope.userId, existing.id)
      expect(events.at(-1)).toMatchObject({
        kind: 'superseded',
        cause: { conflict_id: conflict.id },
      })
    })

    test('a resolution is one transaction', async () => {
      const { scope, conflict } = await openOne()
      const failing = failingStore(bench, () => bench.clock.at)
      await expect(
        failing.conflicts.resolve(scope.userId, conflict.id, 'accept_new', BY),
      ).rejects.toThrow('last step')
      expect(await listed(scope)).toEqual([conflict])
    })

    test.each([
      ['approving the proposed memory', 'proposed', 'approved'],
      ['rejecting the proposed memory', 'proposed', 'rejected'],
      ['rejecting the existing memory', 'existing', 'rejected'],
      ['superseding the proposed memory', 'proposed', 'superseded'],
    ] as const)('%s settles the conflict, and its undo opens it again', async (_, side, status) => {
      const { scope, conflict, existing } = await openOne()
      const { memories, journal } = bench.store
      await memories.change(scope.userId, conflict[side].id, { status }, BY)
      expect(await listed(scope)).toEqual([])
      const other = side === 'existing' ? conflict.proposed : existing
      expect(await find(scope, other)).toEqual(other)
      await journal.undo(scope.userId, null, 'user')
      expect(await listed(scope)).toHaveLength(1)
    })

    test('saying the proposed memory oneself settles the conflict', async () => {
      const { scope } = await openOne()
      await bench.store.memories.add(scope, { content: 'lives in Paris' }, BY)
      expect(await listed(scope)).toEqual([])
      const both = await found(bench, scope, 'lives')
      expect(both.toSorted()).toEqual(['Lives in Paris', 'Lives in Rome'])
    })

    test('approving the existing memory once more decides nothing', async () => {
      const { scope, conflict, existing } = await openOne()
      await bench.store.memories.change(scope.userId, existing.id, { status: 'approved' }, BY)
      expect(await listed(scope)).toMatchObject([{ id: conflict.id }])
    })

    test.each(['existing', 'proposed'] as const)(
      'without its %s memory there is no conflict; with it, there is again',
      async (side) => {
        const { scope, conflict } = await openOne()
        const { memories, conflicts, journal } = bench.store
        await memories.remove(scope.userId, conflict[side].id, BY)
        expect(await conflicts.list(scope.userId, 10, 0)).toEqual({ conflicts: [], total: 0 })
        await expect(
          conflicts.resolve(scope.userId, conflict.id, 'keep_both', BY),
        ).rejects.toMatchObject({ code: 'not_found' })
        await journal.undo(scope.userId, null, 'user')
        expect(await listed(scope)).toMatchObject([{ id: conflict.id }])
        await memories.removeAll(scope.userId, null, BY)
        bench.clock.at += MINUTE
        await journal.purgeDeleted(bench.clock.at)
        expect(await bench.count('conflicts')).toBe(0)
      },
    )

    test('an undone extraction takes its conflict along', async () => {
      const { scope } = await openOne()
      await bench.store.journal.undo(scope.userId, null, 'user')
      expect(await listed(scope)).toEqual([])
    })

    for (const resolution of ['accept_new', 'keep_old', 'keep_both'] as const) {
      test(`${resolution} leaves an existing memory replaced that another one has replaced`, async () => {
        const { scope, conflict, existing } = await openOne({ source: 'extraction' })
        const update = { kind: 'update', supersedes: [existing.id], reason: 'moved' }
        const { added } = await learn(scope, 'Lives in Oslo', update)
        expect(await listed(scope)).toMatchObject([{ id: conflict.id }])
        const resolved = await bench.store.conflicts.resolve(
          scope.userId,
          conflict.id,
          resolution,
          BY,
        )
        expect(resolved.existing).toMatchObject({ status: 'superseded', supersededBy: added[0] })
        const recalled = await found(bench, scope, 'lives')
        expect(recalled).not.toContain('Lives in Rome')
        expect(recalled.includes('Lives in Paris')).toBe(resolution !== 'keep_old')
      })
    }

    test('a proposed memory that is replaced settles its conflict', async () => {
      const { scope, proposed } = await openOne()
      const update = { kind: 'update', supersedes: [proposed.id], reason: 'moved on' }
      await learn(scope, 'Lives in Oslo', update)
      expect(await listed(scope)).toEqual([])
    })

    test('open conflicts are listed newest first, by pages', async () => {
      const { scope, existing } = await openOne()
      for (const city of ['Oslo', 'Bern']) {
        bench.clock.at += MINUTE
        const verdict = { kind: 'conflict', with: existing.id, reason: city }
        await learn(scope, `Lives in ${city}`, verdict)
      }
      const page = (limit: number, offset: number) =>
        bench.store.conflicts.list(scope.userId, limit, offset)
      expect((await page(10, 0)).conflicts.map(({ reason }) => reason)).toEqual([
        'Bern',
        'Oslo',
        'two homes',
      ])
      expect(await page(1, 1)).toMatchObject({ conflicts: [{ reason: 'Oslo' }], total: 3 })
      expect(await page(10, 3)).toEqual({ conflicts: [], total: 3 })
    })

    test('nobody else sees or resolves a conflict', async () => {
      const { conflict, scope } = await openOne()
      const ben = await bench.scope('ben')
      expect(await listed(ben)).toEqual([])
      await expect(
        bench.store.conflicts.resolve(ben.userId, conflict.id, 'keep_both', BY),
      ).rejects.toMatchObject({ code: 'not_found' })
      expect(await listed(scope)).toEqual([conflict])
    })
  })
}
