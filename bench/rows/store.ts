import { cpSync } from 'node:fs'
import { type Install, openInstall, type Served, until } from '../../daemon/fixtures/executable.ts'
import type { Corpus } from '../corpus.ts'
import type { Bench } from './row.ts'

/** A home with what the template holds. */
export async function openCopy(
  { executable, template }: Bench,
  env: Readonly<Record<string, string>> = {},
): Promise<Install> {
  const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error', ...env })
  cpSync(template, install.home, { recursive: true })
  return install
}

/** Imports statements `from` up to `to`. */
export async function importStatements(
  served: Served,
  corpus: Corpus,
  from: number,
  to: number,
  namespace = 'default',
): Promise<void> {
  for (let at = from; at < to; at += 20_000) {
    const lines: string[] = []
    for (let n = at; n < Math.min(at + 20_000, to); n++) {
      lines.push(JSON.stringify({ content: corpus.statement(n), category: 'general', namespace }))
    }
    const answer = await served.importLines(lines.join('\n'))
    const report = (await answer.json()) as { imported: number }
    if (report.imported !== lines.length) throw new Error(`imported ${JSON.stringify(report)}`)
  }
}

export type Status = Readonly<{
  rss_bytes: number
  event_loop_lag_ms: { p50: number; p99: number; max: number; samples: number }
  jobs: Record<string, { queued: number; running: number }>
  embedding: { model: string; status: string; embedded: number; total: number }
}>

export async function statusOf(served: Served): Promise<Status> {
  return (await (await served.ask('GET', '/status')).json()) as Status
}

export type EmbeddingStatus = Readonly<{
  state: 'ready' | 'building' | 'failed'
  problem: string | null
  model: string
  embedded: number
  total: number
  next: Readonly<{ state: string; phase: string | null; filled: number; total: number }> | null
}>

export async function embeddingsOf(served: Served): Promise<EmbeddingStatus> {
  return (await (await served.ask('GET', '/embeddings')).json()) as EmbeddingStatus
}

/** Begins to change to another embedding model. */
export async function useModel(served: Served, model: string): Promise<void> {
  const answer = await served.ask('POST', '/embeddings/use', { model })
  if (!answer.ok) throw new Error(`POST /embeddings/use: ${answer.status} ${await answer.text()}`)
}

/**
 * Waits until the embedder is ready, every text has its vector, no other model is to take over and no job
 * waits.
 */
export async function settled(served: Served, patienceMs = 900_000): Promise<Status> {
  return until(
    'everything is embedded and learned',
    async () => {
      const status = await statusOf(served)
      const waiting = Object.values(status.jobs).some(({ queued, running }) => queued + running > 0)
      const { embedding } = status
      const isDone = embedding.status === 'ready' && embedding.embedded === embedding.total
      if (isDone && !waiting && (await embeddingsOf(served)).state === 'ready') return status
      // Asking costs the daemon something as well.
      await Bun.sleep(100)
      return null
    },
    patienceMs,
  )
}

/** What a receipt says of a search. */
export type SearchTimes = Readonly<{
  embedMs: number
  searchMs: number
  /** Why words alone answered; null when vectors did, too. */
  degraded: string | null
}>

/** Searches, and returns the ids of the receipts, which say what each part took. */
export async function search(
  served: Served,
  query: string,
  namespace = 'default',
): Promise<string> {
  const answer = await served.ask('POST', '/memories/search', { query, namespace, limit: 10 })
  const { receipt_id: id } = (await answer.json()) as { receipt_id: string }
  return id
}

export async function timesOf(
  served: Served,
  receiptIds: readonly string[],
): Promise<SearchTimes[]> {
  const times: SearchTimes[] = []
  for (const id of receiptIds) {
    // The receipt follows its answer.
    const { detail } = await until('the receipt is there', async () => {
      const answer = await served.ask('GET', `/logs/${id}`)
      return answer.ok && ((await answer.json()) as { detail: SearchDetail })
    })
    const { embed_ms: embedMs, search_ms: searchMs, degraded } = detail
    times.push({ embedMs, searchMs, degraded })
  }
  return times
}

type SearchDetail = { embed_ms: number; search_ms: number; degraded: string | null }

/** Asks until vectors answer, too: after a start the index of a large namespace has to be loaded. */
export async function whenLoaded(served: Served, namespace = 'default'): Promise<void> {
  await until(
    `the index of ${namespace} is loaded`,
    async () => {
      const [times] = await timesOf(served, [await search(served, 'Is it loaded?', namespace)])
      return times!.degraded === null
    },
    120_000,
  )
}
