import { describe, expect, test } from 'bun:test'
import { isApiKey, newApiKey } from '../keys.ts'
import { isAccessToken, newApprovalCode, newAppSecret, readApprovalCode } from './secrets.ts'

describe('what OAuth hands out', () => {
  test('is told apart by its beginning, and begins as our keys do', () => {
    const [access, refresh, code] = [
      newAppSecret('access'),
      newAppSecret('refresh'),
      newAppSecret('code'),
    ]
    expect([access, refresh, code, newApiKey()].map(isAccessToken)).toEqual([
      true,
      false,
      false,
      false,
    ])
    for (const secret of [access, refresh, code]) {
      expect(isApiKey(secret)).toBe(false)
      // By this the proxy keeps it from every provider.
      expect(secret).toMatch(/^ek_[A-Za-z0-9_-]{20,}$/)
    }
    expect(isAccessToken(`${access.slice(0, -1)}_`)).toBe(false)
  })
})

describe('a code to type', () => {
  test('is short, clear to read, and never the same', () => {
    const codes = Array.from({ length: 2_000 }, newApprovalCode)
    for (const code of codes) expect(code).toMatch(/^[A-HJKMNP-TV-Z2-9]{4}-[A-HJKMNP-TV-Z2-9]{4}$/)
    expect(new Set(codes).size).toBe(codes.length)
    expect(new Set(codes.join('').replaceAll('-', '')).size).toBe(30)
  })

  test('is read however it is typed', () => {
    const code = newApprovalCode()
    for (const typed of [
      code,
      code.toLowerCase(),
      code.replace('-', ''),
      ` ${code.replace('-', ' ')} `,
      [...code].join(' '),
    ]) {
      expect(readApprovalCode(typed)).toBe(code)
    }
    for (const typed of ['', code.slice(1), `${code}A`, 'K7QF-2MX1', 'ÄÄÄÄ-ÄÄÄÄ']) {
      expect(readApprovalCode(typed)).toBeNull()
    }
  })
})
