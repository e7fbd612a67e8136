/**
 * The slots with the largest values of those that are offered, at most `limit`: a binary heap with the worst
 * on top, so that most are turned away by one comparison. Of equal values those offered first are kept, when
 * they are offered in ascending order.
 */
export class BestSlots {
  readonly #limit: number
  readonly #slots: Int32Array
  readonly #values: Float64Array
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
    this.#slots = new Int32Array(limit)
    this.#values = new Float64Array(limit)
  }

  /** What is no larger than this need not be offered. */
  get least(): number {
    if (this.#count < this.#limit) return -Infinity
    return this.#limit === 0 ? Infinity : this.#values[0]!
  }

  offer(slot: number, value: number): void {
    if (value <= this.least) return
    if (this.#count < this.#limit) this.#rise(this.#count++, slot, value)
    else this.#sink(slot, value)
  }

  /** Best first. */
  toArray(): number[] {
    const order = Array.from({ length: this.#count }, (_, i) => i)
    return order
      .sort((a, b) => this.#values[b]! - this.#values[a]! || this.#slots[a]! - this.#slots[b]!)
      .map((i) => this.#slots[i]!)
  }

  /** Moves a free place up to where the new one belongs. */
  #rise(from: number, slot: number, value: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#isWorse(slot, value, parent)) break
      this.#move(parent, place)
      place = parent
    }
    this.#put(place, slot, value)
  }

  /** The new one takes the place of the worst. */
  #sink(slot: number, value: number): void {
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      if (left >= this.#count) break
      const right = left + 1
      const worse =
        right < this.#count && this.#isWorse(this.#slots[right]!, this.#values[right]!, left)
          ? right
          : left
      if (this.#isWorse(slot, value, worse)) break
      this.#move(worse, place)
      place = worse
    }
    this.#put(place, slot, value)
  }

  #isWorse(slot: number, value: number, than: number): boolean {
    const other = this.#values[than]!
    return value < other || (value === other && slot > this.#slots[than]!)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#slots[from]!, this.#values[from]!)
  }

  #put(place: number, slot: number, value: number): void {
    this.#slots[place] = slot
    this.#values[place] = value
  }
}
