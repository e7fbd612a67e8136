import { describe, expect, test } from 'bun:test'
import type { Found, FoundMemory, FoundTurn } from './found.ts'
import { judge, type RecallSettings } from './judge.ts'
import type { Memory, Turn } from './memory.ts'

const SETTINGS: RecallSettings = {
  maxItems: 5,
  budgetTokens: 800,
  threshold: null,
  turns: 'own',
  pinned: true,
  asked: 'prompt',
}

const parts = (evidence: number, more: object = {}) => ({
  at: 0,
  lexical: evidence,
  cosine: 0,
  evidence,
  fused: evidence,
  notes: [],
  ...more,
})

function memory(id: string, evidence: number, more: object = {}): FoundMemory {
  const held = { id, content: `User said ${id}` } as Memory
  return { memory: held, replacedBy: null, ...parts(evidence, more) }
}

function turn(id: string, evidence: number, more: Partial<Turn> = {}): FoundTurn {
  const said = { id, content: `I said ${id}`, role: 'user', saidAt: 0, memoryCount: 0, ...more }
  return { turn: said as Turn, ...parts(evidence) }
}

function found(memories: readonly FoundMemory[], turns: readonly FoundTurn[] = []): Found {
  return {
    memories,
    turns,
    pinned: [],
    termCount: 2,
    known: { memory: 2, turn: 2 },
    nameCount: 0,
    unknownNames: { memory: 0, turn: 0 },
    searched: { memory: 200, turn: 200 },
    textOnly: false,
  }
}

function verdicts(of: Found, settings: Partial<RecallSettings> = {}, question = 'the river') {
  const { candidates } = judge(question, of, { ...SETTINGS, ...settings }, false)
  return Object.fromEntries(candidates.map(({ id, reason }) => [id, reason]))
}

describe('the decision', () => {
  test('is milder for a phrase that somebody looks for in their own memories', () => {
    const of = found([memory('a', 0.6)])
    expect(verdicts(of, { asked: 'search' }, 'code style').a).toBe('admitted')
    expect(verdicts(of, { asked: 'prompt' }, 'code style').a).toBe('nothing relevant')
    expect(verdicts(of, { asked: 'search' }, 'Who wrote Pride and Prejudice?').a).toBe(
      'nothing relevant',
    )
  })

  test.each([
    'whats the name of my pet',
    'What car do I have?',
    'what car do I have',
    'Tell me which car I drive.',
    'Remind me what car I have',
    'hey, do you know my pet name',
    'Write an email to my boss about the late delivery',
    'ok so how do I call my dog',
    'Please summarize my notes.',
  ])('quotes no question and no task: %s', (content) => {
    expect(verdicts(found([], [turn('t', 2, { content })])).t).toBe('not a statement of the user')
  })

  test.each([
    'I drive a Volvo.',
    'My sister is Nadia. Who is yours?',
    'Can you help? I have two cats.',
    'We have a house in Rome',
  ])('quotes what says something: %s', (content) => {
    expect(verdicts(found([], [turn('t', 2, { content })])).t).toBe('admitted')
  })

  test('gives no place of a memory to a quotation', () => {
    const of = found([memory('a', 1.6), memory('b', 1.5)], [turn('t', 2), turn('u', 1.9)])
    expect(verdicts(of, { maxItems: 3 })).toMatchObject({
      a: 'admitted',
      b: 'admitted',
      t: 'admitted',
      u: 'over the number of items',
    })
  })

  test('brings nothing when nothing is about the question', () => {
    expect(verdicts(found([memory('a', 0.7), memory('b', 0.6)]))).toEqual({
      a: 'nothing relevant',
      b: 'nothing relevant',
    })
  })

  test('brings along what is nearly as good as the best', () => {
    expect(verdicts(found([memory('a', 2), memory('b', 1.3), memory('c', 1.1)]))).toEqual({
      a: 'admitted',
      b: 'admitted',
      c: 'below threshold',
    })
    // Who asks for more goes further down.
    expect(verdicts(found([memory('a', 2), memory('c', 1.1)]), { maxItems: 10 }).c).toBe('admitted')
  })

  test('is made for each kind by itself', () => {
    const of = found([memory('a', 2)], [turn('t', 0.7, { memoryCount: null })])
    expect(verdicts(of)).toEqual({ a: 'admitted', t: 'nothing relevant' })
  })

  test('takes a preference for less when advice is asked, but not whatever it is about', () => {
    const question = 'What should I cook tonight?'
    const preference = (evidence: number) =>
      memory('p', evidence, { fused: evidence + 0.2, notes: ['states a preference'] })
    expect(verdicts(found([preference(0.35)]), {}, question).p).toBe('admitted')
    expect(verdicts(found([preference(0.1)]), {}, question).p).toBe('nothing relevant')
    expect(verdicts(found([memory('p', 0.35)]), {}, question).p).toBe('nothing relevant')
  })

  test('goes by the score alone when the user set a threshold', () => {
    const of = found([memory('a', 2), memory('b', 0.3)])
    expect(verdicts(of, { threshold: 0 })).toEqual({ a: 'admitted', b: 'admitted' })
    expect(verdicts(of, { threshold: 0.5 })).toEqual({ a: 'admitted', b: 'below threshold' })
    expect(verdicts(of, { threshold: 0.99 })).toEqual({
      a: 'below threshold',
      b: 'below threshold',
    })
  })

  test('leaves out what a newer memory replaces, however well it scores', () => {
    const of = found([memory('old', 3, { replacedBy: 'new' }), memory('new', 2)])
    expect(verdicts(of)).toEqual({ old: 'replaced by a newer memory', new: 'admitted' })
    expect(verdicts(of, { threshold: 0 }).old).toBe('replaced by a newer memory')
  })

  test('quotes own statements, everybody’s, or none', () => {
    const of = found(
      [],
      [
        turn('own', 2),
        turn('asked', 2, { content: 'Is it so?' }),
        turn('other', 2, { role: 'assistant' }),
      ].map((hit) => ({ ...hit, turn: { ...hit.turn, memoryCount: null } })),
    )
    const no = 'not a statement of the user'
    expect(verdicts(of)).toEqual({ own: 'admitted', asked: no, other: no })
    expect(Object.values(verdicts(of, { turns: 'all' }))).toEqual([
      'admitted',
      'admitted',
      'admitted',
    ])
    expect(Object.values(verdicts(of, { turns: 'none' }))).toEqual([no, no, no])
  })
})
