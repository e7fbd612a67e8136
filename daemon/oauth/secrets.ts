import { randomInt } from 'node:crypto'
import { isSecret, newSecret } from '../keys.ts'

/** What OAuth hands out: secrets like API keys, each kind under a prefix of its own. */
const PREFIXES = { access: 'ek_at_', refresh: 'ek_rt_', code: 'ek_ac_' } as const

export const newAppSecret = (kind: keyof typeof PREFIXES): string => newSecret(PREFIXES[kind])

export const isAccessToken = (text: string): boolean => isSecret(PREFIXES.access, text)

/** Without what is read as something else: I, L, O, U, 0, 1. */
const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789'
const LENGTH = 8

/**
 * What a person types to show that it is them: `K7QF-2MXP`, 39 bits. Short enough to type, and it is good for
 * one use within minutes, at a door that counts attempts.
 */
export function newApprovalCode(): string {
  const letters = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)])
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}

/** The code as it was given out, from what a person typed; null for what cannot be one. */
export function readApprovalCode(text: string): string | null {
  const letters = text.toUpperCase().replace(/[\s-]/g, '')
  if (letters.length !== LENGTH || [...letters].some((letter) => !LETTERS.includes(letter))) {
    return null
  }
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}
