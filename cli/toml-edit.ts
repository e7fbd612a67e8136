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
  /** Where each table begins, in the order of the text. */
  headers: readonly Readonly<{ table: string; start: number }>[]
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

/** Takes a table out, with the tables below it and what `appendTable` wrote above it; else the text itself. */
export function removeTable(text: string, name: string, comment: string): string {
  const { headers, tables } = scan(text)
  const ours = headers.filter(({ table }) => table === name || table.startsWith(`${name}.`))
  return ours.reduceRight((rest, { table, start }) => {
    const from = table === name ? startOfComment(rest, start, comment) : start
    return rest.slice(0, from) + rest.slice(tables.get(table)!)
  }, text)
}

/** Adds a table at the end, under a comment of one line. Values are text, numbers, lists and flat tables of them. */
export function appendTable(
  text: string,
  name: string,
  values: Readonly<Record<string, unknown>>,
  comment: string,
): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const before = text === '' ? '' : text.endsWith('\n') ? newline : newline + newline
  const lines = [
    `# ${comment}`,
    `[${name}]`,
    ...Object.entries(values).map(([key, value]) => `${bareKey(key)} = ${toLiteral(value)}`),
  ]
  return `${text}${before}${lines.join(newline)}${newline}`
}

/** A value as TOML writes it. */
export function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toLiteral).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, one]) => `${bareKey(key)} = ${toLiteral(one)}`)
    return `{ ${entries.join(', ')} }`
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  // JSON's escapes are all TOML's too; DEL alone must be escaped in TOML and is not in JSON.
  return JSON.stringify(String(value)).replaceAll('\x7f', '\\u007f')
}

const bareKey = (key: string) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))

/** Where the comment begins that `appendTable` writes, with the empty line above; where the table does without. */
function startOfComment(text: string, at: number, comment: string): number {
  const above = text.slice(0, at).replace(/\r?\n$/, '')
  if (!above.endsWith(`# ${comment}`)) return at
  const start = above.length - comment.length - 2
  const empty = /\n(\r?\n)$/.exec(text.slice(0, start))?.[1] ?? ''
  return start - empty.length
}

const HEADER = /^[ \t]*\[([^[\]]+)\][ \t]*(?:#.*)?$/
/** One of a list of tables: what follows belongs to none that is edited here. */
const LIST_HEADER = /^[ \t]*\[\[([^[\]]+)\]\][ \t]*(?:#.*)?$/
const KEY = /^[ \t]*([A-Za-z0-9_.\-"' \t]+?)[ \t]*=[ \t]*/

function scan(text: string): Layout {
  const assignments: Assignment[] = []
  const tables = new Map<string, number>([['', 0]])
  const headers: { table: string; start: number }[] = []
  let table = ''
  let at = 0
  while (at < text.length) {
    const lineEnd = endOfLine(text, at)
    const line = text.slice(at, lineEnd).replace(/\r?\n$/, '')
    const header = HEADER.exec(line)
    const list = LIST_HEADER.exec(line)
    const key = KEY.exec(line)
    if (header || list) {
      table = header ? bare(header[1]!) : `${bare(list![1]!)}[]`
      tables.set(table, lineEnd)
      headers.push({ table, start: at })
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
  return { assignments, tables, headers }
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
