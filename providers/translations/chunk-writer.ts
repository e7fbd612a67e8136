/** Writes an answer as OpenAI's stream of chunks, and collects the reply on the way. */
import type {
  ChatBody,
  ChatChunk,
  ChunkDelta,
  FinishReason,
  OpenAiError,
  ToolCall,
  Usage,
} from '../openai.ts'
import { createReplyCollector, type Reply } from '../reply.ts'

export interface ChunkWriter {
  /** Says who answers. Call it first. */
  begin(answer: Readonly<{ id: string; model: string }>): void
  /** The role frame of a choice; the other methods see to it themselves. */
  open(choice: number): void
  text(choice: number, text: string): void
  /** Begins a tool call and returns its index, by which its arguments are added. */
  toolCall(choice: number, call: ToolCall): number
  toolArguments(choice: number, index: number, fragment: string): void
  finish(choice: number, reason: FinishReason): void
  /** The totals so far; sent with `done`, if they were asked for. */
  usage(usage: Usage): void
  /** An error as the last frame: nothing is written after it. */
  fail(error: OpenAiError): void
  /** The usage frame, if asked for, and `[DONE]`: nothing is written after it. */
  done(): void
  hasEnded(): boolean
  /** The frames written since the last call. */
  take(): Uint8Array
  reply(): Reply
}

export function createChunkWriter(asked: ChatBody, createdAt: number): ChunkWriter {
  const encoder = new TextEncoder()
  const collector = createReplyCollector()
  const withUsage = asked.stream_options?.include_usage === true
  /** Per opened choice, how many tool calls it has. */
  const calls = new Map<number, number>()
  let head = { id: '', model: asked.model }
  let frames = ''
  let ended = false

  function write(data: string): void {
    if (!ended) frames += `data: ${data}\n\n`
  }

  function writeChunk(choices: ChatChunk['choices'], usage: Usage | null = null): void {
    const chunk: ChatChunk = {
      id: head.id,
      object: 'chat.completion.chunk',
      created: Math.floor(createdAt / 1000),
      model: head.model,
      choices,
      ...(withUsage && { usage }),
    }
    write(JSON.stringify(chunk))
  }

  function writeDelta(index: number, delta: ChunkDelta, reason: FinishReason | null = null): void {
    writeChunk([{ index, delta, logprobs: null, finish_reason: reason }])
  }

  function open(choice: number): void {
    if (calls.has(choice)) return
    calls.set(choice, 0)
    writeDelta(choice, { role: 'assistant', content: '' })
  }

  return {
    begin(answer) {
      head = answer
      collector.setModel(answer.model)
    },
    open,
    text(choice, text) {
      open(choice)
      if (text === '') return
      if (choice === 0) collector.addText(text)
      writeDelta(choice, { content: text })
    },
    toolCall(choice, call) {
      open(choice)
      if (choice === 0) collector.addToolCall()
      const index = calls.get(choice) ?? 0
      calls.set(choice, index + 1)
      writeDelta(choice, { tool_calls: [{ index, ...call }] })
      return index
    },
    toolArguments(choice, index, fragment) {
      writeDelta(choice, { tool_calls: [{ index, function: { arguments: fragment } }] })
    },
    finish(choice, reason) {
      open(choice)
      if (choice === 0) collector.setFinish(reason)
      writeDelta(choice, {}, reason)
    },
    usage: collector.setUsage,
    fail(error) {
      collector.setError(error.error)
      write(JSON.stringify(error))
      ended = true
    },
    done() {
      const { usage } = collector.reply()
      if (withUsage && usage) writeChunk([], usage)
      write('[DONE]')
      ended = true
    },
    hasEnded: () => ended,
    take() {
      const bytes = encoder.encode(frames)
      frames = ''
      return bytes
    },
    reply: collector.reply,
  }
}
