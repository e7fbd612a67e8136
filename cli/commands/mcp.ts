import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Rest } from '../../daemon/mcp/rest.ts'
import { createMcpServer } from '../../daemon/mcp/server.ts'
import { messageOf } from '../../memory/errors.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'

type Flags = { stdio?: boolean; client?: string }

/**
 * Speaks MCP over standard input and output, and passes each tool call on to the daemon. Nothing else may
 * ever be written to standard output.
 */
export async function mcp(call: Call<Flags, object>): Promise<number> {
  if (!call.flags.stdio) {
    throw usage(
      'over what? Over HTTP the daemon serves MCP by itself, at /mcp',
      'engram mcp --stdio',
    )
  }
  const rest = createRest(call)
  // The first tool call should not wait for a daemon to start; whether it does, that call will tell.
  void rest.warm().catch(() => {})
  const options = { namespace: call.globals.namespace, source: call.flags.client }
  const handle = serveStdio(() => createMcpServer(rest, options), {
    onerror: (error) => call.out.error(`mcp: ${messageOf(error)}`),
  })
  call.finishFirst()
  await untilClosed(call.signal)
  await handle.close()
  return 0
}

/** The daemon, found at the first call and again whenever it has gone. */
function createRest(call: Call<object, object>): Rest & Readonly<{ warm(): Promise<Client> }> {
  let connecting: Promise<Client> | null = null
  const connect = () => {
    connecting ??= call.client().catch((error) => {
      connecting = null
      throw error
    })
    return connecting
  }
  return {
    warm: connect,
    ask: async (answer, request) => (await connect()).ask(answer, request),
    tell: async (request) => (await connect()).tell(request),
  }
}

/** The client ends the session by closing our input. */
async function untilClosed(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdin.once('end', resolve)
    process.stdin.once('close', resolve)
    process.once('SIGTERM', resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
