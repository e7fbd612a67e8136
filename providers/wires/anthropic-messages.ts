import { collectEvents, collectWhole } from '../collect.ts'
import { errorFrom } from '../error-body.ts'
import { type Fields, fieldsOf, listOf, stringOf } from '../json.ts'
import { isGiven, type JsonNode, numberAt, scanJson, stringAt } from '../json-scan.ts'
import type { ReplyCollector } from '../reply.ts'
import { asField, asLastItem, atEndOfString } from '../splice.ts'
import { toUsage } from '../translations/anthropic-answer.ts'
import type { Asked, Progress, Said, Wire } from '../wire.ts'
import { contentOf, GAP, isWhole, slotOf, systemStarts } from './content.ts'

/** Anthropic's Messages. */
export const anthropicMessages: Wire = {
  name: 'anthropic-messages',
  read,
  collect: (asked, contentType) =>
    isWhole(asked, contentType) ? collectWhole(readMessageObject) : collectEvents(eventReader()),
}

const INTEREST = {
  model: true,
  stream: true,
  max_tokens: true,
  tools: true,
  system: { text: true },
  output_config: { format: true },
  output_format: true,
  messages: { role: true, content: { type: true, text: true } },
} as const

const toPart = (text: string) => ({ type: 'text', text })

function read(bytes: Uint8Array): Asked | null {
  const root = scanJson(bytes, INTEREST)
  const messages = root?.fields.messages
  if (!root || messages?.kind !== 'array') return null
  const { model, stream, max_tokens, tools, system, output_config, output_format } = root.fields
  const roles = messages.items.map(({ fields }) => stringAt(bytes, fields.role))
  return {
    model: stringAt(bytes, model) || null,
    stream: stream?.kind === 'true',
    said: messages.items.flatMap((message, i) => readMessage(bytes, message, roles[i]!) ?? []),
    signs: {
      system: systemStarts(bytes, system),
      maxTokens: numberAt(bytes, max_tokens),
      tools: isGiven(bytes, tools),
      json: isGiven(bytes, output_config?.fields.format) || isGiven(bytes, output_format),
    },
    closed: roles.at(-1) === 'assistant' ? 'prefill' : null,
    kept: null,
    toSystem: systemWriter(root),
  }
}

function systemWriter(root: JsonNode): Asked['toSystem'] {
  const { system } = root.fields
  if (system === undefined) return (text) => [asField(root, 'system', text)]
  if (system.kind === 'string') return (text) => [atEndOfString(system, GAP + text)]
  return system.kind === 'array' ? (text) => [asLastItem(system, toPart(text))] : null
}

function readMessage(bytes: Uint8Array, { fields }: JsonNode, role: string): Said | null {
  // Newer models also take messages of the system in between.
  if (role !== 'user' && role !== 'assistant') return null
  const types = fields.content?.items.map((item) => stringAt(bytes, item.fields.type)) ?? []
  return {
    role,
    ...contentOf(bytes, fields.content),
    // What the provider runs by itself (`server_tool_use`) is part of one answer.
    step: types.includes('tool_use'),
    speaker: null,
    slot: role === 'user' ? slotOf(fields.content, toPart) : null,
  }
}

/** Thinking, signatures, citations, tool input, `ping` and what came later are passed over. */
function eventReader(): (event: Fields, into: ReplyCollector) => Progress {
  let usage: Fields = {}
  return function readEvent(event, into) {
    switch (event.type) {
      case 'message_start': {
        const message = fieldsOf(event.message)
        usage = fieldsOf(message.usage)
        readHead(message, into)
        break
      }
      case 'content_block_start': {
        const block = fieldsOf(event.content_block)
        if (block.type === 'text') into.addText(stringOf(block.text))
        if (block.type === 'tool_use') into.addToolCall()
        break
      }
      case 'content_block_delta': {
        const delta = fieldsOf(event.delta)
        if (delta.type === 'text_delta') into.addText(stringOf(delta.text))
        break
      }
      case 'message_delta': {
        const { stop_reason } = fieldsOf(event.delta)
        if (typeof stop_reason === 'string') into.setFinish(stop_reason)
        // The final numbers replace the first ones; a null among them changes nothing.
        for (const [name, value] of Object.entries(fieldsOf(event.usage))) {
          if (value !== null) usage = { ...usage, [name]: value }
        }
        into.setUsage(toUsage(usage))
        break
      }
      case 'message_stop':
        return 'ended'
      case 'error':
        into.setError(errorFrom(500, JSON.stringify(event)).error)
        return 'ended'
    }
    return 'open'
  }
}

function readMessageObject(message: Fields, into: ReplyCollector): Progress {
  if (message.type === 'error') into.setError(errorFrom(500, JSON.stringify(message)).error)
  readHead(message, into)
  for (const block of listOf(message.content).map(fieldsOf)) {
    if (block.type === 'text') into.addText(stringOf(block.text))
    if (block.type === 'tool_use') into.addToolCall()
  }
  if (typeof message.stop_reason === 'string') into.setFinish(message.stop_reason)
  if (message.usage) into.setUsage(toUsage(fieldsOf(message.usage)))
  return 'ended'
}

function readHead(message: Fields, into: ReplyCollector): void {
  if (typeof message.id === 'string') into.setId(message.id)
  if (typeof message.model === 'string') into.setModel(message.model)
}
