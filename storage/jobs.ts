import { newId } from '../memory/ids.ts'
import type { JsonObject } from '../memory/memory.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import { namespaceOf } from './namespaces.ts'
import { type Sql, sql } from './sql.ts'

export const JOB_KINDS = ['embed', 'reembed', 'extract'] as const
export type JobKind = (typeof JOB_KINDS)[number]
export type JobState = 'queued' | 'running' | 'done' | 'dead'

export type NewJob = Readonly<{
  kind: JobKind
  userId: string
  namespaceId: number
  payload: JsonObject
  /** The same work is queued once; null for no such check. */
  dedupKey: string | null
  runAt: number
}>

export type Job = Readonly<{
  id: string
  kind: JobKind
  userId: string
  namespace: string
  payload: JsonObject
  state: JobState
  attempts: number
  /** Names this claim: a completion with an older one changes nothing. */
  fence: number
  error: string | null
  result: JsonObject | null
  createdAt: number
  finishedAt: number | null
}>

/** After this many claims a job is dead: visible, and run again only when somebody asks. */
export const MAX_ATTEMPTS = 8

/** No retry is put off for longer. */
const FARTHEST_RETRY_MS = 24 * 60 * 60 * 1000

type JobRow = {
  id: string
  kind: JobKind
  user_id: string
  namespace: string
  payload: string
  state: JobState
  attempts: number
  fence: number
  error: string | null
  result: string | null
  created_at: number
  finished_at: number | null
}

const JOB_COLUMNS = sql.raw(`
  j.id, j.kind, j.user_id, ${namespaceOf('j')}, j.payload, j.state, j.attempts, j.fence, j.error, j.result,
  j.created_at, j.finished_at`)

/**
 * Puts work in the outbox, inside the transaction of what it is about. Work under a key that waits or runs
 * already is that work; a finished or dead job of that key is queued again.
 *
 * @returns the job's id
 */
export async function enqueue(db: Connection, job: NewJob): Promise<string> {
  const queued = await one<{ id: string }>(
    db,
    sql`
      insert into jobs (id, kind, user_id, namespace_id, payload, dedup_key, state, run_at, created_at)
      values (${newId('job')}, ${job.kind}, ${job.userId}, ${job.namespaceId}, ${JSON.stringify(job.payload)},
        ${job.dedupKey}, 'queued', ${job.runAt}, ${job.runAt})
      on conflict (dedup_key) do update
      set state = 'queued', attempts = 0, payload = excluded.payload, run_at = excluded.run_at,
        error = null, result = null, finished_at = null
      where jobs.state in ('done', 'dead')
      returning id
    `,
  )
  if (queued) return queued.id
  const waiting = await one<{ id: string }>(
    db,
    sql`select id from jobs where dedup_key = ${job.dedupKey}`,
  )
  return waiting!.id
}

/** What ended its worker so often that its lease ran out again and again is not tried once more. */
export async function buryLost(db: Connection, kind: JobKind, at: number): Promise<void> {
  await run(
    db,
    sql`
      update jobs
      set state = 'dead', finished_at = ${at}, lease_until = null,
        error = coalesce(error, 'whoever worked on it never came back')
      where kind = ${kind} and state = 'running' and lease_until <= ${at}
        and attempts >= ${MAX_ATTEMPTS}
    `,
  )
}

/**
 * Marks a job done if the claim still holds.
 *
 * @returns false when another worker has claimed it since; the caller must then undo what it did.
 */
export async function finish(
  db: Connection,
  id: string,
  fence: number,
  result: JsonObject,
  at: number,
): Promise<boolean> {
  const changed = await run(
    db,
    sql`
      update jobs
      set state = 'done', result = ${JSON.stringify(result)}, error = null, finished_at = ${at},
        lease_until = null
      where id = ${id} and fence = ${fence} and state = 'running'
    `,
  )
  return changed > 0
}

/** Free jobs that are due, by when they became so. */
function oldest(kind: JobKind, at: number, limit: number): Sql<{ seq: number }> {
  return sql`
    select seq from jobs
    where kind = ${kind} and state in ('queued', 'running') and run_at <= ${at}
      and (state = 'queued' or lease_until <= ${at})
    order by run_at, seq
    limit ${limit}
  `
}

/** The same, of each namespace the first one only. Steps from namespace to namespace by the index. */
function oldestPerNamespace(kind: JobKind, at: number, limit: number): Sql<{ seq: number }> {
  return sql`
    with recursive waiting (namespace_id) as (
      select min(namespace_id) from jobs
      where kind = ${kind} and state in ('queued', 'running')
      union all
      select (
        select min(later.namespace_id) from jobs later
        where later.kind = ${kind} and later.state in ('queued', 'running')
          and later.namespace_id > waiting.namespace_id
      )
      from waiting
      where namespace_id is not null
    )
    select j.seq
    from waiting join jobs j on j.seq = (
      select min(first.seq) from jobs first
      where first.kind = ${kind} and first.namespace_id = waiting.namespace_id
        and first.state in ('queued', 'running') and first.run_at <= ${at}
    )
    where waiting.namespace_id not in (
      select namespace_id from jobs
      where kind = ${kind} and state = 'running' and lease_until > ${at}
    )
    order by j.run_at, j.seq
    limit ${limit}
  `
}

export function createJobs(database: Database, now: () => number) {
  return {
    /**
     * Claims jobs that are due, oldest first, for `leaseMs`. A job whose lease has run out is due again.
     * With `onePerNamespace`, none of a namespace where one is running, and of the others the oldest.
     */
    claim: (
      kind: JobKind,
      options: Readonly<{ limit: number; leaseMs: number; onePerNamespace?: boolean }>,
    ): Promise<Job[]> =>
      database.write(async (db) => {
        const at = now()
        await buryLost(db, kind, at)
        const due = await all(
          db,
          options.onePerNamespace
            ? oldestPerNamespace(kind, at, options.limit)
            : oldest(kind, at, options.limit),
        )
        const claimed: Job[] = []
        for (const { seq } of due) {
          await run(
            db,
            sql`
              update jobs
              set state = 'running', attempts = attempts + 1, fence = fence + 1,
                lease_until = ${at + options.leaseMs}
              where seq = ${seq}
            `,
          )
          const row = await one<JobRow>(
            db,
            sql`select ${JOB_COLUMNS} from jobs j where j.seq = ${seq}`,
          )
          claimed.push(toJob(row!))
        }
        return claimed
      }),

    /** When the next job of this kind is due; null when none waits. */
    nextDueAt: (kind: JobKind): Promise<number | null> =>
      database.read(async (db) => {
        const queued = await one<{ at: number | null }>(
          db,
          sql`
            select min(run_at) as at from jobs
            where kind = ${kind} and state in ('queued', 'running') and state = 'queued'
          `,
        )
        const running = await one<{ at: number | null }>(
          db,
          sql`select min(lease_until) as at from jobs where kind = ${kind} and state = 'running'`,
        )
        const instants = [queued!.at, running!.at].filter((at) => at !== null)
        return instants.length > 0 ? Math.min(...instants) : null
      }),

    /** Longer work keeps its claim. @returns false when the claim is lost. */
    extendLease: (id: string, fence: number, leaseMs: number): Promise<boolean> =>
      database.write(
        async (db) =>
          (await run(
            db,
            sql`
              update jobs set lease_until = ${now() + leaseMs}
              where id = ${id} and fence = ${fence} and state = 'running'
            `,
          )) > 0,
      ),

    finish: (id: string, fence: number, result: JsonObject): Promise<boolean> =>
      database.write((db) => finish(db, id, fence, result, now())),

    /**
     * Gives a job back after a failure: due again at `retryAt`, or dead when `retryAt` is null or it has
     * been tried `MAX_ATTEMPTS` times. Without effect when the claim is lost.
     */
    fail: (id: string, fence: number, error: string, retryAt: number | null): Promise<void> =>
      database.write(async (db) => {
        const dead = retryAt === null
        await run(
          db,
          sql`
            update jobs
            set state = case when ${dead ? 1 : 0} = 1 or attempts >= ${MAX_ATTEMPTS} then 'dead'
                else 'queued' end,
              finished_at = case when ${dead ? 1 : 0} = 1 or attempts >= ${MAX_ATTEMPTS} then ${now()} end,
              run_at = ${retryAt ?? 0}, lease_until = null, error = ${error.slice(0, 500)}
            where id = ${id} and fence = ${fence} and state = 'running'
          `,
        )
      }),

    /**
     * At start nobody else runs jobs: what was running when the last daemon died is due at once, or dead
     * when it has been tried often enough. So is what waits for an instant far ahead: the clock was wrong.
     *
     * @returns how many were running
     */
    releaseAll: (): Promise<number> =>
      database.write(async (db) => {
        const at = now()
        const released = await run(
          db,
          sql`
            update jobs
            set state = case when attempts >= ${MAX_ATTEMPTS} then 'dead' else 'queued' end,
              finished_at = case when attempts >= ${MAX_ATTEMPTS} then ${at} end,
              error = case when attempts >= ${MAX_ATTEMPTS}
                then coalesce(error, 'whoever worked on it never came back') else error end,
              lease_until = null
            where state = 'running'
          `,
        )
        await run(
          db,
          sql`
            update jobs set run_at = ${at}
            where state in ('queued', 'running') and run_at > ${at + FARTHEST_RETRY_MS}
          `,
        )
        return released
      }),

    find: (userId: string, id: string): Promise<Job | null> =>
      database.read(async (db) => {
        const row = await one<JobRow>(
          db,
          sql`
            select ${JOB_COLUMNS} from jobs j
            where j.id = ${id} and j.user_id = ${userId}
          `,
        )
        return row ? toJob(row) : null
      }),

    /** The user's jobs other than embedding, newest first. */
    list: (
      userId: string,
      filter: Readonly<{ state: JobState | null; limit: number; offset: number }>,
    ): Promise<Job[]> =>
      database.read(async (db) => {
        const state = filter.state ? sql`and j.state = ${filter.state}` : sql``
        const rows = await all<JobRow>(
          db,
          sql`
            select ${JOB_COLUMNS} from jobs j
            where j.user_id = ${userId} and j.kind not in ('embed', 'reembed') ${state}
            order by j.seq desc
            limit ${filter.limit} offset ${filter.offset}
          `,
        )
        return rows.map(toJob)
      }),

    /** null when there is no such job, or no longer. */
    state: (id: string): Promise<JobState | null> =>
      database.read(async (db) => {
        const row = await one<{ state: JobState }>(db, sql`select state from jobs where id = ${id}`)
        return row?.state ?? null
      }),

    /** Puts a dead job back. @returns false when it is not dead. */
    retry: (userId: string, id: string): Promise<boolean> =>
      database.write(
        async (db) =>
          (await run(
            db,
            sql`
              update jobs set state = 'queued', attempts = 0, run_at = ${now()}, finished_at = null
              where id = ${id} and user_id = ${userId} and state = 'dead'
            `,
          )) > 0,
      ),

    counts: (): Promise<Record<JobKind, Record<JobState, number>>> =>
      database.read(async (db) => {
        const rows = await all<{ kind: JobKind; state: JobState; n: number }>(
          db,
          sql`select kind, state, count(*) as n from jobs group by kind, state`,
        )
        const none = { queued: 0, running: 0, done: 0, dead: 0 }
        const counts: Record<JobKind, Record<JobState, number>> = {
          embed: { ...none },
          reembed: { ...none },
          extract: { ...none },
        }
        for (const { kind, state, n } of rows) counts[kind][state] = n
        return counts
      }),

    /** Removes finished jobs older than `before`; dead ones stay until somebody decides. */
    purge: (before: number): Promise<number> =>
      database.write((db) =>
        run(db, sql`delete from jobs where state = 'done' and finished_at < ${before}`),
      ),
  }
}

function toJob(row: JobRow): Job {
  return {
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    namespace: row.namespace,
    payload: JSON.parse(row.payload),
    state: row.state,
    attempts: row.attempts,
    fence: row.fence,
    error: row.error,
    result: row.result ? JSON.parse(row.result) : null,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  }
}
