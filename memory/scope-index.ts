import { BestSlots } from './best-slots.ts'
import { type Calibration, calibrated, UNCHANGED } from './calibration.ts'
import type { Role } from './memory.ts'
import { namesIn } from './names.ts'
import { asRanked, type Dated, newestFirst } from './newest-first.ts'
import {
  evidenceFor,
  factorOf,
  largestFactor,
  type Note,
  notesOf,
  type Part,
  type QueryTraits,
  rankingFor,
  readTextTraits,
  type TextTraits,
  traitsOf,
  traitsWithout,
  voiceOf,
} from './rank.ts'
import { type CollectionStatistics, type RelatedTerms, TermIndex } from './term-index.ts'
import { dateTerms } from './time-words.ts'
import { type Comparison, VectorIndex } from './vector-index.ts'
import { queryTerms, terms } from './words.ts'

export type DocumentKind = 'memory' | 'turn'

/** One memory or turn as the index needs it. */
export type IndexDocument = Readonly<{
  /** The store's row number, unique within its kind. */
  key: number
  /** What it is called outside the store. */
  id: string
  text: string
  role: Role
  speaker: string | null
  conversation: string | null
  /** Orders the documents of one conversation. */
  place: number
  /** When it was said or began to hold, epoch milliseconds. */
  at: number
  /** When it was said. */
  saidAt: number
  /** When it began to hold, where that is known; null for turns. */
  validFrom: number | null
  /** Never found from this instant on; null for never. */
  expiresAt: number | null
  pinned: boolean
  /** The single-valued attribute it states (`memory/slots.ts`); null for none. */
  slot: string | null
  /** Memories that were taken from it; null for a memory, and for a turn that nobody has read yet. */
  memoryCount: number | null
}>

export type IndexQuery = Readonly<{
  text: string
  /** Unit vector of the question, by the model whose vectors are searched; null answers from text alone. */
  vector: Float32Array | null
  now: number
  /** At most this many of each kind. */
  limit: number
  /** Turns of this conversation are left out: the model has them already. */
  exceptConversation: string | null
}>

export type ScoreParts = Readonly<{
  /** Share of what the question's words could score, times the factors that favour this document. */
  lexical: number
  /** Calibrated cosine to the question, neighbours mixed in; 0 without vectors. */
  cosine: number
  /** What both come to: absolute, so that it compares between questions and with a boundary. */
  evidence: number
  /** What it is ranked by: its evidence, more for what serves the question (`notes`). */
  fused: number
  /** What else counted. */
  notes: readonly Note[]
}>

export type IndexHit = Readonly<{
  kind: DocumentKind
  key: number
  at: number
  document: IndexDocument
  /** The id of a newer one that states the same attribute: this one no longer holds. */
  replacedBy: string | null
}> &
  ScoreParts

export type IndexAnswer = Readonly<{
  /** Best first; equal scores by newer time, then by text: never by the order of storing. */
  memories: readonly IndexHit[]
  turns: readonly IndexHit[]
  pinned: readonly IndexDocument[]
  /** Distinct terms of the question, and how many of them some document of this kind has. */
  termCount: number
  known: Readonly<Record<DocumentKind, number>>
  /** Names in the question, and how many of them no document of this kind has. */
  nameCount: number
  unknownNames: Readonly<Record<DocumentKind, number>>
}>

/** Whose vectors a search compares, by the store's number of the model. */
export type VectorsInForce = Readonly<{ model: number; calibration: Calibration }>

/** The model of the constructor. */
const OWN_MODEL = 0

/**
 * Everything recall searches of one scope, in RAM, kept level with the store by `put` and `delete`. It can
 * hold vectors of several models, side by side, while one takes over from another.
 */
export class ScopeIndex {
  readonly #memories: Collection
  readonly #turns: Collection
  readonly #without: ReadonlySet<Part>

  /**
   * @param dimensions of the vectors of model 0; 0 when there are none
   * @param related words that mean nearly the same
   * @param whole when only a part of the scope is here: what is known of the whole
   * @param without parts of the ranking that are left out, for measurements
   */
  constructor(
    dimensions: number,
    related?: RelatedTerms,
    whole?: Readonly<Record<DocumentKind, CollectionStatistics>>,
    without: ReadonlySet<Part> = NOTHING_LEFT_OUT,
  ) {
    const words = without.has('related words') ? undefined : related
    this.#memories = new Collection('memory', words, whole?.memory, without)
    this.#turns = new Collection('turn', words, whole?.turn, without)
    this.#without = without
    if (dimensions > 0) this.addModel(OWN_MODEL, dimensions)
  }

  get size(): Readonly<Record<DocumentKind, number>> {
    return { memory: this.#memories.size, turn: this.#turns.size }
  }

  /** Makes room for vectors of a model; there are none of it yet. */
  addModel(model: number, dimensions: number): void {
    this.#memories.addModel(model, dimensions)
    this.#turns.addModel(model, dimensions)
  }

  /** Forgets the vectors of a model. */
  removeModel(model: number): void {
    this.#memories.removeModel(model)
    this.#turns.removeModel(model)
  }

  /** Gives its vectors' memory back; it must not be used any more. */
  release(): void {
    this.#memories.release()
    this.#turns.release()
  }

  put(kind: DocumentKind, document: IndexDocument): void {
    this.#of(kind).put(document)
  }

  delete(kind: DocumentKind, key: number): void {
    this.#of(kind).delete(key)
  }

  /** @param components int8[dimensions]; ignored for a document or a model that is not here */
  setVector(kind: DocumentKind, key: number, components: Int8Array, model = OWN_MODEL): void {
    this.#of(kind).setVector(key, components, model)
  }

  /** @param by answers from text alone when it has no vectors here */
  search(
    query: IndexQuery,
    by: VectorsInForce = { model: OWN_MODEL, calibration: UNCHANGED },
  ): IndexAnswer {
    const sought = queryTerms(query.text)
    const traits = traitsWithout(traitsOf(query.text, query.now), this.#without)
    const names = namesIn(query.text)
    const memories = this.#memories.search(sought, traits, query, by)
    const turns = this.#turns.search(sought, traits, query, by)
    return {
      memories: memories.hits,
      turns: turns.hits,
      pinned: this.#memories.pinned(query.now),
      termCount: sought.length,
      known: { memory: memories.known, turn: turns.known },
      nameCount: names.length,
      unknownNames: {
        memory: this.#memories.unknownOf(names),
        turn: this.#turns.unknownOf(names),
      },
    }
  }

  #of(kind: DocumentKind): Collection {
    return kind === 'memory' ? this.#memories : this.#turns
  }
}

const NOTHING_LEFT_OUT: ReadonlySet<Part> = new Set()

/** Candidates of each channel; measured in docs/retrieval.md. */
const BEST_BY_WORDS = 100
const BEST_BY_COSINE = 100
/** So far down the list it is looked whether something newer says the same. */
const ORDERED = 40
/** How much of each neighbour's vector is mixed into a document's own. */
const NEIGHBOUR_MIX = 0.3

/** Slots of removed documents that are put up with before everything moves together. */
const MIN_FREE_SLOTS = 1_000

class Collection {
  readonly #kind: DocumentKind
  readonly #slotOf = new Map<number, number>()
  readonly #conversations = new Map<string, number[]>()
  readonly #pinned = new Set<number>()
  #documents: (IndexDocument | undefined)[] = []
  /** By slot. */
  #textTraits: TextTraits[] = []
  // What every question asks of many documents, by slot: reading the documents themselves takes longer.
  /** Until when it may be found; -Infinity for a free slot. */
  #until: number[] = []
  /** What its words count for who said it. */
  #voice: number[] = []
  readonly #vectors = new Map<number, VectorIndex>()
  #terms: TermIndex
  readonly #related: RelatedTerms | undefined
  readonly #without: ReadonlySet<Part>

  constructor(
    kind: DocumentKind,
    related: RelatedTerms | undefined,
    whole: CollectionStatistics | undefined,
    without: ReadonlySet<Part>,
  ) {
    this.#kind = kind
    this.#related = related
    this.#without = without
    this.#terms = new TermIndex(related, whole)
  }

  addModel(model: number, dimensions: number): void {
    this.#vectors.set(model, new VectorIndex(dimensions))
  }

  removeModel(model: number): void {
    this.#vectors.get(model)?.clear()
    this.#vectors.delete(model)
  }

  release(): void {
    for (const vectors of this.#vectors.values()) vectors.clear()
  }

  get size(): number {
    return this.#slotOf.size
  }

  put(document: IndexDocument): void {
    if (this.#restate(document)) return
    this.delete(document.key)
    const slot = this.#documents.length
    this.#documents.push(document)
    this.#until.push(untilOf(document))
    this.#voice.push(this.#without.has('the user first') ? 1 : voiceOf(document.role))
    this.#slotOf.set(document.key, slot)
    this.#textTraits.push(readTextTraits(document.text))
    this.#mark(document)
    this.#terms.add(slot, terms(document.text), this.#speakerOf(document), this.#datesOf(document))
    if (document.conversation !== null) this.#join(document.conversation, slot)
  }

  delete(key: number): void {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return
    const document = this.#documents[slot]!
    if (document.conversation !== null) this.#leave(document.conversation, slot)
    this.#slotOf.delete(key)
    this.#pinned.delete(key)
    this.#documents[slot] = undefined
    this.#until[slot] = Number.NEGATIVE_INFINITY
    for (const vectors of this.#vectors.values()) vectors.delete(slot)
    this.#terms.remove(
      slot,
      terms(document.text),
      this.#speakerOf(document),
      this.#datesOf(document),
    )
    if (this.#documents.length > 2 * this.size + MIN_FREE_SLOTS) this.#rebuild()
  }

  #speakerOf({ speaker }: IndexDocument): string | null {
    if (speaker === null || this.#without.has('speakers')) return null
    return terms(speaker)[0] ?? null
  }

  #datesOf({ at }: IndexDocument): string[] {
    return this.#without.has('dates') ? [] : dateTerms(at)
  }

  /** A document whose text and place are as before keeps its slot and vector. */
  #restate(document: IndexDocument): boolean {
    const slot = this.#slotOf.get(document.key)
    if (slot === undefined) return false
    const before = this.#documents[slot]!
    const same =
      before.text === document.text &&
      before.role === document.role &&
      before.speaker === document.speaker &&
      before.conversation === document.conversation &&
      before.place === document.place &&
      before.at === document.at &&
      before.saidAt === document.saidAt &&
      before.validFrom === document.validFrom
    if (!same) return false
    this.#documents[slot] = document
    this.#until[slot] = untilOf(document)
    this.#mark(document)
    return true
  }

  #mark(document: IndexDocument): void {
    if (document.pinned) this.#pinned.add(document.key)
    else this.#pinned.delete(document.key)
  }

  /** Gives every document a new slot, without gaps. */
  #rebuild(): void {
    const [documents, vectorsOf] = [this.#documents, new Map(this.#vectors)]
    this.#documents = []
    this.#textTraits = []
    this.#until = []
    this.#voice = []
    this.#slotOf.clear()
    this.#conversations.clear()
    this.#terms = new TermIndex(this.#related)
    for (const [model, { dimensions }] of vectorsOf) this.addModel(model, dimensions)
    for (const [slot, document] of documents.entries()) {
      if (!document) continue
      this.put(document)
      for (const [model, vectors] of vectorsOf) {
        if (vectors.has(slot)) this.setVector(document.key, vectors.componentsOf(slot), model)
      }
    }
    for (const vectors of vectorsOf.values()) vectors.clear()
  }

  setVector(key: number, components: Int8Array, model: number): void {
    const slot = this.#slotOf.get(key)
    if (slot !== undefined) this.#vectors.get(model)?.set(slot, components)
  }

  pinned(now: number): IndexDocument[] {
    return [...this.#pinned]
      .map((key) => this.#slotOf.get(key)!)
      .filter((slot) => this.#until[slot]! > now)
      .map((slot) => this.#documents[slot]!)
  }

  search(
    sought: readonly string[],
    traits: QueryTraits,
    query: IndexQuery,
    { model, calibration }: VectorsInForce,
  ) {
    const { slots, ideal } = this.#terms.score(sought)
    const names = this.#terms.speakersOf(sought)
    // Two names are a question about both: neither is favoured.
    const asked = names.length === 1 ? names[0]! : null
    const isAsked = (slot: number) => asked !== null && this.#terms.isSpokenBy(slot, asked)
    const most = largestFactor(traits, asked !== null)
    const lexicalOf = (slot: number) => {
      const score = this.#terms.scoreOf(slot)
      if (score === 0) return 0
      const voice = this.#voice[slot]!
      if (most === 1) return Math.fround((score / ideal) * voice)
      const { timed } = this.#textTraits[slot]!
      const { at } = this.#documents[slot]!
      return Math.fround((score / ideal) * voice * factorOf(at, timed, isAsked(slot), traits))
    }
    const passes = this.#filterOf(query)
    const worded = new BestSlots(BEST_BY_WORDS)
    // With room for the rounding of 32-bit floats.
    const bound = (most / ideal) * 1.000_001
    let { least } = worded
    // Not by an iterator: there may be as many as there are documents.
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      // Most are turned away here, before anything is read of their documents.
      if (this.#terms.scoreOf(slot) * bound <= least || !passes(slot)) continue
      worded.offer(slot, lexicalOf(slot))
      least = worded.least
    }
    const chosen = new Set(worded.toArray())
    const usesVectors = query.vector !== null && !this.#without.has('vectors')
    const vectors = usesVectors ? this.#vectors.get(model) : undefined
    const compared = vectors?.compare(query.vector!)
    if (compared) {
      for (const { slot } of compared.nearest(BEST_BY_COSINE, passes)) chosen.add(slot)
    }
    const scored = [...chosen].map((slot): Scored => {
      const document = this.#documents[slot]!
      // A document that came in by its vector may share words too, only not among the best.
      const lexical = lexicalOf(slot)
      const cosine = vectors?.has(slot)
        ? calibrated(this.#mixedCosine(slot, compared!, vectors), calibration)
        : 0
      const text = this.#textTraits[slot]!
      const evidence = evidenceFor(
        { lexical, cosine, slot: document.slot },
        text,
        isAsked(slot),
        traits,
      )
      const fused = rankingFor(evidence, text, traits)
      return { index: slot, document, lexical, cosine, evidence, fused }
    })
    const ranked = scored
      .sort(byScore)
      .slice(0, Math.max(query.limit, ORDERED))
      .map((one) => toDated(one, this.#kind))
    const ordered = this.#without.has('newest first')
      ? asRanked(ranked)
      : newestFirst(ranked, query.text, this.#terms.weightsOf(sought))
    const hits = ordered.slice(0, query.limit).map(
      ({ document: one, isLifted, replacedBy, fused }): IndexHit => ({
        kind: this.#kind,
        key: one.document.key,
        at: one.document.at,
        document: one.document,
        lexical: one.lexical,
        cosine: one.cosine,
        evidence: one.evidence,
        fused,
        notes: [
          ...notesOf(one.document, this.#textTraits[one.index]!, isAsked(one.index), traits),
          ...(isLifted ? ['newer than what stands below it' as const] : []),
        ],
        replacedBy: replacedBy?.document.id ?? null,
      }),
    )
    return { hits, known: this.#known(sought) }
  }

  unknownOf(names: readonly (readonly string[])[]): number {
    return names.filter((name) => !name.every((term) => this.#terms.mentions(term))).length
  }

  #known(sought: readonly string[]): number {
    return sought.filter((term) => this.#terms.has(term)).length
  }

  /** Which slots may be found now, and are not of the conversation that the question is asked in. */
  #filterOf({ now, exceptConversation }: IndexQuery): (slot: number) => boolean {
    const until = this.#until
    const here =
      exceptConversation === null ? undefined : this.#conversations.get(exceptConversation)
    if (this.#kind === 'memory' || here === undefined) return (slot) => until[slot]! > now
    const isHere = new Set(here)
    return (slot) => until[slot]! > now && !isHere.has(slot)
  }

  /**
   * Cosine of the question to the document's vector; between people who are named, plus `NEIGHBOUR_MIX` of each
   * neighbour's: their turns are short and go on from each other, while an assistant's answer stands for itself.
   */
  #mixedCosine(slot: number, compared: Comparison, vectors: VectorIndex): number {
    const own = compared.cosine(slot)
    const { speaker } = this.#documents[slot]!
    const isTalk = this.#kind === 'turn' && speaker !== null
    if (!isTalk || this.#without.has('neighbours of vectors')) return own
    const beside = [this.#terms.previousOf(slot), this.#terms.nextOf(slot)].filter(
      (other) => other >= 0 && vectors.has(other),
    )
    if (beside.length === 0) return own
    let sum = own
    let squares = 1
    for (const other of beside) {
      sum += NEIGHBOUR_MIX * compared.cosine(other)
      squares += NEIGHBOUR_MIX ** 2 + 2 * NEIGHBOUR_MIX * vectors.cosineBetween(slot, other)
    }
    const [before, after] = beside
    if (before !== undefined && after !== undefined) {
      squares += 2 * NEIGHBOUR_MIX ** 2 * vectors.cosineBetween(before, after)
    }
    return sum / Math.sqrt(Math.max(squares, 1e-6))
  }

  #join(conversation: string, slot: number): void {
    const chain = this.#conversations.getOrInsertComputed(conversation, () => [])
    let at = chain.length
    while (at > 0 && this.#isAfter(chain[at - 1]!, slot)) at--
    chain.splice(at, 0, slot)
    this.#relink(chain, at - 1)
    this.#relink(chain, at)
    this.#relink(chain, at + 1)
  }

  /** In the same place, the one stored first stands first. */
  #isAfter(slot: number, other: number): boolean {
    const [a, b] = [this.#documents[slot]!, this.#documents[other]!]
    return a.place > b.place || (a.place === b.place && a.key > b.key)
  }

  #leave(conversation: string, slot: number): void {
    const chain = this.#conversations.get(conversation)!
    const at = chain.indexOf(slot)
    chain.splice(at, 1)
    this.#terms.link(slot, -1, -1)
    this.#relink(chain, at - 1)
    this.#relink(chain, at)
    if (chain.length === 0) this.#conversations.delete(conversation)
  }

  #relink(chain: readonly number[], at: number): void {
    const slot = chain[at]
    if (this.#without.has('neighbours')) return
    if (slot !== undefined) this.#terms.link(slot, chain[at - 1] ?? -1, chain[at + 1] ?? -1)
  }
}

/** A document with its score; `index` is its slot in the collection. */
type Scored = Readonly<{
  index: number
  document: IndexDocument
  lexical: number
  cosine: number
  evidence: number
  fused: number
}>

/** Written out, since spreading is slower and this is done for every question. */
function toDated(scored: Scored, kind: DocumentKind): Scored & Dated {
  const { index, document, lexical, cosine, evidence, fused } = scored
  const { text, role, saidAt, validFrom, conversation, place, slot } = document
  return {
    index,
    document,
    lexical,
    cosine,
    evidence,
    fused,
    kind,
    text,
    role,
    saidAt,
    validFrom,
    conversation,
    place,
    slot,
  }
}

/** Best first; equal scores by newer time, then by text: never by the order of storing. */
function byScore(a: Scored, b: Scored): number {
  return (
    b.fused - a.fused ||
    b.document.at - a.document.at ||
    (a.document.text < b.document.text ? -1 : a.document.text > b.document.text ? 1 : 0) ||
    a.document.key - b.document.key
  )
}

function untilOf({ expiresAt }: IndexDocument): number {
  return expiresAt ?? Number.POSITIVE_INFINITY
}
