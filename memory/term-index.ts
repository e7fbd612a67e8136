/**
 * An inverted index of one collection with BM25F scoring (Robertson, Zaragoza, Taylor: "Simple BM25
 * extension to multiple weighted fields", CIKM 2004), in RAM. Fields: a document's own text, who spoke, the
 * date in words, and the texts of its neighbours in the conversation. A neighbour's text is not stored
 * twice: a posting also adds to the accumulators of the documents beside it.
 */
export class TermIndex {
  readonly #related: RelatedTerms
  readonly #whole: CollectionStatistics | undefined
  readonly #postings = new Map<string, Posting>()
  readonly #speakers = new Map<string, SlotList>()
  readonly #dates = new Map<string, SlotList>()
  /** Per slot: which of `#speakers` said it, as that list's `id`; 0 for none. */
  #speaker = new Uint32Array(16)
  /** Own terms per slot, repeats included; 0 for a free slot. */
  #length = new Uint32Array(16)
  #previous = new Int32Array(16).fill(-1)
  #next = new Int32Array(16).fill(-1)
  /** Per slot, while one term is scored: its frequency over all fields. */
  #accumulated = new Float32Array(16)
  /** Per slot: what the last question scored. */
  #scores = new Float32Array(16)
  /** Slots with a score, the first `#touchedCount` of them. */
  #touched = new Int32Array(16)
  #touchedCount = 0
  #inTerm = new Int32Array(16)
  #inTermCount = 0
  /** Per slot: the last scored term that stands in its text, as a running number. */
  #holds = new Uint32Array(16)
  #termsScored = 0
  #documents = 0
  #totalLength = 0

  /**
   * @param related words that mean nearly the same, for questions in other words than the answer
   * @param whole when the documents here are a part of a collection: what is known of the whole, so that
   *   they score as they would there
   */
  constructor(related: RelatedTerms = () => [], whole?: CollectionStatistics) {
    this.#related = related
    this.#whole = whole
  }

  /** Documents in the index, removed ones not counted. */
  get documents(): number {
    return this.#documents
  }

  /**
   * @param terms of its own text, in order, repeats included
   * @param speaker one term, or null
   * @param dateTerms day, month and year as terms
   */
  add(
    slot: number,
    terms: readonly string[],
    speaker: string | null,
    dateTerms: readonly string[],
  ): void {
    this.#reserve(slot + 1)
    const counts = new Map<string, number>()
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
    for (const [term, count] of counts) {
      this.#postings.getOrInsertComputed(term, () => new Posting(0)).addCounted(slot, count)
    }
    if (speaker !== null) {
      const list = listOf(this.#speakers, speaker)
      list.add(slot)
      this.#speaker[slot] = list.id
    }
    for (const term of dateTerms) listOf(this.#dates, term).add(slot)
    // A document without a single term still counts: its neighbours give it a score.
    this.#length[slot] = Math.max(1, terms.length)
    this.#documents++
    this.#totalLength += terms.length
  }

  /**
   * Takes a document out, given as it was added. Its slot is not used again; what the lists still have of it
   * scores nothing, and goes when a list holds more of that than of living documents.
   */
  remove(
    slot: number,
    terms: readonly string[],
    speaker: string | null,
    dateTerms: readonly string[],
  ): void {
    if (!this.#length[slot]) return
    this.#length[slot] = 0
    this.#speaker[slot] = 0
    this.link(slot, -1, -1)
    this.#documents--
    this.#totalLength -= terms.length
    for (const term of new Set(terms)) {
      const posting = this.#postings.get(term)!
      if (--posting.alive === 0) this.#postings.delete(term)
      else posting.compact(this.#length)
    }
    const lists = dateTerms.map((term) => this.#dates.get(term)!)
    if (speaker !== null) lists.push(this.#speakers.get(speaker)!)
    for (const list of lists) {
      list.alive--
      list.compact(this.#length)
    }
  }

  /** Says which slots stand before and after this one in its conversation; -1 for none. */
  link(slot: number, previous: number, next: number): void {
    this.#reserve(slot + 1)
    this.#previous[slot] = previous
    this.#next[slot] = next
  }

  previousOf(slot: number): number {
    return this.#previous[slot] ?? -1
  }

  nextOf(slot: number): number {
    return this.#next[slot] ?? -1
  }

  /** Does any document hold this term in its own text? */
  has(term: string): boolean {
    return this.#postings.has(term) || this.#frequencyOf(term, undefined) > 0
  }

  #frequencyOf(term: string, own: Posting | undefined): number {
    return Math.max(own?.alive ?? 0, this.#whole?.frequencies.get(term) ?? 0)
  }

  /** Does any document hold this term, or was any said by somebody of this name? */
  mentions(term: string): boolean {
    return this.has(term) || (this.#speakers.get(term)?.alive ?? 0) > 0
  }

  speakersOf(terms: Iterable<string>): string[] {
    return [...terms].filter((term) => (this.#speakers.get(term)?.alive ?? 0) > 0)
  }

  isSpokenBy(slot: number, speaker: string): boolean {
    return this.#speaker[slot] === this.#speakers.get(speaker)?.id
  }

  /**
   * BM25F of every document that shares a term with the question.
   *
   * @param terms distinct
   * @returns the slots in the order they were met, a view that lasts until the next question, and `ideal`:
   *   the sum of the terms' idf, which is what one plain occurrence of every term would score. A term that
   *   no document has counts as found in half a document, so that a question about unknown things scores low.
   */
  score(terms: readonly string[]): TermScores {
    for (let i = 0; i < this.#touchedCount; i++) this.#scores[this.#touched[i]!] = 0
    this.#touchedCount = 0
    let ideal = 0
    const average = this.#totalLength / Math.max(1, this.#documents) || 1
    for (const term of terms) {
      const own = this.#postings.get(term)
      const speakers = this.#speakers.get(term)
      const dates = this.#dates.get(term)
      const frequency = this.#frequencyOf(term, own)
      const ownIdf = this.#idfOf(frequency || UNKNOWN_DF)
      ideal += ownIdf
      this.#scoreRelated(term, own, average, ownIdf)
      const df = frequency || Math.max(speakers?.alive ?? 0, dates?.alive ?? 0)
      if (df === 0) continue
      this.#inTermCount = 0
      if (own) this.#accumulateText(own, average)
      if (speakers) this.#accumulateField(speakers, SPEAKER_WEIGHT)
      if (dates) this.#accumulateField(dates, DATE_WEIGHT)
      this.#addScores(this.#idfOf(df))
    }
    return { slots: this.#touched.subarray(0, this.#touchedCount), ideal }
  }

  /** How much each term weighs: its idf, as `ideal` sums it. */
  weightsOf(terms: readonly string[]): Map<string, number> {
    return new Map(
      terms.map((term) => [
        term,
        this.#idfOf(this.#frequencyOf(term, this.#postings.get(term)) || UNKNOWN_DF),
      ]),
    )
  }

  #idfOf(df: number): number {
    const documents = Math.max(this.#documents, this.#whole?.documents ?? 0)
    return Math.log(1 + (documents - df + 0.5) / (df + 0.5))
  }

  /** What the slot scored for the last question; 0 when it shares no term with it. */
  scoreOf(slot: number): number {
    return this.#scores[slot] ?? 0
  }

  #addScores(idf: number): void {
    const slots = this.#inTerm
    const count = this.#inTermCount
    const accumulated = this.#accumulated
    const scores = this.#scores
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const frequency = accumulated[slot]!
      accumulated[slot] = 0
      if (scores[slot] === 0) this.#touched[this.#touchedCount++] = slot
      scores[slot]! += (idf * (K1 + 1) * frequency) / (K1 + frequency)
    }
  }

  /**
   * A document without the term, but with one that is related to it, scores as if the term stood in it as
   * often as the two are alike. Of several related terms the closest counts.
   */
  #scoreRelated(term: string, own: Posting | undefined, average: number, idf: number): void {
    const related = this.#related(term)
    if (related.length === 0) return
    this.#termsScored++
    for (let i = 0; i < (own?.count ?? 0); i++) this.#holds[own!.slots[i]!] = this.#termsScored
    this.#inTermCount = 0
    for (const { term: other, similarity } of related) {
      const posting = this.#postings.get(other)
      if (!posting) continue
      for (let i = 0; i < posting.count; i++) {
        const slot = posting.slots[i]!
        if (this.#length[slot] === 0 || this.#holds[slot] === this.#termsScored) continue
        if (this.#accumulated[slot] === 0) this.#inTerm[this.#inTermCount++] = slot
        if (similarity > this.#accumulated[slot]!) this.#accumulated[slot] = similarity
      }
    }
    for (let i = 0; i < this.#inTermCount; i++) {
      const slot = this.#inTerm[i]!
      this.#accumulated[slot]! /= 1 - B + (B * this.#length[slot]!) / average
    }
    this.#addScores(RELATED_WEIGHT * idf)
  }

  #accumulateText(posting: Posting, average: number): void {
    // A word that everything holds makes this loop the longest of a search.
    const { slots, counts, count } = posting
    const lengths = this.#length
    const before = this.#previous
    const after = this.#next
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const length = lengths[slot]!
      if (length === 0) continue
      const frequency = counts[i]! / (1 - B + (B * length) / average)
      this.#accumulate(slot, frequency)
      const previous = before[slot]!
      if (previous >= 0) {
        this.#accumulate(previous, NEIGHBOUR_WEIGHT * frequency)
        const further = before[previous]!
        if (further >= 0) this.#accumulate(further, SECOND_NEIGHBOUR_WEIGHT * frequency)
      }
      const next = after[slot]!
      if (next >= 0) {
        this.#accumulate(next, NEIGHBOUR_WEIGHT * frequency)
        const further = after[next]!
        if (further >= 0) this.#accumulate(further, SECOND_NEIGHBOUR_WEIGHT * frequency)
      }
    }
  }

  #accumulateField(list: SlotList, weight: number): void {
    for (let i = 0; i < list.count; i++) {
      const slot = list.slots[i]!
      if (this.#length[slot] !== 0) this.#accumulate(slot, weight)
    }
  }

  #accumulate(slot: number, frequency: number): void {
    if (this.#accumulated[slot] === 0) this.#inTerm[this.#inTermCount++] = slot
    this.#accumulated[slot]! += frequency
  }

  #reserve(slots: number): void {
    if (slots <= this.#length.length) return
    const capacity = Math.max(slots, this.#length.length * 2)
    const grow = <T extends Uint32Array | Int32Array | Float32Array>(fresh: T, old: T) => {
      fresh.set(old)
      return fresh
    }
    this.#length = grow(new Uint32Array(capacity), this.#length)
    this.#speaker = grow(new Uint32Array(capacity), this.#speaker)
    this.#previous = grow(new Int32Array(capacity).fill(-1), this.#previous)
    this.#next = grow(new Int32Array(capacity).fill(-1), this.#next)
    this.#accumulated = grow(new Float32Array(capacity), this.#accumulated)
    this.#holds = grow(new Uint32Array(capacity), this.#holds)
    this.#scores = grow(new Float32Array(capacity), this.#scores)
    this.#touched = grow(new Int32Array(capacity), this.#touched)
    this.#inTerm = grow(new Int32Array(capacity), this.#inTerm)
  }
}

/** Terms related to a term, at most a few dozen; `similarity` from 0 to 1. */
export type RelatedTerms = (
  term: string,
) => readonly Readonly<{ term: string; similarity: number }>[]

/** Of a collection: how many documents it has, and how many of them hold each term of a question. */
export type CollectionStatistics = Readonly<{
  documents: number
  frequencies: ReadonlyMap<string, number>
}>

export type TermScores = Readonly<{ slots: Int32Array; ideal: number }>

// BM25's usual constants (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, 3.3).
const K1 = 1.2
const B = 0.75
// Field weights, each measured on LoCoMo and BEAM: docs/retrieval.md, "What each part is worth".
const NEIGHBOUR_WEIGHT = 0.35
const SECOND_NEIGHBOUR_WEIGHT = 0.15
const SPEAKER_WEIGHT = 0.7
const DATE_WEIGHT = 0.5
const RELATED_WEIGHT = 0.4
/** A term that no document has counts as found in half a document. */
const UNKNOWN_DF = 0.5

/** Slots in the order added. */
class SlotList {
  /** Tells lists apart, from 1. */
  readonly id: number
  slots = new Int32Array(2)
  count = 0
  /** Without those of removed documents. */
  alive = 0

  constructor(id: number) {
    this.id = id
  }

  add(slot: number): void {
    if (this.count === this.slots.length) this.grow(this.count * 2)
    this.slots[this.count++] = slot
    this.alive++
  }

  /** Drops removed slots, those without a length, once they are the larger part. */
  compact(lengths: Uint32Array): void {
    if (this.count <= 2 * this.alive + MIN_COMPACTED) return
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (lengths[this.slots[i]!] !== 0) this.move(i, kept++)
    }
    this.count = kept
  }

  protected grow(length: number): void {
    const slots = new Int32Array(length)
    slots.set(this.slots)
    this.slots = slots
  }

  protected move(from: number, to: number): void {
    this.slots[to] = this.slots[from]!
  }
}

/** And how often the term stands in each. */
class Posting extends SlotList {
  counts = new Uint16Array(2)

  addCounted(slot: number, count: number): void {
    this.add(slot)
    this.counts[this.count - 1] = Math.min(count, 0xffff)
  }

  protected override grow(length: number): void {
    super.grow(length)
    const counts = new Uint16Array(length)
    counts.set(this.counts)
    this.counts = counts
  }

  protected override move(from: number, to: number): void {
    super.move(from, to)
    this.counts[to] = this.counts[from]!
  }
}

const MIN_COMPACTED = 16

function listOf(lists: Map<string, SlotList>, term: string): SlotList {
  return lists.getOrInsertComputed(term, () => new SlotList(lists.size + 1))
}
