import { expect, test } from 'bun:test'
import { createSeldom } from './seldom.ts'

test('the same is said once a minute, with how often it happened; another thing at once', () => {
  const said: unknown[] = []
  const clock = { at: 0 }
  const log = (fields: object, message: string) => void said.push([fields, message])
  const seldom = createSeldom(log, () => clock.at)
  for (let i = 0; i < 5; i++) seldom('late', { ms: i }, 'memory skipped')
  seldom('failed', {}, 'memory skipped')
  expect(said).toEqual([
    [{ about: 'late', ms: 0 }, 'memory skipped'],
    [{ about: 'failed' }, 'memory skipped'],
  ])
  clock.at = 60_000
  seldom('late', { ms: 9 }, 'memory skipped')
  expect(said.at(-1)).toEqual([{ about: 'late', ms: 9, repeated: 4 }, 'memory skipped'])
})
