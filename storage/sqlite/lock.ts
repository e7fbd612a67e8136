import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite, { type Database as Handle } from 'better-sqlite3'
import { EngramError, messageOf } from '../../memory/errors.ts'
import { makePrivate } from './connection.ts'

/**
 * One process per data folder. The lock is an open exclusive transaction on a file of its own: the system
 * drops it at the instant the process dies, whatever kills it, and no stale file can be mistaken for it.
 */
export type FolderLock = Readonly<{ release: () => void }>

// Held for the life of the process: a handle that is garbage collected would give the lock up.
const heldForLife = new Set<Handle>()

/**
 * @throws EngramError `conflict` naming the holder's process id when another process has the folder,
 *   `unavailable` when the lock's file cannot be used.
 */
export function lockFolder(folder: string, addonPath: string): FolderLock {
  const holderPath = join(folder, 'engram.pid')
  const handle = takeLock(folder, addonPath)
  heldForLife.add(handle)
  writeFileSync(holderPath, `${process.pid}\n`, { mode: 0o600 })
  return {
    release() {
      if (!heldForLife.delete(handle)) return
      rmSync(holderPath, { force: true })
      handle.exec('rollback')
      handle.close()
    },
  }
}

function takeLock(folder: string, addonPath: string): Handle {
  const path = join(folder, 'engram.lock')
  let handle: Handle | null = null
  try {
    makePrivate(path)
    handle = new BetterSqlite(path, { nativeBinding: addonPath, timeout: 0 })
    handle.pragma('journal_mode = memory')
    handle.exec('begin exclusive')
    return handle
  } catch (error) {
    handle?.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') {
      const holder = readHolder(join(folder, 'engram.pid'))
      throw new EngramError('conflict', `another Engram (process ${holder}) uses ${folder}`, {
        fix: 'engram stop, or choose another folder with ENGRAM_HOME',
      })
    }
    throw new EngramError('unavailable', `${folder} cannot be locked: ${messageOf(error)}`, {
      cause: error,
      fix: `check that the folder is yours; ${path} holds nothing and may be removed`,
    })
  }
}

function readHolder(path: string): string {
  try {
    return /^\d+\n$/.exec(readFileSync(path, 'utf8'))?.[0].trim() ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
