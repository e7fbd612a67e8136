import { expect, test } from 'bun:test'
import { PATHS, readReference } from './fixtures/paths.ts'
import { openTokenizer } from './sentence-encoder.ts'

const { tokenize } = openTokenizer({ ...PATHS, lowerCase: false })

test('gives the reference ids', () => {
  for (const { text, ids } of readReference('all-MiniLM-L6-v2')) {
    expect(tokenize(text, 256)).toEqual(ids)
  }
})

test('a long text is cut, its frame of [CLS] and [SEP] kept', () => {
  const ids = tokenize('tea '.repeat(300), 256)!
  expect(ids).toHaveLength(256)
  expect(ids.slice(0, 3)).toEqual([101, 5572, 5572])
  expect(ids.slice(-2)).toEqual([5572, 102])
})

test('looking at the beginning alone changes no id', () => {
  const beginning = 'Prefers unhyphenated internationalizations, naïvely. '.repeat(30)
  const whole = tokenize(beginning, 128)!
  // Letters without a space, across every place where the text may be cut.
  expect(tokenize(beginning + 'nospacesanywhere'.repeat(2_000), 128)).toEqual(whole)
  expect(tokenize(`${' '.repeat(20_000)}${beginning}`, 128)).toEqual(whole)
})

test('a text of unknown words alone is not read', () => {
  expect(tokenize('q'.repeat(101), 128)).toBeNull()
  expect(tokenize(`${'q'.repeat(101)} tea`, 128)).toEqual([101, 100, 5572, 102])
})
