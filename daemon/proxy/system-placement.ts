import type { ChatBody, ChatMessage } from '../../providers/openai.ts'

/**
 * Puts a block in front of the system prompt: before the text of the first system or developer message, or
 * as a message of its own when there is none. A prompt given as parts stays parts; every other byte of the
 * request stays as it is.
 */
export function placeInSystem(body: ChatBody, block: string): ChatBody {
  const at = body.messages.findIndex(({ role }) => role === 'system' || role === 'developer')
  if (at < 0) {
    return { ...body, messages: [{ role: 'system', content: block }, ...body.messages] }
  }
  const messages = body.messages.with(at, inFront(body.messages[at]!, block))
  return { ...body, messages }
}

function inFront(message: ChatMessage, block: string): ChatMessage {
  const { content } = message
  if (Array.isArray(content)) {
    return { ...message, content: [{ type: 'text', text: `${block}\n\n` }, ...content] }
  }
  return { ...message, content: content ? `${block}\n\n${content as string}` : block }
}
