import { type Route, route } from '../route.ts'
import { VERSION } from '../version.ts'

/** For whoever opens the daemon's address, or what `engram ui` prints, before there is a console. */
export const frontPageRoutes: Route[] = ['/', '/ui', '/ui/*'].map((path) =>
  route({
    method: 'GET',
    path,
    access: 'open',
    tag: 'system',
    summary: 'What this is and where to go on; text, or HTML for browsers',
    answers: { 200: { description: 'a page' } },
    handle: ({ request }) => frontPage(request.headers.get('accept') ?? ''),
  }),
)

const TITLE = `Engram ${VERSION.version}`
/** Each with what follows it, or none; said to anybody, so nothing of this installation is among them. */
const LINES: readonly (readonly [text: string, code?: string])[] = [
  ['A memory layer for AI tools, running on this machine.'],
  ['The web console is not part of this version.'],
  ['How it is doing:', 'engram status'],
  ['What is remembered:', 'engram memories list'],
  ['What waits for a decision:', 'engram review'],
  ['Why an answer knew something:', 'engram why'],
  ['How to connect a client:', 'engram help'],
]
const INTERFACE = '/openapi.json'

function frontPage(accept: string): Response {
  const isHtml = /\btext\/html\b/i.test(accept)
  return new Response(isHtml ? html() : text(), {
    headers: {
      'content-type': `text/${isHtml ? 'html' : 'plain'}; charset=utf-8`,
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    },
  })
}

function text(): string {
  const lines = LINES.map(([says, code]) => (code ? `${says} ${code}` : says))
  return `${[TITLE, '', ...lines, `The interface: ${INTERFACE}`].join('\n')}\n`
}

function html(): string {
  const lines = LINES.map(([says, code]) => `<p>${says}${code ? ` <code>${code}</code>` : ''}</p>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${TITLE}</title>
</head>
<body>
<h1>${TITLE}</h1>
${lines.join('\n')}
<p>The interface: <a href="${INTERFACE}">${INTERFACE}</a></p>
</body>
</html>
`
}
