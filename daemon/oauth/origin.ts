import type { Config } from '../config.ts'

/**
 * The address under which a request reached us, which the gate has found to be one of ours. Clients compare
 * it with the one they were given, so it is not always the address we listen at: localhost and 127.0.0.1 are
 * two.
 */
export function originOf(request: Request, config: Config): string {
  const tls = config['server.tls_cert'] !== null || config['server.behind_proxy']
  return new URL(`${tls ? 'https' : 'http'}://${request.headers.get('host')}`).origin
}

/** What the tokens of apps are for (RFC 8707): the MCP server here, whichever way it is spoken to. */
export const mcpResource = (origin: string): string => `${origin}/mcp`

/** Addresses of the MCP server that a client may have been given. */
export const MCP_PATHS = ['/mcp', '/sse'] as const
