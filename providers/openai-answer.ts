/** What an answer of the OpenAI chat API says, whole or in chunks. */
import type { FrameReader } from './collect.ts'
import { errorFrom } from './error-body.ts'
import { type Fields, fieldsOf, isFields, listOf, stringOf } from './json.ts'
import { textOf, type Usage } from './openai.ts'
import { createReplyCollector, type Reply, type ReplyCollector } from './reply.ts'
import type { Progress } from './wire.ts'

/** Reads the chunks of one stream. */
export function chunkReader(): FrameReader {
  const calls = new Set<unknown>()
  return function readChunk(frame, into) {
    readCommon(frame, into)
    const choices = listOf(frame.choices).map(fieldsOf)
    const choice = choices.find(({ index }) => (index ?? 0) === 0) ?? {}
    const delta = fieldsOf(choice.delta)
    into.addText(stringOf(delta.content) + stringOf(delta.refusal))
    for (const call of listOf(delta.tool_calls).map(fieldsOf)) {
      // Some servers leave out the index; an id then begins a call.
      const key = call.index ?? call.id
      if (key === undefined || calls.has(key)) continue
      calls.add(key)
      into.addToolCall()
    }
    if (typeof choice.finish_reason === 'string') into.setFinish(choice.finish_reason)
    // Not every server sends `[DONE]`.
    return into.reply().finishReason === null ? 'open' : 'whole'
  }
}

/** Reads a chat.completion object, from a server that may be careless. */
export function readCompletion(answer: Fields, into: ReplyCollector): Progress {
  readCommon(answer, into)
  const choice = fieldsOf(listOf(answer.choices)[0])
  const message = fieldsOf(choice.message)
  into.addText(textOf(message.content) || stringOf(message.refusal))
  for (const _ of listOf(message.tool_calls)) into.addToolCall()
  if (typeof choice.finish_reason === 'string') into.setFinish(choice.finish_reason)
  return 'ended'
}

export function replyOf(completion: unknown): Reply {
  const collector = createReplyCollector()
  readCompletion(fieldsOf(completion), collector)
  return collector.reply()
}

function readCommon(answer: Fields, into: ReplyCollector): void {
  if (typeof answer.id === 'string') into.setId(answer.id)
  if (typeof answer.model === 'string') into.setModel(answer.model)
  if (isFields(answer.usage)) into.setUsage(answer.usage as Usage)
  if (answer.error) into.setError(errorFrom(500, JSON.stringify(answer)).error)
}
