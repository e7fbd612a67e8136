import { createHash } from 'node:crypto'
import { NO_STORE } from './answers.ts'
import type { Authorization } from './authorization.ts'
import type { Fields } from './form.ts'
import { isLoopback } from './redirect.ts'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 30rem; margin: 12vh auto; padding: 0 1.25rem }
h1 { font-size: 1.4rem; margin: 0 0 1rem }
code, .code { font-family: ui-monospace, monospace }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0 }
dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
fieldset { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem }
label { display: block; margin: .5rem 0 }
input[type=text], input[type=password] { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; margin-top: .25rem }
input.code { letter-spacing: .1em; text-transform: uppercase }
button { font: inherit; padding: .5rem 1.25rem; margin-right: .5rem; cursor: pointer }
.problem { border-left: .25rem solid #c33; padding: .25rem .75rem }
summary { cursor: pointer }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** The parameters of the request that come back with the decision. */
const KEPT = [
  'client_id',
  'redirect_uri',
  'response_type',
  'state',
  'scope',
  'resource',
  'code_challenge',
  'code_challenge_method',
] as const

/** Asks the user whether to let an app in. */
export function consentPage(
  { app, redirectUri, scope }: Authorization,
  fields: Fields,
  problem: string | null,
  status = 200,
): Response {
  const url = new URL(redirectUri)
  const where = isLoopback(url) ? `a program on this computer (${url.host})` : url.host
  const body = `
<h1>Let “${escapeHtml(app.name)}” use your memories?</h1>
${problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : ''}
<p>An app asks for access to Engram. It chose its name itself: go on only if you have just started this.</p>
<dl><dt>Answer goes to</dt><dd>${escapeHtml(where)}</dd></dl>
<form method="post" action="/oauth/authorize">
${KEPT.flatMap((name) => (fields[name] ? [hidden(name, fields[name])] : [])).join('\n')}
<fieldset><legend>It may</legend>
${
  scope === 'write'
    ? `${choice('write', 'find, add, change and delete memories', fields.allow !== 'read')}
${choice('read', 'only find and list them', fields.allow === 'read')}`
    : '<p>find and list memories, but change nothing</p>'
}
</fieldset>
<fieldset><legend>It is really you</legend>
<p>Run <code>engram apps approve</code> in a terminal and type the code it prints.</p>
<label>Code <input type="text" class="code" name="approval" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" autofocus></label>
<details><summary>No terminal at hand</summary>
<label>An API key of yours that may write <input type="password" name="key" autocomplete="off" maxlength="200"></label>
</details>
</fieldset>
<button name="decision" value="allow">Let it in</button>
<button name="decision" value="deny" formnovalidate>No</button>
</form>
<p>Take it back at any time: <code>engram apps list</code>, then <code>engram apps revoke</code>.</p>`
  return page('Let an app in', body, status, redirectUri)
}

/** Says why there is nothing to decide. */
export function problemPage(message: string, status = 400): Response {
  const body = `<h1>This did not work</h1>\n<p class="problem" role="alert">${escapeHtml(message)}</p>`
  return page('This did not work', body, status, null)
}

function page(title: string, body: string, status: number, redirectUri: string | null): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Engram: ${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`
  return new Response(html, {
    status,
    headers: {
      ...NO_STORE,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': [
        "default-src 'none'",
        `style-src 'sha256-${STYLE_HASH}'`,
        // Browsers also hold the redirect that answers the form to this.
        `form-action 'self'${redirectUri === null ? '' : ` ${cspSource(new URL(redirectUri))}`}`,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join('; '),
      'x-frame-options': 'DENY',
      // Not no-referrer: a browser would then send its form with the Origin "null".
      'referrer-policy': 'same-origin',
    },
  })
}

/** The grammar of content security policies knows no IPv6 addresses. */
function cspSource(url: URL): string {
  return url.hostname.startsWith('[') ? url.protocol : url.origin
}

const choice = (value: string, says: string, isChosen: boolean) =>
  `<label><input type="radio" name="allow" value="${value}"${isChosen ? ' checked' : ''}> ${says}</label>`

const hidden = (name: string, value: string) =>
  `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}
