import { existsSync } from 'node:fs'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { messageOf } from '../../memory/errors.ts'
import { CliError } from '../errors.ts'
import type { ClientSpec } from './catalog.ts'
import type { Reach } from './entry.ts'
import { asLine } from './own-command.ts'
import { homeOf, type Surroundings } from './places.ts'

export type Tried = Readonly<{
  server: string
  tools: readonly string[]
  /** Until the server had answered the first message, and until it had listed its tools. */
  readyMs: number
  listedMs: number
  /** Until a first tool had answered, which takes a daemon. */
  answeredMs: number
}>

/**
 * Does what the client will do: starts exactly the command of its file with hardly an environment, or calls
 * exactly the address, says hello, lists the tools and calls one that changes nothing.
 *
 * @throws CliError `E_UNAVAILABLE` with what was seen, `E_TIMEOUT`.
 */
export async function tryServer(
  client: ClientSpec,
  reach: Reach,
  around: Surroundings,
  waitMs: number,
): Promise<Tried> {
  const noise: string[] = []
  const transport =
    reach.kind === 'stdio' ? startBare(reach, around, noise) : callUrl(client, reach, around)
  const mcp = new Client(
    { name: `engram-clients-test-${client.id}`, version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  mcp.onerror = (error) => noise.push(messageOf(error))
  const started = performance.now()
  const limit = AbortSignal.timeout(waitMs)
  try {
    await within(mcp.connect(transport), limit)
    const readyMs = performance.now() - started
    const { tools } = await within(mcp.listTools(), limit)
    const listedMs = performance.now() - started
    // A server that lists its tools may still have no daemon to pass the calls on to.
    const answer = await within(mcp.callTool(HARMLESS), limit)
    if (answer.isError) throw new Error(`${HARMLESS.name} answers: ${textOf(answer.content)}`)
    const { name = 'unknown', version = '' } = mcp.getServerVersion() ?? {}
    return {
      server: `${name} ${version}`.trim(),
      tools: tools.map((tool) => tool.name).sort(),
      readyMs,
      listedMs,
      answeredMs: performance.now() - started,
    }
  } catch (error) {
    const seen = noise.map((line) => line.trim()).filter(Boolean)
    throw new CliError(
      limit.aborted ? 'E_TIMEOUT' : 'E_UNAVAILABLE',
      failure(reach, error, limit, waitMs),
      {
        ...(seen.length > 0 ? { why: seen.at(-1)! } : {}),
        fix: adviceFor(client, reach, error),
        cause: error,
      },
    )
  } finally {
    await mcp.close().catch(() => {})
  }
}

const HARMLESS = { name: 'list_memories', arguments: { limit: 1 } }

function textOf(content: unknown): string {
  const parts = Array.isArray(content) ? content : []
  return parts.map((part) => String((part as { text?: unknown }).text ?? '')).join(' ')
}

/** What the server itself advises; else what brings its whole answer to light. */
function adviceFor(client: ClientSpec, reach: Reach, error: unknown): string {
  const own = /What the user can do: (.+?)\.?$/.exec(messageOf(error).trim())?.[1]
  const again = `engram clients connect ${client.id}`
  // What is set in this shell reaches the client by its entry alone.
  if (own) return own.startsWith('export ') ? `${own} && ${again}` : own
  if (reach.kind === 'http') return `engram serve          (or connect it anew: ${again})`
  if (!existsSync(reach.command)) return again
  const line = asLine({ program: reach.command, args: reach.args })
  return `see what it says when it is run: ${line} < /dev/null; or connect it anew: ${again}`
}

function failure(reach: Reach, error: unknown, limit: AbortSignal, waitMs: number): string {
  const what = reach.kind === 'stdio' ? reach.command : reach.url
  return limit.aborted
    ? `${what} did not answer within ${waitMs / 1000} s`
    : `${what} does not answer as an MCP server: ${messageOf(error)}`
}

function startBare(
  { command, args, env }: Extract<Reach, { kind: 'stdio' }>,
  around: Surroundings,
  noise: string[],
): StdioClientTransport {
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...bareEnvironment(around), ...env },
    // Not a project: desktop programs start their servers where they please.
    cwd: around.platform === 'win32' ? homeOf(around) : '/',
    stderr: 'pipe',
  })
  transport.stderr?.on('data', (chunk) => noise.push(String(chunk)))
  return transport
}

/** What a desktop session hands on at the least: PATH is where the system's own programs are. */
export function bareEnvironment(around: Surroundings): Record<string, string> {
  const { env, platform } = around
  const home = homeOf(around)
  if (platform !== 'win32') {
    const bare = { HOME: home, PATH: '/usr/bin:/bin:/usr/sbin:/sbin' }
    // The transport hands these on from our own environment unless they are set.
    return {
      ...bare,
      LOGNAME: env.LOGNAME ?? '',
      SHELL: '/bin/sh',
      TERM: 'dumb',
      USER: env.USER ?? '',
    }
  }
  const root = env.SystemRoot ?? 'C:\\Windows'
  const handed = ['APPDATA', 'LOCALAPPDATA', 'TEMP', 'USERNAME'].flatMap((name) =>
    env[name] ? [[name, env[name]!]] : [],
  )
  return {
    ...Object.fromEntries(handed),
    USERPROFILE: home,
    SystemRoot: root,
    PATH: `${root}\\System32;${root}`,
  }
}

function callUrl(
  client: ClientSpec,
  { url, headers, variable }: Extract<Reach, { kind: 'http' }>,
  { env }: Surroundings,
): StreamableHTTPClientTransport {
  const own = variable ? { Authorization: `Bearer ${env[variable] ?? ''}` } : {}
  const filled = Object.entries(headers).map(([name, value]) => [
    name,
    resolved(client, value, env),
  ])
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...own, ...Object.fromEntries(filled) } },
  })
}

/** A header as the client would send it: references to variables are replaced. */
function resolved({ variable }: ClientSpec, value: string, env: Surroundings['env']): string {
  if (!variable) return value
  const [before = '', after = ''] = variable
    .split('NAME')
    .map((part) => part.replace(/[$.*+?^{}()|[\]\\]/g, '\\$&'))
  return value.replace(
    new RegExp(`${before}([A-Za-z_]\\w*)${after}`, 'g'),
    (_, name) => env[name] ?? '',
  )
}

function within<T>(work: Promise<T>, limit: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) =>
      limit.addEventListener('abort', () => reject(limit.reason), { once: true }),
    ),
  ])
}
