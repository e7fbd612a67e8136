import { Hono } from 'hono'
import { EngramError, type ErrorCode } from '../memory/errors.ts'
import { checkAccess } from './access.ts'
import { knownError } from './errors.ts'
import { checkGate, corsHeaders, type GateRules, preflight } from './gate.ts'
import type { Caller } from './identity.ts'
import { isLocalRequest } from './local.ts'
import { bearerChallenge } from './oauth/challenge.ts'
import { mcpResource, originOf } from './oauth/origin.ts'
import type { Route } from './route.ts'
import type { Services } from './services.ts'

/** The one place where codes become statuses. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  malformed: 400,
  invalid: 422,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
  storage_full: 507,
  internal: 500,
}

/**
 * Answers requests: gate, route, caller, access, handler; errors become JSON.
 *
 * @param rules asked at each request, since the port is known only after binding
 */
export function createHandler(
  routes: readonly Route[],
  services: Services,
  rules: () => GateRules,
): (request: Request) => Promise<Response> {
  const app = new Hono()
  for (const [path, atPath] of Map.groupBy(routes, ({ path }) => path)) {
    for (const route of atPath) {
      app.on(route.method, path, async ({ req }) => {
        try {
          checkSwitch(route, services)
          const caller = await callerOf(route, req.raw, services)
          checkAccess(route, caller, isLocalRequest(req.raw, services.config))
          if (caller.kind !== 'anonymous') services.keepOpen(req.raw)
          const response = await route.respond(req.raw, req.param(), caller, services)
          // A provider's answer passes as it is.
          return route.access === 'proxy' ? response : notSniffed(response)
        } catch (error) {
          const response = failure(error, services)
          if (route.access === 'mcp' && response.status === 401) {
            response.headers.set('www-authenticate', bearerChallenge(req.raw, services.config))
          }
          return notSniffed(response)
        }
      })
    }
    // Before the next path, which may be one with a parameter that would swallow this one's other methods.
    app.all(path, () => notSniffed(methodNotAllowed(atPath)))
  }
  app.notFound(({ req }) => {
    const path = req.path.slice(0, 200).replace(/ek_\w+/g, 'ek_…')
    return notSniffed(errorResponse(new EngramError('not_found', `no such path: ${path}`)))
  })
  app.onError((error) => notSniffed(failure(error, services)))

  return async (request) => {
    let response: Response
    try {
      checkGate(request, rules())
      if (request.method === 'OPTIONS' && request.headers.has('origin')) {
        return preflight(request, rules())
      }
      response = await app.fetch(request)
    } catch (error) {
      response = notSniffed(failure(error, services))
    }
    for (const [name, value] of Object.entries(corsHeaders(request, rules()))) {
      response.headers.set(name, value)
    }
    return response
  }
}

function notSniffed(response: Response): Response {
  response.headers.set('x-content-type-options', 'nosniff')
  return response
}

const ANONYMOUS: Caller = { kind: 'anonymous' }

async function callerOf(
  { access }: Route,
  request: Request,
  { identity, config }: Services,
): Promise<Caller> {
  switch (access) {
    case 'open':
    case 'proxy':
    case 'oauth':
      return ANONYMOUS
    case 'mcp':
      return identity.identifyApp(request.headers, mcpResource(originOf(request, config)))
    default:
      return identity.identify(request.headers)
  }
}

function checkSwitch({ switch: setting, path }: Route, { config }: Services): void {
  if (setting === null || config[setting]) return
  throw new EngramError('not_found', `${path} is switched off here`, {
    fix: `engram config set ${setting} true, then start the daemon anew`,
  })
}

function methodNotAllowed(atPath: readonly Route[]): Response {
  const allow = atPath
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .sort()
    .join(', ')
  return Response.json(
    { detail: `this path answers ${allow}`, code: 'method_not_allowed' },
    { status: 405, headers: { allow } },
  )
}

function failure(error: unknown, { log }: Pick<Services, 'log'>): Response {
  const known = knownError(error, { log })
  if (known === error && STATUS[known.code] >= 500) {
    log.error({ code: known.code, error: known.message }, 'request failed')
  }
  return errorResponse(known)
}

function errorResponse(error: EngramError): Response {
  const body = { detail: error.message, code: error.code, ...(error.fix ? { fix: error.fix } : {}) }
  const response = Response.json(body, { status: STATUS[error.code] })
  if (error.code === 'unauthorized') response.headers.set('www-authenticate', 'X-Engram-Key')
  return response
}
