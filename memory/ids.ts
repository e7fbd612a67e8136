/**
 * Ids are `mem_` and the like, and 26 characters of Crockford's base 32 (130 random bits): never reused,
 * never guessed, safe in a URL, and told apart by their first few characters in a list.
 */
const PREFIXES = {
  memory: 'mem',
  user: 'usr',
  key: 'key',
  conversation: 'conv',
  turn: 'turn',
  event: 'evt',
  operation: 'op',
  receipt: 'rcp',
  job: 'job',
  conflict: 'cfl',
  app: 'app',
  grant: 'grt',
} as const

export type IdKind = keyof typeof PREFIXES

export function newId(kind: IdKind): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH))
  let id = `${PREFIXES[kind]}_`
  for (const byte of bytes) id += ALPHABET[byte & 31]
  return id
}

const LENGTH = 26
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
