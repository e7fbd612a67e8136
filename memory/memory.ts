/** The words of the domain (ARCHITECTURE.md) as types. Instants are epoch milliseconds. */

export const STATUSES = ['approved', 'pending', 'rejected', 'superseded'] as const
/** Only `approved` is recalled. `superseded` was true once and is kept with its validity. */
export type Status = (typeof STATUSES)[number]

export const ORIGINS = ['user', 'assistant', 'tool', 'document'] as const
/** Who said it. Fixed at write: what was not said by the user becomes a fact only by review. */
export type Origin = (typeof ORIGINS)[number]

export const CATEGORIES = [
  'preferences',
  'projects',
  'skills',
  'corrections',
  'profile',
  'general',
] as const
/** The categories that extraction uses; people may use others. */
export type Category = (typeof CATEGORIES)[number]

export const ROLES = ['user', 'assistant', 'tool', 'system'] as const
export type Role = (typeof ROLES)[number]

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** A user and one namespace of theirs: the pair that every statement about memories filters by. */
export type Scope = Readonly<{ userId: string; namespace: string }>

export const DEFAULT_NAMESPACE = 'default'

/** Where a memory was learned. */
export type Evidence = Readonly<{
  conversationId: string | null
  turnId: string | null
  /** The words it was learned from, as they were said. */
  quote: string | null
}>

/** One durable statement that stands alone outside its conversation. */
export type Memory = Readonly<{
  id: string
  userId: string
  namespace: string
  content: string
  category: string
  status: Status
  pinned: boolean
  /** 0 to 1. */
  confidence: number
  /** How it came in: manual, extraction, import, … */
  source: string
  origin: Origin
  /** When the statement began to be true, and stopped; null when open or unknown. */
  validFrom: number | null
  validTo: number | null
  supersededBy: string | null
  /** From this instant on it is no longer recalled. */
  expiresAt: number | null
  evidence: Evidence
  metadata: JsonObject
  accessCount: number
  lastAccessedAt: number | null
  lastConfirmedAt: number | null
  createdAt: number
  updatedAt: number
}>

/** What a writer says of a memory; the rest has defaults. */
export type NewMemory = Readonly<
  Pick<Memory, 'content'> & Partial<Omit<Memory, 'userId' | 'namespace' | 'content'>>
>

/** One message of a conversation, verbatim. */
export type Turn = Readonly<{
  id: string
  conversationId: string
  namespace: string
  /** Place in the conversation, from 0. */
  position: number
  role: Role
  /** The name of who spoke, when the client gave one. */
  speaker: string | null
  content: string
  /** The answer was cut off before its end. */
  truncated: boolean
  model: string | null
  /** When it was said; differs from `createdAt` in imports. */
  saidAt: number
  createdAt: number
  /** How many memories extraction took from it; null until it has read it. */
  memoryCount: number | null
}>

/** What may be asked of `Memory` in a change. */
export type MemoryPatch = Readonly<
  Partial<
    Pick<
      Memory,
      | 'content'
      | 'category'
      | 'pinned'
      | 'status'
      | 'expiresAt'
      | 'metadata'
      | 'validFrom'
      | 'validTo'
    >
  >
>

/** A statement extracted from a turn, not yet reconciled with what is known. */
export type Candidate = Readonly<{
  /** Stands alone, in the third person: "User prefers tabs". */
  content: string
  category: Category
  /** 0 to 1: how sure the extractor is that this was said and lasts. */
  confidence: number
  origin: Origin
  turnId: string
  /** The words it was taken from. */
  quote: string
  /**
   * The attribute this states, when only one value of it can hold at a time: "user name", "user home",
   * "user favourite color". A newer value of the same slot supersedes the older one.
   */
  slot: string | null
  /** The speaker marks it as a change or correction: "actually", "no longer", "I moved to". */
  replaces: boolean
  /** When it began to be true, when the words say so. */
  validFrom: number | null
  /** When it stops being worth recalling, when the words say so. */
  expiresAt: number | null
}>
