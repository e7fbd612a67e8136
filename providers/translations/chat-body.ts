/** Reads an OpenAI chat body that has to be said in another dialect. What is wrong in it is `invalid`. */
import { EngramError } from '../../memory/errors.ts'
import type { Json, JsonObject } from '../../memory/memory.ts'
import { entryOf, type Fields, fieldsOf, isFields, listOf, parseJson, stringOf } from '../json.ts'
import type { ChatBody, ChatMessage } from '../openai.ts'

export function invalid(message: string, fix?: string): EngramError {
  return new EngramError('invalid', message, { fix })
}

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool']

export function readMessages(body: ChatBody): readonly ChatMessage[] {
  if (!Array.isArray(body.messages)) throw invalid('messages must be a list')
  for (const message of body.messages) {
    const role = stringOf(fieldsOf(message).role)
    if (ROLES.includes(role)) continue
    throw invalid(`a message's role must be one of ${ROLES.join(', ')}, got "${role.slice(0, 40)}"`)
  }
  return body.messages
}

/** System and developer messages say the same thing to a model that knows one of them only. */
export function isInstruction(message: ChatMessage): boolean {
  return message.role === 'system' || message.role === 'developer'
}

/** A message's content as parts; a string is one text part, nothing is none. */
export function partsOf(content: ChatMessage['content']): readonly Fields[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return listOf(content).map(fieldsOf)
}

export function readNumber(body: ChatBody, name: string): number | undefined {
  const value = body[name] ?? undefined
  if (value === undefined || typeof value === 'number') return value
  throw invalid(`${name} must be a number`)
}

/** `max_completion_tokens`, or `max_tokens` as it used to be called. */
export function readMaxTokens(body: ChatBody): number | undefined {
  return readNumber(body, 'max_completion_tokens') ?? readNumber(body, 'max_tokens')
}

/** `stop`: one sequence or a list of them. */
export function readStops(body: ChatBody): string[] {
  const stops = typeof body.stop === 'string' ? [body.stop] : listOf(body.stop)
  return stops.filter((stop) => typeof stop === 'string')
}

export type Tool = Readonly<{
  name: string
  description: string | undefined
  /** JSON Schema of the arguments; always an object's. */
  schema: JsonObject
  strict: boolean
}>

export function readTools(body: ChatBody): Tool[] {
  if (listOf(body.functions).length > 0) {
    throw invalid('functions is not supported', 'send them as tools')
  }
  return listOf(body.tools).map((tool) => {
    const { type, function: declared } = fieldsOf(tool)
    const { name, description, parameters, strict } = fieldsOf(declared)
    if (type !== 'function' || typeof name !== 'string') {
      throw invalid('a tool must have the type "function" and a function with a name')
    }
    const schema = { type: 'object', properties: {}, ...fieldsOf(parameters) } as JsonObject
    return {
      name,
      description: stringOf(description) || undefined,
      schema,
      strict: strict === true,
    }
  })
}

/** Which tools may be called: as the model likes, none, at least one, or this one. */
export type ToolChoice = 'auto' | 'none' | 'required' | Readonly<{ name: string }>

export function readToolChoice(body: ChatBody): ToolChoice | undefined {
  const choice = body.tool_choice ?? undefined
  if (choice === undefined || choice === 'auto' || choice === 'none' || choice === 'required') {
    return choice
  }
  const { name } = fieldsOf(fieldsOf(choice).function)
  if (typeof name === 'string') return { name }
  throw invalid('tool_choice must be "auto", "none", "required" or name a function')
}

/** Undefined for free text, null for JSON of any form, else the JSON Schema of the answer. */
export function readAnswerSchema(body: ChatBody): JsonObject | null | undefined {
  const { type, json_schema } = fieldsOf(body.response_format)
  if (type === 'json_object') return null
  if (type === 'json_schema') return fieldsOf(fieldsOf(json_schema).schema) as JsonObject
  return undefined
}

/** A tool call's arguments as an object. What a model wrote wrongly is kept under `arguments`. */
export function readArguments(text: unknown): JsonObject {
  if (text === undefined || text === '') return {}
  const parsed = typeof text === 'string' ? parseJson(text) : text
  return isFields(parsed) ? (parsed as JsonObject) : { arguments: text as Json }
}

export type Media =
  | Readonly<{ kind: 'data'; mediaType: string; base64: string }>
  | Readonly<{ kind: 'url'; url: string }>

/** An image, file or audio part. A web address stays one: Engram fetches nothing on a client's word. */
export function readMedia(part: Fields): Media {
  if (part.type === 'image_url') {
    const url = stringOf(part.image_url) || stringOf(fieldsOf(part.image_url).url)
    return /^https?:\/\//i.test(url) ? { kind: 'url', url } : readDataUri(url)
  }
  if (part.type === 'file') return readDataUri(stringOf(fieldsOf(part.file).file_data))
  if (part.type === 'input_audio') {
    const { data, format } = fieldsOf(part.input_audio)
    return { kind: 'data', mediaType: `audio/${stringOf(format)}`, base64: stringOf(data) }
  }
  throw invalid(
    `a message part of the type "${stringOf(part.type).slice(0, 40)}" cannot be sent on`,
  )
}

function readDataUri(uri: string): Media {
  const [, mediaType = '', isBase64, data = ''] =
    /^data:([^;,]*)(?:;(?!base64,)[^;,]*)*(;base64)?,(.*)$/is.exec(uri) ?? []
  if (mediaType === '') {
    throw invalid('an image or file must be a data: URI with its media type, or an http(s) URL')
  }
  return {
    kind: 'data',
    mediaType: mediaType.toLowerCase(),
    base64: isBase64 ? data : encode(data),
  }
}

function encode(percentEncoded: string): string {
  try {
    return Buffer.from(decodeURIComponent(percentEncoded)).toString('base64')
  } catch {
    throw invalid('a data: URI without ;base64 must be percent-encoded')
  }
}

/** What these fields are when nobody sets them. */
const DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  presence_penalty: [0],
  frequency_penalty: [0],
  top_logprobs: [0],
  parallel_tool_calls: [true],
  service_tier: ['auto', 'default'],
}

/** Leaving such a field out loses nothing. */
function saysNothing(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (entryOf(DEFAULTS, name)?.includes(value)) return true
  if (typeof value === 'object') return Object.keys(value).length === 0
  return value === false && name !== 'parallel_tool_calls'
}

/** Names of the body's fields that say something and are not among those that were read. */
export function droppedFields(body: ChatBody, read: ReadonlySet<string>): string[] {
  return Object.keys(body).filter((name) => !read.has(name) && !saysNothing(name, body[name]))
}

/** Refuses what no translation can carry. */
export function refuseAudioAnswers(body: ChatBody): void {
  if (listOf(body.modalities).some((modality) => modality !== 'text')) {
    throw invalid('modalities must be ["text"] for this provider')
  }
}
