import { EngramError } from '../memory/errors.ts'
import { inspectFile } from '../storage/sqlite/connection.ts'
import { NEWEST_SCHEMA } from '../storage/sqlite/database.ts'

/**
 * Why the daemon would refuse this file, found by the very look that it takes at its start; null when it
 * would open it. For `engram doctor`, which must never call well what cannot be started. Changes nothing.
 */
export function refusalOf(path: string, addonPath: string): EngramError | null {
  try {
    inspectFile({ path, addonPath }, NEWEST_SCHEMA)
    return null
  } catch (error) {
    if (error instanceof EngramError) return error
    throw error
  }
}
