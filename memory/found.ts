import type { Memory, Turn } from './memory.ts'
import type { ScoreParts } from './scope-index.ts'

/** A candidate with what the store holds of it. */
export type FoundMemory = Readonly<{
  memory: Memory
  at: number
  /** The id of a newer memory that states the same attribute: this one no longer holds. */
  replacedBy: string | null
}> &
  ScoreParts
export type FoundTurn = Readonly<{ turn: Turn; at: number }> & ScoreParts

export type Found = Readonly<{
  /** Best first. */
  memories: readonly FoundMemory[]
  turns: readonly FoundTurn[]
  /** Pinned and in force, whatever the question. */
  pinned: readonly Memory[]
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
