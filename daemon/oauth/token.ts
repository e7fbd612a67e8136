import { createHash } from 'node:crypto'
import type { Grant, NewTokens } from '../../storage/apps.ts'
import { hashKey } from '../keys.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { NO_STORE, oauthError, oauthJson, scopeText } from './answers.ts'
import { isOurs } from './authorization.ts'
import { type Fields, FORM, isBadInput, readForm } from './form.ts'
import { mcpResource, originOf } from './origin.ts'
import { newAppSecret } from './secrets.ts'

const ACCESS_MS = 60 * 60_000
/** An app that is not used for so long asks again. */
const REFRESH_MS = 90 * 24 * 60 * 60_000

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

export const tokenRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/oauth/token',
    access: 'oauth',
    switch: 'server.oauth',
    tag: 'oauth',
    summary: 'Exchanges a code or a refresh token for an access token (RFC 6749)',
    reads: [FORM],
    answers: { 200: { description: 'the tokens' } },
    handle: ({ request, services }) =>
      asOAuth(async () => {
        const fields = await readForm(request)
        const app = fields.client_id ? await services.store.apps.find(fields.client_id) : null
        if (!app) return oauthError('invalid_client', 'client_id is not known here', 401)
        if (!isOurs(fields.resource, originOf(request, services.config))) {
          return oauthError('invalid_target', 'resource is not this server')
        }
        switch (fields.grant_type) {
          case 'authorization_code':
            return exchangeCode(app.id, fields, request, services)
          case 'refresh_token':
            return refresh(app.id, fields, request, services)
          default:
            return oauthError(
              'unsupported_grant_type',
              'grant_type must be authorization_code or refresh_token',
            )
        }
      }),
  }),
  route({
    method: 'POST',
    path: '/oauth/revoke',
    access: 'oauth',
    switch: 'server.oauth',
    tag: 'oauth',
    summary: 'Gives a token back; everything of that consent ends with it (RFC 7009)',
    reads: [FORM],
    answers: { 200: { description: 'not valid (any more)' } },
    handle: ({ request, services }) =>
      asOAuth(async () => {
        const { token, client_id: appId } = await readForm(request)
        if (!token || !appId) {
          return oauthError('invalid_request', 'token and client_id are needed')
        }
        await services.store.apps.revokeToken(hashKey(token, services.pepper), appId)
        // Also for a token that never was: who asks learns nothing.
        return new Response(null, { status: 200, headers: NO_STORE })
      }),
  }),
]

async function exchangeCode(
  appId: string,
  fields: Fields,
  request: Request,
  services: Services,
): Promise<Response> {
  const { code, code_verifier: verifier } = fields
  if (!code) return oauthError('invalid_request', 'code is needed')
  if (!verifier || !VERIFIER.test(verifier)) {
    return oauthError('invalid_request', 'code_verifier is needed, 43 to 128 characters (PKCE)')
  }
  const { tokens, answer } = newTokens(services)
  const grant = await services.store.apps.redeem(
    hashKey(code, services.pepper),
    {
      appId,
      challenge: createHash('sha256').update(verifier).digest('base64url'),
      redirectUri: fields.redirect_uri ?? null,
      resource: resourceOf(fields, request, services),
    },
    tokens,
  )
  return grant
    ? answer(grant)
    : oauthError('invalid_grant', 'the code is not valid, or not any more')
}

async function refresh(
  appId: string,
  fields: Fields,
  request: Request,
  services: Services,
): Promise<Response> {
  const { refresh_token: token } = fields
  if (!token) return oauthError('invalid_request', 'refresh_token is needed')
  const { tokens, answer } = newTokens(services)
  const grant = await services.store.apps.refresh(
    hashKey(token, services.pepper),
    { appId, resource: resourceOf(fields, request, services) },
    tokens,
  )
  return grant
    ? answer(grant)
    : oauthError('invalid_grant', 'the refresh token is not valid, or not any more')
}

/** Every address of the MCP server stands for one and the same. */
function resourceOf(fields: Fields, request: Request, { config }: Services): string | null {
  return fields.resource === undefined ? null : mcpResource(originOf(request, config))
}

function newTokens({ pepper, now }: Services) {
  const [access, refresh] = [newAppSecret('access'), newAppSecret('refresh')]
  const tokens: NewTokens = {
    access: hashKey(access, pepper),
    accessExpiresAt: now() + ACCESS_MS,
    refresh: hashKey(refresh, pepper),
    refreshExpiresAt: now() + REFRESH_MS,
  }
  const answer = ({ scope }: Grant) =>
    oauthJson({
      access_token: access,
      token_type: 'Bearer',
      expires_in: ACCESS_MS / 1000,
      refresh_token: refresh,
      scope: scopeText(scope),
    })
  return { tokens, answer }
}

/** What is wrong with a request, in the words of the protocol. */
async function asOAuth(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!isBadInput(error)) throw error
    return oauthError('invalid_request', error.message)
  }
}
