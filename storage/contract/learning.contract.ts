import { describe, expect, test } from 'bun:test'
import type { Candidate, Memory, Scope } from '../../memory/memory.ts'
import type { Learned, Learning, Verdict } from '../learning.ts'
import {
  BY,
  candidate,
  countRows,
  DAY,
  everything,
  exchange,
  failingStore,
  found,
  MINUTE,
  newTurns,
  type Open,
  query,
  START,
  useStore,
} from './fixture.ts'

const NEW: Verdict = { kind: 'add', status: 'approved', reason: 'new' }
const TABLES = ['memories', 'events', 'conflicts', 'jobs'] as const

export function testLearning(dialect: string, open: Open) {
  describe(`${dialect}: learning`, () => {
    const bench = useStore(open)

    /** An exchange whose extraction is claimed. */
    async function claimOne(scope: Scope, id = 'conv_1', contents = ['I like tea', 'Noted.']) {
      const turns = newTurns(contents)
      const { turnIds, jobId } = await bench.store.conversations.record(
        exchange(scope, [], {
          conversationId: id,
          turns: [{ ...turns[0]!, speaker: 'Ann' }, ...turns.slice(1)],
          extraction: {},
        }),
      )
      const [job] = await bench.store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
      const learn = (
        verdicts: readonly (readonly [Candidate, Verdict])[],
        more: Partial<Learning> = {},
      ): Promise<Learned | null> =>
        bench.store.learning.apply({
          jobId: jobId!,
          fence: job!.fence,
          scope,
          conversationId: id,
          turnIds,
          extractor: 'rules',
          receiptId: 'rcp_1',
          verdicts: verdicts.map(([given, verdict]) => ({
            candidate: given.turnId === 'turn_none' ? { ...given, turnId: turnIds[0]! } : given,
            verdict,
            saidAt: START - DAY,
          })),
          ...more,
        })
      return { turnIds, jobId: jobId!, learn }
    }

    const add = async (scope: Scope, content: string, more: Partial<Memory> = {}) =>
      (await bench.store.memories.add(scope, { content, ...more }, BY)).memory
    const find = async (scope: Scope, id: string) =>
      (await bench.store.memories.find(scope.userId, id))!
    const counts = () => Promise.all(TABLES.map((table) => countRows(bench.database, table)))

    test('a new statement becomes a memory with its evidence', async () => {
      const scope = await bench.scope()
      const { turnIds, jobId, learn } = await claimOne(scope)
      const learned = await learn([
        [
          candidate('User likes tea', {
            quote: 'I like tea',
            slot: 'user drink',
            validFrom: START - 2 * DAY,
            expiresAt: START + DAY,
          }),
          { kind: 'add', status: 'approved', reason: 'new here' },
        ],
      ])
      const id = learned!.added[0]!
      expect(learned).toEqual({ added: [id], superseded: [], confirmed: [], conflicts: [] })
      expect(await find(scope, id)).toMatchObject({
        content: 'User likes tea',
        category: 'preferences',
        status: 'approved',
        confidence: 0.8,
        source: 'extraction',
        origin: 'user',
        validFrom: START - 2 * DAY,
        expiresAt: START + DAY,
        evidence: { conversationId: 'conv_1', turnId: turnIds[0], quote: 'I like tea' },
        metadata: { slot: 'user drink' },
      })
      const [event] = await bench.store.journal.ofMemory(scope.userId, id)
      expect(event).toMatchObject({
        kind: 'added',
        actor: 'extraction',
        cause: { job_id: jobId, receipt_id: 'rcp_1', extractor: 'rules', reason: 'new here' },
      })
      expect(await bench.store.jobs.find(scope.userId, jobId)).toMatchObject({
        state: 'done',
        result: { ...learned, extractor: 'rules' },
      })
      expect(await found(bench, scope, 'tea')).toEqual(['User likes tea'])
      expect(await bench.store.memories.inSlot(scope, 'user drink')).toHaveLength(1)
    })

    test('a turn that memories were taken from is covered by them', async () => {
      const scope = await bench.scope()
      const { learn } = await claimOne(scope)
      const reasonOf = async () => {
        const settings = { maxItems: 5, budgetTokens: 500, threshold: 0, turns: 'own' } as const
        const { candidates } = await bench.recall.judged(
          scope,
          query('tea'),
          { ...settings, pinned: true, asked: 'prompt' },
          false,
          null,
        )
        return candidates.find(({ kind, content }) => kind === 'turn' && content === 'I like tea')
          ?.reason
      }
      expect(await reasonOf()).toBe('admitted')
      await learn([[candidate('User likes tea'), NEW]])
      expect(await reasonOf()).toBe('covered by a memory')
    })

    test('memories keep the order in which they were said, and who said it', async () => {
      const scope = await bench.scope()
      const { turnIds, learn } = await claimOne(scope)
      await learn([
        [candidate('Second', { turnId: turnIds[1]! }), NEW],
        [candidate('First'), NEW],
        [candidate('Also first'), NEW],
      ])
      const { memories } = await bench.store.memories.exportPage(scope.userId, null, 0, 10)
      const placed = memories.toSorted((a, b) => a.place - b.place)
      expect(placed.map(({ content, speaker }) => [content, speaker])).toEqual([
        ['First', 'Ann'],
        ['Also first', 'Ann'],
        ['Second', null],
      ])
    })

    test('a statement under review is pending', async () => {
      const scope = await bench.scope()
      const { learn } = await claimOne(scope)
      const verdict: Verdict = { kind: 'add', status: 'pending', reason: 'from a document' }
      const learned = await learn([[candidate('User likes tea', { origin: 'document' }), verdict]])
      expect(await find(scope, learned!.added[0]!)).toMatchObject({
        status: 'pending',
        origin: 'document',
      })
      expect(await found(bench, scope, 'tea')).toEqual([])
    })

    test('what is known is confirmed, never lowered', async () => {
      const scope = await bench.scope()
      const unsure = await add(scope, 'Likes tea', { confidence: 0.3 })
      const sure = await add(scope, 'Likes rum', { confidence: 0.9 })
      bench.clock.at += MINUTE
      const { learn } = await claimOne(scope)
      const learned = await learn([
        [candidate('User likes tea'), { kind: 'discard', of: unsure.id, reason: 'known' }],
        [candidate('User likes rum'), { kind: 'discard', of: sure.id, reason: 'known' }],
        [candidate('User likes gin'), { kind: 'discard', of: 'mem_gone', reason: 'known' }],
      ])
      expect(learned).toEqual({
        added: [],
        superseded: [],
        confirmed: [unsure.id, sure.id],
        conflicts: [],
      })
      const confirmed = { lastConfirmedAt: START + MINUTE, updatedAt: START + MINUTE }
      expect(await find(scope, unsure.id)).toEqual({ ...unsure, ...confirmed, confidence: 0.8 })
      expect(await find(scope, sure.id)).toEqual({ ...sure, ...confirmed })
    })

    test('a newer statement supersedes what it replaces', async () => {
      const scope = await bench.scope()
      const [rome, oslo] = [await add(scope, 'Lives in Rome'), await add(scope, 'Lives in Oslo')]
      const { learn } = await claimOne(scope)
      const supersedes = [rome.id, oslo.id, 'mem_gone', rome.id]
      const learned = await learn([
        [candidate('Lives in Paris'), { kind: 'update', supersedes, reason: 'moved' }],
      ])
      expect(learned).toMatchObject({ superseded: [rome.id, oslo.id] })
      for (const old of [rome, oslo]) {
        expect(await find(scope, old.id)).toMatchObject({
          status: 'superseded',
          validTo: START - DAY,
          supersededBy: learned!.added[0],
        })
      }
      expect(await found(bench, scope, 'lives')).toEqual(['Lives in Paris'])
    })

    test('the end of what is replaced is the beginning of what replaces it', async () => {
      const scope = await bench.scope()
      const rome = await add(scope, 'Lives in Rome')
      const { learn } = await claimOne(scope)
      await learn([
        [
          candidate('Lives in Paris', { validFrom: START - 9 * DAY }),
          { kind: 'update', supersedes: [rome.id], reason: 'moved' },
        ],
      ])
      expect(await find(scope, rome.id)).toMatchObject({ validTo: START - 9 * DAY })
    })

    test('in the user’s own words a waiting memory of the same words is replaced', async () => {
      const scope = await bench.scope()
      const given = { status: 'pending', origin: 'assistant' } as const
      const waiting = await add(scope, 'Likes tea', given)
      const { learn } = await claimOne(scope)
      const learned = await learn([
        [
          candidate('Likes tea'),
          { kind: 'update', supersedes: [waiting.id], reason: "now in the user's own words" },
        ],
      ])
      expect(learned).toMatchObject({ superseded: [waiting.id], confirmed: [] })
      expect(await find(scope, learned!.added[0]!)).toMatchObject({
        status: 'approved',
        origin: 'user',
      })
      expect(await found(bench, scope, 'tea')).toEqual(['Likes tea'])
    })

    test('said by the user, a memory that waits is approved; said by others, it waits on', async () => {
      const scope = await bench.scope()
      const waiting = await add(scope, 'Likes tea', { status: 'pending', origin: 'assistant' })
      const status = async () => (await find(scope, waiting.id)).status
      const again = await claimOne(scope, 'conv_1')
      await again.learn([[candidate('Likes tea', { origin: 'assistant' }), NEW]])
      expect(await status()).toBe('pending')
      const reviewed = await claimOne(scope, 'conv_2')
      await reviewed.learn([
        [candidate('Likes tea'), { kind: 'add', status: 'pending', reason: 'review' }],
      ])
      expect(await status()).toBe('pending')
      const own = await claimOne(scope, 'conv_3')
      expect(await own.learn([[candidate('likes tea.'), NEW]])).toMatchObject({
        added: [],
        confirmed: [waiting.id],
      })
      expect(await find(scope, waiting.id)).toMatchObject({
        status: 'approved',
        origin: 'assistant',
      })
    })

    test('what replaces others, and is known already, still replaces them', async () => {
      const scope = await bench.scope()
      const [rome, paris] = [await add(scope, 'Lives in Rome'), await add(scope, 'Lives in Paris')]
      const { learn } = await claimOne(scope)
      const learned = await learn([
        [
          candidate('lives in Paris'),
          { kind: 'update', supersedes: [rome.id], reason: 'moved back' },
        ],
      ])
      expect(learned).toEqual({
        added: [],
        superseded: [rome.id],
        confirmed: [paris.id],
        conflicts: [],
      })
      expect(await find(scope, rome.id)).toMatchObject({ supersededBy: paris.id })
    })

    test('a contradiction waits beside what it contradicts', async () => {
      const scope = await bench.scope()
      const rome = await add(scope, 'Lives in Rome')
      const { learn } = await claimOne(scope)
      const learned = await learn([
        [candidate('Lives in Paris'), { kind: 'conflict', with: rome.id, reason: 'two homes' }],
      ])
      expect(learned!.conflicts).toEqual([...learned!.added])
      const { conflicts } = await bench.store.conflicts.list(scope.userId, 5, 0)
      expect(conflicts).toMatchObject([
        { existing: rome, proposed: { content: 'Lives in Paris', status: 'pending' } },
      ])
      // Heard again, it does not conflict twice.
      const again = await claimOne(scope, 'conv_2')
      await again.learn([
        [candidate('lives in paris'), { kind: 'conflict', with: rome.id, reason: 'two homes' }],
      ])
      expect((await bench.store.conflicts.list(scope.userId, 5, 0)).total).toBe(1)
    })

    test('a contradiction to what is gone is refused whole, to be compared again', async () => {
      const scope = await bench.scope()
      const { jobId, learn } = await claimOne(scope)
      const before = await counts()
      await expect(
        learn([
          [candidate('Likes tea'), NEW],
          [candidate('Lives in Paris'), { kind: 'conflict', with: 'mem_gone', reason: '' }],
        ]),
      ).rejects.toMatchObject({ code: 'conflict' })
      expect(await counts()).toEqual(before)
      expect(await bench.store.jobs.find(scope.userId, jobId)).toMatchObject({ state: 'running' })
    })

    test('duplicates inside one batch are one memory', async () => {
      const scope = await bench.scope()
      const { learn } = await claimOne(scope)
      const learned = await learn([
        [candidate('User likes tea', { confidence: 0.5 }), NEW],
        [candidate('user likes tea.', { confidence: 0.9 }), NEW],
        [candidate('User  Likes Tea'), NEW],
      ])
      expect(learned!.added).toHaveLength(1)
      const { memories } = await bench.store.memories.list(everything(scope.userId))
      expect(memories).toMatchObject([{ content: 'User likes tea', confidence: 0.9 }])
    })

    test('a rejected memory does not swallow a statement', async () => {
      const scope = await bench.scope()
      const rejected = await add(scope, 'Likes tea', { status: 'rejected' })
      const { learn } = await claimOne(scope)
      const learned = await learn([[candidate('Likes tea'), NEW]])
      expect(learned!.added).toHaveLength(1)
      expect(await find(scope, rejected.id)).toEqual(rejected)
    })

    test('memories of another namespace or user are out of reach', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const work = { ...ann, namespace: 'work' }
      const others = [await add(work, 'Lives in Rome'), await add(ben, 'Lives in Oslo')]
      const before = await bench.store.memories.list(everything(ben.userId))
      const { learn } = await claimOne(ann)
      const ids = others.map(({ id }) => id)
      const learned = await learn([
        [candidate('Lives in Rome'), { kind: 'discard', of: ids[0]!, reason: '' }],
        [candidate('Lives in Oslo'), { kind: 'discard', of: ids[1]!, reason: '' }],
        [candidate('Lives in Bern'), { kind: 'update', supersedes: ids, reason: '' }],
      ])
      expect(learned).toMatchObject({ superseded: [], confirmed: [] })
      expect(await find(work, ids[0]!)).toEqual(others[0]!)
      expect(await bench.store.memories.list(everything(ben.userId))).toEqual(before)
      const again = await claimOne(ann, 'conv_2')
      await expect(
        again.learn([[candidate('x'), { kind: 'conflict', with: ids[0]!, reason: '' }]]),
      ).rejects.toMatchObject({ code: 'conflict' })
    })

    test('every turn that was read says how many memories were taken from it', async () => {
      const scope = await bench.scope()
      const known = await add(scope, 'Likes rum')
      const { turnIds, learn } = await claimOne(scope, 'conv_1', ['a', 'b', 'c'])
      await learn([
        [candidate('First'), NEW],
        [candidate('Second'), NEW],
        [candidate('second.'), NEW],
        [candidate('Third', { turnId: turnIds[1]! }), NEW],
        [candidate('Rum'), { kind: 'discard', of: known.id, reason: 'known' }],
      ])
      const { turns } = (await bench.store.conversations.find(scope.userId, 'conv_1'))!
      expect(turns.map(({ memoryCount }) => memoryCount)).toEqual([2, 1, 0])
    })

    test('without a verdict the job is done and the turns are read', async () => {
      const scope = await bench.scope()
      const { jobId, learn } = await claimOne(scope)
      expect(await learn([])).toEqual({ added: [], superseded: [], confirmed: [], conflicts: [] })
      expect(await bench.store.jobs.find(scope.userId, jobId)).toMatchObject({ state: 'done' })
      const { turns } = (await bench.store.conversations.find(scope.userId, 'conv_1'))!
      expect(turns.map(({ memoryCount }) => memoryCount)).toEqual([0, 0])
    })

    test('after a lost claim nothing is stored; the effect is there exactly once', async () => {
      const scope = await bench.scope()
      const rome = await add(scope, 'Lives in Rome')
      const { jobId, learn } = await claimOne(scope)
      bench.clock.at += MINUTE
      const [again] = await bench.store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
      const verdicts = [
        [candidate('Likes tea'), NEW],
        [candidate('Lives in Paris'), { kind: 'update', supersedes: [rome.id], reason: '' }],
        [candidate('Likes rum'), { kind: 'conflict', with: rome.id, reason: '' }],
      ] as const
      const before = await counts()
      expect(await learn(verdicts)).toBeNull()
      expect(await counts()).toEqual(before)
      expect(await find(scope, rome.id)).toEqual(rome)
      expect(await learn(verdicts, { fence: again!.fence })).toMatchObject({
        superseded: [rome.id],
      })
      const after = await counts()
      expect(await learn(verdicts, { fence: again!.fence })).toBeNull()
      expect(await learn(verdicts)).toBeNull()
      expect(await counts()).toEqual(after)
      expect(await bench.store.jobs.find(scope.userId, jobId)).toMatchObject({ state: 'done' })
    })

    test('of many that apply the same claim at once, one does', async () => {
      const scope = await bench.scope()
      const { learn } = await claimOne(scope)
      const results = await Promise.all(
        Array.from({ length: 20 }, () => learn([[candidate('Likes tea'), NEW]])),
      )
      expect(results.filter((learned) => learned !== null)).toHaveLength(1)
      expect(await bench.count('memories')).toBe(1)
      expect(await bench.count('events')).toBe(1)
    })

    test('memories, conflicts and the end of the job are one transaction', async () => {
      const scope = await bench.scope()
      const rome = await add(scope, 'Lives in Rome')
      const { turnIds, jobId } = await claimOne(scope)
      const before = await counts()
      const failing = failingStore(bench, () => bench.clock.at)
      const learning: Learning = {
        jobId,
        fence: 1,
        scope,
        conversationId: 'conv_1',
        turnIds,
        extractor: 'rules',
        receiptId: null,
        verdicts: [
          { candidate: candidate('Likes tea'), verdict: NEW, saidAt: START },
          {
            candidate: candidate('Lives in Paris'),
            verdict: { kind: 'conflict', with: rome.id, reason: '' },
            saidAt: START,
          },
        ],
      }
      await expect(failing.learning.apply(learning)).rejects.toThrow('last step')
      expect(await counts()).toEqual(before)
      expect(await bench.store.jobs.find(scope.userId, jobId)).toMatchObject({ state: 'running' })
    })

    test('what was learned stays when the conversation was deleted meanwhile', async () => {
      const scope = await bench.scope()
      const { learn } = await claimOne(scope)
      await bench.store.conversations.remove(scope.userId, 'conv_1')
      const learned = await learn([[candidate('Likes tea', { quote: 'I like tea' }), NEW]])
      expect(await find(scope, learned!.added[0]!)).toMatchObject({
        evidence: { conversationId: null, quote: 'I like tea' },
      })
    })
  })
}
