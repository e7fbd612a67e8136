/** Stores in folders of their own, for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Opened } from '../contract/fixture.ts'
import { createRecallReader } from '../recall-reader.ts'
import { createStore } from '../store.ts'
import { openSqlite } from './database.ts'

/** The addon of this machine, as it lies in the source tree. */
export const ADDON_PATH = join(
  import.meta.dir,
  '../../node_modules/better-sqlite3/prebuilds',
  `${process.platform}${isMusl() ? 'musl' : ''}-${process.arch}.node`,
)

export const WORKERS = {
  store: new URL('./store.worker.ts', import.meta.url).href,
  recall: new URL('./recall.worker.ts', import.meta.url).href,
}

export type TempFolder = Readonly<{ folder: string; path: string; remove(): void }>

export function makeTempFolder(): TempFolder {
  const folder = mkdtempSync(join(tmpdir(), 'engram-test-'))
  return {
    folder,
    path: join(folder, 'engram.db'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export async function openTempStore(now?: () => number): Promise<Opened> {
  const { path, remove } = makeTempFolder()
  const database = await openSqlite({ path, addonPath: ADDON_PATH })
  return {
    database,
    store: createStore(database, now),
    recall: createRecallReader(database),
    async close() {
      await database.close()
      remove()
    },
  }
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return !header.glibcVersionRuntime
}
