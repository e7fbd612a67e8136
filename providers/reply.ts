/** What was answered, and how it is collected while the answer passes by. */
import type { OpenAiError, Usage } from './openai.ts'

/** An answer as memory sees it. Of several choices only the first counts. */
export type Reply = Readonly<{
  /** What the assistant said, at most `MAX_REPLY_BYTES` of UTF-8. */
  text: string
  /** `text` is not all of it: the cap was reached, or frames could not be read. */
  truncated: boolean
  toolCalls: number
  finishReason: string | null
  usage: Usage | null
  /** The model that answered, as the provider names it. */
  model: string | null
  /** The provider's name for the answer. */
  id: string | null
  /** An error that came inside the stream, after its status 200. */
  error: OpenAiError['error'] | null
}>

/** How much of an answer's text is kept; forwarding is never capped. */
export const MAX_REPLY_BYTES = 512 * 1024

export interface ReplyCollector {
  addText(text: string): void
  addToolCall(): void
  setFinish(reason: string): void
  setUsage(usage: Usage): void
  setModel(model: string): void
  setId(id: string): void
  setError(error: OpenAiError['error']): void
  /** Something could not be read: the text has a gap. */
  setTruncated(): void
  reply(): Reply
}

export function createReplyCollector(): ReplyCollector {
  const encoder = new TextEncoder()
  let roomBytes = MAX_REPLY_BYTES
  let reply: Reply = {
    text: '',
    truncated: false,
    toolCalls: 0,
    finishReason: null,
    usage: null,
    model: null,
    id: null,
    error: null,
  }
  const set = (change: Partial<Reply>): void => {
    reply = { ...reply, ...change }
  }
  return {
    addText(text) {
      if (text === '') return
      // encodeInto stops before a character that does not fit whole; three bytes are the most one unit takes.
      const room = new Uint8Array(Math.min(roomBytes, text.length * 3))
      const { read, written } = encoder.encodeInto(text, room)
      const isWhole = read === text.length
      roomBytes = isWhole ? roomBytes - written : 0
      set({ text: reply.text + text.slice(0, read), truncated: reply.truncated || !isWhole })
    },
    addToolCall: () => set({ toolCalls: reply.toolCalls + 1 }),
    setFinish: (finishReason) => set({ finishReason }),
    setUsage: (usage) => set({ usage }),
    setModel: (model) => set({ model }),
    setId: (id) => set({ id }),
    setError: (error) => set({ error }),
    setTruncated: () => set({ truncated: true }),
    reply: () => reply,
  }
}
