import type { Served } from '../../daemon/fixtures/executable.ts'
import { pick, whole } from '../random.ts'
import { type Kind, type Operation, SAYINGS, tokenOf } from './ledger.ts'

const KINDS: readonly Kind[] = ['write', 'capture', 'capture and wait', 'chat', 'stream']

/** A new operation; `number` is counted up over the whole campaign. */
export function newOperation(number: number, random: () => number): Operation {
  const token = tokenOf(number)
  return {
    kind: pick(random, KINDS),
    token,
    words: pick(random, SAYINGS)(token),
    outcome: 'unknown',
    status: null,
    memoryId: null,
    conversationId: null,
    sent: 0,
  }
}

/**
 * Sends an operation and notes in it what the client saw. An answer that does not come, or breaks off, leaves
 * it unknown: that is no error here.
 */
export async function perform(operation: Operation, served: Served): Promise<void> {
  operation.sent++
  try {
    await SENDERS[operation.kind](operation, served)
  } catch (error) {
    // `fetch` fails with these when the other side is killed; anything else is a fault of this program.
    const code = (error as { code?: string }).code
    if (!LOST.has(code ?? '')) throw error
  }
}

const LOST = new Set([
  'ConnectionRefused',
  'ConnectionClosed',
  'ECONNRESET',
  'ECONNREFUSED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

const SENDERS: Readonly<Record<Kind, (operation: Operation, served: Served) => Promise<void>>> = {
  async write(operation, served) {
    const answer = await served.ask('POST', '/memories', { content: operation.words })
    if (!accept(operation, answer, [201, 200])) return
    operation.memoryId = ((await answer.json()) as { id: string }).id
    operation.outcome = 'ok'
  },
  capture: (operation, served) => capture(operation, served, '?wait=0', [202, 201]),
  'capture and wait': (operation, served) => capture(operation, served, '', [201]),
  chat: (operation, served) => chat(operation, served, false),
  stream: (operation, served) => chat(operation, served, true),
}

async function capture(
  operation: Operation,
  served: Served,
  query: string,
  statuses: readonly number[],
): Promise<void> {
  const answer = await served.ask('POST', `/memories/capture${query}`, {
    user_message: operation.words,
    assistant_response: 'I see.',
  })
  if (!accept(operation, answer, statuses)) return
  const { conversation_id: id } = (await answer.json()) as { conversation_id: string }
  operation.conversationId = id
  operation.outcome = 'ok'
}

async function chat(operation: Operation, served: Served, stream: boolean): Promise<void> {
  const answer = await served.ask('POST', '/v1/chat', {
    model: 'mock',
    stream,
    messages: [{ role: 'user', content: operation.words }],
  })
  if (!accept(operation, answer, [200])) return
  operation.conversationId = answer.headers.get('x-engram-conversation-id')
  if (!stream) {
    await answer.json()
    operation.outcome = 'ok'
    return
  }
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true })
    // The end that a client acts on, whatever becomes of the connection afterwards.
    if (text.includes('data: [DONE]\n\n')) operation.outcome = 'ok'
  }
}

function accept(operation: Operation, { status }: Response, statuses: readonly number[]): boolean {
  if (statuses.includes(status)) return true
  operation.outcome = 'refused'
  operation.status = status
  return false
}

/** Clients that send one operation after the other, with short pauses, until they are told to stop. */
export function startClients(
  options: Readonly<{
    served: Served
    clients: number
    random: () => number
    next: () => Operation
    signal: AbortSignal
  }>,
): Promise<unknown> {
  const { served, random, next, signal } = options
  const client = async () => {
    while (!signal.aborted) {
      await perform(next(), served)
      await Bun.sleep(whole(random, 12))
    }
  }
  return Promise.all(Array.from({ length: options.clients }, client))
}
