import type { z } from 'zod'
import { EngramError } from '../memory/errors.ts'
import { checkContentType, checkValues, readJsonBody } from './body.ts'
import type { Caller } from './identity.ts'
import type { Services } from './services.ts'

/**
 * Who may call a route. A route cannot be declared without one.
 *
 * - open: anybody, and no key is looked at; only health, readiness and the console's shell
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

export function route<Query extends z.ZodType, Body extends z.ZodType>(
  definition: RouteDefinition<Query, Body>,
): Route {
  return {
    method: definition.method,
    path: definition.path,
    access: definition.access,
    switch: definition.switch ?? null,
    summary: definition.summary,
    tag: definition.tag,
    query: definition.query ?? null,
    body: definition.body ?? null,
    reads: definition.reads ?? null,
    answers: definition.answers,
    async respond(request, params, caller, services) {
      checkForm(definition, request)
      const given = Object.fromEntries(new URL(request.url).searchParams)
      if (definition.query) checkValues(given)
      const query = definition.query ? readValue(definition.query, given) : undefined
      const body = definition.body
        ? await readBody(definition.body, request, definition.maxBodyBytes)
        : undefined
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

/** @throws EngramError `invalid` naming the first field that breaks a rule, its value and the rule. */
export function readValue<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new EngramError('invalid', describeIssue(result.error.issues[0]!, value))
}

function describeIssue(issue: z.core.$ZodIssue, whole: unknown): string {
  const name = issue.path.length === 0 ? 'the body' : nameOf(issue.path)
  const value = valueAt(whole, issue.path)
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `${name} is required`
        : `${name} must be ${article(issue.expected)}, got ${shown(value)}`
    case 'too_big':
      return `${name} ${tooBig(issue, value)}`
    case 'too_small':
      return `${name} ${tooSmall(issue, value)}`
    case 'invalid_value':
      return `${name} must be one of ${issue.values.join(', ')}, got ${shown(value)}`
    case 'unrecognized_keys':
      return `${name} has no field ${issue.keys.map((key) => `"${key}"`).join(', ')}`
    default:
      return `${name} ${issue.message}, got ${shown(value)}`
  }
}

/** By what was measured, not by the value: a number in a query is text before it is read. */
function tooBig({ origin, maximum }: z.core.$ZodIssueTooBig, value: unknown): string {
  if (origin === 'string') return `must be at most ${maximum} characters, got ${sizeOf(value)}`
  if (origin === 'array') return `must hold at most ${maximum} items, got ${sizeOf(value)}`
  return `must be at most ${maximum}, got ${shown(value)}`
}

function tooSmall({ origin, minimum }: z.core.$ZodIssueTooSmall, value: unknown): string {
  if (origin === 'string') {
    if (typeof value === 'string' && value.trim() === '') return 'must not be blank'
    return `must be at least ${minimum} characters, got ${sizeOf(value)}`
  }
  if (origin === 'array') return `must hold at least ${minimum} item`
  return `must be at least ${minimum}, got ${shown(value)}`
}

function sizeOf(value: unknown): number {
  return (value as { length: number }).length
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number'
        ? `${name}[${part}]`
        : name
          ? `${name}.${String(part)}`
          : String(part),
    '',
  )
}

function valueAt(whole: unknown, path: readonly PropertyKey[]): unknown {
  let value = whole
  for (const part of path) {
    if (value === null || typeof value !== 'object') return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  nan: 'a number',
}

function article(expected: string): string {
  return TYPE_WORDS[expected] ?? expected
}

/** A value short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value !== null && typeof value === 'object') return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
