import { z } from 'zod'
import { EngramError } from '../../memory/errors.ts'
import type { KeyScope, User } from '../../storage/users.ts'
import { hashKey, keyHint, newApiKey } from '../keys.ts'
import { route } from '../route.ts'
import type { Services } from '../services.ts'
import { userOf } from './caller.ts'
import * as schema from './schema.ts'
import { json, noContent, toKeyJson, toUserJson } from './shapes.ts'

const TAG = 'users'

export const userRoutes = [
  route({
    method: 'POST',
    path: '/users',
    access: 'local',
    tag: TAG,
    summary: 'Creates a user with a first key',
    body: schema.newUser,
    answers: { 201: { description: 'the user and the key', schema: schema.createdUser } },
    async handle({ body, services }) {
      const apiKey = newApiKey()
      const { user } = await services.store.users.create(
        body.external_id,
        keyToStore(services, apiKey, 'default', 'write', null),
      )
      return json({ ...toUserJson(user), api_key: apiKey }, 201)
    },
  }),
  route({
    method: 'POST',
    path: '/users/service-key',
    access: 'admin',
    tag: TAG,
    summary: 'Finds or creates a user and replaces the key of that name',
    body: schema.serviceKey,
    answers: { 201: { description: 'the user and the key', schema: schema.createdUser } },
    async handle({ body, services }) {
      const apiKey = newApiKey()
      const key = keyToStore(services, apiKey, body.key_name, 'write', null)
      const { users } = services.store
      const known = await users.findByExternalId(body.external_id)
      const user = known ?? (await users.create(body.external_id, null)).user
      await users.replaceKey(user.id, key)
      services.identity.forget()
      return json({ ...toUserJson(user), api_key: apiKey }, 201)
    },
  }),
  route({
    method: 'GET',
    path: '/users',
    access: 'admin',
    tag: TAG,
    summary: 'Lists users, oldest first',
    query: schema.userQuery,
    answers: {
      200: {
        description: 'a page of users',
        schema: z.object({
          users: z.array(schema.userAnswer),
          total: z.number(),
          limit: z.number(),
          offset: z.number(),
        }),
      },
    },
    async handle({ query: { limit, offset }, services }) {
      const { users, total } = await services.store.users.list(limit, offset)
      return json({ users: users.map(toUserJson), total, limit, offset })
    },
  }),
  route({
    method: 'GET',
    path: '/users/me',
    access: 'read',
    tag: TAG,
    summary: 'The user of the key',
    answers: { 200: { description: 'the user', schema: schema.userAnswer } },
    handle: ({ caller }) => json(toUserJson(userOf(caller))),
  }),
  route({
    method: 'PATCH',
    path: '/users/me',
    access: 'admin',
    tag: TAG,
    summary:
      'Renames a user; for administration, since an external id is somebody’s name elsewhere',
    body: schema.newUser,
    answers: { 200: { description: 'the user', schema: schema.userAnswer } },
    async handle({ body, caller, services }) {
      const user = userOf(caller)
      refuseLocal(user, services, 'renamed')
      const renamed = await services.store.users.rename(user.id, body.external_id)
      services.identity.forget()
      return json(toUserJson(renamed))
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/me',
    access: 'write',
    tag: TAG,
    summary: 'Removes the user and everything of theirs, for good',
    answers: { 204: { description: 'removed' } },
    async handle({ caller, services }) {
      const user = userOf(caller)
      refuseLocal(user, services, 'removed')
      await services.store.users.remove(user.id)
      services.identity.forget()
      return noContent()
    },
  }),
  route({
    method: 'GET',
    path: '/users/me/config',
    access: 'read',
    tag: TAG,
    summary: 'What the user has set for recall',
    answers: { 200: { description: 'the settings', schema: schema.settingsAnswer } },
    handle: ({ caller, services }) => json(recallSettingsOf(userOf(caller), services)),
  }),
  route({
    method: 'PATCH',
    path: '/users/me/config',
    access: 'write',
    tag: TAG,
    summary: 'Changes settings of recall; null goes back to the built-in decision',
    body: schema.userSettings,
    answers: { 200: { description: 'the settings', schema: schema.settingsAnswer } },
    async handle({ body, caller, services }) {
      const user = userOf(caller)
      const { dedup_threshold: _withoutEffect, ...settings } = body
      const changed = Object.fromEntries(
        Object.entries({ ...user.settings, ...settings }).filter(
          ([, value]) => value !== undefined,
        ),
      )
      const updated = await services.store.users.changeSettings(user.id, changed)
      services.identity.forget()
      return json(recallSettingsOf(updated, services))
    },
  }),
  route({
    method: 'GET',
    path: '/users/me/api-keys',
    access: 'read',
    tag: TAG,
    summary: 'Lists the keys of the user',
    answers: { 200: { description: 'the keys', schema: z.array(schema.keyAnswer) } },
    async handle({ caller, services }) {
      const keys = await services.store.users.listKeys(userOf(caller).id)
      return json(keys.map(toKeyJson))
    },
  }),
  route({
    method: 'POST',
    path: '/users/me/api-keys',
    access: 'write',
    tag: TAG,
    summary: 'Creates a further key',
    body: schema.newKey,
    answers: { 201: { description: 'the key', schema: schema.createdKey } },
    async handle({ body, caller, services }) {
      const apiKey = newApiKey()
      const { name, scope, expires_at: expiresAt } = body
      const key = await services.store.users.addKey(
        userOf(caller).id,
        keyToStore(services, apiKey, name, scope, expiresAt ?? null),
      )
      return json({ ...toKeyJson(key), api_key: apiKey }, 201)
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/me/api-keys/:id',
    access: 'write',
    tag: TAG,
    summary: 'Revokes a key at once',
    answers: { 204: { description: 'revoked' } },
    async handle({ params, caller, services }) {
      const revoked = await services.store.users.revokeKey(userOf(caller).id, params.id!)
      if (!revoked) throw new EngramError('not_found', `no key ${params.id}`)
      services.identity.forget()
      return noContent()
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/:id',
    access: 'admin',
    tag: TAG,
    summary: 'Removes a user, by id or external id, and everything of theirs, for good',
    answers: { 204: { description: 'removed' } },
    async handle({ params, services }) {
      const { users } = services.store
      const user = (await users.find(params.id!)) ?? (await users.findByExternalId(params.id!))
      if (!user) throw new EngramError('not_found', `no user ${params.id}`)
      refuseLocal(user, services, 'removed')
      await users.remove(user.id)
      services.identity.forget()
      return noContent()
    },
  }),
  route({
    method: 'GET',
    path: '/namespaces',
    access: 'read',
    tag: TAG,
    summary: 'Lists the namespaces of the user',
    answers: {
      200: {
        description: 'the namespaces',
        schema: z.array(
          z.object({ name: z.string(), memories: z.number(), created_at: z.iso.datetime() }),
        ),
      },
    },
    async handle({ caller, services }) {
      const namespaces = await services.store.users.listNamespaces(userOf(caller).id)
      return json(
        namespaces.map(({ name, memories, createdAt }) => ({
          name,
          memories,
          created_at: new Date(createdAt).toISOString(),
        })),
      )
    },
  }),
]

/** The user's own settings over those of the installation. */
export function recallSettingsOf(user: User, { config }: Pick<Services, 'config'>) {
  const { max_memories_injected: max, retrieval_threshold: threshold } = user.settings
  return {
    max_memories_injected: typeof max === 'number' ? max : config['recall.max_memories'],
    retrieval_threshold: typeof threshold === 'number' ? threshold : null,
  }
}

export function keyToStore(
  { pepper }: Pick<Services, 'pepper'>,
  apiKey: string,
  name: string,
  scope: KeyScope,
  expiresAt: number | null,
) {
  return { name, hash: hashKey(apiKey, pepper), hint: keyHint(apiKey), scope, expiresAt }
}

/** The command line and every keyless request act as this user. */
function refuseLocal(user: User, services: Services, what: string): void {
  if (user.id === services.localUser().id) {
    throw new EngramError('conflict', `the local user cannot be ${what}`, {
      fix: 'to forget everything: engram memories rm --all',
    })
  }
}
