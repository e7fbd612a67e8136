import { Database } from 'bun:sqlite'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Rows that must not be there, whenever the process died: what belongs together is in one transaction. */
const TORN: readonly (readonly [what: string, query: string])[] = [
  ['rows that refer to nothing', 'select * from pragma_foreign_key_check'],
  [
    'memories without their text entry',
    `select id from memories where seq not in (select id from memory_terms_docsize)`,
  ],
  [
    'text entries without their memory',
    `select id from memory_terms_docsize where id not in (select seq from memories)`,
  ],
  [
    'turns without their text entry',
    `select id from turns where seq not in (select id from turn_terms_docsize)`,
  ],
  [
    'text entries without their turn',
    `select id from turn_terms_docsize where id not in (select seq from turns)`,
  ],
  [
    'memories without an event',
    `select id from memories m where not exists (select 1 from events e where e.memory_id = m.id)`,
  ],
  [
    'memories without vector or embedding job',
    `select id from memories m
     where not exists (select 1 from vectors v where v.kind = 'memory' and v.target = m.seq)
       and not exists (select 1 from jobs j where j.dedup_key = 'embed:memory:' || m.seq)`,
  ],
  [
    'turns without vector or embedding job',
    `select id from turns t
     where not exists (select 1 from vectors v where v.kind = 'turn' and v.target = t.seq)
       and not exists (select 1 from jobs j where j.dedup_key = 'embed:turn:' || t.seq)`,
  ],
  [
    'turns that nobody will read',
    `select t.id from turns t
     where t.memory_count is null and not exists (
       select 1 from jobs j, json_each(j.payload, '$.turn_ids') named
       where j.kind = 'extract' and j.state in ('queued', 'running') and named.value = t.id
     )`,
  ],
  [
    'memories that say the same',
    'select content from memories group by content_key having count(*) > 1',
  ],
  [
    'turns of a user that are there twice',
    `select content from turns where role = 'user' group by content having count(*) > 1`,
  ],
  ['jobs that were given up', `select id from jobs where state = 'dead'`],
]

/**
 * Examines a database as it was left, on a copy: what recovers it must be the product alone.
 *
 * @returns what is wrong, one line each; nothing when there is no database yet
 */
export function inspectDatabase(path: string): string[] {
  if (!existsSync(path)) return []
  const folder = mkdtempSync(join(tmpdir(), 'engram-inspect-'))
  try {
    const copy = join(folder, 'engram.db')
    for (const suffix of ['', '-wal']) {
      if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix)
    }
    const database = new Database(copy)
    try {
      return inspect(database)
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function inspect(database: Database): string[] {
  const verdicts = database.query('pragma integrity_check').values().flat()
  const problems = verdicts
    .filter((verdict) => verdict !== 'ok')
    .map((verdict) => `integrity: ${verdict}`)
  const { user_version: version } = database.query('pragma user_version').get() as {
    user_version: number
  }
  const { tables } = database.query('select count(*) as tables from sqlite_schema').get() as {
    tables: number
  }
  // The schema before the first migration, or the one after it: a mark without tables is torn, too.
  if (version === 0)
    return tables === 0 ? problems : [...problems, `${tables} tables without a version`]
  for (const table of ['memory_terms', 'turn_terms']) {
    database.run(`insert into ${table} (${table}) values ('integrity-check')`)
  }
  for (const [what, query] of TORN) {
    const rows = database.query(query).values()
    if (rows.length > 0) problems.push(`${rows.length} ${what}: ${JSON.stringify(rows[0])}`)
  }
  return problems
}
