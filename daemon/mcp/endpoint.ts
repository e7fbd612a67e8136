import {
  type AuthInfo,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
} from '@modelcontextprotocol/server'
import { EngramError, messageOf } from '../../memory/errors.ts'
import type { Caller } from '../identity.ts'
import { mcpResource, originOf } from '../oauth/origin.ts'
import { readValue } from '../read-value.ts'
import { namespaceName } from '../rest/schema.ts'
import type { Route } from '../route.ts'
import type { Services } from '../services.ts'
import { createLegacySse, type LegacySse } from './legacy-sse.ts'
import { readMessage } from './message.ts'
import { createMcpServer, type McpOptions, readClientName } from './server.ts'
import { newSession, readSession } from './session.ts'
import { restWithin } from './within.ts'

/** MCP over HTTP, in every form that is still spoken. */
export type McpEndpoint = Readonly<{
  /** One request of Streamable HTTP: revision 2026-07-28, or an older one. */
  handle(request: Request, caller: Caller): Promise<Response>
  sse: LegacySse
  /** Ends what is open: streams would hold a daemon that stops. */
  close(): Promise<void>
}>

const SESSION = 'mcp-session-id'

/** @param routes every route of the REST interface, which the tools use */
export function createMcpEndpoint(routes: readonly Route[], services: Services): McpEndpoint {
  /** Which server answers is decided by what came with the request, so it travels with it. */
  const purposes = new WeakMap<Request, Purpose>()
  const serve = ({ caller, options }: Purpose) =>
    createMcpServer(restWithin(routes, caller, services), options)

  const handler = createMcpHandler(({ requestInfo }) => serve(purposes.get(requestInfo!)!), {
    onerror: (error) => services.log.debug({ error: messageOf(error) }, 'mcp'),
  })

  const sse = createLegacySse((request, caller) =>
    serve({ caller, options: { namespace: namespaceOf(request) } }),
  )

  return {
    sse,

    async handle(request, caller) {
      if (request.method !== 'POST') return handler.fetch(request)
      let body: unknown
      try {
        body = await readMessage(request)
      } catch (error) {
        return unreadable(error)
      }
      const session = request.headers.get(SESSION)
      let clientName: string | null = null
      if (session !== null && (await isLegacyRequest(request, body))) {
        clientName = readSession(session, caller, services.pepper)
        if (clientName === null) return sessionNotFound(body)
      }
      purposes.set(request, {
        caller,
        options: { namespace: namespaceOf(request), clientName: clientName || undefined },
      })
      const authInfo = authOf(request, caller, services)
      const response = await handler.fetch(request, {
        parsedBody: body,
        ...(authInfo === undefined ? {} : { authInfo }),
      })
      if (response.ok && isInitializeRequest(body)) {
        const name = readClientName(body.params.clientInfo.name)
        response.headers.set(SESSION, newSession(name, caller, services.pepper))
      }
      return response
    },

    async close() {
      sse.closeAll()
      await handler.close()
    },
  }
}

type Purpose = Readonly<{ caller: Caller; options: McpOptions }>

/** @throws EngramError `invalid` */
function namespaceOf(request: Request): string | undefined {
  const given = request.headers.get('x-engram-namespace')?.trim()
  return given ? readValue(namespaceName, given) : undefined
}

/** Of apps only: whoever comes with a key cannot ask for more by OAuth. */
function authOf(request: Request, caller: Caller, { config }: Services): AuthInfo | undefined {
  if (caller.kind !== 'user' || !caller.key?.app) return undefined
  return {
    // Nothing behind here has a use for the token itself.
    token: '',
    clientId: caller.key.id,
    scopes: caller.key.scope === 'write' ? ['read', 'write'] : ['read'],
    resource: new URL(mcpResource(originOf(request, config))),
  }
}

/** What is no message at all, in the protocol's own words (JSON-RPC 2.0, 5.1). */
function unreadable(error: unknown): Response {
  if (!(error instanceof EngramError)) throw error
  const [status, code] = error.code === 'too_large' ? [413, -32600] : [400, -32700]
  return jsonRpcError(status, code, `the request was not read: ${error.message}`, null)
}

/** By this answer a client knows to begin anew (2025-11-25, "Session Management"). */
function sessionNotFound(body: unknown): Response {
  const id = (body as { id?: unknown } | null)?.id
  const known = typeof id === 'string' || typeof id === 'number' ? id : null
  return jsonRpcError(404, -32001, 'Session not found', known)
}

function jsonRpcError(
  status: number,
  code: number,
  message: string,
  id: string | number | null,
): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id }, { status })
}
