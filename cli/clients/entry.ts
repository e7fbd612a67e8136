import { basename } from 'node:path'
import type { ClientSpec, Transport } from './catalog.ts'

/** What a client is to call. */
export type Wanted = Readonly<{
  command: string
  args: readonly string[]
  /** Set in the client's file: it starts us with hardly an environment. */
  env: Readonly<Record<string, string>>
  url: string
  /** Environment variable that holds the key, for HTTP; null leaves it to the client to sign in. */
  keyVariable: string | null
}>

export type Entry = Readonly<Record<string, unknown>>

/**
 * The entry of a client, its placeholders filled: `{command}`, `{args}` (spread in a list), `{env}`, `{url}`,
 * `{bearer}` (the header's value, by reference to the variable), `{variable}` (its name). What there is no
 * value for is left out, and so is an object that is left empty.
 *
 * @returns null when the client has no such transport
 */
export function entryOf(client: ClientSpec, transport: Transport, wanted: Wanted): Entry | null {
  const template = client.entries[transport]
  if (!template) return null
  return (fill(template, valuesOf(client, wanted)) ?? {}) as Entry
}

/**
 * Arguments of the client's own command: as entries, and `{env:FLAG}`, `{bearer:FLAG}`, `{variable:FLAG}`,
 * `{named}`.
 */
export function ownArguments(
  client: ClientSpec,
  template: readonly string[],
  transport: Transport,
  wanted: Wanted,
): string[] {
  const values = valuesOf(client, wanted)
  return template.flatMap((part): string[] => {
    const [, name, flag] = /^\{(env|bearer|variable):(.+)\}$/.exec(part) ?? []
    if (name === 'env')
      return Object.entries(wanted.env).flatMap(([key, value]) => [flag!, `${key}=${value}`])
    if (name === 'bearer')
      return values['{bearer}'] ? [flag!, `Authorization: ${values['{bearer}']}`] : []
    if (name === 'variable')
      return values['{variable}'] ? [flag!, String(values['{variable}'])] : []
    if (part === '{named}')
      return [JSON.stringify({ name: 'engram', ...entryOf(client, transport, wanted) })]
    const value = fill(part, values)
    return Array.isArray(value) ? (value as string[]) : value === undefined ? [] : [String(value)]
  })
}

/** The link that makes the client ask to add us; null when it has none. */
export function linkOf(client: ClientSpec, transport: Transport, wanted: Wanted): string | null {
  const entry = entryOf(client, transport, wanted)
  if (!client.link || !entry) return null
  const named = JSON.stringify({ name: 'engram', ...entry })
  return client.link
    .replace('{base64}', encodeURIComponent(Buffer.from(JSON.stringify(entry)).toString('base64')))
    .replace('{named-url}', encodeURIComponent(named))
}

type Values = Readonly<Record<string, unknown>>

function valuesOf({ id, variable }: ClientSpec, wanted: Wanted): Values {
  const reference =
    variable && wanted.keyVariable ? variable.replace('NAME', () => wanted.keyVariable!) : undefined
  return {
    '{command}': wanted.command,
    '{args}': [...wanted.args, '--client', id],
    '{env}': Object.keys(wanted.env).length > 0 ? wanted.env : undefined,
    '{url}': wanted.url,
    '{bearer}': reference && `Bearer ${reference}`,
    '{variable}': reference,
  }
}

function fill(template: unknown, values: Values): unknown {
  if (typeof template === 'string')
    return Object.hasOwn(values, template) ? values[template] : template
  if (Array.isArray(template))
    return template.flatMap((one) => {
      const value = fill(one, values)
      return value === undefined ? [] : Array.isArray(value) ? value : [value]
    })
  if (template === null || typeof template !== 'object') return template
  const entries = Object.entries(template)
    .map(([name, one]) => [name, fill(one, values)] as const)
    .filter(([, value]) => value !== undefined)
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

/** How an entry reaches its server, whatever names the client has for the parts. */
export type Reach = Readonly<
  | {
      kind: 'stdio'
      command: string
      args: readonly string[]
      env: Readonly<Record<string, string>>
    }
  | {
      kind: 'http'
      url: string
      headers: Readonly<Record<string, string>>
      variable: string | null
    }
>

/** @returns null for what is no entry of a server */
export function reachOf(value: unknown): Reach | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  const entry = value as Entry
  const url = ['url', 'serverUrl', 'httpUrl', 'uri'].map((name) => entry[name]).find(isText)
  const line = [entry.command ?? entry.cmd, entry.args].flat().filter(isText)
  if (line.length > 0 && url === undefined) {
    const [command, ...args] = line
    return {
      kind: 'stdio',
      command: command!,
      args,
      env: texts(entry.env ?? entry.environment ?? entry.envs),
    }
  }
  if (url === undefined) return null
  const variable = entry.bearer_token_env_var
  return {
    kind: 'http',
    url,
    headers: texts(entry.headers),
    variable: isText(variable) ? variable : null,
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

function texts(value: unknown): Record<string, string> {
  if (value === null || typeof value !== 'object') return {}
  return Object.fromEntries(
    Object.entries(value).filter((one): one is [string, string] => isText(one[1])),
  )
}

/**
 * Is it an entry that starts or calls Engram? By what it runs, not by its name: another program may be called
 * engram too, and an entry that was written by hand is as good as ours.
 */
export function isOurs(value: unknown, wanted: Pick<Wanted, 'url'>): boolean {
  const reach = reachOf(value)
  if (!reach) return false
  if (reach.kind === 'http') return isOurUrl(reach.url, wanted.url)
  const [first = '', second] = reach.args
  const runsUs =
    /^engram(?:-[a-z0-9-]+)?(?:\.exe)?$/i.test(basename(reach.command.replaceAll('\\', '/'))) ||
    // From source: Bun with the entry point.
    /(?:^|[\\/])cli[\\/]main\.ts$/.test(first)
  const words = first === 'mcp' ? reach.args : reach.args.slice(1)
  return runsUs && (first === 'mcp' || second === 'mcp') && words.includes('--stdio')
}

function isOurUrl(given: string, wanted: string): boolean {
  if (!URL.canParse(given)) return false
  const [a, b] = [new URL(given), new URL(wanted)]
  const local = (host: string) => /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(host)
  const sameHost = a.host === b.host || (local(a.hostname) && local(b.hostname))
  return sameHost && a.pathname.replace(/\/$/, '') === '/mcp'
}
