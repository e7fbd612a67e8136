import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { PATHS, readReference } from './fixtures/paths.ts'
import { createWordPiece, readVocabulary } from './wordpiece.ts'

const toIds = createWordPiece(readVocabulary(PATHS.tokenizerPath))

test('gives the reference ids', () => {
  for (const { text, ids } of readReference('all-MiniLM-L6-v2')) {
    expect(toIds(text)).toEqual(ids.slice(1, -1))
  }
})

test('gives the ids of the tokenizer library, whatever the text', () => {
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(PATHS.tokenizerPath, 'utf8')), {})
  const theirs = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids
  const fragment = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.uint16Array({ maxLength: 4 }).map((units) => String.fromCharCode(...units)),
    fc.constantFrom(' ', '\t', '\u00a0', '\u2028', '\v', '\0', '\ufeff', '\ufffd', '\u200b'),
    fc.constantFrom(
      '[SEP]',
      '[cls]',
      '[MASK',
      '##ing',
      'unhappiness',
      'Straße',
      'İstanbul',
      'ΟΔΟΣ',
    ),
    fc.constantFrom(
      'e\u0301',
      '東京',
      'か\u3099',
      '한국',
      '𠀀𠀁',
      '🙂',
      'ﬁne',
      '½',
      'x'.repeat(99),
    ),
  )
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join('')
      expect(toIds(text)).toEqual(theirs(text))
    }),
    { numRuns: 3_000 },
  )
})
