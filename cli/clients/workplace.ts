import { dirname, join } from 'node:path'
import { readConfig, readConfigFile } from '../../daemon/config.ts'
import { SETTINGS } from '../../daemon/settings.ts'
import { readUrl } from '../client.ts'
import type { Context } from '../command.ts'
import { locateDaemon, reachable } from '../locate.ts'
import { type ClientSpec, readCatalog } from './catalog.ts'
import type { Wanted } from './entry.ts'
import { type Ledger, openLedger } from './ledger.ts'
import type { Surroundings } from './places.ts'
import { type SelfCall, selfCall } from './program.ts'

/** What every command about clients works with. */
export type Workplace = Readonly<{
  clients: readonly ClientSpec[]
  around: Surroundings
  ledger: Ledger
  self: SelfCall
  wanted: Wanted
}>

/** A file of the user's that changes or adds clients, beside config.toml. */
export function catalogFile({ configFile }: Context['paths']): string {
  return join(dirname(configFile), 'clients.json')
}

export function openWorkplace(context: Context, keyVariable: string | null = null): Workplace {
  const { env, globals, paths } = context
  const self = selfCall(globals, env, portOfShell(context))
  return {
    clients: readCatalog(catalogFile(paths)),
    around: { env, platform: process.platform, cwd: process.cwd() },
    ledger: openLedger(paths.stateDir),
    self,
    wanted: {
      command: self.command,
      args: [...self.first, 'mcp', '--stdio', ...self.last],
      env: self.env,
      url: `${daemonUrl(context)}/mcp`,
      keyVariable,
    },
  }
}

/**
 * The port that ENGRAM_PORT names, when config.toml and the default name another; null otherwise. 0 is none: it
 * lets every start choose.
 */
function portOfShell({ env, globals, paths }: Context): number | null {
  if (!env.ENGRAM_PORT?.trim()) return null
  const home = globals.home === undefined ? {} : { home: globals.home }
  const port = readConfig({ env, ...home })['server.port']
  const usual = readConfigFile(paths.configFile).get('server.port')
  return port === 0 || port === (usual ?? SETTINGS['server.port'].fallback) ? null : port
}

/** Where the daemon listens, or would. */
function daemonUrl({ env, globals, paths }: Context): string {
  const given = globals.url ?? (env.ENGRAM_URL?.trim() || undefined)
  if (given !== undefined) return readUrl(given)
  const located = locateDaemon(paths)
  if (located) return located.url
  const config = readConfig({ env, ...(globals.home === undefined ? {} : { home: globals.home }) })
  const scheme = config['server.tls_cert'] === null ? 'http' : 'https'
  const host = config['server.host']
  const named = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return reachable(`${scheme}://${named}:${config['server.port']}`)
}
