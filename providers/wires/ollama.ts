import { collectLines, collectWhole } from '../collect.ts'
import { errorFrom } from '../error-body.ts'
import { countOf, type Fields, fieldsOf, listOf, stringOf } from '../json.ts'
import { isGiven, type JsonNode, numberAt, scanJson, stringAt } from '../json-scan.ts'
import type { Usage } from '../openai.ts'
import type { ReplyCollector } from '../reply.ts'
import { asField, asFirstItem, atEndOfString } from '../splice.ts'
import type { Asked, Collector, Progress, Said, Wire } from '../wire.ts'
import { GAP, systemStarts } from './content.ts'

/** Ollama's /api/chat. */
export const ollamaChat: Wire = { name: 'ollama-chat', read: readChat, collect }

/** Ollama's /api/generate, which knows no conversation. */
export const ollamaGenerate: Wire = { name: 'ollama-generate', read: readGenerate, collect }

function collect({ stream }: Asked): Collector {
  return stream ? collectLines(readLine) : collectWhole(readLine)
}

const COMMON = {
  model: true,
  stream: true,
  format: true,
  tools: true,
  options: { num_predict: true },
} as const

const CHAT = {
  ...COMMON,
  messages: { role: true, content: true, images: true, tool_calls: true },
} as const

function readChat(bytes: Uint8Array): Asked | null {
  const root = scanJson(bytes, CHAT)
  const messages = root?.fields.messages
  if (!root || messages?.kind !== 'array') return null
  const roles = messages.items.map(({ fields }) => stringAt(bytes, fields.role))
  const systems = messages.items.filter((_, i) => roles[i] === 'system')
  const [system] = systems
  const content = system?.fields.content
  return {
    ...readCommon(bytes, root),
    said: messages.items.flatMap((message, i) => readMessage(bytes, message, roles[i]!) ?? []),
    signs: signsOf(
      bytes,
      root,
      systems.map(({ fields }) => fields.content),
    ),
    closed: roles.at(-1) === 'assistant' ? 'prefill' : null,
    toSystem:
      system === undefined
        ? (text) => [asFirstItem(messages, { role: 'system', content: text })]
        : content?.kind === 'string'
          ? (text) => [atEndOfString(content, GAP + text)]
          : null,
  }
}

function readMessage(bytes: Uint8Array, { fields }: JsonNode, role: string): Said | null {
  if (role !== 'user' && role !== 'assistant') return null
  return {
    ...saidAs(bytes, role, fields.content, fields.images),
    step: isGiven(bytes, fields.tool_calls),
  }
}

const GENERATE = {
  ...COMMON,
  prompt: true,
  suffix: true,
  system: true,
  raw: true,
  images: true,
} as const

function readGenerate(bytes: Uint8Array): Asked | null {
  const root = scanJson(bytes, GENERATE)
  if (root?.kind !== 'object') return null
  const { prompt, suffix, system, raw, images } = root.fields
  const isRaw = raw?.kind === 'true' || isGiven(bytes, suffix)
  return {
    ...readCommon(bytes, root),
    said: [saidAs(bytes, 'user', prompt, images)],
    signs: signsOf(bytes, root, [system]),
    closed: isRaw ? 'raw' : null,
    toSystem:
      isRaw || (system !== undefined && system.kind !== 'string')
        ? null
        : (text) => [system ? atEndOfString(system, GAP + text) : asField(root, 'system', text)],
  }
}

/** Contents are strings here, and pictures stand beside them. */
function saidAs(
  bytes: Uint8Array,
  role: Said['role'],
  content: JsonNode | undefined,
  images: JsonNode | undefined,
): Said {
  return {
    role,
    texts: [stringAt(bytes, content)],
    media: isGiven(bytes, images),
    step: false,
    speaker: null,
    slot:
      role === 'user' && content?.kind === 'string'
        ? { form: 'inside', insert: (text) => [atEndOfString(content, GAP + text)] }
        : null,
  }
}

function readCommon(
  bytes: Uint8Array,
  { fields }: JsonNode,
): Pick<Asked, 'model' | 'stream' | 'kept'> {
  return {
    model: stringAt(bytes, fields.model) || null,
    // Here streaming is what happens unless it is refused.
    stream: fields.stream?.kind !== 'false',
    kept: null,
  }
}

function signsOf(
  bytes: Uint8Array,
  { fields }: JsonNode,
  systems: readonly (JsonNode | undefined)[],
): Asked['signs'] {
  return {
    system: systems.flatMap((system) => systemStarts(bytes, system)),
    maxTokens: numberAt(bytes, fields.options?.fields.num_predict),
    tools: isGiven(bytes, fields.tools),
    json: isGiven(bytes, fields.format),
  }
}

/** A line of a stream, or a whole answer: both kinds of it. Thinking is passed over. */
function readLine(line: Fields, into: ReplyCollector): Progress {
  if (line.error) into.setError(errorFrom(500, JSON.stringify(line)).error)
  if (typeof line.model === 'string') into.setModel(line.model)
  const message = fieldsOf(line.message)
  into.addText(stringOf(message.content) + stringOf(line.response))
  for (const _ of listOf(message.tool_calls)) into.addToolCall()
  if (line.done !== true) return line.error ? 'ended' : 'open'
  into.setFinish(stringOf(line.done_reason) || 'stop')
  into.setUsage(toUsage(line))
  return 'ended'
}

/** What a cache of the model's own state gave is not counted here. */
function toUsage(line: Fields): Usage {
  const prompt = countOf(line.prompt_eval_count)
  const completion = countOf(line.eval_count)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  }
}
