/** What could be read of a JSON value that a language model wrote. */
export type LooseJson = Readonly<{
  value: unknown
  /** False when the text ended inside it; then it holds what was complete. */
  complete: boolean
  /** Items of arrays that could not be read and were left out. */
  broken: number
}>

/**
 * The JSON objects and arrays in a text, one after the other, whatever stands around them. Tolerates what
 * models do: trailing commas, comments, bare keys, single and typographic quotes, line breaks and unescaped
 * quotes in strings, Python's literals, and an end that was cut off. A broken item never loses its
 * neighbours. Time grows linearly with the text.
 */
export function* looseJson(text: string): Generator<LooseJson> {
  let at = 0
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const start = nextBracket(text, at)
    if (start < 0) return
    const reader = new Reader(text, start)
    try {
      const value = reader.value(0)
      yield {
        value: value === DROPPED ? null : value,
        complete: !reader.cut,
        broken: reader.broken,
      }
      at = reader.at
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      at = start + 1
    }
  }
}

/** Brackets in prose ("[1]", "{like this}") are tried and passed over, this many times. */
const MAX_ATTEMPTS = 24
const MAX_DEPTH = 32

function nextBracket(text: string, from: number): number {
  const brace = text.indexOf('{', from)
  const bracket = text.indexOf('[', from)
  if (brace < 0 || bracket < 0) return Math.max(brace, bracket)
  return Math.min(brace, bracket)
}

class Unreadable extends Error {}
/** A value that the end of the text cut in two. */
const DROPPED = Symbol('dropped')

class Reader {
  at: number
  cut = false
  broken = 0
  private readonly text: string

  constructor(text: string, at: number) {
    this.text = text
    this.at = at
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new Unreadable()
    this.skip()
    const character = this.text[this.at]
    if (character === undefined) return this.end()
    if (character === '{') return this.object(depth)
    if (character === '[') return this.array(depth)
    if (isQuote(character)) return this.string()
    return this.bare()
  }

  private end(): typeof DROPPED {
    this.cut = true
    return DROPPED
  }

  private object(depth: number): Record<string, unknown> {
    const found: Record<string, unknown> = {}
    this.at++
    for (;;) {
      this.skip(',')
      const character = this.text[this.at]
      if (character === undefined) {
        this.cut = true
        return found
      }
      if (character === '}') {
        this.at++
        return found
      }
      const key = isQuote(character) ? this.string() : this.key()
      this.skip()
      if (key === DROPPED || this.text[this.at] === undefined) {
        this.cut = true
        return found
      }
      if (this.text[this.at] !== ':') throw new Unreadable()
      this.at++
      const value = this.value(depth + 1)
      if (value !== DROPPED && key !== '__proto__') found[key as string] = value
      if (this.cut) return found
    }
  }

  private array(depth: number): unknown[] {
    const found: unknown[] = []
    this.at++
    for (;;) {
      this.skip(',')
      const character = this.text[this.at]
      if (character === undefined) {
        this.cut = true
        return found
      }
      if (character === ']') {
        this.at++
        return found
      }
      if (character === '}') throw new Unreadable()
      const start = this.at
      try {
        const item = this.value(depth + 1)
        if (this.cut) return Array.isArray(item) ? [...found, item] : found // half an item is none
        found.push(item)
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        this.broken++
        if (!this.recover(start)) return found
      }
    }
  }

  /** To the next item behind one that cannot be read; false when there is none. */
  private recover(start: number): boolean {
    const pattern = /[{[]/.test(this.text[start]!) ? AFTER_CONTAINER : AFTER_WORD
    pattern.lastIndex = Math.max(this.at, start + 1)
    if (pattern.test(this.text)) {
      this.at = pattern.lastIndex
      return true
    }
    this.at = this.text.length
    this.cut = true
    return false
  }

  private key(): string {
    KEY.lastIndex = this.at
    const match = KEY.exec(this.text)
    if (match === null) throw new Unreadable()
    this.at = KEY.lastIndex
    return match[0]
  }

  private bare(): unknown {
    BARE.lastIndex = this.at
    const match = BARE.exec(this.text)
    if (match === null) throw new Unreadable()
    this.at = BARE.lastIndex
    if (this.at === this.text.length) return this.end() // "tru", "0.": who knows what would follow
    const word = match[0]
    const literal = LITERALS.get(word.toLowerCase())
    if (literal !== undefined) return literal
    const number = Number(word)
    if (Number.isNaN(number)) throw new Unreadable()
    return number
  }

  private string(): string | typeof DROPPED {
    const close = closingQuote(this.text[this.at]!)
    let found = ''
    let from = ++this.at
    for (;;) {
      const character = this.text[this.at]
      if (character === undefined) return this.end()
      if (character === '\\') {
        found += this.text.slice(from, this.at) + this.escape()
        from = this.at
      } else if (character === close && this.closesHere()) {
        found += this.text.slice(from, this.at)
        this.at++
        return found
      } else this.at++
    }
  }

  /** A quote in the middle of a sentence was not escaped; the closing one has a mark or the end behind it. */
  private closesHere(): boolean {
    AFTER_STRING.lastIndex = this.at + 1
    return AFTER_STRING.test(this.text)
  }

  private escape(): string {
    const next = this.text[this.at + 1]
    if (next === 'u') {
      const code = /^[0-9a-fA-F]{4}/.exec(this.text.slice(this.at + 2, this.at + 6))?.[0]
      this.at += code === undefined ? 2 : 6
      return code === undefined ? 'u' : String.fromCharCode(Number.parseInt(code, 16))
    }
    this.at += 2
    return ESCAPES.get(next ?? '') ?? next ?? ''
  }

  /** White space, comments, and commas where they do not matter. */
  private skip(also = ''): void {
    for (;;) {
      const character = this.text[this.at]
      if (character === undefined) return
      if (/\s/.test(character) || character === also) this.at++
      else if (this.text.startsWith('//', this.at)) this.to('\n')
      else if (this.text.startsWith('/*', this.at)) this.to('*/')
      else return
    }
  }

  private to(end: string): void {
    const found = this.text.indexOf(end, this.at)
    this.at = found < 0 ? this.text.length : found + end.length
  }
}

const isQuote = (character: string): boolean => /["'“‘]/.test(character)
const closingQuote = (open: string): string => (open === '“' ? '”' : open === '‘' ? '’' : open)

const AFTER_CONTAINER = /[}\]](?=\s{0,80}[,\]])/g
const AFTER_WORD = /(?=[,\]])/g
const KEY = /[A-Za-z_][\w-]{0,63}/y
const BARE = /[^\s,:{}[\]"'/]{1,40}/y
const AFTER_STRING = /\s{0,200}(?:[,:}\]]|$|\/[/*])/y
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
])
const LITERALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['none', null],
  ['undefined', null],
  ['nan', null],
])
