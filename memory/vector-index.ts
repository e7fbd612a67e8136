/**
 * Vectors of one collection by slot, in RAM: int8 components with one scale each, and one sign bit per
 * component. A search ranks all slots by the Hamming distance of sign bits and rescores the best of them
 * with the int8 components (docs/retrieval.md has recall against the exact scan).
 */
export class VectorIndex {
  readonly dimensions: number
  readonly #bytesPerVector: number
  readonly #wordsPerVector: number
  #components: Int8Array
  #bits: Int32Array
  /** Per slot: 1 / length of the int8 vector; 0 where a slot has no vector. */
  #inverseLength: Float32Array
  #slots = 0
  #count = 0

  constructor(dimensions: number) {
    this.dimensions = dimensions
    this.#bytesPerVector = dimensions
    this.#wordsPerVector = Math.ceil(dimensions / 32)
    this.#components = new Int8Array(16 * this.#bytesPerVector)
    this.#bits = new Int32Array(16 * this.#wordsPerVector)
    this.#inverseLength = new Float32Array(16)
  }

  /** How many slots hold a vector. */
  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#components.byteLength + this.#bits.byteLength + this.#inverseLength.byteLength
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
    this.#components.set(components, slot * this.#bytesPerVector)
    this.#inverseLength[slot] = 1 / Math.sqrt(squares)
    packSigns(components, this.#bits, slot * this.#wordsPerVector)
  }

  /** A view of what was set; the slot must hold a vector. */
  componentsOf(slot: number): Int8Array {
    const at = slot * this.#bytesPerVector
    return this.#components.subarray(at, at + this.#bytesPerVector)
  }

  delete(slot: number): void {
    if (!this.has(slot)) return
    this.#inverseLength[slot] = 0
    this.#count--
  }

  /** Cosine of the slot's vector to `query` (a unit vector), -1 to 1; 0 when the slot has none. */
  cosine(slot: number, query: Float32Array): number {
    if (!this.has(slot)) return 0
    return this.#dot(slot, query) * this.#inverseLength[slot]!
  }

  /** Cosine of two slots to each other; 0 when either has no vector. */
  cosineBetween(a: number, b: number): number {
    if (!this.has(a) || !this.has(b)) return 0
    const components = this.#components
    const from = a * this.#bytesPerVector
    const to = b * this.#bytesPerVector
    let sum = 0
    for (let i = 0; i < this.dimensions; i++) sum += components[from + i]! * components[to + i]!
    return sum * this.#inverseLength[a]! * this.#inverseLength[b]!
  }

  /**
   * The slots nearest to `query` by cosine, best first, at most `limit` of those that pass. Exact up to
   * `EXACT_BELOW` vectors; beyond it the `RESCORED` nearest by sign bits are ranked exactly.
   *
   * @param of at most `refused` slots do not pass
   */
  nearest(query: Float32Array, limit: number, of: Passing = EVERYTHING): Nearest {
    if (this.#count <= EXACT_BELOW) {
      const all = this.#scored(this.#allSlots(), query)
      const best = of.refused === 0 ? all : all.filter(({ slot }) => of.passes(slot))
      return { best: best.slice(0, limit), background: backgroundOf(all.map((hit) => hit.cosine)) }
    }
    const near = this.#nearestBySign(query, Math.max(RESCORED, 4 * limit) + of.refused)
    const allowed = of.refused === 0 ? near : near.filter(of.passes)
    return {
      best: this.#scored(allowed, query).slice(0, limit),
      background: backgroundOf(this.#sampled(query)),
    }
  }

  #scored(slots: readonly number[], query: Float32Array): SlotCosine[] {
    const scored = slots.map((slot) => ({ slot, cosine: this.cosine(slot, query) }))
    return scored.sort((a, b) => b.cosine - a.cosine)
  }

  /** Cosines of slots spread evenly over the collection. */
  #sampled(query: Float32Array): number[] {
    const cosines: number[] = []
    const stride = Math.max(1, Math.floor(this.#slots / BACKGROUND_SAMPLE))
    for (let slot = 0; slot < this.#slots; slot += stride) {
      if (this.has(slot)) cosines.push(this.cosine(slot, query))
    }
    return cosines
  }

  #allSlots(): number[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#inverseLength[slot]! > 0) slots.push(slot)
    }
    return slots
  }

  #nearestBySign(query: Float32Array, wanted: number): number[] {
    const words = this.#wordsPerVector
    const bits = this.#bits
    const sought = new Int32Array(words)
    packSigns(query, sought, 0)
    const distances = new Uint16Array(this.#slots)
    const histogram = new Uint32Array(this.dimensions + 1)
    for (let slot = 0, at = 0; slot < this.#slots; slot++, at += words) {
      if (this.#inverseLength[slot] === 0) {
        distances[slot] = 0xffff
        continue
      }
      let distance = 0
      for (let w = 0; w < words; w++) {
        let x = bits[at + w]! ^ sought[w]!
        x -= (x >>> 1) & 0x55555555
        x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
        distance += Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
      }
      distances[slot] = distance
      histogram[distance]!++
    }
    let radius = 0
    let within = histogram[0]!
    while (within < wanted && radius < this.dimensions) within += histogram[++radius]!
    const slots: number[] = []
    for (let slot = 0; slot < this.#slots; slot++) if (distances[slot]! <= radius) slots.push(slot)
    return slots
  }

  #dot(slot: number, query: Float32Array): number {
    const components = this.#components
    const at = slot * this.#bytesPerVector
    let sum = 0
    for (let i = 0; i < query.length; i++) sum += components[at + i]! * query[i]!
    return sum
  }

  #reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots
    if (slots <= this.#inverseLength.length) return
    const capacity = Math.max(slots, Math.ceil(this.#inverseLength.length * 1.5))
    this.#components = grown(this.#components, capacity * this.#bytesPerVector, Int8Array)
    this.#bits = grown(this.#bits, capacity * this.#wordsPerVector, Int32Array)
    this.#inverseLength = grown(this.#inverseLength, capacity, Float32Array)
  }
}

export type SlotCosine = Readonly<{ slot: number; cosine: number }>

export type Passing = Readonly<{ passes: (slot: number) => boolean; refused: number }>

const EVERYTHING: Passing = { passes: () => true, refused: 0 }

export type Nearest = Readonly<{
  best: readonly SlotCosine[]
  /** How near this query is to anything at all here: what a good hit must stand out from. */
  background: Background
}>

/** Mean and standard deviation of cosines over `size` vectors. */
export type Background = Readonly<{ mean: number; deviation: number; size: number }>

export function backgroundOf(cosines: readonly number[]): Background {
  const size = cosines.length
  if (size === 0) return { mean: 0, deviation: 0, size: 0 }
  let sum = 0
  for (const cosine of cosines) sum += cosine
  const mean = sum / size
  let squares = 0
  for (const cosine of cosines) squares += (cosine - mean) ** 2
  return { mean, deviation: Math.sqrt(squares / size), size }
}

/** Enough for a mean and a deviation to two digits. */
const BACKGROUND_SAMPLE = 512
/** Up to here a full scan of the int8 components costs less than a millisecond. */
const EXACT_BELOW = 2_000
/** Nearest by sign bits that are rescored exactly. Measured: docs/retrieval.md, "Approximation". */
const RESCORED = 400

function packSigns(vector: ArrayLike<number>, into: Int32Array, at: number): void {
  for (let w = 0; w * 32 < vector.length; w++) {
    let word = 0
    const end = Math.min(32, vector.length - w * 32)
    for (let i = 0; i < end; i++) if (vector[w * 32 + i]! > 0) word |= 1 << i
    into[at + w] = word
  }
}

function grown<T extends Int8Array | Int32Array | Float32Array>(
  old: T,
  length: number,
  make: new (length: number) => T,
): T {
  const fresh = new make(length)
  fresh.set(old)
  return fresh
}
