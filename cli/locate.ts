import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { isLoopback } from '../daemon/config.ts'
import type { Paths } from '../daemon/paths.ts'

const daemonFile = z.object({
  url: z.url(),
  pid: z.number().int().positive(),
  version: z.string(),
  started_at: z.string(),
  /** A command started it; `engram serve` may take its place. */
  background: z.boolean().default(false),
})

/** What a daemon says of itself in its file. */
export type Located = Readonly<z.output<typeof daemonFile>>

/**
 * The daemon of this home, by the file it leaves while it runs; null when there is none. A file whose
 * process is gone says nothing: its port may be another program's by now, which must not get our key.
 */
export function locateDaemon({ daemonFile: path }: Pick<Paths, 'daemonFile'>): Located | null {
  if (!existsSync(path)) return null
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null // being written, or gone since
  }
  const read = daemonFile.safeParse(content)
  if (!read.success || !isRunning(read.data.pid)) return null
  return { ...read.data, url: reachable(read.data.url) }
}

/** Does the process exist, as one of ours? */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !isZombie(pid)
}

/** A process that has ended, and whose parent has not taken note yet: in a container that may take a while. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in parentheses, and may hold some itself.
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
  } catch {
    return false // /proc may be hidden
  }
}

/** The process that holds the data folder, as it wrote it down; null when none says so. */
export function folderHolder({ dataDir }: Pick<Paths, 'dataDir'>): number | null {
  try {
    const pid = Number(readFileSync(join(dataDir, 'engram.pid'), 'utf8').trim())
    return Number.isInteger(pid) && pid > 0 && isRunning(pid) ? pid : null
  } catch {
    return null
  }
}

/** The address to call for an address to listen on: a wildcard is no name to connect to. */
export function reachable(url: string): string {
  const parsed = new URL(url)
  if (parsed.hostname === '0.0.0.0') parsed.hostname = '127.0.0.1'
  if (parsed.hostname === '[::]') parsed.hostname = '[::1]'
  return parsed.origin
}

/** Do two addresses reach the same server? All names of the local machine are one. */
export function sameServer(a: string, b: string): boolean {
  const [left, right] = [new URL(a), new URL(b)]
  const sameHost =
    left.hostname === right.hostname || (isLoopback(left.hostname) && isLoopback(right.hostname))
  return sameHost && left.port === right.port && left.protocol === right.protocol
}

const health = z.object({ status: z.literal('ok'), version: z.string(), demo: z.boolean() })

export type Health = z.output<typeof health>

/** Whether an Engram answers there. null when something else does, or nothing. */
export async function askHealth(url: string, waitMs: number): Promise<Health | null> {
  try {
    const answer = await fetch(`${url}/health`, {
      signal: AbortSignal.timeout(waitMs),
      redirect: 'manual',
    })
    const read = health.safeParse(await answer.json())
    return read.success ? read.data : null
  } catch {
    return null // nothing there, or nothing that speaks JSON
  }
}
