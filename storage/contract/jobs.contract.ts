import { describe, expect, test } from 'bun:test'
import type { Scope } from '../../memory/memory.ts'
import { type Job, MAX_ATTEMPTS } from '../jobs.ts'
import { exchange, MINUTE, newTurns, type Open, START, useStore } from './fixture.ts'

export function testJobs(dialect: string, open: Open) {
  describe(`${dialect}: jobs`, () => {
    const bench = useStore(open)
    let exchanges = 0

    /** Queues extraction of one exchange. */
    async function queue(scope: Scope): Promise<string> {
      const conversationId = `conv_${++exchanges}`
      const { jobId } = await bench.store.conversations.record(
        exchange(scope, [], {
          conversationId,
          turns: newTurns([conversationId]),
          extraction: { n: exchanges },
        }),
      )
      return jobId!
    }
    const claim = (limit = 10, more = {}) =>
      bench.store.jobs.claim('extract', { limit, leaseMs: MINUTE, ...more })
    const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id)
    const find = async (scope: Scope, id: string) =>
      (await bench.store.jobs.find(scope.userId, id))!

    test('jobs are claimed oldest first, as many as wanted, each once', async () => {
      const scope = await bench.scope()
      const queued = [await queue(scope), await queue(scope), await queue(scope)]
      const [first] = await claim(1)
      expect(first).toMatchObject({
        id: queued[0],
        kind: 'extract',
        userId: scope.userId,
        namespace: 'default',
        state: 'running',
        attempts: 1,
        fence: 1,
        error: null,
        result: null,
        createdAt: START,
        finishedAt: null,
      })
      expect(ids(await claim())).toEqual(queued.slice(1))
      expect(await claim()).toEqual([])
    })

    test('of jobs claimed at once by several, each goes to one', async () => {
      const scope = await bench.scope()
      for (let i = 0; i < 30; i++) await queue(scope)
      const claims = await Promise.all(Array.from({ length: 20 }, () => claim(3)))
      const claimed = claims.flat().map(({ id }) => id)
      expect(claimed).toHaveLength(30)
      expect(new Set(claimed).size).toBe(30)
    })

    test('a job whose lease has run out is claimed again, under another fence', async () => {
      const scope = await bench.scope()
      const id = await queue(scope)
      await claim()
      bench.clock.at += MINUTE - 1
      expect(await claim()).toEqual([])
      bench.clock.at += 1
      const [again] = await claim()
      expect(again).toMatchObject({ id, attempts: 2, fence: 2 })
    })

    test('a lease that is extended runs longer', async () => {
      const scope = await bench.scope()
      const id = await queue(scope)
      await claim()
      const { jobs } = bench.store
      expect(await jobs.extendLease(id, 1, 3 * MINUTE)).toBe(true)
      bench.clock.at += 3 * MINUTE - 1
      expect(await claim()).toEqual([])
      bench.clock.at += 1
      expect(await claim()).toHaveLength(1)
      expect(await jobs.extendLease(id, 1, MINUTE)).toBe(false)
    })

    test('a stale fence changes nothing', async () => {
      const scope = await bench.scope()
      const id = await queue(scope)
      await claim()
      bench.clock.at += MINUTE
      await claim()
      const before = await find(scope, id)
      const { jobs } = bench.store
      expect(await jobs.finish(id, 1, { added: [] })).toBe(false)
      await jobs.fail(id, 1, 'too late', START)
      await jobs.fail(id, 1, 'too late', null)
      expect(await jobs.extendLease(id, 1, MINUTE)).toBe(false)
      expect(await find(scope, id)).toEqual(before)
      expect(await jobs.finish(id, 2, { added: ['mem_1'] })).toBe(true)
      expect(await find(scope, id)).toMatchObject({
        state: 'done',
        result: { added: ['mem_1'] },
        finishedAt: bench.clock.at,
      })
      expect(await jobs.finish(id, 2, {})).toBe(false)
    })

    test('a job that failed waits for its retry', async () => {
      const scope = await bench.scope()
      const [failing, other] = [await queue(scope), await queue(scope)]
      await claim(1)
      const { jobs } = bench.store
      await jobs.fail(failing, 1, 'x'.repeat(2_000), START + 2 * MINUTE)
      const failed = await find(scope, failing)
      expect(failed).toMatchObject({ state: 'queued', attempts: 1, finishedAt: null })
      expect(failed.error).toHaveLength(500)
      expect(ids(await claim())).toEqual([other])
      bench.clock.at = START + 2 * MINUTE - 1
      await jobs.finish(other, 1, {})
      expect(await claim()).toEqual([])
      bench.clock.at += 1
      expect(await claim()).toMatchObject([{ id: failing, attempts: 2, fence: 2 }])
    })

    test('a job that failed too often is dead, and runs again when somebody asks', async () => {
      const scope = await bench.scope()
      const id = await queue(scope)
      const { jobs } = bench.store
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        expect(await find(scope, id)).toMatchObject({ state: 'queued' })
        expect(await claim()).toMatchObject([{ id, attempts: attempt, fence: attempt }])
        await jobs.fail(id, attempt, `failure ${attempt}`, bench.clock.at)
      }
      const last = { state: 'dead', error: `failure ${MAX_ATTEMPTS}`, finishedAt: START }
      expect(await find(scope, id)).toMatchObject(last)
      expect(await claim()).toEqual([])
      expect(await jobs.retry('usr_other', id)).toBe(false)
      expect(await jobs.retry(scope.userId, id)).toBe(true)
      expect(await jobs.retry(scope.userId, id)).toBe(false)
      expect(await claim()).toMatchObject([{ id, attempts: 1, fence: MAX_ATTEMPTS + 1 }])
    })

    test('a job that cannot succeed is dead at once', async () => {
      const scope = await bench.scope()
      const id = await queue(scope)
      await claim()
      await bench.store.jobs.fail(id, 1, 'no such model', null)
      expect(await find(scope, id)).toMatchObject({ state: 'dead', error: 'no such model' })
    })

    test.each(['lease', 'restart'] as const)(
      'a job that ends its worker again and again is dead in the end (%s)',
      async (how) => {
        const scope = await bench.scope()
        const id = await queue(scope)
        for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
          expect(ids(await claim())).toEqual([id])
          bench.clock.at += MINUTE
          if (how === 'restart') await bench.store.jobs.releaseAll()
        }
        expect(await claim()).toEqual([])
        const dead = await find(scope, id)
        expect(dead).toMatchObject({ state: 'dead', finishedAt: bench.clock.at })
        expect(dead.error).toContain('never came back')
      },
    )

    test('at start everything that ran is due at once', async () => {
      const scope = await bench.scope()
      const queued = [await queue(scope), await queue(scope), await queue(scope)]
      await claim(2)
      expect(await bench.store.jobs.releaseAll()).toBe(2)
      expect(ids(await claim())).toEqual(queued)
      const [first] = queued
      expect(await bench.store.jobs.finish(first!, 1, {})).toBe(false)
      expect(await bench.store.jobs.finish(first!, 2, {})).toBe(true)
    })

    test('what was queued while the clock was a year ahead is due after a restart', async () => {
      const scope = await bench.scope()
      bench.clock.at = START + 365 * 24 * 60 * MINUTE
      const id = await queue(scope)
      bench.clock.at = START
      expect(await claim()).toEqual([])
      await bench.store.jobs.releaseAll()
      expect(ids(await claim())).toEqual([id])
    })

    test('one of a namespace at a time, each namespace’s oldest first', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const work = { ...ann, namespace: 'work' }
      const a1 = await queue(ann)
      const b1 = await queue(ben)
      const a2 = await queue(ann)
      const w1 = await queue(work)
      const b2 = await queue(ben)
      const one = { onePerNamespace: true }
      expect(ids(await claim(1, one))).toEqual([a1])
      expect(ids(await claim(10, one))).toEqual([b1, w1])
      expect(await claim(10, one)).toEqual([])
      await bench.store.jobs.finish(a1, 1, {})
      await bench.store.jobs.fail(b1, 1, 'later', START + MINUTE)
      expect(ids(await claim(10, one))).toEqual([a2, b2])
      // A job that lost its lease goes before those that came after it.
      bench.clock.at += MINUTE
      expect(ids(await claim(10, one))).toEqual([a2, w1, b1])
    })

    test('the next due instant is that of the first retry or lease', async () => {
      const scope = await bench.scope()
      const { jobs } = bench.store
      expect(await jobs.nextDueAt('extract')).toBeNull()
      const [a, b] = [await queue(scope), await queue(scope)]
      expect(await jobs.nextDueAt('extract')).toBe(START)
      await claim()
      expect(await jobs.nextDueAt('extract')).toBe(START + MINUTE)
      await jobs.fail(a, 1, 'later', START + 20)
      expect(await jobs.nextDueAt('extract')).toBe(START + 20)
      await jobs.fail(a, 1, 'again', null)
      await jobs.finish(b, 1, {})
      expect(await jobs.nextDueAt('extract')).toBe(START + 20)
      expect(await jobs.nextDueAt('embed')).toBe(START)
    })

    test('jobs are counted by kind and state, and listed without embedding', async () => {
      const scope = await bench.scope()
      const queued = [await queue(scope), await queue(scope), await queue(scope)]
      await claim(2)
      await bench.store.jobs.finish(queued[0]!, 1, {})
      await bench.store.jobs.fail(queued[1]!, 1, 'no', null)
      expect(await bench.store.jobs.counts()).toEqual({
        extract: { queued: 1, running: 0, done: 1, dead: 1 },
        embed: { queued: 3, running: 0, done: 0, dead: 0 },
        reembed: { queued: 0, running: 0, done: 0, dead: 0 },
      })
      const list = async (state: Job['state'] | null, limit = 10, offset = 0) =>
        ids(await bench.store.jobs.list(scope.userId, { state, limit, offset }))
      expect(await list(null)).toEqual(queued.toReversed())
      expect(await list('dead')).toEqual([queued[1]!])
      expect(await list(null, 1, 1)).toEqual([queued[1]!])
      expect(
        await bench.store.jobs.list('usr_other', { state: null, limit: 9, offset: 0 }),
      ).toEqual([])
    })

    test('finished jobs are purged; dead ones stay', async () => {
      const scope = await bench.scope()
      const [done, dead, waiting] = [await queue(scope), await queue(scope), await queue(scope)]
      await claim(2)
      await bench.store.jobs.finish(done, 1, {})
      await bench.store.jobs.fail(dead, 1, 'no', null)
      expect(await bench.store.jobs.purge(START)).toBe(0)
      expect(await bench.store.jobs.purge(START + 1)).toBe(1)
      const left = await bench.store.jobs.list(scope.userId, { state: null, limit: 9, offset: 0 })
      expect(ids(left)).toEqual([waiting, dead])
    })
  })
}
