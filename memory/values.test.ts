import { describe, expect, test } from 'bun:test'
import { askedKinds, looksBack, readStated } from './values.ts'
import { terms } from './words.ts'

const ALL = new Set(['money', 'percent', 'time', 'date', 'number'] as const)
const weigh = (words: string) => new Map(terms(words).map((term) => [term, 1]))
const read = (text: string) =>
  readStated(text, weigh(''), ALL)
    .filter(({ kind }) => kind !== 'change')
    .map(({ kind, value, unit }) => [kind, value, unit])

describe('what a text states', () => {
  test.each([
    ['My budget is $1,200 now', [['money', '$1200', '']]],
    ['It costs 40 euros', [['money', '40euros', '']]],
    ['I reached 85% coverage', [['percent', '85%', '']]],
    ['Meet me at 4 PM', [['time', '4pm', '']]],
    ['The call moved to 16:30', [['time', '16:30', '']]],
    ['Due on April 22', [['date', 'april22', '']]],
    ['Due on the 22nd of April', [['date', '22ndofapril', '']]],
    ['We meet on Friday', [['date', 'friday', '']]],
    ['I have 52 sources', [['number', '52', 'sourc']]],
    ['I have five more sources', [['number', '5', 'sourc']]],
    ['It takes 5-7 months', [['number', '5-7', 'month']]],
    ['It now has 165, and that is fine', [['number', '165', '']]],
    ['I moved here in 2019', []],
    ['1. Preheat the oven', []],
    ['Nothing to count here', []],
  ])('%s', (text, values) => {
    expect(read(text)).toEqual(values as never)
  })

  test('only of the kinds that are asked for', () => {
    const money = new Set(['money'] as const)
    expect(readStated('$40 on May 4 for 3 people', weigh(''), money)).toHaveLength(1)
  })

  test('with how much of the question stands around it, in its own sentence', () => {
    const text = 'The grocery budget is $500. My rent is $900.'
    const [groceries, rent] = readStated(text, weigh('grocery budget'), ALL)
    expect([groceries!.cover, rent!.cover]).toEqual([2, 0])
  })

  test('with whether it says that it is new', () => {
    const [plain] = readStated('I pay $40', weigh(''), ALL)
    expect(plain!.isChange).toBe(false)
    const raised = readStated('The fee was raised to $50', weigh(''), ALL)
    expect(raised.map(({ kind, isChange }) => [kind, isChange])).toEqual([
      ['money', true],
      ['change', true],
    ])
  })

  test('not what is in code, nor what comes after a long beginning', () => {
    expect(read('See below\n```\nconst limit = 60\n```')).toEqual([])
    expect(read(`${'word '.repeat(400)} 40%`)).toEqual([])
  })
})

describe('what a question asks for', () => {
  test.each([
    ['What is my budget for gifts?', ['money', 'number']],
    ['How many books do I want to read?', ['number']],
    ['When is the call scheduled?', ['date', 'time']],
    ['What time should I be there?', ['time']],
    ['What is the coverage of the module?', ['percent', 'number']],
    ['How long does it take?', ['number', 'date', 'time']],
    ['Which editor do I use?', ['money', 'percent', 'time', 'date', 'number']],
    ['And how many are left?', null],
  ])('%s', (question, kinds) => {
    const asked = askedKinds(question)
    if (kinds === null) expect(asked).not.toBeNull()
    else expect([...asked!].toSorted()).toEqual(kinds.toSorted() as never)
  })

  test.each([
    'What was my budget?',
    'When did I start?',
    'How many days are there between the two calls?',
    'What did I use previously?',
    'How do I sort a list?',
    'Have I ever been there?',
    'Convert 72 F to C',
    '',
  ])('nothing that holds now: %s', (question) => {
    expect(askedKinds(question)).toBeNull()
  })

  test('a question that names a day does not ask for another date', () => {
    for (const question of [
      'What happens on 3 December?',
      'What is on Dec. 3?',
      "what's on 2026-12-03",
    ]) {
      expect([...askedKinds(question)!]).not.toContain('date')
    }
    expect([...askedKinds('What may change about the release?')!]).toContain('date')
  })

  test('an earlier time', () => {
    expect(looksBack('Where did I live before Ghent?')).toBe(true)
    expect(looksBack('Where do I live?')).toBe(false)
  })
})
