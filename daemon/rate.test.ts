import { expect, test } from 'bun:test'
import { createRateLimit } from './rate.ts'

test('so many are let through in a minute, then as many in the next', () => {
  let at = 1_000
  const limit = createRateLimit(2, () => at)
  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false])
  expect(limit.isOpen()).toBe(false)
  at += 59_999
  expect(limit.take()).toBe(false)
  at += 1
  expect(limit.isOpen()).toBe(true)
  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false])
})
