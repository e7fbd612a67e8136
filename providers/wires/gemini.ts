import { collectElements, collectEvents, collectWhole } from '../collect.ts'
import { errorFrom } from '../error-body.ts'
import { type Fields, fieldsOf, isFields, listOf, stringOf } from '../json.ts'
import { isGiven, type JsonNode, numberAt, scanJson, stringAt } from '../json-scan.ts'
import type { ReplyCollector } from '../reply.ts'
import { asField, asLastItem } from '../splice.ts'
import { toUsage } from '../translations/gemini-answer.ts'
import type { Asked, Progress, Said, Slot, Wire } from '../wire.ts'
import { isWhole, slotOf, systemStarts } from './content.ts'

/** Google's generateContent and streamGenerateContent. */
export const gemini: Wire = {
  name: 'gemini',
  read,
  collect(asked, contentType) {
    if (/^text\/event-stream\b/i.test(contentType)) return collectEvents(readFrame)
    // Without `alt=sse` a stream is one JSON array.
    if (asked.stream) return collectElements(readFrame)
    return isWhole(asked, contentType) ? collectWhole(readFrame) : collectEvents(readFrame)
  },
}

const CONFIG = {
  maxOutputTokens: true,
  max_output_tokens: true,
  responseMimeType: true,
  response_mime_type: true,
} as const
const SYSTEM = { parts: { text: true } } as const

/** Google takes names in both spellings. */
const INTEREST = {
  contents: {
    role: true,
    parts: {
      text: true,
      thought: true,
      functionCall: true,
      function_call: true,
      inlineData: true,
      inline_data: true,
      fileData: true,
      file_data: true,
    },
  },
  systemInstruction: SYSTEM,
  system_instruction: SYSTEM,
  generationConfig: CONFIG,
  generation_config: CONFIG,
  cachedContent: true,
  cached_content: true,
  tools: true,
} as const

const toPart = (text: string) => ({ text })

function read(bytes: Uint8Array, path: string): Asked | null {
  const root = scanJson(bytes, INTEREST)
  const contents = root?.fields.contents
  if (!root || contents?.kind !== 'array') return null
  const { fields } = root
  const config = (fields.generationConfig ?? fields.generation_config)?.fields ?? {}
  const system = fields.systemInstruction ?? fields.system_instruction
  const [, model = '', method = ''] = /\/([^/:?]+):(\w+)/.exec(path) ?? []
  const mimeType = stringAt(bytes, config.responseMimeType ?? config.response_mime_type)
  return {
    model: model || null,
    stream: method === 'streamGenerateContent',
    said: contents.items.map((content) => readContent(bytes, content)).filter(isSaid),
    signs: {
      system: systemStarts(bytes, system?.fields.parts),
      maxTokens: numberAt(bytes, config.maxOutputTokens ?? config.max_output_tokens),
      tools: isGiven(bytes, fields.tools),
      json: mimeType === 'application/json',
    },
    closed: stringAt(bytes, contents.items.at(-1)?.fields.role) === 'model' ? 'prefill' : null,
    kept: null,
    toSystem: isGiven(bytes, fields.cachedContent ?? fields.cached_content)
      ? null // a cached content brings its own, and refuses another beside it
      : systemWriter(root, system),
  }
}

function systemWriter(root: JsonNode, system: JsonNode | undefined): Asked['toSystem'] {
  const parts = system?.fields.parts
  if (parts?.kind === 'array') return (text) => [asLastItem(parts, toPart(text))]
  if (system !== undefined) return null
  return (text) => [asField(root, 'systemInstruction', { parts: [toPart(text)] })]
}

function readContent(bytes: Uint8Array, { fields }: JsonNode): Said {
  const role = stringAt(bytes, fields.role) === 'model' ? 'assistant' : 'user'
  const parts = fields.parts?.items.map((part) => part.fields) ?? []
  const texts = parts.filter(({ text, thought }) => text && thought?.kind !== 'true')
  return {
    role,
    texts: texts.map(({ text }) => stringAt(bytes, text)),
    media: parts.some((part) => MEDIA.some((name) => part[name] !== undefined)),
    step: parts.some(({ functionCall, function_call }) => functionCall ?? function_call),
    speaker: null,
    slot: role === 'user' ? partsSlot(fields.parts) : null,
  }
}

const MEDIA = ['inlineData', 'inline_data', 'fileData', 'file_data']

function partsSlot(parts: JsonNode | undefined): Slot | null {
  return parts?.kind === 'array' ? slotOf(parts, toPart) : null
}

/** What holds only results of functions was said by nobody. */
function isSaid({ texts, media, step }: Said): boolean {
  return texts.length > 0 || media || step
}

/** A frame is an answer with the next piece; the last one gives a reason for finishing, and none follows it. */
function readFrame(frame: Fields, into: ReplyCollector): Progress {
  if (typeof frame.responseId === 'string') into.setId(frame.responseId)
  if (typeof frame.modelVersion === 'string') into.setModel(frame.modelVersion)
  if (frame.error) into.setError(errorFrom(500, JSON.stringify(frame)).error)
  const candidates = listOf(frame.candidates).map(fieldsOf)
  const candidate = candidates.find(({ index }) => (index ?? 0) === 0) ?? {}
  for (const part of listOf(fieldsOf(candidate.content).parts).map(fieldsOf)) {
    if (isFields(part.functionCall)) into.addToolCall()
    if (part.thought !== true) into.addText(stringOf(part.text))
  }
  if (isFields(frame.usageMetadata)) into.setUsage(toUsage(frame.usageMetadata))
  const blocked = candidates.length === 0 ? fieldsOf(frame.promptFeedback).blockReason : undefined
  const reason = stringOf(candidate.finishReason) || stringOf(blocked)
  if (reason) into.setFinish(reason)
  return into.reply().finishReason === null ? 'open' : 'ending'
}
