import { expect, test } from 'bun:test'
import { namesIn } from './names.ts'

test.each([
  ['What did Caroline say to Mel?', [['carolin'], ['mel']]],
  ["Is that Ben's bicycle?", [['ben']]],
  ['When do I fly to New York?', [['new'], ['york']]],
  ['Who is Nadia?', [['nadia']]],
  ['Convert 72 F to C', [['f'], ['c']]],
  ['Caroline is who?', []],
  ['Hello. Who are you? Tell me', []],
  ['She said: “Come in”', []],
  ["Do I know what I'm doing?", []],
  ['was sagt Jürgen', [['jurgen']]],
  ['Where was Ann in May 2023, on a Friday?', [['ann']]],
  ['', []],
])('the names in %p', (question, names) => {
  expect(namesIn(question)).toEqual(names)
})
