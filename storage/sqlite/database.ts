import { existsSync } from 'node:fs'
import type { Database as Handle, Statement } from 'better-sqlite3'
import { EngramError } from '../../memory/errors.ts'
import { type Migration, SQLITE_MIGRATIONS } from '../../migrations/index.ts'
import { type Connection, type Database, storageError } from '../database.ts'
import type { Sql } from '../sql.ts'
import { APPLICATION_ID, connect, inspectFile, makePrivate, type SqliteFile } from './connection.ts'
import { fts5 } from './text-index.ts'

/** The schema that this build reads and writes; a file with a later one is refused. */
export const NEWEST_SCHEMA = SQLITE_MIGRATIONS.length

/** Writes that wait while one is committed share the next commit, up to this many. */
const MAX_GROUP = 128
/** Statements kept prepared; the code has about a hundred, and some vary by the length of a list. */
const MAX_PREPARED = 500
/** Whoever else has the file locked, a backup or a curious hand, is waited for so long. */
const LOCK_WAIT_MS = 5_000
const LOCK_RETRY_MS = 10

/**
 * Opens the file, creating or migrating it as needed.
 *
 * One connection writes and one reads, both in this thread. Writes run one after the other; those that
 * queue up behind a commit share the next one, so that durability costs one sync per group.
 *
 * @throws EngramError when the file is foreign, damaged or newer; see `inspectFile`.
 */
export async function openSqlite(
  file: SqliteFile,
  migrations: readonly Migration[] = SQLITE_MIGRATIONS,
  lockWaitMs = LOCK_WAIT_MS,
): Promise<Database> {
  inspectFile(file, migrations.length)
  makePrivate(file.path)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file.path + suffix)) makePrivate(file.path + suffix)
  }
  const writer = connect(file, { readonly: false })
  let reader: Handle
  try {
    migrate(writer, migrations)
    // From here on it is waited for a lock in `groupCommitter`, where reads go on meanwhile.
    writer.pragma('busy_timeout = 0')
    reader = connect(file, { readonly: true })
  } catch (error) {
    writer.close()
    throw storageError(error)
  }
  const reads = snapshots(reader)
  const writes = groupCommit(writer, lockWaitMs)
  return {
    text: fts5,
    read: reads.read,
    write: writes.write,
    close: async () => {
      await Promise.all([reads.close(), writes.close()])
      reader.close()
      try {
        writer.pragma(`busy_timeout = ${lockWaitMs}`)
        writer.pragma('wal_checkpoint(truncate)')
      } finally {
        writer.close() // on a full disk the log stays, and is read again next time
      }
    },
  }
}

/** A connection over an open handle; statements are prepared once. */
function connection(handle: Handle): Connection {
  const prepared = new Map<string, Statement>()
  const prepare = ({ texts }: Sql): Statement => {
    const text = texts.join('?')
    let statement = prepared.get(text)
    if (!statement) {
      statement = handle.prepare(text)
      if (prepared.size >= MAX_PREPARED) prepared.delete(prepared.keys().next().value!)
      prepared.set(text, statement)
    }
    return statement
  }
  return {
    all: async <Row>(query: Sql<Row>) => prepare(query).all(query.values) as Row[],
    run: async (query) => prepare(query).run(query.values).changes,
  }
}

/** Calls on one handle that only reads: one after the other, each over one state of the database. */
export function snapshots(handle: Handle): Pick<Database, 'read' | 'close'> {
  const db = connection(handle)
  const begin = handle.prepare('begin')
  const commit = handle.prepare('commit')
  let last: Promise<unknown> = Promise.resolve()
  let closed = false
  return {
    read(work) {
      if (closed) return Promise.reject(isClosed())
      const result = last.then(async () => {
        try {
          begin.run()
          try {
            return await work(db)
          } finally {
            commit.run()
          }
        } catch (error) {
          throw storageError(error)
        }
      })
      last = result.catch(() => {}) // the caller has the error; the next call goes on
      return result
    },
    async close() {
      closed = true
      await last
    },
  }
}

function migrate(handle: Handle, migrations: readonly Migration[]): void {
  const done = handle.pragma('user_version', { simple: true }) as number
  for (const [index, migration] of migrations.entries()) {
    if (index < done) continue
    // The mark moves in the same transaction as the schema: a crash leaves the one before or the one after.
    handle.exec('begin immediate')
    try {
      handle.exec(migration.sql)
      handle.pragma(`application_id = ${APPLICATION_ID}`)
      handle.pragma(`user_version = ${index + 1}`)
      handle.exec('commit')
    } catch (error) {
      if (handle.inTransaction) handle.exec('rollback')
      throw error
    }
  }
}

type Waiting = Readonly<{
  work: (db: Connection) => Promise<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}>

function groupCommit(handle: Handle, lockWaitMs: number): Pick<Database, 'write' | 'close'> {
  const commit = groupCommitter(handle, lockWaitMs)
  const queue: Waiting[] = []
  let draining: Promise<void> | null = null
  let closed = false

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      await commit(queue.splice(0, MAX_GROUP))
      // Lets requests that arrived meanwhile into the queue, so that they share the next commit.
      await new Promise((resolve) => setImmediate(resolve))
    }
    draining = null
  }

  return {
    write: <T>(work: (db: Connection) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (closed) {
          reject(isClosed())
          return
        }
        queue.push({ work, resolve: resolve as (value: unknown) => void, reject })
        draining ??= drain()
      }),
    async close() {
      closed = true
      await draining
    },
  }
}

/**
 * Runs writes in one transaction and settles each with its own outcome; never throws.
 *
 * A write that throws before it changed anything leaves nothing to take back. When one throws halfway, the
 * transaction is taken back as a whole and the others run again: savepoints, which could take back one write
 * alone, would cost every write more than its commit does.
 */
function groupCommitter(
  handle: Handle,
  lockWaitMs: number,
): (group: readonly Waiting[]) => Promise<void> {
  const db = connection(handle)
  const begin = handle.prepare('begin immediate')
  const commit = handle.prepare('commit')
  const changes = handle.prepare('select total_changes()').pluck()

  async function beginUnlocked(): Promise<void> {
    const late = performance.now() + lockWaitMs
    for (;;) {
      try {
        begin.run()
        return
      } catch (error) {
        if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() > late) {
          throw error
        }
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS))
    }
  }

  return async function commitGroup(group) {
    const settled: (() => void)[] = []
    let running: Waiting | null = null
    try {
      await beginUnlocked()
    } catch (error) {
      // Nothing ran: what is the matter is the matter for all of them.
      for (const waiting of group) waiting.reject(storageError(error))
      return
    }
    try {
      for (const waiting of group) {
        running = waiting
        const before = changes.get()
        try {
          const value = await waiting.work(db)
          settled.push(() => waiting.resolve(value))
        } catch (error) {
          // A full disk may have ended the transaction.
          if (!handle.inTransaction || changes.get() !== before) throw error
          settled.push(() => waiting.reject(storageError(error)))
        }
      }
      running = null
      commit.run()
    } catch (error) {
      if (handle.inTransaction) handle.exec('rollback')
      const failed = running ?? (group.length === 1 ? group[0]! : null)
      failed?.reject(storageError(error))
      const others = group.filter((waiting) => waiting !== failed)
      if (failed && others.length > 0) await commitGroup(others)
      // What made the commit fail is the outcome of one of them.
      else for (const other of others) await commitGroup([other])
      return
    }
    for (const settle of settled) settle()
  }
}

function isClosed(): EngramError {
  return new EngramError('unavailable', 'storage is closed')
}
