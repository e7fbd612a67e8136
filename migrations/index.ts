import sqlite0001 from './sqlite/0001_memories.sql' with { type: 'text' }
import sqlite0002 from './sqlite/0002_apps.sql' with { type: 'text' }
import sqlite0003 from './sqlite/0003_proxy.sql' with { type: 'text' }
import sqlite0004 from './sqlite/0004_embedding_index.sql' with { type: 'text' }

export type Migration = Readonly<{ name: string; sql: string }>

/** In order of application. A released migration is never edited; a change is a new one. */
export const SQLITE_MIGRATIONS: readonly Migration[] = [
  { name: '0001_memories', sql: sqlite0001 },
  { name: '0002_apps', sql: sqlite0002 },
  { name: '0003_proxy', sql: sqlite0003 },
  { name: '0004_embedding_index', sql: sqlite0004 },
]
