import type { Scope } from '../../memory/memory.ts'
import type { VendorName } from '../../providers/vendors.ts'
import type { ConversationTrace } from '../../storage/conversations.ts'
import type { User } from '../../storage/users.ts'
import type { Arrival } from '../activity.ts'
import type { ExchangeTurn } from '../exchange.ts'
import type { MemoryMode } from './memory-mode.ts'

/** Why memory was not asked, in a word that clients see. */
export type Skip =
  | 'off'
  | 'side-call'
  | 'prefill'
  | 'raw'
  /** A subscription's token: its provider checks the form of a request. */
  | 'subscription'
  /** The body is larger, encoded otherwise or of another form than what is read here. */
  | 'too-large'
  | 'unreadable'
  /** Too much is held in memory already. */
  | 'busy'

/** What a proxied request asks of memory, whatever its dialect. */
export type Inquiry = Readonly<{
  user: User
  scope: Scope
  arrival: Arrival
  mode: MemoryMode
  vendor: VendorName
  /** As the client names it. */
  model: string | null
  /** People's and the assistant's turns in order; what is kept of them is cut and mended later. */
  turns: readonly ExchangeTurn[]
  trace: ConversationTrace
  /** Of the conversation so far, for the answer's own. */
  hash: Uint8Array
  /** The beginning of the answer that the request itself holds. */
  prefill: string
  /** What memory is asked about; empty for nothing. */
  question: string
  /** Why it is not asked all the same; null when it is. */
  skip: Skip | null
  /**
   * The turns of people, whose blocks go back to where they stood: hashes of the conversation up to and
   * including each. null where no block is kept.
   */
  anchored: readonly Uint8Array[] | null
}>
