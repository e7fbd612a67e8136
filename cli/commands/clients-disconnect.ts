import { confirm } from '../ask.ts'
import type { ClientSpec } from '../clients/catalog.ts'
import { type Applied, apply, type Change, diffOf, disconnecting } from '../clients/change.ts'
import { hookSlotOf, unhooking } from '../clients/hook-config.ts'
import { switchingBack } from '../clients/hook-feature.ts'
import {
  attempt,
  type ChangeFlags,
  type Names,
  named,
  type Outcome,
  report,
  untilQuit,
} from '../clients/outcome.ts'
import { asLine, runOwn, usedCommand } from '../clients/own-command.ts'
import { type Found, look, slotOf } from '../clients/slot.ts'
import { survey } from '../clients/survey.ts'
import { openWorkplace, type Workplace } from '../clients/workplace.ts'
import type { Call } from '../command.ts'
import { count } from '../output.ts'

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
    outcomes.push(clients.length > 1 ? await attempt(client, act) : await act())
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
  const { flags } = call
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
