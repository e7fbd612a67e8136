import { McpServer } from '@modelcontextprotocol/server'
import { VERSION } from '../version.ts'
import { INSTRUCTIONS, type Rest, registerTools, type ToolOptions } from './tools.ts'

/** An MCP server with our tools over the REST interface, for one connection of any kind. */
export function createMcpServer(rest: Rest, options: ToolOptions = {}): McpServer {
  const server = new McpServer(
    { name: 'engram', title: 'Engram', version: VERSION.version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  )
  registerTools(server, rest, options)
  return server
}
