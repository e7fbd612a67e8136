import type { App } from '../../storage/apps.ts'
import type { KeyScope } from '../../storage/users.ts'
import type { OAuthErrorCode } from './answers.ts'
import type { Fields } from './form.ts'
import { MCP_PATHS, mcpResource } from './origin.ts'
import { matchesRedirect } from './redirect.ts'

/** What an app asks a user for. */
export type Authorization = Readonly<{
  app: App
  redirectUri: string
  /** Given back to the app as it is. */
  state: string | null
  /** The most it asks for. */
  scope: KeyScope
  challenge: string
  resource: string
}>

/** Why a request cannot be granted; with an address to send the app back to, if that is safe to know. */
export type Refusal = Readonly<{
  error: OAuthErrorCode
  message: string
  back: Pick<Authorization, 'redirectUri' | 'state'> | null
}>

/** What SHA-256 in base64url looks like. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/

/**
 * Reads the request of an app (RFC 6749 4.1.1, RFC 7636 4.3, RFC 8707 2).
 *
 * @param app the one of `client_id`, if there is one
 * @param origin our address as the browser knows it
 */
export function readAuthorization(
  fields: Fields,
  app: App | null,
  origin: string,
): Authorization | Refusal {
  const refuse = (
    error: OAuthErrorCode,
    message: string,
    back: Refusal['back'] = null,
  ): Refusal => ({ error, message, back })
  if (!fields.client_id) return refuse('invalid_request', 'The app does not say who it is.')
  if (!app) {
    return refuse(
      'invalid_client',
      'The app is not known here, or not any more. Remove Engram in it, and add it again.',
    )
  }
  const redirectUri = fields.redirect_uri ?? soleRedirect(app)
  if (!redirectUri || !matchesRedirect(redirectUri, app.redirectUris)) {
    return refuse('invalid_request', 'The app wants the answer at an address it did not register.')
  }
  const back = { redirectUri, state: fields.state ?? null }
  if (fields.response_type !== 'code') {
    return refuse('unsupported_response_type', 'response_type must be code', back)
  }
  const challenge = fields.code_challenge ?? ''
  if (fields.code_challenge_method !== 'S256' || !CHALLENGE.test(challenge)) {
    return refuse('invalid_request', 'code_challenge is needed, with method S256 (PKCE)', back)
  }
  const scope = readScope(fields.scope)
  if (!scope) return refuse('invalid_scope', 'scope must be read, write or both', back)
  if (!isOurs(fields.resource, origin)) {
    return refuse('invalid_target', `resource must be ${mcpResource(origin)}`, back)
  }
  return { app, ...back, scope, challenge, resource: mcpResource(origin) }
}

/** Everything when nothing is said; what we do not know is not granted. */
function readScope(text: string | undefined): KeyScope | null {
  if (text === undefined) return 'write'
  const words = text.split(' ')
  return words.includes('write') ? 'write' : words.includes('read') ? 'read' : null
}

export function isOurs(resource: string | undefined, origin: string): boolean {
  if (resource === undefined) return true
  const given = URL.canParse(resource) ? new URL(resource).href.replace(/\/$/, '') : ''
  return MCP_PATHS.some((path) => given === origin + path)
}

function soleRedirect({ redirectUris }: App): string | null {
  return redirectUris.length === 1 ? redirectUris[0]! : null
}
