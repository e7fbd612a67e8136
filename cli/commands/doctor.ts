import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { openAssets } from '../../daemon/assets.ts'
import { messageOf } from '../../memory/errors.ts'
import { asAdvice } from '../advice.ts'
import { type Check, type CheckState, examine } from '../checks.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { folderHolder } from '../locate.ts'
import { type Cell, count, type Output, type Style, wrap } from '../output.ts'
import { salvage } from '../salvage.ts'

export async function doctor(call: Call<{ salvage?: string }, object>): Promise<number> {
  if (call.flags.salvage !== undefined) return rescue(call, call.flags.salvage)
  const { out } = call
  const checks = await examine(call)
  const errors = checks.filter(({ state }) => state === 'error' || state === 'failed').length
  const warnings = checks.filter(({ state }) => state === 'warning').length
  if (out.isJson) out.json({ ok: errors === 0, errors, warnings, checks })
  else printChecks(checks, errors, warnings, out)
  return errors > 0 ? 1 : 0
}

const STYLES: Readonly<Record<CheckState, Style>> = {
  ok: 'green',
  info: 'cyan',
  warning: 'yellow',
  error: 'red',
  skipped: 'dim',
  failed: 'red',
}

function printChecks(
  checks: readonly Check[],
  errors: number,
  warnings: number,
  out: Output,
): void {
  const [stateWidth, nameWidth] = [8, Math.max(...checks.map(({ name }) => name.length))]
  const lead = ' '.repeat(stateWidth + nameWidth + 3)
  const room = out.width === null ? Number.POSITIVE_INFINITY : out.width - lead.length
  for (const { state, name, message, fix } of checks) {
    const label: Cell = out.paint(STYLES[state], state.padEnd(stateWidth))
    const [first = '', ...more] = wrap(message, room)
    out.line(`${label} ${name.padEnd(nameWidth)}  ${first}`)
    for (const line of more) out.line(lead + line)
    if (fix) out.line(`${lead}fix: ${out.paint('bold', asAdvice(fix))}`)
  }
  const parts = [
    ...(errors > 0 ? [count(errors, 'error')] : []),
    ...(warnings > 0 ? [count(warnings, 'warning')] : []),
  ]
  out.line()
  out.line(parts.length > 0 ? `${parts.join(', ')}.` : 'All is well.')
}

/** Writes what a damaged database still holds. */
async function rescue({ out, paths }: Call<object, object>, file: string): Promise<number> {
  const target = resolve(file)
  const holder = folderHolder(paths)
  if (holder !== null) {
    throw new CliError('E_CONFLICT', `process ${holder} has the database open`, {
      fix: 'engram stop',
    })
  }
  if (!existsSync(paths.databaseFile)) {
    throw new CliError('E_NOT_FOUND', `there is no database at ${paths.databaseFile}`, {
      fix: 'engram doctor --home DIR --salvage FILE',
    })
  }
  if (existsSync(target)) {
    throw new CliError('E_CONFLICT', `${target} exists`, { fix: 'name a file that does not exist' })
  }
  const { sqliteAddon } = await openAssets(paths.cacheDir)
  const found = await Promise.resolve()
    .then(() => salvage(paths.databaseFile, sqliteAddon, target))
    .catch((error) => {
      throw new CliError('E_FAILED', `nothing can be read of ${paths.databaseFile}`, {
        why: messageOf(error),
        fix: 'restore a copy: engram import FILE',
      })
    })
  const memories = found.files.reduce((sum, { memories: some }) => sum + some, 0)
  if (out.isJson) out.json({ memories, ...found })
  else {
    for (const { path, user, memories: some } of found.files) {
      out.line(`${count(some, 'memory', 'memories')} of ${user} written to ${path}`)
    }
    if (memories === 0) out.line('No memory could be read.')
    if (found.lost > 0) out.line(`${count(found.lost, 'row')} could not be read.`)
    out.note(
      `Next: move ${paths.databaseFile} away (with its -wal and -shm), then: engram import ${file}`,
    )
  }
  return memories === 0 ? 1 : 0
}
