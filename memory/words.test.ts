import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { queryTerms, STOP_WORDS, terms, words } from './words.ts'

describe('words', () => {
  test.each([
    ['Likes GREEN tea', ['likes', 'green', 'tea']],
    ["Ann's dog, the neighbour’s cat", ['ann', 'dog', 'the', 'neighbour', 'cat']],
    ["don't", ['don', 't']],
    ["it's", ['it']],
    ["rock'n'roll 'sir'", ['rock', 'n', 'roll', 'sir']],
    ['café naïve Ünïcödé Ångström', ['cafe', 'naive', 'unicode', 'angstrom']],
    ['ﬁne Ｔｅａ ²', ['fine', 'tea', '2']],
    ['TypeScript 7.0, v2_final (x64)', ['typescript', '7', '0', 'v2', 'final', 'x64']],
    ['user@example.com /path/to-file', ['user', 'example', 'com', 'path', 'to', 'file']],
    ['Москва и Київ', ['москва', 'и', 'київ'.normalize('NFKD').replace(/\u0306|\u0308/g, '')]],
    ['हिन्दी भाषा', ['हिन्दी', 'भाषा']],
    ['שלום عالم', ['שלום', 'عالم']],
    ['on 2026-12-03 at 14:00', ['on', '3', 'december', '2026', 'at', '14', '00']],
    ['Dec 3, the 3rd of Dec.', ['december', '3', 'the', '3', 'of', 'december']],
    [
      '1,150 euros, rooms 1,2 and 2026-13-40',
      ['1150', 'euros', 'rooms', '1', '2', 'and', '2026', '13', '40'],
    ],
    ['Jan may decline', ['jan', 'may', 'decline']],
    ['😀🎉 … — !', []],
    ['', []],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  test.each([
    ['我喜欢喝茶', ['我喜', '喜欢', '欢喝', '喝茶']],
    ['茶', ['茶']],
    ['お茶が好き', ['お茶', '茶が', 'が好', '好き']],
    ['喝茶, 茶', ['喝茶', '茶']],
    ['我用TypeScript', ['我用', '用t', 'ty', 'yp', 'pe', 'es', 'sc', 'cr', 'ri', 'ip', 'pt']],
    ['𠮷野家', ['𠮷野', '野家']],
  ])('writing without spaces gives pairs of characters: %s', (text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  test('accents written in one character or two are the same', () => {
    expect(words('café'.normalize('NFD'))).toEqual(words('café'.normalize('NFC')))
  })

  test('whatever the text, a word has no case, space, mark or syntax, and is found in itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        for (const word of words(text)) {
          expect(word).toMatch(/^[\p{L}\p{M}\p{N}]+$/u)
          expect(word).toBe(word.toLowerCase().normalize('NFC'))
        }
      }),
      { numRuns: 500, seed: 3 },
    )
  })

  test('half a character is no word', () => {
    expect(words('tea \ud800 茶\udfff')).toEqual(['tea', '茶'])
  })
})

describe('terms', () => {
  test('are stemmed, in order, with repeats', () => {
    expect(terms('Running runs and RUN')).toEqual(['run', 'run', 'and', 'run'])
  })

  test('only English letters are stemmed', () => {
    expect(terms('v8ing шинами ñandúes')).toEqual(['v8ing', 'шинами', 'nandu'])
  })

  test('a very long word is cut, equally in text and question', () => {
    const long = `${'x'.repeat(70)}ing`
    expect(terms(long)).toEqual(['x'.repeat(64)])
    expect(queryTerms(long)).toEqual(terms(long))
  })
})

describe('query terms', () => {
  test('leave out what says only how it is asked, and repeats', () => {
    expect(queryTerms('What is the name of my dog, and of the dogs of Ann?')).toEqual([
      'name',
      'dog',
      'ann',
    ])
  })

  test('of a question made of nothing else are all its words', () => {
    expect(queryTerms('Who am I?')).toEqual(['who', 'am', 'i'])
  })

  test('are 64 at most', () => {
    const many = Array.from({ length: 500 }, (_, i) => `word${i}`)
    expect(queryTerms(many.join(' '))).toEqual(many.slice(0, 64))
    expect(queryTerms('OR '.repeat(20_000))).toEqual(['or'])
    expect(queryTerms(`${'tea '.repeat(10_000)} rum`)).toEqual(['tea', 'rum'])
  })

  test('of no text are none', () => {
    for (const text of ['', '   ', '?!', '😀']) expect(queryTerms(text)).toEqual([])
  })

  test('are among the terms of the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const all = new Set(terms(text))
        for (const term of queryTerms(text)) expect(all).toContain(term)
      }),
      { numRuns: 300, seed: 5 },
    )
  })

  test('know the stop words by their plain form', () => {
    for (const word of STOP_WORDS) expect(words(word)).toEqual([word])
  })
})
