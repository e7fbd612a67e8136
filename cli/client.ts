import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { isLoopback } from '../daemon/config.ts'
import type { Paths } from '../daemon/paths.ts'
import { CliError, codeOf } from './errors.ts'
import { askHealth, type Located, locateDaemon, reachable, sameServer } from './locate.ts'
import { printable } from './output.ts'
import { startInBackground } from './start.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export type Request = Readonly<{
  method: Method
  path: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as they are, as lines of JSON. */
  lines?: Uint8Array<ArrayBuffer>
  /** Longer than a command usually waits, for calls that take long by nature. */
  waitMs?: number
  /** The answer goes on until somebody ends it: no time is set for it. */
  endless?: boolean
  /** Done twice it is as done once. What only reads always is. */
  repeatable?: boolean
}>

/** Calls to one daemon. Every method throws CliError and nothing else. */
export type Client = Readonly<{
  url: string
  /** Asks, and checks the answer. */
  ask<T extends z.ZodType>(answer: T, request: Request): Promise<z.output<T>>
  /** As `ask`, for calls whose status says something too. */
  exchange<T extends z.ZodType>(
    answer: T,
    request: Request,
  ): Promise<Readonly<{ status: number; value: z.output<T> }>>
  /** For calls that answer nothing. */
  tell(request: Request): Promise<void>
  /** The answer as it comes, already known to be a success. */
  open(request: Request): Promise<Response>
}>

export type ClientOptions = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  paths: Paths
  home: string | undefined
  /** --url or ENGRAM_URL: this one and no other, and none is started. */
  url: string | undefined
  timeoutMs: number | undefined
  signal: AbortSignal
  /** Whether a daemon is started when none answers. */
  start: boolean
  onStart?: () => void
}>

const DEFAULT_TIMEOUT_MS = 30_000
/** A healthy daemon says so in a millisecond; a busy one, or one on a sleeping disk, needs a moment. */
const HEALTH_MS = 3_000

type Target = Readonly<{ url: string; key: string | null }>

/**
 * Finds the daemon: the one of --url, else the one of this home, else a new one.
 *
 * @throws CliError `E_DAEMON_DOWN` when none answers and none is to be started, `E_DAEMON_START`.
 */
export async function openClient(options: ClientOptions): Promise<Client> {
  let target = await findTarget(options)

  async function send(request: Request): Promise<Response> {
    try {
      return await attempt(target, request, options)
    } catch (error) {
      const mayRepeat = options.url === undefined && isRepeatable(error, request)
      if (!mayRepeat) throw networkError(error, target.url, request, options)
      // The daemon is gone: the one that comes in its place is asked.
      target = await findTarget(options)
      return await attempt(target, request, options).catch((second) => {
        throw networkError(second, target.url, request, options)
      })
    }
  }

  const open: Client['open'] = async (request) => {
    const response = await send(request)
    if (response.ok) return response
    throw await answerError(response, request, options)
  }

  const exchange: Client['exchange'] = async (answer, request) => {
    const response = await open(request)
    const value = await readJson(response, target.url, request, options)
    const read = answer.safeParse(value)
    if (read.success) return { status: response.status, value: read.data }
    throw unexpected(request, target.url, read.error)
  }

  return {
    get url() {
      return target.url
    },
    open,
    exchange,
    ask: async (answer, request) => (await exchange(answer, request)).value,
    async tell(request) {
      const response = await open(request)
      await response.body?.cancel()
    },
  }
}

async function findTarget(options: ClientOptions): Promise<Target> {
  const { env, paths } = options
  const given = env.ENGRAM_API_KEY?.trim() || null
  if (options.url !== undefined) {
    const url = readUrl(options.url)
    const own = locateDaemon(paths)
    // The key of this home opens the daemon of this home; no other server is to see it.
    return { url, key: given ?? (own && sameServer(own.url, url) ? localKey(paths) : null) }
  }
  const located = await answering(options)
  return { url: located.url, key: given ?? localKey(paths) }
}

async function answering(options: ClientOptions): Promise<Located> {
  const { paths, signal } = options
  const located = locateDaemon(paths)
  if (located && (await askHealth(located.url, HEALTH_MS))) return located
  if (!options.start) throw daemonDown(located?.url)
  options.onStart?.()
  try {
    return await startInBackground({
      paths,
      env: options.env,
      home: options.home,
      waitMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal,
    })
  } catch (error) {
    throw signal.aborted ? interrupted() : error
  }
}

function attempt(
  { url, key }: Target,
  { method, path, query, body, lines, waitMs, endless }: Request,
  { signal, timeoutMs }: ClientOptions,
): Promise<Response> {
  const address = new URL(url + path)
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) address.searchParams.set(name, String(value))
  }
  const headers: Record<string, string> = { 'user-agent': 'engram-cli' }
  if (key !== null) headers['x-engram-key'] = key
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (lines !== undefined) headers['content-type'] = 'application/x-ndjson'
  const limitMs = timeoutMs ?? waitMs ?? DEFAULT_TIMEOUT_MS
  return fetch(address, {
    method,
    headers,
    redirect: 'manual',
    // A connection that is kept may end with the daemon: a failure would not say whether the request arrived.
    // A new one is refused, and the request can be made again.
    keepalive: false,
    signal: endless ? signal : AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    body: lines ?? (body === undefined ? null : JSON.stringify(body)),
  })
}

/** The URL of --url as one to which paths are added. @throws CliError `E_USAGE`. */
export function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CliError(
      'E_USAGE',
      `--url must be an http:// or https:// address, got "${printable(text)}"`,
      {
        fix: 'engram status --url http://127.0.0.1:3647',
      },
    )
  }
  if (url.username || url.password) {
    throw new CliError('E_USAGE', '--url must not hold a user name or password', {
      fix: 'set ENGRAM_API_KEY instead',
    })
  }
  const path = url.pathname.replace(/\/+$/, '')
  return path === '' ? reachable(url.origin) : url.origin + path
}

function localKey({ localKeyFile }: Paths): string | null {
  return existsSync(localKeyFile) ? readFileSync(localKeyFile, 'utf8').trim() || null : null
}

async function answerError(
  response: Response,
  { path }: Request,
  { env, paths }: ClientOptions,
): Promise<CliError> {
  const text = await response.text().catch(() => '')
  const answer = parseOrNull(text)
  const read = z
    .object({ detail: z.string(), code: z.string(), fix: z.string().optional() })
    .safeParse(answer)
  if (!read.success) {
    return new CliError(
      'E_UNAVAILABLE',
      `${path.split('?')[0]} answered ${response.status}, which is not Engram's way`,
      {
        why: 'another program may be listening there',
        fix: 'engram doctor',
      },
    )
  }
  const { detail, code, fix } = read.data
  const as = codeOf(code, response.status)
  const isAboutKey = as === 'E_UNAUTHORIZED' || as === 'E_FORBIDDEN'
  return new CliError(as, printable(detail), {
    // An import says more in it than a message can.
    cause: answer,
    why: as === 'E_INTERNAL' ? `a daemon in the background logs to ${paths.logFile}` : undefined,
    // The daemon speaks to programs of a header; here the key comes from the environment or its file.
    fix: isAboutKey ? keyFix(env) : fix === undefined ? undefined : printable(fix),
  })
}

function keyFix(env: ClientOptions['env']): string | undefined {
  return env.ENGRAM_API_KEY?.trim()
    ? 'unset ENGRAM_API_KEY, or set it to a key that may'
    : undefined
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function readJson(
  response: Response,
  url: string,
  request: Request,
  options: ClientOptions,
): Promise<unknown> {
  try {
    return await response.json()
  } catch (error) {
    if (error instanceof SyntaxError) throw unexpected(request, url, error)
    throw networkError(error, url, request, options)
  }
}

function unexpected({ method, path }: Request, url: string, cause: unknown): CliError {
  return new CliError(
    'E_UNAVAILABLE',
    `${method} ${path} at ${url} answered something else than expected`,
    {
      why: 'the daemon is probably of another version than this command',
      fix: 'engram stop, then run it again',
      cause,
    },
  )
}

/** A refused connection took no request. One that broke off may have: then it depends on the request. */
function isRepeatable(error: unknown, { method, repeatable }: Request): boolean {
  const { code } = error as { code?: unknown }
  if (code === 'ECONNREFUSED') return true
  return code === 'ECONNRESET' && (method === 'GET' || repeatable === true)
}

function networkError(
  error: unknown,
  url: string,
  { method, path }: Request,
  options: ClientOptions,
): CliError {
  if (error instanceof CliError) return error
  if (options.signal.aborted) return interrupted()
  const { name, code } = error as { name?: string; code?: string }
  if (name === 'TimeoutError') {
    return new CliError('E_TIMEOUT', `${method} ${path} at ${url} did not answer in time`)
  }
  if (code === 'ECONNREFUSED') return daemonDown(url, options.url !== undefined)
  return new CliError('E_DAEMON_DOWN', `no Engram daemon answers at ${hostOf(url)}`, {
    why: (error as Error).message,
    fix: options.url === undefined ? 'engram status' : 'check --url and ENGRAM_URL',
    cause: error,
  })
}

export function daemonDown(url: string | undefined, named = false): CliError {
  if (url === undefined) return new CliError('E_DAEMON_DOWN', 'no Engram daemon runs')
  return new CliError('E_DAEMON_DOWN', `no Engram daemon answers at ${hostOf(url)}`, {
    why: 'nothing listens on that port',
    fix:
      named && !isLoopback(new URL(url).hostname)
        ? 'check --url and ENGRAM_URL, or start Engram there'
        : 'engram serve',
  })
}

const hostOf = (url: string) => new URL(url).host

export function interrupted(): CliError {
  return new CliError('E_INTERRUPTED', 'stopped')
}
