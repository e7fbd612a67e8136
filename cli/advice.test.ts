import { expect, test } from 'bun:test'
import { asAdvice } from './advice.ts'

test.each([
  ['engram undo', 'engram undo'],
  ['chmod 600 /a/b', 'chmod 600 /a/b'],
  ['check the path', 'Check the path.'],
  ['did you mean server.port?', 'Did you mean server.port?'],
  ['correct it, then: engram import -', 'Correct it, then: engram import -'],
  ['{"query": "x"}', '{"query": "x"}'],
])('%s reads as %s', (fix, advice) => {
  expect(asAdvice(fix)).toBe(advice)
})
