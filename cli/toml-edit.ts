/**
 * Changes one setting of a TOML file and leaves every other byte as it is: comments, order, spacing, line
 * ends. Knows as much of TOML as it takes to find where an assignment begins and ends; the caller parses the
 * result and compares.
 */

/** One `key = value`, by the full name of its setting. Positions are offsets into the text. */
type Assignment = Readonly<{
  name: string
  /** From the first byte of its line to after its last line's end. */
  start: number
  end: number
  valueStart: number
  valueEnd: number
}>

type Layout = Readonly<{
  assignments: readonly Assignment[]
  /** Offset after the last assignment (or the header) of each table, by its name; '' is the top of the file. */
  tables: ReadonlyMap<string, number>
}>

/** @param literal the value as TOML writes it */
export function setValue(text: string, name: string, literal: string): string {
  const { assignments, tables } = scan(text)
  const present = assignments.find((assignment) => assignment.name === name)
  if (present) return text.slice(0, present.valueStart) + literal + text.slice(present.valueEnd)
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const dot = name.lastIndexOf('.')
  const [table, key] = [name.slice(0, dot), name.slice(dot + 1)]
  const at = tables.get(table)
  if (at !== undefined) {
    const gap = at > 0 && text[at - 1] !== '\n' ? newline : ''
    return `${text.slice(0, at)}${gap}${key} = ${literal}${newline}${text.slice(at)}`
  }
  const before = text === '' ? '' : text.endsWith('\n') ? newline : newline + newline
  return `${text}${before}[${table}]${newline}${key} = ${literal}${newline}`
}

/** Takes the line of a setting out; the text itself when it has none. */
export function unsetValue(text: string, name: string): string {
  const present = scan(text).assignments.find((assignment) => assignment.name === name)
  return present ? text.slice(0, present.start) + text.slice(present.end) : text
}

/** A value as TOML writes it. */
export function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toLiteral).join(', ')}]`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  // JSON's escapes are all TOML's too; DEL alone must be escaped in TOML and is not in JSON.
  return JSON.stringify(String(value)).replaceAll('\x7f', '\\u007f')
}

const HEADER = /^[ \t]*\[([^[\]]+)\][ \t]*(?:#.*)?$/
const KEY = /^[ \t]*([A-Za-z0-9_.\-"' \t]+?)[ \t]*=[ \t]*/

function scan(text: string): Layout {
  const assignments: Assignment[] = []
  const tables = new Map<string, number>([['', 0]])
  let table = ''
  let at = 0
  while (at < text.length) {
    const lineEnd = endOfLine(text, at)
    const line = text.slice(at, lineEnd).replace(/\r?\n$/, '')
    const header = HEADER.exec(line)
    const key = KEY.exec(line)
    if (header) {
      table = bare(header[1]!)
      tables.set(table, lineEnd)
    } else if (key) {
      const valueStart = at + key[0].length
      const valueEnd = endOfValue(text, valueStart)
      const end = endOfLine(text, valueEnd)
      const name = table === '' ? bare(key[1]!) : `${table}.${bare(key[1]!)}`
      assignments.push({ name, start: at, end, valueStart, valueEnd })
      tables.set(table, end)
      at = end
      continue
    }
    at = lineEnd
  }
  return { assignments, tables }
}

/** `providers . "openai"` as `providers.openai`. */
function bare(name: string): string {
  return name
    .split('.')
    .map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .join('.')
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from)
  return newline < 0 ? text.length : newline + 1
}

/** Where a value ends: text in four kinds of quotes, lists and inline tables over several lines, or a word. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  let at = from
  while (at < text.length) {
    const quote = /^(?:"""|'''|"|')/.exec(text.slice(at, at + 3))?.[0]
    if (quote) {
      at = endOfString(text, at, quote)
      if (depth === 0) return at
      continue
    }
    const character = text[at]!
    if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') {
      depth--
      if (depth === 0) return at + 1
    } else if (character === '#') {
      if (depth === 0) break
      at = endOfLine(text, at)
      continue
    } else if (character === '\n' && depth === 0) break
    at++
  }
  return from + text.slice(from, at).trimEnd().length
}

function endOfString(text: string, from: number, quote: string): number {
  let at = from + quote.length
  while (at < text.length) {
    if (text.startsWith(quote, at)) return at + quote.length
    at += text[at] === '\\' && quote.startsWith('"') ? 2 : 1
  }
  return text.length
}
