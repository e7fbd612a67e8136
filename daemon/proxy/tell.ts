import type { Services } from '../services.ts'
import { memoryState, type Prepared } from './prepare.ts'

/** Tells the client, and the counters, what memory did. */
export function tellMemory(
  headers: Headers,
  prepared: Prepared,
  injected: number,
  { metrics }: Pick<Services, 'metrics'>,
): void {
  const state = memoryState(prepared, injected)
  headers.set('x-engram-conversation-id', prepared.conversationId)
  headers.set('x-engram-memories-injected', String(injected))
  if (prepared.receiptId !== null) headers.set('x-engram-receipt', prepared.receiptId)
  headers.set('x-engram-memory', state)
  const [name = 'none', detail = ''] = state.split('; ')
  metrics.countMemory(name as 'used' | 'none' | 'skipped', detail.replace(/^\w+=/, ''))
}

/** How long an answer is waited for, and for whom. */
export function limitsOf({ signal }: Request, { config }: Pick<Services, 'config'>) {
  return { silenceMs: config['proxy.silence_seconds'] * 1000, clientLeft: signal }
}
