import { EngramError, messageOf } from '../memory/errors.ts'
import { type Sql, sql } from './sql.ts'

/** One connection, or the transaction that is open on it. */
export interface Connection {
  all<Row>(query: Sql<Row>): Promise<Row[]>
  /** @returns how many rows it changed */
  run(query: Sql): Promise<number>
}

/**
 * A database as the tables' functions see it. `read` runs its function over one state of what is committed;
 * `write` runs it in a transaction that is on disk when the promise settles, and undoes everything when the
 * function throws. A `write` may run its function more than once, and keeps what the last run did.
 */
export interface Database {
  read<T>(work: (db: Connection) => Promise<T>): Promise<T>
  write<T>(work: (db: Connection) => Promise<T>): Promise<T>
  readonly text: TextIndex
  /** Waits for what was asked before; what is asked later is refused. */
  close(): Promise<void>
}

/** Text search, the part of SQL that is not portable. Terms come from `memory/words.ts`. */
export interface TextIndex {
  put(
    db: Connection,
    entry: Readonly<{ kind: 'memory' | 'turn'; seq: number; namespaceId: number; text: string }>,
  ): Promise<void>
  remove(db: Connection, kind: 'memory' | 'turn', seq: number): Promise<void>
  /** A condition on the column `column` (a row number): the row, of one of these namespaces, holds every term of `text`. */
  matches(
    kind: 'memory' | 'turn',
    namespaceIds: readonly number[],
    text: string,
    column: string,
  ): Sql
  /** Row numbers that hold any term, best first by the index's own BM25. */
  best(
    db: Connection,
    query: Readonly<{ kind: 'memory' | 'turn'; namespaceId: number; text: string; limit: number }>,
  ): Promise<{ seq: number; score: number }[]>
  /** How many rows hold each of these terms; what is removed may still count for a while. */
  frequencies(
    db: Connection,
    of: Readonly<{ kind: 'memory' | 'turn'; namespaceId: number; terms: readonly string[] }>,
  ): Promise<Map<string, number>>
  /** Leaves no trace of removed texts in the index's files. */
  compact(db: Connection): Promise<void>
}

export function all<Row>(db: Connection, query: Sql<Row>): Promise<Row[]> {
  return db.all(query)
}

export async function one<Row>(db: Connection, query: Sql<Row>): Promise<Row | undefined> {
  return (await db.all(query))[0]
}

/** @returns how many rows it changed */
export function run(db: Connection, query: Sql): Promise<number> {
  return db.run(query)
}

/** The next value of the counter that orders changes. Only inside a write. */
export async function nextRev(db: Connection): Promise<number> {
  const row = await one<{ value: number }>(
    db,
    sql`update counters set value = value + 1 where name = 'rev' returning value`,
  )
  return row!.value
}

/** What the database itself complains of, in our words; anything of ours passes through. */
export function storageError(error: unknown): unknown {
  if (error instanceof EngramError) return error
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error
  if (code === 'SQLITE_FULL') {
    return new EngramError(
      'storage_full',
      'the disk that holds the memories is full; nothing was stored',
      {
        cause: error,
        fix: 'free some space, then try again',
      },
    )
  }
  if (code === 'SQLITE_BUSY') {
    return new EngramError('unavailable', 'another process has the database locked', {
      cause: error,
      fix: 'end what else has it open: a database tool, a backup',
    })
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new EngramError('unavailable', `the database file is damaged: ${messageOf(error)}`, {
      cause: error,
      fix: 'engram doctor',
    })
  }
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_IOERR')) {
    return new EngramError(
      'unavailable',
      `the database file cannot be written: ${messageOf(error)}`,
      {
        cause: error,
        fix: 'engram doctor',
      },
    )
  }
  return error
}
