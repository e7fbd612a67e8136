/**
 * What the drop-in endpoints ask of a provider's HTTP dialect: who said what in a request, where a text may be
 * added to it, and what its answer says. The bytes themselves pass as they are.
 */
import type { Reply } from './reply.ts'
import type { Insertion } from './splice.ts'

export type WireName =
  | 'openai-chat'
  | 'openai-responses'
  | 'anthropic-messages'
  | 'gemini'
  | 'ollama-chat'
  | 'ollama-generate'

export interface Wire {
  readonly name: WireName
  /**
   * Reads a request body.
   *
   * @param path of the request, below the provider's base: some dialects name the model in it
   * @returns null when the bytes are no request of this dialect; what it is then the provider will say
   */
  read(bytes: Uint8Array, path: string): Asked | null
  /** Reads along with the answer to `asked`, whose content type decides how its bytes are to be understood. */
  collect(asked: Asked, contentType: string): Collector
}

/** A request as memory sees it. */
export type Asked = Readonly<{
  model: string | null
  /** The answer is to come in pieces. */
  stream: boolean
  /** Of people and the assistant, oldest first. What tools returned and what the system is told is left out. */
  said: readonly Said[]
  /** What tells a side call of a client from a conversation. */
  signs: Signs
  /** Why nothing may be added to the conversation, in a word; null when it may. */
  closed: 'prefill' | 'raw' | null
  /** The provider keeps the conversation: the request holds only what is new, and ours is kept there too. */
  kept: Readonly<{ conversation: string | null; after: string | null }> | null
  /** Puts a text at the end of the system's; null where the request must not have one. */
  toSystem: ((text: string) => readonly Insertion[]) | null
}>

/** One message, or what counts as one. */
export type Said = Readonly<{
  role: 'user' | 'assistant'
  /** The texts of its parts, in order. */
  texts: readonly string[]
  /** It holds an image, a sound or a file. */
  media: boolean
  /** It calls tools: a step on the way to an answer, not the answer. */
  step: boolean
  /** The name of who speaks, where the dialect has one. */
  speaker: string | null
  /** Where a text may be added to it; null where it may not. */
  slot: Slot | null
}>

/**
 * How an added text stands in a message: at the end of its text, or as a part of its own beside it. A client
 * may send a message as a list of parts once and as a string later, which to the provider is the same; what was
 * added must then be the same to it as well.
 */
export type Form = 'inside' | 'beside'

export type Slot = Readonly<{
  /** The one that changes least: strings stay strings, lists get one part more. */
  form: Form
  insert(text: string, form: Form): readonly Insertion[]
}>

export type Signs = Readonly<{
  /** The beginnings of the texts that the system is told. */
  system: readonly string[]
  maxTokens: number | null
  tools: boolean
  /** The answer must be JSON of a form. */
  json: boolean
}>

/** Reads a copy of an answer. Its methods never throw: what cannot be read costs only the copy. */
export interface Collector {
  push(bytes: Uint8Array): Progress
  /** Nothing follows. True when the answer came whole, without an error in it. */
  end(): boolean
  /** What was collected so far. */
  reply(): Reply
}

/**
 * - open: more is to come
 * - whole: the answer is whole, but the terminal frame is still to come, as a rule
 * - ending: this may have been the last piece; only the end shows it
 * - ended: the terminal frame is in
 */
export type Progress = 'open' | 'whole' | 'ending' | 'ended'
