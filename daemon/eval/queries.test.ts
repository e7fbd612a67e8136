import { describe, expect, test } from 'bun:test'
import {
  compareWith,
  judgeQuery,
  readBaseline,
  readQueries,
  summarize,
  toBaseline,
} from './queries.ts'

const memory = (id: string, content: string) => ({ id: `mem_${id}`, content })
const RANKED = [
  memory('aaa', 'User lives in Ghent'),
  memory('bbb', 'User prefers Neovim'),
  memory('ccc', 'User once tried neovim on a tablet'),
]

describe('labelled queries', () => {
  test('are read a line each, empty lines passed over', () => {
    const text = '{"query": "a", "relevant": ["b"]}\n\n  {"query":"c","relevant":[]}\n'
    expect(readQueries(text, 'q.jsonl')).toEqual([
      { query: 'a', relevant: ['b'] },
      { query: 'c', relevant: [] },
    ])
  })

  test('are read behind the mark that Windows puts in front of UTF-8', () => {
    expect(readQueries('\uFEFF{"query": "a", "relevant": []}\r\n', 'q.jsonl')).toEqual([
      { query: 'a', relevant: [] },
    ])
  })

  test.each([
    ['no JSON', 'which editor', 'line 1 of q.jsonl'],
    [
      'no list of what is relevant',
      '{"query": "a", "relevant": []}\n{"query": "b"}',
      'line 2 of q.jsonl',
    ],
    ['an empty query', '{"query": " ", "relevant": []}', 'line 1 of q.jsonl'],
    ['nothing', '\n\n', 'q.jsonl has no queries'],
  ])('that are %s are refused with the line', (_, text, message) => {
    expect(() => readQueries(text, 'q.jsonl')).toThrow(message)
  })

  test('find what is relevant by words it holds, whatever their case, or by its id', () => {
    const by = (...relevant: string[]) =>
      judgeQuery({ query: 'q', relevant }, { ranked: RANKED, handed: 3 }).figures!
    expect(by('neovim').mrr).toBe(1 / 2)
    expect(by('GHENT').mrr).toBe(1)
    expect(by('mem_cc').mrr).toBe(1 / 3)
    expect(by('neovim', 'emacs')).toMatchObject({ r10: 1 / 2, recall_all10: 0 })
    // One label is found once.
    expect(by('user').r10).toBe(1)
    expect(by('emacs').mrr).toBe(0)
  })
})

const good = judgeQuery(
  { query: 'editor', relevant: ['neovim'] },
  { ranked: [RANKED[1]!], handed: 1 },
)
const late = judgeQuery({ query: 'editor', relevant: ['neovim'] }, { ranked: RANKED, handed: 0 })
const hard = judgeQuery({ query: 'shell', relevant: ['fish'] }, { ranked: RANKED, handed: 0 })
const quiet = judgeQuery({ query: '72 F', relevant: [] }, { ranked: RANKED, handed: 0 })
const noisy = judgeQuery({ query: '72 F', relevant: [] }, { ranked: RANKED, handed: 2 })

test('a summary counts what was answered and what was left alone', () => {
  expect(summarize([good, quiet])).toEqual({
    queries: 2,
    r1: 100,
    r5: 100,
    r10: 100,
    mrr: 100,
    ndcg10: 100,
    answered: 100,
    nothing: 100,
  })
  expect(summarize([late, noisy])).toMatchObject({
    r1: 0,
    r5: 100,
    mrr: 50,
    answered: 0,
    nothing: 0,
  })
  expect(summarize([quiet])).toMatchObject({ r10: 0, answered: null, nothing: 100 })
})

describe('against a baseline', () => {
  const before = readBaseline(JSON.stringify(toBaseline([good, quiet], 'minilm', 0)), 'b.json')

  const same = { compared: 2, added: 0, removed: 0, worse: [], queries: [] }

  test('the same, or better, is not worse', () => {
    expect(compareWith(before, [good, quiet])).toEqual(same)
    const low = toBaseline([late, noisy], 'minilm', 0)
    expect(compareWith(low, [good, quiet])).toEqual(same)
  })

  test('a hard query that is new makes nothing worse', () => {
    expect(compareWith(before, [good, quiet, hard])).toEqual({ ...same, added: 1 })
  })

  test('easy ones that are new hide no fall', () => {
    const easy = Array.from({ length: 50 }, (_, i) => ({ ...good, query: `easy ${i}` }))
    expect(compareWith(before, [late, quiet, ...easy])).toMatchObject({
      compared: 2,
      added: 50,
      worse: [
        { figure: 'mrr', from: 100, to: 50 },
        { figure: 'answered', from: 100, to: 0 },
      ],
      queries: ['editor'],
    })
  })

  test('a query that is asked for something else now is another one', () => {
    const other = { ...late, relevant: ['emacs'] }
    expect(compareWith(before, [other, quiet])).toEqual({
      compared: 1,
      added: 1,
      removed: 1,
      worse: [],
      queries: [],
    })
  })

  test('one that fell is named where another rose by as much, and one that is found but not handed over', () => {
    const pair = [good, { ...late, query: 'shell' }]
    const swapped = [late, { ...good, query: 'shell' }]
    const held = compareWith(toBaseline(pair, 'minilm', 0), swapped)
    expect(held).toMatchObject({ worse: [], queries: ['editor'] })
    expect(compareWith(before, [{ ...good, handed: 0 }, quiet]).queries).toEqual(['editor'])
  })

  test('a later rank, a missing answer and an unwanted one are', () => {
    const { worse, queries } = compareWith(before, [late, noisy])
    expect(worse.map(({ figure, from, to }) => [figure, from, to])).toEqual([
      ['mrr', 100, 50],
      ['answered', 100, 0],
      ['nothing', 100, 0],
    ])
    expect(queries).toEqual(['editor', '72 F'])
  })

  test('that is none is an error that says what to do', () => {
    expect(() => readBaseline('{"a":1}', 'b.json')).toThrow(/b\.json is no baseline/)
    expect(() => readBaseline('', 'b.json')).toThrow(/b\.json is no baseline/)
  })
})
