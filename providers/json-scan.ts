/**
 * Finds values in the bytes of a JSON text without reading the rest of it: where they begin and end. What is
 * then put in between leaves every other byte as the client wrote it, number forms, escapes, order of keys
 * and all, which a parser and a serialiser would not.
 */

/** A value and its place in the bytes. */
export type JsonNode = Readonly<{
  kind: 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null'
  /** The first byte; of a string its opening quote. */
  start: number
  /** Behind the last byte. */
  end: number
  /** Of an object: the fields that were asked for and are there. Of two with one name, the last, as parsers do. */
  fields: Readonly<Record<string, JsonNode>>
  /** Of an array whose inside was asked for. */
  items: readonly JsonNode[]
}>

/**
 * What to look at: `true` is the value as a whole; names are the fields of an object, or of each object in an
 * array.
 */
export type Interest = true | Readonly<{ [field: string]: Interest }>

/**
 * One pass over the text. What nobody asked for is passed over without being checked, so that not every
 * broken text is noticed.
 *
 * @returns null for what is found to be no JSON text
 */
export function scanJson(bytes: Uint8Array, interest: Interest): JsonNode | null {
  try {
    return createScanner(bytes).whole(interest)
  } catch (error) {
    if (error === NOT_JSON) return null
    throw error
  }
}

/** The characters of a string's node; empty for a node of another kind, or none. */
export function stringAt(bytes: Uint8Array, node: JsonNode | undefined): string {
  if (node?.kind !== 'string') return ''
  const inner = bytes.subarray(node.start + 1, node.end - 1)
  const text = UTF8.decode(inner)
  if (!inner.includes(BACKSLASH)) return text
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return '' // an escape that is none: the provider will refuse the request
  }
}

/** The first characters of a string, or a few less where an escape would be cut. */
export function startOfString(
  bytes: Uint8Array,
  node: JsonNode | undefined,
  maxBytes: number,
): string {
  if (node?.kind !== 'string' || node.end - node.start <= maxBytes) return stringAt(bytes, node)
  const text = UTF8.decode(bytes.subarray(node.start + 1, node.start + maxBytes))
  const cut = text.replace(/\\(?:u[0-9a-f]{0,3})?$|\uFFFD+$/i, '')
  try {
    return JSON.parse(`"${cut}"`) as string
  } catch {
    return ''
  }
}

/** The number of a node; null for a node of another kind, or none. */
export function numberAt(bytes: Uint8Array, node: JsonNode | undefined): number | null {
  if (node?.kind !== 'number') return null
  const value = Number(UTF8.decode(bytes.subarray(node.start, node.end)))
  return Number.isFinite(value) ? value : null
}

/** Is there a value that says something: not null, no empty list, text or object? */
export function isGiven(bytes: Uint8Array, node: JsonNode | undefined): node is JsonNode {
  if (node === undefined || node.kind === 'null') return false
  if (node.kind === 'number' || node.kind === 'true' || node.kind === 'false') return true
  for (let i = node.start + 1; i < node.end - 1; i++) if (!isSpace(bytes[i]!)) return true
  return false
}

const UTF8 = new TextDecoder()
const NOT_JSON = new Error('not a JSON text')
const NO_FIELDS: JsonNode['fields'] = {}
const NO_ITEMS: JsonNode['items'] = []

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Beyond so many bytes the rest of a string is searched rather than read: images are long, and hold no quote. */
const READ_BYTES = 64

function createScanner(bytes: Uint8Array) {
  const length = bytes.length
  let at = 0

  function whole(interest: Interest): JsonNode {
    skipSpace()
    const node = value(interest)
    skipSpace()
    if (at !== length) throw NOT_JSON
    return node
  }

  function value(interest: Interest): JsonNode {
    const start = at
    switch (bytes[at]) {
      case OPEN_BRACE:
        if (interest !== true) return object(interest)
        skipContainer()
        return nodeOf('object', start)
      case OPEN_BRACKET:
        if (interest !== true) return array(interest)
        skipContainer()
        return nodeOf('array', start)
      case QUOTE:
        skipString()
        return nodeOf('string', start)
      default:
        return literal()
    }
  }

  function nodeOf(kind: JsonNode['kind'], start: number): JsonNode {
    return { kind, start, end: at, fields: NO_FIELDS, items: NO_ITEMS }
  }

  function object(interest: Exclude<Interest, true>): JsonNode {
    const start = at++
    const fields: Record<string, JsonNode> = Object.create(null)
    skipSpace()
    if (bytes[at] === CLOSE_BRACE) at++
    else {
      for (;;) {
        if (bytes[at] !== QUOTE) throw NOT_JSON
        const nameAt = at
        skipString()
        const name = nameOf(nameAt + 1, at - 1, interest)
        skipSpace()
        if (bytes[at++] !== COLON) throw NOT_JSON
        skipSpace()
        if (name === null) skipValue()
        else fields[name] = value(interest[name]!)
        if (!goesOn(CLOSE_BRACE)) break
      }
    }
    return { kind: 'object', start, end: at, fields, items: NO_ITEMS }
  }

  function array(interest: Interest): JsonNode {
    const start = at++
    const items: JsonNode[] = []
    skipSpace()
    if (bytes[at] === CLOSE_BRACKET) at++
    else {
      do items.push(value(interest))
      while (goesOn(CLOSE_BRACKET))
    }
    return { kind: 'array', start, end: at, fields: NO_FIELDS, items }
  }

  /** Behind an element: true in front of the next one, false behind the end of them all. */
  function goesOn(close: number): boolean {
    skipSpace()
    const byte = bytes[at++]
    if (byte === close) return false
    if (byte !== COMMA) throw NOT_JSON
    skipSpace()
    return true
  }

  /** Which of the names these bytes are; a name may be written with escapes. */
  function nameOf(start: number, end: number, names: Exclude<Interest, true>): string | null {
    const size = end - start
    if (size > MAX_NAME_BYTES) return null
    let name = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte === BACKSLASH) {
        name = stringAt(bytes, { ...nodeOf('string', start - 1), end: end + 1 })
        break
      }
      name += String.fromCharCode(byte)
    }
    return Object.hasOwn(names, name) ? name : null
  }

  function literal(): JsonNode {
    const start = at
    while (at < length && !endsLiteral(bytes[at]!)) at++
    const kind = LITERALS[bytes[start] ?? 0]
    if (at === start || kind === undefined) throw NOT_JSON
    return nodeOf(kind, start)
  }

  function skipValue(): void {
    const byte = bytes[at]
    if (byte === QUOTE) skipString()
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) skipContainer()
    else literal()
  }

  /** Without recursion: a text may nest deeper than any stack. */
  function skipContainer(): void {
    let depth = 0
    while (at < length) {
      const byte = bytes[at]
      if (byte === QUOTE) skipString()
      else {
        at++
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
        else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return
      }
    }
    throw NOT_JSON
  }

  function skipString(): void {
    const end = endOfString(bytes, at)
    if (end < 0) throw NOT_JSON
    at = end
  }

  function skipSpace(): void {
    while (at < length && isSpace(bytes[at]!)) at++
  }

  return { whole }
}

/** Behind the closing quote of the string that begins at `start`; -1 when it has none. */
function endOfString(bytes: Uint8Array, start: number): number {
  const length = bytes.length
  let i = start + 1
  for (;;) {
    const near = Math.min(i + READ_BYTES, length)
    while (i < near) {
      const byte = bytes[i]
      if (byte === QUOTE) return i + 1
      i += byte === BACKSLASH ? 2 : 1
    }
    const quote = bytes.indexOf(QUOTE, i)
    if (quote < 0) return -1
    let escapes = 0
    while (quote - escapes > i && bytes[quote - escapes - 1] === BACKSLASH) escapes++
    i = quote
    if (escapes % 2 === 1) i++
  }
}

const MAX_NAME_BYTES = 64

const LITERALS: Readonly<Record<number, JsonNode['kind']>> = {
  ...Object.fromEntries([...'-0123456789'].map((digit) => [digit.charCodeAt(0), 'number'])),
  116: 'true',
  102: 'false',
  110: 'null',
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsLiteral(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte)
}
