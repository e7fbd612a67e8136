import { z } from 'zod'
import { checkValues, readJsonBody } from '../body.ts'
import { readValue } from '../read-value.ts'
import { type Route, route } from '../route.ts'
import { oauthError, oauthJson, scopeText } from './answers.ts'
import { isBadInput } from './form.ts'
import { redirectProblem } from './redirect.ts'

const MAX_BODY_BYTES = 32 * 1024
/** Apps that registered and were not let in yet; the oldest make room. */
const MAX_WAITING = 200
const MAX_NAME = 80

/** Of what an app may say of itself we use this; the rest is ignored (RFC 7591, 2). */
const metadata = z.object({
  redirect_uris: z.array(z.string().max(2_000)).min(1).max(10),
  client_name: z.string().max(1_000).optional(),
})

export const registrationRoute: Route = route({
  method: 'POST',
  path: '/oauth/register',
  access: 'oauth',
  switch: 'server.oauth',
  tag: 'oauth',
  summary: 'Makes an app known, so that it may ask to be let in (RFC 7591)',
  reads: [],
  answers: { 201: { description: 'the app and its client id' } },
  async handle({ request, services }) {
    if (!services.limits.registrations.take()) {
      return oauthError('temporarily_unavailable', 'too many registrations; try again', 429, {
        'retry-after': '60',
      })
    }
    let given: z.output<typeof metadata>
    try {
      const body = await readJsonBody(request, MAX_BODY_BYTES)
      checkValues(body)
      given = readValue(metadata, body)
    } catch (error) {
      if (!isBadInput(error)) throw error
      return oauthError('invalid_client_metadata', error.message)
    }
    for (const [i, uri] of given.redirect_uris.entries()) {
      const problem = redirectProblem(uri)
      if (problem) {
        return oauthError(
          'invalid_redirect_uri',
          `redirect_uris[${i}] ${problem}, got "${uri.slice(0, 100)}"`,
        )
      }
    }
    const app = await services.store.apps.register(
      {
        name: readName(given.client_name) ?? new URL(given.redirect_uris[0]!).hostname,
        redirectUris: given.redirect_uris,
      },
      MAX_WAITING,
    )
    return oauthJson(
      {
        client_id: app.id,
        client_id_issued_at: Math.floor(app.createdAt / 1000),
        client_name: app.name,
        redirect_uris: app.redirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        // A program on somebody's machine cannot keep a secret; PKCE does what one would do.
        token_endpoint_auth_method: 'none',
        scope: scopeText('write'),
      },
      201,
    )
  },
})

/** A name as people can read it: what is invisible or turns the writing around could make it look like another. */
function readName(text: string | undefined): string | null {
  const name = text?.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return name ? [...name].slice(0, MAX_NAME).join('') : null
}
