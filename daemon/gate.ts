import { EngramError } from '../memory/errors.ts'

export type GateRules = Readonly<{
  port: number
  /** Names beside the loopback ones under which we may be reached, lower-case, with or without port. */
  allowedHosts: readonly string[]
  /** Web origins that may call us from a browser. */
  allowedOrigins: readonly string[]
  /** We end TLS ourselves. */
  tls: boolean
  /** A proxy in front of us ends it: pages come from https although we speak http. */
  behindProxy: boolean
}>

/**
 * What every request must pass before anything is routed: a page in the user's browser can send requests to
 * a server on the same machine, also under a name of its own that resolves there (DNS rebinding). So the
 * Host must be one of ours, and an Origin, if there is one, must be ours or allowed.
 *
 * @throws EngramError `forbidden`
 */
export function checkGate(request: Request, rules: GateRules): void {
  const host = request.headers.get('host')?.toLowerCase() ?? ''
  if (!isOurHost(host, rules)) {
    throw new EngramError(
      'forbidden',
      `the Host "${host.slice(0, 100)}" is not a name of this server`,
      {
        fix: 'use http://127.0.0.1 with its port, or add the name to ENGRAM_ALLOWED_HOSTS',
      },
    )
  }
  const origin = request.headers.get('origin')
  if (origin !== null) {
    if (!isOurOrigin(origin, host, rules)) {
      throw new EngramError(
        'forbidden',
        `the origin "${origin.slice(0, 100)}" may not call this server`,
        {
          fix: 'add it to ENGRAM_ALLOWED_ORIGINS',
        },
      )
    }
    return
  }
  const site = request.headers.get('sec-fetch-site')
  // Browsers send no Origin with some GETs, but say where they come from.
  if (site !== null && site !== 'none' && site !== 'same-origin' && !opensPage(request)) {
    throw new EngramError('forbidden', 'another web site may not call this server')
  }
}

/** An app on the web may send the user here, to be asked: the page changes nothing and goes into no frame. */
function opensPage(request: Request): boolean {
  return (
    request.method === 'GET' &&
    request.headers.get('sec-fetch-mode') === 'navigate' &&
    request.headers.get('sec-fetch-dest') === 'document' &&
    PAGES.includes(new URL(request.url).pathname)
  )
}

const PAGES = ['/oauth/authorize']

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

function isOurHost(host: string, { port, allowedHosts, tls }: GateRules): boolean {
  const standard = port === (tls ? 443 : 80)
  for (const name of LOOPBACK_NAMES) {
    if (host === `${name}:${port}` || (standard && host === name)) return true
  }
  return allowedHosts.some((name) => host === name || host.replace(/:\d+$/, '') === name)
}

function isOurOrigin(origin: string, host: string, rules: GateRules): boolean {
  const { tls, behindProxy, allowedOrigins } = rules
  return (
    (!tls && origin === `http://${host}`) ||
    ((tls || behindProxy) && origin === `https://${host}`) ||
    allowedOrigins.includes(origin)
  )
}

/** CORS headers for an allowed foreign origin; none for everybody else. */
export function corsHeaders(request: Request, rules: GateRules): Record<string, string> {
  const origin = request.headers.get('origin')
  if (origin === null || !rules.allowedOrigins.includes(origin)) return {}
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers':
      'X-Engram-Conversation-ID, X-Engram-Memories-Injected, X-Engram-Receipt, X-Engram-Memory, Mcp-Session-Id, WWW-Authenticate',
    vary: 'Origin',
  }
}

/** The answer to a CORS preflight of an allowed origin. */
export function preflight(request: Request, rules: GateRules): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request, rules),
      'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
      'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? '',
      'access-control-max-age': '600',
    },
  })
}
