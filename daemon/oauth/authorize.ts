import { EngramError } from '../../memory/errors.ts'
import type { KeyScope } from '../../storage/users.ts'
import { hashKey } from '../keys.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { NO_STORE } from './answers.ts'
import { type Authorization, type Refusal, readAuthorization } from './authorization.ts'
import { type Fields, FORM, isBadInput, readFields, readForm } from './form.ts'
import { originOf } from './origin.ts'
import { consentPage, problemPage } from './page.ts'
import { isLoopback } from './redirect.ts'
import { newAppSecret, readApprovalCode } from './secrets.ts'

/** An app exchanges its code at once. */
const CODE_MS = 60_000

export const authorizeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/oauth/authorize',
    access: 'oauth',
    switch: 'server.oauth',
    tag: 'oauth',
    summary: 'Asks the user, in their browser, whether to let an app in',
    answers: { 200: { description: 'a page' } },
    handle: ({ request, services }) =>
      onPage(async () => {
        const fields = readFields(new URL(request.url).searchParams)
        const asked = await read(fields, request, services)
        return 'error' in asked
          ? refused(asked, request, services)
          : consentPage(asked, fields, null)
      }),
  }),
  route({
    method: 'POST',
    path: '/oauth/authorize',
    access: 'oauth',
    switch: 'server.oauth',
    tag: 'oauth',
    summary: 'The user’s decision; lets the app in when they have shown that it is them',
    reads: [FORM],
    answers: { 303: { description: 'back to the app' } },
    handle: ({ request, services }) =>
      onPage(async () => {
        const fields = await readForm(request)
        const asked = await read(fields, request, services)
        if ('error' in asked) return refused(asked, request, services)
        const issuer = originOf(request, services.config)
        if (fields.decision === 'deny') {
          return backToApp(asked, issuer, { error: 'access_denied' })
        }
        return decide(asked, fields, issuer, services)
      }),
  }),
]

async function read(
  fields: Fields,
  request: Request,
  { store, config }: Services,
): Promise<Authorization | Refusal> {
  const app = fields.client_id ? await store.apps.find(fields.client_id) : null
  return readAuthorization(fields, app, originOf(request, config))
}

async function decide(
  asked: Authorization,
  fields: Fields,
  issuer: string,
  services: Services,
): Promise<Response> {
  const again = (problem: string, status = 400) => consentPage(asked, fields, problem, status)
  if (!services.limits.attempts.isOpen()) {
    return again('There were too many wrong codes and keys. Wait a minute, then try again.', 429)
  }
  if (!fields.approval && !fields.key) {
    return again('Type the code that engram apps approve prints, or an API key.')
  }
  const shown = await whoIsIt(fields, services)
  if (typeof shown === 'string') {
    services.limits.attempts.take()
    return again(shown)
  }
  const allowed: readonly unknown[] = [asked.scope, fields.allow, shown.scope]
  const code = newAppSecret('code')
  await services.store.apps.addCode({
    hash: hashKey(code, services.pepper),
    appId: asked.app.id,
    userId: shown.userId,
    scope: allowed.includes('read') ? 'read' : 'write',
    redirectUri: asked.redirectUri,
    challenge: asked.challenge,
    resource: asked.resource,
    expiresAt: services.now() + CODE_MS,
  })
  return backToApp(asked, issuer, { code })
}

/** The user, by what they typed; a sentence when that shows nothing. */
async function whoIsIt(
  { approval, key }: Fields,
  { store, identity, pepper }: Services,
): Promise<{ userId: string; scope: KeyScope } | string> {
  if (approval) {
    const code = readApprovalCode(approval)
    const taken = code ? await store.apps.takeApproval(hashKey(code, pepper)) : null
    return taken ?? 'That code is not valid, or not any more. Run engram apps approve for another.'
  }
  try {
    const caller = await identity.byKey(key!.trim())
    if (caller.kind !== 'user') return 'That API key is not valid.'
    // It would outlive the key, as a further key does.
    if (caller.key?.scope !== 'write') {
      return 'That API key may only read; letting an app in takes one that may write.'
    }
    return { userId: caller.user.id, scope: caller.key.scope }
  } catch (error) {
    if (error instanceof EngramError && error.code === 'unauthorized') {
      return 'That API key is not valid.'
    }
    throw error
  }
}

/**
 * The app is told at its own address, unless that is on the Internet: anybody may register there, and a link
 * to us would lead on to wherever they please. Then the user is told.
 */
function refused({ error, message, back }: Refusal, request: Request, { config }: Services) {
  if (back === null || !isLoopback(new URL(back.redirectUri))) return problemPage(message)
  return backToApp(back, originOf(request, config), { error, error_description: message })
}

function backToApp(
  { redirectUri, state }: Pick<Authorization, 'redirectUri' | 'state'>,
  issuer: string,
  answer: Readonly<Record<string, string>>,
): Response {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  if (state !== null) url.searchParams.set('state', state)
  // RFC 9207: so that an app of several servers knows which one answers.
  url.searchParams.set('iss', issuer)
  return new Response(null, {
    status: 303,
    headers: { ...NO_STORE, location: url.href, 'referrer-policy': 'no-referrer' },
  })
}

/** A person reads the answer: what is wrong is a page too. */
async function onPage(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!isBadInput(error)) throw error
    return problemPage(`${error.message}.`)
  }
}
