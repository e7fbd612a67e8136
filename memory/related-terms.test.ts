import { expect, test } from 'bun:test'
import { readRelatedTerms } from './related-terms.ts'
import { ScopeIndex } from './scope-index.ts'

test('a table is read, and what is not of its form is passed over', () => {
  const related = readRelatedTerms('dog canin:90 pup:77\n\nbroken\nodd :50 x: y:0 z:101 cat:60\n')
  expect(related('dog')).toEqual([
    { term: 'canin', similarity: 0.9 },
    { term: 'pup', similarity: 0.77 },
  ])
  expect(related('odd')).toEqual([{ term: 'cat', similarity: 0.6 }])
  expect(related('broken')).toEqual([])
  expect(related('unknown')).toEqual([])
})

test('a question in other words finds what a question in the same words finds first', () => {
  const index = new ScopeIndex(0, readRelatedTerms('car automobil:84 vehicl:84\n'))
  const document = {
    role: 'user',
    speaker: null,
    conversation: null,
    place: 0,
    at: 0,
    saidAt: 0,
    validFrom: null,
    expiresAt: null,
    pinned: false,
    slot: null,
    memoryCount: null,
  } as const
  const texts = ['User owns a red vehicle', 'User owns a car', 'User owns a boat']
  for (const [key, text] of texts.entries()) {
    index.put('memory', { ...document, key, id: `id${key}`, text })
  }
  const query = { vector: null, now: 0, limit: 9, exceptConversation: null }
  const found = index.search({ ...query, text: 'Which car?' }).memories
  expect(found.map(({ key }) => key)).toEqual([1, 0])
  expect(found[0]!.lexical).toBeGreaterThan(2 * found[1]!.lexical)
})
