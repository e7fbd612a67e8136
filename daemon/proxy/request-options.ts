import { EngramError } from '../../memory/errors.ts'
import { DEFAULT_NAMESPACE } from '../../memory/memory.ts'
import { textProblem } from '../body.ts'
import { LIMITS } from '../rest/schema.ts'
import { readChoice } from './memory-mode.ts'

/** The namespace that a proxied request remembers in. @throws EngramError `invalid` */
export function readNamespace(headers: Headers): string {
  const name = headers.get('x-engram-namespace')?.trim()
  if (!name) return DEFAULT_NAMESPACE
  if (name.length > LIMITS.namespace || textProblem(name)) {
    throw new EngramError(
      'invalid',
      `X-Engram-Namespace must be at most ${LIMITS.namespace} characters without control characters`,
    )
  }
  return name
}

/** A conversation can be named by our id or by one of the client's own. @throws EngramError `invalid` */
export function readConversation(headers: Headers) {
  const given = headers.get('x-engram-conversation-id')?.trim() || null
  if (given !== null && (given.length > LIMITS.sessionId || textProblem(given))) {
    throw new EngramError(
      'invalid',
      `X-Engram-Conversation-ID must be at most ${LIMITS.sessionId} characters`,
    )
  }
  const isOurs = given?.startsWith('conv_') ?? false
  return {
    source: 'proxy',
    conversationId: isOurs ? given : null,
    sessionId: isOurs ? null : given,
  }
}

/** Where memories go: into the turn that asks, or to the end of the system's text. @throws EngramError `invalid` */
export function readPlacement(headers: Headers): 'turn' | 'system' {
  return readChoice(headers, 'x-engram-placement', { turn: 'turn', system: 'system' }) ?? 'turn'
}
