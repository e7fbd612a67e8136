import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { CliError } from '../errors.ts'
import type { ClientSpec, Format, Transport } from './catalog.ts'
import { documentOf } from './document.ts'
import { type Entry, entryOf, isOurs, reachOf, type Wanted } from './entry.ts'
import { NotEditable, valueAt } from './json-edit.ts'
import { placeOfFile, type Surroundings } from './places.ts'
import { readTextFile, type TextFile } from './text-file.ts'

export type Scope = 'user' | 'project'

/** The place in a client's file where a server called engram would stand. */
export type Slot = Readonly<{
  client: ClientSpec
  scope: Scope
  file: string
  format: Format
  key: readonly string[]
}>

/**
 * @throws CliError `E_USAGE` for a client that has no such file, or that is only printed; `E_CLIENT_FILE`
 * for a file of a project that leads out of the project.
 */
export function slotOf(client: ClientSpec, scope: Scope, around: Surroundings): Slot {
  const place = scope === 'user' ? client.user : client.project
  if (!place) {
    throw client.print
      ? new CliError('E_USAGE', `${client.name} cannot be connected by writing to a file`, {
          fix: `engram clients print ${client.id}`,
        })
      : new CliError('E_USAGE', `${client.name} has no settings of a project`, {
          fix: `engram clients connect ${client.id}`,
        })
  }
  const file = 'files' in place ? placeOfFile(place.files, around) : projectFile(place, around)
  if (file === null) {
    throw new CliError('E_USAGE', `${client.name} has no known place on ${around.platform}`, {
      fix: `engram clients print ${client.id}`,
    })
  }
  return { client, scope, file, format: place.format, key: keyOf(place, file) }
}

/**
 * A repository may hold a link in place of the file, so that our edit lands elsewhere: what a project names
 * must lie in the project.
 */
function projectFile(place: NonNullable<ClientSpec['project']>, { cwd }: Surroundings): string {
  const names = [place.file, ...place.or]
  const path = join(cwd, names.find((name) => existsSync(join(cwd, name))) ?? place.file)
  let present = path
  while (!existsSync(present)) present = dirname(present)
  const inside = relative(realpathSync(cwd), realpathSync(present))
  if (inside === '..' || inside.startsWith(`..${sep}`)) {
    throw new CliError(
      'E_CLIENT_FILE',
      `${path} leads out of the project, to ${realpathSync(present)}`,
      {
        why: 'a link in a project must not choose what is written to; nothing was changed',
        fix: `ls -l ${present}`,
      },
    )
  }
  return path
}

function keyOf(
  { key, keyWhen, format }: Pick<NonNullable<ClientSpec['user']>, 'key' | 'keyWhen' | 'format'>,
  file: string,
): readonly string[] {
  if (!keyWhen || format === 'toml') return key
  try {
    const value = valueAt(readTextFile(file)?.text ?? '', keyWhen.object)
    const holdsServers = Object.values((value ?? {}) as object).some(
      (one) => one !== null && typeof one === 'object',
    )
    // A server may itself be called as the object is.
    return holdsServers && reachOf(value) === null ? keyWhen.key : key
  } catch (error) {
    if (error instanceof NotEditable) return key // said where the file is read for good
    throw error
  }
}

/** absent: no entry; current: as we would write it; stale: ours, but another; foreign: somebody else's. */
export type SlotState = 'absent' | 'current' | 'stale' | 'foreign'

export type Found = Readonly<{
  slot: Slot
  file: TextFile | null
  state: SlotState
  entry: unknown
}>

/** @throws CliError `E_CLIENT_FILE` with line and column for a file that cannot be read. */
export function look(slot: Slot, wanted: Wanted, transport: Transport | null): Found {
  const file = readTextFile(slot.file)
  const entry = editing(slot, () => documentOf(slot.format).get(file?.text ?? '', slot.key))
  return { slot, file, entry, state: stateOf(slot.client, entry, wanted, transport) }
}

function stateOf(
  client: ClientSpec,
  entry: unknown,
  wanted: Wanted,
  transport: Transport | null,
): SlotState {
  if (entry === undefined) return 'absent'
  if (!isOurs(entry, wanted)) return 'foreign'
  const kind = transport ?? reachOf(entry)!.kind
  const meant = entryOf(client, kind, wanted)
  return meant !== null && holds(entry as Entry, meant) ? 'current' : 'stale'
}

/** Does an entry say what is meant, whatever else its owner has added? */
function holds(entry: Entry, meant: Entry): boolean {
  if (reachOf(entry)?.kind !== reachOf(meant)?.kind) return false
  return Object.entries(meant).every(([name, value]) => isDeepStrictEqual(entry[name], value))
}

/** Runs what reads or changes the file of a slot, and says which file it is when that fails. */
export function editing<T>({ client, file }: Pick<Slot, 'client' | 'file'>, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof NotEditable)) throw error
    throw new CliError('E_CLIENT_FILE', `${file}: ${error.message}`, {
      why: `${client.name} may not be able to read it either; nothing was changed`,
      fix: `correct it, then run this again; or by hand: engram clients print ${client.id}`,
    })
  }
}
