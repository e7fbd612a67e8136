import { randomBytes } from 'node:crypto'
import {
  type JSONRPCMessage,
  type McpServer,
  parseJSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/server'
import { EngramError } from '../../memory/errors.ts'
import type { Caller } from '../identity.ts'
import { readMessage } from './message.ts'
import { principalOf } from './session.ts'

/**
 * MCP in its form of 2024-11-05: answers come on a stream that stays open, requests go by POST to an address
 * that the stream names first. Only on request (`server.legacy_sse`), for clients that know no other.
 */
export type LegacySse = Readonly<{
  open(request: Request, caller: Caller): Promise<Response>
  post(request: Request, caller: Caller): Promise<Response>
  closeAll(): void
}>

const MAX_STREAMS = 256
/** Proxies close what is silent for a minute. */
const KEEP_ALIVE_MS = 15_000
/** A client that does not read what it asked for is let go. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

/** @param newServer one for each stream: two clients never share what answers them */
export function createLegacySse(
  newServer: (request: Request, caller: Caller) => McpServer,
  maxStreams = MAX_STREAMS,
): LegacySse {
  const sessions = new Map<string, { stream: SseTransport; principal: string }>()

  return {
    async open(request, caller) {
      if (sessions.size >= maxStreams) {
        throw new EngramError('unavailable', `${maxStreams} MCP streams are open already`, {
          fix: 'close clients, or connect them to /mcp, which needs none',
        })
      }
      const id = randomBytes(16).toString('base64url')
      const server = newServer(request, caller)
      const stream = openStream(id, () => sessions.delete(id))
      sessions.set(id, { stream, principal: principalOf(caller) })
      request.signal.addEventListener('abort', () => void stream.close(), { once: true })
      await server.connect(stream)
      return stream.response
    },

    async post(request, caller) {
      const id = new URL(request.url).searchParams.get('sessionId') ?? ''
      const session = sessions.get(id)
      // Somebody else's is none.
      if (!session || session.principal !== principalOf(caller)) {
        throw new EngramError('not_found', 'there is no such MCP session', {
          fix: 'open GET /sse, and post to the address that it names',
        })
      }
      const message = readJsonRpc(await readMessage(request))
      session.stream.onmessage?.(message)
      return new Response('Accepted', { status: 202 })
    },

    closeAll() {
      for (const { stream } of [...sessions.values()]) void stream.close()
    },
  }
}

function readJsonRpc(value: unknown): JSONRPCMessage {
  try {
    return parseJSONRPCMessage(value)
  } catch {
    throw new EngramError('malformed', 'the body is not a JSON-RPC 2.0 message')
  }
}

type SseTransport = Transport & Readonly<{ response: Response }>

function openStream(sessionId: string, onEnd: () => void): SseTransport {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const encoder = new TextEncoder()
  const timer = setInterval(() => write(': alive\n\n'), KEEP_ALIVE_MS)
  let isOpen = true

  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
  )

  function write(text: string): void {
    if (!isOpen) return
    controller.enqueue(encoder.encode(text))
    if ((controller.desiredSize ?? 0) <= 0) void transport.close()
  }

  function end(): void {
    if (!isOpen) return
    isOpen = false
    clearInterval(timer)
    onEnd()
    transport.onclose?.()
  }

  const transport: SseTransport = {
    sessionId,
    response: new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      },
    }),
    async start() {
      write(`event: endpoint\ndata: /messages?sessionId=${sessionId}\n\n`)
    },
    async send(message) {
      write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
    },
    async close() {
      if (!isOpen) return
      controller.close()
      end()
    },
  }
  return transport
}
