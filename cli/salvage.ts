import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs'
import BetterSqlite, { type Database } from 'better-sqlite3'
import type { JsonObject } from '../memory/memory.ts'

/** What could be read of a damaged database. */
export type Salvaged = Readonly<{
  /** One file a user, the local user's first: an import must not mix people. */
  files: readonly Readonly<{ path: string; user: string; memories: number }>[]
  /** Rows on pages that cannot be read. */
  lost: number
}>

/** As `migrations/sqlite` makes it. Rows of an earlier or later schema have what they have. */
type Row = Readonly<Record<string, string | number | null>>

/** Nobody can have written so many memories: beyond it a damaged counter is not believed. */
const MAX_ROWS = 50_000_000
/** When nothing says how many rows there are, it ends after so many that are not there. */
const MAX_GAP = 100_000

/**
 * Reads the memories row by row, so that one unreadable page costs its own rows only, and writes them as
 * JSON lines that `engram import` accepts. The database is opened for reading; nothing in it is changed.
 *
 * @throws Error when not even the list of tables can be read.
 */
export function salvage(databaseFile: string, addonPath: string, target: string): Salvaged {
  const beside = ['-wal', '-shm']
    .map((suffix) => databaseFile + suffix)
    .filter((file) => !existsSync(file))
  const database = new BetterSqlite(databaseFile, {
    readonly: true,
    fileMustExist: true,
    nativeBinding: addonPath,
  })
  const writers = new Map<string, { path: string; user: string; file: number; memories: number }>()
  try {
    // A page that contradicts itself is better than none: what it yields is checked by the import.
    database.pragma('cell_size_check = off')
    const names = namesOf(database)
    const read = database.prepare('select * from memories where seq = ?')
    let lost = 0
    let missing = 0
    const known = lastRow(database)
    for (let seq = 1; seq <= (known ?? MAX_ROWS); seq++) {
      if (known === null && missing > MAX_GAP) break
      let row: Row | undefined
      try {
        row = read.get(seq) as Row | undefined
      } catch (error) {
        if (!(error as { code?: string }).code?.startsWith('SQLITE_')) throw error
        lost++
        missing = 0
        continue
      }
      if (!row || typeof row.content !== 'string') {
        missing++
        continue
      }
      missing = 0
      const user = String(row.user_id)
      const writer = writers.get(user) ?? openWriter(user, names, target)
      writers.set(user, writer)
      writeSync(writer.file, `${JSON.stringify(toImport(row, names))}\n`)
      writer.memories++
    }
    const files = [...writers.values()].map(({ path, user, memories }) => ({
      path,
      user,
      memories,
    }))
    return { files, lost }
  } finally {
    for (const { file } of writers.values()) closeSync(file)
    database.close()
    // A reader makes these when they are missing, and leaves them.
    for (const file of beside) rmSync(file, { force: true })
  }
}

type Names = Readonly<{
  users: ReadonlyMap<string, string>
  namespaces: ReadonlyMap<number, string>
}>

/** Users and namespaces by their ids, as far as their tables can be read. */
function namesOf(database: Database): Names {
  const table = <Id>(query: string) => {
    const found = new Map<Id, string>()
    try {
      for (const { id, name } of database.prepare(query).iterate() as Iterable<{
        id: Id
        name: string
      }>) {
        found.set(id, name)
      }
    } catch {
      // What was read before the damage is kept.
    }
    return found
  }
  return {
    users: table<string>('select id, external_id as name from users not indexed'),
    namespaces: table<number>('select id, name from namespaces not indexed'),
  }
}

/** The number of the newest row; null when the database no longer knows. */
function lastRow(database: Database): number | null {
  const guesses = [
    "select seq from sqlite_sequence where name = 'memories'",
    'select max(seq) from memories',
  ]
  let last = 0
  for (const query of guesses) {
    try {
      last = Math.max(last, Number(database.prepare(query).pluck().get() ?? 0))
    } catch {
      // damaged there: the other may say, and without both the gap ends the search
    }
  }
  return last > 0 && last <= MAX_ROWS ? last : null
}

function openWriter(user: string, { users }: Names, target: string) {
  const name = users.get(user) ?? user
  const isLocal = name === 'local' || users.size === 0
  const path = isLocal ? target : target.replace(/(\.\w+)?$/, `.${name.replace(/[^\w.-]/g, '_')}$1`)
  return { path, user: name, file: openSync(path, 'wx', 0o600), memories: 0 }
}

/** A row as a line of an import. What is missing is left out: the import has defaults. */
function toImport(row: Row, { namespaces }: Names): JsonObject {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined)
  const number = (name: string) => (typeof row[name] === 'number' ? row[name] : undefined)
  const namespace = namespaces.get(Number(row.namespace_id))
  const line = {
    id: text('id'),
    content: row.content as string,
    namespace,
    category: text('category'),
    status: text('status'),
    pinned: number('pinned') === 1,
    confidence: number('confidence'),
    source: text('source'),
    origin: text('origin'),
    valid_from: number('valid_from'),
    valid_to: number('valid_to'),
    superseded_by: text('superseded_by'),
    expires_at: number('expires_at'),
    source_conversation_id: text('conversation_id'),
    evidence: {
      turn_id: text('turn_id'),
      quote: text('quote'),
    },
    speaker: text('speaker'),
    place: number('place'),
    metadata: parsed(row.metadata),
    access_count: number('access_count'),
    last_accessed: number('last_accessed_at'),
    last_confirmed: number('last_confirmed_at'),
    created_at: number('created_at'),
    updated_at: number('updated_at'),
  }
  // Through JSON, which leaves out what is undefined.
  return JSON.parse(JSON.stringify(line))
}

function parsed(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : undefined
  } catch {
    return undefined
  }
}
