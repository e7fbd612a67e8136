import { setTimeout as sleep } from 'node:timers/promises'
import { asAdvice } from '../advice.ts'
import type { Call } from '../command.ts'
import { CliError, toCliError, usage } from '../errors.ts'
import { printable, tilde } from '../output.ts'
import { type ClientSpec, findClient, type Transport } from './catalog.ts'
import { firstLeniency } from './json-edit.ts'
import { isInstalled } from './places.ts'
import { isClientRunning } from './processes.ts'
import { fleeting } from './program.ts'
import { look, type Scope, slotOf } from './slot.ts'
import type { Workplace } from './workplace.ts'

export type ChangeFlags = {
  scope?: Scope
  transport?: Transport
  hooks?: boolean
  dryRun?: boolean
  all?: boolean
  force?: boolean
  keyEnv?: string
}
export type Names = { name: string[] }

/** What came of one client. */
export type Outcome = Readonly<{
  client: ClientSpec
  state: 'connected' | 'already connected' | 'disconnected' | 'not connected' | 'planned' | 'failed'
  file: string | null
  backups: readonly string[]
  /** The client's own command, when that was used. */
  via?: string
  diff?: string
  error?: CliError
}>

/** @throws CliError `E_USAGE` for none, `E_NOT_FOUND`. */
export function named({ args }: Call<ChangeFlags, Names>, { clients }: Workplace): ClientSpec[] {
  if (args.name.length === 0) {
    throw usage('which client? Name one, or --all', 'engram clients list')
  }
  return [...new Set(args.name.map((name) => findClient(clients, name)))]
}

/** One client that fails does not keep the others from being connected. */
export async function attempt<T extends Outcome | null>(
  client: ClientSpec,
  act: () => Promise<T>,
): Promise<T | Outcome> {
  try {
    return await act()
  } catch (error) {
    const shown = toCliError(error)
    if (shown.code === 'E_INTERNAL' || shown.code === 'E_INTERRUPTED') throw error
    return { client, state: 'failed', file: null, backups: [], error: shown }
  }
}

export function report(
  outcomes: readonly Outcome[],
  call: Call<ChangeFlags, Names>,
  place: Workplace,
): number {
  const { out } = call
  const failed = outcomes.filter(({ state }) => state === 'failed')
  if (out.isJson) out.json({ clients: outcomes.map(outcomeJson) })
  else for (const outcome of outcomes) printOutcome(outcome, call, place)
  if (failed.length === 0) return 0
  const [first] = failed
  return failed.length < outcomes.length ? 7 : first!.error!.exitCode
}

function outcomeJson({ client, state, file, backups, via, diff, error }: Outcome) {
  return {
    id: client.id,
    state,
    file,
    backups,
    ...(via ? { via } : {}),
    ...(diff === undefined ? {} : { diff }),
    ...(error ? { error: { code: error.code, message: error.message, fix: error.fix } } : {}),
    ...(state === 'connected' ? { next: client.next } : {}),
  }
}

function printOutcome(outcome: Outcome, call: Call<ChangeFlags, Names>, place: Workplace): void {
  const { client, state, file, backups, via, diff, error } = outcome
  const { out, env, flags } = call
  if (error) {
    out.error(`${client.id}: ${error.code}: ${error.message}\n  fix   ${asAdvice(error.fix)}`)
    return
  }
  if (state === 'planned') {
    out.line(shownDiff(diff!))
    if (via) out.note(`By its own command: ${via}`)
    out.note('Nothing was written (--dry-run).')
    return
  }
  out.line(`${client.name}: ${state}${file ? ` (${tilde(file, env)})` : ''}`)
  if (via) out.note(`Done by its own command: ${via}`)
  for (const backup of backups) out.note(`Backup: ${tilde(backup, env)}`)
  if (state !== 'connected') return
  for (const warning of warnings(client, file, call, place)) out.note(`Note: ${warning}`)
  out.note(`Next: ${client.next}.`)
  if (flags.hooks && client.hooks) out.note(`Hooks: ${client.hooks.next}.`)
  out.note(
    `Try it: engram clients test ${client.id}${flags.scope === 'project' ? ' --scope project' : ''}`,
  )
}

/** A diff, safe to print. */
export const shownDiff = (diff: string) => printable(diff.replaceAll('\r', '')).trimEnd()

function warnings(
  client: ClientSpec,
  file: string | null,
  { flags, env }: Call<ChangeFlags, Names>,
  { around, wanted, self }: Workplace,
): string[] {
  const found =
    file === null ? null : look(slotOf(client, flags.scope ?? 'user', around), wanted, null)
  const strict = found?.slot.format === 'json' && found.file ? firstLeniency(found.file.text) : null
  const gone = flags.transport === 'http' ? null : fleeting(self.command)
  return [
    ...(isInstalled(client, around) ? [] : [`${client.name} was not found on this machine.`]),
    ...(strict ? [`the file has ${strict}; ${client.name} may accept plain JSON only.`] : []),
    ...(gone ? [`${self.command} may be gone soon: ${gone}.`] : []),
    ...(flags.scope === 'project' && flags.transport !== 'http'
      ? ['the path in the file is of this machine; think before you commit it.']
      : []),
    ...(flags.transport === 'http' && !flags.keyEnv
      ? [`${client.name} signs in by itself where it can; a key instead: --key-env ENGRAM_API_KEY.`]
      : []),
    ...(flags.keyEnv && !client.variable
      ? [`${client.name} cannot read a key from the environment; it has to sign in by itself.`]
      : []),
    ...(flags.keyEnv && client.variable && !env[flags.keyEnv]
      ? [`${flags.keyEnv} is not set here; make a key: engram keys create ${client.id}`]
      : []),
  ]
}

/** A client that writes its file from memory would undo the edit: it has to end first. */
export async function untilQuit(
  client: ClientSpec,
  call: Call<ChangeFlags, Names>,
  { around }: Workplace,
): Promise<void> {
  const { flags, globals, out, signal } = call
  if (flags.force || !isClientRunning(client, around.platform)) return
  if (!globals.input || globals.yes || globals.json || !process.stdin.isTTY) {
    throw new CliError(
      'E_CONFLICT',
      `${client.name} is running, and writes its settings anew when it ends`,
      {
        why: 'nothing was changed: it would be lost',
        fix: `quit ${client.name}, then: engram clients connect ${client.id}`,
      },
    )
  }
  out.note(
    `${client.name} is running, and would undo the change. Quit it; this goes on by itself (Ctrl-C stops).`,
  )
  while (isClientRunning(client, around.platform)) await sleep(500, undefined, { signal })
}
