import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Part } from './rank.ts'
import {
  type DocumentKind,
  type IndexAnswer,
  type IndexDocument,
  type IndexQuery,
  ScopeIndex,
} from './scope-index.ts'

const NOW = Date.UTC(2026, 0, 15)
const DAY = 86_400_000

function document(key: number, text: string, more: Partial<IndexDocument> = {}): IndexDocument {
  return {
    key,
    id: `id${key}`,
    text,
    role: 'user',
    speaker: null,
    conversation: null,
    place: key,
    at: NOW - DAY,
    saidAt: more.at ?? NOW - DAY,
    validFrom: null,
    expiresAt: null,
    pinned: false,
    slot: null,
    memoryCount: null,
    ...more,
  }
}

function ask(text: string, more: Partial<IndexQuery> = {}): IndexQuery {
  return { text, vector: null, now: NOW, limit: 50, exceptConversation: null, ...more }
}

function memories(...documents: readonly IndexDocument[]): ScopeIndex {
  const index = new ScopeIndex(2)
  for (const one of documents) index.put('memory', one)
  return index
}

const keys = (hits: readonly Readonly<{ key: number }>[]) => hits.map(({ key }) => key)

describe('the order of what is found', () => {
  test('never depends on the order of storing', () => {
    const twins = [1, 2, 3, 4].map((key) => document(key, `User drinks tea number ${9 - key}`))
    const contents = (index: ScopeIndex) =>
      index.search(ask('drinks tea')).memories.map(({ key }) => key)
    expect(contents(memories(...twins))).toEqual([4, 3, 2, 1])
    expect(contents(memories(...twins.toReversed()))).toEqual([4, 3, 2, 1])
  })

  test('puts the newer of two values of one attribute first, and says that the older is replaced', () => {
    const index = memories(
      document(1, 'User lives in Berlin', { slot: 'user home', at: NOW - 9 * DAY }),
      document(2, 'User lives in Munich', { slot: 'user home', at: NOW - DAY }),
    )
    const [first, second] = index.search(ask('Where in Berlin do I live?')).memories
    expect([first!.key, second!.key]).toEqual([2, 1])
    expect([first!.replacedBy, second!.replacedBy]).toEqual([null, 'id2'])
    expect(first!.notes).toContain('newer than what stands below it')
    expect(first!.fused).toBeGreaterThan(second!.fused)
  })

  test('counts the names of a question that nobody has mentioned', () => {
    const index = memories(
      document(1, 'Met Ann at the station'),
      document(2, 'Loves the sea', { speaker: 'Ben' }),
    )
    const { nameCount, unknownNames } = index.search(ask('Did Ann tell Ben about Cleo?'))
    expect(nameCount).toBe(3)
    expect(unknownNames).toEqual({ memory: 1, turn: 3 })
  })
})

describe('a scope index', () => {
  test('finds by words, best first', () => {
    const index = memories(
      document(1, 'User drinks green tea'),
      document(2, 'User drinks rum'),
      document(3, 'User plays chess'),
    )
    expect(keys(index.search(ask('green tea to drink')).memories)).toEqual([1, 2])
    expect(index.search(ask('quantum physics')).memories).toEqual([])
    expect(index.search(ask('')).memories).toEqual([])
  })

  test('finds by vectors what shares no word', () => {
    const index = memories(document(1, 'Likes oolong'), document(2, 'Plays chess'))
    index.setVector('memory', 1, Int8Array.of(100, 0))
    index.setVector('memory', 2, Int8Array.of(0, 100))
    const { memories: hits } = index.search(ask('beverage', { vector: Float32Array.of(1, 0) }))
    expect(keys(hits)).toEqual([1, 2])
    expect(hits[0]!.lexical).toBe(0)
    expect(hits[0]!.cosine).toBeCloseTo(1, 5)
    expect(hits[0]!.fused).toBeCloseTo(1.2, 5)
  })

  test('a hit that came in by its vector brings the score of its words too', () => {
    const many = Array.from({ length: 300 }, (_, i) => document(i, `tea tea tea ${i}`))
    const index = memories(...many, document(999, `tea ${'filler '.repeat(60)}`))
    index.setVector('memory', 999, Int8Array.of(100, 0))
    const answer = index.search(ask('tea', { vector: Float32Array.of(1, 0), limit: 500 }))
    expect(answer.memories).toHaveLength(101)
    const last = answer.memories.find(({ key }) => key === 999)!
    expect(last.cosine).toBeCloseTo(1, 5)
    expect(last.lexical).toBeGreaterThan(0)
    expect(last.lexical).toBeLessThan(
      Math.min(...answer.memories.filter((hit) => hit !== last).map((hit) => hit.lexical)),
    )
  })

  test('equal scores stand by newer time, then by key', () => {
    const index = memories(
      document(3, 'tea', { at: NOW - 3 * DAY }),
      document(2, 'tea', { at: NOW - 3 * DAY }),
      document(1, 'tea', { at: NOW - DAY }),
    )
    expect(keys(index.search(ask('tea')).memories)).toEqual([1, 2, 3])
    expect(keys(index.search(ask('tea', { limit: 2 })).memories)).toEqual([1, 2])
  })

  test('says how much of the question it knows', () => {
    const index = memories(document(1, 'User drinks green tea'))
    index.put('turn', document(1, 'Is rum a drink?'))
    const { known, termCount } = index.search(ask('green tea, rum or gin'))
    expect(termCount).toBe(4)
    expect(known).toEqual({ memory: 2, turn: 1 })
    index.delete('memory', 1)
    expect(index.search(ask('green tea')).known.memory).toBe(0)
  })

  test('a question about unknown things scores lower than one that is answered', () => {
    const index = memories(document(1, 'User drinks green tea'), document(2, 'User plays chess'))
    const score = (text: string) => index.search(ask(text)).memories[0]!.lexical
    expect(score('green tea')).toBeGreaterThan(1.5 * score('green Ferrari'))
  })

  test('memories and turns are apart, also when they have one key', () => {
    const index = new ScopeIndex(2)
    index.put('memory', document(1, 'tea'))
    index.put('turn', document(1, 'rum'))
    expect(index.size).toEqual({ memory: 1, turn: 1 })
    index.delete('memory', 1)
    expect(index.search(ask('tea rum'))).toMatchObject({ memories: [], turns: [{ kind: 'turn' }] })
  })

  test('what has expired is not found, by words or vector, nor pinned', () => {
    const index = memories(
      document(1, 'tea', { expiresAt: NOW + 1, pinned: true }),
      document(2, 'tea', { expiresAt: NOW, pinned: true }),
      document(3, 'tea', { pinned: true }),
    )
    for (const key of [1, 2, 3]) index.setVector('memory', key, Int8Array.of(100, key))
    const search = (now: number) => index.search(ask('tea', { now, vector: Float32Array.of(1, 0) }))
    expect(keys(search(NOW).memories).toSorted()).toEqual([1, 3])
    expect(keys(search(NOW).pinned)).toEqual([1, 3])
    expect(keys(search(NOW + 1).memories)).toEqual([3])
    expect(keys(search(NOW - 1).memories)).toHaveLength(3)
  })

  test('the conversation in progress is left out, of turns alone', () => {
    const index = new ScopeIndex(2)
    for (let key = 0; key < 150; key++) {
      index.put('turn', document(key, `tea ${key}`, { conversation: 'now' }))
      index.setVector('turn', key, Int8Array.of(100, 0))
    }
    index.put('turn', document(200, 'tea then', { conversation: 'then' }))
    index.setVector('turn', 200, Int8Array.of(70, 70))
    index.put('turn', document(201, 'rum then', { conversation: 'then' }))
    index.setVector('turn', 201, Int8Array.of(60, 80))
    index.put('memory', document(1, 'tea', { conversation: 'now' }))
    const vector = Float32Array.of(1, 0)
    const answer = index.search(ask('tea', { vector, exceptConversation: 'now' }))
    expect(keys(answer.turns)).toEqual([200, 201])
    expect(keys(answer.memories)).toEqual([1])
    expect(index.search(ask('tea', { vector })).turns).toHaveLength(50)
    const unknown = index.search(ask('tea', { vector, exceptConversation: 'unknown' }))
    expect(unknown.turns).toHaveLength(50)
  })

  test.each([
    ['people who are named lend their vectors too', 'Ann', 0.3 / Math.hypot(1.3, 0.3)],
    ['user and assistant do not', null, 0],
  ])('neighbours of a conversation lend their words; %s', (_, speaker, lent) => {
    const index = new ScopeIndex(2)
    const texts = ['Which city has the best oolong?', 'Taipei.', 'Thanks!', 'Bye.', 'Again.']
    for (const [place, text] of texts.entries()) {
      index.put('turn', document(place, text, { conversation: 'c', place, speaker }))
      index.setVector('turn', place, place === 0 ? Int8Array.of(100, 0) : Int8Array.of(0, 100))
    }
    index.put('turn', document(9, 'Taipei.', { conversation: 'd', speaker }))
    index.setVector('turn', 9, Int8Array.of(0, 100))
    const { turns } = index.search(ask('oolong', { vector: Float32Array.of(1, 0) }))
    expect(keys(turns).slice(0, 3)).toEqual([0, 1, 2])
    const cosineOf = (key: number) => turns.find((hit) => hit.key === key)!.cosine
    expect(cosineOf(1)).toBeCloseTo(lent, 4)
    expect(cosineOf(2)).toBe(0)
    expect(cosineOf(9)).toBe(0)
  })

  test('the order of a conversation is that of its places, however it comes in', () => {
    const inOrder = new ScopeIndex(0)
    const shuffled = new ScopeIndex(0)
    const texts = ['oolong', 'b', 'c', 'd', 'e', 'f']
    const put = (index: ScopeIndex, i: number) =>
      index.put('turn', document(i, texts[i]!, { conversation: 'c', place: Math.floor(i / 2) }))
    for (const i of [0, 1, 2, 3, 4, 5]) put(inOrder, i)
    for (const i of [3, 5, 0, 4, 2, 1]) put(shuffled, i)
    const scores = (index: ScopeIndex) => index.search(ask('oolong')).turns
    expect(keys(scores(shuffled))).toEqual(keys(scores(inOrder)))
    expect(keys(scores(inOrder))).toEqual([0, 1, 2])
  })

  test('the turns beside a removed one become neighbours', () => {
    const index = new ScopeIndex(0)
    for (const [key, text] of ['oolong', 'b', 'c', 'd'].entries()) {
      index.put('turn', document(key, text, { conversation: 'c' }))
    }
    const scoreOf = (key: number) =>
      index.search(ask('oolong')).turns.find((hit) => hit.key === key)?.lexical ?? 0
    const before = [scoreOf(1), scoreOf(2), scoreOf(3)]
    expect(before[2]).toBe(0)
    index.delete('turn', 1)
    expect(scoreOf(2)).toBeGreaterThan(before[1]!)
    expect(scoreOf(3)).toBeGreaterThan(0)
    for (const key of [0, 2, 3]) index.delete('turn', key)
    expect(index.size.turn).toBe(0)
    expect(index.search(ask('oolong')).turns).toEqual([])
  })

  test('who is asked about is favoured; two names favour neither', () => {
    const index = new ScopeIndex(0)
    index.put('turn', document(1, 'I like oolong', { speaker: 'Ann Lee' }))
    index.put('turn', document(2, 'I like oolong', { speaker: 'Ben' }))
    const top = (text: string) => index.search(ask(text)).turns.map(({ lexical }) => lexical)
    expect(keys(index.search(ask('Which oolong does Ann like?')).turns)).toEqual([1, 2])
    expect(keys(index.search(ask('Which oolong does Ben like?')).turns)).toEqual([2, 1])
    const [a, b] = top('Do Ann and Ben like oolong?')
    expect(a).toBeCloseTo(b!, 5)
  })

  test('what was said at the time that is asked for is favoured', () => {
    const index = new ScopeIndex(0)
    index.put('turn', document(1, 'I had oolong', { at: Date.UTC(2023, 4, 8) }))
    index.put('turn', document(2, 'I had oolong', { at: Date.UTC(2023, 5, 8) }))
    expect(keys(index.search(ask('What did I have in May 2023?')).turns)[0]).toBe(1)
    expect(keys(index.search(ask('What did I have in June 2023?')).turns)[0]).toBe(2)
  })

  test('what the user said is favoured over what the assistant said', () => {
    const index = new ScopeIndex(0)
    index.put('turn', document(1, 'Oolong is a tea', { role: 'assistant' }))
    index.put('turn', document(2, 'Oolong is a tea', { at: NOW - 9 * DAY }))
    expect(keys(index.search(ask('oolong')).turns)).toEqual([2, 1])
  })

  test('put again with other words it is another document, and its vector is gone', () => {
    const index = memories(document(1, 'Likes tea'))
    index.setVector('memory', 1, Int8Array.of(100, 0))
    index.put('memory', document(1, 'Likes rum'))
    expect(index.size.memory).toBe(1)
    expect(keys(index.search(ask('tea')).memories)).toEqual([])
    const { memories: hits } = index.search(ask('rum', { vector: Float32Array.of(1, 0) }))
    expect(hits).toMatchObject([{ key: 1, cosine: 0 }])
  })

  test('put again with the same words it keeps its vector and takes the rest', () => {
    const index = memories(document(1, 'Likes tea'))
    index.setVector('memory', 1, Int8Array.of(100, 0))
    index.put('memory', document(1, 'Likes tea', { pinned: true, expiresAt: NOW + DAY }))
    const vector = Float32Array.of(1, 0)
    const answer = index.search(ask('tea', { vector }))
    expect(keys(answer.pinned)).toEqual([1])
    expect(answer.memories[0]!.cosine).toBeCloseTo(1, 5)
    expect(index.search(ask('tea', { vector, now: NOW + DAY })).memories).toEqual([])
    index.put('memory', document(1, 'Likes tea'))
    expect(index.search(ask('tea', { now: NOW + DAY }))).toMatchObject({
      pinned: [],
      memories: [{ key: 1 }],
    })
  })

  test('what is not here cannot be deleted or given a vector', () => {
    const index = memories(document(1, 'tea'))
    index.delete('memory', 2)
    index.delete('turn', 1)
    index.setVector('memory', 2, Int8Array.of(1, 1))
    index.setVector('turn', 1, Int8Array.of(1, 1))
    expect(index.size).toEqual({ memory: 1, turn: 0 })
    expect(index.search(ask('tea', { vector: Float32Array.of(1, 0) }))).toMatchObject({
      memories: [{ key: 1, cosine: 0 }],
      turns: [],
    })
  })

  test('an index that has seen much come and go equals one that has not', () => {
    const index = new ScopeIndex(2)
    const fresh = new ScopeIndex(2)
    const put = (into: ScopeIndex, key: number) => {
      const one = document(key, `tea ${key % 7} ${key % 3 === 0 ? 'oolong' : 'rum'}`, {
        conversation: `c${key % 5}`,
        speaker: key % 2 === 0 ? 'Ann' : null,
        expiresAt: key % 11 === 0 ? NOW : null,
        pinned: key % 13 === 0,
      })
      into.put('memory', one)
      into.setVector('memory', key, Int8Array.of((key % 100) - 50, (key % 37) + 1))
    }
    for (let key = 0; key < 4_000; key++) {
      put(index, key)
      if (key >= 100) index.delete('memory', key - 100)
    }
    for (let key = 3_900; key < 4_000; key++) put(fresh, key)
    expect(index.size).toEqual(fresh.size)
    for (const text of ['oolong', 'rum 3', 'tea of Ann', 'nothing']) {
      const question = ask(text, { vector: Float32Array.of(0.6, 0.8), limit: 200 })
      expect(rounded(index.search(question))).toEqual(rounded(fresh.search(question)))
    }
  })

  test('however documents come and go, the answer is that of an index of what is left', () => {
    const word = fc.constantFrom('tea', 'rum', 'ann', 'may', '2025', 'oolong', 'when', 'yesterday')
    const step = fc.record({
      kind: fc.constantFrom<DocumentKind>('memory', 'turn'),
      key: fc.nat({ max: 12 }),
      act: fc.constantFrom('put', 'put', 'put', 'vector', 'delete'),
      text: fc.array(word, { maxLength: 4 }).map((words) => words.join(' ')),
      conversation: fc.constantFrom(null, 'c', 'd'),
      place: fc.nat({ max: 3 }),
      speaker: fc.constantFrom(null, 'Ann', 'Ben'),
      at: fc.nat({ max: 900 }),
      expiresAt: fc.constantFrom(null, NOW, NOW + 1),
      pinned: fc.boolean(),
      x: fc.integer({ min: -100, max: 100 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), word, word, (steps, a, b) => {
        const index = new ScopeIndex(2)
        const left = new Map<string, { document: IndexDocument; vector: Int8Array | null }>()
        for (const { kind, key, act, text, at, x, ...rest } of steps) {
          const id = `${kind} ${key}`
          const known = left.get(id)
          if (act === 'delete') {
            index.delete(kind, key)
            left.delete(id)
          } else if (act === 'vector') {
            const vector = Int8Array.of(x, 50)
            index.setVector(kind, key, vector)
            if (known) left.set(id, { ...known, vector })
          } else {
            const one = document(key, text, { ...rest, at: NOW - at * DAY })
            index.put(kind, one)
            const same =
              known &&
              (['text', 'conversation', 'place', 'speaker', 'at'] as const).every(
                (field) => known.document[field] === one[field],
              )
            left.set(id, { document: one, vector: same ? known.vector : null })
          }
        }
        const fresh = new ScopeIndex(2)
        for (const [id, { document: one, vector }] of left) {
          const kind = id.startsWith('memory') ? 'memory' : 'turn'
          fresh.put(kind, one)
          if (vector) fresh.setVector(kind, one.key, vector)
        }
        const question = ask(`${a} ${b}`, {
          vector: Float32Array.of(0.8, 0.6),
          exceptConversation: 'd',
        })
        expect(rounded(index.search(question))).toEqual(rounded(fresh.search(question)))
        expect(index.size).toEqual(fresh.size)
      }),
      { numRuns: 400, seed: 17 },
    )
  })
})

/** Sums of 32-bit floats differ in their last digits with the order of adding. */
function rounded(answer: IndexAnswer) {
  const round = (value: number) => Math.round(value * 1e4) / 1e4
  const hits = (some: IndexAnswer['memories']) =>
    some
      .map((hit) => [hit.key, hit.at, round(hit.lexical), round(hit.cosine), round(hit.fused)])
      .toSorted((a, b) => a[0]! - b[0]!)
  return {
    ...answer,
    memories: hits(answer.memories),
    turns: hits(answer.turns),
    pinned: keys(answer.pinned).toSorted((a, b) => a - b),
  }
}

describe('parts that are left out for a measurement', () => {
  const put = (index: ScopeIndex) => {
    index.put('turn', document(1, 'Which oolong is best?', { conversation: 'c', place: 0 }))
    index.put('turn', document(2, 'Taipei has it', { conversation: 'c', place: 1_000 }))
    index.put('turn', document(3, 'No idea', { role: 'assistant', speaker: 'Ann' }))
    index.setVector('turn', 3, Int8Array.of(100, 0))
    return index
  }
  const question = ask('Does Ann know an oolong?', { vector: Float32Array.of(1, 0) })
  const found = (...parts: Part[]) =>
    put(new ScopeIndex(2, undefined, undefined, new Set(parts))).search(question).turns
  const hit = (key: number, ...parts: Part[]) => found(...parts).find((one) => one.key === key)

  test.each<[Part, number]>([
    ['neighbours', 2],
    ['speakers', 3],
  ])('%s: what only they find has no words', (part, key) => {
    expect(hit(key)!.lexical).toBeGreaterThan(0)
    expect(hit(key, part)?.lexical ?? 0).toBe(0)
  })

  test('vectors: nothing is near', () => {
    expect(hit(3)!.cosine).toBeCloseTo(1)
    expect(found('vectors').every(({ cosine }) => cosine === 0)).toBe(true)
  })

  test('the user first: what others say counts as much', () => {
    expect(hit(3, 'the user first')!.lexical).toBeCloseTo(1.5 * hit(3)!.lexical, 5)
  })
})
