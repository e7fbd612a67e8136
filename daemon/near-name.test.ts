import { expect, test } from 'bun:test'
import { nearName } from './near-name.ts'

test.each([
  ['namespce', 'namespace'],
  ['wiat', 'wait'],
  ['Limit', 'limit'],
  ['contents', 'content'],
  ['id', null],
  ['bogus', null],
  ['', null],
])('%p is taken for %p', (given, meant) => {
  expect(nearName(given, ['content', 'namespace', 'wait', 'limit', 'as'])).toBe(meant)
})

test('the nearest is meant, whichever comes first', () => {
  expect(nearName('offse', ['offer', 'offset'])).toBe('offset')
})
