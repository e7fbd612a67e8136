import { Hono } from 'hono'
import { EngramError, type ErrorCode, messageOf } from '../memory/errors.ts'
import { checkAccess } from './access.ts'
import { isLocalMode } from './config.ts'
import { checkGate, corsHeaders, type GateRules, preflight } from './gate.ts'
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
  const methods = new Map<string, Set<string>>()
  for (const route of routes) {
    const allowed = methods.getOrInsertComputed(route.path, () => new Set())
    allowed.add(route.method)
    app.on(route.method, route.path, async ({ req }) => {
      const caller = await services.identity.identify(req.raw.headers)
      checkAccess(route.access, caller, isLocalMode(services.config))
      return route.respond(req.raw, req.param(), caller, services)
    })
  }
  for (const [path, allowed] of methods) {
    app.all(path, () => {
      const allow = [...allowed].sort().join(', ')
      const answer = Response.json(
        { detail: `this path answers ${allow}`, code: 'method_not_allowed' },
        { status: 405 },
      )
      answer.headers.set('allow', allow)
      return answer
    })
  }
  app.notFound(({ req }) =>
    errorResponse(new EngramError('not_found', `no such path: ${req.path.slice(0, 200)}`)),
  )
  app.onError((error) => failure(error, services))

  return async (request) => {
    let response: Response
    try {
      checkGate(request, rules())
      if (request.method === 'OPTIONS' && request.headers.has('origin')) {
        return preflight(request, rules())
      }
      response = await app.fetch(request)
    } catch (error) {
      response = failure(error, services)
    }
    for (const [name, value] of Object.entries(corsHeaders(request, rules()))) {
      response.headers.set(name, value)
    }
    response.headers.set('x-content-type-options', 'nosniff')
    return response
  }
}

function failure(error: unknown, { log }: Pick<Services, 'log'>): Response {
  if (error instanceof EngramError) {
    if (STATUS[error.code] >= 500)
      log.error({ code: error.code, error: error.message }, 'request failed')
    return errorResponse(error)
  }
  const id = crypto.randomUUID()
  log.error({ id, error: messageOf(error), stack: (error as Error)?.stack }, 'unexpected error')
  return errorResponse(
    new EngramError('internal', `an unexpected error, logged as ${id}`, { fix: 'engram doctor' }),
  )
}

export function errorResponse(error: EngramError): Response {
  const body = { detail: error.message, code: error.code, ...(error.fix ? { fix: error.fix } : {}) }
  const response = Response.json(body, { status: STATUS[error.code] })
  if (error.code === 'unauthorized') response.headers.set('www-authenticate', 'X-Engram-Key')
  return response
}
