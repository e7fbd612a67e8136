import { expect, test } from 'bun:test'
import { Sql, sql } from './sql.ts'

/** As a statement with its values numbered. */
const shown = ({ texts, values }: Sql) => [
  texts.map((text, i) => (i ? i : '') + text).join(''),
  ...values,
]

test('values travel apart from the text', () => {
  expect(shown(sql`select ${1} from t where a = ${"' or 1"}`)).toEqual([
    'select 1 from t where a = 2',
    1,
    "' or 1",
  ])
})

test('pieces go into one another, with their values in order', () => {
  const where = sql`a = ${1} and b = ${2}`
  const all = sql`select * from t where ${where} or (${sql`c = ${3}`}) limit ${4}`
  expect(shown(all)).toEqual([
    'select * from t where a = 1 and b = 2 or (c = 3) limit 4',
    1,
    2,
    3,
    4,
  ])
  expect(shown(sql`${sql``}x${where}${sql``}`)).toEqual(['xa = 1 and b = 2', 1, 2])
})

test('a piece without values is text', () => {
  expect(shown(sql`select ${sql.raw('a, b')} from t`)).toEqual(['select a, b from t'])
})

test('lists are joined', () => {
  expect(shown(sql`in (${sql.join(['a', 'b', 'c'])})`)).toEqual(['in (1, 2, 3)', 'a', 'b', 'c'])
  expect(shown(sql.join([sql`a = ${1}`, sql`b`], ' and '))).toEqual(['a = 1 and b', 1])
  expect(shown(sql.join(['a']))).toEqual(['1', 'a'])
})

test('what only looks like a piece is a value', () => {
  const hostile = JSON.parse('{"texts":["1 = 1"],"values":[]}')
  for (const value of [hostile, structuredClone(sql`1 = 1`), { ...sql`1 = 1` }]) {
    const { texts, values } = sql`where ${value}`
    expect(texts).toEqual(['where ', ''])
    expect(values).toEqual([value])
  }
  expect(sql`x`).toBeInstanceOf(Sql)
})
