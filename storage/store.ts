import { createAnchors } from './anchors.ts'
import { createApps } from './apps.ts'
import { createConflicts } from './conflicts.ts'
import { createConversations } from './conversations.ts'
import { type Database, one } from './database.ts'
import { createEmbeddingIndex } from './embedding-index.ts'
import { createJobs } from './jobs.ts'
import { createJournal } from './journal.ts'
import { applyLearning, type Learned, type Learning } from './learning.ts'
import { createMemories } from './memories.ts'
import { createReceipts } from './receipts.ts'
import { sql } from './sql.ts'
import { createUsers } from './users.ts'
import { createVectors } from './vectors.ts'

export type Totals = Readonly<{
  users: number
  memories: number
  turns: number
  conversations: number
  receipts: number
}>

/**
 * Everything Engram keeps, on any database. Each method is one transaction: it is on disk when its promise
 * settles, or nothing of it is.
 */
export function createStore(database: Database, now: () => number = Date.now) {
  return {
    users: createUsers(database, now),
    apps: createApps(database, now),
    memories: createMemories(database, now),
    conflicts: createConflicts(database, now),
    journal: createJournal(database, now),
    conversations: createConversations(database, now),
    anchors: createAnchors(database),
    receipts: createReceipts(database, now),
    jobs: createJobs(database, now),
    vectors: createVectors(database, now),
    embeddings: createEmbeddingIndex(database, now),
    learning: {
      apply: (learning: Learning): Promise<Learned | null> =>
        applyLearning(database, learning, now),
    },
    maintenance: {
      totals: (): Promise<Totals> =>
        database.read(async (db) => {
          const row = await one<Totals>(
            db,
            sql`
              select (select count(*) from users) as users,
                (select count(*) from memories) as memories,
                (select count(*) from turns) as turns,
                (
                  select count(*) from conversations c
                  where exists (select 1 from turns t where t.conversation_id = c.id)
                ) as conversations,
                (select count(*) from receipts) as receipts
            `,
          )
          return row!
        }),
      close: (): Promise<void> => database.close(),
    },
  }
}

export type Store = ReturnType<typeof createStore>
