import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { EngramError } from '../../memory/errors.ts'
import type { Caller } from '../identity.ts'
import { route } from '../route.ts'
import { ROUTES } from '../routes.ts'
import type { Services } from '../services.ts'
import { restWithin } from './within.ts'

const caller = (scope: 'read' | 'write', admin = false): Caller => ({
  kind: 'user',
  user: { id: 'usr_1', externalId: 'ann', settings: {}, createdAt: 0 },
  key: { id: 'key_1', name: 'laptop', scope },
  admin,
})

const logged: object[] = []
const services = { log: { error: (entry: object) => logged.push(entry) } } as unknown as Services

const answers = { 200: { description: '' } }
const common = { tag: 'x', summary: 'x', answers }
const routes = [
  route({
    ...common,
    method: 'GET',
    path: '/things/fixed',
    access: 'read',
    handle: () => Response.json({ id: 'the fixed one' }),
  }),
  route({
    ...common,
    method: 'GET',
    path: '/things/:id',
    access: 'read',
    query: z.object({ n: z.coerce.number().optional() }),
    handle: ({ params, query, caller }) =>
      Response.json({ id: params.id, n: query.n ?? null, user: (caller as { user: object }).user }),
  }),
  route({
    ...common,
    method: 'POST',
    path: '/things',
    access: 'write',
    body: z.object({ name: z.string() }),
    handle: ({ body }) => Response.json({ id: body.name }),
  }),
  route({
    ...common,
    method: 'DELETE',
    path: '/things/:id',
    access: 'write',
    handle: ({ params }) => {
      if (params.id === 'gone') throw new EngramError('not_found', 'no thing gone')
      throw new Error('the password is hunter2')
    },
  }),
  route({
    ...common,
    method: 'GET',
    path: '/secrets',
    access: 'admin',
    handle: () => Response.json({ id: 'secret' }),
  }),
]
const answer = z.object({ id: z.string() })

describe('REST within the daemon', () => {
  const rest = restWithin(routes, caller('write'), services)

  test('finds the route, reads its parameters, and acts as the caller', async () => {
    const full = z.object({
      id: z.string(),
      n: z.number().nullable(),
      user: z.object({ id: z.string() }),
    })
    expect(
      await rest.ask(full, { method: 'GET', path: '/things/a%2Fb%20c', query: { n: 3 } }),
    ).toEqual({ id: 'a/b c', n: 3, user: { id: 'usr_1' } })
    const query = { n: undefined }
    expect(await rest.ask(full, { method: 'GET', path: '/things/x', query })).toMatchObject({
      n: null,
    })
    expect(await rest.ask(answer, { method: 'GET', path: '/things/fixed' })).toEqual({
      id: 'the fixed one',
    })
    expect(
      await rest.ask(answer, { method: 'POST', path: '/things', body: { name: 'y' } }),
    ).toEqual({ id: 'y' })
  })

  test('checks what it is given as HTTP does', async () => {
    for (const body of [{}, { name: 7 }, { name: 'a\u0000' }, { name: '\ud800' }]) {
      await expect(
        rest.ask(answer, { method: 'POST', path: '/things', body }),
      ).rejects.toMatchObject({ code: 'invalid' })
    }
  })

  test('has the rights of the caller and no more', async () => {
    const reading = restWithin(routes, caller('read'), services)
    expect(await reading.ask(answer, { method: 'GET', path: '/things/x' })).toEqual({ id: 'x' })
    for (const [as, method, path] of [
      [reading, 'POST', '/things'],
      [reading, 'DELETE', '/things/x'],
      [rest, 'GET', '/secrets'],
    ] as const) {
      await expect(as.tell({ method, path, body: { name: 'x' } })).rejects.toMatchObject({
        code: 'forbidden',
      })
    }
  })

  test('passes our errors on, and keeps what others say to itself', async () => {
    await expect(rest.tell({ method: 'DELETE', path: '/things/gone' })).rejects.toMatchObject({
      code: 'not_found',
      message: 'no thing gone',
    })
    const error = await rest.tell({ method: 'DELETE', path: '/things/x' }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'internal' })
    expect(error.message).not.toContain('hunter2')
    expect(logged).toMatchObject([{ error: 'the password is hunter2' }])
    await expect(rest.tell({ method: 'GET', path: '/nowhere' })).rejects.toMatchObject({
      code: 'internal',
    })
  })
})

test('no route is hidden by one that stands before it', () => {
  for (const [i, { method, path }] of ROUTES.entries()) {
    const hides = ROUTES.slice(0, i).filter(
      (earlier) =>
        earlier.method === method &&
        earlier.path.split('/').length === path.split('/').length &&
        earlier.path
          .split('/')
          .every((part, k) => part.startsWith(':') || part === path.split('/')[k]),
    )
    expect({ path, hides: hides.map((route) => route.path) }).toEqual({ path, hides: [] })
  }
})
