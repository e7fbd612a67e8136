import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EngramError } from '../../../memory/errors.ts'
import type { EvalSet } from '../corpus.ts'
import { firstItem } from '../json-items.ts'
import { isBeam, readBeam } from './beam.ts'
import { isLocomo, readLocomo } from './locomo.ts'
import { isLongMemEval, readLongMemEval } from './longmemeval.ts'
import { isPersonas, readPersonas } from './personas.ts'
import { isPrefEval, readPrefEval } from './prefeval.ts'

/** The folders of test data, by what their files hold and not by what they are called. */

type Read = (name: string, files: readonly string[], noise: readonly string[]) => EvalSet[]

const FORMS: readonly Readonly<{ is: (first: unknown) => boolean; read: Read }>[] = [
  { is: isLocomo, read: readLocomo },
  { is: isLongMemEval, read: readLongMemEval },
  { is: isBeam, read: readBeam },
  { is: isPrefEval, read: readPrefEval },
]

export type Found = Readonly<{
  sets: readonly EvalSet[]
  /** Folders in which no file has a form that is known. */
  skipped: readonly string[]
}>

/**
 * Every folder in `dir` that has a known form gives sets under its name; a folder of personas is the noise.
 *
 * @throws EngramError `not_found` when there is no such folder, `invalid` when a file of a known form is
 *   broken or nothing in the folder is known.
 */
export function findSets(dir: string): Found {
  const folders = childrenOf(dir)
    .filter((path) => statSync(path).isDirectory())
    .map((path) => ({ name: basename(path), files: jsonFilesIn(path) }))
  const first = new Map(folders.map(({ name, files }) => [name, files[0] && firstItem(files[0])]))
  const noise = readPersonas(
    folders.filter(({ name }) => isPersonas(first.get(name))).flatMap(({ files }) => files),
  )
  const sets: EvalSet[] = []
  const skipped: string[] = []
  for (const { name, files } of folders) {
    const form = FORMS.find(({ is }) => is(first.get(name)))
    if (form) sets.push(...form.read(name, files, noise))
    else if (!isPersonas(first.get(name))) skipped.push(name)
  }
  if (sets.length === 0) {
    throw new EngramError('invalid', `nothing in ${dir} has a form that is known`, {
      fix: 'a folder each for LoCoMo, LongMemEval, BEAM or PrefEval, with their JSON files in it',
    })
  }
  return { sets, skipped }
}

function childrenOf(dir: string): string[] {
  try {
    return readdirSync(dir)
      .sort()
      .map((name) => join(dir, name))
  } catch (error) {
    throw new EngramError('not_found', `there is no folder ${dir}`, {
      cause: error,
      fix: 'engram eval --data DIR, with a folder of JSON files in DIR for each set',
    })
  }
}

function jsonFilesIn(folder: string): string[] {
  return childrenOf(folder).filter((path) => path.endsWith('.json') && statSync(path).isFile())
}
