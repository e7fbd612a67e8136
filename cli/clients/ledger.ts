import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'

/** What we wrote into a file of a client, so that it can be taken back to the byte. */
const written = z.object({
  client: z.string(),
  scope: z.enum(['user', 'project']),
  part: z.enum(['server', 'hooks', 'feature']),
  file: z.string(),
  /** The file was made by us. */
  created: z.boolean(),
  /** So many folders were made for it. */
  folders: z.number(),
  /** Objects and lists on the way that were made by us. */
  made: z.number(),
  /** A copy of the file as it was; null when the way back is by editing alone. */
  backup: z.string().nullable(),
  /** SHA-256 of the file as we left it. */
  after: z.string(),
  at: z.string(),
})

export type Written = Readonly<z.output<typeof written>>

/** Our records and the copies, in a folder of the state. */
export type Ledger = Readonly<{
  find(record: Pick<Written, 'client' | 'scope' | 'part' | 'file'>): Written | null
  all(): readonly Written[]
  put(record: Written): void
  drop(record: Pick<Written, 'client' | 'scope' | 'part' | 'file'>): void
  /** Copies a file away. @returns where to */
  backUp(client: string, file: string, at: Date): string
}>

/** So many copies of a client's files are kept. */
const MAX_BACKUPS = 20

export function openLedger(stateDir: string): Ledger {
  const path = join(stateDir, 'connections.json')
  const folder = join(stateDir, 'client-backups')

  const all = (): Written[] => {
    if (!existsSync(path)) return []
    const read = z.array(written).safeParse(parseOrNull(readFileSync(path, 'utf8')))
    // Without it entries are still found by what they run, and taken out by editing.
    return read.success ? read.data : []
  }
  const save = (records: readonly Written[]) => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const partial = `${path}.${process.pid}`
    writeFileSync(partial, `${JSON.stringify(records, null, 2)}\n`, { mode: 0o600 })
    renameSync(partial, path)
  }
  const same = (a: Pick<Written, 'client' | 'scope' | 'part' | 'file'>) => (b: Written) =>
    a.client === b.client && a.scope === b.scope && a.part === b.part && a.file === b.file

  return {
    all,
    find: (record) => all().find(same(record)) ?? null,
    put(record) {
      save([...all().filter((one) => !same(record)(one)), record])
    },
    drop(record) {
      const rest = all().filter((one) => !same(record)(one))
      if (existsSync(path)) save(rest)
    },
    backUp(client, file, at) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const stamp = at
        .toISOString()
        .replace(/[-:]/g, '')
        .replace(/\.(\d+)Z$/, '$1Z')
      const copy = join(folder, `${client}-${stamp}-${basename(file)}`)
      // The file may hold keys of other servers.
      writeFileSync(copy, readFileSync(file), { mode: 0o600 })
      const needed = new Set(all().map(({ backup }) => backup))
      const old = readdirSync(folder)
        .filter((name) => name.startsWith(`${client}-`))
        .sort()
        .slice(0, -MAX_BACKUPS)
        .map((name) => join(folder, name))
      for (const one of old) if (!needed.has(one)) rmSync(one, { force: true })
      return copy
    },
  }
}

export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
