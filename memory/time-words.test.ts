import { expect, test } from 'bun:test'
import { asksWhen, dateTerms, namedTime, saysWhen } from './time-words.ts'
import { terms } from './words.ts'

const NOW = Date.UTC(2026, 0, 15, 12)

test('a date is its day, month and year, in UTC and as the text would say them', () => {
  expect(dateTerms(Date.UTC(2023, 4, 8, 23, 59))).toEqual(terms('8 May 2023'))
  expect(dateTerms(Date.UTC(2024, 11, 31))).toEqual(terms('31 December 2024'))
  expect(dateTerms(0)).toEqual(terms('1 January 1970'))
  expect(dateTerms(-1)).toEqual(terms('31 December 1969'))
})

test('an instant beyond all dates has none', () => {
  for (const at of [1e18, -1e18, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(dateTerms(at)).toEqual([])
  }
})

test.each([
  'I went there yesterday',
  'Last week was hard',
  'two years ago',
  'on Friday',
  'in MARCH',
  'since 2019',
  'the 3rd of June',
  'this summer',
])('says when: %s', (text) => {
  expect(saysWhen(text)).toBe(true)
})

test.each(['I like tea', 'this is it', 'the blast was loud', 'daylight', 'room 12', 'a sunday1'])(
  'says nothing of when: %s',
  (text) => {
    expect(saysWhen(text)).toBe(false)
  },
)

test.each([
  'When did Ann move?',
  '  when is it',
  'How long has she lived there?',
  'And when was that?',
  'What year was it?',
  'which month',
  'Since when?',
])('asks when: %s', (question) => {
  expect(asksWhen(question)).toBe(true)
})

test.each(['Who was there when it rained?', 'What tea?', 'whenever', 'How far?', 'What daylight?'])(
  'does not ask when: %s',
  (question) => {
    expect(asksWhen(question)).toBe(false)
  },
)

test.each([
  ['What happened in June 2023?', 5, 2023],
  ['What happened in june', 5, null],
  ['Where was I in 1999', null, 1999],
  ['What did I do last May?', 4, null],
  ['On 3rd of March?', 2, null],
  ['on May 4', 4, null],
  ['May I ask you?', null, null],
  ['They march on', null, null],
  ['since march', 2, null],
  ['It cost 20231 or 1899', null, null],
  ['Who is April’s brother?', 3, null],
  ['', null, null],
])('%s names month %p and year %p', (question, month, year) => {
  expect(namedTime(question, NOW)).toMatchObject({ month, year })
})

test.each([
  ['What did I do on 3rd of March?', 3, 2, null],
  ['on May 4', 4, 4, null],
  ['on March 12, 2024', 12, 2, 2024],
  ['on 2024-03-12', 12, 2, 2024],
  ['in 2024-03', null, 2, 2024],
  ['in March 2024', null, 2, 2024],
  ['March 2024', null, 2, 2024],
  ['on 2024-13-40', 40, null, 2024],
])('%s is day %p of month %p of %p', (question, day, month, year) => {
  expect(namedTime(question, NOW)).toEqual({ day, month, year, span: null })
})

test.each([
  ['What did I eat yesterday?', '2026-01-14', '2026-01-15'],
  ['What did I say today?', '2026-01-15', '2026-01-16'],
  ['What did we decide last week?', '2026-01-01', '2026-01-15'],
  ['this month', '2025-12-16', '2026-01-16'],
  ['What did I buy two weeks ago?', '2025-12-28', '2026-01-06'],
  ['what was it 3 days ago', '2026-01-11', '2026-01-14'],
  ['a month ago', '2025-12-01', '2026-01-01'],
])('%s is from %s to before %s', (question, from, to) => {
  expect(namedTime(question, NOW).span).toEqual({ from: Date.parse(from), to: Date.parse(to) })
})

test.each(['What is my name?', 'the week', 'in May last year', 'ago'])(
  'no span from now: %s',
  (question) => {
    expect(namedTime(question, NOW).span).toBeNull()
  },
)
