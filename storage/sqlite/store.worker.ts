/**
 * The thread that owns the database file: every write and every ordinary read. Syncing to a slow disk, or
 * deleting a large account, holds up nothing but other storage work.
 */
import { dirname } from 'node:path'
import { run } from '../database.ts'
import { serve } from '../rpc.ts'
import { sql } from '../sql.ts'
import { createStore } from '../store.ts'
import type { SqliteFile } from './connection.ts'
import { openSqlite } from './database.ts'
import { lockFolder } from './lock.ts'

declare const self: Worker

serve(self, async (file: SqliteFile) => {
  const lock = lockFolder(dirname(file.path), file.addonPath)
  try {
    const database = await openSqlite(file)
    // Whoever searches starts with this process and has seen none of the rows that went before.
    await database.write((db) => run(db, sql`delete from removals`))
    return createStore({
      ...database,
      close: async () => {
        await database.close().finally(() => lock.release())
      },
    })
  } catch (error) {
    lock.release()
    throw error
  }
})
