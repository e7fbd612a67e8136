import { collectEvents, collectWhole } from '../collect.ts'
import { isGiven, type JsonNode, numberAt, scanJson, stringAt } from '../json-scan.ts'
import { chunkReader, readCompletion } from '../openai-answer.ts'
import { asFirstItem, asLastItem, atEndOfString } from '../splice.ts'
import type { Asked, Said, Wire } from '../wire.ts'
import { contentOf, GAP, isWhole, slotOf, systemStarts } from './content.ts'

/** OpenAI's Chat Completions, which many others serve as well. */
export const openaiChat: Wire = {
  name: 'openai-chat',
  read,
  collect: (asked, contentType) =>
    isWhole(asked, contentType) ? collectWhole(readCompletion) : collectEvents(chunkReader()),
}

const INTEREST = {
  model: true,
  stream: true,
  max_tokens: true,
  max_completion_tokens: true,
  tools: true,
  functions: true,
  response_format: { type: true },
  messages: {
    role: true,
    name: true,
    content: { type: true, text: true },
    tool_calls: true,
    function_call: true,
  },
} as const

const toPart = (text: string) => ({ type: 'text', text })

function read(bytes: Uint8Array): Asked | null {
  const root = scanJson(bytes, INTEREST)
  const messages = root?.fields.messages
  if (!root || messages?.kind !== 'array') return null
  const { model, stream, max_tokens, max_completion_tokens, tools, functions } = root.fields
  const roles = messages.items.map(({ fields }) => stringAt(bytes, fields.role))
  const systems = messages.items.filter((_, i) => isSystem(roles[i]!))
  return {
    model: stringAt(bytes, model) || null,
    stream: stream?.kind === 'true',
    said: messages.items.flatMap((message, i) => readMessage(bytes, message, roles[i]!) ?? []),
    signs: {
      system: systems.flatMap(({ fields }) => systemStarts(bytes, fields.content)),
      maxTokens: numberAt(bytes, max_completion_tokens) ?? numberAt(bytes, max_tokens),
      tools: isGiven(bytes, tools) || isGiven(bytes, functions),
      json: stringAt(bytes, root.fields.response_format?.fields.type).startsWith('json'),
    },
    closed: roles.at(-1) === 'assistant' ? 'prefill' : null,
    kept: null,
    toSystem: systemWriter(messages, systems[0]),
  }
}

function systemWriter(messages: JsonNode, system: JsonNode | undefined): Asked['toSystem'] {
  // First, as many servers refuse a system message in any other place.
  if (!system) return (text) => [asFirstItem(messages, { role: 'system', content: text })]
  const { content } = system.fields
  if (content?.kind === 'string') return (text) => [atEndOfString(content, GAP + text)]
  return content?.kind === 'array' ? (text) => [asLastItem(content, toPart(text))] : null
}

function isSystem(role: string): boolean {
  return role === 'system' || role === 'developer'
}

function readMessage(bytes: Uint8Array, { fields }: JsonNode, role: string): Said | null {
  if (role !== 'user' && role !== 'assistant') return null
  return {
    role,
    ...contentOf(bytes, fields.content),
    step: isGiven(bytes, fields.tool_calls) || isGiven(bytes, fields.function_call),
    speaker: stringAt(bytes, fields.name) || null,
    slot: role === 'user' ? slotOf(fields.content, toPart) : null,
  }
}
