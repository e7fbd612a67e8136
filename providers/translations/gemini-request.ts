import type { Json, JsonObject } from '../../memory/memory.ts'
import {
  compact,
  entryOf,
  type Fields,
  fieldsOf,
  isFields,
  listOf,
  parseJson,
  stringOf,
} from '../json.ts'
import { type ChatBody, type ChatMessage, textOf } from '../openai.ts'
import type { TranslatedRequest } from '../translation.ts'
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
import { geminiCallId } from './gemini-call-id.ts'

const READ = new Set([
  ...['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
  ...['temperature', 'top_p', 'stop', 'n', 'seed', 'presence_penalty', 'frequency_penalty'],
  ...['modalities', 'response_format', 'tools', 'functions', 'tool_choice'],
])

/** An OpenAI chat body → a body for models/M:generateContent, or its streaming twin. */
export function toGenerateContent(body: ChatBody): TranslatedRequest {
  refuseAudioAnswers(body)
  const messages = readMessages(body)
  const system = messages.filter(isInstruction).flatMap(({ content }) => toTextParts(content))
  const thinkingConfig = toThinking(body)
  const sent = compact({
    systemInstruction: system.length > 0 ? { parts: system } : undefined,
    contents: toContents(messages, stringOf(body.model)),
    ...toTools(body),
    generationConfig: toConfig(body, thinkingConfig),
  })
  const read = new Set(READ)
  if (thinkingConfig) read.add('reasoning_effort')
  const dropped = droppedFields(body, read)
  if (messages.some(({ role, name }) => name && role !== 'tool')) dropped.push('messages.name')
  const method = body.stream === true ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return { path: `/${readModel(body)}:${method}`, body: sent, dropped }
}

/** The model is part of the address here, so nothing else may hide in its name. */
function readModel(body: ChatBody): string {
  const model = stringOf(body.model)
  if (!/^((models|tunedModels)\/)?\w[\w.-]*$/.test(model)) {
    throw invalid('model must be the name of a Gemini model, such as "gemini-3.5-flash"')
  }
  return model.includes('/') ? model : `models/${model}`
}

function toConfig(body: ChatBody, thinkingConfig: JsonObject | undefined): JsonObject | undefined {
  const schema = readAnswerSchema(body)
  const stops = readStops(body)
  const count = readNumber(body, 'n') ?? 1
  const config = compact({
    temperature: readNumber(body, 'temperature'),
    topP: readNumber(body, 'top_p'),
    maxOutputTokens: readMaxTokens(body),
    stopSequences: stops.length > 0 ? stops : undefined,
    candidateCount: count > 1 ? count : undefined,
    seed: readNumber(body, 'seed'),
    presencePenalty: readNumber(body, 'presence_penalty'),
    frequencyPenalty: readNumber(body, 'frequency_penalty'),
    responseMimeType: schema === undefined ? undefined : 'application/json',
    responseJsonSchema: schema ?? undefined,
    thinkingConfig,
  })
  return Object.keys(config).length > 0 ? config : undefined
}

/**
 * `reasoning_effort` as Google's own OpenAI-compatible API maps it
 * (ai.google.dev/gemini-api/docs/openai, "Thinking"): Gemini 2.5 takes a budget of tokens, later models a
 * level, earlier ones refuse both.
 */
function toThinking(body: ChatBody): JsonObject | undefined {
  const effort = body.reasoning_effort
  const model = stringOf(body.model)
  if (/gemini-(1|2\.0)/.test(model)) return undefined
  if (/gemini-2\.5/.test(model)) {
    const thinkingBudget = entryOf(BUDGETS, effort)
    return thinkingBudget === undefined ? undefined : { thinkingBudget }
  }
  const level = entryOf(LEVELS, effort)
  if (level === undefined) return undefined
  return { thinkingLevel: level === 'minimal' && model.includes('pro') ? 'low' : level }
}

const BUDGETS = { none: 0, minimal: 1024, low: 1024, medium: 8192, high: 24_576, xhigh: 24_576 }
const LEVELS = { minimal: 'minimal', low: 'low', medium: 'medium', high: 'high', xhigh: 'high' }

type Content = Readonly<{ role: 'user' | 'model'; parts: JsonObject[] }>

/** The conversation with neighbours of one role made one: all results of a step must stand together. */
function toContents(messages: readonly ChatMessage[], model: string): Content[] {
  const calls = callsById(messages)
  const contents: Content[] = []
  for (const message of messages) {
    if (isInstruction(message)) continue
    const role = message.role === 'assistant' ? 'model' : 'user'
    const parts = toParts(message, calls, model)
    const last = contents.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else if (parts.length > 0) contents.push({ role, parts })
  }
  return contents
}

/** Which function an id called: Gemini wants its name with the result. */
function callsById(messages: readonly ChatMessage[]): Map<string, string> {
  const calls = messages.flatMap((message) => listOf(message.tool_calls).map(fieldsOf))
  return new Map(calls.map((call) => [stringOf(call.id), stringOf(fieldsOf(call.function).name)]))
}

function toParts(
  message: ChatMessage,
  calls: ReadonlyMap<string, string>,
  model: string,
): JsonObject[] {
  if (message.role === 'tool') return [toFunctionResponse(message, calls)]
  if (message.role === 'user') return partsOf(message.content).flatMap(toPart)
  return [...toTextParts(message.content), ...toFunctionCalls(message, model)]
}

function toTextParts(content: ChatMessage['content']): JsonObject[] {
  return partsOf(content)
    .map((part) => stringOf(part.text) || stringOf(part.refusal))
    .filter((text) => text !== '')
    .map((text) => ({ text }))
}

function toPart(part: Fields): JsonObject[] {
  if (part.type === 'text') return part.text ? [{ text: stringOf(part.text) }] : []
  const media = readMedia(part)
  if (media.kind === 'url') return [{ fileData: { fileUri: media.url } }]
  return [{ inlineData: { mimeType: media.mediaType, data: media.base64 } }]
}

/**
 * Stands for a thought signature that is not there, because another vendor's model made the call or because
 * the client did not keep it. Without one, Gemini 3 and later answer 400.
 * ai.google.dev/gemini-api/docs/thought-signatures
 */
const NO_SIGNATURE = 'skip_thought_signature_validator'

function toFunctionCalls(message: ChatMessage, model: string): JsonObject[] {
  const needsSignature = /gemini-(?![12]\b)/.test(model)
  return listOf(message.tool_calls)
    .map(fieldsOf)
    .map((call, place) => {
      const { name, arguments: text } = fieldsOf(call.function)
      const signature = stringOf(fieldsOf(fieldsOf(call.extra_content).google).thought_signature)
      return compact({
        functionCall: compact({
          id: geminiCallId(call.id),
          name: stringOf(name),
          args: readArguments(text),
        }),
        // Of parallel calls only the first is signed.
        thoughtSignature: signature || (needsSignature && place === 0 ? NO_SIGNATURE : undefined),
      })
    })
}

function toFunctionResponse(message: ChatMessage, calls: ReadonlyMap<string, string>): JsonObject {
  const id = stringOf(message.tool_call_id)
  const name = calls.get(id) ?? message.name
  if (!name) throw invalid(`the tool result for "${id}" follows no call of that id`)
  const text = textOf(message.content)
  const result = parseJson(text)
  const response = isFields(result) ? (result as JsonObject) : { output: text }
  return { functionResponse: compact({ id: geminiCallId(id), name, response }) }
}

function toTools(body: ChatBody): Record<string, Json | undefined> {
  const tools = readTools(body)
  if (tools.length === 0) return {}
  const functionDeclarations = tools.map(({ name, description, schema }) =>
    compact({ name, description, parametersJsonSchema: hasArguments(schema) ? schema : undefined }),
  )
  const choice = readToolChoice(body)
  const modes = { auto: { mode: 'AUTO' }, none: { mode: 'NONE' }, required: { mode: 'ANY' } }
  const functionCallingConfig =
    typeof choice === 'object'
      ? { mode: 'ANY', allowedFunctionNames: [choice.name] }
      : choice && modes[choice]
  return {
    tools: [{ functionDeclarations }],
    toolConfig: functionCallingConfig && { functionCallingConfig },
  }
}

/** For a function without arguments Gemini wants no schema at all rather than an empty one. */
function hasArguments(schema: JsonObject): boolean {
  const { type, properties, required, additionalProperties, $schema, ...more } = schema
  return Object.keys({ ...fieldsOf(properties), ...more }).length > 0
}
