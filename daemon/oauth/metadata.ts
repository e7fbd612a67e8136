import { json } from '../rest/shapes.ts'
import { type Route, route } from '../route.ts'
import { MCP_PATHS, originOf } from './origin.ts'

/** What an app may ask for; write includes read. */
export const SCOPES = ['read', 'write'] as const

const RESOURCE_METADATA = '/.well-known/oauth-protected-resource'

/** Where an app that was refused finds out how to be let in. */
export const resourceMetadataUrl = (origin: string, path: string): string =>
  `${origin}${RESOURCE_METADATA}${path}`

/** Documents by which apps find their way: RFC 9728 says who lets them in, RFC 8414 how. */
export const metadataRoutes: readonly Route[] = [
  // Clients that are given no path of it look at the root.
  ...['', ...MCP_PATHS].map((path) =>
    route({
      method: 'GET',
      path: `${RESOURCE_METADATA}${path}`,
      access: 'oauth',
      switch: 'server.oauth',
      tag: 'oauth',
      summary: 'Who lets apps in here (RFC 9728)',
      answers: { 200: { description: 'the document' } },
      handle({ request, services }) {
        const origin = originOf(request, services.config)
        return json({
          resource: `${origin}${path || MCP_PATHS[0]}`,
          authorization_servers: [origin],
          scopes_supported: SCOPES,
          bearer_methods_supported: ['header'],
          resource_name: 'Engram',
        })
      },
    }),
  ),
  route({
    method: 'GET',
    path: '/.well-known/oauth-authorization-server',
    access: 'oauth',
    switch: 'server.oauth',
    tag: 'oauth',
    summary: 'How apps are let in (RFC 8414)',
    answers: { 200: { description: 'the document' } },
    handle({ request, services }) {
      const origin = originOf(request, services.config)
      return json({
        issuer: origin,
        authorization_endpoint: `${origin}/oauth/authorize`,
        token_endpoint: `${origin}/oauth/token`,
        registration_endpoint: `${origin}/oauth/register`,
        revocation_endpoint: `${origin}/oauth/revoke`,
        scopes_supported: SCOPES,
        response_types_supported: ['code'],
        response_modes_supported: ['query'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_methods_supported: ['none'],
        revocation_endpoint_auth_methods_supported: ['none'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      })
    },
  }),
]
