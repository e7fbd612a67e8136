/**
 * Changes one value of a JSON file and leaves every other byte as it is: comments, order, spacing, line ends,
 * trailing commas. The grammar is that of JSON with comments; jsonc-parser reads it, the edits are made here,
 * because its own would reformat the lines around them.
 */
import {
  createScanner,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser'
import { lineEndOf, placeOf } from './text-file.ts'

/** The library's own numbers: its enum exists in its types alone. */
const KIND = {
  closeBrace: 2,
  closeBracket: 4,
  comma: 5,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  space: 15,
  end: 17,
} as const

/** Property names and array indexes from the root. */
export type JsonPath = readonly (string | number)[]

/** What is wrong with a file and where, so that a person finds it. */
export class NotEditable extends Error {
  override readonly name = 'NotEditable'
}

export type Edited = Readonly<{
  text: string
  /** How many objects or arrays on the way to the value had to be made. */
  made: number
}>

/** @throws NotEditable when the text cannot be read, with line and column. */
export function readJson(text: string): unknown {
  const root = parse(text)
  return root === null ? undefined : toValue(root)
}

/** @returns undefined when there is nothing. @throws NotEditable. */
export function valueAt(text: string, path: JsonPath): unknown {
  const root = parse(text)
  const node = root && find(text, root, path)
  return node ? toValue(node) : undefined
}

/**
 * Sets a property, or appends to the array that `path` names with `-` as its last part. What is missing on
 * the way is made: an array where `-` follows, an object elsewhere.
 *
 * @throws NotEditable for syntax errors, names that stand twice, and anything but an object or array on the way.
 */
export function setValue(text: string, path: JsonPath, value: unknown): Edited {
  const style = styleOf(text)
  const root = parse(text)
  if (root === null) return newDocument(text, path, value, style)
  let node = root
  for (let depth = 0; ; depth++) {
    const key = path[depth]!
    const isLast = depth === path.length - 1
    if (key === '-') {
      expectKind(text, node, 'array', path.slice(0, depth))
      return { text: insert(text, node, null, nest(path.slice(depth + 1), value), style), made: 0 }
    }
    expectKind(text, node, typeof key === 'number' ? 'array' : 'object', path.slice(0, depth))
    const next = child(text, node, key)
    if (next === undefined) {
      const made = path.length - 1 - depth
      return { text: insert(text, node, key, nest(path.slice(depth + 1), value), style), made }
    }
    if (isLast) return { text: replace(text, next, value, style), made: 0 }
    node = next
  }
}

/**
 * Takes a property or an array element out, with the comma that it needed. Containers that are empty
 * thereafter stay, but for the innermost `made` ones.
 *
 * @throws NotEditable.
 */
export function removeValue(text: string, path: JsonPath, made = 0): string {
  const root = parse(text)
  const node = root && find(text, root, path)
  if (!node) return text
  let target = node
  for (let level = 0; level < made; level++) {
    const container = containerOf(target)
    if (container.children!.length > 1 || holdsComment(text, container) || !container.parent) break
    target = container
  }
  return cut(text, target)
}

/** Comments and commas before an end are no JSON for a client that reads JSON alone. */
export function firstLeniency(text: string): string | null {
  const scanner = createScanner(text, false)
  let before: number | null = null
  for (let kind = scanner.scan(); kind !== KIND.end; kind = scanner.scan()) {
    const at = placeOf(text, scanner.getTokenOffset())
    if (kind === KIND.lineComment || kind === KIND.blockComment) return `a comment at ${at}`
    const closes = kind === KIND.closeBrace || kind === KIND.closeBracket
    if (closes && before === KIND.comma) return `a trailing comma before ${at}`
    if (kind !== KIND.space && kind !== KIND.lineBreak) before = kind
  }
  return null
}

/** As JSON.parse gives it: the library's own objects have no prototype, and equal no others. */
function toValue(node: Node): unknown {
  return JSON.parse(JSON.stringify(getNodeValue(node)))
}

/** The root of a text; null when it holds nothing but spaces and comments. */
function parse(text: string): Node | null {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true })
  if (isBlank(text)) return null
  const [error] = errors
  if (error) {
    const what = words(printParseErrorCode(error.error))
    throw new NotEditable(`${placeOf(text, error.offset)}: ${what}`)
  }
  if (!root) throw new NotEditable(`${placeOf(text, 0)}: there is no value`)
  return root
}

/** `CommaExpected` as "comma expected". */
const words = (code: string) => code.replace(/(?<=[a-z])([A-Z])/g, ' $1').toLowerCase()

function isBlank(text: string): boolean {
  return createScanner(text, true).scan() === KIND.end
}

function find(text: string, root: Node, path: JsonPath): Node | undefined {
  let node: Node | undefined = root
  for (const [depth, key] of path.entries()) {
    const kind = typeof key === 'number' ? 'array' : 'object'
    if (node.type !== kind) {
      if (depth > 0) return undefined
      expectKind(text, node, kind, [])
    }
    node = child(text, node, key)
    if (!node) return undefined
  }
  return node
}

function child(text: string, container: Node, key: string | number): Node | undefined {
  if (typeof key === 'number') return container.children?.[key]
  const properties = (container.children ?? []).filter((one) => one.children?.[0]?.value === key)
  if (properties.length > 1) {
    // Which of the two counts depends on who reads it.
    const places = properties.map((one) => placeOf(text, one.offset)).join(' and ')
    throw new NotEditable(`"${key}" stands twice, at ${places}`)
  }
  return properties[0]?.children?.[1]
}

function expectKind(text: string, node: Node, kind: 'object' | 'array', path: JsonPath): void {
  if (node.type === kind) return
  const name = path.length === 0 ? 'the whole file' : `"${path.join('.')}"`
  const article = (noun: string) => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`)
  throw new NotEditable(
    `${placeOf(text, node.offset)}: ${name} must be ${article(kind)}, but is ${node.type === 'null' ? 'null' : article(node.type)}`,
  )
}

/** What lies below a place that does not exist yet. */
function nest(rest: JsonPath, value: unknown): unknown {
  return [...rest]
    .reverse()
    .reduce<unknown>((inner, key) => (key === '-' ? [inner] : { [key]: inner }), value)
}

type Style = Readonly<{ unit: string; newline: string; colon: string; comma: string }>

/** How a text is written, by its first indented line and its first colon. */
function styleOf(text: string): Style {
  const indented = /^([ \t]+)"/m.exec(text)?.[1]
  const isTight = /"\s*:\S/.test(text) && !/"\s*:[ \t]/.test(text)
  return {
    unit: indented ?? '  ',
    newline: lineEndOf(text),
    colon: isTight ? ':' : ': ',
    comma: isTight ? ',' : ', ',
  }
}

function newDocument(text: string, path: JsonPath, value: unknown, style: Style): Edited {
  const document = pretty(nest(path, value), '', style)
  const gap = text === '' || text.endsWith('\n') ? '' : style.newline
  return { text: `${text}${gap}${document}${style.newline}`, made: path.length }
}

/** Adds a property, or an element where there is no key, at the end of a container. */
function insert(
  text: string,
  container: Node,
  key: string | number | null,
  value: unknown,
  style: Style,
): string {
  const label = typeof key === 'string' ? JSON.stringify(key) + style.colon : ''
  const last = container.children?.at(-1)
  const inner = text.slice(container.offset + 1, container.offset + container.length - 1)
  if (!last) {
    const outer = indentOfLine(text, container.offset)
    const indent = outer + style.unit
    const at = container.offset + 1 + endOfComments(inner)
    const opening = style.newline + indent + label + pretty(value, indent, style)
    // Closing bracket on a line of its own: it keeps that line.
    const closing = text.slice(at, container.offset + container.length - 1).includes('\n')
      ? ''
      : style.newline + outer
    return splice(text, at, at, opening + closing)
  }
  const lastEnd = last.offset + last.length
  const comma = commaAfter(text, lastEnd)
  const isInline = !text.slice(container.offset, last.offset).includes('\n')
  if (isInline) {
    const addition = label + compact(value, style)
    return comma === null
      ? splice(text, lastEnd, lastEnd, style.comma + addition)
      : splice(text, comma + 1, comma + 1, ` ${addition},`)
  }
  const indent = startsLine(text, last.offset)
    ? indentOfLine(text, last.offset)
    : indentOfLine(text, container.offset) + style.unit
  const addition = style.newline + indent + label + pretty(value, indent, style)
  // A comment on the line of the last entry speaks of it, and stays there.
  if (comma !== null) {
    const at = endOfLineComments(text, comma + 1)
    return splice(text, at, at, `${addition},`)
  }
  const at = endOfLineComments(text, lastEnd)
  return splice(splice(text, at, at, addition), lastEnd, lastEnd, ',')
}

function replace(text: string, node: Node, value: unknown, style: Style): string {
  const isInline = !text.slice(node.offset, node.offset + node.length).includes('\n')
  const isComposed = node.type === 'object' || node.type === 'array'
  const written =
    isInline && isComposed && node.children!.length > 0
      ? compact(value, style)
      : pretty(value, indentOfLine(text, node.offset), style)
  return splice(text, node.offset, node.offset + node.length, written)
}

function cut(text: string, value: Node): string {
  const entry = value.parent?.type === 'property' ? value.parent : value
  const container = containerOf(value)
  const siblings = container.children!
  const before = siblings[siblings.indexOf(entry) - 1]
  const start = startOfSpace(text, entry.offset)
  const end = entry.offset + entry.length
  const comma = commaAfter(text, end)
  if (siblings.length === 1) {
    const cleared = splice(text, start, comma === null ? end : comma + 1, '')
    const close = container.offset + container.length - (text.length - cleared.length) - 1
    const rest = cleared.slice(container.offset + 1, close)
    return rest.trim() === '' ? splice(cleared, container.offset + 1, close, '') : cleared
  }
  if (comma !== null) {
    // The first entry leaves its place, with its indentation, to the next one.
    if (!before) return splice(text, entry.offset, endOfSpace(text, comma + 1), '')
    return splice(text, start, comma + 1, '')
  }
  const cleared = splice(text, start, end, '')
  const beforeEnd = before!.offset + before!.length
  const left = commaAfter(cleared, beforeEnd)
  return left === null ? cleared : splice(cleared, left, left + 1, '')
}

function containerOf(value: Node): Node {
  return value.parent?.type === 'property' ? value.parent.parent! : value.parent!
}

/** Offset of the comma that follows an entry, comments in between or not. */
function commaAfter(text: string, from: number): number | null {
  const scanner = createScanner(text, true)
  scanner.setPosition(from)
  return scanner.scan() === KIND.comma ? scanner.getTokenOffset() : null
}

function holdsComment(text: string, node: Node): boolean {
  const scanner = createScanner(text.slice(node.offset, node.offset + node.length), false)
  for (let kind = scanner.scan(); kind !== KIND.end; kind = scanner.scan()) {
    if (kind === KIND.lineComment || kind === KIND.blockComment) return true
  }
  return false
}

/** Where the comments end that stand alone in a container. */
function endOfComments(inner: string): number {
  const scanner = createScanner(inner, false)
  let end = 0
  for (let kind = scanner.scan(); kind !== KIND.end; kind = scanner.scan()) {
    if (kind === KIND.lineComment || kind === KIND.blockComment)
      end = scanner.getTokenOffset() + scanner.getTokenLength()
  }
  return end
}

/** Where comments end that follow on the same line. */
function endOfLineComments(text: string, from: number): number {
  const scanner = createScanner(text, false)
  scanner.setPosition(from)
  let end = from
  for (;;) {
    const kind = scanner.scan()
    if (kind === KIND.space) continue
    const isComment = kind === KIND.lineComment || kind === KIND.blockComment
    if (!isComment) return end
    end = scanner.getTokenOffset() + scanner.getTokenLength()
  }
}

function startsLine(text: string, offset: number): boolean {
  return /(?:^|\n)[ \t]*$/.test(text.slice(0, offset))
}

function indentOfLine(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))![0]
}

/** Before the spaces that lead to an entry, and before the line break that they begin a line after. */
function startOfSpace(text: string, offset: number): number {
  return offset - /(?:\r?\n)?[ \t]*$/.exec(text.slice(0, offset))![0].length
}

function endOfSpace(text: string, offset: number): number {
  return offset + /^\s*/.exec(text.slice(offset))![0].length
}

function pretty(value: unknown, indent: string, { unit, newline }: Style): string {
  return JSON.stringify(value, null, unit).replaceAll('\n', newline + indent)
}

/** On one line, spaced as the rest of the file. */
function compact(value: unknown, style: Style): string {
  if (Array.isArray(value)) return `[${value.map((one) => compact(one, style)).join(style.comma)}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).map(
    ([key, one]) => JSON.stringify(key) + style.colon + compact(one, style),
  )
  return `{${entries.join(style.comma)}}`
}

function splice(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end)
}
