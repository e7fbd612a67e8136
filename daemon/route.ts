import { z } from 'zod'
import { checkContentType, checkValues, parseJson, readBytes, readJsonBody } from './body.ts'
import type { Caller } from './identity.ts'
import { readQuery } from './query.ts'
import { readValue } from './read-value.ts'
import type { Services } from './services.ts'

/**
 * Who may call a route. A route cannot be declared without one.
 *
 * - open: anybody, and no key is looked at; only health, readiness and the front page
 * - local: anybody on this machine in local mode, else an admin (or, for reading, any key)
 * - read, write: a user's key with that right
 * - admin: the admin key or the local key
 * - proxy: the proxy finds out itself who calls, and refuses in the form that the provider's clients read
 * - mcp: a user's key, or the token of an app that the user has let in; what it may do is decided by each call
 * - oauth: anybody, as the protocol has it: an app has nothing to show before it is let in
 */
export type Access = 'open' | 'local' | 'read' | 'write' | 'admin' | 'proxy' | 'mcp' | 'oauth'

/** Settings that switch routes off. */
export type Switch = 'server.oauth' | 'server.legacy_sse'

/** `ALL` is every method there is: what a provider's API does with it is the provider's business. */
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'ALL'

export type Context<Query, Body> = Readonly<{
  request: Request
  params: Readonly<Record<string, string>>
  query: Query
  body: Body
  caller: Caller
  services: Services
}>

export type Answer = Readonly<{ description: string; schema?: z.ZodType }>

export type RouteDefinition<Query extends z.ZodType, Body extends z.ZodType> = Readonly<{
  method: Method
  /** Parameters as `:name`. */
  path: string
  access: Access
  /** Answers only while this setting is on. */
  switch?: Switch
  /** For the OpenAPI document. */
  summary: string
  tag: string
  query?: Query
  body?: Body
  maxBodyBytes?: number
  /** Content types that `handle` reads by itself, besides JSON. */
  reads?: readonly string[]
  /** Success answers by status; errors are the same everywhere. */
  answers: Readonly<Record<number, Answer>>
  handle: (context: Context<z.output<Query>, z.output<Body>>) => Promise<Response> | Response
}>

export type Route = Readonly<{
  method: Method
  path: string
  access: Access
  switch: Switch | null
  summary: string
  tag: string
  query: z.ZodType | null
  body: z.ZodType | null
  reads: readonly string[] | null
  answers: Readonly<Record<number, Answer>>
  respond: (
    request: Request,
    params: Readonly<Record<string, string>>,
    caller: Caller,
    services: Services,
  ) => Promise<Response>
}>

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024

/**
 * What comes here is defined elsewhere, by a provider or a protocol, and may hold more than we know; probes of
 * open routes are sent with whatever keeps caches away. Everything else is ours, and takes only what it names:
 * a misspelt `namespace` that is passed over would delete every namespace.
 */
const THEIRS: readonly Access[] = ['open', 'proxy', 'mcp', 'oauth']

const NOTHING = z.strictObject({})

/** The same shape, refusing fields that it does not name; objects further in say so themselves. */
function closed<T extends z.ZodType>(schema: T): T {
  return schema instanceof z.ZodObject ? (schema.strict() as unknown as T) : schema
}

export function route<Query extends z.ZodType, Body extends z.ZodType>(
  definition: RouteDefinition<Query, Body>,
): Route {
  const isOurs = !THEIRS.includes(definition.access)
  const querySchema = isOurs ? closed(definition.query ?? NOTHING) : definition.query
  const bodySchema = definition.body && closed(definition.body)
  return {
    method: definition.method,
    path: definition.path,
    access: definition.access,
    switch: definition.switch ?? null,
    summary: definition.summary,
    tag: definition.tag,
    query: querySchema ?? null,
    body: bodySchema ?? null,
    reads: definition.reads ?? null,
    answers: definition.answers,
    async respond(request, params, caller, services) {
      checkForm(definition, request)
      const query = querySchema && readValue(querySchema, readQuery(request.url), 'the query')
      const body = bodySchema && (await readBody(bodySchema, request, definition.maxBodyBytes))
      if (isOurs && !bodySchema && !definition.reads) await checkNoBody(request)
      return definition.handle({
        request,
        params,
        query: query as z.output<Query>,
        body: body as z.output<Body>,
        caller,
        services,
      })
    },
  }
}

/** A page elsewhere may send text and forms without asking first: they change nothing here, read or not. */
function checkForm(
  { method, access, body, reads }: Pick<RouteDefinition<z.ZodType, z.ZodType>, FormFields>,
  request: Request,
): void {
  if (method === 'GET' || access === 'proxy') return
  const needsBody = body !== undefined || reads !== undefined
  if (needsBody || request.headers.has('content-type')) checkContentType(request, reads)
}

type FormFields = 'method' | 'access' | 'body' | 'reads'

async function readBody<T extends z.ZodType>(
  schema: T,
  request: Request,
  maxBytes = DEFAULT_MAX_BODY_BYTES,
): Promise<z.output<T>> {
  const value = await readJsonBody(request, maxBytes)
  checkValues(value)
  return readValue(schema, value)
}

/** Who sends a body where none is read means something by it: a namespace to delete, say. */
async function checkNoBody(request: Request): Promise<void> {
  if (request.body === null) return
  const bytes = await readBytes(request, DEFAULT_MAX_BODY_BYTES)
  if (bytes.length > 0) readValue(NOTHING, parseJson(bytes))
}
