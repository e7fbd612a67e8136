import { CliError } from '../errors.ts'
import type { ClientSpec, Transport } from './catalog.ts'
import { reachOf } from './entry.ts'
import { type HookState, hookSlotOf, lookAtHooks } from './hook-config.ts'
import { isInstalled } from './places.ts'
import { look, type Scope, type SlotState, slotOf } from './slot.ts'
import type { Workplace } from './workplace.ts'

/** How things stand with one client. */
export type Survey = Readonly<{
  client: ClientSpec
  scope: Scope
  installed: boolean
  state: SlotState | 'unreadable'
  file: string | null
  transport: Transport | null
  /** null for a client without hooks, and where they cannot be read. */
  hooks: HookState | null
  entry: unknown
  problem: string | null
}>

/** Every client, in the order of the catalogue; the settings of the project only where we are in them. */
export function survey(place: Workplace): Survey[] {
  return place.clients.flatMap((client) => {
    const user = surveyOne(client, 'user', place)
    const project = client.project ? surveyOne(client, 'project', place) : null
    // In the home folder the settings of the project may be those of the user.
    const isOwn = project !== null && project.file !== null && project.file !== user.file
    return isOwn && project.state !== 'absent' ? [user, project] : [user]
  })
}

function surveyOne(client: ClientSpec, scope: Scope, place: Workplace): Survey {
  const { around, wanted, self } = place
  const none = {
    client,
    scope,
    installed: isInstalled(client, around),
    transport: null,
    hooks: null,
    entry: undefined,
  }
  if (!client.user) return { ...none, state: 'absent', file: null, problem: null }
  try {
    const { slot, state, entry } = look(slotOf(client, scope, around), wanted, null)
    const hookSlot = scope === 'user' ? hookSlotOf(client, around) : null
    return {
      ...none,
      state,
      file: slot.file,
      transport: state === 'current' || state === 'stale' ? (reachOf(entry)?.kind ?? null) : null,
      hooks: hookSlot ? lookAtHooks(hookSlot, self) : null,
      entry,
      problem: null,
    }
  } catch (error) {
    if (
      !(error instanceof CliError) ||
      (error.code !== 'E_CLIENT_FILE' && error.code !== 'E_USAGE')
    )
      throw error
    return { ...none, state: 'unreadable', file: null, problem: error.message }
  }
}
