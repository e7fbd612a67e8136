import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { textOf, tokensOf } from './tokens.ts'

const words = (sentence: string): string[] => tokensOf(sentence).map((piece) => piece.text)

describe('tokensOf', () => {
  test.each([
    ["I'm sure I don't", ['I', 'am', 'sure', 'I', 'do', 'not']],
    [
      'im here, ive gone, i cant',
      ['I', 'am', 'here', ',', 'I', 'have', 'gone', ',', 'i', 'cannot'],
    ],
    ["I'd rather walk", ['I', 'would', 'rather', 'walk']],
    ["I'd been there", ['I', 'had', 'been', 'there']],
    ["I'd never eat it", ['I', 'would', 'never', 'eat', 'it']],
    ["we've won’t", ['we', 'have', 'will', 'not']],
    ["my sister's dog", ['my', "sister's", 'dog']],
    ["my sister's called Bo", ['my', 'sister', 'is', 'called', 'Bo']],
    ["my name's Sam", ['my', 'name', 'is', 'Sam']],
    ["it's been fun", ['it', 'has', 'been', 'fun']],
    ["my kids' names", ['my', "kids'", 'names']],
    ['C++, F# and Node.js', ['C++', ',', 'F#', 'and', 'Node.js']],
    ['a left-handed he/him', ['a', 'left-handed', 'he/him']],
    [
      '3.5 10k 9:30am 12/03/2026 $20,000 50% 16th',
      ['3.5', '10k', '9:30am', '12/03/2026', '$20,000', '50%', '16th'],
    ],
    ['he said "I live" and `npm i`', ['he', 'said', '"I live"', 'and', '`npm i`']],
    ["the '90s and rock", ['the', "'", '90s', 'and', 'rock']],
    ['at a.b@c.org or https://x.org/y?z=1.', ['at', 'a.b@c.org', 'or', 'https://x.org/y?z=1', '.']],
  ])('takes %j apart', (sentence, expected) => {
    expect(words(sentence)).toEqual(expected)
  })

  test('prints back what it read, but for contractions and white space', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        const plain = text.replaceAll(/['’]/g, '').replaceAll(/\b(?:im|ive|\w+nt)\b/gi, '')
        expect(textOf(tokensOf(plain)).replaceAll(/\s+/g, '')).toBe(plain.replaceAll(/\s+/g, ''))
      }),
    )
  })
})
