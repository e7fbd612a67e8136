import { readConfig } from '../../daemon/config.ts'
import type { Call } from '../command.ts'
import { locateDaemon } from '../locate.ts'

const ABSENT =
  'The console is not in this version yet; engram why, engram review and engram memories do its work.'

/** An address where nothing answers is given only to those who ask for it. */
export async function ui(call: Call<{ print?: boolean }, object>): Promise<void> {
  const { out, flags } = call
  if (out.isJson) out.json({ url: addressOf(call), available: false })
  else if (flags.print) {
    out.line(addressOf(call))
    out.note(ABSENT)
  } else out.line(ABSENT)
}

function addressOf({ paths, env, globals }: Call<object, object>): string {
  const running = locateDaemon(paths)?.url
  const config = running ? null : readConfig({ env, home: globals.home })
  return `${running ?? `http://${config!['server.host']}:${config!['server.port']}`}/ui/`
}
