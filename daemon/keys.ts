import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

/**
 * API keys: `ek_`, 32 random bytes in base 62 (43 characters), and a CRC-32 in base 62 (6 characters), so that
 * a mistyped or invented key is refused without a look-up and a leaked one is recognised by scanners.
 */
export const newApiKey = (): string => newSecret(PREFIX)

/** Is this text shaped like one of our keys, checksum included? */
export const isApiKey = (text: string): boolean => isSecret(PREFIX, text)

/** A secret as API keys are, under a prefix that begins with theirs: whatever looks for keys finds it too. */
export function newSecret(prefix: `${typeof PREFIX}${string}`): string {
  const body = toBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), BODY_LENGTH)
  return `${prefix}${body}${checksum(body)}`
}

export function isSecret(prefix: `${typeof PREFIX}${string}`, text: string): boolean {
  if (!text.startsWith(prefix) || !SHAPE.test(text.slice(prefix.length))) return false
  const body = text.slice(prefix.length, -CHECKSUM_LENGTH)
  return checksum(body) === text.slice(-CHECKSUM_LENGTH)
}

/** What is shown of a key later on. */
export function keyHint(key: string): string {
  return `${key.slice(0, PREFIX.length + 4)}…${key.slice(-4)}`
}

/** HMAC-SHA256 with the pepper: what the database holds of a key. A fast hash suits a 256-bit secret. */
export function hashKey(key: string, pepper: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher('sha256', pepper).update(key).digest()
}

/** The pepper of this installation, made at first use; without it a copied database opens no door. */
export function readPepper(path: string): Uint8Array {
  if (!existsSync(path)) writeFileSync(path, randomBytes(32), { mode: 0o600, flag: 'wx' })
  return readFileSync(path)
}

const PREFIX = 'ek_'
const BODY_LENGTH = 43
const CHECKSUM_LENGTH = 6
const SHAPE = /^[0-9A-Za-z]{49}$/
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function checksum(body: string): string {
  return toBase62(BigInt(crc32(body)), CHECKSUM_LENGTH)
}

function toBase62(value: bigint, length: number): string {
  let rest = value
  let text = ''
  while (text.length < length) {
    text = DIGITS[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}
