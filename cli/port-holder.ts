import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Config } from '../daemon/config.ts'
import { askHealth, reachable } from './locate.ts'

/** Could a daemon listen there? Found by listening for a moment; port 0 is always free. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    // Only a taken port is meant: an address that this machine has not is another fault.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** One to try instead. */
export function nextPort(port: number): number {
  return port === 65_535 ? port - 1 : port + 1
}

/** How every later start gets another port: where the present one was set, or the setting would not count. */
export function otherPortForGood(config: Config): string {
  const port = nextPort(config['server.port'])
  return config.origins['server.port'].from === 'environment'
    ? `export ENGRAM_PORT=${port}`
    : `engram config set server.port ${port}`
}

/** Who listens on a port, as far as can be told: "another Engram 0.1.0", "process 4711 (node)"; null unknown. */
export async function describePortHolder(host: string, port: number): Promise<string | null> {
  const pid = process.platform === 'linux' ? listeningProcess(port) : null
  const health = await askHealth(
    reachable(`http://${host.includes(':') ? `[${host}]` : host}:${port}`),
    1_000,
  )
  const program = health ? `another Engram ${health.version}` : null
  if (pid === null) return program
  const name = program ?? commandName(pid)
  return name ? `${name}, process ${pid}` : `process ${pid}`
}

/** Linux names every listening socket in /proc/net, and every process's sockets in /proc/PID/fd. */
function listeningProcess(port: number): number | null {
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeners(table, port)),
  )
  if (inodes.size === 0) return null
  for (const pid of readFolder('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of readFolder(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode && inodes.has(inode)) return Number(pid)
    }
  }
  return null
}

const LISTEN = '0A'

function listeners(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readText(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted) && fields[3] === LISTEN)
    .map((fields) => fields[9]!)
}

function commandName(pid: number): string | null {
  return readText(`/proc/${pid}/comm`).trim() || null
}

// Other users' processes, and those that end meanwhile, cannot be read: then they stay unknown.

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
