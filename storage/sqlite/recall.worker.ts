/** The thread that searches: a connection that only reads, and the indexes in RAM. */
import { createRecallReader } from '../recall-reader.ts'
import { serve } from '../rpc.ts'
import { connect, type SqliteFile } from './connection.ts'
import { snapshots } from './database.ts'

declare const self: Worker

serve(self, async (file: SqliteFile) => {
  const handle = connect(file, { readonly: true })
  const { read, close } = snapshots(handle)
  return {
    recall: createRecallReader(read),
    connection: {
      close: async () => {
        await close()
        handle.close()
      },
    },
  }
})
