import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { resolveDates, type Tense } from './when.ts'

const SAID_AT = Date.UTC(2026, 10, 23, 22, 30) // a Monday
const resolve = (text: string, tense: Tense = 'recurring') => resolveDates(text, SAID_AT, tense)

describe('resolveDates', () => {
  test.each([
    ['User starts tomorrow', 'User starts on 24 November 2026'],
    ['User starts tomorrow morning', 'User starts on the morning of 24 November 2026'],
    ['User left yesterday', 'User left on 22 November 2026'],
    ['User left the day before yesterday', 'User left on 21 November 2026'],
    ['User leaves the day after tomorrow', 'User leaves on 25 November 2026'],
    ['User left last night', 'User left on the night of 22 November 2026'],
    ['User flies tonight', 'User flies on the evening of 23 November 2026'],
    ['User moved last year', 'User moved in 2025'],
    ['User moved last month', 'User moved in October 2026'],
    ['User moved last week', 'User moved in the week of 16 November 2026'],
    ['User retires next year', 'User retires in 2027'],
    ['User moves next month', 'User moves in December 2026'],
    ['User smokes since last year', 'User smokes since 2025'],
    ['User stays until next month', 'User stays until December 2026'],
    ['User moved early last year', 'User moved early in 2025'],
    ['User moved three years ago', 'User moved around 2023'],
    ['User moved 2 months ago', 'User moved around September 2026'],
    ['User moved two weeks ago', 'User moved around 9 November 2026'],
    ['User moved 10 days ago', 'User moved on 13 November 2026'],
    ['Yesterday User moved', 'On 22 November 2026 User moved'],
    ['Last year, User moved', 'In 2025, User moved'],
  ])('%j becomes %j', (text, expected) => {
    expect(resolve(text).text).toBe(expected)
  })

  test.each([
    'User leaves next Friday',
    'User moved last summer',
    'User works on Fridays',
    'User was ill for the last year',
    'User loves the song "Yesterday" and `today()`',
    "User reads today's paper",
    'User lives in Paris',
    'User has a dog called March',
    'User may move',
    "User's birthday is on 3 May",
    'User finished it in two weeks',
    'User goes skiing in February',
  ])('leaves %j', (text) => {
    expect(resolve(text).text).toBe(text)
  })

  test.each([
    ["User's flight is on 12 March", 'future', "User's flight is on 12 March 2027"],
    ["User's flight is on March 12", 'future', "User's flight is on March 12, 2027"],
    [
      "User's flight is on the 12th of December",
      'future',
      "User's flight is on the 12th of December 2026",
    ],
    ['User marries in June', 'future', 'User marries in June 2027'],
    ['User marries in December', 'future', 'User marries in December 2026'],
    ['User married in June', 'past', 'User married in June 2026'],
    ['User married in December', 'past', 'User married in December 2025'],
    ['User started on 30 November', 'past', 'User started on 30 November 2025'],
    ['User leaves in two weeks', 'future', 'User leaves around 7 December 2026'],
    ['User leaves in 3 days', 'future', 'User leaves on 26 November 2026'],
    ['User has a deadline of April 20, 2024', 'future', 'User has a deadline of April 20, 2024'],
    ['User is away on April 20-21', 'future', 'User is away on April 20-21'],
    [
      'User has painted for ten years',
      'perfect',
      'User has painted for ten years (since about 2016)',
    ],
    ['User painted for ten years', 'past', 'User painted for ten years'],
  ] as const)('%j in the %s becomes %j', (text, tense, expected) => {
    expect(resolve(text, tense).text).toBe(expected)
  })

  test('gives the span of the first date', () => {
    expect(resolve('User leaves on 12 March 2027').span).toEqual({
      from: Date.UTC(2027, 2, 12),
      to: Date.UTC(2027, 2, 13),
    })
    expect(resolve('User married in June 2020').span).toEqual({
      from: Date.UTC(2020, 5, 1),
      to: Date.UTC(2020, 6, 1),
    })
    expect(resolve('User leaves on 2026-12-24').span?.from).toBe(Date.UTC(2026, 11, 24))
    expect(resolve('User likes tea').span).toBeNull()
  })

  test('knows since when', () => {
    expect(resolve('User lives in Rome since 2015').since).toBe(Date.UTC(2015, 0, 1))
    expect(resolve('User lives in Rome since March 2015').since).toBe(Date.UTC(2015, 2, 1))
    expect(resolve('User has painted for two decades', 'perfect').since).toBe(Date.UTC(2006, 0, 1))
    expect(resolve('User was born in 1990').since).toBeNull()
  })

  test('crosses the turn of the year', () => {
    const newYear = Date.UTC(2026, 0, 1, 0, 5)
    expect(resolveDates('User left yesterday', newYear, 'past').text).toBe(
      'User left on 31 December 2025',
    )
    expect(resolveDates('User left last month', newYear, 'past').text).toBe(
      'User left in December 2025',
    )
  })

  test('leaves a text alone whose time is unknown', () => {
    expect(resolveDates('User left yesterday', Number.NaN, 'past').text).toBe('User left yesterday')
  })

  test('never throws, and never loses what is no date', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 100 })
    const tenses = fc.constantFrom<Tense>('past', 'perfect', 'future', 'recurring')
    fc.assert(
      fc.property(texts, fc.integer(), tenses, (text, at, tense) => {
        expect(typeof resolveDates(text, at, tense).text).toBe('string')
      }),
    )
  })
})
