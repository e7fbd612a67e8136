import { BestSlots } from './best-slots.ts'
import { type Block, strideOf, type VectorHeap, vectorHeap } from './vector-heap.ts'

/**
 * Vectors of one collection by slot, in RAM, as int8 components. A search compares with every one of them:
 * nothing is approximated, and of 100,000 vectors it takes 2 ms (docs/embeddings.md, "Speed").
 */
export class VectorIndex {
  readonly dimensions: number
  readonly #heap: VectorHeap
  /** Components from one vector to the next; zeros beyond `dimensions`. */
  readonly #stride: number
  /** Of `PER_BLOCK` vectors each; a single one may be smaller and grows. */
  readonly #blocks: Block[] = []
  /** Vectors that there is room for. */
  #capacity = 0
  /** Per slot: 1 / length of the int8 vector; 0 where a slot has no vector. */
  #inverseLength = new Float32Array(16)
  #slots = 0
  #count = 0

  constructor(dimensions: number, heap = vectorHeap()) {
    this.dimensions = dimensions
    this.#heap = heap
    this.#stride = strideOf(dimensions)
  }

  /** How many slots hold a vector. */
  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    const components = this.#blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return components + this.#inverseLength.byteLength
  }

  has(slot: number): boolean {
    return slot < this.#slots && this.#inverseLength[slot]! > 0
  }

  /** @param components int8[dimensions]; the scale is irrelevant to a cosine, and zeros are no vector. */
  set(slot: number, components: Int8Array): void {
    this.delete(slot)
    let squares = 0
    for (let i = 0; i < components.length; i++) squares += components[i]! * components[i]!
    if (squares === 0) return
    this.#reserve(slot + 1)
    this.#count++
    this.#bytesAt(slot).set(components, this.#offsetOf(slot))
    this.#inverseLength[slot] = 1 / Math.sqrt(squares)
  }

  /** A copy of what was set; the slot must hold a vector. */
  componentsOf(slot: number): Int8Array {
    return this.#viewOf(slot).slice()
  }

  delete(slot: number): void {
    if (!this.has(slot)) return
    this.#inverseLength[slot] = 0
    this.#count--
  }

  /** Cosine of two slots to each other; 0 when either has no vector. */
  cosineBetween(a: number, b: number): number {
    if (!this.has(a) || !this.has(b)) return 0
    const [x, y] = [this.#viewOf(a), this.#viewOf(b)]
    let sum = 0
    for (let i = 0; i < this.dimensions; i++) sum += x[i]! * y[i]!
    return sum * this.#inverseLength[a]! * this.#inverseLength[b]!
  }

  /**
   * Compares a unit vector with every vector here.
   *
   * @returns good until vectors are compared or changed again, here or in another index of this thread
   */
  compare(query: Float32Array): Comparison {
    const scanned = { count: this.#slots, perBlock: PER_BLOCK, stride: this.#stride }
    const { products, factor } = this.#heap.scan(this.#blocks, scanned, query)
    const inverseLength = this.#inverseLength
    const cosine = (slot: number) => products[slot]! * factor * inverseLength[slot]!
    return {
      cosine: (slot) => (this.has(slot) ? cosine(slot) : 0),
      nearest: (limit, passes = () => true) => {
        const best = new BestSlots(limit)
        let { least } = best
        for (let slot = 0; slot < products.length; slot++) {
          const here = cosine(slot)
          // Most are turned away by the first of these.
          if (here <= least || inverseLength[slot] === 0 || !passes(slot)) continue
          best.offer(slot, here)
          least = best.least
        }
        return best.toArray().map((slot) => ({ slot, cosine: cosine(slot) }))
      },
    }
  }

  /** Gives its memory back; it holds nothing then. */
  clear(): void {
    for (const block of this.#blocks.splice(0)) block.release()
    this.#inverseLength = new Float32Array(16)
    this.#capacity = 0
    this.#slots = 0
    this.#count = 0
  }

  /** Good until memory is allocated. */
  #viewOf(slot: number): Int8Array {
    const at = this.#offsetOf(slot)
    return this.#bytesAt(slot).subarray(at, at + this.dimensions)
  }

  #bytesAt(slot: number): Int8Array {
    return this.#blocks[Math.floor(slot / PER_BLOCK)]!.bytes()
  }

  #offsetOf(slot: number): number {
    return (slot % PER_BLOCK) * this.#stride
  }

  #reserve(slots: number): void {
    if (slots <= this.#slots) return
    while (this.#capacity < slots) this.#grow(slots)
    for (let slot = this.#slots; slot < slots; slot++) {
      // What was here before belonged to others.
      const at = this.#offsetOf(slot)
      this.#bytesAt(slot).fill(0, at, at + this.#stride)
    }
    this.#slots = slots
    if (slots <= this.#inverseLength.length) return
    const inverseLength = new Float32Array(Math.max(slots, 2 * this.#inverseLength.length))
    inverseLength.set(this.#inverseLength)
    this.#inverseLength = inverseLength
  }

  /** The only block doubles until it is full; after that, whole blocks are added and nothing is copied. */
  #grow(slots: number): void {
    const [only] = this.#blocks
    if (this.#capacity >= PER_BLOCK || only === undefined) {
      const room = only === undefined && slots < PER_BLOCK ? Math.max(slots, SMALLEST) : PER_BLOCK
      this.#blocks.push(this.#heap.allocate(room * this.#stride))
      this.#capacity += room
      return
    }
    const room = Math.min(PER_BLOCK, Math.max(slots, 2 * this.#capacity))
    const larger = this.#heap.allocate(room * this.#stride)
    larger.bytes().set(only.bytes().subarray(0, this.#slots * this.#stride))
    only.release()
    this.#blocks[0] = larger
    this.#capacity = room
  }
}

export type SlotCosine = Readonly<{ slot: number; cosine: number }>

/** A question's cosines to the vectors of an index, -1 to 1. */
export type Comparison = Readonly<{
  /** 0 when the slot has no vector. */
  cosine(slot: number): number
  /** The slots nearest to the question, best first, at most `limit` of those that pass. */
  nearest(limit: number, passes?: (slot: number) => boolean): SlotCosine[]
}>

/** Vectors in a block, and in the first one to begin with. */
const PER_BLOCK = 1_024
const SMALLEST = 16
