import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ownWords, WINDOW } from './own-words.ts'

const own = (message: string): string => ownWords(message).join('|').replaceAll(/\s+/g, ' ').trim()

describe('ownWords', () => {
  test.each([
    ['I live in Rome.', 'I live in Rome.'],
    ['Look:\n```\ncode\n```\nI like it.', 'Look:|I like it.'],
    ['Look:\n~~~\ncode\n~~~\nok', 'Look:|ok'],
    ['Look:\n```ts\nnever closed\nI live in Rome', 'Look:'],
    ['One\n> quoted\nTwo', 'One|Two'],
    ['Before <note>inside</note> after', 'Before after'],
    ['Before\n<doc>\nnever closed\nI live', 'Before'],
    ['I use Map<string> and <b>bold</b> words', 'I use Map<string> and <b>bold</b> words'],
    ['Here:\n{\n "a": "I live"\n}\nDone', 'Here:|Done'],
    ['See:\n2026-11-23T10:00:00 I live\nDone', 'See:|Done'],
    ['Error: bad\n    at main (a.js:1:2)\nHelp', 'Help'],
    ['$ npm install\nok', 'ok'],
    ['const a = 1;\nI like it', 'I like it'],
    ['Translate this: I live', 'Translate this:'],
    ['Please summarize:\nI live', 'Please summarize:'],
    ['Alice: I live\nBob: me too\nok', 'ok'],
    ['Note: I live in Rome', 'Note: I live in Rome'],
    ['A<engram-memory>x</engram-memory>B', 'A B'],
  ])('of %j are %j', (message, expected) => {
    expect(own(message)).toBe(expected)
  })

  test('a text that is to be transformed is not its author speaking', () => {
    expect(ownWords('I live in Rome. Rewrite the text above.')).toEqual([])
    expect(ownWords('I live in Rome. Fix the grammar.')).not.toEqual([])
    expect(ownWords('I live in Rome. Improve my grammar.')).toEqual([])
    expect(own('I live in Rome. Rewrite this function.')).toBe(
      'I live in Rome. Rewrite this function.',
    )
  })

  test('a letter ends where it is signed', () => {
    expect(own('Is this good?\nDear Ms Ives,\nI live in Rome.\nKind regards,\nBob')).toBe(
      'Is this good?',
    )
  })

  test('reads no further than its window', () => {
    expect(ownWords('a '.repeat(WINDOW)).join('').length).toBeLessThanOrEqual(WINDOW)
  })

  test('every passage is a verbatim part of the message', () => {
    const pieces = fc.constantFrom(
      'I live',
      '\n',
      '```',
      '<a>',
      '</a>',
      '> x',
      '{',
      '}',
      'Bob: x',
      'translate this:',
      ' ',
      '.',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const message = parts.join('')
        // where markup was taken out, a gap of two line breaks stands
        for (const passage of ownWords(message)) {
          for (const part of passage.split('\n\n')) expect(message).toContain(part.trim())
        }
      }),
    )
  })
})
