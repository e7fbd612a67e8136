import { describe, expect, test } from 'bun:test'
import type { App } from '../../storage/apps.ts'
import { readAuthorization } from './authorization.ts'

const ORIGIN = 'http://127.0.0.1:3647'
const app: App = {
  id: 'app_1',
  name: 'Editor',
  redirectUris: ['http://127.0.0.1/cb', 'https://app.example/cb'],
  createdAt: 0,
  lastUsedAt: null,
}
const good = {
  client_id: 'app_1',
  redirect_uri: 'http://127.0.0.1:555/cb',
  response_type: 'code',
  state: 'xyz',
  scope: 'read write',
  code_challenge: 'a'.repeat(43),
  code_challenge_method: 'S256',
  resource: `${ORIGIN}/mcp`,
}
type Fields = Partial<Record<keyof typeof good, string>>
const without = (name: keyof typeof good): Fields => {
  const { [name]: _, ...rest } = good
  return rest
}
const read = (fields: Fields, given: App | null = app) => readAuthorization(fields, given, ORIGIN)

describe('what an app asks for', () => {
  test('is read', () => {
    expect(read(good)).toEqual({
      app,
      redirectUri: 'http://127.0.0.1:555/cb',
      state: 'xyz',
      scope: 'write',
      challenge: 'a'.repeat(43),
      resource: `${ORIGIN}/mcp`,
    })
  })

  test.each([
    [without('scope'), 'write'],
    [{ ...good, scope: 'write' }, 'write'],
    [{ ...good, scope: 'read' }, 'read'],
    [{ ...good, scope: 'read offline_access' }, 'read'],
  ] as const)('is as much as it says: %#', (fields, scope) => {
    expect(read(fields)).toMatchObject({ scope })
  })

  test.each([
    without('resource'),
    { ...good, resource: `${ORIGIN}/mcp/` },
    { ...good, resource: `${ORIGIN}/sse` },
  ])('is for this server: %#', (fields) => {
    expect(read(fields)).toMatchObject({ resource: `${ORIGIN}/mcp` })
  })

  test('may leave out an address when it registered one only', () => {
    const one = { ...app, redirectUris: ['https://app.example/cb'] }
    expect(read(without('redirect_uri'), one)).toMatchObject({
      redirectUri: 'https://app.example/cb',
    })
  })
})

describe('a request that cannot be granted', () => {
  test.each([
    [without('client_id'), app, 'invalid_request'],
    [good, null, 'invalid_client'],
    [without('redirect_uri'), app, 'invalid_request'],
    [{ ...good, redirect_uri: 'https://evil.example/cb' }, app, 'invalid_request'],
  ] as const)('goes nowhere while it is not known where to: %#', (fields, given, error) => {
    expect(read(fields, given)).toMatchObject({ error, back: null })
  })

  test.each([
    [without('response_type'), 'unsupported_response_type'],
    [{ ...good, response_type: 'token' }, 'unsupported_response_type'],
    [without('code_challenge'), 'invalid_request'],
    [without('code_challenge_method'), 'invalid_request'],
    [{ ...good, code_challenge_method: 'plain' }, 'invalid_request'],
    [{ ...good, code_challenge: 'short' }, 'invalid_request'],
    [{ ...good, scope: 'admin' }, 'invalid_scope'],
    [{ ...good, resource: 'https://evil.example/mcp' }, 'invalid_target'],
    [{ ...good, resource: `${ORIGIN}/memories` }, 'invalid_target'],
    [{ ...good, resource: ORIGIN }, 'invalid_target'],
    [{ ...good, resource: 'http://localhost:3647/mcp' }, 'invalid_target'],
    [{ ...good, resource: 'not an address' }, 'invalid_target'],
  ] as const)('is told to the app otherwise: %#', (fields, error) => {
    expect(read(fields)).toMatchObject({
      error,
      back: { redirectUri: 'http://127.0.0.1:555/cb', state: 'xyz' },
    })
  })
})
