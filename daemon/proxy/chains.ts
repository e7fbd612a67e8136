/**
 * Which conversation an answer belongs to, where the provider keeps the conversation and a request names only
 * the answer that it follows (`previous_response_id`). Forgotten at a restart: such a conversation then goes
 * on as another one.
 */
export type Chains = Readonly<{
  note(userId: string, answerId: string, conversationId: string): void
  /** null when it is not known, or somebody else's. */
  find(userId: string, answerId: string): string | null
}>

const MAX_ANSWERS = 20_000

export function createChains(): Chains {
  // A Map keeps the order of insertion: the oldest goes first.
  const conversations = new Map<string, string>()
  const key = (userId: string, answerId: string) => `${userId} ${answerId}`
  return {
    note(userId, answerId, conversationId) {
      conversations.set(key(userId, answerId), conversationId)
      for (const oldest of conversations.keys()) {
        if (conversations.size <= MAX_ANSWERS) return
        conversations.delete(oldest)
      }
    },
    find: (userId, answerId) => conversations.get(key(userId, answerId)) ?? null,
  }
}
