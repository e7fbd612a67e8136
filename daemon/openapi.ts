import { z } from 'zod'
import {
  PROXY_ANSWER_HEADERS,
  PROXY_PARAMETERS,
  PROXY_REFUSAL,
  PROXY_REQUEST_BODY,
} from './proxy/described.ts'
import { errorAnswer } from './rest/schema.ts'
import type { Access, Route } from './route.ts'
import { VERSION } from './version.ts'

/** The routes as an OpenAPI 3.1 document, made from the very validators that the server runs. */
export function openApiDocument(routes: readonly Route[], url: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')
    paths[path] ??= {}
    paths[path][methodOf(route).toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Engram',
      version: VERSION.version,
      description: 'A memory layer for AI tools: recall, injection and learning, inspectable.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'X-Engram-Key' },
        admin: { type: 'apiKey', in: 'header', name: 'X-Engram-Service-Key' },
        app: {
          type: 'oauth2',
          flows: {
            authorizationCode: {
              authorizationUrl: `${url}/oauth/authorize`,
              tokenUrl: `${url}/oauth/token`,
              refreshUrl: `${url}/oauth/token`,
              scopes: { read: 'find and list', write: 'add, change and delete' },
            },
          },
        },
      },
      schemas: { Error: jsonSchema(errorAnswer, 'output') },
    },
  }
}

const SECURITY: Readonly<Record<Access, object[]>> = {
  open: [],
  oauth: [],
  proxy: [{}, { key: [] }],
  local: [{}, { admin: [] }],
  mcp: [{ key: [] }, { app: [] }],
  read: [{ key: [] }],
  write: [{ key: [] }],
  admin: [{ admin: [] }, { key: [] }],
}

/** The document has no word for every method. */
function methodOf({ method, path }: Route): string {
  if (method !== 'ALL') return method
  return LISTS.includes(path) ? 'GET' : 'POST'
}

/** Of the paths that take every method, those that are read. */
const LISTS = ['/v1/models']

function operation(route: Route): object {
  const isProxied = route.access === 'proxy'
  const responses: Record<string, object> = {}
  for (const [status, { description, schema }] of Object.entries(route.answers)) {
    responses[status] = {
      description,
      ...(isProxied ? { headers: PROXY_ANSWER_HEADERS } : {}),
      ...(schema
        ? { content: { 'application/json': { schema: jsonSchema(schema, 'output') } } }
        : {}),
    }
  }
  responses.default = isProxied
    ? PROXY_REFUSAL
    : {
        description: 'what was wrong',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      }
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    security: SECURITY[route.access],
    parameters: [
      ...pathParameters(route),
      ...queryParameters(route),
      ...(isProxied ? PROXY_PARAMETERS : []),
    ],
    ...(isProxied && methodOf(route) === 'POST' ? { requestBody: PROXY_REQUEST_BODY } : {}),
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input') } },
          },
        }
      : {}),
    responses,
  }
}

function pathParameters({ path }: Route): object[] {
  return [...path.replace('*', ':path').matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query }: Route): object[] {
  if (!query) return []
  const schema = jsonSchema(query, 'input') as {
    properties?: Record<string, object>
    required?: string[]
  }
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }))
}

function operationId(route: Route): string {
  const parts = route.path.split(/[/:]+/).filter(Boolean)
  return [methodOf(route).toLowerCase(), ...parts].join('_').replace(/\W+/g, '_')
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
