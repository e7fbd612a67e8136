import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { answerOf, call, openTestDaemon, type TestDaemon } from '../mcp/fixtures/daemon.ts'
import { consent, formOf, newPkce, type Pkce, submit } from './fixtures.ts'

setDefaultTimeout(30_000)

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await openTestDaemon()
})
afterAll(() => daemon.close())

const REDIRECT = 'http://127.0.0.1:40123/callback'

const register = (body: unknown) =>
  fetch(`${daemon.url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

/** Past the door that counts registrations. */
async function newApp(name = 'Editor', redirectUris = [REDIRECT]): Promise<string> {
  const { apps } = daemon.running.daemon.services.store
  return (await apps.register({ name, redirectUris }, 1_000)).id
}

function authorizationUrl(
  clientId: string,
  { challenge }: Pkce,
  more: Readonly<Record<string, string>> = {},
): URL {
  const url = new URL(`${daemon.url}/oauth/authorize`)
  const fields = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    state: 'opaque & odd',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: `${daemon.url}/mcp`,
    ...more,
  }
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value)
  return url
}

const token = (fields: Readonly<Record<string, string>>, path = '/oauth/token') =>
  fetch(daemon.url + path, { method: 'POST', body: new URLSearchParams(fields) })

type Tokens = {
  access_token: string
  refresh_token: string
  scope: string
  expires_in: number
  token_type: string
}

/** An app that was let in. */
async function letIn(choice: Record<string, string> = {}, more: Record<string, string> = {}) {
  const clientId = await newApp()
  const pkce = newPkce()
  const back = await consent(daemon, authorizationUrl(clientId, pkce, more), choice)
  const code = back.searchParams.get('code')!
  const exchange = {
    grant_type: 'authorization_code',
    code,
    client_id: clientId,
    redirect_uri: REDIRECT,
    code_verifier: pkce.verifier,
    resource: `${daemon.url}/mcp`,
  }
  const answer = await token(exchange)
  expect(answer.status).toBe(200)
  const tokens = (await answer.json()) as Tokens
  return { clientId, back, code, exchange, tokens }
}

const bearer = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` })
const works = async (accessToken: string) =>
  (await daemon.post(call('list_memories'), bearer(accessToken))).status === 200

describe('the way in', () => {
  test('is described where a client looks for it', async () => {
    for (const [path, resource] of [
      ['/mcp', '/mcp'],
      ['/sse', '/sse'],
      ['', '/mcp'],
    ]) {
      const answer = await fetch(`${daemon.url}/.well-known/oauth-protected-resource${path}`)
      expect(await answer.json()).toEqual({
        resource: daemon.url + resource,
        authorization_servers: [daemon.url],
        scopes_supported: ['read', 'write'],
        bearer_methods_supported: ['header'],
        resource_name: 'Engram',
      })
    }
    const answer = await fetch(`${daemon.url}/.well-known/oauth-authorization-server`)
    expect(await answer.json()).toMatchObject({
      issuer: daemon.url,
      authorization_endpoint: `${daemon.url}/oauth/authorize`,
      token_endpoint: `${daemon.url}/oauth/token`,
      registration_endpoint: `${daemon.url}/oauth/register`,
      revocation_endpoint: `${daemon.url}/oauth/revoke`,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
    })
  })

  test('is described under the name by which we were reached', async () => {
    const port = new URL(daemon.url).port
    const answer = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/mcp`)
    expect(await answer.json()).toMatchObject({
      resource: `http://localhost:${port}/mcp`,
      authorization_servers: [`http://localhost:${port}`],
    })
  })

  test('is described with the address of the proxy in front that ends TLS', async () => {
    const behind = await openTestDaemon({
      ENGRAM_BEHIND_PROXY: 'on',
      ENGRAM_ALLOWED_HOSTS: 'engram.example',
    })
    try {
      const headers = { host: 'engram.example' }
      const read = async (path: string) => (await fetch(behind.url + path, { headers })).json()
      expect(await read('/.well-known/oauth-protected-resource/mcp')).toMatchObject({
        resource: 'https://engram.example/mcp',
        authorization_servers: ['https://engram.example'],
      })
      expect(await read('/.well-known/oauth-authorization-server')).toMatchObject({
        issuer: 'https://engram.example',
        token_endpoint: 'https://engram.example/oauth/token',
      })
      const refused = await behind.post(call('list_memories'), headers)
      expect(refused.headers.get('www-authenticate')).toContain(
        'resource_metadata="https://engram.example/.well-known/oauth-protected-resource/mcp"',
      )
    } finally {
      await behind.close()
    }
  })

  test('leads from the browser to the tools, and names the app in the journal', async () => {
    const { back, tokens } = await letIn()
    expect(back.origin + back.pathname).toBe(REDIRECT)
    expect(back.searchParams.get('state')).toBe('opaque & odd')
    expect(back.searchParams.get('iss')).toBe(daemon.url)
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'read write' })

    const added = await daemon.post(
      call('add_memory', { content: 'Likes oolong' }),
      bearer(tokens.access_token),
    )
    type Added = { structuredContent: { memory: { id: string } } }
    const { id } = (await answerOf<Added>(added)).result!.structuredContent.memory
    const { events } = await daemon.rest<{ events: { actor: string }[] }>(
      'GET',
      `/memories/${id}/history`,
    )
    expect(events.map(({ actor }) => actor)).toEqual(['app:Editor'])
  })

  test('can be switched off', async () => {
    const closed = await openTestDaemon({ ENGRAM_OAUTH: 'off' })
    try {
      for (const path of [
        '/.well-known/oauth-protected-resource/mcp',
        '/.well-known/oauth-authorization-server',
        '/oauth/authorize?client_id=app_1',
      ]) {
        expect((await fetch(closed.url + path)).status).toBe(404)
      }
      const refused = await closed.post(call('list_memories'))
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="engram"')
    } finally {
      await closed.close()
    }
  })
})

describe('registering an app', () => {
  test('answers what it may do, and gives no secret', async () => {
    const answer = await register({
      redirect_uris: [REDIRECT, 'https://app.example/cb'],
      client_name: ' My \u202e\u0007Editor ',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'client_credentials'],
      logo_uri: 'https://app.example/logo.png',
    })
    // A bell is no text.
    expect(answer.status).toBe(400)
    const good = await register({
      redirect_uris: [REDIRECT, 'https://app.example/cb'],
      client_name: ' My \u202e Editor ',
      token_endpoint_auth_method: 'client_secret_basic',
    })
    expect(good.headers.get('cache-control')).toBe('no-store')
    expect(await good.json()).toEqual({
      client_id: expect.stringMatching(/^app_/),
      client_id_issued_at: expect.any(Number),
      client_name: 'My Editor',
      redirect_uris: [REDIRECT, 'https://app.example/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'read write',
    })
  })

  test.each([
    ['{', 'invalid_client_metadata'],
    [{}, 'invalid_client_metadata'],
    [{ redirect_uris: [] }, 'invalid_client_metadata'],
    [{ redirect_uris: 'http://127.0.0.1/cb' }, 'invalid_client_metadata'],
    [{ redirect_uris: Array(11).fill(REDIRECT) }, 'invalid_client_metadata'],
    [{ redirect_uris: [REDIRECT], client_name: 7 }, 'invalid_client_metadata'],
    [{ redirect_uris: [`https://a.example/${'x'.repeat(2000)}`] }, 'invalid_client_metadata'],
    [{ redirect_uris: ['cursor://callback'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: [REDIRECT, 'http://app.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: [REDIRECT], x: 'y'.repeat(40_000) }, 'invalid_client_metadata'],
  ])('is refused in the words of the protocol: %#', async (body, error) => {
    const answer = await register(body)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error, error_description: expect.any(String) })
  })

  test('is not for web pages', async () => {
    const answer = await fetch(`${daemon.url}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
      body: JSON.stringify({ redirect_uris: ['https://evil.example/cb'] }),
    })
    expect(answer.status).toBe(403)
    const form = await token({ redirect_uris: REDIRECT }, '/oauth/register')
    expect(form.status).toBe(415)
  })

  test('is bounded in a minute', async () => {
    const other = await openTestDaemon()
    try {
      const statuses = await Promise.all(
        Array.from({ length: 40 }, async () => {
          const answer = await fetch(`${other.url}/oauth/register`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ redirect_uris: [REDIRECT] }),
          })
          return answer.status
        }),
      )
      expect(statuses.filter((status) => status === 201)).toHaveLength(30)
      expect(statuses.filter((status) => status === 429)).toHaveLength(10)
    } finally {
      await other.close()
    }
  })
})

describe('the page that asks', () => {
  test('says who asks and where the answer goes, and lets nothing else run', async () => {
    const clientId = await newApp('<img src=x onerror=alert(1)> "Ed"')
    const answer = await fetch(authorizationUrl(clientId, newPkce(), { state: '"><script>' }))
    expect(answer.status).toBe(200)
    const html = await answer.text()
    expect(html).toContain('“&lt;img src=x onerror=alert(1)&gt; &quot;Ed&quot;”')
    expect(html).toContain('a program on this computer (127.0.0.1:40123)')
    expect(html).not.toContain('<script')
    expect(html).not.toContain('<img')
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self' http:\/\/127\.0\.0\.1:40123; frame-ancestors 'none'; base-uri 'none'$/,
    )
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(formOf(html).state).toBe('"><script>')
  })

  test('is reached from a web page, which cannot put it into a frame or read it', async () => {
    const url = authorizationUrl(await newApp(), newPkce())
    const visit = (headers: Record<string, string>) =>
      fetch(url, { headers: { 'sec-fetch-site': 'cross-site', ...headers } })
    const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect((await visit(navigation)).status).toBe(200)
    expect((await visit({ ...navigation, 'sec-fetch-dest': 'iframe' })).status).toBe(403)
    expect((await visit({ 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' })).status).toBe(
      403,
    )
    expect((await visit({ ...navigation, origin: 'https://evil.example' })).status).toBe(403)
    const elsewhere = await fetch(`${daemon.url}/health`, {
      headers: { 'sec-fetch-site': 'cross-site', ...navigation },
    })
    expect(elsewhere.status).toBe(403)
  })

  test('tells an app on this machine what is wrong, and of others the user', async () => {
    const clientId = await newApp('Editor', [REDIRECT, 'https://app.example/cb'])
    const wrong = { scope: 'admin' }
    const local = await fetch(authorizationUrl(clientId, newPkce(), wrong), { redirect: 'manual' })
    expect(local.status).toBe(303)
    const back = new URL(local.headers.get('location')!)
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'invalid_scope',
      error_description: expect.any(String),
      state: 'opaque & odd',
      iss: daemon.url,
    })
    const remote = await fetch(
      authorizationUrl(clientId, newPkce(), { ...wrong, redirect_uri: 'https://app.example/cb' }),
      { redirect: 'manual' },
    )
    expect([remote.status, remote.headers.get('location')]).toEqual([400, null])
    expect(await remote.text()).toContain('scope must be read, write or both')
  })

  test.each([
    ['an app that is not known', { client_id: 'app_unknown' }],
    ['an address that was not registered', { redirect_uri: 'http://127.0.0.1:40123/evil' }],
    ['another host', { redirect_uri: 'https://evil.example/callback' }],
  ])('sends nobody anywhere for %s', async (_, wrong) => {
    const url = authorizationUrl(await newApp(), newPkce(), wrong)
    const answer = await fetch(url, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    const posted = await submit(daemon, {
      ...Object.fromEntries(url.searchParams),
      decision: 'allow',
    })
    expect([posted.status, posted.headers.get('location')]).toEqual([400, null])
  })

  test('takes no parameter twice, and no odd text', async () => {
    const url = authorizationUrl(await newApp(), newPkce())
    for (const more of ['&state=2', '&x=%00', `&x=${'y'.repeat(5000)}`]) {
      const answer = await fetch(url.href + more, { redirect: 'manual' })
      expect(answer.status).toBe(400)
      expect(answer.headers.get('content-type')).toContain('text/html')
    }
  })
})

describe('the decision', () => {
  /** The page of a new app, to be answered. */
  async function asked(more: Record<string, string> = {}) {
    const clientId = await newApp()
    const page = await fetch(authorizationUrl(clientId, newPkce(), more))
    const form: Record<string, string> = formOf(await page.text())
    return { ...form, decision: 'allow', allow: 'write', client_id: clientId }
  }
  const approval = async (scope = 'write') =>
    (await daemon.rest<{ code: string }>('POST', '/users/me/apps/approvals', { scope })).code

  test('no is told to the app, and needs no proof', async () => {
    const answer = await submit(daemon, { ...(await asked()), decision: 'deny' })
    expect(answer.status).toBe(303)
    const back = new URL(answer.headers.get('location')!)
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      state: 'opaque & odd',
      iss: daemon.url,
    })
  })

  test('yes needs proof: without one, or with a wrong one, the page asks again', async () => {
    const form = await asked()
    const { api_key: reader } = await daemon.rest<{ api_key: string }>(
      'POST',
      '/users/me/api-keys',
      { name: 'reader', scope: 'read' },
    )
    for (const [proof, says] of [
      [{}, 'Type the code'],
      [{ approval: 'AAAA-AAAA' }, 'That code is not valid'],
      [{ approval: "' or 1=1" }, 'That code is not valid'],
      [{ key: 'ek_wrong' }, 'That API key is not valid'],
      [{ key: reader }, 'may only read'],
    ] as const) {
      const answer = await submit(daemon, { ...form, ...proof })
      expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
      const html = await answer.text()
      expect(html).toContain(says)
      expect(html).not.toContain(reader)
      expect(formOf(html)).toMatchObject({ client_id: form.client_id })
    }
  })

  test('is good with an API key as well', async () => {
    const answer = await submit(daemon, { ...(await asked()), key: ` ${daemon.key} ` })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).not.toContain(daemon.key)
  })

  test('is kept while the page asks again', async () => {
    const chosen = async (allow: string) => {
      const html = await (await submit(daemon, { ...(await asked()), allow })).text()
      return /value="(\w+)" checked/.exec(html)?.[1]
    }
    expect(await chosen('read')).toBe('read')
    expect(await chosen('write')).toBe('write')
  })

  test('takes each code once', async () => {
    const [form, code] = [await asked(), await approval()]
    expect((await submit(daemon, { ...form, approval: code })).status).toBe(303)
    expect((await submit(daemon, { ...form, approval: code })).status).toBe(400)
  })

  test('comes from the page itself', async () => {
    const form = { ...(await asked()), approval: await approval() }
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }]) {
      expect((await submit(daemon, form, headers)).status).toBe(403)
    }
    expect((await submit(daemon, form)).status).toBe(303)
  })

  test('stops when too much is guessed', async () => {
    const other = await openTestDaemon()
    try {
      const answer = await fetch(`${other.url}/oauth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [REDIRECT] }),
      })
      const { client_id: clientId } = (await answer.json()) as { client_id: string }
      const form = {
        ...Object.fromEntries(authorizationUrl(clientId, newPkce()).searchParams),
        resource: `${other.url}/mcp`,
        decision: 'allow',
      }
      const guess = async (approval: string) => (await submit(other, { ...form, approval })).status
      for (let i = 0; i < 30; i++) expect(await guess('AAAA-AAAA')).toBe(400)
      expect(await guess('AAAA-AAAA')).toBe(429)
      const { code } = await other.rest<{ code: string }>('POST', '/users/me/apps/approvals', {})
      expect(await guess(code)).toBe(429)
    } finally {
      await other.close()
    }
  })

  test.each([
    ['the user says so', { allow: 'read' }, {}],
    ['the app asks for no more', {}, { scope: 'read' }],
  ])('gives reading only when %s', async (_, choice, more) => {
    const { tokens } = await letIn(choice, more)
    expect(tokens.scope).toBe('read')
    const listed = await daemon.post(call('review_memories'), bearer(tokens.access_token))
    expect(listed.status).toBe(200)
    for (const message of [
      call('add_memory', { content: 'x' }),
      call('review_memories', { action: 'reject', memory_ids: ['mem_1'] }),
    ]) {
      const answer = await daemon.post(message, bearer(tokens.access_token))
      expect(answer.status).toBe(403)
      const challenge = answer.headers.get('www-authenticate')!
      expect(challenge).toContain('error="insufficient_scope"')
      expect(challenge).toContain('scope="read write"')
      expect(challenge).toContain(`${daemon.url}/.well-known/oauth-protected-resource/mcp`)
    }
  })

  test('gives reading only when the code was made for that', async () => {
    const { tokens } = await letIn({ approval: await approval('read') })
    expect(tokens.scope).toBe('read')
  })
})

describe('the exchange', () => {
  test('is refused without what belongs to the code', async () => {
    const clientId = await newApp()
    const otherApp = await newApp()
    const pkce = newPkce()
    const fields = {
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: REDIRECT,
      code_verifier: pkce.verifier,
    }
    for (const [wrong, error, status] of [
      [{ code_verifier: newPkce().verifier }, 'invalid_grant', 400],
      [{ code_verifier: 'short' }, 'invalid_request', 400],
      [{ code_verifier: '' }, 'invalid_request', 400],
      [{ code: 'ek_ac_unknown' }, 'invalid_grant', 400],
      [{ code: '' }, 'invalid_request', 400],
      [{ client_id: otherApp }, 'invalid_grant', 400],
      [{ client_id: 'app_unknown' }, 'invalid_client', 401],
      [{ client_id: '' }, 'invalid_client', 401],
      [{ redirect_uri: 'http://127.0.0.1:1/callback' }, 'invalid_grant', 400],
      [{ resource: 'https://evil.example/mcp' }, 'invalid_target', 400],
      [{ grant_type: 'password' }, 'unsupported_grant_type', 400],
      [{ grant_type: '' }, 'unsupported_grant_type', 400],
    ] as const) {
      const back = await consent(daemon, authorizationUrl(clientId, pkce))
      const answer = await token({ code: back.searchParams.get('code')!, ...fields, ...wrong })
      expect({ wrong, status: answer.status, body: await answer.json() }).toMatchObject({
        wrong,
        status,
        body: { error },
      })
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('a code that comes a second time takes its tokens back', async () => {
    const { exchange, tokens } = await letIn()
    expect(await works(tokens.access_token)).toBe(true)
    const again = await token(exchange)
    expect(await again.json()).toMatchObject({ error: 'invalid_grant' })
    expect(await works(tokens.access_token)).toBe(false)
  })

  test('a refresh token gives a new pair, and is no access token', async () => {
    const { clientId, tokens } = await letIn({ allow: 'read' })
    const fields = { grant_type: 'refresh_token', client_id: clientId }
    const answer = await token({ ...fields, refresh_token: tokens.refresh_token })
    const next = (await answer.json()) as Tokens
    expect(next).toMatchObject({ scope: 'read', expires_in: 3600 })
    expect(next.refresh_token).not.toBe(tokens.refresh_token)
    expect(await works(next.access_token)).toBe(true)
    expect(await works(next.refresh_token)).toBe(false)
    for (const wrong of [
      { refresh_token: next.access_token },
      { refresh_token: 'ek_rt_unknown' },
      { refresh_token: next.refresh_token, client_id: await newApp() },
    ]) {
      const refused = await token({ ...fields, ...wrong })
      expect(await refused.json()).toMatchObject({ error: 'invalid_grant' })
    }
  })

  test('reads a form and nothing else', async () => {
    const text = await fetch(`${daemon.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'grant_type=refresh_token',
    })
    expect(text.status).toBe(415)
    const large = await token({ grant_type: 'x'.repeat(40_000) })
    expect(await large.json()).toMatchObject({ error: 'invalid_request' })
    const twice = await fetch(`${daemon.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'client_id=a&client_id=b',
    })
    expect(await twice.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('an access token', () => {
  test('opens MCP and nothing else', async () => {
    const { tokens } = await letIn()
    for (const path of ['/memories', '/users/me', '/logs', '/users/me/apps', '/memories/export']) {
      for (const headers of [
        bearer(tokens.access_token),
        { 'x-engram-key': tokens.access_token },
      ] as Record<string, string>[]) {
        expect((await fetch(daemon.url + path, { headers })).status).toBe(401)
      }
    }
    const chat = await fetch(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(tokens.access_token), 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'x', messages: [{ role: 'user', content: 'hi' }] }),
    })
    expect(chat.status).toBe(401)
  })

  test('is good at the address it is for', async () => {
    const { tokens } = await letIn()
    const answer = await fetch(`http://localhost:${new URL(daemon.url).port}/mcp`, {
      method: 'POST',
      headers: { ...bearer(tokens.access_token), 'content-type': 'application/json' },
      body: JSON.stringify(call('list_memories')),
    })
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({
      detail: `the access token is for ${daemon.url}/mcp, not for http://localhost:${new URL(daemon.url).port}/mcp`,
    })
  })

  test('is shut out at once: by the user, and by the app itself', async () => {
    type App = { id: string; name: string; scope: string }
    const apps = () => daemon.rest<App[]>('GET', '/users/me/apps')
    const { tokens } = await letIn()
    expect(await works(tokens.access_token)).toBe(true)
    const [newest] = await apps()
    expect(newest).toMatchObject({ name: 'Editor', scope: 'write', resource: `${daemon.url}/mcp` })
    await daemon.rest('DELETE', `/users/me/apps/${newest!.id}`)
    expect(await works(tokens.access_token)).toBe(false)
    await expect(daemon.rest('DELETE', `/users/me/apps/${newest!.id}`)).rejects.toThrow('404')

    for (const which of ['access_token', 'refresh_token'] as const) {
      const one = await letIn()
      expect(await works(one.tokens.access_token)).toBe(true)
      const revoke = (fields: Record<string, string>) => token(fields, '/oauth/revoke')
      const stranger = await revoke({ token: one.tokens[which], client_id: await newApp() })
      expect(stranger.status).toBe(200)
      expect(await works(one.tokens.access_token)).toBe(true)
      const given = { token: one.tokens[which], client_id: one.clientId }
      expect((await revoke(given)).status).toBe(200)
      expect(await works(one.tokens.access_token)).toBe(false)
      const refreshed = await token({
        grant_type: 'refresh_token',
        client_id: one.clientId,
        refresh_token: one.tokens.refresh_token,
      })
      expect(refreshed.status).toBe(400)
      expect((await revoke(given)).status).toBe(200)
      expect((await revoke({ x: 'y' })).status).toBe(400)
    }
  })

  test('and a code to let one in are the user’s alone', async () => {
    const other = await daemon.user('other')
    const { tokens } = await letIn()
    const [mine] = await daemon.rest<{ id: string }[]>('GET', '/users/me/apps')
    expect(await daemon.rest<object[]>('GET', '/users/me/apps', undefined, other)).toEqual([])
    await expect(
      daemon.rest('DELETE', `/users/me/apps/${mine!.id}`, undefined, other),
    ).rejects.toThrow('404')
    expect(await works(tokens.access_token)).toBe(true)
    const { api_key: reader } = await daemon.rest<{ api_key: string }>(
      'POST',
      '/users/me/api-keys',
      { name: 'reader 2', scope: 'read' },
    )
    await expect(daemon.rest('POST', '/users/me/apps/approvals', {}, reader)).rejects.toThrow('403')
  })
})

test('nothing that was handed out stands in the database or the log', async () => {
  const { Database } = await import('bun:sqlite')
  const { tokens, code } = await letIn()
  const { code: approval } = await daemon.rest<{ code: string }>(
    'POST',
    '/users/me/apps/approvals',
    {},
  )
  const { databaseFile } = daemon.running.daemon.services.config.paths
  const database = new Database(databaseFile, { readonly: true })
  const dump = JSON.stringify(
    ['apps', 'app_approvals', 'app_codes', 'app_grants', 'app_tokens'].map((table) =>
      database
        .query(`select * from ${table}`)
        .all()
        .map((row) =>
          Object.values(row as object).map((value) =>
            value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
          ),
        ),
    ),
  )
  database.close()
  expect(dump).toContain('Editor')
  for (const secret of [tokens.access_token, tokens.refresh_token, code, approval]) {
    expect(dump).not.toContain(secret)
  }
})
