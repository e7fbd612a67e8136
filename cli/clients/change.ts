import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { createTwoFilesPatch } from 'diff'
import { CliError } from '../errors.ts'
import type { Transport } from './catalog.ts'
import { documentOf } from './document.ts'
import { type Entry, entryOf, reachOf, type Wanted } from './entry.ts'
import { hashOf, type Ledger, type Written } from './ledger.ts'
import { editing, type Found, type Slot } from './slot.ts'
import { readTextFile, type TextFile, writeTextFile } from './text-file.ts'

/** One file of a client before and after; null stands for no file. */
export type Change = Readonly<{
  kind: 'add' | 'remove'
  slot: Pick<Slot, 'client' | 'scope' | 'file'>
  part: Written['part']
  before: TextFile | null
  after: string | null
  /** Containers that were made on the way. */
  made: number
  /** Nothing of ours was in the file before: the way back leads to its very bytes. */
  clean: boolean
}>

/** @returns null when there is nothing to change. @throws CliError `E_CONFLICT` for a foreign entry. */
export function connecting(
  { slot, file, state, entry }: Found,
  wanted: Wanted,
  transport: Transport,
  force: boolean,
): Change | null {
  if (state === 'current') return null
  if (state === 'foreign' && !force) {
    throw new CliError('E_CONFLICT', `${slot.file} has another server called engram`, {
      why: `it is not one of ours: ${describe(entry)}`,
      fix: `engram clients connect ${slot.client.id} --force`,
    })
  }
  const meant = entryOf(slot.client, transport, wanted)
  if (!meant) {
    throw new CliError('E_USAGE', `${slot.client.name} cannot be connected over ${transport}`, {
      fix: `engram clients connect ${slot.client.id}`,
    })
  }
  // What its owner has added to our entry stays, such as a list of tools that need no question.
  const keeps = state === 'stale' && reachOf(entry)?.kind === transport
  const value = keeps ? { ...(entry as Entry), ...meant } : meant
  const { text, made } = editing(slot, () =>
    documentOf(slot.format).set(file?.text ?? '', slot.key, value),
  )
  return {
    kind: 'add',
    slot,
    part: 'server',
    before: file,
    after: (file?.mark ?? '') + text,
    made,
    clean: state !== 'stale',
  }
}

/** @returns null when nothing of ours is there. */
export function disconnecting(found: Found, ledger: Ledger, force: boolean): Change | null {
  const { slot, file, state, entry } = found
  if (state === 'absent' || file === null) return null
  if (state === 'foreign' && !force) {
    throw new CliError('E_CONFLICT', `the server called engram in ${slot.file} is not ours`, {
      why: describe(entry),
      fix: `take it out by hand, or: engram clients disconnect ${slot.client.id} --force`,
    })
  }
  return undoing(slot, 'server', file, ledger, (text, made) =>
    documentOf(slot.format).remove(text, slot.key, made),
  )
}

/**
 * The way back: to the very bytes that were there before when the file is still as we left it, else by
 * taking out what is ours.
 */
export function undoing(
  slot: Change['slot'],
  part: Written['part'],
  file: TextFile,
  ledger: Ledger,
  remove: (text: string, made: number) => string,
): Change | null {
  const record = ledger.find({ client: slot.client.id, scope: slot.scope, part, file: slot.file })
  const isUntouched = record !== null && hashOf(readFileSync(file.path)) === record.after
  const change = { kind: 'remove', slot, part, before: file, made: 0, clean: false } as const
  if (isUntouched && record.created) return { ...change, after: null }
  const copy = isUntouched && record.backup !== null ? readCopy(record.backup) : null
  const after = copy ?? file.mark + editing(slot, () => remove(file.text, record?.made ?? 0))
  return after === file.mark + file.text ? null : { ...change, after }
}

function readCopy(path: string): string | null {
  if (!existsSync(path)) return null
  const copy = readTextFile(path)!
  return copy.mark + copy.text
}

export type Applied = Readonly<{ backup: string | null }>

/**
 * Writes a change: a copy of the file first, then the new one in one step, then a look whether it is there.
 *
 * @throws CliError `E_CONFLICT` when the file is no longer as it was read.
 */
export function apply(change: Change, ledger: Ledger, now: Date): Applied {
  const { kind, slot, part, before, after, made, clean } = change
  const { file } = slot
  const client = slot.client.id
  const current = existsSync(file) ? readFileSync(file, 'utf8') : null
  if (current !== (before && before.mark + before.text)) throw changedMeanwhile(file)
  const backup = before ? ledger.backUp(client, file, now) : null
  const record = { client, scope: slot.scope, part, file }
  const earlier = ledger.find(record)
  const folders = missingFolders(file)
  if (after === null) {
    rmSync(file)
    removeFolders(file, earlier?.folders ?? 0)
  } else {
    writeTextFile(file, after)
    if (readFileSync(file, 'utf8') !== after) throw changedMeanwhile(file)
  }
  if (kind === 'remove') ledger.drop(record)
  else {
    // A second edit on top of our own: the way back still leads to before the first.
    const onTop = earlier !== null && current !== null && hashOf(current) === earlier.after
    ledger.put({
      ...record,
      created: onTop ? earlier.created : before === null,
      folders: onTop ? earlier.folders : folders,
      made: earlier === null ? made : Math.max(made, earlier.made),
      backup: onTop ? earlier.backup : clean ? backup : null,
      after: hashOf(after!),
      at: now.toISOString(),
    })
  }
  return { backup }
}

/** How many folders on the way to a file do not exist. */
function missingFolders(file: string): number {
  let missing = 0
  for (let folder = dirname(file); !existsSync(folder); folder = dirname(folder)) missing++
  return missing
}

/** Folders that were made for a file go with it, unless something else is in them by now. */
function removeFolders(file: string, levels: number): void {
  let folder = dirname(file)
  for (let level = 0; level < levels && readdirSync(folder).length === 0; level++) {
    rmdirSync(folder)
    folder = dirname(folder)
  }
}

function changedMeanwhile(file: string): CliError {
  return new CliError('E_CONFLICT', `${file} was changed by another program in this moment`, {
    why: 'nothing was written',
    fix: 'run it again; when it happens again, quit the client first',
  })
}

/** A unified diff. */
export function diffOf({ slot, before, after }: Change): string {
  const patch = createTwoFilesPatch(
    before ? slot.file : '/dev/null',
    after === null ? '/dev/null' : slot.file,
    before ? before.mark + before.text : '',
    after ?? '',
    undefined,
    undefined,
    { context: 3 },
  )
  return patch.replace(/^(?:Index: .*\n)?=+\n/, '')
}

/** What an entry runs or calls, without what might be secret in it. */
export function describe(entry: unknown): string {
  const reach = reachOf(entry)
  if (!reach) return 'it is no entry of a server'
  if (reach.kind === 'stdio') return `it runs ${reach.command}`
  const url = URL.canParse(reach.url) ? new URL(reach.url) : null
  return url ? `it calls ${url.origin}` : 'it calls an address that is none'
}
