import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

const home = openHome()
afterAll(() => home.close())

const { engram } = home
const REDIRECT = 'http://127.0.0.1:40125/cb'
const VERIFIER = 'v'.repeat(43)

/** What an app does to be let in, with a code that the person typed. */
async function letIn(name: string, approval: string): Promise<{ access_token: string }> {
  const { url } = home.daemon()!
  const registered = await fetch(`${url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, redirect_uris: [REDIRECT] }),
  })
  const { client_id } = (await registered.json()) as { client_id: string }
  const form = (fields: Record<string, string>, path: string) =>
    fetch(url + path, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ client_id, redirect_uri: REDIRECT, ...fields }),
    })
  const decided = await form(
    {
      response_type: 'code',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
      decision: 'allow',
      approval,
    },
    '/oauth/authorize',
  )
  const code = new URL(decided.headers.get('location')!).searchParams.get('code')!
  const tokens = await form(
    { grant_type: 'authorization_code', code, code_verifier: VERIFIER },
    '/oauth/token',
  )
  return (await tokens.json()) as { access_token: string }
}

async function isIn({ access_token: token }: { access_token: string }): Promise<boolean> {
  const answer = await fetch(`${home.daemon()!.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  return answer.status === 200
}

describe('engram apps', () => {
  test('prints a code that lets an app in, lists the app, and shuts it out', async () => {
    const none = await engram(['apps', 'list'])
    expect(none).toMatchObject({ code: 0, out: '' })
    expect(none.err).toContain('No app was let in')

    const approved = await engram(['apps', 'approve'])
    expect(approved.out).toMatch(/^[A-Z2-9]{4}-[A-Z2-9]{4}\n$/)
    expect(approved.err).toContain('Type it into the page that the app has opened')
    const editor = await letIn('Code Editor', approved.out.trim())
    expect(await isIn(editor)).toBe(true)

    const { code, scope } = jsonOf<{ code: string; scope: string }>(
      await engram(['apps', 'approve', '--read-only', '--json']),
    )
    expect(scope).toBe('read')
    const viewer = await letIn('Viewer', code)

    const { out, err } = await engram(['apps', 'list'])
    expect(out).toMatch(/Viewer +may read[\s\S]*Code Editor +may write/)
    expect(err).toContain('2 apps')
    const { apps } = jsonOf<{ apps: { id: string; name: string; scope: string }[] }>(
      await engram(['apps', 'list', '--json']),
    )
    expect(apps).toMatchObject([
      { name: 'Viewer', scope: 'read' },
      { name: 'Code Editor', scope: 'write' },
    ])

    expect((await engram(['apps', 'revoke', 'Code Editor'])).out).toContain('shut out')
    expect(await isIn(editor)).toBe(false)
    expect(await isIn(viewer)).toBe(true)
    const short = apps[0]!.id.slice(0, 9)
    expect(jsonOf<object>(await engram(['apps', 'revoke', short, '--json']))).toEqual({
      revoked: apps[0]!.id,
      name: 'Viewer',
    })
    expect(await isIn(viewer)).toBe(false)
    const again = await engram(['apps', 'revoke', 'Viewer'])
    expect(again.code).toBe(3)
    expect(again.err).toContain('no app Viewer')
  })

  test('asks which one when a name fits several', async () => {
    for (let i = 0; i < 2; i++) {
      await letIn('Twin', (await engram(['apps', 'approve'])).out.trim())
    }
    const { code, err } = await engram(['apps', 'revoke', 'Twin'])
    expect(code).toBe(2)
    expect(err).toContain('Twin fits more than one app')
  })
})
