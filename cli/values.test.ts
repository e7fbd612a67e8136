import { expect, test } from 'bun:test'
import { clientName, deadline, share, timeSpan, wholeNumber } from './values.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const DAY_MS = 86_400_000

test.each([
  ['30d', NOW + 30 * DAY_MS],
  ['2w', NOW + 14 * DAY_MS],
  ['6mo', NOW + 180 * DAY_MS],
  ['1.5h', NOW + 5_400_000],
  ['2027-01-31', Date.parse('2027-01-31')],
  ['2027-01-31T10:00:00Z', Date.parse('2027-01-31T10:00:00Z')],
  ['never', null],
] as const)('%s is a deadline', (text, expected) => expect(deadline(text, NOW)).toBe(expected))

test.each(['tomorrow', '', '30', '-3d', '2026-01-01', '2027-13-45', '0d'])('%p is none', (text) => {
  expect(() => deadline(text, NOW)).toThrow('must be')
})

test('spans, numbers and shares', () => {
  expect([timeSpan('10s'), timeSpan('500ms'), timeSpan('2min')]).toEqual([10_000, 500, 120_000])
  expect(() => timeSpan('10')).toThrow('must be a time such as 10s')
  expect(wholeNumber(1, 100)('42')).toBe(42)
  for (const bad of ['0', '101', '4.2', '-1', 'x', '']) {
    expect(() => wholeNumber(1, 100)(bad)).toThrow('must be a whole number from 1 to 100')
  }
  expect([share('0'), share('.5'), share('1')]).toEqual([0, 0.5, 1])
  expect(() => share('1.1')).toThrow('from 0 to 1')
})

test('the name of a client', () => {
  for (const name of ['cursor', 'Claude Code', 'VS Code (Insiders) 1.2', 'エディタ']) {
    expect(clientName(` ${name} `)).toBe(name)
  }
  for (const bad of ['', ' ', '-x', 'a\nb', 'a\u0000', 'x'.repeat(81), '\u202eabc']) {
    expect(() => clientName(bad)).toThrow('must be a name')
  }
})
