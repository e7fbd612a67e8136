import { isDeepStrictEqual } from 'node:util'
import { parse as parseToml, TomlError } from 'smol-toml'
import { appendTable, removeTable } from '../toml-edit.ts'
import type { Format } from './catalog.ts'
import {
  type JsonPath,
  NotEditable,
  readJson,
  removeValue,
  setValue,
  valueAt,
} from './json-edit.ts'

/** The text of a client's file after a change, and what had to be made around the value. */
export type Changed = Readonly<{ text: string; made: number }>

/** Reads and changes one value of a file, whatever its grammar. Every function throws NotEditable. */
export type Document = Readonly<{
  /** undefined when there is none. */
  get(text: string, path: JsonPath): unknown
  set(text: string, path: JsonPath, value: unknown): Changed
  remove(text: string, path: JsonPath, made: number): string
}>

export function documentOf(format: Format): Document {
  return format === 'toml' ? toml : json
}

/** Written above the table, for whoever finds it there. */
export const TOML_COMMENT =
  'Added by "engram clients connect"; "engram clients disconnect" takes it out.'

const json: Document = {
  get: valueAt,
  set(text, path, value) {
    const changed = setValue(text, path, value)
    const isAppended = path.at(-1) === '-'
    if (!isAppended) check(readJson(changed.text), at(readJson(text) ?? {}, path, value))
    return changed
  },
  remove(text, path, made) {
    const changed = removeValue(text, path, made)
    const isInList = path.some((key) => typeof key === 'number')
    if (!isInList)
      check(at(readJson(changed), path, undefined), at(readJson(text), path, undefined))
    return changed
  },
}

const toml: Document = {
  get: (text, path) =>
    path.reduce<unknown>(
      (value, key) => (isTable(value) ? value[String(key)] : undefined),
      readToml(text),
    ),
  set(text, path, value) {
    const name = path.join('.')
    const changed = appendTable(
      removeTable(text, name, TOML_COMMENT),
      name,
      value as Record<string, unknown>,
      TOML_COMMENT,
    )
    check(tryToml(changed, path), at(readToml(text), path, value))
    return { text: changed, made: 0 }
  },
  remove(text, path) {
    const changed = removeTable(text, path.join('.'), TOML_COMMENT)
    const [before, after] = [
      at(readToml(text), path, undefined),
      at(readToml(changed), path, undefined),
    ]
    if (toml.get(changed, path) !== undefined) throw inAnotherForm(path)
    check(after, before)
    return changed
  },
}

function readToml(text: string): Record<string, unknown> {
  try {
    return parseToml(text, { integersAsBigInt: 'asNeeded' })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
    throw new NotEditable(`line ${error.line}, column ${error.column}: ${reason}`)
  }
}

function tryToml(text: string, path: JsonPath): Record<string, unknown> {
  try {
    return readToml(text)
  } catch (error) {
    if (error instanceof NotEditable) throw inAnotherForm(path)
    throw error
  }
}

/** Inline tables and dotted keys: correct TOML that no table can be added to, or taken out of as lines. */
function inAnotherForm(path: JsonPath): NotEditable {
  return new NotEditable(
    `${path.slice(0, -1).join('.')} is not written as [${path.join('.')}] tables`,
  )
}

/** A value with one other in its place; what is undefined is absent, and so is a container it leaves empty. */
function at(value: unknown, path: JsonPath, replacement: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return replacement
  const table = isTable(value) ? value : {}
  const inner = at(table[String(key)], rest, replacement)
  const others = Object.fromEntries(Object.entries(table).filter(([name]) => name !== key))
  const isGone = inner === undefined || (replacement === undefined && isEmpty(inner))
  return isGone ? others : { ...others, [String(key)]: inner }
}

const isEmpty = (value: unknown) => isTable(value) && Object.keys(value).length === 0

function isTable(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** Every edit is read back: a file is better left alone than changed in another way than was meant. */
function check(found: unknown, meant: unknown): void {
  if (!isDeepStrictEqual(plain(found), plain(meant)))
    throw new NotEditable('it is written in a way that cannot be changed without touching the rest')
}

/** Without prototypes, which parsers set differently. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Date) return value.getTime()
  if (!isTable(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}
