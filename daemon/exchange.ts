import type { Role } from '../memory/memory.ts'

/** A message as a client sends it, its content as plain text. */
export type Message = Readonly<{
  role: Role
  content: string
  speaker: string | null
  /** When it was said; null for now. */
  saidAt: number | null
}>

export type ExchangeTurn = Readonly<{
  role: Role
  speaker: string | null
  content: string
  truncated: boolean
  model: string | null
  saidAt: number
  prefixHash: Uint8Array
}>

/** Verbatim, but bounded: beyond it a turn is a document. */
export const MAX_TURN_CHARACTERS = 262_144

/**
 * Messages as turns, each with the hash of the conversation up to and including it. Two requests that carry
 * the same history have equal hashes, whatever else differs, which is how a conversation is recognised when
 * the client names none.
 *
 * @param before hash of what came before the first message, when the conversation is known
 */
export function exchangeTurns(
  messages: readonly Message[],
  now: number,
  before: Uint8Array = NOTHING_BEFORE,
): ExchangeTurn[] {
  let hash = before
  return messages.map(({ role, content, speaker, saidAt }) => {
    hash = nextHash(hash, role, content)
    return {
      role,
      speaker,
      content: content.slice(0, MAX_TURN_CHARACTERS),
      truncated: content.length > MAX_TURN_CHARACTERS,
      model: null,
      saidAt: saidAt ?? now,
      prefixHash: hash,
    }
  })
}

export const NOTHING_BEFORE = new Uint8Array(16)

/** SHA-256 over the previous hash, role and text without outer space, cut to 128 bits. */
export function nextHash(before: Uint8Array, role: Role, content: string): Uint8Array {
  return new Bun.CryptoHasher('sha256')
    .update(before)
    .update(`${role}\n`)
    .update(content.trim()) // by itself: put together, a long prompt would be copied once more
    .digest()
    .subarray(0, 16) as Uint8Array
}

/** What a request shows of its conversation; see `storage/conversations.ts`. */
export function traceOf(
  turns: readonly Pick<ExchangeTurn, 'role' | 'prefixHash'>[],
  named: Readonly<{ source: string; conversationId: string | null; sessionId: string | null }>,
  goesOn = false,
) {
  // An answer in the history makes a match certain: two chats may well begin with the same question.
  const firstAnswer = turns.findIndex((turn) => turn.role === 'assistant')
  return {
    ...named,
    prefixHashes: turns.map((turn) => turn.prefixHash),
    sureFrom: firstAnswer < 0 ? turns.length + 1 : firstAnswer + 1,
    goesOn,
  }
}
