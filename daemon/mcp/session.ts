import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Caller } from '../identity.ts'

/**
 * Sessions of clients from before 2026-07-28. They hold nothing but the name under which the client introduced
 * itself, so they are a signed note that the client keeps, and not something that a restart of ours would end.
 * A note is good with the key or consent that it was written for, and with no other.
 */
const note = z.object({ name: z.string() })

/** @param name as the client calls itself, if that can be kept */
export function newSession(name: string | null, caller: Caller, pepper: Uint8Array): string {
  const text = Buffer.from(JSON.stringify({ name: name ?? '' })).toString('base64url')
  return `${text}.${sign(text, caller, pepper).toString('base64url')}`
}

/** The client's name, empty for none; null for a session that is not this caller's. */
export function readSession(session: string, caller: Caller, pepper: Uint8Array): string | null {
  const [text, signature, ...rest] = session.split('.')
  if (!text || !signature || rest.length > 0) return null
  const expected = sign(text, caller, pepper)
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
  return note.parse(JSON.parse(Buffer.from(text, 'base64url').toString())).name
}

function sign(text: string, caller: Caller, pepper: Uint8Array): Buffer {
  const parts = JSON.stringify(['mcp session', principalOf(caller), text])
  return Buffer.from(new Bun.CryptoHasher('sha256', pepper).update(parts).digest())
}

/** What a session belongs to: one key, or one consent, of one user. */
export function principalOf(caller: Caller): string {
  return caller.kind === 'user' ? `${caller.user.id} ${caller.key?.id ?? 'admin'}` : caller.kind
}
