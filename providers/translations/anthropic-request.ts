import type { Json, JsonObject } from '../../memory/memory.ts'
import { compact, entryOf, type Fields, fieldsOf, listOf, stringOf } from '../json.ts'
import type { ChatBody, ChatMessage } from '../openai.ts'
import type { TranslatedRequest } from '../translation.ts'
import { toAnthropicSchema } from './anthropic-schema.ts'
import {
  droppedFields,
  invalid,
  isInstruction,
  partsOf,
  readAnswerSchema,
  readArguments,
  readMaxTokens,
  readMedia,
  readMessages,
  readNumber,
  readStops,
  readToolChoice,
  readTools,
  refuseAudioAnswers,
} from './chat-body.ts'

/** Anthropic demands a limit; OpenAI has none. */
const DEFAULT_MAX_TOKENS = 4096

/**
 * Models that answer 400 to any `temperature` or `top_p`: Opus since 4.7, everything since 5.
 * platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7, "Sampling parameters removed"
 */
const NO_SAMPLING = /^claude-(opus-4-[7-9]|[a-z]+-[5-9])/

/** Models that answer 400 to an effort; it came with Opus 4.5 and Sonnet 4.6. */
const NO_EFFORT = /^claude-([23]|instant|[a-z]+-4-([01]\b|2)|(sonnet|haiku)-4-5)/

const READ = [
  ...['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
  ...['stop', 'n', 'modalities', 'response_format'],
  ...['tools', 'functions', 'tool_choice', 'parallel_tool_calls'],
]

/** An OpenAI chat body → a body for POST /v1/messages. */
export function toMessagesRequest(body: ChatBody): TranslatedRequest {
  refuseAudioAnswers(body)
  if ((readNumber(body, 'n') ?? 1) > 1) throw invalid('n must be 1: Anthropic gives one answer')
  const messages = readMessages(body)
  const stops = readStops(body)
  const system = [...toSystem(messages), ...jsonInstruction(body)]
  const optional = {
    ...readSampling(body),
    reasoning_effort: readEffort(body),
    user: readUserId(body),
  }
  const sent = compact({
    model: body.model,
    max_tokens: readMaxTokens(body) ?? DEFAULT_MAX_TOKENS,
    system: system.length > 0 ? system : undefined,
    messages: toTurns(messages),
    temperature: optional.temperature,
    top_p: optional.top_p,
    stop_sequences: stops.some(isVisible) ? stops.filter(isVisible) : undefined,
    ...toTools(body),
    output_config: outputConfig(body, optional.reasoning_effort),
    metadata: optional.user === undefined ? undefined : { user_id: optional.user },
    stream: body.stream === true ? true : undefined,
  })
  const dropped = droppedFields(body, new Set([...READ, ...Object.keys(compact(optional))]))
  if (!stops.every(isVisible)) dropped.push('stop')
  if (messages.some((message) => message.name)) dropped.push('messages.name')
  return { path: '/messages', body: sent, dropped }
}

/** Anthropic refuses blank texts and stop sequences. */
function isVisible(text: string): boolean {
  return text.trim() !== ''
}

function readSampling(body: ChatBody): { temperature?: number; top_p?: number } {
  const temperature = readNumber(body, 'temperature')
  const top_p = readNumber(body, 'top_p')
  if (NO_SAMPLING.test(body.model)) return {}
  // Models since 4.5 refuse both at once.
  if (temperature === undefined) return { top_p }
  // OpenAI goes up to 2.
  return { temperature: Math.min(Math.max(temperature, 0), 1) }
}

function readEffort(body: ChatBody): string | undefined {
  return NO_EFFORT.test(body.model) ? undefined : entryOf(EFFORTS, body.reasoning_effort)
}

/** OpenAI's efforts → `output_config.effort`. There is no word for `none`. */
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
}

function outputConfig(body: ChatBody, effort: string | undefined): JsonObject | undefined {
  const schema = readAnswerSchema(body)
  const format = schema && { type: 'json_schema', schema: toAnthropicSchema(schema) }
  return effort || format ? compact({ effort, format: format ?? undefined }) : undefined
}

/** JSON of any form has no switch here: it is asked for in words. */
function jsonInstruction(body: ChatBody): JsonObject[] {
  if (readAnswerSchema(body) !== null) return []
  return [{ type: 'text', text: 'Answer with one JSON object and nothing else.' }]
}

/** Anthropic wants an opaque id of at most 256 characters here and refuses an e-mail address. */
function readUserId(body: ChatBody): string | undefined {
  const user = stringOf(body.user)
  return user === '' || user.length > 256 || user.includes('@') ? undefined : user
}

function toSystem(messages: readonly ChatMessage[]): JsonObject[] {
  return messages.filter(isInstruction).flatMap(({ content }) => partsOf(content).flatMap(toText))
}

/** `cache_control` is not OpenAI's, but clients that know Anthropic send it this way. */
function toText(part: Fields): JsonObject[] {
  const text = stringOf(part.text) || stringOf(part.refusal)
  if (!isVisible(text)) return []
  return [compact({ type: 'text', text, cache_control: part.cache_control as Json | undefined })]
}

type Turn = Readonly<{ role: 'user' | 'assistant'; content: JsonObject[] }>

/** The conversation with neighbours of one role made one message, as tool results have to be. */
function toTurns(messages: readonly ChatMessage[]): Turn[] {
  const turns: Turn[] = []
  for (const message of messages) {
    if (isInstruction(message)) continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = entryOf(BLOCKS, message.role)?.(message) ?? []
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) turns.push({ role, content })
  }
  return trimPrefill(turns)
}

const BLOCKS: Readonly<Record<string, (message: ChatMessage) => JsonObject[]>> = {
  user: ({ content }) => partsOf(content).flatMap(toBlock),
  assistant: ({ content, tool_calls }) => [
    ...partsOf(content).flatMap(toText),
    ...listOf(tool_calls).map(fieldsOf).map(toToolUse),
  ],
  tool: ({ content, tool_call_id }) => {
    const blocks = partsOf(content).flatMap(toBlock)
    const result = { type: 'tool_result', tool_use_id: toToolId(tool_call_id) }
    return [blocks.length > 0 ? { ...result, content: blocks } : result]
  },
}

function toToolUse(call: Fields): JsonObject {
  const { name, arguments: text } = fieldsOf(call.function)
  const input = readArguments(text)
  return { type: 'tool_use', id: toToolId(call.id), name: stringOf(name), input }
}

/** Ids made elsewhere may hold what Anthropic refuses. */
function toToolId(id: unknown): string {
  return stringOf(id).replace(/[^A-Za-z0-9_-]/g, '_')
}

function toBlock(part: Fields): JsonObject[] {
  if (part.type === 'text' || part.type === 'refusal') return toText(part)
  const media = readMedia(part)
  if (media.kind === 'url') return [{ type: 'image', source: { type: 'url', url: media.url } }]
  const type = MEDIA_BLOCKS.find(([prefix]) => media.mediaType.startsWith(prefix))?.[1]
  if (type === undefined) throw invalid(`Anthropic does not take ${media.mediaType}`)
  const source = { type: 'base64', media_type: media.mediaType, data: media.base64 }
  return [{ type, source }]
}

const MEDIA_BLOCKS = [
  ['image/', 'image'],
  ['application/pdf', 'document'],
] as const

/** A last message of the assistant is to be continued, and must not end in white space. */
function trimPrefill(turns: Turn[]): Turn[] {
  const last = turns.at(-1)
  const block = last?.content.at(-1)
  if (last?.role !== 'assistant' || typeof block?.text !== 'string') return turns
  const trimmed = { ...block, text: block.text.trimEnd() }
  return [...turns.slice(0, -1), { ...last, content: [...last.content.slice(0, -1), trimmed] }]
}

function toTools(body: ChatBody): Record<string, Json | undefined> {
  const tools = readTools(body)
  if (tools.length === 0) return {}
  const choice = readToolChoice(body)
  // Without a wish the choice stays unsaid, unless it has to carry `disable_parallel_tool_use`.
  const oneAtATime = body.parallel_tool_calls === false && choice !== 'none'
  const choices = { auto: { type: 'auto' }, none: { type: 'none' }, required: { type: 'any' } }
  const chosen =
    typeof choice === 'object' ? { type: 'tool', name: choice.name } : choices[choice ?? 'auto']
  return {
    tools: tools.map(({ name, description, schema, strict }) =>
      compact({
        name,
        description,
        input_schema: strict ? toAnthropicSchema(schema) : schema,
        strict: strict || undefined,
      }),
    ),
    tool_choice: oneAtATime ? { ...chosen, disable_parallel_tool_use: true } : choice && chosen,
  }
}
