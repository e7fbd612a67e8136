import type { Role } from '../../memory/memory.ts'

/** Public test data in one shape: what somebody's memory holds, and what is asked of it. */

/** One message of a conversation. */
export type CorpusTurn = Readonly<{
  /** The label that questions refer to; unique within the corpus. */
  id: string
  role: Role
  speaker: string | null
  text: string
  /** Epoch milliseconds. */
  at: number
}>

export type CorpusConversation = Readonly<{ id: string; turns: readonly CorpusTurn[] }>

/** One memory. */
export type CorpusMemory = Readonly<{
  id: string
  text: string
  speaker: string | null
  /** The conversation it was learned in, and its place there; null and 0 when there was none. */
  conversation: string | null
  place: number
  /** Epoch milliseconds. */
  at: number
}>

export type Contents = Readonly<{
  conversations: readonly CorpusConversation[]
  memories: readonly CorpusMemory[]
}>

export type Question = Readonly<{
  id: string
  text: string
  /** Labels of what answers it: turns, memories, or conversations, as the set's `level` says. */
  relevant: ReadonlySet<string>
  /** The data's own name for the kind of question. */
  kind: string
  /** When it is asked; null for now. */
  askedAt: number | null
}>

/** Two statements about one thing, the later of which holds. */
export type UpdatePair = Readonly<{
  question: string
  askedAt: number | null
  /** Labels of the turns that state the old value, and of those that state the new one. */
  stale: ReadonlySet<string>
  updated: ReadonlySet<string>
}>

/** One user's memory and the questions asked of it. */
export type Corpus = Readonly<{
  id: string
  /** Constants are tuned on `dev`: the even-numbered corpora of a set, counted from 1. */
  half: Half
  questions: readonly Question[]
  /** Questions about the same matters that the data says nothing about. */
  unanswerable: readonly string[]
  updates: readonly UpdatePair[]
  /** Read when needed: a set can be larger than memory. */
  load(): Promise<Contents>
}>

export type Half = 'dev' | 'held_out'

export function halfOf(index: number): Half {
  return index % 2 === 1 ? 'dev' : 'held_out'
}

export type EvalSet = Readonly<{
  name: string
  /** What is ranked: single turns or memories, or whole conversations by their best turn. */
  level: 'document' | 'conversation'
  corpora: readonly Corpus[]
  /** For people: what one memory is, what the noise is. */
  about: string
}>
