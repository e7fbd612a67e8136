import { createHash, randomBytes } from 'node:crypto'
import type { TestDaemon } from '../mcp/fixtures/daemon.ts'

export type Pkce = Readonly<{ verifier: string; challenge: string }>

export function newPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** What a browser sends with a form of the page itself. */
export function submit(
  daemon: Pick<TestDaemon, 'url'>,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${daemon.url}/oauth/authorize`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: daemon.url, 'sec-fetch-site': 'same-origin', ...headers },
    body: new URLSearchParams(fields),
  })
}

/** The fields of the form in a page. */
export function formOf(html: string): Record<string, string> {
  return Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(
      ([, name, value]) => [name!, unescapeHtml(value!)],
    ),
  )
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** A person at the browser, with a code from their terminal. @returns where the browser is sent */
export async function consent(
  daemon: TestDaemon,
  authorizationUrl: URL,
  choice: Readonly<Record<string, string>> = {},
): Promise<URL> {
  const page = await fetch(authorizationUrl, { headers: { 'sec-fetch-site': 'none' } })
  const html = await page.text()
  if (page.status !== 200) throw new Error(html)
  const approval =
    choice.approval ??
    (await daemon.rest<{ code: string }>('POST', '/users/me/apps/approvals', {})).code
  const answer = await submit(daemon, {
    ...formOf(html),
    approval: approval.toLowerCase(),
    allow: 'write',
    decision: 'allow',
    ...choice,
  })
  if (answer.status !== 303) throw new Error(`${answer.status} ${await answer.text()}`)
  return new URL(answer.headers.get('location')!)
}
