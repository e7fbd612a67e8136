/**
 * The one door through which a request leaves Engram for a provider. What must hold for every request
 * (scheme, redirects, none of our secrets inside) is checked here, so that no route can forget it.
 */
import { EngramError } from '../memory/errors.ts'

export type Outgoing = Readonly<{
  url: string | URL
  /** POST when there is a body, else GET. */
  method?: string
  headers?: Bun.HeadersInit
  body?: Bun.BodyInit | null
  /** Aborts the request, and the body of its answer as well. It is listened to for as long as it lives: one a request. */
  signal?: AbortSignal | null
  /** False leaves the answer's bytes as they came; its content-encoding then still describes them. */
  decompress?: boolean
  timeouts?: Readonly<{
    /** How long the answer's headers may take. Reasoning and loading a local model can be slow. */
    firstByteMs?: number
  }>
}>

export const FIRST_BYTE_MS = 15 * 60_000

/**
 * Sends one request and returns its answer, whatever its status. A redirect is returned, not followed: a
 * credential must not travel to where somebody's Location points. Nothing is ever sent twice.
 *
 * @throws EngramError `upstream` when no answer came, `timeout` when none came in time, `invalid` for an
 *   address that is not http(s), `internal` when one of Engram's own secrets was about to leave.
 * @throws DOMException `AbortError` when the caller's signal aborted.
 */
export async function send(outgoing: Outgoing): Promise<Response> {
  const url = readHttpUrl(outgoing.url)
  const headers = new Headers(outgoing.headers)
  refuseSecrets(url, headers)
  const firstByteMs = outgoing.timeouts?.firstByteMs ?? FIRST_BYTE_MS
  // Not by `AbortSignal.any`, which leaves more of every request to the garbage collector.
  const ending = new AbortController()
  if (outgoing.signal?.aborted) ending.abort()
  outgoing.signal?.addEventListener('abort', () => ending.abort(), { once: true })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    ending.abort()
  }, firstByteMs)
  try {
    return await fetch(url, {
      method: outgoing.method ?? (outgoing.body == null ? 'GET' : 'POST'),
      headers,
      body: outgoing.body,
      signal: ending.signal,
      redirect: 'manual',
      decompress: outgoing.decompress ?? true,
      // Bun would give up after five minutes of silence; slow models are slower than that.
      timeout: false,
    })
  } catch (error) {
    if (outgoing.signal?.aborted) throw new DOMException('the request was aborted', 'AbortError')
    if (isLate) throw timedOut(url, firstByteMs)
    throw unreachable(url, error)
  } finally {
    clearTimeout(timer)
  }
}

/** Bun's fetch also opens file:, data:, blob: and s3: addresses. */
function readHttpUrl(given: string | URL): URL {
  const url = URL.parse(String(given))
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  // The address itself stays out of the message: it may carry a password.
  throw new EngramError('invalid', 'a provider address must be an http:// or https:// URL', {
    fix: 'correct the base URL of the provider',
  })
}

/**
 * An Engram API key, standing alone or after `=`, `~` or a space. A provider's key may hold the same
 * letters in its middle, so what comes before must not be part of a longer token.
 */
const ENGRAM_KEY = /(?<![A-Za-z0-9_-])ek_[A-Za-z0-9_-]{20,}/

/** Does a text hold one of Engram's own keys, also percent-encoded, or as name or password of `Basic …`? */
export function holdsEngramKey(text: string): boolean {
  return (
    ENGRAM_KEY.test(text) ||
    (text.includes('%') && ENGRAM_KEY.test(decoded(text))) ||
    [...text.matchAll(BASIC)].some(([, packed = '']) =>
      ENGRAM_KEY.test(Buffer.from(packed, 'base64').toString('latin1')),
    )
  )
}

/** A name and a password (RFC 7617); several may stand in one header. */
const BASIC = /\bbasic +([\w+/=-]+)/gi

function refuseSecrets(url: URL, headers: Headers): void {
  if (holdsEngramKey(url.href)) {
    throw new EngramError('internal', `an Engram key was about to leave in a URL to ${url.host}`)
  }
  for (const [name, value] of headers) {
    if (name.startsWith('x-engram-')) {
      throw new EngramError('internal', `the header ${name} was about to leave to ${url.host}`)
    }
    if (holdsEngramKey(value)) {
      throw new EngramError(
        'internal',
        `an Engram key was about to leave in the header ${name} to ${url.host}`,
      )
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not percent-encoded text: nothing hides in it
  }
}

function timedOut(url: URL, firstByteMs: number): EngramError {
  return new EngramError(
    'timeout',
    `${hostAndPort(url)} sent no answer within ${firstByteMs / 1000} seconds`,
  )
}

/** Codes of Bun's fetch → what happened, what to do. */
const CAUSES: Readonly<Record<string, readonly [cause: string, fix: string]>> = {
  ECONNREFUSED: ['connection refused', 'start the server there, or correct its base URL'],
  ECONNRESET: ['the connection was closed before an answer', 'try again'],
  ENOTFOUND: ['no such host name', 'check the base URL and the network'],
  EAI_AGAIN: ['the host name could not be looked up', 'check the network'],
  ENETUNREACH: ['the network is unreachable', 'check the network'],
  EHOSTUNREACH: ['the host is unreachable', 'check the network'],
  ETIMEDOUT: ['the connection timed out', 'check the network'],
  EPROTO: ['the TLS handshake failed', 'check whether the base URL should start with http://'],
}

function unreachable(url: URL, error: unknown): EngramError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const unknownCause = code ? `network failure ${code}` : 'network failure'
  const [cause, fix] = CAUSES[code] ?? [unknownCause, 'check the base URL and the network']
  return new EngramError('upstream', `cannot reach ${hostAndPort(url)}: ${cause}`, {
    cause: error,
    fix,
  })
}

function hostAndPort(url: URL): string {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return `${url.hostname}:${port}`
}

/** Headers that speak of one connection only (RFC 9110, 7.6.1); those that `connection` names come on top. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What a provider has no business knowing, and what fetch writes itself. */
const NOT_UPSTREAM = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'cookie',
  'origin',
  'referer',
  'forwarded',
  'expect',
])

/**
 * The client's headers as they go on to the provider: everything, `user-agent` and the vendors' own
 * included, except the two lists above and those that start with `x-engram-` or `x-forwarded-`.
 * `accept-encoding` and the credential are the caller's to set.
 */
export function upstreamHeaders(incoming: Headers): Headers {
  return without(
    incoming,
    (name) =>
      NOT_UPSTREAM.has(name) || name.startsWith('x-engram-') || name.startsWith('x-forwarded-'),
  )
}

/**
 * `set-cookie` is dropped because cookies go in neither direction: one set for this host would reach the
 * console too, as browsers do not tell ports apart.
 */
const NOT_TO_CLIENT = new Set([...HOP_BY_HOP, 'content-length', 'set-cookie'])

/**
 * The provider's headers as they go back to the client, in a new object since those of fetch cannot be
 * changed. Limits and retry hints pass.
 *
 * @param decoded The body was decompressed on the way, so that `content-encoding` no longer holds.
 */
export function clientHeaders(upstream: Headers, decoded = false): Headers {
  return without(
    upstream,
    (name) => NOT_TO_CLIENT.has(name) || (decoded && name === 'content-encoding'),
  )
}

function without(headers: Headers, isDropped: (name: string) => boolean): Headers {
  const named = (headers.get('connection') ?? '').toLowerCase().split(/[\s,]+/)
  const kept = new Headers()
  for (const [name, value] of headers) {
    if (!isDropped(name) && !named.includes(name)) kept.append(name, value)
  }
  return kept
}
