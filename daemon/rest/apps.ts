import { z } from 'zod'
import { EngramError } from '../../memory/errors.ts'
import { hashKey } from '../keys.ts'
import { newApprovalCode } from '../oauth/secrets.ts'
import { type Route, route } from '../route.ts'
import { userOf } from './caller.ts'
import * as schema from './schema.ts'
import { json, noContent, toAppJson } from './shapes.ts'

const TAG = 'apps'
const APPROVAL_MS = 5 * 60_000

/** Apps that the user has let in by OAuth. */
export const appRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/users/me/apps',
    access: 'read',
    tag: TAG,
    summary: 'Lists the apps that the user has let in, newest first',
    answers: { 200: { description: 'the apps', schema: z.array(schema.appAnswer) } },
    async handle({ caller, services }) {
      return json((await services.store.apps.listGrants(userOf(caller).id)).map(toAppJson))
    },
  }),
  route({
    method: 'POST',
    path: '/users/me/apps/approvals',
    access: 'write',
    tag: TAG,
    summary: 'A code that shows, once, on the page an app opens, that it is the user',
    body: schema.newApproval,
    answers: { 201: { description: 'the code', schema: schema.approvalAnswer } },
    async handle({ body, caller, services }) {
      const code = newApprovalCode()
      const expiresAt = services.now() + APPROVAL_MS
      await services.store.apps.addApproval({
        hash: hashKey(code, services.pepper),
        userId: userOf(caller).id,
        scope: body.scope,
        expiresAt,
      })
      return json({ code, scope: body.scope, expires_at: new Date(expiresAt).toISOString() }, 201)
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/me/apps/:id',
    access: 'write',
    tag: TAG,
    summary: 'Shuts an app out at once',
    answers: { 204: { description: 'shut out' } },
    async handle({ params, caller, services }) {
      const revoked = await services.store.apps.revokeGrant(userOf(caller).id, params.id!)
      if (!revoked) throw new EngramError('not_found', `no app ${params.id}`)
      return noContent()
    },
  }),
]
