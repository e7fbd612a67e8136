import { readConfig } from '../../daemon/config.ts'
import type { Call } from '../command.ts'
import { locateDaemon } from '../locate.ts'

export async function ui({
  out,
  paths,
  env,
  globals,
}: Call<{ print?: boolean }, object>): Promise<void> {
  const running = locateDaemon(paths)?.url
  const config = running ? null : readConfig({ env, home: globals.home })
  const address = running ?? `http://${config!['server.host']}:${config!['server.port']}`
  if (out.isJson) out.json({ url: `${address}/ui/`, available: false })
  else out.line(`${address}/ui/`)
  out.note(
    'The console is not in this version yet; engram why, engram review and engram memories do its work.',
  )
}
