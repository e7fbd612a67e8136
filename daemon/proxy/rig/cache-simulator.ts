/**
 * What a provider's prompt cache would have read, by the rules that the providers publish, for requests as
 * they were recorded. A model of five caches, not a measurement of any.
 *
 * - Anthropic: blocks are hashed in the order tools, system, messages. An entry is written at each marker; a
 *   request reads the longest entry that ends at most 20 blocks before one of its markers. A top-level
 *   `cache_control` puts one marker on the last block.
 *   https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
 * - OpenAI up to GPT-5.5: the longest prefix seen before, from 1,024 tokens in steps of 128.
 *   https://platform.openai.com/docs/guides/prompt-caching
 * - OpenAI from GPT-5.6: an entry is written at the end of the newest user or tool message and at each
 *   `prompt_cache_breakpoint`; only whole entries are read.
 * - Ollama: the longest prefix shared with the request before.
 */
import { fieldsOf, listOf } from '../../../providers/json.ts'

export type CacheModel =
  | 'Anthropic explicit'
  | 'Anthropic auto'
  | 'OpenAI ≤ 5.5'
  | 'GPT-5.6+'
  | 'Ollama'

export const CACHE_MODELS: readonly CacheModel[] = [
  'Anthropic explicit',
  'Anthropic auto',
  'OpenAI ≤ 5.5',
  'GPT-5.6+',
  'Ollama',
]

export type CacheUse = Readonly<{ promptBytes: number; cachedBytes: number; share: number }>

/** @param bodies requests of one conversation in the order in which they were sent, as JSON */
export function simulateCache(model: CacheModel, bodies: readonly Uint8Array[]): CacheUse {
  const read = createReader(model)
  let promptBytes = 0
  let cachedBytes = 0
  for (const bytes of bodies) {
    const blocks = promptOf(JSON.parse(new TextDecoder().decode(bytes)))
    promptBytes += sizeOf(blocks)
    cachedBytes += read(blocks)
  }
  return { promptBytes, cachedBytes, share: promptBytes === 0 ? 0 : cachedBytes / promptBytes }
}

/** The smallest thing that a cache tells apart. */
type Block = Readonly<{
  text: string
  /** A cache marker of the client stands on it. */
  marked: boolean
  role: string
}>

/** Takes one request after the other; says how many bytes of each it would have read from its cache. */
function createReader(model: CacheModel): (blocks: readonly Block[]) => number {
  switch (model) {
    case 'Anthropic explicit':
    case 'Anthropic auto':
      return readAtMarkers()
    case 'OpenAI ≤ 5.5':
      return readPrefixes()
    case 'GPT-5.6+':
      return readAtBreakpoints()
    case 'Ollama':
      return readPrevious()
  }
}

const LOOK_BACK_BLOCKS = 20

function readAtMarkers() {
  const entries = new Set<string>()
  return (blocks: readonly Block[]) => {
    const ends = prefixes(blocks)
    const markers = blocks.flatMap(({ marked }, i) => (marked ? [i] : []))
    let cached = 0
    for (const marker of markers) {
      for (let i = marker; i >= Math.max(0, marker - LOOK_BACK_BLOCKS); i--) {
        if (!entries.has(ends[i]!.hash)) continue
        cached = Math.max(cached, ends[i]!.bytes)
        break
      }
    }
    for (const marker of markers) entries.add(ends[marker]!.hash)
    return cached
  }
}

function readAtBreakpoints() {
  const entries = new Set<string>()
  return (blocks: readonly Block[]) => {
    const ends = prefixes(blocks)
    const newest = blocks.findLastIndex(({ role }) => role === 'user' || role === 'tool')
    const cached = ends.findLast(({ hash }) => entries.has(hash))?.bytes ?? 0
    for (const [i, { marked }] of blocks.entries()) {
      if (marked || i === newest) entries.add(ends[i]!.hash)
    }
    return cached
  }
}

const BYTES_PER_TOKEN = 4
const FIRST_TOKENS = 1024
const STEP_TOKENS = 128

function readPrefixes() {
  const seen: Buffer[] = []
  return (blocks: readonly Block[]) => {
    const prompt = bytesOf(blocks)
    const shared = Math.max(0, ...seen.map((earlier) => sharedPrefix(earlier, prompt)))
    seen.push(prompt)
    const tokens = Math.floor(shared / BYTES_PER_TOKEN / STEP_TOKENS) * STEP_TOKENS
    return tokens < FIRST_TOKENS ? 0 : tokens * BYTES_PER_TOKEN
  }
}

function readPrevious() {
  let previous = Buffer.alloc(0)
  return (blocks: readonly Block[]) => {
    const prompt = bytesOf(blocks)
    const shared = sharedPrefix(previous, prompt)
    previous = prompt
    return shared
  }
}

function sharedPrefix(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length)
  let i = 0
  while (i < most && a[i] === b[i]) i++
  return i
}

const bytesOf = (blocks: readonly Block[]) => Buffer.from(blocks.map(({ text }) => text).join(''))
const sizeOf = (blocks: readonly Block[]) => bytesOf(blocks).length

/** For each block the hash and the size of everything up to and with it. */
function prefixes(blocks: readonly Block[]): { hash: string; bytes: number }[] {
  const hasher = new Bun.CryptoHasher('sha256')
  let bytes = 0
  return blocks.map(({ text }) => {
    hasher.update(text).update('\0')
    bytes += Buffer.byteLength(text)
    return { hash: hasher.copy().digest('hex'), bytes }
  })
}

/**
 * The prompt of a request as blocks, for Anthropic's, OpenAI's (both) and Ollama's bodies. What a cache does
 * not see is gone: markers, and whether a text stood alone or as the only block of a list.
 */
function promptOf(body: Record<string, unknown>): Block[] {
  const tools = listOf(body.tools)
  const blocks: Block[] = [
    ...(tools.length > 0 ? [{ text: JSON.stringify(tools), marked: false, role: 'tools' }] : []),
    ...blocksOf('system', body.system ?? body.instructions),
    ...listOf(body.messages ?? body.input).flatMap((item) => messageBlocks(fieldsOf(item))),
  ]
  const last = blocks.at(-1)
  if (last && body.cache_control != null) blocks[blocks.length - 1] = { ...last, marked: true }
  return blocks
}

function messageBlocks(message: Record<string, unknown>): Block[] {
  const { role, content, ...rest } = message
  const name = typeof role === 'string' ? role : roleOfItem(rest.type)
  const { cache_control: _control, prompt_cache_breakpoint: _breakpoint, ...others } = rest
  const extra = Object.keys(others).length > 0 ? [JSON.stringify(others)] : []
  const blocks = [
    ...blocksOf(name, content),
    ...extra.map((text) => ({ text, marked: false, role: name })),
  ]
  const [first, ...following] = blocks
  return first ? [{ ...first, text: `\n${name}: ${first.text}` }, ...following] : []
}

/** Items of a Responses request that have no role: what a tool gave back is input, the rest the model's own. */
function roleOfItem(type: unknown): string {
  return String(type).endsWith('_output') ? 'tool' : 'assistant'
}

function blocksOf(role: string, content: unknown): Block[] {
  if (content === undefined || content === null || content === '') return []
  if (typeof content === 'string') return [{ text: content, marked: false, role }]
  return listOf(content).map((item) => {
    const { cache_control: control, prompt_cache_breakpoint: breakpoint, ...block } = fieldsOf(item)
    const isText = typeof block.text === 'string' && Object.keys(block).length === 2
    return {
      text: isText ? (block.text as string) : JSON.stringify(block),
      marked: control != null || breakpoint != null,
      role,
    }
  })
}
