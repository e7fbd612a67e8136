import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { EngramError } from '../../memory/errors.ts'
import type { Scope } from '../../memory/memory.ts'
import { sql } from '../sql.ts'
import {
  type Bench,
  BY,
  candidate,
  embedAll,
  exchange,
  HOSTILE_IDS,
  hashes,
  MINUTE,
  MODEL,
  newKey,
  newTurns,
  type Open,
  query,
  RECEIPT,
  START,
  trace,
  unitOf,
  useStore,
  vectorOf,
} from './fixture.ts'

/** Before "secret" it stands in everything that belongs to the other user, and in nothing else. */
const CANARY = 'zanzibar'
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

export function testIsolation(dialect: string, open: Open) {
  describe(`${dialect}: isolation`, () => {
    const bench = useStore(open)

    test('nothing one user does returns or changes what another has', async () => {
      const hostile = HOSTILE_IDS
      const theirs = await fill(bench, `${hostile[2]}`, CANARY, hostile)
      const mine = await fill(bench, `${hostile[2]}2`, 'madrid', hostile)
      const before = await dump(bench, theirs.scope.userId)
      expect(JSON.stringify(before)).toContain(CANARY)
      const pool = [...new Set([...theirs.ids, ...mine.ids, ...hostile, 'default', ''])]
      const id = fc.constantFrom(...pool)
      const word = fc.oneof(id, fc.constantFrom(CANARY, 'tea', `${CANARY} OR tea`, '*'))
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(), id, id, word), { minLength: 1, maxLength: 12 }),
          async (steps) => {
            for (const [pick, a, b, text] of steps) {
              const step = STEPS[pick % STEPS.length]!
              bench.clock.at += 1
              const result = await step(bench, mine, a, b, text).catch((error) => {
                if (error instanceof EngramError) return null
                throw error
              })
              expect(JSON.stringify(result) ?? '').not.toContain(`${CANARY} secret`)
            }
            expect(await dump(bench, theirs.scope.userId)).toEqual(before)
          },
        ),
        { numRuns: 250, seed: 23, endOnFailure: true },
      )
      const own = await bench.recall.search(theirs.scope, query(CANARY), null)
      expect(own.memories.length).toBeGreaterThan(0)
    }, 60_000)

    test('every step of the property reaches the store', () => {
      expect(STEPS.length).toBeGreaterThan(40)
    })

    test('namespaces of one user do not mix, whatever they are called', async () => {
      const scope = await bench.scope()
      const names = [...HOSTILE_IDS, 'default', 'Default', 'défault', 'default ', ' default']
      for (const [i, namespace] of names.entries()) {
        const within = { ...scope, namespace }
        await bench.store.memories.add(within, { content: `Likes tea number ${i}` }, BY)
        await bench.store.conversations.record(
          exchange(within, [`tea number ${i}`, 'ok'], {
            conversationId: `conv_${i}`,
            receipt: RECEIPT,
          }),
        )
      }
      for (const [i, namespace] of names.entries()) {
        const within = { ...scope, namespace }
        const only = [`Likes tea number ${i}`]
        const { memories, turns } = await bench.recall.search(within, query('tea number'), null)
        expect(memories.map(({ memory }) => memory.content)).toEqual(only)
        expect(turns.map(({ turn }) => turn.conversationId)).toEqual([`conv_${i}`, `conv_${i}`])
        const alike = await bench.store.memories.alike(within, 'tea number', 50)
        expect(alike.map(({ content }) => content)).toEqual(only)
        const { memories: listed } = await bench.store.memories.list({
          userId: scope.userId,
          namespace,
          status: null,
          category: null,
          search: 'tea',
          order: 'created_at',
          direction: 'asc',
          limit: 50,
          offset: 0,
        })
        expect(listed.map(({ content }) => content)).toEqual(only)
        const page = { namespace, limit: 50, offset: 0 }
        const { conversations } = await bench.store.conversations.list(scope.userId, page)
        expect(conversations.map(({ id }) => id)).toEqual([`conv_${i}`])
        const { receipts } = await bench.store.receipts.list(scope.userId, {
          ...page,
          conversationId: null,
          kind: null,
        })
        expect(receipts.map(({ conversationId }) => conversationId)).toEqual([`conv_${i}`])
        const located = await bench.store.conversations.locate(
          within,
          trace([`tea number ${i}`, 'ok', 'more']),
        )
        expect(located).toEqual({ id: `conv_${i}`, known: 2 })
      }
      expect(await bench.store.memories.removeAll(scope.userId, names[0]!, BY)).toBe(1)
      expect(await bench.count('memories')).toBe(names.length - 1)
    })
  })
}

type World = Readonly<{ scope: Scope; ids: readonly string[] }>

/** A user with something in every table, and every id of it. */
async function fill(
  bench: Bench,
  externalId: string,
  mark: string,
  namespaces: readonly string[],
): Promise<World> {
  const { store } = bench
  const { user, key } = await store.users.create(
    externalId,
    newKey(`${mark} laptop`, { hint: mark }),
  )
  const ids: string[] = [user.id, externalId, key!.id]
  const scope = { userId: user.id, namespace: 'default' }
  for (const namespace of ['default', ...namespaces]) {
    const { memory } = await store.memories.add(
      { ...scope, namespace },
      {
        content: `${mark} secret: likes tea`,
        category: `${mark} secret`,
        metadata: { slot: `${mark} drink` },
      },
      { actor: 'user', cause: { why: `${mark} secret` } },
    )
    ids.push(memory.id)
  }
  const conversationId = `conv_${mark}`
  const { turnIds, jobId, receiptId } = await store.conversations.record(
    exchange(scope, [`${mark} secret question`, `${mark} secret answer`], {
      conversationId,
      sessionId: `${mark} session`,
      receipt: { ...RECEIPT, query: `${mark} secret` },
      extraction: { note: `${mark} secret` },
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
    receiptId,
    verdicts: [
      {
        candidate: candidate(`${mark} secret: hates tea`, { turnId: turnIds[0]! }),
        verdict: { kind: 'conflict', with: ids[3]!, reason: `${mark} secret` },
        saidAt: START,
      },
    ],
  })
  const dead = await store.conversations.record(
    exchange(scope, [`${mark} secret, again`], {
      conversationId: `conv_${mark}_2`,
      extraction: { note: `${mark} secret` },
    }),
  )
  const [claimed] = await store.jobs.claim('extract', { limit: 1, leaseMs: MINUTE })
  await store.jobs.fail(dead.jobId!, claimed!.fence, `${mark} secret`, null)
  await embedAll(bench, await store.vectors.ensureModel(MODEL))
  const { conflicts } = await store.conflicts.list(user.id, 9, 0)
  const events = await store.journal.list(user.id, { limit: 9, offset: 0 })
  ids.push(conversationId, `${mark} session`, ...turnIds, jobId!, dead.jobId!, receiptId!)
  ids.push(conflicts[0]!.id, conflicts[0]!.proposed.id)
  for (const event of events) ids.push(event.id, event.operationId)
  return { scope, ids }
}

/** Every row of a user. */
async function dump(bench: Bench, userId: string): Promise<unknown> {
  return bench.database.read(async (db) => {
    const rows: unknown[] = await db.all(sql`select * from users where id = ${userId}`)
    for (const table of TABLES) {
      rows.push(
        ...(await db.all(
          sql`select * from ${sql.raw(table)} where user_id = ${userId} order by 1, 2`,
        )),
      )
    }
    return rows
  })
}

type Step = (bench: Bench, mine: World, a: string, b: string, text: string) => Promise<unknown>

const page = { limit: 50, offset: 0 }

/** Everything the store does for a user, with ids and words from anywhere. */
const STEPS: readonly Step[] = [
  ({ store }, { scope }, a, b, text) =>
    store.memories.add(
      { ...scope, namespace: b },
      {
        id: a,
        content: `note on ${text}`,
        evidence: { conversationId: a, turnId: b, quote: text },
        supersededBy: b,
      },
      BY,
    ),
  ({ store }, { scope }, _a, b, text) =>
    store.memories.add({ ...scope, namespace: b }, { content: `note on ${text}` }, BY),
  ({ store }, { scope }, a) => store.memories.find(scope.userId, a),
  ...(['created_at', 'updated_at', 'last_accessed', 'access_count'] as const).map(
    (order): Step =>
      ({ store }, { scope }, a, b, text) =>
        store.memories.list({
          userId: scope.userId,
          namespace: a === '' ? null : a,
          status: b === '' ? 'approved' : null,
          category: b === 'default' ? b : null,
          search: text,
          order,
          direction: 'desc',
          ...page,
        }),
  ),
  ({ store }, { scope }, a) => store.memories.exportPage(scope.userId, a, 0, 50),
  ({ store }, { scope }) => store.memories.exportPage(scope.userId, null, 0, 500),
  ({ store }, { scope }, a, b, text) =>
    store.memories.import(
      scope.userId,
      [
        {
          id: a,
          namespace: b,
          content: `imported ${text}`,
          status: 'rejected',
          supersededBy: a,
          evidence: { conversationId: a, turnId: b, quote: null },
        },
        { namespace: a, content: `imported ${text}` },
      ],
      BY,
    ),
  ({ store }, { scope }, a, _b, text) =>
    store.memories.change(scope.userId, a, { content: `changed ${text}` }, BY),
  ({ store }, { scope }, a) =>
    store.memories.change(scope.userId, a, { status: 'approved', pinned: true }, BY),
  ({ store }, { scope }, a) => store.memories.change(scope.userId, a, { status: 'rejected' }, BY),
  ({ store }, { scope }, a) => store.memories.remove(scope.userId, a, BY),
  ({ store }, { scope }, a) => store.memories.removeAll(scope.userId, a, BY),
  ({ store }, { scope }, a, b, text) =>
    store.memories.findMany({ ...scope, namespace: b }, [a, b, text]),
  ({ store }, { scope }, a, b) => store.memories.inSlot({ ...scope, namespace: b }, a),
  ({ store }, { scope }) => store.memories.inSlot(scope, `${CANARY} drink`),
  ({ store }, { scope }, _a, b, text) => store.memories.alike({ ...scope, namespace: b }, text, 50),
  ({ store }, { scope }, a, b) => store.memories.ofTurns(scope.userId, [a, b]),
  ({ store }, { scope }) => store.memories.counts(scope.userId),
  ({ store }, { scope }) => store.conflicts.list(scope.userId, 50, 0),
  ...(['accept_new', 'keep_old', 'keep_both'] as const).map(
    (resolution): Step =>
      ({ store }, { scope }, a) =>
        store.conflicts.resolve(scope.userId, a, resolution, BY),
  ),
  ({ store }, { scope }, a) => store.journal.ofMemory(scope.userId, a),
  ({ store }, { scope }) => store.journal.list(scope.userId, page),
  ({ store }, { scope }, a) => store.journal.ofReceipt(scope.userId, a),
  ({ store }, { scope }, a) => store.journal.undo(scope.userId, a, 'user'),
  ({ store }, { scope }) => store.journal.undo(scope.userId, null, 'user'),
  ({ store }, { scope }, a, b) =>
    store.conversations.locate(
      { ...scope, namespace: b },
      trace(['x'], { conversationId: a === '' ? null : a, sessionId: b === '' ? null : b }),
    ),
  ({ store }, { scope }, _a, b) =>
    store.conversations.locate(
      { ...scope, namespace: b },
      {
        ...trace([]),
        prefixHashes: hashes([`${CANARY} secret question`, `${CANARY} secret answer`]),
      },
    ),
  ({ store }, { scope }, a, b, text) =>
    store.conversations.record(
      exchange({ ...scope, namespace: b }, [text, 'answer'], {
        conversationId: a,
        sessionId: b,
        receipt: { ...RECEIPT, query: text },
        usedMemoryIds: [a, b],
        extraction: {},
      }),
    ),
  ({ store }, { scope }, a, b, text) =>
    store.conversations.recordLocated(
      { ...trace([text]), conversationId: a === '' ? null : a },
      {
        scope: { ...scope, namespace: b },
        turns: newTurns([text, b]),
        receipt: RECEIPT,
        usedMemoryIds: [a],
        extraction: null,
      },
    ),
  ({ store }, { scope }, a) =>
    store.conversations.list(scope.userId, { namespace: a === '' ? null : a, ...page }),
  ({ store }, { scope }, a) => store.conversations.find(scope.userId, a),
  ({ store }, { scope }, a) => store.conversations.remove(scope.userId, a),
  ({ store }, { scope }, _a, b, text) =>
    store.receipts.add({ ...scope, namespace: b }, { ...RECEIPT, query: text }),
  ({ store }, { scope }, a, b) =>
    store.receipts.list(scope.userId, {
      namespace: b === '' ? null : b,
      conversationId: a === '' ? null : a,
      kind: null,
      ...page,
    }),
  ({ store }, { scope }, a) => store.receipts.find(scope.userId, a),
  ({ store }, { scope }) => store.receipts.findIds(scope.userId, 'rcp_'),
  ({ store }, { scope }, a) => store.jobs.find(scope.userId, a),
  ({ store }, { scope }) => store.jobs.list(scope.userId, { state: null, ...page }),
  ({ store }, { scope }, a) => store.jobs.retry(scope.userId, a),
  ({ store }, { scope }) => store.users.listKeys(scope.userId),
  ({ store }, { scope }) => store.users.listNamespaces(scope.userId),
  ({ store }, { scope }, a) => store.users.revokeKey(scope.userId, a),
  ({ store }, { scope }, a) => store.users.addKey(scope.userId, newKey(`mine ${a}`)),
  ({ store }, { scope }, a) => store.users.replaceKey(scope.userId, newKey(`mine ${a}`)),
  async ({ store, clock }, { scope }, a, b, text) => {
    const { jobId, turnIds } = await store.conversations.record(
      exchange(scope, [], {
        conversationId: `conv_mine_${clock.at}`,
        turns: newTurns([`said at ${clock.at}`]),
        extraction: {},
      }),
    )
    const jobs = await store.jobs.claim('extract', { limit: 99, leaseMs: 1 })
    const learned = await store.learning.apply({
      jobId: jobId!,
      fence: jobs.find(({ id }) => id === jobId)!.fence,
      scope,
      conversationId: a,
      turnIds: [...turnIds, a],
      extractor: 'rules',
      receiptId: null,
      verdicts: [
        {
          candidate: candidate(`learned ${text}`, { turnId: a }),
          verdict: { kind: 'update', supersedes: [a, b], reason: '' },
          saidAt: START,
        },
        {
          candidate: candidate(`known ${text}`, { turnId: b }),
          verdict: { kind: 'discard', of: a, reason: '' },
          saidAt: START,
        },
      ],
    })
    return learned && { ...learned, superseded: learned.superseded.length }
  },
  ({ recall }, { scope }, a, b, text) =>
    recall.search(
      { ...scope, namespace: b },
      query(text, { vector: unitOf(vectorOf(text)), exceptConversation: a }),
      null,
    ),
  ({ recall }, { scope }, _a, b, text) =>
    recall.search(
      { ...scope, namespace: b },
      query(text, { vector: unitOf(vectorOf(`${CANARY} secret: likes tea`)) }),
      { id: 1, dimensions: MODEL.dimensions },
    ),
  ({ recall }, { scope }, a) => recall.warm({ ...scope, namespace: a }, null),
]
