import { testAnchors } from './contract/anchors.contract.ts'
import { testApps } from './contract/apps.contract.ts'
import { testConflicts } from './contract/conflicts.contract.ts'
import { testConversations } from './contract/conversations.contract.ts'
import { testEmbeddingIndex } from './contract/embedding-index.contract.ts'
import type { Open } from './contract/fixture.ts'
import { testIsolation } from './contract/isolation.contract.ts'
import { testJobs } from './contract/jobs.contract.ts'
import { testJournal } from './contract/journal.contract.ts'
import { testLearning } from './contract/learning.contract.ts'
import { testMemories } from './contract/memories.contract.ts'
import { testRecallReader } from './contract/recall.contract.ts'
import { testUsers } from './contract/users.contract.ts'
import { testVectors } from './contract/vectors.contract.ts'

/** What every store must do, whatever database it is on. */
export function testStore(dialect: string, open: Open) {
  testMemories(dialect, open)
  testJournal(dialect, open)
  testConflicts(dialect, open)
  testConversations(dialect, open)
  testAnchors(dialect, open)
  testJobs(dialect, open)
  testLearning(dialect, open)
  testVectors(dialect, open)
  testEmbeddingIndex(dialect, open)
  testUsers(dialect, open)
  testApps(dialect, open)
  testIsolation(dialect, open)
  testRecallReader(dialect, open)
}
