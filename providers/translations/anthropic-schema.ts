import type { Json, JsonObject } from '../../memory/memory.ts'
import { isFields } from '../json.ts'

/**
 * JSON Schema → the part of it that Anthropic's structured outputs accept; anything else in a schema is
 * answered with 400. Source: platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema
 * limitations". Constraints that cannot be kept are told to the model in the description instead.
 */
export function toAnthropicSchema(schema: JsonObject): JsonObject {
  const kept: Record<string, Json> = {}
  const told: string[] = []
  for (const [keyword, value] of Object.entries(schema)) {
    if (IGNORED.has(keyword)) continue
    if (!isAccepted(keyword, value)) told.push(`${keyword}: ${JSON.stringify(value)}`)
    else kept[keyword === 'oneOf' ? 'anyOf' : keyword] = convert(keyword, value)
  }
  if ([schema.type].flat().includes('object') || isFields(schema.properties)) {
    kept.additionalProperties = false
  }
  if (told.length > 0) {
    kept.description = [schema.description, `(${told.join(', ')})`].filter(Boolean).join(' ')
  }
  return kept
}

const IGNORED = new Set(['$schema', 'additionalProperties'])

const ACCEPTED = new Set([
  ...['type', 'enum', 'const', 'default', 'title', 'description', 'required', '$ref'],
  ...['properties', '$defs', 'definitions', 'items', 'anyOf', 'oneOf', 'allOf'],
])

const FORMATS = new Set<Json>([
  ...['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'],
])

function isAccepted(keyword: string, value: Json): boolean {
  if (keyword === 'format') return FORMATS.has(value)
  if (keyword === 'minItems') return value === 0 || value === 1
  return ACCEPTED.has(keyword)
}

/** Keywords whose value is a schema, a list of schemas or schemas by name. */
const NESTED = new Set(['items', 'anyOf', 'oneOf', 'allOf'])
const NAMED = new Set(['properties', '$defs', 'definitions'])

function convert(keyword: string, value: Json): Json {
  if (NAMED.has(keyword) && isFields(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, convertOne(each)]))
  }
  if (!NESTED.has(keyword)) return value
  return Array.isArray(value) ? value.map(convertOne) : convertOne(value)
}

function convertOne(schema: unknown): Json {
  return isFields(schema) ? toAnthropicSchema(schema as JsonObject) : (schema as Json)
}
