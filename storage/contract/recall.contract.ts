import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Found } from '../../memory/found.ts'
import { judge, type RecallSettings } from '../../memory/judge.ts'
import type { Memory, Scope } from '../../memory/memory.ts'
import { createRecallReader, type ModelInForce } from '../recall-reader.ts'
import {
  type Bench,
  BY,
  candidate,
  DAY,
  embedAll,
  everything,
  exchange,
  fillAll,
  found,
  MINUTE,
  MODEL,
  newTurns,
  type Open,
  query,
  START,
  unitOf,
  useStore,
  vectorOf,
} from './fixture.ts'

export function testRecallReader(dialect: string, open: Open) {
  describe(`${dialect}: recall reader`, () => {
    const bench = useStore(open)

    const add = async (scope: Scope, content: string, more: Partial<Memory> = {}) =>
      (await bench.store.memories.add(scope, { content, ...more }, BY)).memory
    const model = async (fingerprint = MODEL.fingerprint): Promise<ModelInForce> => ({
      id: await bench.store.vectors.ensureModel({ ...MODEL, fingerprint }),
      dimensions: MODEL.dimensions,
    })
    const near = (text: string) => ({ vector: unitOf(vectorOf(text)) })

    test('what is committed is found, without any notice', async () => {
      const scope = await bench.scope()
      expect(await found(bench, scope, 'tea')).toEqual([])
      await add(scope, 'Likes tea')
      expect(await found(bench, scope, 'tea')).toEqual(['Likes tea'])
      await add(scope, 'Grows tea')
      expect(await found(bench, scope, 'tea')).toHaveLength(2)
      await bench.store.conversations.record(exchange(scope, ['Which tea?', 'Green tea.']))
      const { turns, searched } = await bench.recall.search(scope, query('tea'), null)
      expect(turns.map(({ turn }) => turn.content).toSorted()).toEqual(['Green tea.', 'Which tea?'])
      expect(searched).toEqual({ memory: 2, turn: 2 })
    })

    test('a hit brings the memory as the store has it, and its score in parts', async () => {
      const scope = await bench.scope()
      const inForce = await model()
      const memory = await add(scope, 'Likes tea', { validFrom: START - DAY })
      await embedAll(bench, inForce.id)
      const asked = query('tea', near('Likes tea'))
      const { memories, ...rest } = await bench.recall.search(scope, asked, inForce)
      expect(memories).toHaveLength(1)
      expect(memories[0]).toMatchObject({ memory, at: START - DAY })
      expect(memories[0]!.cosine).toBeCloseTo(1, 2)
      expect(memories[0]!.fused).toBeCloseTo(memories[0]!.lexical + 1.2 * memories[0]!.cosine, 5)
      expect(rest).toMatchObject({
        termCount: 1,
        known: { memory: 1, turn: 0 },
        textOnly: false,
      })
    })

    test('the older of two memories that state one attribute is told to be replaced', async () => {
      const scope = await bench.scope()
      const old = await add(scope, 'User lives in Berlin', { validFrom: START - 9 * DAY })
      const now = await add(scope, 'User lives in Munich', { validFrom: START - DAY })
      const { memories } = await bench.recall.search(scope, query('lives in Berlin'), null)
      expect(memories.map(({ memory, replacedBy }) => [memory.id, replacedBy])).toEqual([
        [now.id, null],
        [old.id, now.id],
      ])
    })

    test('a vector is there as soon as it is stored', async () => {
      const scope = await bench.scope()
      const inForce = await model()
      await add(scope, 'Likes oolong')
      const asked = query('beverage', near('Likes oolong'))
      const search = async () => (await bench.recall.search(scope, asked, inForce)).memories
      expect(await search()).toEqual([])
      await embedAll(bench, inForce.id)
      expect((await search()).map(({ memory }) => memory.content)).toEqual(['Likes oolong'])
    })

    test.each([
      ['rejected', (memory: Memory) => ({ status: 'rejected' as const, id: memory.id })],
      ['superseded', (memory: Memory) => ({ status: 'superseded' as const, id: memory.id })],
      ['pending', (memory: Memory) => ({ status: 'pending' as const, id: memory.id })],
    ])(
      'a memory that becomes %s is not found; approved again it is, with its vector',
      async (_, to) => {
        const scope = await bench.scope()
        const inForce = await model()
        const memory = await add(scope, 'Likes tea', { pinned: true })
        await embedAll(bench, inForce.id)
        const asked = query('tea', near('Likes tea'))
        const search = () => bench.recall.search(scope, asked, inForce)
        const before = await search()
        expect(before.memories[0]!.cosine).toBeCloseTo(1, 2)
        const { id, status } = to(memory)
        await bench.store.memories.change(scope.userId, id, { status }, BY)
        expect(await search()).toMatchObject({ memories: [], pinned: [], searched: { memory: 0 } })
        await bench.store.memories.change(scope.userId, id, { status: 'approved' }, BY)
        const after = await search()
        expect(after.memories[0]!.cosine).toBe(before.memories[0]!.cosine)
        expect(after.pinned).toHaveLength(1)
      },
    )

    test('a memory is found until it expires or ceases to hold', async () => {
      const scope = await bench.scope()
      await add(scope, 'Drinks tea today', { expiresAt: START + 10 })
      await add(scope, 'Drank tea', { validTo: START + 20, expiresAt: START + 30 })
      await add(scope, 'Pins tea', { pinned: true, expiresAt: START + 5 })
      const at = async (now: number) =>
        (await found(bench, scope, 'tea', { now, ...near('tea') })).toSorted()
      expect(await at(START)).toEqual(['Drank tea', 'Drinks tea today', 'Pins tea'])
      expect(await at(START + 9)).toEqual(['Drank tea', 'Drinks tea today'])
      expect(await at(START + 10)).toEqual(['Drank tea'])
      expect(await at(START + 20)).toEqual([])
      const { pinned } = await bench.recall.search(scope, query('x', { now: START + 5 }), null)
      expect(pinned).toEqual([])
    })

    test('a deleted memory is not found; brought back it is', async () => {
      const scope = await bench.scope()
      const { id } = await add(scope, 'Likes tea')
      await found(bench, scope, 'tea')
      await bench.store.memories.remove(scope.userId, id, BY)
      expect(await found(bench, scope, 'tea')).toEqual([])
      await bench.store.journal.undo(scope.userId, id, 'user')
      expect(await found(bench, scope, 'tea')).toEqual(['Likes tea'])
    })

    test('pinned memories come with every question', async () => {
      const scope = await bench.scope()
      const memory = await add(scope, 'Is called Ann', { pinned: true })
      await add(scope, 'Likes tea')
      const pinned = async () =>
        (await bench.recall.search(scope, query('weather'), null)).pinned.map(({ id }) => id)
      expect(await pinned()).toEqual([memory.id])
      await bench.store.memories.change(scope.userId, memory.id, { pinned: false }, BY)
      expect(await pinned()).toEqual([])
    })

    test('what was said beside a turn helps to find it', async () => {
      const scope = await bench.scope()
      const contents = ['Which city has the best oolong?', 'Taipei.', 'Thanks!', 'Bye.', 'So long.']
      await bench.store.conversations.record(exchange(scope, contents))
      const { turns } = await bench.recall.search(scope, query('oolong'), null)
      expect(turns.map(({ turn }) => turn.content)).toEqual(contents.slice(0, 3))
    })

    test('turns of the conversation in progress are left out', async () => {
      const scope = await bench.scope()
      const inForce = await model()
      const many = Array.from({ length: 150 }, (_, i) => `tea talk ${i}`)
      await bench.store.conversations.record(exchange(scope, many))
      await bench.store.conversations.record(
        exchange(scope, ['about tea', 'elsewhere'], { conversationId: 'conv_2' }),
      )
      await embedAll(bench, inForce.id)
      const asked = query('tea', { ...near('tea talk 3'), exceptConversation: 'conv_1' })
      const { turns } = await bench.recall.search(scope, asked, inForce)
      expect(turns.map(({ turn }) => turn.content).toSorted()).toEqual(['about tea', 'elsewhere'])
    })

    test('a new model begins with a fresh index', async () => {
      const scope = await bench.scope()
      const [old, fresh] = [await model(), await model('test:2')]
      await add(scope, 'Likes oolong')
      await embedAll(bench, old.id)
      const cosine = async (inForce: ModelInForce | null) => {
        const asked = query('oolong', near('Likes oolong'))
        return (await bench.recall.search(scope, asked, inForce)).memories[0]!.cosine
      }
      expect(await cosine(old)).toBeCloseTo(1, 2)
      expect(await cosine(fresh)).toBe(0)
      expect(await cosine(null)).toBe(0)
      await fillAll(bench, fresh.id)
      expect(await cosine(fresh)).toBeCloseTo(1, 2)
      expect(await cosine(old)).toBeCloseTo(1, 2)
    })

    test('while an index is being loaded, words in the database answer, and say so', async () => {
      const scope = await bench.scope()
      const other = await bench.scope('bob')
      const inForce = await model()
      for (let i = 0; i < 40; i++) await add(scope, `Talks about the weather of day ${i}`)
      await add(scope, 'Likes green tea')
      await add(scope, 'Grows tea and green beans', { expiresAt: START - 1 })
      await add(scope, 'Is called Ann', { pinned: true })
      await add(scope, 'Hates tea', { status: 'rejected' })
      await add(other, 'Sells tea')
      await bench.store.conversations.record(
        exchange(scope, ['Which green tea is best?', 'The tea of spring.']),
      )
      await embedAll(bench, inForce.id)
      const reader = createRecallReader(bench.database, undefined, SMALL_STEPS)
      const asked = query('green tea', near('Likes green tea'))
      const early = await reader.search(scope, asked, inForce)
      expect(early.textOnly).toBe(true)
      expect(early.searched).toEqual({ memory: 43, turn: 2 })
      expect(early.known).toEqual({ memory: 2, turn: 2 })
      expect(early.pinned.map(({ content }) => content)).toEqual(['Is called Ann'])
      await reader.warm(scope, inForce)
      const late = await reader.search(scope, asked, inForce)
      expect(late.textOnly).toBe(false)
      const contents = (found: Found) => found.memories.map(({ memory }) => memory.content)
      expect(contents(early)).toEqual(['Likes green tea'])
      expect(contents(late)[0]).toBe('Likes green tea')
      expect(early.memories[0]!.cosine).toBe(0)
      // On the same scale, so that the admission of what is found needs no other rules.
      expect(early.memories[0]!.lexical / late.memories[0]!.lexical).toBeCloseTo(1, 0)
      expect(early.turns.map(({ turn }) => turn.content).toSorted()).toEqual(
        late.turns.map(({ turn }) => turn.content).toSorted(),
      )
    })

    test('what is committed while an index is being loaded is found', async () => {
      const scope = await bench.scope()
      for (let i = 0; i < 60; i++) await add(scope, `Talks about day ${i}`)
      const reader = createRecallReader(bench.database, undefined, SMALL_STEPS)
      for (let i = 0; i < 20; i++) {
        const { id } = await add(scope, `Drinks tea${i}`)
        const search = () => reader.search(scope, query(`tea${i}`), null)
        expect((await search()).memories).toHaveLength(1)
        if (i % 2 === 0) await bench.store.memories.remove(scope.userId, id, BY)
        expect((await search()).memories).toHaveLength(i % 2)
      }
      await reader.warm(scope, null)
      const { memories, textOnly } = await reader.search(scope, query('drinks'), null)
      expect(textOnly).toBe(false)
      expect(memories).toHaveLength(10)
    })

    test('vectors of two models are held side by side, and never compared with each other', async () => {
      const scope = await bench.scope()
      const [old, fresh] = [await model(), await model('test:2')]
      await add(scope, 'Likes oolong')
      await embedAll(bench, old.id)
      const search = (inForce: ModelInForce) =>
        bench.recall.search(scope, query('oolong', near('Likes oolong')), inForce)
      await search(old)
      await bench.recall.prepare(fresh)
      const opposite = (text: string) => vectorOf(text).map((component) => -component)
      await fillAll(bench, fresh.id, { of: opposite })
      expect((await search(old)).memories[0]!.cosine).toBeCloseTo(1, 2)
      expect((await search(fresh)).memories[0]!.cosine).toBeCloseTo(-1, 2)
      await bench.recall.forget(old.id)
      const late = await search(old)
      expect(late.memories[0]!.cosine).toBe(0)
      expect(late.textOnly).toBe(true)
      expect((await search(fresh)).memories[0]!.cosine).toBeCloseTo(-1, 2)
      await bench.recall.prepare(old)
      expect((await search(old)).memories[0]!.cosine).toBeCloseTo(1, 2)
    })

    test('cosines are those of the common scale', async () => {
      const scope = await bench.scope()
      const inForce = await model()
      await add(scope, 'Likes oolong')
      await embedAll(bench, inForce.id)
      const asked = query('oolong', near('Likes oolong'))
      const calibration = { scale: 0.5, offset: 0.1 }
      const { memories } = await bench.recall.search(scope, asked, {
        ...inForce,
        calibration,
      })
      expect(memories[0]!.cosine).toBeCloseTo(0.6, 2)
    })

    test('the scopes used last are held, and the others read again', async () => {
      const reader = createRecallReader(bench.database, undefined, { maxDocuments: 5 })
      const scopes: Scope[] = []
      for (const name of ['ann', 'bob', 'eve']) {
        const scope = await bench.scope(name)
        for (const i of [1, 2, 3]) await add(scope, `${name} likes tea${i}`)
        scopes.push(scope)
      }
      for (const scope of [...scopes, ...scopes.toReversed(), ...scopes]) {
        const { memories } = await reader.search(scope, query('tea2'), null)
        expect(memories).toHaveLength(1)
        expect((await reader.held()).documents).toBeLessThanOrEqual(5)
      }
    })

    test('an unknown scope holds nothing', async () => {
      const scope = await bench.scope()
      await add(scope, 'Likes tea', { pinned: true })
      for (const other of [
        { ...scope, namespace: 'unknown' },
        { userId: 'usr_unknown', namespace: 'default' },
      ]) {
        expect(await bench.recall.search(other, query('tea'), null)).toEqual({
          memories: [],
          turns: [],
          pinned: [],
          termCount: 0,
          known: { memory: 0, turn: 0 },
          nameCount: 0,
          unknownNames: { memory: 0, turn: 0 },
          searched: { memory: 0, turn: 0 },
          textOnly: false,
        })
        await bench.recall.warm(other, null)
      }
    })

    test('a question and its answer are of one state, however much is written meanwhile', async () => {
      const scope = await bench.scope()
      const writes: Promise<unknown>[] = []
      const answers: Promise<Found>[] = []
      for (let i = 0; i < 150; i++) {
        writes.push(bench.store.memories.add(scope, { content: `tea number ${i}` }, BY))
        if (i % 3 === 0) writes.push(bench.store.memories.removeAll(scope.userId, null, BY))
        answers.push(bench.recall.search(scope, query('tea', { limit: 999 }), null))
        if (i % 10 === 0) await Bun.sleep(0)
      }
      for (const { memories, searched } of await Promise.all(answers)) {
        expect(memories).toHaveLength(searched.memory)
      }
      await Promise.all(writes)
      const left = await bench.store.memories.list(everything(scope.userId))
      const last = await bench.recall.search(scope, query('tea', { limit: 999 }), null)
      expect(last.memories).toHaveLength(left.total)
    })

    test('after any sequence of changes the index equals one built afresh', async () => {
      const inForce = await model()
      const modelId = inForce.id
      const word = fc.constantFrom('tea', 'rum', 'rome', 'ann', 'may', '2025', 'paris', 'chess', '')
      const text = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(' '))
      const step = fc.tuple(fc.nat({ max: 99 }), fc.nat(), text)
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 500, maxLength: 500 }), async (steps) => {
          const scope = await bench.scope(`user ${++run}`)
          const state: State = { scope, modelId, conversations: 0 }
          for (const [i, [kind, pick, words]] of steps.entries()) {
            bench.clock.at += MINUTE
            await change(bench, state, kind, pick, words)
            // Sometimes the reader follows step by step, sometimes it catches up.
            if (pick % 4 === 0) await bench.recall.warm(scope, inForce)
            if (i % 125 !== 124) continue
            const fresh = createRecallReader(bench.database)
            // Also one that reads in many small steps, while answers come from elsewhere.
            const stepwise = createRecallReader(bench.database, undefined, SMALL_STEPS)
            await stepwise.search(scope, query('tea'), null)
            await stepwise.warm(scope, inForce)
            for (const asked of ['tea', 'ann rum', 'who plays chess in may 2025', 'rome paris']) {
              for (const vector of [null, unitOf(vectorOf(asked))]) {
                const ask = query(asked, {
                  vector,
                  now: bench.clock.at,
                  limit: 1_000,
                  exceptConversation: pick % 3 === 0 ? `conv_${run}_1` : null,
                })
                const answer = await bench.recall.search(scope, ask, inForce)
                expectSame(answer, await fresh.search(scope, ask, inForce))
                expectSame(answer, await stepwise.search(scope, ask, inForce))
                // What the index holds decides as what the store holds would.
                const judged = await bench.recall.judged(scope, ask, ANY, false, inForce)
                expect(judged).toEqual(judge(asked, answer, ANY, vector === null))
              }
            }
          }
        }),
        { numRuns: 6, seed: 5, endOnFailure: true },
      )
    }, 120_000)
  })
}

/** Reads a few documents at a time, and never before it answers. */
const SMALL_STEPS = { stepDocuments: 3, followMs: 0 }

type State = { scope: Scope; modelId: number; conversations: number }

async function change(
  bench: Bench,
  state: State,
  kind: number,
  pick: number,
  words: string,
): Promise<void> {
  const { store, clock } = bench
  const { scope } = state
  const { memories } = await store.memories.list({
    ...everything(scope.userId),
    namespace: 'default',
  })
  const one = memories[pick % Math.max(1, memories.length)]
  const { conversations } = await store.conversations.list(scope.userId, {
    namespace: null,
    limit: 50,
    offset: 0,
  })
  const conversation = conversations[pick % Math.max(1, conversations.length)]
  if (kind < 25 || (!one && kind < 70)) {
    await store.memories.add(
      scope,
      {
        content: words,
        pinned: pick % 7 === 0,
        status: pick % 5 === 0 ? 'pending' : 'approved',
        expiresAt: pick % 6 === 0 ? clock.at + (pick % 300) * MINUTE : null,
        evidence: {
          conversationId: pick % 2 === 0 ? (conversation?.id ?? null) : null,
          turnId: null,
          quote: null,
        },
      },
      BY,
    )
  } else if (kind < 32) {
    // Refused when another says it already.
    await store.memories.change(scope.userId, one!.id, { content: words }, BY).catch(() => {})
  } else if (kind < 37) {
    await store.memories.change(scope.userId, one!.id, { validFrom: pick * DAY }, BY)
  } else if (kind < 40) {
    await store.memories.change(scope.userId, one!.id, { pinned: !one!.pinned }, BY)
  } else if (kind < 48) {
    const status = (['approved', 'pending', 'rejected', 'superseded'] as const)[pick % 4]!
    await store.memories.change(scope.userId, one!.id, { status }, BY)
  } else if (kind < 55) {
    await store.memories.remove(scope.userId, one!.id, BY)
  } else if (kind < 56) {
    await store.memories.removeAll(scope.userId, 'default', BY)
  } else if (kind < 61) {
    await store.journal.undo(scope.userId, null, 'user').catch(() => {})
  } else if (kind < 65) {
    const item = { content: words, namespace: 'default', speaker: 'Ann', place: pick % 3 }
    await store.memories.import(scope.userId, [item], BY)
  } else if (kind < 80) {
    const id =
      conversation && pick % 3 > 0
        ? conversation.id
        : `conv_${scope.userId}_${++state.conversations}`
    const contents = [`${words} ${clock.at}`, words]
    const { turnIds, jobId } = await store.conversations.record(
      exchange(scope, [], {
        conversationId: id,
        turns: newTurns(contents).map((turn) => ({
          ...turn,
          speaker: pick % 2 === 0 ? 'Ann' : null,
          saidAt: START + pick * MINUTE,
        })),
        extraction: {},
      }),
    )
    const jobs = await store.jobs.claim('extract', { limit: 10, leaseMs: 1 })
    const job = jobs.find(({ id }) => id === jobId)
    if (!job) return
    const verdict =
      one && pick % 2 === 0
        ? ({ kind: 'update', supersedes: [one.id], reason: '' } as const)
        : ({ kind: 'add', status: 'approved', reason: '' } as const)
    await store.learning.apply({
      jobId: job.id,
      fence: job.fence,
      scope,
      conversationId: id,
      turnIds,
      extractor: 'rules',
      receiptId: null,
      verdicts: [
        { candidate: candidate(words, { turnId: turnIds[0]! }), verdict, saidAt: clock.at },
      ],
    })
  } else if (kind < 84) {
    if (conversation) await store.conversations.remove(scope.userId, conversation.id)
  } else {
    const texts = await store.vectors.claimTexts(1 + (pick % 5), MINUTE)
    await store.vectors.save(
      state.modelId,
      texts.map(({ text, ...claim }, i) => ({
        ...claim,
        components: (pick + i) % 9 === 0 ? null : vectorOf(text),
      })),
    )
  }
}

const ANY: RecallSettings = {
  maxItems: 1_000,
  budgetTokens: Number.POSITIVE_INFINITY,
  threshold: 0,
  turns: 'all',
  pinned: true,
  asked: 'prompt',
}

/** Sums of 32-bit floats differ in their last digits with the order of adding; all else is the same. */
function expectSame(a: Found, b: Found): void {
  const rounded = (found: Found) => ({
    ...found,
    memories: byId(found.memories.map(({ memory, ...hit }) => ({ id: memory.id, ...coarse(hit) }))),
    turns: byId(found.turns.map(({ turn, ...hit }) => ({ id: turn.id, ...coarse(hit) }))),
    pinned: found.pinned.map(({ id }) => id).toSorted(),
  })
  expect(rounded(a)).toEqual(rounded(b))
}

function byId<T extends { id: string }>(hits: readonly T[]): T[] {
  return hits.toSorted((a, b) => a.id.localeCompare(b.id))
}

function coarse<T extends object>(numbers: T): T {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]),
  ) as T
}
