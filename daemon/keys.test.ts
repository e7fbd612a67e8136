import { describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashKey, isApiKey, keyHint, newApiKey, readPepper } from './keys.ts'

describe('an API key', () => {
  test('is recognised, and none is made twice', () => {
    const keys = Array.from({ length: 1_000 }, newApiKey)
    expect(keys.every(isApiKey)).toBe(true)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('with any one character changed is refused without a look-up', () => {
    const key = newApiKey()
    for (let i = 3; i < key.length; i++) {
      const changed = key.slice(0, i) + (key[i] === 'a' ? 'b' : 'a') + key.slice(i + 1)
      expect(isApiKey(changed)).toBe(false)
    }
  })

  test.each([
    '',
    'ek_',
    'ek_short',
    'sk-other',
    `ek_${'a'.repeat(49)}`,
    `${newApiKey()}x`,
    ` ${newApiKey()}`,
  ])('%p is none', (text) => expect(isApiKey(text)).toBe(false))

  test('is shown by too little to be used', () => {
    const key = newApiKey()
    expect(keyHint(key).length).toBeLessThan(14)
    expect(key.startsWith(keyHint(key).slice(0, 7))).toBe(true)
  })

  test('hashes differently under another pepper', () => {
    const key = newApiKey()
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    expect(hashKey(key, a)).toEqual(hashKey(key, a))
    expect(hashKey(key, a)).not.toEqual(hashKey(key, b))
    expect(hashKey(key, a).length).toBe(32)
  })
})

test('the pepper is made once, and only its owner can read it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'engram-keys-'))
  const path = join(folder, 'pepper')
  const first = readPepper(path)
  expect(first.length).toBe(32)
  expect(readPepper(path)).toEqual(first)
  expect(existsSync(path)).toBe(true)
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o077).toBe(0)
  rmSync(folder, { recursive: true })
})
