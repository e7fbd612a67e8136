import { EngramError } from '../memory/errors.ts'
import { newId } from '../memory/ids.ts'
import type { Candidate, Memory, Scope, Status } from '../memory/memory.ts'
import { openConflict, settleConflicts } from './conflicts.ts'
import { type Connection, type Database, nextRev, one, run } from './database.ts'
import { finish } from './jobs.ts'
import {
  type Change,
  completed,
  findMemory,
  findSame,
  insertMemory,
  replaceMemory,
  type StoredMemory,
} from './memory-rows.ts'
import { ensureNamespace } from './namespaces.ts'
import { sql } from './sql.ts'
import { placeOf } from './turn-rows.ts'

/** What becomes of a candidate. */
export type Verdict =
  | Readonly<{ kind: 'add'; status: Extract<Status, 'approved' | 'pending'>; reason: string }>
  | Readonly<{ kind: 'discard'; of: string; reason: string }>
  | Readonly<{ kind: 'update'; supersedes: readonly string[]; reason: string }>
  | Readonly<{ kind: 'conflict'; with: string; reason: string }>

export type Learning = Readonly<{
  jobId: string
  fence: number
  scope: Scope
  conversationId: string | null
  /** Every turn that was read, also those that gave nothing. */
  turnIds: readonly string[]
  /** rules, or the model's name. */
  extractor: string
  receiptId: string | null
  verdicts: readonly Readonly<{ candidate: Candidate; verdict: Verdict; saidAt: number }>[]
}>

export type Learned = Readonly<{
  added: readonly string[]
  superseded: readonly string[]
  confirmed: readonly string[]
  conflicts: readonly string[]
}>

/**
 * Stores what was learned from some turns and closes their job, in one transaction: an extraction that runs
 * twice has its effect once.
 *
 * @returns null when the job's claim was lost; nothing is stored then.
 */
export function applyLearning(
  database: Database,
  learning: Learning,
  now: () => number,
): Promise<Learned | null> {
  return database
    .write(async (db) => {
      const at = now()
      const namespaceId = await ensureNamespace(db, learning.scope, at)
      const change: Change = {
        actor: 'extraction',
        cause: {
          job_id: learning.jobId,
          receipt_id: learning.receiptId,
          extractor: learning.extractor,
        },
        operationId: newId('operation'),
        at,
      }
      const learned = { added: [], superseded: [], confirmed: [], conflicts: [] } as {
        [Kind in keyof Learned]: string[]
      }
      const addedBy = new Map<string, number>()
      for (const entry of learning.verdicts) {
        const before = learned.added.length
        const changeOf = { ...change, cause: { ...change.cause, reason: entry.verdict.reason } }
        await applyVerdict(database, db, namespaceId, learning, entry, changeOf, learned)
        const { turnId } = entry.candidate
        addedBy.set(turnId, (addedBy.get(turnId) ?? 0) + learned.added.length - before)
      }
      for (const turnId of learning.turnIds) {
        // Readers decide by the count.
        const rev = await nextRev(db)
        await run(
          db,
          sql`
            update turns set memory_count = ${addedBy.get(turnId) ?? 0}, rev = ${rev}
            where id = ${turnId} and namespace_id = ${namespaceId}
          `,
        )
      }
      const result = { ...learned, extractor: learning.extractor }
      if (!(await finish(db, learning.jobId, learning.fence, result, at))) throw new LostClaim()
      return learned
    })
    .catch((error) => {
      if (error instanceof LostClaim) return null
      throw error
    })
}

/** Makes the transaction undo itself; never leaves this file. */
class LostClaim extends Error {}

async function applyVerdict(
  database: Database,
  db: Connection,
  namespaceId: number,
  learning: Learning,
  { candidate, verdict, saidAt }: Learning['verdicts'][number],
  change: Change,
  learned: { [Kind in keyof Learned]: string[] },
): Promise<void> {
  const findKnown = async (id: string) => {
    const known = await findMemory(db, learning.scope.userId, id)
    return known?.namespaceId === namespaceId ? known : null
  }
  if (verdict.kind === 'discard') {
    const known = await findKnown(verdict.of)
    if (known) await confirm(database, db, known, candidate, change, learned)
    return
  }
  const status =
    verdict.kind === 'conflict' ? 'pending' : verdict.kind === 'add' ? verdict.status : 'approved'
  const repeated = await findSame(db, namespaceId, candidate.content, change.at)
  // What this is to replace is no reason to leave it out.
  const replaced = verdict.kind === 'update' ? verdict.supersedes : []
  const same = repeated && !replaced.includes(repeated.id) ? repeated : null
  const memory = same
    ? await confirm(database, db, same, candidate, change, learned, status)
    : await insertCandidate(database, db, namespaceId, learning, candidate, status, change)
  if (!same) learned.added.push(memory.id)
  if (verdict.kind === 'update') {
    const ended = candidate.validFrom ?? saidAt
    for (const id of verdict.supersedes) {
      const old = await findKnown(id)
      if (!old || old.status === 'superseded' || old.id === memory.id) continue
      const closed: Partial<Memory> = {
        status: 'superseded',
        validTo: ended,
        supersededBy: memory.id,
      }
      const superseded = await replaceMemory(database, db, old, closed, 'superseded', change)
      await settleConflicts(db, superseded, change)
      learned.superseded.push(id)
    }
  }
  if (verdict.kind === 'conflict' && !same) {
    const known = await findKnown(verdict.with)
    if (!known) throw new EngramError('conflict', `${verdict.with} is gone since it was compared`)
    await openConflict(db, known, memory, verdict.reason, change.at)
    learned.conflicts.push(memory.id)
  }
}

async function insertCandidate(
  database: Database,
  db: Connection,
  namespaceId: number,
  { scope, conversationId, verdicts }: Learning,
  candidate: Candidate,
  status: Status,
  change: Change,
): Promise<StoredMemory> {
  const place =
    (await placeOf(db, candidate.turnId)) + verdicts.findIndex((v) => v.candidate === candidate)
  const turn = await one<{ speaker: string | null }>(
    db,
    sql`select speaker from turns where id = ${candidate.turnId}`,
  )
  const memory = completed(
    scope.userId,
    scope.namespace,
    {
      content: candidate.content,
      category: candidate.category,
      status,
      confidence: candidate.confidence,
      source: 'extraction',
      origin: candidate.origin,
      validFrom: candidate.validFrom,
      expiresAt: candidate.expiresAt,
      evidence: {
        // The conversation may have been deleted while extraction ran.
        conversationId: turn ? conversationId : null,
        turnId: candidate.turnId,
        quote: candidate.quote,
      },
      metadata: candidate.slot ? { slot: candidate.slot } : {},
    },
    change.at,
  )
  const standing = { speaker: turn?.speaker ?? null, place }
  return insertMemory(database, db, namespaceId, memory, standing, change)
}

/**
 * Said again: the memory is surer than before. One that waits for review is approved by it, when the
 * statement would be approved if it were new and comes from the user: the user's own words are a review.
 */
async function confirm(
  database: Database,
  db: Connection,
  known: StoredMemory,
  candidate: Candidate,
  change: Change,
  learned: { [Kind in keyof Learned]: string[] },
  status: Status | null = null,
): Promise<StoredMemory> {
  const approves =
    known.status === 'pending' && status === 'approved' && candidate.origin === 'user'
  const confirmed = await replaceMemory(
    database,
    db,
    known,
    {
      lastConfirmedAt: change.at,
      confidence: Math.max(known.confidence, candidate.confidence),
      ...(approves ? { status: 'approved' } : {}),
    },
    approves ? 'approved' : 'confirmed',
    change,
  )
  if (approves) await settleConflicts(db, confirmed, change)
  learned.confirmed.push(known.id)
  return confirmed
}
