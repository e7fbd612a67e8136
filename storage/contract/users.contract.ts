import { describe, expect, test } from 'bun:test'
import type { Scope } from '../../memory/memory.ts'
import { sql } from '../sql.ts'
import {
  BY,
  candidate,
  countRows,
  DAY,
  embedAll,
  everything,
  exchange,
  found,
  MINUTE,
  MODEL,
  newKey,
  type Open,
  RECEIPT,
  START,
  useStore,
} from './fixture.ts'

/** Every table that says whose its rows are. */
const TABLES = [
  'api_keys',
  'namespaces',
  'conversations',
  'turns',
  'memories',
  'conflicts',
  'events',
  'receipts',
  'jobs',
] as const

export function testUsers(dialect: string, open: Open) {
  describe(`${dialect}: users`, () => {
    const bench = useStore(open)

    test('a user is found by id and by external id, as it is written', async () => {
      const { users } = bench.store
      const { user, key } = await users.create('Ann', null)
      expect(user).toEqual({
        id: expect.stringMatching(/^usr_/),
        externalId: 'Ann',
        settings: {},
        createdAt: START,
      })
      expect(key).toBeNull()
      expect(await users.find(user.id)).toEqual(user)
      expect(await users.findByExternalId('Ann')).toEqual(user)
      for (const other of ['ann', 'Ann ', 'An%', 'A_n']) {
        expect(await users.findByExternalId(other)).toBeNull()
      }
      expect(await users.find('usr_unknown')).toBeNull()
    })

    test('an external id is taken once, also by many at once', async () => {
      const { users } = bench.store
      const attempts = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => users.create('ann', newKey(`key ${i}`))),
      )
      const refused = attempts.filter((attempt) => attempt.status === 'rejected')
      expect(refused).toHaveLength(19)
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'conflict' })
      expect(await bench.count('users')).toBe(1)
      expect(await bench.count('api_keys')).toBe(1)
    })

    test('users are listed by age, by pages', async () => {
      const { users } = bench.store
      for (const name of ['c', 'a', 'b']) {
        bench.clock.at += 1
        await users.create(name, null)
      }
      const page = async (limit: number, offset: number) => {
        const { users: listed, total } = await users.list(limit, offset)
        return [listed.map(({ externalId }) => externalId).join(''), total]
      }
      expect(await page(10, 0)).toEqual(['cab', 3])
      expect(await page(2, 1)).toEqual(['ab', 3])
      expect(await page(2, 3)).toEqual(['', 3])
    })

    test('a user is renamed unless the name is taken', async () => {
      const { users } = bench.store
      const { user } = await users.create('ann', null)
      await users.create('ben', null)
      expect(await users.rename(user.id, 'anna')).toEqual({ ...user, externalId: 'anna' })
      expect(await users.rename(user.id, 'anna')).toMatchObject({ externalId: 'anna' })
      await expect(users.rename(user.id, 'ben')).rejects.toMatchObject({ code: 'conflict' })
      await expect(users.rename('usr_x', 'x')).rejects.toMatchObject({ code: 'not_found' })
      expect(await users.findByExternalId('ann')).toBeNull()
    })

    test('settings are kept as they are', async () => {
      const { users } = bench.store
      const { user } = await users.create('ann', null)
      const settings = { 'recall.max_memories': 5, nested: { list: [1, null, 'ä'] } }
      expect(await users.changeSettings(user.id, settings)).toEqual({ ...user, settings })
      expect(await users.find(user.id)).toEqual({ ...user, settings })
      await expect(users.changeSettings('usr_x', {})).rejects.toMatchObject({ code: 'not_found' })
    })

    test('namespaces are listed with what they hold', async () => {
      const scope = await bench.scope()
      const add = (namespace: string, content: string, status: 'approved' | 'rejected') =>
        bench.store.memories.add({ ...scope, namespace }, { content, status }, BY)
      await add('work', 'Works', 'approved')
      await add('default', 'Sleeps', 'rejected')
      await add('work', 'Works at night', 'approved')
      expect(await bench.store.users.listNamespaces(scope.userId)).toEqual([
        { name: 'work', memories: 2, createdAt: START },
        { name: 'default', memories: 0, createdAt: START },
      ])
      expect(await bench.store.users.listNamespaces('usr_unknown')).toEqual([])
    })
  })

  describe(`${dialect}: API keys`, () => {
    const bench = useStore(open)

    test('a key is found by its hash, with its user', async () => {
      const { users } = bench.store
      const { user, key } = await users.create('ann', newKey('laptop', { scope: 'read' }))
      expect(key).toEqual({
        id: expect.stringMatching(/^key_/),
        userId: user.id,
        name: 'laptop',
        hint: 'ek_abc',
        scope: 'read',
        createdAt: START,
        lastUsedAt: null,
        expiresAt: null,
      })
      expect(await users.findKey(newKey('laptop').hash)).toEqual({ key: key!, user })
      expect(await users.findKey(newKey('other').hash)).toBeNull()
      expect(await users.findKey(new Uint8Array(0))).toBeNull()
      expect(await users.listKeys(user.id)).toEqual([key!])
    })

    test('an expired key is not found, from that instant on', async () => {
      const { users } = bench.store
      await users.create('ann', newKey('short', { expiresAt: START + MINUTE }))
      bench.clock.at = START + MINUTE - 1
      expect(await users.findKey(newKey('short').hash)).not.toBeNull()
      bench.clock.at += 1
      expect(await users.findKey(newKey('short').hash)).toBeNull()
    })

    test('a name is given to one key of a user; replacing takes the old key away', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const { users } = bench.store
      await users.addKey(ann.userId, newKey('laptop'))
      const second = newKey('laptop', { hash: newKey('second').hash })
      await expect(users.addKey(ann.userId, second)).rejects.toMatchObject({ code: 'conflict' })
      await users.addKey(ben.userId, { ...second, hash: newKey('third').hash })
      await users.replaceKey(ann.userId, second)
      expect(await users.findKey(newKey('laptop').hash)).toBeNull()
      expect(await users.findKey(second.hash)).toMatchObject({ user: { externalId: 'ann' } })
      expect(await users.listKeys(ann.userId)).toHaveLength(1)
      expect(await users.listKeys(ben.userId)).toHaveLength(1)
      await users.replaceKey(ann.userId, newKey('phone'))
      expect(await users.listKeys(ann.userId)).toHaveLength(2)
    })

    test('a revoked key is gone at once; others’ keys cannot be revoked', async () => {
      const [ann, ben] = [await bench.scope('ann'), await bench.scope('ben')]
      const { users } = bench.store
      const key = await users.addKey(ann.userId, newKey('laptop'))
      expect(await users.revokeKey(ben.userId, key.id)).toBe(false)
      expect(await users.findKey(newKey('laptop').hash)).not.toBeNull()
      expect(await users.revokeKey(ann.userId, key.id)).toBe(true)
      expect(await users.findKey(newKey('laptop').hash)).toBeNull()
      expect(await users.revokeKey(ann.userId, key.id)).toBe(false)
    })

    test('the last use of keys is noted', async () => {
      const scope = await bench.scope()
      const { users } = bench.store
      const key = await users.addKey(scope.userId, newKey('laptop'))
      await users.touchKeys({ [key.id]: START + 7, key_unknown: START })
      expect(await users.listKeys(scope.userId)).toEqual([{ ...key, lastUsedAt: START + 7 }])
    })
  })

  describe(`${dialect}: a removed user`, () => {
    const bench = useStore(open)

    async function fill(externalId: string) {
      const { store } = bench
      const { user } = await store.users.create(externalId, newKey(externalId))
      for (const namespace of ['default', 'work']) {
        const scope: Scope = { userId: user.id, namespace }
        const { memory } = await store.memories.add(scope, { content: 'Likes tea' }, BY)
        await store.memories.add(scope, { content: 'Deleted' }, BY)
        const conversationId = `conv_${externalId}_${namespace}`
        const { turnIds, jobId } = await store.conversations.record(
          exchange(scope, ['I like tea', 'Noted.'], {
            conversationId,
            receipt: RECEIPT,
            extraction: {},
          }),
        )
        const [job] = await store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
        await store.learning.apply({
          jobId: jobId!,
          fence: job!.fence,
          scope,
          conversationId,
          turnIds,
          extractor: 'rules',
          receiptId: null,
          verdicts: [
            {
              candidate: candidate('Hates tea', { turnId: turnIds[0]! }),
              verdict: { kind: 'conflict', with: memory.id, reason: '' },
              saidAt: START,
            },
          ],
        })
        await store.receipts.add(scope, RECEIPT)
      }
      await store.memories.removeAll(user.id, 'nowhere', BY)
      return user
    }

    test('leaves nothing of theirs, and others’ things untouched', async () => {
      const [ann, ben] = [await fill('ann'), await fill('ben')]
      const modelId = await bench.store.vectors.ensureModel(MODEL)
      await embedAll(bench, modelId)
      const [gone] = (await bench.store.memories.list({ ...everything(ann.id), search: 'deleted' }))
        .memories
      await bench.store.memories.remove(ann.id, gone!.id, BY)
      const of = (userId: string) =>
        Promise.all(TABLES.map((table) => countRows(bench.database, table, userId)))
      const [vectors, removals] = [await bench.count('vectors'), await bench.count('removals')]
      expect(removals).toBeGreaterThan(0)
      const annVectors = vectors - (await vectorsOf(ben.id))
      const bens = await of(ben.id)
      for (const n of [...(await of(ann.id)), ...bens]) expect(n).toBeGreaterThan(0)

      expect(await bench.store.users.remove(ann.id)).toBe(true)
      expect(await bench.store.users.remove(ann.id)).toBe(false)
      expect(await of(ann.id)).toEqual(TABLES.map(() => 0))
      expect(await of(ben.id)).toEqual(bens)
      expect(await bench.count('vectors')).toBe(vectors - annVectors)
      expect(await bench.count('removals')).toBe(0)
      expect(await bench.store.users.find(ann.id)).toBeNull()
      expect(await bench.store.users.findKey(newKey('ann').hash)).toBeNull()
      const bensScope = { userId: ben.id, namespace: 'work' }
      expect(await found(bench, bensScope, 'tea')).toEqual(['Likes tea'])
      expect(await bench.store.memories.alike(bensScope, 'tea', 9)).toHaveLength(2)
      expect(await bench.store.maintenance.totals()).toEqual({
        users: 1,
        memories: 6,
        turns: 4,
        conversations: 2,
        receipts: 4,
      })
    })

    test('is not found again under the same name', async () => {
      const ann = await fill('ann')
      const scope = { userId: ann.id, namespace: 'default' }
      expect(await found(bench, scope, 'tea')).not.toEqual([])
      await bench.store.users.remove(ann.id)
      expect(await found(bench, scope, 'tea')).toEqual([])
      const again = await bench.scope('ann')
      expect(again.userId).not.toBe(ann.id)
      expect(await found(bench, again, 'tea')).toEqual([])
      await bench.store.memories.add(again, { content: 'Likes rum' }, BY)
      expect(await found(bench, again, 'likes tea')).toEqual(['Likes rum'])
    })

    test('cannot be written to any more', async () => {
      const scope = await bench.scope()
      await bench.store.memories.add(scope, { content: 'Likes tea' }, BY)
      await bench.store.users.remove(scope.userId)
      bench.clock.at += DAY
      await expect(bench.store.memories.add(scope, { content: 'Likes rum' }, BY)).rejects.toThrow()
      await expect(bench.store.conversations.record(exchange(scope, ['a', 'b']))).rejects.toThrow()
      for (const table of [...TABLES, 'vectors', 'users']) expect(await bench.count(table)).toBe(0)
    })

    async function vectorsOf(userId: string): Promise<number> {
      const rows = await bench.database.read((db) =>
        db.all<{ n: number }>(sql`
          select count(*) as n from vectors
          where namespace_id in (select id from namespaces where user_id = ${userId})
        `),
      )
      return rows[0]!.n
    }
  })
}
