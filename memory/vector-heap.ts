import { createDotKernel, type DotKernel, KERNEL_STEP } from './dot-kernel.ts'

/** A piece of memory for int8 vectors, one behind the other. */
export type Block = Readonly<{
  sizeBytes: number
  /** Its bytes; asked anew after anything was allocated, since memory may have moved. */
  bytes(): Int8Array
  /** Gives it back; it must not be used any more. */
  release(): void
}>

/**
 * Memory for vectors outside of the JavaScript heap, with the scan that runs over it. There is one in each
 * thread that asks for it: WebAssembly sets a few gigabytes of addresses aside for every memory, so that one
 * for each of thousands of collections would not do.
 */
export class VectorHeap {
  readonly #memory: WebAssembly.Memory
  readonly #kernel: DotKernel | null
  /** Addresses of blocks that were given back, by their size: few sizes occur, and again and again. */
  readonly #free = new Map<number, number[]>()
  /** Where memory begins that was never given out. */
  #top = FIRST_ADDRESS
  readonly #addresses = new WeakMap<Block, number>()
  /** Where a question and the products with it stand during a scan. */
  #scratch: Block | null = null

  /** @param maxPages of 64 KiB; what is asked beyond them comes from the JavaScript heap and is scanned there */
  constructor(maxPages = MAX_PAGES, withKernel = true) {
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum: maxPages })
    this.#kernel = withKernel ? createDotKernel(this.#memory) : null
  }

  /** Of at least that size, holding anything. */
  allocate(bytes: number): Block {
    const sizeBytes = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
    const address = this.#kernel === null ? null : this.#addressOf(sizeBytes)
    if (address === null) {
      const view = new Int8Array(sizeBytes)
      return { sizeBytes, bytes: () => view, release: () => {} }
    }
    const memory = this.#memory
    let view = new Int8Array(memory.buffer, address, sizeBytes)
    const block: Block = {
      sizeBytes,
      bytes() {
        if (view.buffer !== memory.buffer) view = new Int8Array(memory.buffer, address, sizeBytes)
        return view
      },
      release: () => {
        if (!this.#addresses.delete(block)) return
        this.#free.getOrInsertComputed(sizeBytes, () => []).push(address)
      },
    }
    this.#addresses.set(block, address)
    return block
  }

  /**
   * The dot products of `question` with the first `count` vectors that stand in `blocks`.
   *
   * @param question unit vector, Float32Array[dimensions]
   * @param of `perBlock` vectors stand in each block, `stride` components from one to the next
   * @returns the products, and the factor that makes dot products of them; the next scan writes over them
   */
  scan(
    blocks: readonly Block[],
    of: Readonly<{ count: number; perBlock: number; stride: number }>,
    question: Float32Array,
  ): Readonly<{ products: Int32Array | Float32Array; factor: number }> {
    const { count, perBlock, stride } = of
    const scratch = this.#scratchOf(stride * 2 + count * 4)
    const addresses = blocks.map((block) => this.#addresses.get(block))
    if (scratch === null || addresses.includes(undefined)) {
      return { products: scanPlainly(blocks, of, question), factor: 1 }
    }
    const scale = scaleOf(question, stride)
    const sought = new Int16Array(this.#memory.buffer, scratch, stride)
    sought.fill(0)
    for (let i = 0; i < question.length; i++) sought[i] = Math.round(question[i]! * scale)
    const products = scratch + stride * 2
    for (const [i, address] of addresses.entries()) {
      const from = i * perBlock
      const here = Math.min(perBlock, count - from)
      if (here > 0) this.#kernel!(address!, here, stride, scratch, products + from * 4)
    }
    return { products: new Int32Array(this.#memory.buffer, products, count), factor: 1 / scale }
  }

  #scratchOf(bytes: number): number | null {
    if (this.#scratch === null || this.#scratch.sizeBytes < bytes) {
      this.#scratch?.release()
      this.#scratch = this.allocate(2 * bytes)
    }
    return this.#addresses.get(this.#scratch) ?? null
  }

  /** Of a block that was given back, else of new memory; null when there is none. */
  #addressOf(sizeBytes: number): number | null {
    const reused = this.#free.get(sizeBytes)?.pop()
    if (reused !== undefined) return reused
    const end = this.#top + sizeBytes
    const missing = end - this.#memory.buffer.byteLength
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE_BYTES))
      } catch (error) {
        if (error instanceof RangeError) return null
        throw error
      }
    }
    const address = this.#top
    this.#top = end
    return address
  }
}

const PAGE_BYTES = 65_536
/** 4 GiB less a page, so that no address past a block's end is out of reach. */
const MAX_PAGES = 65_535
/** A line of the processor's cache. */
const ALIGNMENT = 64
/** Not 0, which would do, but would make a mistake look like an address. */
const FIRST_ADDRESS = 1_024

let heapOfThread: VectorHeap | null = null

export function vectorHeap(): VectorHeap {
  heapOfThread ??= new VectorHeap()
  return heapOfThread
}

/**
 * As large as can be: each component must fit int16, and by Cauchy and Schwarz no product with a vector of
 * `stride` components from -127 to 127 exceeds 127 × √stride × scale, which must fit int32.
 */
function scaleOf(question: Float32Array, stride: number): number {
  let largest = 0
  for (const component of question) largest = Math.max(largest, Math.abs(component))
  return Math.min(32_767 / (largest || 1), (2 ** 31 - 1) / (128 * Math.sqrt(stride)) - 1)
}

/** The same in JavaScript, four times as slow. */
function scanPlainly(
  blocks: readonly Block[],
  { count, perBlock, stride }: Readonly<{ count: number; perBlock: number; stride: number }>,
  question: Float32Array,
): Float32Array {
  const sought = new Float64Array(stride)
  sought.set(question)
  const products = new Float32Array(count)
  for (const [i, block] of blocks.entries()) {
    const components = block.bytes()
    const from = i * perBlock
    for (let slot = from; slot < Math.min(count, from + perBlock); slot++) {
      products[slot] = dot(components, (slot - from) * stride, sought)
    }
  }
  return products
}

/**
 * Four sums at once, over doubles: three times as fast as one sum over 32-bit floats.
 *
 * @param sought as many components as there are from `at` on, a multiple of four
 */
function dot(components: Int8Array, at: number, sought: Float64Array): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let i = 0; i < sought.length; i += 4) {
    a += components[at + i]! * sought[i]!
    b += components[at + i + 1]! * sought[i + 1]!
    c += components[at + i + 2]! * sought[i + 2]!
    d += components[at + i + 3]! * sought[i + 3]!
  }
  return a + b + c + d
}

/** Components from one vector to the next, the padding included. */
export function strideOf(dimensions: number): number {
  return Math.ceil(dimensions / KERNEL_STEP) * KERNEL_STEP
}
