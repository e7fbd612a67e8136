/** What comes back from generateContent and streamGenerateContent, in OpenAI's form. */
import { EngramError } from '../../memory/errors.ts'
import { errorFrom } from '../error-body.ts'
import { countOf, entryOf, type Fields, fieldsOf, isFields, listOf, stringOf } from '../json.ts'
import type { ChatBody, ChatCompletion, FinishReason, ToolCall, Usage } from '../openai.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import { openAiCallId } from './gemini-call-id.ts'
import type { Translation } from './translated-stream.ts'

/** Any other reason is `stop`, or `tool_calls` when there are some. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  MAX_TOKENS: 'length',
  CONTINUATION: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
}

function toFinishReason(reason: unknown, calls: number): FinishReason {
  return entryOf(FINISH_REASONS, reason) ?? (calls > 0 ? 'tool_calls' : 'stop')
}

export function toCompletion(answer: unknown, asked: ChatBody, createdAt: number): ChatCompletion {
  const { responseId, modelVersion, usageMetadata } = fieldsOf(answer)
  const id = stringOf(responseId) || newAnswerId()
  return {
    id,
    object: 'chat.completion',
    created: Math.floor(createdAt / 1000),
    model: stringOf(modelVersion) || asked.model,
    choices: readCandidates(answer).map((candidate, index) => toChoice(candidate, index, id)),
    usage: toUsage(fieldsOf(usageMetadata)),
  }
}

/** A prompt that was blocked has no candidates: it gets one, empty and filtered. */
function readCandidates(answer: unknown): readonly Fields[] {
  const { candidates, promptFeedback } = fieldsOf(answer)
  const found = listOf(candidates).map(fieldsOf)
  if (found.length > 0) return found
  if (fieldsOf(promptFeedback).blockReason) return [{ finishReason: 'SAFETY' }]
  throw new EngramError('upstream', 'the answer of Gemini has no `candidates`')
}

function toChoice(candidate: Fields, index: number, id: string): ChatCompletion['choices'][number] {
  const parts = partsOf(candidate)
  const text = parts.map((part) => stringOf(part.text)).join('')
  const calls = parts.filter(isCall).map((part, place) => toToolCall(part, id, place))
  return {
    index,
    message: {
      role: 'assistant',
      content: text !== '' || calls.length === 0 ? text : null,
      refusal: null,
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    logprobs: null,
    finish_reason: toFinishReason(candidate.finishReason, calls.length),
  }
}

/** What was said and called; thoughts are not part of the answer. */
function partsOf(candidate: Fields): Fields[] {
  return listOf(fieldsOf(candidate.content).parts)
    .map(fieldsOf)
    .filter((part) => part.thought !== true)
}

function isCall(part: Fields): boolean {
  return isFields(part.functionCall)
}

function toToolCall(
  { functionCall, thoughtSignature }: Fields,
  answer: string,
  place: number,
): ToolCall {
  const { id, name, args } = fieldsOf(functionCall)
  const signature = stringOf(thoughtSignature)
  return {
    id: openAiCallId(stringOf(id), answer, place),
    type: 'function',
    function: { name: stringOf(name), arguments: JSON.stringify(args ?? {}) },
    ...(signature && { extra_content: { google: { thought_signature: signature } } }),
  }
}

export function toUsage(usage: Fields): Usage {
  const thoughts = countOf(usage.thoughtsTokenCount)
  const prompt = countOf(usage.promptTokenCount) + countOf(usage.toolUsePromptTokenCount)
  const completion = countOf(usage.candidatesTokenCount) + thoughts
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: countOf(usage.totalTokenCount) || prompt + completion,
    prompt_tokens_details: { cached_tokens: countOf(usage.cachedContentTokenCount) },
    ...(thoughts > 0 && { completion_tokens_details: { reasoning_tokens: thoughts } }),
  }
}

function newAnswerId(): string {
  return `chatcmpl-${crypto.randomUUID()}`
}

/**
 * Every frame is a generateContent answer with the next piece. There is no last frame to wait for: the answer
 * is whole when the upstream closes after each candidate gave its reason for finishing.
 */
export function translateFrames(writer: ChunkWriter, asked: ChatBody): Translation {
  /** By index of the candidate: its reason for finishing, and how many tools it called. */
  const candidates = new Map<number, { reason: unknown; calls: number }>()
  let answerId = ''

  function begin(frame: Fields): void {
    if (answerId !== '') return
    answerId = stringOf(frame.responseId) || newAnswerId()
    writer.begin({ id: answerId, model: stringOf(frame.modelVersion) || asked.model })
  }

  function readCandidate(candidate: Fields): void {
    const index = countOf(candidate.index)
    const state = candidates.get(index) ?? { reason: undefined, calls: 0 }
    candidates.set(index, state)
    writer.open(index)
    for (const part of partsOf(candidate)) {
      if (isCall(part)) writer.toolCall(index, toToolCall(part, answerId, state.calls++))
      else writer.text(index, stringOf(part.text))
    }
    state.reason = candidate.finishReason ?? state.reason
  }

  return {
    read(frame) {
      if (frame.error) {
        writer.fail(errorFrom(500, JSON.stringify(frame)))
        return
      }
      begin(frame)
      for (const candidate of listOf(frame.candidates)) readCandidate(fieldsOf(candidate))
      if (candidates.size === 0 && fieldsOf(frame.promptFeedback).blockReason) {
        readCandidate({ finishReason: 'SAFETY' })
      }
      if (isFields(frame.usageMetadata)) writer.usage(toUsage(frame.usageMetadata))
    },
    close() {
      const states = [...candidates]
      if (states.length === 0 || states.some(([, { reason }]) => !reason)) return
      for (const [index, { reason, calls }] of states) {
        writer.finish(index, toFinishReason(reason, calls))
      }
      writer.done()
    },
  }
}
