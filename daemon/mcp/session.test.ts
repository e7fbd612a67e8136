import { describe, expect, test } from 'bun:test'
import type { Caller } from '../identity.ts'
import { newSession, readSession } from './session.ts'

const PEPPER = new Uint8Array(32).fill(7)
const caller = (userId: string, keyId: string | null): Caller => ({
  kind: 'user',
  user: { id: userId, externalId: userId, settings: {}, createdAt: 0 },
  key: keyId === null ? null : { id: keyId, name: keyId, scope: 'write' },
  admin: false,
})

describe('a session', () => {
  test.each(['cursor', '', 'naïve “client” 日本', 'a.b.c'])('carries the name %j', (name) => {
    const session = newSession(name, caller('u', 'k'), PEPPER)
    expect(readSession(session, caller('u', 'k'), PEPPER)).toBe(name)
    expect(session).toMatch(/^[\w.-]+$/)
  })

  test('without a name carries none', () => {
    expect(readSession(newSession(null, caller('u', 'k'), PEPPER), caller('u', 'k'), PEPPER)).toBe(
      '',
    )
  })

  test('is nobody else’s, and nobody can write one', () => {
    const session = newSession('x', caller('u', 'k'), PEPPER)
    for (const other of [
      caller('u', 'l'),
      caller('v', 'k'),
      caller('u', null),
      // The parts of a name do not run into each other.
      caller('u k', ''),
      { kind: 'anonymous' } as Caller,
    ]) {
      expect(readSession(session, other, PEPPER)).toBeNull()
    }
    expect(readSession(session, caller('u', 'k'), new Uint8Array(32))).toBeNull()
    const [text, signature] = session.split('.') as [string, string]
    for (const bad of [
      '',
      '.',
      text,
      `${text}.`,
      `.${signature}`,
      `${text}.${signature}.`,
      `${text}A.${signature}`,
      `${Buffer.from('{"name":"y"}').toString('base64url')}.${signature}`,
    ]) {
      expect({ bad, read: readSession(bad, caller('u', 'k'), PEPPER) }).toEqual({ bad, read: null })
    }
  })
})
