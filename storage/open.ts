import { EngramError } from '../memory/errors.ts'
import type { Lookups } from './conversations.ts'
import type { RecallReader } from './recall-reader.ts'
import { startWorker } from './rpc.ts'
import type { SqliteFile } from './sqlite/connection.ts'
import type { RecallOptions } from './sqlite/recall.worker.ts'
import type { Store } from './store.ts'

export type OpenStore = Readonly<{
  store: Store
  recall: RecallReader
  /** Lets go of the database and of its folder. Calls that come later are refused. */
  close(): Promise<void>
}>

export type SqliteOptions = RecallOptions &
  Readonly<{
    /** Where the two worker modules are; they are files of their own in the executable. */
    workers: Readonly<{ store: string; recall: string }>
    /** A worker that ended by itself: storage is gone until the process starts again. */
    onCrash: (error: EngramError) => void
  }>

/**
 * Opens the SQLite file in two threads, one that writes and one that searches.
 *
 * @throws EngramError as `openSqlite` and `lockFolder` do; nothing stays open then.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<OpenStore> {
  const { path, addonPath, relatedWordsPath } = options
  const file: SqliteFile = { path, addonPath }
  const opening = startWorker<Store>(options.workers.store, file, options.onCrash)
  // Its thread starts at the same time; its connection wants the file that the other one makes.
  const searching = startWorker<Searcher>(
    options.workers.recall,
    opening.then(() => ({ ...file, ...(relatedWordsPath && { relatedWordsPath }) })),
    options.onCrash,
  )
  searching.catch(() => {}) // when the other one fails first, that is what is told
  const writer = await opening
  const searcher = await searching.catch(async (error) => {
    await writer.api.maintenance.close().catch(() => {})
    writer.end(isClosed())
    throw error
  })
  let closing: Promise<void> | null = null
  return {
    store: withLookups(writer.api, searcher.api.lookups),
    recall: searcher.api.recall,
    close() {
      closing ??= (async () => {
        // A thread that has crashed has let go already.
        await searcher.api.connection.close().catch(() => {})
        searcher.end(isClosed())
        await writer.api.maintenance.close().catch(() => {})
        writer.end(isClosed())
      })()
      return closing
    },
  }
}

type Searcher = Readonly<{
  recall: RecallReader
  lookups: Lookups
  connection: { close(): Promise<void> }
}>

/** Conversations are looked up in the thread that only reads: there nothing waits for a disk. */
function withLookups(store: Store, { locate, resume }: Lookups): Store {
  const conversations: Store['conversations'] = new Proxy(store.conversations, {
    get: (target, name) =>
      name === 'locate'
        ? locate
        : name === 'resume'
          ? resume
          : target[name as keyof Store['conversations']],
  })
  return new Proxy(store, {
    get: (target, name) => (name === 'conversations' ? conversations : target[name as keyof Store]),
  })
}

function isClosed(): EngramError {
  return new EngramError('unavailable', 'storage is closed')
}
