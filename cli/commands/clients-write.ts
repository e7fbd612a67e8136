import { setTimeout as sleep } from 'node:timers/promises'
import { confirm } from '../ask.ts'
import { type ClientSpec, findClient, type Transport } from '../clients/catalog.ts'
import {
  type Applied,
  apply,
  type Change,
  connecting,
  diffOf,
  disconnecting,
} from '../clients/change.ts'
import { hookCommands, hooking, hookSlotOf, unhooking } from '../clients/hook-config.ts'
import { switchingBack, switchingOn } from '../clients/hook-feature.ts'
import { firstLeniency } from '../clients/json-edit.ts'
import { asLine, runOwn, usedCommand } from '../clients/own-command.ts'
import { isInstalled } from '../clients/places.ts'
import { isClientRunning } from '../clients/processes.ts'
import { fleeting } from '../clients/program.ts'
import { type Found, look, type Scope, slotOf } from '../clients/slot.ts'
import { survey } from '../clients/survey.ts'
import { openWorkplace, type Workplace } from '../clients/workplace.ts'
import type { Call } from '../command.ts'
import { CliError, toCliError, usage } from '../errors.ts'
import { count, oneLine, printable, tilde } from '../output.ts'

type ChangeFlags = {
  scope?: Scope
  transport?: Transport
  hooks?: boolean
  dryRun?: boolean
  all?: boolean
  force?: boolean
  keyEnv?: string
}
type Names = { name: string[] }

/** What is to be done for one client. */
type Plan = Readonly<{
  client: ClientSpec
  found: Found
  server: Change | null
  hooks: readonly Change[]
}>

type Outcome = Readonly<{
  client: ClientSpec
  state: 'connected' | 'already connected' | 'disconnected' | 'not connected' | 'planned' | 'failed'
  file: string | null
  backups: readonly string[]
  /** The client's own command, when that was used. */
  via?: string
  diff?: string
  error?: CliError
}>

export async function connect(call: Call<ChangeFlags, Names>): Promise<number> {
  const { flags, out } = call
  checkFlags(flags)
  const place = openWorkplace(call, flags.keyEnv ?? null)
  const clients = flags.all ? openClients(place) : named(call, place)
  if (clients.length === 0) {
    out.line('Every client that was found is connected.')
    return 0
  }
  const outcomes: Outcome[] = []
  if (flags.all) {
    const plans = await planAll(clients, call, place, outcomes)
    if (flags.dryRun) outcomes.push(...plans.map((plan) => planned(plan)))
    else if (plans.length > 0) {
      for (const plan of plans)
        out.note(`  [x] ${plan.client.name.padEnd(30)} ${plan.found.slot.file}`)
      await confirm(
        `Connect ${count(plans.length, 'client')}?`,
        'engram clients connect --all --yes',
        call,
      )
      for (const plan of plans)
        outcomes.push(await attempt(plan.client, () => carryOut(plan, call, place)))
    }
  } else {
    for (const client of clients) {
      const plan = await planFor(client, call, place)
      outcomes.push(flags.dryRun ? planned(plan) : await carryOut(plan, call, place))
    }
  }
  return report(outcomes, call, place)
}

function checkFlags({ all, scope, hooks, transport, keyEnv }: ChangeFlags): void {
  if (all && scope === 'project')
    throw usage('--all is for the settings of the user', 'engram clients connect --all')
  if (hooks && scope === 'project') {
    throw usage(
      'hooks are of the user, not of a project',
      'engram clients connect claude-code --hooks',
    )
  }
  if (keyEnv !== undefined && transport !== 'http') {
    throw usage(
      '--key-env is for --transport http: over stdio no key is needed',
      'engram clients connect cursor',
    )
  }
}

/** Clients of this machine that can be connected and are not. */
function openClients(place: Workplace): ClientSpec[] {
  return survey(place)
    .filter(
      ({ scope, installed, client, state }) =>
        scope === 'user' && installed && client.user && state !== 'current',
    )
    .map(({ client }) => client)
}

function named({ args }: Call<ChangeFlags, Names>, { clients }: Workplace): ClientSpec[] {
  if (args.name.length === 0) {
    throw usage('which client? Name one, or --all', 'engram clients list')
  }
  return [...new Set(args.name.map((name) => findClient(clients, name)))]
}

async function planAll(
  clients: readonly ClientSpec[],
  call: Call<ChangeFlags, Names>,
  place: Workplace,
  outcomes: Outcome[],
): Promise<Plan[]> {
  const plans: Plan[] = []
  for (const client of clients) {
    const failed = await attempt(client, async () => {
      plans.push(await planFor(client, call, place))
      return null
    })
    if (failed) outcomes.push(failed)
  }
  return plans
}

async function planFor(
  client: ClientSpec,
  { flags, signal }: Call<ChangeFlags, Names>,
  place: Workplace,
): Promise<Plan> {
  const { around, wanted, self } = place
  const transport =
    flags.transport ?? (client.entries.stdio || !client.entries.http ? 'stdio' : 'http')
  const found = look(slotOf(client, flags.scope ?? 'user', around), wanted, transport)
  const server = connecting(found, wanted, transport, flags.force ?? false)
  if (!flags.hooks || (flags.all && !client.hooks)) return { client, found, server, hooks: [] }
  const slot = hookSlotOf(client, around)
  if (!slot) {
    throw new CliError('E_USAGE', `${client.name} has no hooks that Engram knows`, {
      fix: `engram clients connect ${client.id}`,
    })
  }
  const changes = [hooking(slot, self), await switchingOn(client, around, signal)]
  return { client, found, server, hooks: changes.filter((change) => change !== null) }
}

function planned({ client, found, server, hooks }: Plan): Outcome {
  const changes = [...(server ? [server] : []), ...hooks]
  return {
    client,
    state: changes.length > 0 ? 'planned' : 'already connected',
    file: found.slot.file,
    backups: [],
    diff: changes.map(diffOf).join(''),
  }
}

async function carryOut(
  plan: Plan,
  call: Call<ChangeFlags, Names>,
  place: Workplace,
): Promise<Outcome> {
  const { client, found, server, hooks } = plan
  const file = found.slot.file
  if (!server && hooks.length === 0)
    return { client, state: 'already connected', file, backups: [] }
  if (hooks.length > 0) await askAboutHooks(plan, call, place)
  const applied: Applied[] = []
  let via: string | undefined
  if (server) {
    await untilQuit(client, call, place)
    const done = await connectServer(found, server, call, place)
    via = done.via
    applied.push(done)
  }
  for (const change of hooks) {
    // The file may be the one that was just written: what is to change in it is looked up again.
    const fresh =
      change.part === 'feature' ? await switchingOn(client, place.around, call.signal) : change
    if (fresh) applied.push(apply(fresh, place.ledger, new Date(call.out.now())))
  }
  const backups = applied.flatMap(({ backup }) => (backup ? [backup] : []))
  return { client, state: 'connected', file, backups, ...(via ? { via } : {}) }
}

/** What will run on its own is shown before it is written. */
async function askAboutHooks(
  { client, hooks }: Plan,
  call: Call<ChangeFlags, Names>,
  place: Workplace,
): Promise<void> {
  const { out } = call
  out.note(`${client.name} will run these commands, on this machine only:`)
  for (const { event, command } of hookCommands(client, place.self))
    out.note(`  ${event.padEnd(16)} ${command}`)
  out.note(
    'They recall at the start and at each prompt, and keep the exchange when an answer ends.\n',
  )
  for (const change of hooks) out.note(shownDiff(diffOf(change)))
  await confirm('Write this?', `engram clients connect ${client.id} --hooks --yes`, call)
}

/** A client that writes its file from memory would undo the edit: it has to end first. */
async function untilQuit(
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

async function connectServer(
  found: Found,
  change: Change,
  call: Call<ChangeFlags, Names>,
  place: Workplace,
): Promise<Applied & { via?: string }> {
  const { slot } = found
  const { client, scope, file } = slot
  const { around, wanted, ledger } = place
  const transport = call.flags.transport ?? 'stdio'
  const own = scope === 'user' ? usedCommand(client, 'add', transport, wanted, around) : null
  const now = new Date(call.out.now())
  if (!own) return apply(change, ledger, now)
  const backup = found.file ? ledger.backUp(client.id, file, now) : null
  if (found.state !== 'absent') {
    const remove = usedCommand(client, 'remove', transport, wanted, around)
    if (remove) await runOwn(remove, around, call.signal)
  }
  const { ok, output } = await runOwn(own, around, call.signal)
  const after = look(slot, wanted, transport)
  if (ok && after.state === 'current') {
    const record = { client: client.id, scope, part: 'server', file } as const
    const none = { created: false, folders: 0, made: 0, backup: null, after: '' }
    ledger.put({ ...record, ...none, at: now.toISOString() })
    return { backup, via: asLine(own) }
  }
  call.out.note(
    `${asLine(own)} did not do it (${oneLine(output).slice(0, 200)}); editing ${file} instead.`,
  )
  const again = connecting(after, wanted, transport, call.flags.force ?? false)
  return again ? apply(again, ledger, now) : { backup }
}

export async function disconnect(call: Call<ChangeFlags, Names>): Promise<number> {
  const { flags, out } = call
  const place = openWorkplace(call)
  const clients = flags.all ? connectedClients(place) : named(call, place)
  if (clients.length === 0) {
    out.line('No client is connected.')
    return 0
  }
  if (flags.all && !flags.dryRun) {
    for (const client of clients) out.note(`  [x] ${client.name}`)
    await confirm(
      `Disconnect ${count(clients.length, 'client')}?`,
      'engram clients disconnect --all --yes',
      call,
    )
  }
  const outcomes: Outcome[] = []
  for (const client of clients) {
    const act = () => disconnectOne(client, call, place)
    outcomes.push(flags.all ? await attempt(client, act) : await act())
  }
  return report(outcomes, call, place)
}

function connectedClients(place: Workplace): ClientSpec[] {
  const rows = survey(place).filter(
    ({ scope, state, hooks }) =>
      scope === 'user' &&
      (state === 'current' || state === 'stale' || (hooks !== null && hooks !== 'absent')),
  )
  return rows.map(({ client }) => client)
}

async function disconnectOne(
  client: ClientSpec,
  call: Call<ChangeFlags, Names>,
  place: Workplace,
): Promise<Outcome> {
  const { flags, out } = call
  const { around, wanted, ledger } = place
  const scope = flags.scope ?? 'user'
  const slot = slotOf(client, scope, around)
  const lookNow = () => look(slot, wanted, null)
  const hookSlot = scope === 'user' ? hookSlotOf(client, around) : null
  // The last change first: then each finds its file as it left it.
  const steps: (() => Change | null)[] = [
    () => (scope === 'user' ? switchingBack(client, around, ledger) : null),
    () => (hookSlot ? unhooking(hookSlot, ledger) : null),
    () => disconnecting(lookNow(), ledger, flags.force ?? false),
  ]
  const backups: string[] = []
  const diffs: string[] = []
  let via: string | undefined
  let changed = false
  for (const step of steps) {
    const change = step()
    if (!change) continue
    changed = true
    if (flags.dryRun) {
      diffs.push(diffOf(change))
      continue
    }
    if (change.part === 'server') await untilQuit(client, call, place)
    const done = await takeOut(change, lookNow, call, place)
    via ??= done.via
    if (done.backup) backups.push(done.backup)
  }
  const state = changed ? (flags.dryRun ? 'planned' : 'disconnected') : 'not connected'
  if (flags.dryRun) return { client, state, file: slot.file, backups, diff: diffs.join('') }
  if (!changed) out.note(`${client.name} has nothing of Engram in ${tilde(slot.file, call.env)}.`)
  return { client, state, file: slot.file, backups, ...(via ? { via } : {}) }
}

async function takeOut(
  change: Change,
  lookNow: () => Found,
  call: Call<ChangeFlags, Names>,
  { around, wanted, ledger }: Workplace,
): Promise<Applied & { via?: string }> {
  const { client, scope, file } = change.slot
  const now = new Date(call.out.now())
  const isServer = change.part === 'server' && scope === 'user'
  const own = isServer ? usedCommand(client, 'remove', 'stdio', wanted, around) : null
  if (!own) return apply(change, ledger, now)
  const backup = ledger.backUp(client.id, file, now)
  await runOwn(own, around, call.signal)
  const after = lookNow()
  if (after.state === 'absent') {
    ledger.drop({ client: client.id, scope, part: 'server', file })
    return { backup, via: asLine(own) }
  }
  const again = disconnecting(after, ledger, call.flags.force ?? false)
  return again ? apply(again, ledger, now) : { backup }
}

/** One client that fails does not keep the others from being connected. */
async function attempt<T extends Outcome | null>(
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

function report(
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
    out.error(`${client.id}: ${error.code}: ${error.message}\n  fix   ${error.fix}`)
    return
  }
  if (state === 'planned') {
    out.line(shownDiff(diff!))
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

const shownDiff = (diff: string) => printable(diff.replaceAll('\r', '')).trimEnd()

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
