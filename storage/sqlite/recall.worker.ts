/** The thread that searches: a connection that only reads, and the indexes in RAM. */
import { readFileSync } from 'node:fs'
import { readRelatedTerms } from '../../memory/related-terms.ts'
import { createLookups } from '../conversations.ts'
import { createRecallReader, type RecallReader } from '../recall-reader.ts'
import { serve } from '../rpc.ts'
import { connect, type SqliteFile } from './connection.ts'
import { snapshots } from './database.ts'
import { fts5 } from './text-index.ts'

declare const self: Worker

export type RecallOptions = SqliteFile &
  Readonly<{
    /** The table of `memory/related-terms.ts`; without it only the question's own words are sought. */
    relatedWordsPath?: string
  }>

serve(self, async ({ relatedWordsPath, ...file }: RecallOptions) => {
  const related = relatedWordsPath
    ? readRelatedTerms(readFileSync(relatedWordsPath, 'utf8'))
    : undefined
  const handle = connect(file, { readonly: true })
  const { read, close } = snapshots(handle)
  const reader = createRecallReader({ read, text: fts5 }, related)
  return {
    recall: {
      ...reader,
      async warm(scope, model) {
        await reader.warm(scope, model)
        // Loading leaves as much behind as it builds, and an idle process would keep it.
        Bun.gc(true)
      },
    } satisfies RecallReader,
    lookups: createLookups({ read }, Date.now),
    connection: {
      close: async () => {
        await close()
        handle.close()
      },
    },
  }
})
