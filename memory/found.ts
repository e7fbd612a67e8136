import type { Memory, Turn } from './memory.ts'
import type { ScoreParts } from './scope-index.ts'

/** What a decision looks at. */
export type MemoryGist = Pick<Memory, 'id' | 'content'>
export type TurnGist = Pick<
  Turn,
  'id' | 'conversationId' | 'role' | 'content' | 'saidAt' | 'memoryCount'
>

/** A candidate with what the store holds of it. */
export type FoundMemory<M extends MemoryGist = Memory> = Readonly<{
  memory: M
  at: number
  /** The id of a newer memory that states the same attribute: this one no longer holds. */
  replacedBy: string | null
}> &
  ScoreParts
export type FoundTurn<T extends TurnGist = Turn> = Readonly<{ turn: T; at: number }> & ScoreParts

export type Found<M extends MemoryGist = Memory, T extends TurnGist = Turn> = Readonly<{
  /** Best first. */
  memories: readonly FoundMemory<M>[]
  turns: readonly FoundTurn<T>[]
  /** Pinned and in force, whatever the question. */
  pinned: readonly M[]
  /** How many distinct terms the question has, and how many of them some document holds. */
  termCount: number
  known: Readonly<{ memory: number; turn: number }>
  /** How many names the question has, and how many of them nobody has mentioned. */
  nameCount: number
  unknownNames: Readonly<{ memory: number; turn: number }>
  /** How many memories and turns were searched. */
  searched: Readonly<{ memory: number; turn: number }>
  /** The index in RAM was not there yet, and the database's text index answered instead. */
  textOnly: boolean
}>

/** As much as a decision needs. */
export type FoundGist = Found<MemoryGist, TurnGist>
