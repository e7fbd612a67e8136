import { collectEvents, collectWhole } from '../collect.ts'
import { errorFrom } from '../error-body.ts'
import { countOf, type Fields, fieldsOf, isFields, listOf, stringOf } from '../json.ts'
import { isGiven, type JsonNode, numberAt, scanJson, stringAt } from '../json-scan.ts'
import type { Usage } from '../openai.ts'
import type { ReplyCollector } from '../reply.ts'
import { asField, atEndOfString } from '../splice.ts'
import type { Asked, Progress, Said, Wire } from '../wire.ts'
import { contentOf, GAP, isWhole, slotOf, systemStarts } from './content.ts'

/** OpenAI's Responses. */
export const openaiResponses: Wire = {
  name: 'openai-responses',
  read,
  collect: (asked, contentType) =>
    isWhole(asked, contentType) ? collectWhole(readResponse) : collectEvents(readEvent),
}

const INTEREST = {
  model: true,
  stream: true,
  max_output_tokens: true,
  tools: true,
  text: { format: { type: true } },
  instructions: true,
  previous_response_id: true,
  conversation: { id: true },
  input: { type: true, role: true, content: { type: true, text: true } },
} as const

/** Calls that the client runs; those of the provider's own tools are part of one answer. */
const CLIENT_CALLS = new Set([
  ...['function_call', 'custom_tool_call', 'local_shell_call', 'shell_call'],
  ...['apply_patch_call', 'computer_call'],
])

const toPart = (text: string) => ({ type: 'input_text', text })

function read(bytes: Uint8Array): Asked | null {
  const root = scanJson(bytes, INTEREST)
  if (root?.kind !== 'object') return null
  const { model, stream, max_output_tokens, tools, text, instructions, input } = root.fields
  const items = input?.kind === 'array' ? input.items : []
  const last = items.at(-1)
  return {
    model: stringAt(bytes, model) || null,
    stream: stream?.kind === 'true',
    said: input?.kind === 'string' ? [fromString(bytes, input)] : readItems(bytes, items),
    signs: {
      system: [
        instructions,
        ...items.filter((item) => isSystem(bytes, item)).map(contentNode),
      ].flatMap((content) => systemStarts(bytes, content)),
      maxTokens: numberAt(bytes, max_output_tokens),
      tools: isGiven(bytes, tools),
      json: stringAt(bytes, text?.fields.format?.fields.type).startsWith('json'),
    },
    closed: stringAt(bytes, last?.fields.role) === 'assistant' ? 'prefill' : null,
    kept: readKept(bytes, root),
    toSystem: systemWriter(root),
  }
}

function systemWriter(root: JsonNode): Asked['toSystem'] {
  const { instructions } = root.fields
  if (instructions === undefined) return (text) => [asField(root, 'instructions', text)]
  if (instructions.kind !== 'string') return null
  return (text) => [atEndOfString(instructions, GAP + text)]
}

function isSystem(bytes: Uint8Array, { fields }: JsonNode): boolean {
  const role = stringAt(bytes, fields.role)
  return role === 'system' || role === 'developer'
}

function contentNode({ fields }: JsonNode): JsonNode | undefined {
  return fields.content
}

function fromString(bytes: Uint8Array, input: JsonNode): Said {
  const toItem = (text: string) => ({ role: 'user', content: text })
  return {
    role: 'user',
    texts: [stringAt(bytes, input)],
    media: false,
    step: false,
    speaker: null,
    slot: slotOf(input, toItem),
  }
}

function readItems(bytes: Uint8Array, items: readonly JsonNode[]): Said[] {
  const said: Said[] = []
  for (const { fields } of items) {
    const role = stringAt(bytes, fields.role)
    if (role === 'user' || role === 'assistant') {
      said.push({
        role,
        ...contentOf(bytes, fields.content),
        step: false,
        speaker: null,
        slot: role === 'user' ? slotOf(fields.content, toPart) : null,
      })
    } else if (CLIENT_CALLS.has(stringAt(bytes, fields.type))) {
      // What was said before a call, in the same answer, is an item of its own.
      const before = said.at(-1)
      if (before?.role === 'assistant') said[said.length - 1] = { ...before, step: true }
      else said.push(CALL)
    }
  }
  return said
}

const CALL: Said = {
  role: 'assistant',
  texts: [],
  media: false,
  step: true,
  speaker: null,
  slot: null,
}

function readKept(bytes: Uint8Array, { fields }: JsonNode): Asked['kept'] {
  const { conversation, previous_response_id } = fields
  const named = stringAt(bytes, conversation) || stringAt(bytes, conversation?.fields.id)
  const after = stringAt(bytes, previous_response_id)
  return named || after ? { conversation: named || null, after: after || null } : null
}

function readEvent(event: Fields, into: ReplyCollector): Progress {
  switch (event.type) {
    case 'response.created':
      readHead(fieldsOf(event.response), into)
      break
    case 'response.output_item.added':
      if (isClientCall(fieldsOf(event.item))) into.addToolCall()
      break
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      into.addText(stringOf(event.delta))
      break
    case 'response.completed':
    case 'response.incomplete':
      readEnd(fieldsOf(event.response), into)
      return 'ended'
    case 'response.failed':
    case 'response.cancelled':
      readEnd(fieldsOf(event.response), into)
      readError(fieldsOf(event.response).error, into)
      return 'ended'
    case 'error':
      readError(isFields(event.error) ? event.error : event, into)
      return 'ended'
  }
  return 'open'
}

function readResponse(response: Fields, into: ReplyCollector): Progress {
  for (const item of listOf(response.output).map(fieldsOf))
    if (isClientCall(item)) into.addToolCall()
  readEnd(response, into)
  if (response.error) readError(response.error, into)
  return 'ended'
}

function readEnd(response: Fields, into: ReplyCollector): void {
  readHead(response, into)
  if (into.reply().text === '') for (const text of textsOf(response)) into.addText(text)
  const reason = fieldsOf(response.incomplete_details).reason
  const finish = stringOf(reason) || stringOf(response.status)
  if (finish) into.setFinish(finish)
  if (isFields(response.usage)) into.setUsage(toUsage(response.usage))
}

function textsOf({ output }: Fields): string[] {
  return listOf(output)
    .map(fieldsOf)
    .filter(({ type }) => type === 'message')
    .flatMap(({ content }) => listOf(content).map(fieldsOf))
    .map((part) => stringOf(part.text) || stringOf(part.refusal))
}

function readHead(response: Fields, into: ReplyCollector): void {
  if (typeof response.id === 'string') into.setId(response.id)
  if (typeof response.model === 'string') into.setModel(response.model)
}

function readError(error: unknown, into: ReplyCollector): void {
  const body = isFields(error) ? { error } : { error: { message: 'the response failed' } }
  into.setError(errorFrom(500, JSON.stringify(body)).error)
}

function isClientCall({ type }: Fields): boolean {
  return CLIENT_CALLS.has(stringOf(type))
}

function toUsage(usage: Fields): Usage {
  const prompt = countOf(usage.input_tokens)
  const completion = countOf(usage.output_tokens)
  const reasoning = countOf(fieldsOf(usage.output_tokens_details).reasoning_tokens)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: countOf(usage.total_tokens) || prompt + completion,
    prompt_tokens_details: {
      cached_tokens: countOf(fieldsOf(usage.input_tokens_details).cached_tokens),
    },
    ...(reasoning > 0 && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}
