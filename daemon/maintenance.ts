import { messageOf } from '../memory/errors.ts'
import type { Services } from './services.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const KEY_USE_MS = 60_000
/** Finished jobs answer `GET /jobs/{id}` for so long. */
const KEEP_JOBS_MS = 7 * DAY_MS
/** An app that nobody let in is forgotten after a day, one that nobody uses any more after so long. */
const KEEP_APPS_MS = 90 * DAY_MS
/** A conversation that nobody continued for so long is in no provider's cache. */
const KEEP_ANCHORS_MS = 30 * DAY_MS

/** Forgets what its time is up for, and notes when keys and apps were used. Returns what ends it. */
export function startMaintenance(services: Services): () => Promise<void> {
  const { config, store, log, now, identity } = services

  async function purge(): Promise<void> {
    const before = (days: number) => now() - days * DAY_MS
    const conversations = config['memory.keep_conversations_days']
    const receipts = config['memory.keep_receipts_days']
    await store.jobs.purge(now() - KEEP_JOBS_MS)
    await store.apps.sweep(now() - KEEP_APPS_MS, now() - DAY_MS)
    await store.anchors.purge(now() - KEEP_ANCHORS_MS)
    await store.journal.purgeDeleted(before(config['memory.keep_deleted_days']))
    if (receipts > 0) await store.receipts.purge(before(receipts))
    if (conversations > 0) {
      while ((await store.conversations.purge(before(conversations))) > 0);
    }
  }

  async function noteKeyUse(): Promise<void> {
    const used = identity.takeLastUsed()
    if (Object.keys(used).length === 0) return
    await store.users.touchKeys(used)
    await store.apps.touchGrants(used)
  }

  const run = (work: () => Promise<void>) => () =>
    void work().catch((error) => log.warn({ error: messageOf(error) }, 'maintenance failed'))
  const timers = [setInterval(run(purge), DAY_MS / 4), setInterval(run(noteKeyUse), KEY_USE_MS)]
  // Not at once: a start should not wait for it.
  const first = setTimeout(run(purge), 30_000)
  return async () => {
    clearTimeout(first)
    for (const timer of timers) clearInterval(timer)
    await noteKeyUse()
  }
}
