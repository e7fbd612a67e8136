import { createHash } from 'node:crypto'
import { newId } from '../../memory/ids.ts'
import type { Scope } from '../../memory/memory.ts'
import type { Store } from '../../storage/store.ts'
import { exchangeTurns } from '../exchange.ts'
import type { Contents, CorpusConversation } from './corpus.ts'
import { shuffled } from './random.ts'

/** A corpus in the store. */
export type Recorded = Readonly<{
  scope: Scope
  /** The label of each stored turn and memory, by its id there. */
  labelOf: ReadonlyMap<string, string>
  /** The label of each stored turn's conversation, by the turn's id. */
  conversationOf: ReadonlyMap<string, string>
}>

const BY = { actor: 'eval', cause: {} }

/**
 * Stores a corpus as a user of their own, through what the product itself calls: conversations are
 * recorded whole, one after the other in shuffled order, memories are imported in shuffled order.
 */
export async function recordCorpus(
  store: Store,
  name: string,
  contents: Contents,
  random: () => number,
): Promise<Recorded> {
  const { user } = await store.users.create(name, null)
  const scope: Scope = { userId: user.id, namespace: 'default' }
  const labelOf = new Map<string, string>()
  const conversationOf = new Map<string, string>()
  for (const conversation of shuffled(contents.conversations, random)) {
    const turnIds = await recordConversation(store, scope, conversation)
    for (const [place, turnId] of turnIds.entries()) {
      labelOf.set(turnId, conversation.turns[place]!.id)
      conversationOf.set(turnId, conversation.id)
    }
  }
  const memories = shuffled(contents.memories, random).map((memory) => ({
    id: memoryId(name, memory.id),
    label: memory.id,
    memory,
  }))
  await store.memories.import(
    user.id,
    memories.map(({ id, memory: { text, speaker, conversation, place, at } }) => ({
      id,
      content: text,
      namespace: scope.namespace,
      createdAt: at,
      evidence: { conversationId: conversation, turnId: null, quote: null },
      speaker,
      place,
    })),
    BY,
  )
  for (const { id, label } of memories) labelOf.set(id, label)
  return { scope, labelOf, conversationOf }
}

/** @returns the ids of the stored turns, in order */
async function recordConversation(
  store: Store,
  scope: Scope,
  { turns }: CorpusConversation,
): Promise<readonly string[]> {
  const messages = turns.map(({ role, speaker, text, at }) => ({
    role,
    speaker,
    content: text,
    saidAt: at,
  }))
  const stored = await store.conversations.record({
    scope,
    conversationId: newId('conversation'),
    source: 'eval',
    sessionId: null,
    turns: exchangeTurns(messages, Date.now()),
    receipt: null,
    usedMemoryIds: [],
    anchor: null,
    usedAnchors: [],
    // What is measured is recall of what was said, not of what could be learned from it.
    extraction: null,
  })
  return stored.turnIds
}

function memoryId(user: string, label: string): string {
  const hash = createHash('sha256').update(`${user}\0${label}`).digest('hex')
  return `mem_${hash.slice(0, 26)}`
}
