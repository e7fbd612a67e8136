import { CLIENT_INFO_META_KEY, McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { textProblem } from '../body.ts'
import * as schema from '../rest/schema.ts'
import { VERSION } from '../version.ts'
import { INSTRUCTIONS } from './instructions.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import type { Rest } from './rest.ts'
import { registerTool, type ToolContext } from './tool.ts'
import { TOOLS } from './tools.ts'

export type McpOptions = Readonly<{
  /** The partition that the tools work in; the user's default one without. */
  namespace?: string | undefined
  /** The client's name as it was set up here, which goes before what it and its model call it. */
  source?: string | undefined
  /** As the client called itself in an earlier request. */
  clientName?: string | undefined
}>

/** The same for everybody, and as long as this version runs. */
const LISTS_LAST_MS = 5 * 60_000

/** An MCP server with our tools over the REST interface, for one connection or one request of any kind. */
export function createMcpServer(rest: Rest, options: McpOptions = {}): McpServer {
  const lists = { ttlMs: LISTS_LAST_MS, cacheScope: 'public' } as const
  const server = new McpServer(
    { name: 'engram', title: 'Engram', version: VERSION.version },
    {
      // The lists never change while we run, and nobody is told when a memory does: clients ask.
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false, subscribe: false },
        prompts: { listChanged: false },
      },
      instructions: INSTRUCTIONS,
      cacheHints: {
        'tools/list': lists,
        'prompts/list': lists,
        'resources/list': lists,
        'resources/templates/list': lists,
        'server/discover': lists,
      },
    },
  )
  const contextOf = (call: ServerContext): ToolContext => ({
    rest,
    inNamespace: options.namespace === undefined ? {} : { namespace: options.namespace },
    source: {
      set: options.source ?? null,
      usual: clientName(server, call) ?? options.clientName ?? 'mcp',
    },
  })
  for (const tool of TOOLS) registerTool(server, tool, contextOf)
  registerResources(server, contextOf)
  registerPrompts(server, contextOf)
  return server
}

/** As the client calls itself: with each request since 2026-07-28, in the handshake before. */
function clientName({ server }: McpServer, call: ServerContext): string | null {
  const envelope = call.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined
  const info = envelope?.[CLIENT_INFO_META_KEY] ?? server.getClientVersion()
  return readClientName((info as { name?: unknown } | undefined)?.name)
}

/** A name that can be kept as a source; null for none. */
export function readClientName(name: unknown): string | null {
  if (typeof name !== 'string' || textProblem(name) !== null) return null
  return name.trim().slice(0, schema.LIMITS.source).toWellFormed() || null
}
