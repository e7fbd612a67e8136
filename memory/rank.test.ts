import { describe, expect, test } from 'bun:test'
import {
  evidenceFor,
  factorOf,
  fuse,
  largestFactor,
  notesOf,
  rankingFor,
  readTextTraits,
  traitsOf as readTraits,
  voiceOf,
} from './rank.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const traitsOf = (question: string) => readTraits(question, NOW)

describe('a fused score', () => {
  test('is the share of words and 1.2 times the cosine', () => {
    expect(fuse(0.5, 0.5)).toBeCloseTo(1.1)
    expect(fuse(0, 1)).toBeCloseTo(1.2)
    expect(fuse(1, 0)).toBe(1)
  })

  test('is not lowered by a cosine below zero', () => {
    expect(fuse(0.5, -1)).toBe(0.5)
  })
})

describe('the factor of a document', () => {
  const MAY_2023 = Date.UTC(2023, 4, 8)
  const nothing = traitsOf('what tea?')

  test('is 1 when nothing favours it', () => {
    expect(factorOf(MAY_2023, true, false, nothing)).toBe(1)
  })

  test('is lower for what the user did not say', () => {
    expect(voiceOf('user')).toBe(1)
    for (const role of ['assistant', 'tool', 'system'] as const) {
      expect(voiceOf(role)).toBeCloseTo(1 / 1.5)
    }
  })

  test('is higher for who is named', () => {
    expect(factorOf(MAY_2023, false, true, nothing)).toBeCloseTo(1.4)
  })

  test('is higher for a text that says when, only if that is asked', () => {
    expect(factorOf(MAY_2023, true, false, traitsOf('when was it?'))).toBeCloseTo(1.15)
    expect(factorOf(MAY_2023, false, false, traitsOf('when was it?'))).toBe(1)
  })

  test.each([
    ['in May 2023', 1.5],
    ['in May', 1.5],
    ['in 2023', 1.5],
    ['in May 2022', 1],
    ['in June 2023', 1],
    ['in June', 1],
    ['in 2022', 1],
    ['on 8 May 2023', 2.25],
    ['on May 8', 2.25],
    ['on 2023-05-08', 2.25],
    ['on 9 May 2023', 1.5],
  ])('of a day in May 2023, asked what happened %s, is %p', (question, factor) => {
    expect(factorOf(MAY_2023, false, false, traitsOf(question))).toBe(factor)
  })

  test('is never above the largest factor of its question', () => {
    const all = factorOf(MAY_2023, true, true, traitsOf('when on 8 May 2023?'))
    expect(all).toBeCloseTo(1.4 * 1.15 * 1.5 * 1.5)
    for (const asked of ['tea?', 'when?', 'in May', 'in 2023', 'on 8 May 2023', 'when on May 8?']) {
      const traits = traitsOf(asked)
      for (const named of [true, false]) {
        const factor = factorOf(MAY_2023, true, named, traits)
        expect(factor).toBeCloseTo(largestFactor(traits, named), 10)
      }
    }
  })
})

describe('what else counts', () => {
  const parts = { lexical: 0.3, cosine: 0.2, slot: null }
  const plain = readTextTraits('User went to Rome')
  const preference = readTextTraits('User prefers trains')
  const diet = readTextTraits('User is vegetarian')
  const advice = traitsOf('Which train would you recommend?')
  const food = traitsOf('What should I cook?')
  const user = { role: 'user', at: 0, slot: null } as const

  test('a preference is ranked higher when advice is asked, and is no more evidence for that', () => {
    const evidence = evidenceFor(parts, preference, false, advice)
    expect(evidence).toBeCloseTo(0.54)
    expect(rankingFor(evidence, preference, advice)).toBeCloseTo(0.74)
    expect(rankingFor(evidence, plain, advice)).toBe(evidence)
    expect(rankingFor(evidence, preference, traitsOf('When did I go?'))).toBe(evidence)
  })

  test('what limits food is evidence where it is about food', () => {
    expect(evidenceFor(parts, diet, false, food)).toBeCloseTo(0.54 + 0.25)
    expect(evidenceFor(parts, diet, false, advice)).toBeCloseTo(0.54)
    expect(evidenceFor(parts, plain, false, food)).toBeCloseTo(0.54)
  })

  test('is said by whom the question names', () => {
    expect(evidenceFor(parts, plain, true, advice)).toBeCloseTo(1.1 * 0.54)
  })

  test('is told in words', () => {
    expect(notesOf(user, plain, false, advice)).toEqual([])
    expect(notesOf(user, preference, true, advice)).toEqual([
      'said by whom the question names',
      'states a preference',
    ])
    expect(notesOf({ ...user, role: 'assistant' }, diet, false, food)).toEqual([
      'limits what may be eaten',
      'not said by the user',
    ])
    const timed = readTextTraits('It was yesterday')
    expect(notesOf(user, timed, false, traitsOf('When was it in January 1970?'))).toEqual([
      'names a time',
      'of the time asked about',
    ])
  })
})
