import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Running, runDaemon } from './fixtures/running.ts'
import type { Access } from './route.ts'
import { ROUTES } from './routes.ts'

setDefaultTimeout(60_000)

/** Everything that answers anybody: no more, whatever is added. */
const OPEN = ['GET /health', 'GET /ready', 'GET /', 'GET /ui', 'GET /ui/*']
/** An app has nothing to show before it is let in; what each of these gives away is tested with them. */
const OAUTH = [
  'GET /.well-known/oauth-protected-resource',
  'GET /.well-known/oauth-protected-resource/mcp',
  'GET /.well-known/oauth-protected-resource/sse',
  'GET /.well-known/oauth-authorization-server',
  'POST /oauth/register',
  'GET /oauth/authorize',
  'POST /oauth/authorize',
  'POST /oauth/token',
  'POST /oauth/revoke',
]

const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
const concrete = (path: string) => path.replace(/:\w+/g, 'mem_unknown').replace(/\*.*$/, 'x')

test('only health, readiness, the front page and what OAuth begins with are open', () => {
  const of = (wanted: Access) => ROUTES.filter(({ access }) => access === wanted).map(nameOf)
  expect(of('open')).toEqual(OPEN)
  expect(of('oauth')).toEqual(OAUTH)
})

describe('every route, by who asks', () => {
  let local: Running
  let guarded: Running
  let reader: string
  let proxy: string
  let revoked: string
  let expired: string
  const ADMIN_KEY = 'the-admin-key-of-this-test'

  beforeAll(async () => {
    local = await runDaemon()
    guarded = await runDaemon({ ENGRAM_ADMIN_KEY: ADMIN_KEY, ENGRAM_LEGACY_SSE: 'on' })
    const owner = (
      await guarded.call('POST', '/users', { key: ADMIN_KEY, body: { external_id: 'ada' } })
    ).json.api_key
    const newKey = async (name: string, more: object) =>
      (
        await guarded.call('POST', '/users/me/api-keys', {
          key: owner,
          body: { name, ...more },
        })
      ).json
    reader = (await newKey('reader', { scope: 'read' })).api_key
    proxy = (await newKey('proxy', { scope: 'proxy' })).api_key
    const gone = await newKey('gone', {})
    revoked = gone.api_key
    await guarded.call('DELETE', `/users/me/api-keys/${gone.id}`, { key: owner })
    expired = (await newKey('expired', { expires_at: '2020-01-01' })).api_key
  })
  afterAll(async () => {
    await Promise.all([local?.close(), guarded?.close()])
  })

  const ask = (route: { method: string; path: string }, key?: string) =>
    guarded.call(route.method === 'ALL' ? 'POST' : route.method, concrete(route.path), {
      ...(key === undefined ? {} : { key }),
      ...(route.method === 'GET' ? {} : { body: {} }),
    })

  for (const route of ROUTES.filter(({ access }) => access !== 'open' && access !== 'oauth')) {
    test(`${nameOf(route)} refuses who shows no valid key`, async () => {
      expect((await ask(route)).status).toBe(401)
      for (const key of ['ek_nonsense', `ek_${'A'.repeat(43)}`, revoked, expired, '']) {
        const { status, json } = await ask(route, key)
        expect({ key, status }).toEqual({ key, status: 401 })
        expect(JSON.stringify(json)).not.toContain(revoked)
      }
    })
  }

  const KEYLESS: readonly Access[] = ['open', 'oauth', 'proxy']
  for (const route of ROUTES.filter(({ access }) => !KEYLESS.includes(access))) {
    test(`${nameOf(route)} refuses a key of the proxy, as a bearer token too`, async () => {
      const { status, json } = await ask(route, proxy)
      expect({ status, code: json.code }).toEqual({ status: 403, code: 'forbidden' })
      const bearer = await guarded.call(route.method, concrete(route.path), {
        headers: { authorization: `Bearer ${proxy}` },
        ...(route.method === 'GET' ? {} : { body: {} }),
      })
      expect(bearer.status).toBe(403)
    })
  }

  const NEEDS_MORE: readonly Access[] = ['write', 'admin', 'local']
  for (const route of ROUTES.filter(
    ({ access, method }) =>
      NEEDS_MORE.includes(access) && !(access === 'local' && method === 'GET'),
  )) {
    test(`${nameOf(route)} refuses a key that may only read`, async () => {
      const { status, json } = await ask(route, reader)
      expect({ status, code: json.code }).toEqual({ status: 403, code: 'forbidden' })
    })
  }

  test('in local mode users are created without a key, but not through a tunnel', async () => {
    const create = (externalId: string, headers: Record<string, string> = {}) =>
      local.call('POST', '/users', { body: { external_id: externalId }, headers })
    const made = await create('newcomer')
    expect(made.status).toBe(201)
    expect(made.json.api_key).toMatch(/^ek_[\w-]{43}/)
    expect((await create('stranger', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401)
    const { status, json } = await guarded.call('POST', '/users', {
      body: { external_id: 'newcomer' },
    })
    expect({ status, code: json.code }).toEqual({ status: 401, code: 'unauthorized' })
    expect(json.detail).toContain('admin key')
  })

  test('the admin key acts for the user it names, and for nobody else', async () => {
    const asAda = { 'x-engram-user-id': 'ada' }
    const me = await guarded.call('GET', '/users/me', { key: ADMIN_KEY, headers: asAda })
    expect(me.json.external_id).toBe('ada')
    const nobody = await guarded.call('GET', '/users/me', { key: ADMIN_KEY })
    expect(nobody.status).toBe(403)
    const unknown = await guarded.call('GET', '/users/me', {
      key: ADMIN_KEY,
      headers: { 'x-engram-user-id': 'grace' },
    })
    expect(unknown.status).toBe(404)
    const other = await guarded.call('GET', '/users/me', {
      key: reader,
      headers: { 'x-engram-user-id': 'grace' },
    })
    expect(other.status).toBe(403)
  })
})
