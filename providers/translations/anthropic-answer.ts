/** What comes back from POST /v1/messages, in OpenAI's form. */
import { EngramError } from '../../memory/errors.ts'
import { errorFrom } from '../error-body.ts'
import { countOf, entryOf, type Fields, fieldsOf, isFields, stringOf } from '../json.ts'
import type { ChatBody, ChatCompletion, FinishReason, ToolCall, Usage } from '../openai.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import type { Translation } from './translated-stream.ts'

/** Any other reason, `end_turn`, `stop_sequence` and `pause_turn` among them, is `stop`. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

function toFinishReason(stopReason: unknown): FinishReason {
  return entryOf(FINISH_REASONS, stopReason) ?? 'stop'
}

export function toCompletion(answer: unknown, asked: ChatBody, createdAt: number): ChatCompletion {
  if (!isFields(answer) || !Array.isArray(answer.content)) {
    throw new EngramError('upstream', 'the answer of Anthropic has no `content`')
  }
  const blocks = answer.content.map(fieldsOf)
  const text = blocks.filter(({ type }) => type === 'text').map((block) => stringOf(block.text))
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toToolCall)
  const message = {
    role: 'assistant',
    content: text.length > 0 || calls.length === 0 ? text.join('') : null,
    refusal: null,
    ...(calls.length > 0 && { tool_calls: calls }),
  } as const
  const finish_reason = toFinishReason(answer.stop_reason)
  return {
    id: stringOf(answer.id),
    object: 'chat.completion',
    created: Math.floor(createdAt / 1000),
    model: stringOf(answer.model) || asked.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    usage: toUsage(fieldsOf(answer.usage)),
  }
}

function toToolCall({ id, name, input }: Fields): ToolCall {
  const text = JSON.stringify(input ?? {})
  return { id: stringOf(id), type: 'function', function: { name: stringOf(name), arguments: text } }
}

/** Anthropic counts apart what a cache took or gave; OpenAI counts it all as prompt. */
export function toUsage(usage: Fields): Usage {
  const cached = countOf(usage.cache_read_input_tokens)
  const written = countOf(usage.cache_creation_input_tokens)
  const prompt = countOf(usage.input_tokens) + written + cached
  const completion = countOf(usage.output_tokens)
  const thinking = countOf(fieldsOf(usage.output_tokens_details).thinking_tokens)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    ...(thinking > 0 && { completion_tokens_details: { reasoning_tokens: thinking } }),
  }
}

/** A tool call whose arguments are still coming in. */
type OpenCall = { index: number; hasArguments: boolean; input: Fields }

/**
 * Events as in platform.claude.com/docs/en/build-with-claude/streaming. Thinking, signatures, citations,
 * `ping` and event types that came later are passed over.
 */
export function translateEvents(writer: ChunkWriter, asked: ChatBody): Translation {
  /** By index of the content block. */
  const openCalls = new Map<unknown, OpenCall>()
  let usage: Fields = {}
  let stopReason: unknown

  const readers: Readonly<Record<string, (event: Fields) => void>> = {
    message_start({ message }) {
      const { id, model, usage: first } = fieldsOf(message)
      usage = fieldsOf(first)
      writer.begin({ id: stringOf(id), model: stringOf(model) || asked.model })
      writer.open(0)
    },
    content_block_start({ index, content_block }) {
      const block = fieldsOf(content_block)
      if (block.type === 'text') writer.text(0, stringOf(block.text))
      if (block.type !== 'tool_use') return
      const call = toToolCall({ id: block.id, name: block.name })
      const begun = { ...call, function: { ...call.function, arguments: '' } }
      openCalls.set(index, {
        index: writer.toolCall(0, begun),
        hasArguments: false,
        input: fieldsOf(block.input),
      })
    },
    content_block_delta({ index, delta }) {
      const { type, text, partial_json } = fieldsOf(delta)
      const call = openCalls.get(index)
      if (type === 'text_delta') writer.text(0, stringOf(text))
      if (type !== 'input_json_delta' || !call || !stringOf(partial_json)) return
      call.hasArguments = true
      writer.toolArguments(0, call.index, stringOf(partial_json))
    },
    content_block_stop({ index }) {
      const call = openCalls.get(index)
      // A tool without parameters gets no fragment at all, but clients parse the arguments as JSON.
      if (call && !call.hasArguments) {
        writer.toolArguments(0, call.index, JSON.stringify(call.input))
      }
      openCalls.delete(index)
    },
    message_delta({ delta, usage: latest }) {
      stopReason = fieldsOf(delta).stop_reason ?? stopReason
      usage = { ...usage, ...withoutNulls(fieldsOf(latest)) }
      writer.usage(toUsage(usage))
    },
    message_stop() {
      writer.finish(0, toFinishReason(stopReason))
      writer.done()
    },
    error(event) {
      writer.fail(errorFrom(500, JSON.stringify(event)))
    },
  }
  return {
    read: (event) => entryOf(readers, event.type)?.(event),
    close() {},
  }
}

/** The final numbers replace the first ones, but a null among them means that nothing changed. */
function withoutNulls(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}
