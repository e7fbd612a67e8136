import { isLocalMode, readConfig } from '../../daemon/config.ts'
import { readUrl } from '../client.ts'
import type { Call } from '../command.ts'
import { locateDaemon, reachable } from '../locate.ts'
import {
  exportLine,
  KEY_VARIABLE,
  namespaceNote,
  proxyEnvironment,
  type Shell,
  usualShell,
} from '../proxy-env.ts'

/** Prints what a shell evaluates to send the programs started in it through the proxy. */
export async function env(call: Call<{ shell?: Shell }, object>): Promise<void> {
  const { out, flags, paths, globals } = call
  const given = globals.url ?? call.env.ENGRAM_URL?.trim()
  const running = locateDaemon(paths)
  const config = given ? null : readConfig({ env: call.env, home: globals.home })
  const url = given
    ? readUrl(given)
    : (running?.url ?? addressOf(config!['server.host'], config!['server.port']))
  const hasKey = Boolean(call.env.ENGRAM_API_KEY?.trim())
  const variables = proxyEnvironment({
    url,
    namespace: globals.namespace,
    key: hasKey ? KEY_VARIABLE : undefined,
  })
  const note = namespaceNote(globals, null)
  if (note !== null) out.note(note)
  if (out.isJson) return out.json(variables)
  const shell = flags.shell ?? usualShell(call.env)
  for (const [name, value] of Object.entries(variables)) out.line(exportLine(shell, name, value))
  if (config && !running) out.note('No Engram daemon runs: engram serve')
  if (config && !hasKey && !isLocalMode(config)) {
    out.note(
      'This daemon wants a key: set ENGRAM_API_KEY (engram keys create NAME) and run this again.',
    )
  }
}

function addressOf(host: string, port: number): string {
  return reachable(`http://${host.includes(':') ? `[${host}]` : host}:${port}`)
}
