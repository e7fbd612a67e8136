import { confirm } from '../ask.ts'
import type { ClientSpec } from '../clients/catalog.ts'
import { type Applied, apply, type Change, connecting, diffOf } from '../clients/change.ts'
import { hookCommands, hooking, hookSlotOf } from '../clients/hook-config.ts'
import { switchingOn } from '../clients/hook-feature.ts'
import {
  attempt,
  type ChangeFlags,
  type Names,
  named,
  type Outcome,
  report,
  shownDiff,
  untilQuit,
} from '../clients/outcome.ts'
import { asLine, runOwn, usedCommand } from '../clients/own-command.ts'
import { type Found, look, slotOf } from '../clients/slot.ts'
import { survey } from '../clients/survey.ts'
import { openWorkplace, type Workplace } from '../clients/workplace.ts'
import type { Call } from '../command.ts'
import { CliError, usage } from '../errors.ts'
import { count, oneLine } from '../output.ts'

/** What is to be done for one client. */
type Plan = Readonly<{
  client: ClientSpec
  found: Found
  server: Change | null
  hooks: readonly Change[]
}>

export async function connect(call: Call<ChangeFlags, Names>): Promise<number> {
  const { flags, out } = call
  checkFlags(flags)
  const place = openWorkplace(call, flags.keyEnv ?? null)
  const clients = flags.all ? openClients(place, flags.hooks ?? false) : named(call, place)
  if (clients.length === 0) {
    out.line('Every client that was found is connected.')
    return 0
  }
  const outcomes: Outcome[] = []
  // Everything is looked at before anything is written.
  const plans = await planAll(clients, call, place, outcomes)
  if (flags.dryRun) {
    return report([...outcomes, ...plans.map((plan) => planned(plan, call, place))], call, place)
  }
  if (flags.all && plans.length > 0) await askAboutAll(plans, call)
  for (const plan of plans) {
    const act = () => carryOut(plan, call, place)
    outcomes.push(clients.length > 1 ? await attempt(plan.client, act) : await act())
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

/** Clients of this machine that can be connected and are not, or not with hooks when those are wanted. */
function openClients(place: Workplace, withHooks: boolean): ClientSpec[] {
  return survey(place)
    .filter(
      ({ scope, installed, client, state, hooks }) =>
        scope === 'user' &&
        installed &&
        client.user &&
        (state !== 'current' || (withHooks && hooks !== null && hooks !== 'current')),
    )
    .map(({ client }) => client)
}

async function planAll(
  clients: readonly ClientSpec[],
  call: Call<ChangeFlags, Names>,
  place: Workplace,
  outcomes: Outcome[],
): Promise<Plan[]> {
  if (clients.length === 1) return [await planFor(clients[0]!, call, place)]
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

async function askAboutAll(plans: readonly Plan[], call: Call<ChangeFlags, Names>): Promise<void> {
  for (const { client, found } of plans)
    call.out.note(`  [x] ${client.name.padEnd(30)} ${found.slot.file}`)
  const again = `engram clients connect --all${call.flags.hooks ? ' --hooks' : ''} --yes`
  await confirm(`Connect ${count(plans.length, 'client')}?`, again, call)
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

function planned(
  { client, found, server, hooks }: Plan,
  { flags }: Call<ChangeFlags, Names>,
  { around, wanted }: Workplace,
): Outcome {
  const changes = [...(server ? [server] : []), ...hooks]
  const isOwn = server !== null && found.slot.scope === 'user'
  const own = isOwn ? usedCommand(client, 'add', flags.transport ?? 'stdio', wanted, around) : null
  return {
    ...(own ? { via: asLine(own) } : {}),
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
