import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sentencesOf } from './sentences.ts'

const texts = (passage: string): string[] => sentencesOf(passage).map((sentence) => sentence.text)

describe('sentencesOf', () => {
  test.each([
    ['I live in Rome. I like tea.', ['I live in Rome.', 'I like tea.']],
    ['i live in rome. i like tea', ['i live in rome.', 'i like tea']],
    ['Really?! Yes… ok', ['Really?!', 'Yes…', 'ok']],
    ['I like tea; I hate coffee', ['I like tea', 'I hate coffee']],
    ['one\ntwo is lower', ['one\ntwo is lower']],
    ['My name is Sam\ni live in Rome', ['My name is Sam', 'i live in Rome']],
    ['First line\nSecond line', ['First line', 'Second line']],
    ['I live in\nRome and work\n\nI like tea', ['I live in\nRome and work', 'I like tea']],
    ['- one\n- two\n* three\n1. four\n2) five', ['one', 'two', 'three', 'four', 'five']],
    ['# Title\nText here.', ['Title', 'Text here.']],
    ['[x] done', ['done']],
    ['東京に住んでいます。お茶が好きです。', ['東京に住んでいます。', 'お茶が好きです。']],
    ['', []],
    ['... !!! ---', []],
  ])('splits %j', (passage, expected) => {
    expect(texts(passage)).toEqual(expected)
  })

  test.each([
    'My doctor is Dr. Okafor.',
    'I use Node.js v22.4 and main.ts for e.g. small tools.',
    'My favourite author is J. R. Tolkien.',
    'I get up at 5 a.m. every day.',
    'I live at https://example.com/a.b?c=d now',
    'I paid 3.50 for it',
    'He said "Stop. Now." and left.',
    'I ran `a. b. c` once.',
  ])('does not cut %j', (passage) => {
    expect(texts(passage)).toHaveLength(1)
  })

  test('tells a question by its mark', () => {
    expect(
      sentencesOf('Do I? I do. Who? "Me?" 何ですか？').map((sentence) => sentence.question),
    ).toEqual([true, false, true, true])
  })

  test('every sentence is a verbatim part of the passage, in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (passage) => {
        let from = 0
        for (const { text } of sentencesOf(passage)) {
          const at = passage.indexOf(text, from)
          expect(at).toBeGreaterThanOrEqual(from)
          from = at + text.length
        }
      }),
    )
  })
})
