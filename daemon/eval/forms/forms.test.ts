import { afterEach, describe, expect, test } from 'bun:test'
import type { Corpus, EvalSet } from '../corpus.ts'
import {
  BEAM,
  type DataFolder,
  LOCOMO,
  LONGMEMEVAL,
  PERSONAS,
  PREFEVAL,
  writeData,
} from '../fixtures/published.ts'
import { readDate } from './dates.ts'
import { findSets } from './forms.ts'

const folders: DataFolder[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove()
})

function find(files: Readonly<Record<string, unknown>>) {
  const folder = writeData(files)
  folders.push(folder)
  const { sets, skipped } = findSets(folder.path)
  return { skipped, set: (name: string) => sets.find((set) => set.name === name)!, sets }
}

const names = (sets: readonly EvalSet[]) => sets.map(({ name }) => name)
const asked = ({ questions }: Corpus) =>
  questions.map(({ text, relevant, kind }) => [text, [...relevant], kind] as const)

describe('a folder of data', () => {
  test('is known by what its files hold, and its sets bear its name', () => {
    const { sets, skipped } = find({
      'anything/x.json': LOCOMO,
      'beam-500k/1.json': BEAM,
      'prefs/a.json': PREFEVAL[0],
      'people/p.json': PERSONAS,
      'long/s.json': LONGMEMEVAL,
      'other/notes.json': { a: 1 },
      'empty/readme.txt': 'nothing',
      'broken/x.json': '{"messages": [',
    })
    expect(names(sets)).toEqual([
      'anything-turns',
      'anything-sessions',
      'anything-facts',
      'beam-500k',
      'long',
      'long-turns',
      'long-pooled',
      'prefs',
    ])
    expect(skipped).toEqual(['broken', 'empty', 'other'])
  })

  test('that is not there, or has nothing that is known, is an error that says what to do', () => {
    expect(() => findSets('/nowhere/at/all')).toThrow(/no folder \/nowhere/)
    expect(() => find({ 'x/y.json': { z: 1 } })).toThrow(/nothing in .* has a form that is known/)
  })

  test('with a broken file beside good ones says which, and what is wrong', () => {
    expect(() => find({ 'b/1.json': BEAM, 'b/2.json': { messages: 3 } })).toThrow(
      /2\.json is not of the published form/,
    )
    expect(() => find({ 'b/1.json': BEAM, 'b/2.json': 'no json' })).toThrow(/2\.json is not JSON/)
  })
})

describe('LoCoMo', () => {
  test('turns: captions, speakers, days; evidence however it is written; no adversarial questions', async () => {
    const set = find({ 'l/x.json': LOCOMO }).set('l-turns')
    expect(set.corpora.map(({ id, half }) => [id, half])).toEqual([
      ['conv-1', 'held_out'],
      ['conv-2', 'dev'],
      ['conv-3', 'held_out'],
      ['conv-4', 'dev'],
    ])
    const [first] = set.corpora
    expect(asked(first!)).toEqual([
      ['Which animal did Ben adopt?', ['D1:2', 'D1:3'], 'single-hop'],
      ['Where did Ann travel in May 2023?', ['D2:1'], 'temporal'],
    ])
    expect(first!.unanswerable).toEqual(['What did Ann cook?'])
    const { conversations } = await first!.load()
    expect(conversations.map(({ id, turns }) => [id, turns.length])).toEqual([
      ['session_1', 3],
      ['session_2', 2],
    ])
    expect(conversations[0]!.turns[2]).toEqual({
      id: 'D1:3',
      role: 'user',
      speaker: 'Ann',
      text: 'What a sweet face! (photo: a photo of a tortoise)',
      at: Date.UTC(2023, 4, 8, 13, 58),
    })
  })

  test('sessions: the same turns, relevant is where the evidence is', () => {
    const set = find({ 'l/x.json': LOCOMO }).set('l-sessions')
    expect(set.level).toBe('conversation')
    expect(asked(set.corpora[0]!).map(([, relevant]) => relevant)).toEqual([
      ['session_1'],
      ['session_2'],
    ])
  })

  test('facts: with speaker, session and place; relevant is what comes from the evidence', async () => {
    const [first] = find({ 'l/x.json': LOCOMO }).set('l-facts').corpora
    expect(asked(first!).map(([, relevant]) => relevant)).toEqual([
      ['session_1/0'],
      ['session_2/0'],
    ])
    expect((await first!.load()).memories[1]).toEqual({
      id: 'session_2/0',
      text: 'Ann travelled to Norway in bad weather.',
      speaker: 'Ann',
      conversation: 'session_2',
      place: 0,
      at: Date.UTC(2023, 4, 25, 10, 5),
    })
  })

  test('without observations has no set of facts', () => {
    const chats = LOCOMO.map(({ observation: _, ...chat }) => chat)
    expect(names(find({ 'l/x.json': chats }).sets)).toEqual(['l-turns', 'l-sessions'])
  })
})

describe('BEAM', () => {
  test('a chat a file in the order of their numbers, sessions by their day', async () => {
    const { corpora } = find({
      'b/10.json': { ...BEAM, id: 'ten' },
      'b/2.json': { ...BEAM, id: 'two' },
    }).set('b')
    expect(corpora.map(({ id }) => id)).toEqual(['two', 'ten'])
    const { conversations } = await corpora[0]!.load()
    expect(conversations.map(({ turns }) => turns.map(({ id }) => id))).toEqual([
      ['0', '1', '2', '3'],
      ['4', '5', '6', '7'],
    ])
    expect(conversations[1]!.turns[0]!.at).toBe(Date.UTC(2024, 3, 2))
    expect(asked(corpora[0]!)).toEqual([
      ['What is my flour budget a month?', ['2', '6'], 'knowledge_update'],
      ['What do I run?', ['0'], 'information_extraction'],
    ])
    expect(corpora[0]!.unanswerable).toEqual(['How many people work for me?'])
  })

  test.each([
    ['two messages far apart', [2, 6], [2], [6]],
    ['follow-ups belong to what they follow', [0, 1, 6, 7], [0, 1], [6, 7]],
    ['all in one exchange: its first message is the stale one', [0, 2, 4, 6], [0], [2, 4, 6]],
    ['in any order', [6, 0], [0], [6]],
  ])('what is stale and what is updated: %s', (_, sources, stale, updated) => {
    const question = { ...BEAM.questions[0]!, source_ids: sources }
    const [chat] = find({ 'b/1.json': { ...BEAM, questions: [question] } }).set('b').corpora
    const [pair] = chat!.updates
    expect([...pair!.stale]).toEqual(stale.map(String))
    expect([...pair!.updated]).toEqual(updated.map(String))
  })

  test('a question with one source is no pair', () => {
    const question = { ...BEAM.questions[0]!, source_ids: [6] }
    const [chat] = find({ 'b/1.json': { ...BEAM, questions: [question] } }).set('b').corpora
    expect(chat!.updates).toEqual([])
  })
})

describe('PrefEval', () => {
  test('the n-th user has the n-th preference of each topic, among facts of others, each once', async () => {
    const set = find({
      'p/b.json': PREFEVAL[1],
      'p/a.json': PREFEVAL[0],
      'noise/all.json': PERSONAS,
    }).set('p')
    expect(set.corpora.map(({ id, half }) => [id, half])).toEqual([
      ['user-1', 'held_out'],
      ['user-2', 'dev'],
    ])
    expect(asked(set.corpora[1]!)).toEqual([
      ['Any tips about pets?', ['pets/1'], 'pets'],
      ['Any tips about travel?', ['travel/1'], 'travel'],
    ])
    const { memories } = await set.corpora[0]!.load()
    expect(memories.map(({ text }) => text).toSorted()).toEqual(
      [
        'I prefer quiet pets.',
        'I prefer quiet travel.',
        'I like tea.',
        'I play chess.',
        'I sing.',
        'I own a boat.',
        'I am tall.',
      ].toSorted(),
    )
  })

  test('is also read from files that hold the pairs alone, named for their topics', () => {
    const { set } = find({ 'p/pets.json': PREFEVAL[0]!.explicit })
    expect(set('p').corpora.map(asked)).toEqual([
      [['Which pets would you recommend?', ['pets/0'], 'pets']],
      [['Any tips about pets?', ['pets/1'], 'pets']],
    ])
  })

  test('without personas has no noise, and says so', () => {
    expect(find({ 'p/a.json': PREFEVAL[0] }).set('p').about).toContain('without noise')
  })
})

describe('LongMemEval', () => {
  test('each question has a history of its own, ranked by session or by turn', async () => {
    const { set } = find({ 'long/s.json': LONGMEMEVAL })
    const sessions = set('long')
    expect(sessions.level).toBe('conversation')
    expect(sessions.corpora.map(asked)).toEqual([
      [['What did I want to talk about, beekeeping?', ['answer_q1'], 'single-session-user']],
      [['What did I want to talk about, glaciers?', ['answer_q2'], 'single-session-user']],
      [],
    ])
    expect(sessions.corpora[2]!.unanswerable).toEqual(['What did I want to talk about, violins?'])
    expect(asked(set('long-turns').corpora[0]!)[0]![1]).toEqual(['answer_q1/0'])
    const { conversations } = await sessions.corpora[0]!.load()
    expect(conversations.map(({ id }) => id)).toEqual([
      's_sailing',
      'answer_q1',
      's_pottery',
      's_chess',
    ])
    expect(conversations[1]!.turns[0]).toEqual({
      id: 'answer_q1/0',
      role: 'user',
      speaker: null,
      text: 'Let us talk about beekeeping.',
      at: Date.UTC(2023, 4, 11, 2, 21),
    })
    expect(sessions.corpora[0]!.questions[0]!.askedAt).toBe(Date.UTC(2023, 4, 30, 23, 40))
  })

  test('pooled: every session once, in one memory, asked every question that has an answer', async () => {
    const [pooled] = find({ 'long/s.json': LONGMEMEVAL }).set('long-pooled').corpora
    const { conversations } = await pooled!.load()
    expect(conversations.map(({ id }) => id).toSorted()).toEqual(
      [
        'answer_q1',
        'answer_q2',
        'answer_q3_abs',
        's_baking',
        's_chess',
        's_opera',
        's_pottery',
        's_sailing',
      ].toSorted(),
    )
    expect(pooled!.questions.map(({ id }) => id)).toEqual(['q1', 'q2'])
  })

  test('is read however the file is laid out: indented, with brackets and quotes in its texts', async () => {
    const odd = { role: 'user', content: 'a ] } [ { " \\ \u{1f41d} in "quotes"' }
    const [first] = structuredClone(LONGMEMEVAL)
    first!.haystack_sessions[0] = [odd as never]
    const { set } = find({ 'long/s.json': JSON.stringify([first, LONGMEMEVAL[1]], null, 2) })
    expect(set('long').corpora).toHaveLength(2)
    const { conversations } = await set('long').corpora[0]!.load()
    expect(conversations[0]!.turns[0]!.text).toBe(odd.content)
  })
})

test.each([
  ['1:56 pm on 8 May, 2023', Date.UTC(2023, 4, 8, 13, 56)],
  ['12:09 am on 13 September, 2023', Date.UTC(2023, 8, 13, 0, 9)],
  ['12:30 pm on 1 January, 2024', Date.UTC(2024, 0, 1, 12, 30)],
  ['March-15-2024', Date.UTC(2024, 2, 15)],
  ['2023/05/20 (Sat) 02:21', Date.UTC(2023, 4, 20, 2, 21)],
  ['2023/05/20', Date.UTC(2023, 4, 20)],
  ['some time ago', null],
  ['5 Frimaire 1799', null],
  ['', null],
])('the date %p is %p', (text, at) => {
  expect(readDate(text)).toBe(at)
})
