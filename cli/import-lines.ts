/**
 * An import file as lines of JSON, in batches: a file may be larger than memory, and a request may not be
 * larger than the daemon allows.
 */

export type Batch = Readonly<{
  /** Whole lines, each one memory. */
  body: Uint8Array<ArrayBuffer>
  lines: number
}>

const BATCH_BYTES = 1_000_000
/** The daemon refuses longer lines, and says so; more of one need not be sent. */
const LONGEST_LINE_BYTES = 300_000
/** So much of the beginning tells lines from one large object. */
const HEAD_BYTES = 65_536

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const [COMMA, NEWLINE, RETURN, SPACE] = [0x2c, 0x0a, 0x0d, 0x20]

/** Reads JSON lines, a JSON array, or an object `{ "memories": [ … ] }`; the items of a list become lines. */
export async function* readBatches(
  input: AsyncIterable<Uint8Array>,
  batchBytes = BATCH_BYTES,
): AsyncGenerator<Batch> {
  let pending: Uint8Array[] = []
  let size = 0
  let lines = 0
  let lineBytes = 0
  const keep = (part: Uint8Array) => {
    const kept = part.subarray(0, Math.max(0, LONGEST_LINE_BYTES - lineBytes))
    if (kept.length > 0) pending.push(kept)
    lineBytes += part.length
    size += kept.length
  }
  const take = (): Batch => {
    const batch = { body: Buffer.concat(pending), lines }
    pending = []
    size = 0
    lines = 0
    return batch
  }
  for await (const chunk of linesOf(input)) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, at))
      pending.push(chunk.subarray(at, at + 1))
      size++
      lines++
      lineBytes = 0
      from = at + 1
      if (size >= batchBytes) yield take()
    }
    keep(chunk.subarray(from))
  }
  if (lineBytes > 0) lines++
  if (lines > 0) yield take()
}

/** The bytes of the input in the form of lines, cut anywhere. */
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = input[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array()
  let done = false
  while (!done && head.length < HEAD_BYTES && !(head.includes(NEWLINE) && isTelling(head))) {
    const next = await chunks.next()
    done = next.done === true
    if (next.value) head = Buffer.concat([head, next.value])
  }
  // Some editors begin a file with a mark of byte order, which is no part of the text.
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) head = head.subarray(3)
  const all = (async function* () {
    yield head
    while (!done) {
      const { value, done: isLast } = await chunks.next()
      if (isLast) return
      yield value
    }
  })()
  const first = head.find((byte) => byte > SPACE)
  const isList = first === OPEN_LIST || (first === OPEN_OBJECT && isOneObject(head))
  yield* isList ? itemsAsLines(all) : all
}

function isTelling(head: Uint8Array): boolean {
  return head.some((byte) => byte > SPACE)
}

/** Does the text open one large object, rather than hold one memory a line? */
function isOneObject(head: Uint8Array): boolean {
  return (
    /^\s*\{\s*"memories"\s*:\s*(?:\[|$)/.test(new TextDecoder().decode(head)) || isOpenBrace(head)
  )
}

/** A brace alone on the first line: no memory a line looks like that. */
function isOpenBrace(head: Uint8Array): boolean {
  return /^\s*\{\s*\n/.test(new TextDecoder().decode(head))
}

/**
 * The items of the first list in the text, each on a line of its own. Only brackets, strings and commas are
 * looked at: what else is wrong with an item, the reader of the lines says, with its number.
 */
async function* itemsAsLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let depth = 0
  let inString = false
  let isEscaped = false
  let isOver = false
  for await (const chunk of chunks) {
    if (isOver) continue
    const lines = new Uint8Array(chunk.length)
    let length = 0
    for (const byte of chunk) {
      if (depth === 0) {
        if (byte === OPEN_LIST && !isOver) depth = 1
        continue
      }
      if (inString) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) inString = true
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        depth--
        isOver = depth === 0
      }
      const isEnd = isOver || (byte === COMMA && depth === 1 && !inString)
      lines[length++] = isEnd ? NEWLINE : byte === NEWLINE || byte === RETURN ? SPACE : byte
    }
    yield lines.subarray(0, length)
  }
}
