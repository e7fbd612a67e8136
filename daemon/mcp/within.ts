import { EngramError } from '../../memory/errors.ts'
import { checkAccess } from '../access.ts'
import { knownError } from '../errors.ts'
import type { Caller } from '../identity.ts'
import type { Route } from '../route.ts'
import type { Services } from '../services.ts'
import type { Rest, RestRequest } from './rest.ts'

/**
 * The REST interface without HTTP: the same routes with the same checks, as the caller and with no more rights
 * than theirs.
 */
export function restWithin(routes: readonly Route[], caller: Caller, services: Services): Rest {
  async function call(asked: RestRequest): Promise<Response> {
    try {
      const { route, params } = find(routes, asked)
      checkAccess(route, caller, false)
      return await route.respond(toRequest(asked), params, caller, services)
    } catch (error) {
      throw knownError(error, services)
    }
  }
  return {
    ask: async (answer, asked) => answer.parse(await (await call(asked)).json()),
    tell: async (asked) => {
      await call(asked)
    },
  }
}

function find(routes: readonly Route[], { method, path }: RestRequest) {
  const parts = path.split('/')
  for (const route of routes) {
    if (route.method !== method) continue
    const params = match(route.path.split('/'), parts)
    if (params) return { route, params }
  }
  throw new EngramError('internal', `there is no route ${method} ${path}`)
}

function match(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  if (pattern.length !== parts.length) return null
  const params: Record<string, string> = {}
  for (const [i, piece] of pattern.entries()) {
    const part = parts[i]!
    if (piece.startsWith(':')) params[piece.slice(1)] = decodeURIComponent(part)
    else if (piece !== part) return null
  }
  return params
}

function toRequest({ method, path, query, body }: RestRequest): Request {
  const url = new URL(path, 'http://within')
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return new Request(url.href, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
}
