import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareStatements, contradicts, sameStatement } from './compare.ts'

const kinds = (a: string, b: string): string[] =>
  compareStatements(a, b).differences.map(({ kind }) => kind)

describe('sameStatement', () => {
  test.each([
    ['I prefer tabs', 'User prefers tabs.'],
    ['The user prefers tabs', 'User prefers tabs'],
    ['My sister is called Nadia', "User's sister's name is Nadia"],
    ["User's favorite color is blue", "The user's favourite colour is blue"],
    ['User lives in Berlin', 'User is living in Berlin'],
    ['User works for Acme', 'User works at Acme'],
    ['User has 2 cats', 'User has two cats'],
    ['User has a cat', 'User has cat'],
    ['User really likes tea', 'User likes tea'],
    ['User uses Postgres 16', 'user uses postgres 16'],
    ['User lives in Berlin now', 'User currently lives in Berlin'],
    ["I don't like tea", 'User does not like tea'],
    ['ユーザーは寿司が好き', 'ユーザーは寿司が好き'],
  ])('%j and %j say the same', (a, b) => {
    expect(sameStatement(a, b)).toBe(true)
    expect(sameStatement(b, a)).toBe(true)
  })

  test.each([
    ['User has two cats', 'User has three cats'],
    ['User has a cat', 'User has cats'],
    ['User uses Postgres 16', 'User uses Postgres 17'],
    ['User uses C++', 'User uses C#'],
    ['User uses C', 'User uses C++'],
    ['User lives in Berlin', 'User lives in Bern'],
    ['User lives in Berlin', 'User lived in Berlin'],
    ['User lives in Berlin', 'User used to live in Berlin'],
    ['User lives with Ana', 'User lives near Ana'],
    ['User likes tea', 'User does not like tea'],
    ['User likes tea', 'User likes tea and milk'],
    ['User likes tea', 'User loves tea'],
    ['User likes tea or milk', 'User likes tea and milk'],
    ['User likes tea with milk', 'User likes tea without milk'],
    ['User prefers Python over Java', 'User prefers Java over Python'],
    ['User is a doctor', 'User has a doctor'],
    ['User can swim', 'User swims'],
    ['User moved to Paris', 'User moved from Paris'],
    ['User helps Ana', 'Ana helps User'],
    ["User's sister likes User's dog", "User's dog likes User's sister"],
    ['User meets Ana on Monday', 'User meets Ana on Tuesday'],
    ['User always tests', 'User rarely tests'],
    ['User runs 5 km', 'User runs 5 miles'],
    [
      'User prefers FastAPI for backend and TypeScript for frontend',
      'User prefers TypeScript for backend and FastAPI for frontend',
    ],
    ['Ich mag Käse', 'Ich mag keinen Käse'],
    ['ユーザーは寿司が好き', 'ユーザーは寿司が嫌い'],
  ])('%j and %j do not', (a, b) => {
    expect(sameStatement(a, b)).toBe(false)
    expect(sameStatement(b, a)).toBe(false)
  })
})

describe('compareStatements', () => {
  test.each([
    ['User has two cats', 'User has three cats', ['number']],
    ['User flies on 3 May', 'User flies on 4 June', ['number', 'date']],
    ['User was born in 1990', 'User was born in 1991', ['date']],
    ['User works at Acme', 'User works at Globex', ['name']],
    ['User works at Acme', 'user works at acme', []],
    ['User uses iPhone', 'User uses Pixel', ['name']],
    ['User likes tea', 'User does not like tea', ['negation']],
    ['User smokes', 'User no longer smokes', ['negation']],
    ['User smokes', 'User stopped smoking', ['negation']],
    ['User loves tea', 'User hates tea', ['polarity']],
    ['User always tests', 'User rarely tests', ['quantity']],
    ['User prefers tabs', 'I prefer tabs', []],
  ])('%j against %j differs in %j', (a, b, expected) => {
    expect(kinds(a, b)).toEqual(expected)
  })

  test('names what only one side has', () => {
    expect(compareStatements('User has two cats', 'User has three cats').differences).toEqual([
      { kind: 'number', a: ['2'], b: ['3'] },
    ])
  })

  test('similarity is the share of common words', () => {
    expect(compareStatements('User likes tea', 'User likes tea').similarity).toBe(1)
    expect(compareStatements('User likes tea', 'Rome is big').similarity).toBe(0)
    const near = compareStatements('User prefers green tea', 'User prefers black tea').similarity
    expect(near).toBeGreaterThan(0.5)
    expect(near).toBeLessThan(1)
  })

  test('is symmetric, and nothing differs from itself', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.string({ maxLength: 60 }),
        (a, b) => {
          expect(compareStatements(a, a).differences).toEqual([])
          expect(sameStatement(a, a)).toBe(true)
          expect(compareStatements(a, b).similarity).toBe(compareStatements(b, a).similarity)
          expect(kinds(a, b)).toEqual(kinds(b, a))
          expect(sameStatement(a, b)).toBe(sameStatement(b, a))
        },
      ),
    )
  })

  test('what is the same never differs in a number, a date, a name or a "not"', () => {
    const words = fc.constantFrom(
      ...'User I my likes hates not never tea Rome Acme 2 3 two May Monday always with to from the a sister'.split(
        ' ',
      ),
    )
    const statement = fc
      .array(words, { minLength: 1, maxLength: 7 })
      .map((parts) => parts.join(' '))
    fc.assert(
      fc.property(statement, statement, (a, b) => {
        if (sameStatement(a, b)) expect(kinds(a, b).filter((kind) => kind !== 'name')).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('contradicts', () => {
  test.each([
    ['User likes sushi', 'User does not like sushi', true],
    ['User loves sushi', 'User hates sushi', true],
    ['User drinks alcohol', 'User never drinks alcohol', true],
    ['User hates sushi', 'User does not like sushi', false],
    ['User likes sushi', 'User hates tuna', false],
    ['User likes sushi', 'User likes sushi', false],
    ['User is not a nurse', 'User is a nurse', true],
    ['User does not eat meat', 'User eats meat daily', false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(contradicts(a, b)).toBe(expected)
  })
})
