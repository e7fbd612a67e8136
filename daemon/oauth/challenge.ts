import type { Config } from '../config.ts'
import { scopeText } from './answers.ts'
import { resourceMetadataUrl } from './metadata.ts'
import { MCP_PATHS, originOf } from './origin.ts'

/** What a client that was refused is told: where it finds out how to be let in (RFC 6750 3, RFC 9728 5.1). */
export function bearerChallenge(request: Request, config: Config): string {
  if (!config['server.oauth']) return 'Bearer realm="engram"'
  const { pathname } = new URL(request.url)
  const path = MCP_PATHS.find((one) => one === pathname) ?? MCP_PATHS[0]
  const error = request.headers.has('authorization') ? ' error="invalid_token",' : ''
  const metadata = resourceMetadataUrl(originOf(request, config), path)
  return `Bearer realm="engram",${error} resource_metadata="${metadata}", scope="${scopeText('write')}"`
}
