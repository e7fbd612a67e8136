import type { KeyScope } from '../../storage/users.ts'

/** Error codes of RFC 6749, 7009, 7591, 8707 and 9700 that we use. */
export type OAuthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'temporarily_unavailable'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'

/** Nothing that OAuth answers may be kept by a cache (RFC 6749, 5.1). */
export const NO_STORE = { 'cache-control': 'no-store' } as const

export function oauthJson(value: object, status = 200): Response {
  return Response.json(value, { status, headers: NO_STORE })
}

export function oauthError(
  error: OAuthErrorCode,
  description: string,
  status = 400,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(
    { error, error_description: description },
    { status, headers: { ...NO_STORE, ...headers } },
  )
}

/** As the protocol writes a scope of ours: who may write may read. */
export const scopeText = (scope: KeyScope): string => (scope === 'write' ? 'read write' : 'read')
