/**
 * Who asks, and with which key of the provider: two questions, since one request may carry an Engram key, a
 * provider's key, both in one field, or neither.
 */
import { EngramError } from '../../memory/errors.ts'
import { holdsEngramKey, upstreamHeaders } from '../../providers/egress.ts'
import { VENDORS, type VendorName } from '../../providers/vendors.ts'
import type { User } from '../../storage/users.ts'
import type { Caller } from '../identity.ts'
import { isLocalRequest } from '../local.ts'
import type { Services } from '../services.ts'
import type { Target } from './target.ts'

export type ProxyCaller = Readonly<{
  user: User
  /** Showed a key: may spend what is configured, not only their own. */
  isKnown: boolean
  /** The key allows reading alone. */
  readOnly: boolean
}>

/** A request as it goes on: without anything of ours, with the provider's key where there is one. */
export type Outbound = Readonly<{ headers: Headers; query: string }>

/**
 * The caller by header, by the key in the path, by an Engram key where the provider's would stand, or, on this
 * machine in local mode, nobody in particular: then the user that the installation belongs to.
 *
 * @throws EngramError `unauthorized`, never a fall-back to somebody else; `forbidden`, `unsupported`
 */
export async function identifyCaller(
  request: Request,
  token: string | null,
  services: Services,
): Promise<ProxyCaller> {
  const { headers } = request
  if (headers.has('x-engram-key') || headers.has('x-engram-service-key')) {
    return known(await services.identity.identify(headers))
  }
  if (token !== null) return byPathToken(token, headers, services)
  const [embedded] = embeddedKeys(request)
  if (embedded !== undefined) {
    // A key that acts for others names its user in a header, as everywhere.
    const asHeader = new Headers({ 'x-engram-key': embedded })
    const other = headers.get('x-engram-user-id')
    if (other !== null) asHeader.set('x-engram-user-id', other)
    return known(await services.identity.identify(asHeader))
  }
  if (!isLocalRequest(request, services.config)) {
    throw new EngramError('unauthorized', 'an Engram key is needed here', {
      fix: 'send it as X-Engram-Key: ek_…, or as ek_…~YOUR_PROVIDER_KEY where the provider’s key would stand',
    })
  }
  if (headers.has('x-engram-user-id')) {
    throw new EngramError('unauthorized', 'X-Engram-User-ID needs the key of that user', {
      fix: 'send it as X-Engram-Key: ek_…',
    })
  }
  refuseForms(request)
  return { user: services.localUser(), isKnown: false, readOnly: false }
}

async function byPathToken(
  token: string,
  headers: Headers,
  { identity }: Services,
): Promise<ProxyCaller> {
  const caller = await identity.byKey(token)
  if (caller.kind !== 'user' || caller.key?.scope !== 'proxy') {
    throw new EngramError('unauthorized', 'a key that opens more than the proxy is not for a URL', {
      fix: 'engram keys create NAME --proxy-only',
    })
  }
  const other = headers.get('x-engram-user-id')
  if (other !== null && other !== caller.user.externalId) {
    throw new EngramError('forbidden', 'X-Engram-User-ID is not the user of this key')
  }
  return known(caller)
}

function known(caller: Caller): ProxyCaller {
  if (caller.kind === 'user') {
    const { user, key } = caller
    return { user, isKnown: true, readOnly: key?.scope === 'read' }
  }
  throw new EngramError('unauthorized', 'the admin key names no user', {
    fix: 'add X-Engram-User-ID',
  })
}

/**
 * A page on some web site can post a form or plain text to this machine without asking first. It cannot set a
 * header that carries a key, nor a content type of JSON.
 */
function refuseForms({ headers, body }: Request): void {
  if (body === null || KEY_HEADERS.some((name) => headers.has(name))) return
  const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  if (type === 'application/json' || type.endsWith('+json') || type === 'application/x-ndjson')
    return
  throw new EngramError(
    'unsupported',
    `without a key the content type must be application/json, got "${type.slice(0, 80)}"`,
    { fix: 'add -H "Content-Type: application/json"' },
  )
}

/** Where clients put a provider's key. */
const KEY_HEADERS = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'] as const

type KeyField = Readonly<{ header: string; scheme: string; key: string }>

function keyFields(headers: Headers): KeyField[] {
  return KEY_HEADERS.flatMap((header) => {
    const value = headers.get(header)
    if (value === null) return []
    const [, scheme = '', key = value] = /^(bearer +)(.*)$/i.exec(value) ?? []
    return [{ header, scheme, key: key.trim() }]
  })
}

/** The Engram keys that stand where the provider's would; of `ek_…~sk-…` the first half. */
function embeddedKeys(request: Request): string[] {
  const inQuery = queryKey(new URL(request.url).search)
  const found = [...keyFields(request.headers).map(({ key }) => key), inQuery ?? '']
    .map(splitKey)
    .flatMap(({ engram }) => engram ?? [])
  if (new Set(found).size > 1) {
    throw new EngramError('unauthorized', 'the request carries two different Engram keys')
  }
  return found
}

/** `~` stands in no provider's key. */
function splitKey(key: string): { engram: string | null; provider: string | null } {
  if (!key.startsWith('ek_')) return { engram: null, provider: key === '' ? null : key }
  const at = key.indexOf('~')
  if (at < 0) return { engram: key, provider: null }
  return { engram: key.slice(0, at), provider: key.slice(at + 1) || null }
}

/**
 * What goes on to the provider: the client's key in the header it came in; of a composite key the provider's
 * half; for who showed an Engram key alone, the configured one.
 *
 * @throws EngramError `unauthorized` when there is none and the provider needs one
 */
export function outboundOf(
  request: Request,
  { vendor, path, query, wire }: Target,
  { isKnown }: ProxyCaller,
  { config }: Services,
): Outbound {
  const headers = upstreamHeaders(request.headers)
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity')
  for (const { header, scheme, key } of keyFields(headers)) {
    const { engram, provider } = splitKey(key)
    if (engram === null) continue
    if (provider === null) headers.delete(header)
    else headers.set(header, scheme + provider)
  }
  const moved = moveQueryKey(vendor, query, headers)
  // Google's and Ollama's OpenAI-compatible APIs take a key as OpenAI does.
  const credential = (key: string) =>
    wire?.name === 'openai-chat' && vendor !== 'anthropic'
      ? VENDORS.openai.credential(key)
      : VENDORS[vendor].credential(key)
  const oneOff = request.headers.get('x-engram-provider-key')
  if (oneOff !== null) {
    for (const name of KEY_HEADERS) headers.delete(name)
    headers.set(...credential(oneOff))
  }
  if (!KEY_HEADERS.some((name) => headers.has(name)) && (isKnown || config.demo)) {
    const stored = vendor === 'ollama' ? null : config[`providers.${vendor}.api_key`]
    if (stored !== null) headers.set(...credential(stored))
    else if (isKnown) refuseWithoutKey(vendor, config[`providers.${vendor}.base_url`])
  }
  refuseStrayKeys(headers, path + moved)
  return { headers, query: moved }
}

/** In any other place a key of ours is a mistake, and would be somebody else's to read. */
function refuseStrayKeys(headers: Headers, path: string): void {
  const strays = [...headers].filter(([, value]) => holdsEngramKey(value)).map(([name]) => name)
  if (holdsEngramKey(path)) strays.push('the URL')
  if (strays.length === 0) return
  throw new EngramError('invalid', `an Engram key must not stand in ${strays.join(', ')}`, {
    fix: 'send it as X-Engram-Key, or as /u/ek_…/ in front of the path',
  })
}

/** A server of one's own may need no key, and says so itself if it does. */
function refuseWithoutKey(vendor: VendorName, baseUrl: string): void {
  if (!VENDORS[vendor].needsKey || baseUrl !== VENDORS[vendor].baseUrl) return
  throw new EngramError('unauthorized', `no key for ${vendor} came with the request`, {
    fix: `send ek_…~YOUR_PROVIDER_KEY, or set ENGRAM_${vendor.toUpperCase()}_API_KEY for the daemon`,
  })
}

function queryKey(query: string): string | null {
  if (!query.includes('key=')) return null
  return new URLSearchParams(query).get('key')
}

/** Google takes a key in the URL, where it would end up in logs. */
function moveQueryKey(vendor: VendorName, query: string, headers: Headers): string {
  const key = queryKey(query)
  if (key === null) return query
  const { engram, provider } = splitKey(key)
  if (vendor !== 'gemini' && engram === null) return query
  if (provider !== null && !headers.has('x-goog-api-key')) headers.set('x-goog-api-key', provider)
  const rest = query
    .slice(1)
    .split('&')
    .filter((pair) => !/^key(=|$)/.test(pair))
  return rest.length === 0 ? '' : `?${rest.join('&')}`
}
