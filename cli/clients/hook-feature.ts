import { CliError } from '../errors.ts'
import { setValue, unsetValue } from '../toml-edit.ts'
import type { ClientSpec } from './catalog.ts'
import { type Change, undoing } from './change.ts'
import { documentOf } from './document.ts'
import type { Ledger } from './ledger.ts'
import { type OwnCommand, runOwn } from './own-command.ts'
import { programOnPath, type Surroundings } from './places.ts'
import { editing, slotOf } from './slot.ts'
import { readTextFile } from './text-file.ts'

/**
 * Older versions of a client run hooks only when a switch in its settings is on. The client itself is asked
 * how it stands; when it is not on PATH nothing is written.
 *
 * @returns null when hooks are on already, or nobody can tell
 * @throws CliError `E_CONFLICT` when its owner has switched hooks off.
 */
export async function switchingOn(
  client: ClientSpec,
  around: Surroundings,
  signal: AbortSignal,
): Promise<Change | null> {
  const feature = client.hooks?.feature
  if (!feature || client.user?.format !== 'toml') return null
  const slot = slotOf(client, 'user', around)
  const file = readTextFile(slot.file)
  const text = file?.text ?? ''
  for (const name of feature.names) {
    const value = editing(slot, () => documentOf('toml').get(text, ['features', name]))
    if (value === false) {
      throw new CliError(
        'E_CONFLICT',
        `hooks are switched off in ${slot.file} ([features] ${name} = false)`,
        {
          why: 'nothing was changed',
          fix: `take that line out, then: engram clients connect ${client.id} --hooks`,
        },
      )
    }
  }
  const off = await nameThatIsOff(client, around, signal)
  if (off === null) return null
  const after = (file?.mark ?? '') + setValue(text, `features.${off}`, 'true')
  editing(slot, () => documentOf('toml').get(after, ['features', off]))
  return { kind: 'add', slot, part: 'feature', before: file, after, made: 0, clean: true }
}

/** @returns null when we have switched nothing on. */
export function switchingBack(
  client: ClientSpec,
  around: Surroundings,
  ledger: Ledger,
): Change | null {
  const feature = client.hooks?.feature
  if (!feature || !client.user) return null
  const slot = slotOf(client, 'user', around)
  const file = readTextFile(slot.file)
  const isOurs = ledger.find({ client: client.id, scope: 'user', part: 'feature', file: slot.file })
  if (!isOurs || file === null) return null
  return undoing(slot, 'feature', file, ledger, (text) =>
    feature.names.reduce((rest, name) => unsetValue(rest, `features.${name}`), text),
  )
}

/** A line of the list reads: name, stage, true or false. */
async function nameThatIsOff(
  client: ClientSpec,
  around: Surroundings,
  signal: AbortSignal,
): Promise<string | null> {
  const { names, list } = client.hooks!.feature!
  const program = client.detect.programs
    .map((one) => programOnPath(one, around))
    .find((one) => one !== null)
  if (!program) return null
  const command: OwnCommand = { program, args: list }
  const { output } = await runOwn(command, around, signal)
  const known = names.find((name) => new RegExp(`^${name}\\s`, 'm').test(output))
  return known && new RegExp(`^${known}\\s.*\\bfalse\\s*$`, 'm').test(output) ? known : null
}
