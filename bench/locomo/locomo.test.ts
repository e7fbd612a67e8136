import { describe, expect, test } from 'bun:test'
import { readLocomo, readTime } from './data.ts'
import { mean, score } from './score.ts'

describe('a score', () => {
  const evidence = new Set(['D1:1', 'D1:2'])

  test('counts each turn of evidence once, wherever it is found', () => {
    const ranked = [['D1:1'], ['D1:1'], ['D9:9'], [], ['D9:8'], ['D1:2']]
    expect(score(ranked, evidence)).toEqual({ r5: 0.5, r10: 1, mrr: 1 })
  })

  test('is nothing where nothing is found', () => {
    expect(score([['D9:9']], evidence)).toEqual({ r5: 0, r10: 0, mrr: 0 })
    expect(score([], evidence)).toEqual({ r5: 0, r10: 0, mrr: 0 })
  })

  test('looks no further than twenty', () => {
    const ranked = [...Array.from({ length: 20 }, () => ['D9:9']), ['D1:1']]
    expect(score(ranked, evidence).mrr).toBe(0)
  })

  test('averages over questions', () => {
    expect(
      mean([
        { r5: 1, r10: 1, mrr: 1 },
        { r5: 0, r10: 0.5, mrr: 0.5 },
      ]),
    ).toEqual({
      r5: 0.5,
      r10: 0.75,
      mrr: 0.75,
    })
  })
})

test('the time of a session is read', () => {
  expect(new Date(readTime('1:56 pm on 8 May, 2023')).toISOString()).toBe(
    '2023-05-08T13:56:00.000Z',
  )
  expect(new Date(readTime('12:09 am on 13 September, 2023')).toISOString()).toBe(
    '2023-09-13T00:09:00.000Z',
  )
  expect(() => readTime('yesterday')).toThrow('no time of a session')
})

const conversations = readLocomo()
describe.skipIf(conversations === null)('LoCoMo as it is published', () => {
  test('has ten conversations, and 1,536 questions with evidence', () => {
    expect(conversations).toHaveLength(10)
    const turns = conversations!.flatMap(({ sessions }) => sessions.flatMap((s) => s.turns))
    expect(turns).toHaveLength(5_882)
    expect(conversations!.flatMap(({ questions }) => questions)).toHaveLength(1_536)
  })
})
