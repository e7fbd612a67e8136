import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Memory, NewMemory } from '../../memory/memory.ts'
import type { ExportedMemory, MemoryFilter } from '../memories.ts'
import { sql } from '../sql.ts'
import {
  BY,
  DAY,
  everything,
  failingStore,
  found,
  MINUTE,
  type Open,
  START,
  useStore,
} from './fixture.ts'

export function testMemories(dialect: string, open: Open) {
  describe(`${dialect}: memories`, () => {
    const bench = useStore(open)

    test('a memory has everything its writer left out', async () => {
      const scope = await bench.scope()
      const { memory, created } = await bench.store.memories.add(
        scope,
        { content: 'The tea is in the cupboard' },
        BY,
      )
      expect(created).toBe(true)
      expect(memory).toEqual({
        id: expect.stringMatching(/^mem_[0-9a-z]{26}$/),
        userId: scope.userId,
        namespace: 'default',
        content: 'The tea is in the cupboard',
        category: 'general',
        status: 'approved',
        pinned: false,
        confidence: 1,
        source: 'manual',
        origin: 'user',
        validFrom: null,
        validTo: null,
        supersededBy: null,
        expiresAt: null,
        evidence: { conversationId: null, turnId: null, quote: null },
        metadata: {},
        accessCount: 0,
        lastAccessedAt: null,
        lastConfirmedAt: null,
        createdAt: START,
        updatedAt: START,
      })
      expect(await bench.store.memories.find(scope.userId, memory.id)).toEqual(memory)
    })

    test('a memory, its text entry, its event and its embedding job are one transaction', async () => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Likes coffee' }, BY)
      const failing = failingStore(bench, () => bench.clock.at)
      await expect(
        failing.memories.add({ ...scope, namespace: 'new' }, { content: 'Likes tea' }, BY),
      ).rejects.toThrow('the last step failed')
      expect(await bench.count('memories')).toBe(1)
      expect(await bench.count('events')).toBe(1)
      expect(await bench.count('jobs')).toBe(1)
      expect(await bench.count('namespaces')).toBe(1)
      expect(await bench.store.memories.alike(scope, 'tea', 10)).toEqual([])
      // The text index has no entry left that would stand in the way of the next memory.
      await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      expect(await bench.store.memories.alike(scope, 'tea', 10)).toHaveLength(1)
    })

    test('a memory is stored with its text entry, event and embedding job', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      expect(await bench.store.memories.alike(scope, 'which teas', 10)).toEqual([memory])
      const [event] = await bench.store.journal.ofMemory(scope.userId, memory.id)
      expect(event).toMatchObject({ kind: 'added', actor: 'user', before: null, after: memory })
      const jobs = await bench.store.jobs.counts()
      expect(jobs.embed.queued).toBe(1)
    })

    test.each([
      ['the same words', 'Likes green tea'],
      ['another case', 'likes GREEN tea'],
      ['other spacing', '  Likes  green\ttea\n'],
      ['end punctuation', 'Likes green tea.'],
      ['several marks and a space', 'Likes green tea !;. '],
      ['wide letters', 'Ｌikes green tea'],
    ])('said again with %s, it is confirmed and not stored twice', async (_, again) => {
      const scope = await bench.scope()
      const first = await bench.store.memories.add(scope, { content: 'Likes green tea' }, BY)
      bench.clock.at += DAY
      const second = await bench.store.memories.add(scope, { content: again }, BY)
      expect(second).toMatchObject({ created: false, changed: [] })
      expect(second.memory).toEqual({
        ...first.memory,
        lastConfirmedAt: START + DAY,
        updatedAt: START + DAY,
      })
      expect(await bench.count('memories')).toBe(1)
      const events = await bench.store.journal.ofMemory(scope.userId, first.memory.id)
      expect(events.map(({ kind }) => kind)).toEqual(['added', 'confirmed'])
    })

    test.each([
      ['a question mark', 'Likes green tea?'],
      ['another word', 'Likes black tea'],
      ['a word more', 'Likes green tea leaves'],
      ['another accent', 'Likes green téa'],
    ])('%s makes another statement', async (_, other) => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Likes green tea' }, BY)
      const { created } = await bench.store.memories.add(scope, { content: other }, BY)
      expect(created).toBe(true)
    })

    test('different marks without a letter are different statements', async () => {
      const scope = await bench.scope()
      for (const content of ['...', '!!', ':']) {
        const { created } = await bench.store.memories.add(scope, { content }, BY)
        expect(created).toBe(true)
      }
      const again = await bench.store.memories.add(scope, { content: ' !! ' }, BY)
      expect(again.created).toBe(false)
    })

    test('the same words in another namespace are another memory', async () => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      const work = { ...scope, namespace: 'work' }
      const { created } = await bench.store.memories.add(work, { content: 'Likes tea' }, BY)
      expect(created).toBe(true)
    })

    test.each(['rejected', 'superseded'] as const)(
      'a %s memory does not swallow the same statement said again',
      async (status) => {
        const scope = await bench.scope()
        const old = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
        await bench.store.memories.change(scope.userId, old.memory.id, { status }, BY)
        const again = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
        expect(again.created).toBe(true)
        expect(again.memory.status).toBe('approved')
        const kept = await bench.store.memories.find(scope.userId, old.memory.id)
        expect(kept?.status).toBe(status)
        expect(await found(bench, scope, 'tea')).toEqual(['Likes tea'])
      },
    )

    test.each([
      ['has expired', { expiresAt: START + MINUTE }],
      ['has ceased to hold', { validTo: START + MINUTE }],
    ])('a memory that %s does not swallow the same statement said again', async (_, end) => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Is in Rome', ...end }, BY)
      bench.clock.at += MINUTE
      const again = await bench.store.memories.add(scope, { content: 'Is in Rome' }, BY)
      expect(again.created).toBe(true)
      expect(await found(bench, scope, 'Rome', { now: bench.clock.at })).toEqual(['Is in Rome'])
    })

    test('said again with another end it ends then, and without one it goes on', async () => {
      const scope = await bench.scope()
      const ends = async (given: Partial<NewMemory>) =>
        (await bench.store.memories.add(scope, { content: 'Is in Rome', ...given }, BY)).memory
          .expiresAt
      expect(await ends({ expiresAt: START + 2 * DAY })).toBe(START + 2 * DAY)
      expect(await ends({ expiresAt: START + DAY })).toBe(START + DAY)
      expect(await ends({ expiresAt: START + 3 * DAY })).toBe(START + 3 * DAY)
      expect(await ends({})).toBeNull()
    })

    test('what is said anew about a known statement is taken over, told, and can be undone', async () => {
      const scope = await bench.scope()
      const content = 'The staging server runs Postgres 15'
      const metadata = { from: 'a', kept: true }
      const first = await bench.store.memories.add(scope, { content, metadata }, BY)
      expect(first).toMatchObject({ created: true, changed: [], memory: { category: 'general' } })
      const again = {
        content,
        category: 'infrastructure',
        pinned: true,
        expiresAt: START + DAY,
        validFrom: START - DAY,
        metadata: { from: 'b', ticket: 7 },
      }
      const second = await bench.store.memories.add(scope, again, BY)
      expect(second).toMatchObject({
        created: false,
        changed: ['category', 'pinned', 'expiresAt', 'validFrom', 'metadata'],
        memory: { ...again, metadata: { from: 'a', kept: true, ticket: 7 } },
      })
      const events = await bench.store.journal.ofMemory(scope.userId, first.memory.id)
      expect(events.map(({ kind }) => kind)).toEqual(['added', 'updated'])
      await bench.store.journal.undo(scope.userId, first.memory.id, 'user')
      const undone = await bench.store.memories.find(scope.userId, first.memory.id)
      expect(undone).toMatchObject({
        category: 'general',
        pinned: false,
        expiresAt: null,
        metadata,
      })
    })

    test('a category is derived when none is given, and one that somebody chose stays', async () => {
      const scope = await bench.scope()
      const add = (more: Partial<NewMemory>) =>
        bench.store.memories.add(scope, { content: 'User prefers tabs', ...more }, BY)
      expect((await add({})).memory.category).toBe('preferences')
      expect(await add({ category: 'editor' })).toMatchObject({
        changed: ['category'],
        memory: { category: 'editor' },
      })
      expect(await add({ category: 'skills' })).toMatchObject({
        changed: [],
        memory: { category: 'editor' },
      })
    })

    test('said by the user, a memory that waits for review is approved', async () => {
      const scope = await bench.scope()
      const content = 'Likes tea'
      const waiting = await bench.store.memories.add(scope, { content, status: 'pending' }, BY)
      expect(await found(bench, scope, 'tea')).toEqual([])
      const again = await bench.store.memories.add(scope, { content, status: 'pending' }, BY)
      expect(again).toMatchObject({ created: false, memory: { status: 'pending' } })
      const said = await bench.store.memories.add(scope, { content }, BY)
      expect(said).toMatchObject({
        created: false,
        memory: { id: waiting.memory.id, status: 'approved' },
      })
      expect(await found(bench, scope, 'tea')).toEqual([content])
      const events = await bench.store.journal.ofMemory(scope.userId, waiting.memory.id)
      expect(events.map(({ kind }) => kind)).toEqual(['added', 'confirmed', 'approved'])
    })

    test('a memory added as pending leaves an approved one approved', async () => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      const again = { content: 'Likes tea', status: 'pending' } as const
      const { memory } = await bench.store.memories.add(scope, again, BY)
      expect(memory.status).toBe('approved')
    })

    test('an id that is taken is refused', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const { memory } = await bench.store.memories.add(ann, { content: 'Likes tea' }, BY)
      for (const scope of [ann, ben]) {
        await expect(
          bench.store.memories.add(scope, { id: memory.id, content: 'Likes coffee' }, BY),
        ).rejects.toMatchObject({ code: 'conflict' })
      }
    })

    test('evidence is kept as it is given, also when its conversation is not here', async () => {
      const scope = await bench.scope()
      const evidence = { conversationId: 'conv_elsewhere', turnId: 'turn_x', quote: 'I like tea' }
      const { memory } = await bench.store.memories.add(
        scope,
        { content: 'Likes tea', evidence },
        BY,
      )
      expect(memory.evidence).toEqual(evidence)
    })

    test('ids are found by their first characters, as they are', async () => {
      const scope = await bench.scope()
      for (const id of ['mem_a1', 'mem_a2', 'mem_b', 'mem_%', 'mem__']) {
        await bench.store.memories.add(scope, { id, content: `memory ${id}` }, BY)
      }
      const findIds = async (idPrefix: string) => {
        const filter = { userId: scope.userId, namespace: null, status: null, category: null }
        const page = { order: 'created_at', direction: 'asc', limit: 9, offset: 0 } as const
        const { memories } = await bench.store.memories.list({
          ...filter,
          ...page,
          search: null,
          idPrefix,
        })
        return memories.map(({ id }) => id)
      }
      expect(await findIds('mem_a')).toEqual(['mem_a1', 'mem_a2'])
      expect(await findIds('mem_%')).toEqual(['mem_%'])
      expect(await findIds('mem__')).toEqual(['mem__'])
      expect(await findIds('mem_c')).toEqual([])
      expect(await findIds('')).toHaveLength(5)
    })

    test('memories are found by id in one namespace, in any state', async () => {
      const scope = await bench.scope()
      const ids: string[] = []
      for (const status of ['approved', 'pending', 'rejected', 'superseded'] as const) {
        const given = { content: `is ${status}`, status }
        ids.push((await bench.store.memories.add(scope, given, BY)).memory.id)
      }
      const elsewhere = { ...scope, namespace: 'work' }
      const other = await bench.store.memories.add(elsewhere, { content: 'at work' }, BY)
      const asked = [...ids, other.memory.id, 'mem_unknown']
      const here = await bench.store.memories.findMany(scope, asked)
      expect(here.map(({ id }) => id).sort()).toEqual(ids.toSorted())
      expect(await bench.store.memories.findMany(elsewhere, asked)).toEqual([other.memory])
      expect(await bench.store.memories.findMany(scope, [])).toEqual([])
    })

    test('memories are found by the attribute they state', async () => {
      const scope = await bench.scope()
      const home = { slot: 'user home' }
      const given = { content: 'Lives in Rome', metadata: home }
      const { memory } = await bench.store.memories.add(scope, given, BY)
      await bench.store.memories.add(scope, { content: 'Lives well', metadata: { slot: 7 } }, BY)
      const elsewhere = { ...scope, namespace: 'work' }
      await bench.store.memories.add(elsewhere, { content: 'Works in Rome', metadata: home }, BY)
      const inSlot = () => bench.store.memories.inSlot(scope, 'user home')
      expect(await inSlot()).toEqual([memory])
      expect(await bench.store.memories.inSlot({ ...scope, namespace: 'x' }, 'user home')).toEqual(
        [],
      )
      await bench.store.memories.change(
        scope.userId,
        memory.id,
        { content: 'Likes Rome', metadata: {} },
        BY,
      )
      expect(await inSlot()).toEqual([])
      const { memory: stated } = await bench.store.memories.add(
        scope,
        { content: 'User lives in Bern' },
        BY,
      )
      expect(await inSlot()).toEqual([stated])
    })

    test('memories of some turns come in the order of their conversation', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const learn = (userId: string, id: string, place: number, turnId: string) => {
        const evidence = { conversationId: 'conv_1', turnId, quote: null }
        const item = { id, content: `of ${turnId}, ${id}`, namespace: 'default', evidence, place }
        return bench.store.memories.import(userId, [item], BY)
      }
      await learn(ann.userId, 'mem_second', 2_000, 'turn_2')
      await learn(ann.userId, 'mem_first', 1_000, 'turn_1')
      await learn(ann.userId, 'mem_other', 3_000, 'turn_3')
      await learn(ben.userId, 'mem_bens', 1_000, 'turn_1')
      const of = await bench.store.memories.ofTurns(ann.userId, ['turn_2', 'turn_1', 'turn_x'])
      expect(of.map(({ id }) => id)).toEqual(['mem_first', 'mem_second'])
      expect(await bench.store.memories.ofTurns(ann.userId, [])).toEqual([])
    })

    test('uses are counted, once a call', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      await bench.store.memories.countUse([memory.id, memory.id, 'mem_unknown'], START + 5)
      await bench.store.memories.countUse([], START + 6)
      const used = await bench.store.memories.find(scope.userId, memory.id)
      expect(used).toEqual({ ...memory, accessCount: 1, lastAccessedAt: START + 5 })
    })

    test('memories are counted by state', async () => {
      const scope = await bench.scope()
      for (const [status, n] of [
        ['approved', 3],
        ['pending', 2],
        ['rejected', 1],
      ] as const) {
        for (let i = 0; i < n; i++) {
          await bench.store.memories.add(scope, { content: `${status} ${i}`, status }, BY)
        }
      }
      const counts = { approved: 3, pending: 2, rejected: 1, superseded: 0 }
      expect(await bench.store.memories.counts(scope.userId)).toEqual(counts)
      const none = { approved: 0, pending: 0, rejected: 0, superseded: 0 }
      expect(await bench.store.memories.counts('usr_unknown')).toEqual(none)
    })
  })

  describe(`${dialect}: memories changed`, () => {
    const bench = useStore(open)

    test('a change touches what it names and nothing else', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      bench.clock.at += MINUTE
      const patch = {
        content: 'Likes coffee',
        category: 'preferences',
        pinned: true,
        expiresAt: START + DAY,
        metadata: { a: [1, { b: null }] },
        validFrom: START - DAY,
        validTo: START + DAY,
        status: undefined,
      }
      const { status: _status, ...named } = patch
      const changed = await bench.store.memories.change(scope.userId, memory.id, patch, BY)
      expect(changed).toEqual({ ...memory, ...named, updatedAt: START + MINUTE })
      expect(await bench.store.memories.find(scope.userId, memory.id)).toEqual(changed)
      const events = await bench.store.journal.ofMemory(scope.userId, memory.id)
      expect(events[1]).toMatchObject({ kind: 'updated', before: memory, after: changed })
    })

    test('new words replace the old ones in search', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      await bench.store.memories.change(scope.userId, memory.id, { content: 'Likes coffee' }, BY)
      const search = async (text: string) =>
        (await bench.store.memories.list({ ...everything(scope.userId), search: text })).total
      expect([await search('tea'), await search('coffee'), await search('likes')]).toEqual([
        0, 1, 1,
      ])
      expect(await found(bench, scope, 'tea')).toEqual([])
      expect(await found(bench, scope, 'coffee')).toEqual(['Likes coffee'])
      const { created } = await bench.store.memories.add(scope, { content: 'likes coffee.' }, BY)
      expect(created).toBe(false)
    })

    test('an approval confirms; a superseded memory approved again holds again', async () => {
      const scope = await bench.scope()
      const given: NewMemory = {
        content: 'Lives in Rome',
        status: 'superseded',
        supersededBy: 'mem_x',
        validTo: START - DAY,
      }
      const { memory } = await bench.store.memories.add(scope, given, BY)
      const change = (patch: Partial<Memory>) =>
        bench.store.memories.change(scope.userId, memory.id, patch, BY)
      expect(await change({ status: 'approved' })).toMatchObject({
        status: 'approved',
        supersededBy: null,
        validTo: null,
        lastConfirmedAt: START,
      })
      expect(await change({ status: 'rejected' })).toMatchObject({ status: 'rejected' })
      const events = await bench.store.journal.ofMemory(scope.userId, memory.id)
      expect(events.map(({ kind }) => kind)).toEqual(['added', 'approved', 'rejected'])
    })

    test('what is not there cannot be changed or removed', async () => {
      const scope = await bench.scope()
      const missing = { code: 'not_found' }
      const { memories } = bench.store
      await expect(memories.change(scope.userId, 'mem_x', {}, BY)).rejects.toMatchObject(missing)
      await expect(memories.remove(scope.userId, 'mem_x', BY)).rejects.toMatchObject(missing)
      expect(await memories.find(scope.userId, 'mem_x')).toBeNull()
    })

    test('a removed memory leaves no row, text entry, vector or job', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      await bench.store.memories.remove(scope.userId, memory.id, BY)
      expect(await bench.count('memories')).toBe(0)
      expect(await bench.count('jobs')).toBe(0)
      expect(await bench.count('vectors')).toBe(0)
      expect(await bench.store.memories.alike(scope, 'tea', 5)).toEqual([])
      expect(await found(bench, scope, 'tea')).toEqual([])
    })

    test('all memories of a namespace are removed, or all of the user', async () => {
      const scope = await bench.scope()
      const work = { ...scope, namespace: 'work' }
      for (const where of [scope, work]) {
        for (const content of ['Likes tea', 'Likes coffee']) {
          await bench.store.memories.add(where, { content }, BY)
        }
      }
      const { memories } = bench.store
      expect(await memories.removeAll(scope.userId, 'nowhere', BY)).toBe(0)
      expect(await memories.removeAll(scope.userId, 'work', BY)).toBe(2)
      const left = await memories.list(everything(scope.userId))
      expect(left.memories.map(({ namespace }) => namespace)).toEqual(['default', 'default'])
      expect(await memories.removeAll(scope.userId, null, BY)).toBe(2)
      expect(await bench.count('memories')).toBe(0)
    })
  })

  describe(`${dialect}: memories listed`, () => {
    const bench = useStore(open)

    async function fill() {
      const scope = await bench.scope()
      for (let i = 0; i < 30; i++) {
        bench.clock.at = START + Math.floor(i / 3) * MINUTE // several of the same instant
        const given: NewMemory = {
          content: `memory ${i} about ${['tea', 'coffee', 'water'][i % 3]}`,
          category: ['general', 'skills'][i % 2]!,
          status: (['approved', 'pending', 'rejected', 'superseded'] as const)[i % 4]!,
          accessCount: (i * 7) % 5,
          pinned: i % 5 === 0,
          ...(i % 3 === 0 ? {} : { lastAccessedAt: START + ((i * 11) % 13) }),
          updatedAt: START + ((i * 5) % 17),
        }
        await bench.store.memories.add({ ...scope, namespace: ['a', 'b'][i % 2]! }, given, BY)
      }
      const { memories } = await bench.store.memories.list(everything(scope.userId))
      return { scope, memories }
    }

    const VALUE: Record<MemoryFilter['order'], (memory: Memory) => number> = {
      created_at: (memory) => memory.createdAt,
      updated_at: (memory) => memory.updatedAt,
      last_accessed: (memory) => memory.lastAccessedAt ?? 0,
      access_count: (memory) => memory.accessCount,
    }

    test('every order and direction sorts all, and pages add up to the whole', async () => {
      const { scope } = await fill()
      for (const order of Object.keys(VALUE) as MemoryFilter['order'][]) {
        for (const direction of ['asc', 'desc'] as const) {
          const filter = { ...everything(scope.userId), order, direction }
          const whole = await bench.store.memories.list(filter)
          const values = whole.memories.map(VALUE[order])
          const sorted = values.toSorted((a, b) => (direction === 'asc' ? a - b : b - a))
          expect(values).toEqual(sorted)
          expect(whole.total).toBe(30)
          const paged: Memory[] = []
          for (let offset = 0; offset < 35; offset += 7) {
            const page = await bench.store.memories.list({ ...filter, limit: 7, offset })
            expect(page.total).toBe(30)
            paged.push(...page.memories)
          }
          expect(paged).toEqual(whole.memories)
        }
      }
    })

    test('the pinned ones are listed alone, and the others without them', async () => {
      const { scope, memories } = await fill()
      for (const pinned of [true, false, null]) {
        const listed = await bench.store.memories.list({ ...everything(scope.userId), pinned })
        const expected = memories.filter((one) => pinned === null || one.pinned === pinned)
        expect(listed).toEqual({ memories: expected, total: expected.length })
        expect(expected.length).toBeGreaterThan(0)
      }
    })

    test('every combination of filters lists what passes it, and counts the same', async () => {
      const { scope, memories } = await fill()
      for (const namespace of [null, 'a', 'b', 'nowhere']) {
        for (const status of [null, 'approved', 'pending', 'rejected', 'superseded'] as const) {
          for (const category of [null, 'general', 'skills', 'none']) {
            for (const search of [null, 'tea', 'tea memory', 'cocoa']) {
              const expected = memories.filter(
                (memory) =>
                  (namespace === null || memory.namespace === namespace) &&
                  (status === null || memory.status === status) &&
                  (category === null || memory.category === category) &&
                  (search === null ||
                    search.split(' ').every((word) => memory.content.includes(word))),
              )
              const filter = { ...everything(scope.userId), namespace, status, category, search }
              const listed = await bench.store.memories.list({ ...filter, limit: 4 })
              expect(listed.total).toBe(expected.length)
              expect(listed.memories).toEqual(expected.slice(0, 4))
            }
          }
        }
      }
    })

    test('a page and its total are of one state of the store', async () => {
      const scope = await bench.scope()
      const lists: Promise<{ memories: Memory[]; total: number }>[] = []
      const adds: Promise<unknown>[] = []
      for (let i = 0; i < 200; i++) {
        adds.push(bench.store.memories.add(scope, { content: `memory ${i}` }, BY))
        lists.push(bench.store.memories.list(everything(scope.userId)))
        if (i % 20 === 0) await Bun.sleep(0)
      }
      for (const { memories, total } of await Promise.all(lists))
        expect(total).toBe(memories.length)
      await Promise.all(adds)
    })

    test('search takes every word, in any form of it', async () => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Runs marathons in München' }, BY)
      const total = async (search: string) =>
        (await bench.store.memories.list({ ...everything(scope.userId), search })).total
      expect(await total('running marathon')).toBe(1)
      expect(await total('munchen')).toBe(1)
      expect(await total('MARATHON!')).toBe(1)
      expect(await total('marathon berlin')).toBe(0)
      expect(await total('mara')).toBe(0)
    })

    test('search spans thousands of namespaces', async () => {
      const scope = await bench.scope()
      const items = Array.from({ length: 1_500 }, (_, i) => ({
        namespace: `project ${i}`,
        content: `Uses ${i % 2 === 0 ? 'tabs' : 'spaces'} here`,
      }))
      await bench.store.memories.import(scope.userId, items, BY)
      const filter = { ...everything(scope.userId), search: 'tabs here', limit: 10 }
      expect((await bench.store.memories.list(filter)).total).toBe(750)
    })

    const HOSTILE_QUERIES = [
      'tea AND coffee',
      'tea OR secret',
      'tea NOT coffee',
      'NEAR(tea secret)',
      'NEAR(',
      '"',
      '"tea" "',
      "'",
      '*',
      'te*',
      '^tea',
      'terms:tea',
      '{terms} : tea',
      '-tea',
      'tea + coffee',
      '1_tea',
      '(((((',
      '('.repeat(5_000),
      'OR '.repeat(20_000),
      '\\',
      '%',
      '_',
      ';drop table memories',
      '',
      '   ',
      '...!?',
      '😀',
      '我喜欢喝茶',
      'お茶',
      'שלום',
      '\u202etea',
      'é'.repeat(10_000),
      'x'.repeat(100_000),
    ]

    test('no text is query syntax: it finds words of the own scope, or nothing', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      await bench.store.memories.add(ben, { content: 'Secret: likes tea, coffee, 茶 and 😀' }, BY)
      const work = { ...ann, namespace: 'work' }
      await bench.store.memories.add(work, { content: 'Secret: works with tea' }, BY)
      const { memory } = await bench.store.memories.add(ann, { content: 'Drinks tea' }, BY)
      for (const search of HOSTILE_QUERIES) {
        const filter = { ...everything(ann.userId), namespace: 'default', search }
        const { memories, total } = await bench.store.memories.list(filter)
        expect(memories.length).toBe(total)
        const alike = await bench.store.memories.alike(ann, search, 10)
        const recalled = await found(bench, ann, search)
        for (const one of [...memories, ...alike]) expect(one).toEqual(memory)
        for (const content of recalled) expect(content).toBe('Drinks tea')
      }
      const plain = { ...everything(ann.userId), namespace: 'default', search: 'tea' }
      expect((await bench.store.memories.list(plain)).total).toBe(1)
    })

    test('whatever is searched, what is found holds its words and is of the scope', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const piece = fc.oneof(
        fc.constantFrom(
          'tea',
          'coffee',
          'NEAR(',
          '"',
          "'",
          '*',
          ' OR ',
          ' AND ',
          ':',
          '(',
          ')',
          '_',
        ),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
      )
      const text = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))
      await fc.assert(
        fc.asyncProperty(text, text, async (content, search) => {
          await bench.store.memories.add(ben, { content }, BY)
          const { memory } = await bench.store.memories.add(ann, { content }, BY)
          const list = (text: string) =>
            bench.store.memories.list({ ...everything(ann.userId), search: text })
          for (const one of (await list(search)).memories) expect(one.userId).toBe(ann.userId)
          for (const one of await bench.store.memories.alike(ann, search, 50)) {
            expect(one.userId).toBe(ann.userId)
          }
          // Its own words find it, when it has any.
          const own = await list(content)
          if (own.total > 0) expect(own.memories.map(({ id }) => id)).toContain(memory.id)
          else expect(content).not.toMatch(/[a-z0-9]/i)
        }),
        { numRuns: 150, seed: 7 },
      )
    })

    test('what shares most words stands first among the alike, in any state', async () => {
      const scope = await bench.scope()
      const add = async (content: string, status: Memory['status'] = 'approved') =>
        (await bench.store.memories.add(scope, { content, status }, BY)).memory.content
      const near = await add('Drinks green tea every morning', 'rejected')
      const far = await add('Drinks water')
      await add('Plays chess')
      const alike = await bench.store.memories.alike(scope, 'drinks green tea', 10)
      expect(alike.map(({ content }) => content)).toEqual([near, far])
      expect(await bench.store.memories.alike(scope, 'drinks green tea', 1)).toHaveLength(1)
      const unknown = { ...scope, namespace: 'unknown' }
      expect(await bench.store.memories.alike(unknown, 'tea', 10)).toEqual([])
    })
  })

  describe(`${dialect}: memories exported and imported`, () => {
    const bench = useStore(open)

    const MEMORIES: readonly NewMemory[] = [
      { content: 'Likes tea', pinned: true, category: 'preferences', confidence: 0.25 },
      { content: 'Likes coffee', status: 'pending', origin: 'assistant', source: 'extraction' },
      {
        content: 'Likes mate',
        status: 'rejected',
        metadata: { why: ['no', { deep: null }], n: 1.5 },
      },
      {
        content: 'Lives in Rome',
        status: 'superseded',
        validFrom: START - 9 * DAY,
        validTo: START - DAY,
        supersededBy: 'mem_home',
      },
      { id: 'mem_home', content: 'Lives in Paris', metadata: { slot: 'user home' } },
      { content: 'Is on leave', expiresAt: START + DAY, origin: 'document' },
      {
        content: 'Sagt: „schön“ 😀 \n\t 茶',
        accessCount: 12,
        lastAccessedAt: START - 5,
        lastConfirmedAt: START - 4,
        createdAt: START - 3 * DAY,
        updatedAt: START - 2 * DAY,
        evidence: { conversationId: null, turnId: 'turn_x', quote: 'schön!' },
      },
    ]

    async function exported(userId: string, namespace: string | null = null) {
      const all: ExportedMemory[] = []
      let after = 0
      for (;;) {
        const page = await bench.store.memories.exportPage(userId, namespace, after, 3)
        all.push(...page.memories)
        if (page.next === null) return all
        after = page.next
      }
    }

    async function fill() {
      const scope = await bench.scope('ann')
      const items = MEMORIES.map((memory, i) => ({
        ...memory,
        namespace: ['default', 'work'][i % 2]!,
        speaker: i === 0 ? 'Ann' : null,
        place: i * 1_000,
      }))
      await bench.store.memories.import(scope.userId, items, BY)
      // Same words twice, as an approval can leave them.
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes TEA?' }, BY)
      const waiting = { content: 'Likes tea', status: 'pending' } as const
      await bench.store.memories.change(scope.userId, memory.id, waiting, BY)
      await bench.store.memories.change(scope.userId, memory.id, { status: 'approved' }, BY)
      return scope
    }

    test('an export holds every memory, page by page, in every state', async () => {
      const { userId } = await fill()
      const all = await exported(userId)
      expect(all).toHaveLength(MEMORIES.length + 1)
      const listed = await bench.store.memories.list(everything(userId))
      const ids = (memories: readonly Memory[]) => memories.map(({ id }) => id).sort()
      expect(ids(all)).toEqual(ids(listed.memories))
      for (const [i, given] of MEMORIES.entries()) expect(all[i]).toMatchObject(given)
      expect(all[0]).toMatchObject({ speaker: 'Ann', place: 0 })
      expect(await exported(userId, 'work')).toEqual(
        all.filter(({ namespace }) => namespace === 'work'),
      )
      expect(await exported(userId, 'nowhere')).toEqual([])
      expect(await exported('usr_unknown')).toEqual([])
    })

    test('an export imported into another store is the same there, and found', async () => {
      const { userId } = await fill()
      const all = await exported(userId)
      const other = await open(() => START + DAY)
      try {
        const { user } = await other.store.users.create('somebody else', null)
        const report = await other.store.memories.import(user.id, all, BY)
        expect(report).toEqual({ imported: all.length, unchanged: 0 })
        const there = await other.store.memories.exportPage(user.id, null, 0, 100)
        expect(there.memories).toEqual(all.map((memory) => ({ ...memory, userId: user.id })))
        const filter = { ...everything(user.id), search: 'leave' }
        expect((await other.store.memories.list(filter)).total).toBe(1)
        const here = { userId: user.id, namespace: 'default' }
        const { memories } = await other.recall.search(
          here,
          { text: 'tea', vector: null, now: START, limit: 5, exceptConversation: null },
          null,
        )
        expect(memories).toHaveLength(2)
        const again = await other.store.memories.import(user.id, all, BY)
        expect(again).toEqual({ imported: 0, unchanged: all.length })
      } finally {
        await other.close()
      }
    })

    test('another user of the same store gets new ids, and a second import changes nothing', async () => {
      const ann = await fill()
      const ben = await bench.scope('ben')
      const all = await exported(ann.userId)
      expect(await bench.store.memories.import(ben.userId, all, BY)).toEqual({
        imported: all.length,
        unchanged: 0,
      })
      const copies = await exported(ben.userId)
      const ids = new Map(all.map(({ id }, i) => [id, copies[i]!.id]))
      for (const [i, copy] of copies.entries()) {
        const { id, supersededBy } = all[i]!
        expect(copy.id).toMatch(/^mem_/)
        expect(copy.id).not.toBe(id)
        expect(copy).toEqual({
          ...all[i]!,
          id: copy.id,
          userId: ben.userId,
          supersededBy: supersededBy === null ? null : ids.get(supersededBy)!,
        })
      }
      const events = await bench.count('events')
      expect(await bench.store.memories.import(ben.userId, all, BY)).toEqual({
        imported: 0,
        unchanged: all.length,
      })
      // Nor does it when the first owner has deleted theirs meanwhile.
      await bench.store.memories.removeAll(ann.userId, null, BY)
      await bench.store.memories.import(ben.userId, all, BY)
      expect(await exported(ben.userId)).toEqual(copies)
      expect(await bench.count('events')).toBe(events + all.length)
      expect(await exported(ann.userId)).toEqual([])
    })

    test('words that are there already are left as they are', async () => {
      const scope = await bench.scope()
      const { memory } = await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      const items = ['likes tea.', 'Likes coffee', 'LIKES COFFEE'].map((content) => ({
        namespace: 'default',
        content,
      }))
      const report = await bench.store.memories.import(scope.userId, items, BY)
      expect(report).toEqual({ imported: 1, unchanged: 2 })
      const [kept, added] = await exported(scope.userId)
      expect(kept).toMatchObject(memory)
      expect(added).toMatchObject({ content: 'Likes coffee', source: 'import' })
    })

    test('an import is stored whole or not at all', async () => {
      const scope = await bench.scope()
      const items = [
        { namespace: 'default', content: 'Likes tea' },
        { namespace: 'default', content: 'Likes coffee', confidence: null as unknown as number },
        { namespace: 'default', content: 'x', origin: 'nobody' as 'user' },
      ]
      await expect(bench.store.memories.import(scope.userId, items, BY)).rejects.toThrow()
      expect(await bench.count('memories')).toBe(0)
      expect(await bench.count('events')).toBe(0)
    })

    test('any memory comes back from export and import as it was', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const instant = fc.option(fc.integer({ min: -8e12, max: 8e12 }))
      const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(isStorable)
      const item = fc.record({
        content: text,
        namespace: text,
        category: text,
        status: fc.constantFrom('approved', 'pending', 'rejected', 'superseded'),
        pinned: fc.boolean(),
        confidence: fc.double({ min: 0, max: 1, noNaN: true }),
        source: text,
        origin: fc.constantFrom('user', 'assistant', 'tool', 'document'),
        validFrom: instant,
        validTo: instant,
        expiresAt: instant,
        supersededBy: fc.option(text),
        metadata: fc.dictionary(text, fc.jsonValue({ maxDepth: 3 })),
        accessCount: fc.nat(),
        lastAccessedAt: instant,
        lastConfirmedAt: instant,
        createdAt: fc.integer({ min: 0, max: 8e12 }),
        updatedAt: fc.integer({ min: 0, max: 8e12 }),
        speaker: fc.option(text),
        place: fc.nat(),
        evidence: fc.record({
          conversationId: fc.constant(null),
          turnId: fc.option(text),
          quote: fc.option(text),
        }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(item, { maxLength: 6 }), async (items) => {
          for (const { userId } of [ann, ben]) {
            await bench.store.memories.removeAll(userId, null, BY)
          }
          await bench.store.memories.import(ann.userId, items as never, BY)
          const first = await exported(ann.userId)
          // -0 is the one number that JSON does not keep.
          const kept = first.map((memory) => JSON.parse(JSON.stringify(memory)))
          await bench.store.memories.removeAll(ann.userId, null, BY)
          await bench.store.memories.import(ben.userId, kept, BY)
          const second = await exported(ben.userId)
          expect(second).toEqual(first.map((memory) => ({ ...memory, userId: ben.userId })))
        }),
        { numRuns: 60, seed: 11 },
      )
    })

    test('an imported text that is not query syntax stays text in a column of its own', async () => {
      const scope = await bench.scope()
      const hostile = { texts: ['1); drop table memories; --'], values: [] }
      const filter = { ...everything(scope.userId), category: hostile as never }
      await expect(bench.store.memories.list(filter)).rejects.toThrow()
      const rows = await bench.database.read((db) => db.all(sql`select ${'a'} as a`))
      expect(rows).toEqual([{ a: 'a' }])
    })
  })
}

/** NUL and lone surrogates are refused at every entrance. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
