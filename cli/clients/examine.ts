import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Paths } from '../../daemon/paths.ts'
import { hookLogFile, lastHookFailure } from '../hooks/hook-log.ts'
import { oneLine, tilde } from '../output.ts'
import { reachOf } from './entry.ts'
import { type Survey, survey } from './survey.ts'
import type { Workplace } from './workplace.ts'

/** What is the matter with a connected client; the words are those of `engram doctor`. */
export type ClientFinding = Readonly<{
  name: string
  state: 'ok' | 'warning' | 'error'
  message: string
  fix?: string
}>

const LATELY_MS = 86_400_000

/** One finding for each client that is connected, or that was by us and is no longer. */
export function examineClients(place: Workplace, paths: Paths, now: number): ClientFinding[] {
  const ours = new Set(place.ledger.all().map(({ client }) => client))
  return survey(place)
    .filter(
      ({ client, state, scope }) =>
        scope === 'user' && (ours.has(client.id) || state === 'current' || state === 'stale'),
    )
    .map((row) => ({ name: row.client.id, ...findingOf(row, place, paths, now) }))
}

function findingOf(
  { client, state, file, entry, hooks, problem }: Survey,
  { around }: Workplace,
  paths: Paths,
  now: number,
): Omit<ClientFinding, 'name'> {
  const again = `engram clients connect ${client.id}`
  const where = file ? tilde(file, around.env) : client.name
  if (state === 'unreadable') {
    return {
      state: 'error',
      message: problem!,
      fix: `correct it, or: engram clients print ${client.id}`,
    }
  }
  if (state === 'absent') {
    const running = client.running ? `quit ${client.name}, then: ${again}` : again
    return { state: 'warning', message: `the entry is gone from ${where}`, fix: running }
  }
  if (state === 'foreign') {
    return {
      state: 'warning',
      message: `${where} has another server called engram`,
      fix: `${again} --force`,
    }
  }
  const reach = reachOf(entry)!
  if (reach.kind === 'stdio' && isAbsolute(reach.command) && !existsSync(reach.command)) {
    return { state: 'error', message: `it starts ${reach.command}, which is not there`, fix: again }
  }
  if (hooks === 'stale') {
    return {
      state: 'warning',
      message: 'its hooks are not all there, or call another place',
      fix: `${again} --hooks`,
    }
  }
  const failure = hooks === 'current' ? lastHookFailure(paths, client.id, now - LATELY_MS) : null
  if (failure) {
    return {
      state: 'warning',
      message: `a hook failed lately: ${oneLine(failure)}`,
      // Doctor is who says it.
      fix: `tail ${hookLogFile(paths)}`,
    }
  }
  if (state === 'stale') {
    return {
      state: 'warning',
      message: `it is connected to another place or program (${where})`,
      fix: again,
    }
  }
  return {
    state: 'ok',
    message: `connected in ${where}${hooks === 'current' ? ', with hooks' : ''}`,
  }
}
