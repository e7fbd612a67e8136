import { z } from 'zod'
import { EngramError } from '../memory/errors.ts'
import { nearName } from './near-name.ts'

/**
 * Reads what came from outside.
 *
 * @param called what the whole is called in messages
 * @throws EngramError `invalid` naming the field that breaks a rule, its value and the rule.
 */
export function readValue<T extends z.ZodType>(
  schema: T,
  value: unknown,
  called = 'the body',
): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { issues } = result.error
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys')
  // First of all: a name that is misspelt is why another is missing.
  if (unknown) throw unknownField(unknown, schema, called)
  throw new EngramError('invalid', describeIssue(issues[0]!, value, called))
}

function unknownField(
  { keys, path }: z.core.$ZodIssueUnrecognizedKeys,
  schema: z.ZodType,
  called: string,
): EngramError {
  const key = keys[0]!
  const known = fieldsAt(schema, path)
  const near = nearName(key, known)
  const where = path.length === 0 ? called : nameOf(path)
  const guess = near === null ? '' : `; did you mean "${near}"?`
  return new EngramError('invalid', `there is no field "${shortened(key)}" in ${where}${guess}`, {
    fix: known.length === 0 ? 'leave it out' : `fields are ${known.join(', ')}`,
  })
}

/** The names that the object at this place of a value may have; none when it is no object. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let inner: unknown = schema
  for (const part of [...path, null]) {
    while (isWrapped(inner)) inner = inner.unwrap()
    if (part === null) break
    if (inner instanceof z.ZodArray) inner = inner.element
    else if (inner instanceof z.ZodObject) inner = inner.shape[String(part)]
    else return []
  }
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

function isWrapped(schema: unknown): schema is { unwrap(): unknown } {
  return (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  )
}

function describeIssue(issue: z.core.$ZodIssue, whole: unknown, called: string): string {
  const name = issue.path.length === 0 ? called : nameOf(issue.path)
  const value = valueAt(whole, issue.path)
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `${name} is required`
        : `${name} must be ${article(issue.expected)}, got ${shown(value)}`
    case 'too_big':
      return `${name} ${tooBig(issue, value)}`
    case 'too_small':
      return `${name} ${tooSmall(issue, value)}`
    case 'invalid_value':
      return value === undefined
        ? `${name} is required: one of ${issue.values.join(', ')}`
        : `${name} must be one of ${issue.values.join(', ')}, got ${shown(value)}`
    default:
      return value === undefined
        ? `${name} ${issue.message}`
        : `${name} ${issue.message}, got ${shown(value)}`
  }
}

/** By what was measured, not by the value: a number in a query is text before it is read. */
function tooBig({ origin, maximum }: z.core.$ZodIssueTooBig, value: unknown): string {
  if (origin === 'string') return `must be at most ${maximum} characters, got ${sizeOf(value)}`
  if (origin === 'array') return `must hold at most ${maximum} items, got ${sizeOf(value)}`
  return `must be at most ${maximum}, got ${shown(value)}`
}

function tooSmall({ origin, minimum }: z.core.$ZodIssueTooSmall, value: unknown): string {
  if (origin === 'string') {
    if (typeof value === 'string' && value.trim() === '') return 'must not be blank'
    return `must be at least ${minimum} characters, got ${sizeOf(value)}`
  }
  if (origin === 'array') return `must hold at least ${minimum} item`
  return `must be at least ${minimum}, got ${shown(value)}`
}

function sizeOf(value: unknown): number {
  return (value as { length: number }).length
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number'
        ? `${name}[${part}]`
        : name
          ? `${name}.${String(part)}`
          : String(part),
    '',
  )
}

function valueAt(whole: unknown, path: readonly PropertyKey[]): unknown {
  let value = whole
  for (const part of path) {
    if (value === null || typeof value !== 'object') return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  nan: 'a number',
}

function article(expected: string): string {
  return TYPE_WORDS[expected] ?? expected
}

/** A value short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value !== null && typeof value === 'object') return 'an object'
  return shortened(JSON.stringify(value) ?? String(value))
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
