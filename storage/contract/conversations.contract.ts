import { describe, expect, test } from 'bun:test'
import type { Scope } from '../../memory/memory.ts'
import type { NewTurn } from '../conversations.ts'
import {
  BY,
  countRows,
  DAY,
  embedAll,
  exchange,
  failingStore,
  hashes,
  MINUTE,
  MODEL,
  newTurns,
  type Open,
  query,
  RECEIPT,
  START,
  trace,
  useStore,
} from './fixture.ts'

const SCOPE_TABLES = ['conversations', 'turns', 'receipts', 'jobs', 'namespaces'] as const

export function testConversations(dialect: string, open: Open) {
  describe(`${dialect}: conversations recorded`, () => {
    const bench = useStore(open)

    const rows = async () => {
      const counts = await Promise.all(
        SCOPE_TABLES.map((table) => countRows(bench.database, table)),
      )
      return Object.fromEntries(SCOPE_TABLES.map((table, i) => [table, counts[i]]))
    }

    test('a turn is shown among its neighbours, to its user only', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const said = ['one', 'two', 'three', 'four', 'five']
      const { turnIds } = await bench.store.conversations.record(exchange(ann, said))
      await bench.store.conversations.record(
        exchange(ann, ['other', 'talk'], { conversationId: 'conv_other' }),
      )
      const around = async (userId: string, i: number, count: number) =>
        (await bench.store.conversations.around(userId, turnIds[i]!, count)).map(
          ({ content }) => content,
        )
      expect(await around(ann.userId, 2, 1)).toEqual(['two', 'three', 'four'])
      expect(await around(ann.userId, 0, 1)).toEqual(['one', 'two'])
      expect(await around(ann.userId, 4, 9)).toEqual(said)
      expect(await around(ann.userId, 3, 0)).toEqual(['four'])
      expect(await around(ben.userId, 2, 1)).toEqual([])
      expect(await bench.store.conversations.around(ann.userId, 'turn_unknown', 1)).toEqual([])
    })

    test('an exchange without turns leaves its receipt and no conversation in the list', async () => {
      const scope = await bench.scope()
      const refused = exchange(scope, [], { receipt: RECEIPT, sessionId: 'a session' })
      const { receiptId } = await bench.store.conversations.record(refused)
      const page = { namespace: null, limit: 10, offset: 0 }
      const list = () => bench.store.conversations.list(scope.userId, page)
      expect(await list()).toEqual({ conversations: [], total: 0 })
      const receipt = await bench.store.receipts.find(scope.userId, receiptId!)
      expect(receipt).toMatchObject({ conversationId: refused.conversationId })
      // The session goes on in the same conversation.
      await bench.store.conversations.record(exchange(scope, ['Hello'], { sessionId: 'a session' }))
      expect(await list()).toMatchObject({
        conversations: [{ id: refused.conversationId, turns: 1 }],
        total: 1,
      })
    })

    test('turns, receipt, counted uses and job are one transaction', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      const before = await rows()
      const given = exchange({ ...scope, namespace: 'new' }, ['Which tea?', 'Green.'], {
        receipt: RECEIPT,
        usedMemoryIds: [memory.id],
        extraction: { source: 'proxy' },
      })
      const failing = failingStore(bench, () => bench.clock.at)
      await expect(failing.conversations.record(given)).rejects.toThrow('last step')
      expect(await rows()).toEqual(before)
      expect(await bench.store.memories.find(scope.userId, memory.id)).toEqual(memory)
    })

    test('an answer that broke off is kept and not learned from', async () => {
      const scope = await bench.scope()
      const [asked, answered] = newTurns(['I like tea', 'So you'])
      const record = (turns: NewTurn[]) =>
        bench.store.conversations.record(exchange(scope, [], { turns, extraction: {} }))
      const { turnIds } = await record([asked!, { ...answered!, truncated: true }])
      const [job] = await bench.store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
      expect(job?.payload).toMatchObject({ turn_ids: [turnIds[0]!] })
      const [, another] = newTurns(['I like tea', 'Well'])
      expect((await record([asked!, { ...another!, truncated: true }])).jobId).toBeNull()
    })

    test('an exchange leaves a conversation, its turns, a receipt and one job', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      const turns = newTurns(['Which tea?', 'Green.'])
      const stored = await bench.store.conversations.record(
        exchange(scope, [], {
          sessionId: 'session 1',
          turns: [
            { ...turns[0]!, speaker: 'Ann' },
            { ...turns[1]!, truncated: true, model: 'gpt' },
          ],
          receipt: RECEIPT,
          usedMemoryIds: [memory.id],
          extraction: { source: 'proxy' },
        }),
      )
      const { store } = bench
      const kept = await store.conversations.find(scope.userId, 'conv_1')
      expect(kept).toEqual({
        conversation: {
          id: 'conv_1',
          namespace: 'default',
          source: 'proxy',
          sessionId: 'session 1',
          turns: 2,
          createdAt: START,
          updatedAt: START,
        },
        turns: [
          {
            id: stored.turnIds[0]!,
            conversationId: 'conv_1',
            namespace: 'default',
            position: 0,
            role: 'user',
            speaker: 'Ann',
            content: 'Which tea?',
            truncated: false,
            model: null,
            saidAt: START,
            createdAt: START,
            memoryCount: null,
          },
          {
            id: stored.turnIds[1]!,
            conversationId: 'conv_1',
            namespace: 'default',
            position: 1,
            role: 'assistant',
            speaker: null,
            content: 'Green.',
            truncated: true,
            model: 'gpt',
            saidAt: START + 1,
            createdAt: START,
            memoryCount: null,
          },
        ],
      })
      const receipt = await store.receipts.find(scope.userId, stored.receiptId!)
      expect(receipt).toMatchObject({
        ...RECEIPT,
        detail: JSON.parse(RECEIPT.detail),
        conversationId: 'conv_1',
        turnId: stored.turnIds[0],
      })
      const job = await store.jobs.find(scope.userId, stored.jobId!)
      expect(job).toMatchObject({
        kind: 'extract',
        state: 'queued',
        payload: {
          source: 'proxy',
          turn_ids: [stored.turnIds[0]!],
          receipt_id: stored.receiptId,
        },
      })
      const used = await store.memories.find(scope.userId, memory.id)
      expect(used).toMatchObject({ accessCount: 1, lastAccessedAt: START })
      expect((await store.jobs.counts()).embed.queued).toBe(3)
    })

    test('the history that a request repeats is not stored twice', async () => {
      const scope = await bench.scope()
      const first = await bench.store.conversations.record(exchange(scope, ['a', 'b']))
      const second = await bench.store.conversations.record(
        exchange(scope, ['a', 'b', 'c', 'd'], { extraction: {} }),
      )
      expect(second.turnIds.slice(0, 2)).toEqual([...first.turnIds])
      const { turns } = (await bench.store.conversations.find(scope.userId, 'conv_1'))!
      expect(turns.map(({ content, position }) => [content, position])).toEqual([
        ['a', 0],
        ['b', 1],
        ['c', 2],
        ['d', 3],
      ])
      const job = await bench.store.jobs.find(scope.userId, second.jobId!)
      expect(job!.payload.turn_ids).toEqual(second.turnIds.slice(2))
    })

    test('without a new turn nothing is to be learned', async () => {
      const scope = await bench.scope()
      const given = exchange(scope, ['a', 'b'], { extraction: {} })
      const first = await bench.store.conversations.record(given)
      expect(first.jobId).toMatch(/^job_/)
      const again = await bench.store.conversations.record(given)
      expect(again).toEqual({ turnIds: first.turnIds, jobId: null, receiptId: null })
      const nothing = await bench.store.conversations.record(
        exchange(scope, ['x'], { conversationId: 'conv_2', extraction: null }),
      )
      expect(nothing.jobId).toBeNull()
    })

    test('the use of another user’s memory is not counted', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const { memory } = await bench.store.memories.add(ann, { content: 'Likes tea' }, BY)
      await bench.store.conversations.record(exchange(ben, ['a'], { usedMemoryIds: [memory.id] }))
      expect(await bench.store.memories.find(ann.userId, memory.id)).toEqual(memory)
    })

    test('nothing is added to a conversation of another scope', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      await bench.store.conversations.record(exchange(ann, ['a', 'b']))
      const before = await bench.store.conversations.find(ann.userId, 'conv_1')
      bench.clock.at += MINUTE
      for (const scope of [ben, { ...ann, namespace: 'work' }]) {
        await expect(
          bench.store.conversations.record(exchange(scope, ['x', 'y'], { receipt: RECEIPT })),
        ).rejects.toMatchObject({ code: 'not_found' })
      }
      expect(await bench.store.conversations.find(ann.userId, 'conv_1')).toEqual(before)
      expect(await bench.count('receipts')).toBe(0)
    })

    test('of two requests that begin one session, both keep the conversation they were told', async () => {
      const scope = await bench.scope()
      const { conversations } = bench.store
      const named = trace(['a'], { sessionId: 's' })
      const [first, second] = await Promise.all([
        conversations.locate(scope, named),
        conversations.locate(scope, named),
      ])
      expect(first!.id).not.toBe(second!.id)
      for (const [id, answer] of [
        [first!.id, 'b'],
        [second!.id, 'c'],
      ] as const) {
        const given = { conversationId: id, sessionId: 's' }
        await conversations.record(exchange(scope, ['a', answer], given))
      }
      for (const { id } of [first!, second!]) {
        expect((await conversations.find(scope.userId, id))!.turns).toHaveLength(2)
      }
      expect((await conversations.locate(scope, named)).id).toBe(first!.id)
    })
  })

  describe(`${dialect}: conversations located`, () => {
    const bench = useStore(open)
    const locate = (scope: Scope, ...args: Parameters<typeof trace>) =>
      bench.store.conversations.locate(scope, trace(...args))

    test('by our id, when it is of the scope', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      await bench.store.conversations.record(exchange(ann, ['a', 'b']))
      const byId = { conversationId: 'conv_1' }
      expect(await locate(ann, ['a', 'b', 'c'], byId)).toEqual({ id: 'conv_1', known: 2 })
      expect(await locate(ann, ['other'], byId)).toEqual({ id: 'conv_1', known: 0 })
      expect(await locate(ann, [], byId)).toEqual({ id: 'conv_1', known: 0 })
      for (const scope of [ben, { ...ann, namespace: 'work' }]) {
        await expect(locate(scope, ['a'], byId)).rejects.toMatchObject({ code: 'not_found' })
      }
      const unknown = locate(ann, ['a'], { conversationId: 'conv_unknown' })
      await expect(unknown).rejects.toMatchObject({ code: 'not_found' })
    })

    test('by the client’s session, of the same source', async () => {
      const scope = await bench.scope()
      const session = { sessionId: 's' }
      await bench.store.conversations.record(exchange(scope, ['a', 'b'], session))
      expect(await locate(scope, ['a', 'b', 'c'], session)).toEqual({ id: 'conv_1', known: 2 })
      expect(await locate(scope, ['x'], session)).toEqual({ id: 'conv_1', known: 0 })
      const others = [
        await locate(scope, ['a', 'b', 'c'], { sessionId: 'other' }),
        await locate(scope, ['a', 'b', 'c'], { ...session, source: 'mcp' }),
        await locate({ ...scope, namespace: 'work' }, ['a', 'b', 'c'], session),
      ]
      for (const { id, known } of others) {
        expect(id).not.toBe('conv_1')
        expect(known).toBe(0)
      }
    })

    test('by the history it carries, the newest of several', async () => {
      const scope = await bench.scope()
      await bench.store.conversations.record(exchange(scope, ['a', 'b']))
      await bench.store.conversations.record(
        exchange(scope, ['a', 'b', 'c', 'd'], { conversationId: 'conv_2' }),
      )
      bench.clock.at += DAY
      expect(await locate(scope, ['a', 'b', 'x'])).toEqual({ id: 'conv_2', known: 2 })
      expect(await locate(scope, ['a', 'b', 'c', 'd', 'e'])).toEqual({ id: 'conv_2', known: 4 })
      expect((await locate(scope, ['b', 'a'])).known).toBe(0)
      expect((await locate({ ...scope, namespace: 'work' }, ['a', 'b', 'x'])).known).toBe(0)
    })

    test('a long history is found by its newest turns', async () => {
      const scope = await bench.scope()
      const contents = Array.from({ length: 5_000 }, (_, i) => `turn ${i}`)
      const turns = newTurns(contents.slice(-4), contents.slice(0, -4)).slice(0, 3)
      await bench.store.conversations.record(exchange(scope, [], { turns }))
      expect(await locate(scope, contents)).toEqual({ id: 'conv_1', known: 4_999 })
    })

    test('two chats that begin alike are two', async () => {
      const scope = await bench.scope()
      await bench.store.conversations.record(exchange(scope, ['hi', 'Hello!', 'How is tea made?']))
      const soon = await locate(scope, ['hi'])
      expect(soon).toEqual({ id: expect.not.stringMatching(/^conv_1$/), known: 0 })
      expect((await locate(scope, ['hi', 'Good day!', 'next'])).id).not.toBe('conv_1')
      bench.clock.at += DAY
      expect((await locate(scope, ['hi'])).id).not.toBe('conv_1')
      expect(await locate(scope, ['hi', 'Hello!', 'x'])).toEqual({ id: 'conv_1', known: 2 })
    })

    test('the last question asked again soon is a retry; later it begins another chat', async () => {
      const scope = await bench.scope()
      const given = { receipt: null, usedMemoryIds: [], extraction: {}, scope }
      const ask = () =>
        bench.store.conversations.recordLocated(trace(['hi']), {
          ...given,
          turns: newTurns(['hi', 'Hello!']),
        })
      const first = await ask()
      bench.clock.at += 10 * MINUTE - 1
      expect(await ask()).toEqual({ ...first, jobId: null })
      expect(await bench.count('turns')).toBe(2)
      bench.clock.at += 1
      const other = await ask()
      expect(other.conversationId).not.toBe(first.conversationId)
      expect(await bench.count('turns')).toBe(4)
    })

    test('the same exchange a hundred times at once leaves one', async () => {
      const scope = await bench.scope()
      const turns = newTurns(['Which tea?', 'Green.'])
      const answers = await Promise.all(
        Array.from({ length: 100 }, () =>
          bench.store.conversations.recordLocated(trace(['Which tea?']), {
            scope,
            turns,
            receipt: null,
            usedMemoryIds: [],
            extraction: {},
          }),
        ),
      )
      expect(new Set(answers.map(({ conversationId }) => conversationId)).size).toBe(1)
      expect(new Set(answers.map(({ turnIds }) => turnIds.join())).size).toBe(1)
      expect(answers.filter(({ jobId }) => jobId !== null)).toHaveLength(1)
      expect(await bench.count('conversations')).toBe(1)
      expect(await bench.count('turns')).toBe(2)
      expect((await bench.store.jobs.counts()).extract.queued).toBe(1)
    })
  })

  describe(`${dialect}: conversations kept`, () => {
    const bench = useStore(open)

    test('conversations are listed by their last turn, newest first, by pages', async () => {
      const scope = await bench.scope()
      for (const [i, namespace] of ['default', 'work', 'default'].entries()) {
        bench.clock.at = START + i * MINUTE
        await bench.store.conversations.record(
          exchange({ ...scope, namespace }, ['a', 'b'], { conversationId: `conv_${i}` }),
        )
      }
      bench.clock.at = START + 3 * MINUTE
      await bench.store.conversations.record(
        exchange(scope, ['a', 'b', 'c'], { conversationId: 'conv_0' }),
      )
      const list = async (namespace: string | null, limit = 10, offset = 0) => {
        const { conversations, total } = await bench.store.conversations.list(scope.userId, {
          namespace,
          limit,
          offset,
        })
        return [conversations.map(({ id, turns }) => `${id}: ${turns}`), total]
      }
      expect(await list(null)).toEqual([['conv_0: 3', 'conv_2: 2', 'conv_1: 2'], 3])
      expect(await list('default')).toEqual([['conv_0: 3', 'conv_2: 2'], 2])
      expect(await list(null, 1, 1)).toEqual([['conv_2: 2'], 3])
      expect(await list('nowhere')).toEqual([[], 0])
    })

    test('extraction reads the named turns in order, with those before them', async () => {
      const scope = await bench.scope()
      const { turnIds } = await bench.store.conversations.record(
        exchange(scope, ['a', 'b', 'c', 'd', 'e']),
      )
      const read = async (ids: readonly string[], before: number) => {
        const { turns, context } = await bench.store.conversations.turnsForExtraction(ids, before)
        return [context, turns].map((some) => some.map(({ content }) => content).join(''))
      }
      expect(await read([turnIds[4]!, turnIds[3]!], 2)).toEqual(['bc', 'de'])
      expect(await read(turnIds, 5)).toEqual(['', 'abcde'])
      expect(await read([turnIds[2]!], 0)).toEqual(['', 'c'])
      expect(await read(['turn_unknown'], 5)).toEqual(['', ''])
      expect(await read([], 5)).toEqual(['', ''])
    })

    test('a removed conversation takes its turns along; what was learned stays', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      const { turnIds, receiptId } = await bench.store.conversations.record(
        exchange(ann, ['I like oolong', 'Noted.'], { receipt: RECEIPT }),
      )
      const evidence = { conversationId: 'conv_1', turnId: turnIds[0]!, quote: 'oolong' }
      const given = { content: 'Likes oolong', evidence }
      const { memory } = await bench.store.memories.add(ann, given, BY)
      await embedAll(bench, modelId)
      const searchTurns = async () => {
        const { turns } = await bench.recall.search(ann, query('oolong'), null)
        return turns.map(({ turn }) => turn.content)
      }
      expect(await searchTurns()).toEqual(['I like oolong', 'Noted.'])

      const { conversations, memories, receipts } = bench.store
      expect(await conversations.remove(ben.userId, 'conv_1')).toBe(false)
      expect((await conversations.find(ann.userId, 'conv_1'))!.turns).toHaveLength(2)
      expect(await conversations.remove(ann.userId, 'conv_1')).toBe(true)
      expect(await conversations.remove(ann.userId, 'conv_1')).toBe(false)
      expect(await conversations.find(ann.userId, 'conv_1')).toBeNull()
      expect(await bench.count('turns')).toBe(0)
      expect(await bench.count('vectors')).toBe(1)
      expect(await searchTurns()).toEqual([])
      expect(await memories.find(ann.userId, memory.id)).toEqual(memory)
      expect(await receipts.find(ann.userId, receiptId!)).toMatchObject({ conversationId: null })
    })

    test('conversations whose last turn is old are purged', async () => {
      const scope = await bench.scope()
      for (const id of ['conv_old', 'conv_older', 'conv_continued']) {
        await bench.store.conversations.record(exchange(scope, [id, 'b'], { conversationId: id }))
      }
      bench.clock.at += DAY
      await bench.store.conversations.record(
        exchange(scope, ['conv_continued', 'b', 'c'], { conversationId: 'conv_continued' }),
      )
      expect(await bench.store.conversations.purge(START)).toBe(0)
      expect(await bench.store.conversations.purge(START + DAY)).toBe(2)
      expect(await bench.count('conversations')).toBe(1)
      expect(await bench.count('turns')).toBe(3)
      const { turns } = await bench.recall.search(scope, query('conv_old'), null)
      expect(turns.map(({ turn }) => turn.conversationId)).not.toContain('conv_old')
    })
  })

  describe(`${dialect}: receipts`, () => {
    const bench = useStore(open)

    test('a receipt says what recall did, whatever its detail holds', async () => {
      const scope = await bench.scope()
      const detail = { candidates: [{ memory_id: 'mem_1', score: 1.25, why: null }], 'ä"': '😀' }
      const id = await bench.store.receipts.add(scope, {
        ...RECEIPT,
        id: 'rcp_chosen',
        kind: 'search',
        tookMs: 0.125,
        detail: JSON.stringify(detail),
      })
      expect(id).toBe('rcp_chosen')
      expect(await bench.store.receipts.find(scope.userId, id)).toEqual({
        ...RECEIPT,
        id,
        namespace: 'default',
        conversationId: null,
        turnId: null,
        kind: 'search',
        tookMs: 0.125,
        detail,
        createdAt: START,
      })
    })

    test('receipts are listed newest first, by namespace, conversation and kind', async () => {
      const scope = await bench.scope()
      const add = (namespace: string, kind: 'chat' | 'search') =>
        bench.store.receipts.add({ ...scope, namespace }, { ...RECEIPT, kind })
      const ids = [await add('default', 'chat'), await add('work', 'search')]
      const { receiptId } = await bench.store.conversations.record(
        exchange(scope, ['a', 'b'], { receipt: { ...RECEIPT, kind: 'chat' } }),
      )
      ids.push(receiptId!)
      const all = { namespace: null, conversationId: null, kind: null, limit: 10, offset: 0 }
      const list = async (filter: object) => {
        const { receipts, total } = await bench.store.receipts.list(scope.userId, {
          ...all,
          ...filter,
        })
        return [receipts.map(({ id }) => ids.indexOf(id)), total]
      }
      expect(await list({})).toEqual([[2, 1, 0], 3])
      expect(await list({ namespace: 'default' })).toEqual([[2, 0], 2])
      expect(await list({ namespace: 'nowhere' })).toEqual([[], 0])
      expect(await list({ conversationId: 'conv_1' })).toEqual([[2], 1])
      expect(await list({ kind: 'search' })).toEqual([[1], 1])
      expect(await list({ limit: 1, offset: 1 })).toEqual([[1], 3])
    })

    test('receipts are found by their first characters, at most two', async () => {
      const scope = await bench.scope()
      for (const id of ['rcp_a1', 'rcp_a2', 'rcp_a3', 'rcp_b', 'rcp_%']) {
        await bench.store.receipts.add(scope, { ...RECEIPT, id })
      }
      const findIds = (prefix: string) => bench.store.receipts.findIds(scope.userId, prefix)
      expect(await findIds('rcp_b')).toEqual(['rcp_b'])
      expect(await findIds('rcp_a')).toEqual(['rcp_a1', 'rcp_a2'])
      expect(await findIds('rcp_%')).toEqual(['rcp_%'])
      expect(await findIds('x')).toEqual([])
    })

    test('old receipts are purged', async () => {
      const scope = await bench.scope()
      await bench.store.receipts.add(scope, RECEIPT)
      bench.clock.at += DAY
      const kept = await bench.store.receipts.add(scope, RECEIPT)
      expect(await bench.store.receipts.purge(START + DAY)).toBe(1)
      expect(await bench.store.receipts.findIds(scope.userId, 'rcp_')).toEqual([kept])
    })
  })

  test(`${dialect}: hashes of the tests' histories tell prefixes apart`, () => {
    const [ab, abc, ba] = [hashes(['a', 'b']), hashes(['a', 'b', 'c']), hashes(['b', 'a'])]
    expect(abc.slice(0, 2)).toEqual(ab)
    expect(ba[1]).not.toEqual(ab[1]!)
  })
}
