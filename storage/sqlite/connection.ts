import { chmodSync, closeSync, existsSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import BetterSqlite, { type Database as Handle } from 'better-sqlite3'
import { EngramError, messageOf } from '../../memory/errors.ts'

/** "Engr" in ASCII: marks a file as ours. */
export const APPLICATION_ID = 0x456e6772
/** Below this SQLite can lose committed writes when a checkpoint races a writer (the WAL-reset bug). */
const SAFE_SQLITE = [3, 51, 3] as const
/** Larger files are checked whole by `engram doctor` only: it would delay the start. */
const CHECKED_AT_OPEN_BYTES = 64 * 1024 * 1024

const MAX_PAGE_BYTES = 65_536

export type SqliteFile = Readonly<{
  path: string
  /** The better-sqlite3 addon of this platform. */
  addonPath: string
}>

/**
 * Opens a connection with the settings every connection has.
 *
 * @throws EngramError `unavailable` when the file cannot be opened, or when the linked SQLite is too old to
 *   be trusted with a write-ahead log.
 */
export function connect(file: SqliteFile, { readonly }: { readonly: boolean }): Handle {
  const handle = open(file, readonly)
  try {
    const version = handle.prepare('select sqlite_version() as v').pluck().get() as string
    if (isOlder(version, SAFE_SQLITE)) {
      throw new EngramError(
        'unavailable',
        `SQLite ${version} can lose writes; 3.51.3 or newer is needed`,
      )
    }
    if (!readonly) {
      handle.pragma('journal_mode = wal')
      handle.pragma('synchronous = full')
      // macOS' fsync leaves data in the drive's cache; other systems ignore this.
      handle.pragma('fullfsync = on')
      handle.pragma('journal_size_limit = 67108864')
      handle.pragma('secure_delete = on')
    }
    handle.pragma('foreign_keys = on')
    handle.pragma('trusted_schema = off')
    handle.pragma('cell_size_check = on')
    handle.pragma('mmap_size = 0')
    // What a transaction sets aside would otherwise go to files of its own, outside our folder.
    handle.pragma('temp_store = memory')
    return handle
  } catch (error) {
    handle.close()
    throw error
  }
}

function open({ path, addonPath }: SqliteFile, readonly: boolean): Handle {
  try {
    return new BetterSqlite(path, { readonly, timeout: 5_000, nativeBinding: addonPath })
  } catch (error) {
    throw new EngramError('unavailable', `${path} cannot be opened: ${messageOf(error)}`, {
      cause: error,
      fix: 'check that the folder exists and is yours, or choose another with ENGRAM_HOME',
    })
  }
}

/**
 * Makes an empty file that only the user can read, or makes the one that is there so. SQLite would not ask
 * for these permissions, and gives its log those of the file.
 *
 * A file that is there is never opened: closing it would drop the locks that SQLite has on it elsewhere in
 * this process.
 */
export function makePrivate(path: string): void {
  if (existsSync(path)) chmodSync(path, 0o600)
  else closeSync(openSync(path, 'a', 0o600))
}

/**
 * Looks at a file before anything may write to it; it, and what lies beside it, stays as it is.
 *
 * @throws EngramError `conflict` for a file of another application or of a newer Engram, `unavailable` for
 *   one that is no database, is cut short, or whose pages or indexes contradict each other.
 */
export function inspectFile(file: SqliteFile, newestSchema: number): void {
  const { path } = file
  if (!existsSync(path) || statSync(path).size === 0) return
  inspectHeader(path, newestSchema)
  const beside = ['-wal', '-shm'].filter((suffix) => !existsSync(path + suffix))
  try {
    const handle = connect(file, { readonly: true })
    try {
      inspectContent(handle, path, newestSchema)
    } finally {
      handle.close()
    }
  } catch (error) {
    if (error instanceof EngramError) throw error
    if ((error as { code?: string }).code !== 'SQLITE_READONLY_ROLLBACK') {
      throw damaged(path, messageOf(error), error)
    }
    // A transaction from before the log was switched on stopped halfway. Ours is the one that makes the
    // first page; SQLite takes it back by itself when the file is opened to be written.
    if (statSync(path).size > MAX_PAGE_BYTES) throw foreign(path)
  } finally {
    // A reader makes these when they are missing, and leaves them.
    for (const suffix of beside) rmSync(path + suffix, { force: true })
  }
}

function inspectHeader(path: string, newestSchema: number): void {
  const header = Buffer.alloc(100)
  const descriptor = openSync(path, 'r')
  const read = readSync(descriptor, header, 0, 100, 0)
  closeSync(descriptor)
  if (read < 100 || header.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw new EngramError('unavailable', `${path} is not a SQLite database; it was not touched`, {
      fix: `move it away, or choose another folder with ENGRAM_HOME`,
    })
  }
  const applicationId = header.readInt32BE(68)
  // Without our mark it may be empty still: the marks of a new file stand in its log until that is copied.
  if (applicationId !== APPLICATION_ID && applicationId !== 0) throw foreign(path)
  checkVersion(path, header.readInt32BE(60), newestSchema)
  const logged = existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16)
  const wholeBytes = header.readUInt32BE(28) * pageBytes
  const { size } = statSync(path)
  if (!logged && size < wholeBytes) {
    throw damaged(path, `it is cut short at ${size} of ${wholeBytes} bytes`)
  }
}

function inspectContent(handle: Handle, path: string, newestSchema: number): void {
  const objects = handle.prepare('select count(*) from sqlite_schema').pluck().get() as number
  if (objects === 0) return
  if (handle.pragma('application_id', { simple: true }) !== APPLICATION_ID) throw foreign(path)
  checkVersion(path, handle.pragma('user_version', { simple: true }) as number, newestSchema)
  const pages = handle.pragma('page_count', { simple: true }) as number
  const pageBytes = handle.pragma('page_size', { simple: true }) as number
  if (pages * pageBytes > CHECKED_AT_OPEN_BYTES) return
  const problems = (handle.pragma('integrity_check(3)') as { integrity_check: string }[]).map(
    (row) => row.integrity_check,
  )
  if (problems[0] !== 'ok') throw damaged(path, problems.join('; '))
}

function checkVersion(path: string, version: number, newest: number): void {
  if (version <= newest) return
  throw new EngramError(
    'conflict',
    `${path} was written by a newer Engram (schema ${version}, this one knows ${newest}); it was not touched`,
    { fix: 'install the newer version, or choose another folder with ENGRAM_HOME' },
  )
}

function foreign(path: string): EngramError {
  return new EngramError('conflict', `${path} belongs to another application; it was not touched`, {
    fix: 'choose another folder with ENGRAM_HOME',
  })
}

function damaged(path: string, how: string, cause?: unknown): EngramError {
  return new EngramError('unavailable', `${path} is damaged: ${how}; it was not touched`, {
    cause,
    fix: 'engram doctor --salvage FILE.jsonl writes what can still be read to a file',
  })
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of than.entries()) {
    if ((parts[i] ?? 0) !== wanted) return (parts[i] ?? 0) < wanted
  }
  return false
}
