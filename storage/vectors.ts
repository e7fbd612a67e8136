import { EngramError } from '../memory/errors.ts'
import { all, type Connection, type Database, nextRev, one, run } from './database.ts'
import { ensureModel, type NewModel, nextModelId } from './embedding-index.ts'
import { buryLost } from './jobs.ts'
import { sql } from './sql.ts'

/** embed: for the model in force. reembed: for the one that is to take over. */
export type EmbedJobKind = 'embed' | 'reembed'

/** A text that waits for its vector, with the claim on its job. */
export type Unembedded = Readonly<{
  jobId: string
  fence: number
  kind: 'memory' | 'turn'
  seq: number
  namespaceId: number
  text: string
}>

export type NewVector = Readonly<
  Omit<Unembedded, 'text'> & {
    /** int8[dimensions]; null when the text has nothing to embed. */
    components: Int8Array | null
  }
>

/** A text that has no vector of a model yet, found by looking through all of them. */
export type Missing = Readonly<Omit<Unembedded, 'jobId' | 'fence'>>

export type FilledVector = Missing & Readonly<{ components: Int8Array | null }>

/** A stretch of the texts of one kind, by row number. */
export type MissingPage = Readonly<{
  texts: readonly Missing[]
  /** Where to go on; null when there are no further texts. */
  after: number | null
  /** Texts that were looked at. */
  seen: number
}>

type JobRow = {
  seq: number
  run_at: number
  id: string
  fence: number
  payload: string
  namespace_id: number
}
type TurnText = {
  content: string
  speaker: string | null
  role: string
  conversation_id: string
  position: number
}

/** Kept in place of a vector, so that the text counts as done. */
const NOTHING_TO_EMBED = new Int8Array(0)
/** Of the turn before, so much is embedded with a turn; the end of it is what the turn answers. */
const CONTEXT_CHARACTERS = 300
/** More than any embedder reads. */
const MAX_EMBEDDED_CHARACTERS = 8_000

export function createVectors(database: Database, now: () => number) {
  return {
    /** The number of a model, making it known on first sight. */
    ensureModel: (model: NewModel): Promise<number> =>
      database.write((db) => ensureModel(db, model, now())),

    /**
     * The texts after row `after` that have no vector of this model, among the next `span` rows.
     *
     * @param idle leaves out what a job waits for already
     */
    missing: (
      modelId: number,
      kind: 'memory' | 'turn',
      after: number,
      { span, idle }: Readonly<{ span: number; idle: boolean }>,
    ): Promise<MissingPage> =>
      database.read(async (db) => {
        const table = sql.raw(kind === 'memory' ? 'memories' : 'turns')
        const rows = await all<{ seq: number; namespace_id: number }>(
          db,
          sql`select seq, namespace_id from ${table} where seq > ${after} order by seq limit ${span}`,
        )
        const last = rows.at(-1)?.seq
        if (last === undefined) return { texts: [], after: null, seen: 0 }
        const done = await all<{ target: number }>(
          db,
          sql`
            select target from vectors
            where kind = ${kind} and target > ${after} and target <= ${last} and model_id = ${modelId}
          `,
        )
        const embedded = new Set(done.map(({ target }) => target))
        const texts: Missing[] = []
        for (const { seq, namespace_id: namespaceId } of rows) {
          if (embedded.has(seq)) continue
          if (idle && (await hasJob(db, kind, seq))) continue
          const text = await textOf(db, kind, seq)
          if (text !== null) texts.push({ kind, seq, namespaceId, text })
        }
        return { texts, after: rows.length < span ? null : last, seen: rows.length }
      }),

    /** Stores vectors of texts that were found missing. Of a text that has changed since, none is stored. */
    fill: (modelId: number, vectors: readonly FilledVector[]): Promise<void> =>
      database.write(async (db) => {
        const dimensions = await dimensionsOf(db, modelId)
        const rev = await nextRev(db)
        for (const { text, ...vector } of vectors) {
          if ((await textOf(db, vector.kind, vector.seq)) !== text) continue
          await putVector(db, modelId, dimensions, vector, rev)
        }
      }),

    /** Texts that were given up are tried again. @returns how many */
    retryGivenUp: (): Promise<number> =>
      database.write((db) =>
        run(
          db,
          sql`
            update jobs
            set state = 'queued', attempts = 0, run_at = ${now()}, error = null, finished_at = null
            where kind in ('embed', 'reembed') and state = 'dead'
          `,
        ),
      ),

    /** Claims up to `limit` waiting texts, oldest first. Jobs whose text is gone are closed. */
    claimTexts: (
      limit: number,
      leaseMs: number,
      kind: EmbedJobKind = 'embed',
    ): Promise<Unembedded[]> =>
      database.write(async (db) => {
        const at = now()
        await buryLost(db, kind, at)
        const jobs = await all<JobRow>(
          db,
          sql`
            update jobs
            set state = 'running', attempts = attempts + 1, fence = fence + 1, lease_until = ${at + leaseMs}
            where seq in (
              select seq from jobs
              where kind = ${kind} and state in ('queued', 'running') and run_at <= ${at}
                and (state = 'queued' or lease_until <= ${at})
              order by run_at, seq
              limit ${limit}
            )
            returning seq, run_at, id, fence, payload, namespace_id
          `,
        )
        jobs.sort((a, b) => a.run_at - b.run_at || a.seq - b.seq)
        const claimed: Unembedded[] = []
        for (const job of jobs) {
          const of = JSON.parse(job.payload) as { kind: 'memory' | 'turn'; seq: number }
          const text = await textOf(db, of.kind, of.seq)
          if (text === null) {
            await run(db, sql`delete from jobs where id = ${job.id}`)
            continue
          }
          const { id: jobId, fence, namespace_id: namespaceId } = job
          claimed.push({ jobId, fence, ...of, namespaceId, text })
        }
        return claimed
      }),

    /**
     * Stores vectors and closes their jobs; while another model is to take over, the text waits for it next.
     * A vector whose claim was lost is dropped.
     *
     * @throws EngramError `invalid` for a vector that is not of the model's length; nothing is stored then.
     */
    save: (modelId: number, vectors: readonly NewVector[]): Promise<void> =>
      database.write(async (db) => {
        const dimensions = await dimensionsOf(db, modelId)
        const nextModel = await nextModelId(db)
        const rev = await nextRev(db)
        for (const { jobId, fence, ...vector } of vectors) {
          const passesOn =
            nextModel !== null &&
            nextModel !== modelId &&
            !(await hasVector(db, nextModel, vector.kind, vector.seq))
          const held = await run(
            db,
            passesOn
              ? sql`
                  update jobs
                  set kind = 'reembed', state = 'queued', attempts = 0, run_at = ${now()},
                    lease_until = null, error = null
                  where id = ${jobId} and fence = ${fence} and state = 'running'
                `
              : sql`delete from jobs where id = ${jobId} and fence = ${fence} and state = 'running'`,
          )
          if (held > 0) await putVector(db, modelId, dimensions, vector, rev)
        }
      }),

    /** Gives texts back that could not be embedded for reasons that are not theirs: as if never claimed. */
    release: (
      texts: readonly Pick<Unembedded, 'jobId' | 'fence'>[],
      retryAt: number,
      reason: string,
    ): Promise<void> =>
      database.write(async (db) => {
        for (const { jobId, fence } of texts) {
          await run(
            db,
            sql`
              update jobs
              set state = 'queued', attempts = attempts - 1, run_at = ${retryAt}, lease_until = null,
                error = ${reason.slice(0, 500)}
              where id = ${jobId} and fence = ${fence} and state = 'running'
            `,
          )
        }
      }),

    /** How many memories and turns have a vector of this model, and how many there are. */
    coverage: (modelId: number): Promise<{ embedded: number; total: number }> =>
      database.read(async (db) => {
        const row = await one<{ embedded: number; total: number }>(
          db,
          sql`
            select
              (select count(*) from vectors where model_id = ${modelId}) as embedded,
              (select count(*) from memories) + (select count(*) from turns) as total
          `,
        )
        return row!
      }),
  }
}

async function dimensionsOf(db: Connection, modelId: number): Promise<number | undefined> {
  const model = await one<{ dimensions: number }>(
    db,
    sql`select dimensions from embedding_models where id = ${modelId}`,
  )
  return model?.dimensions
}

async function hasVector(
  db: Connection,
  modelId: number,
  kind: 'memory' | 'turn',
  seq: number,
): Promise<boolean> {
  const row = await one<{ target: number }>(
    db,
    sql`
      select target from vectors where kind = ${kind} and target = ${seq} and model_id = ${modelId}
    `,
  )
  return row !== undefined
}

async function hasJob(db: Connection, kind: 'memory' | 'turn', seq: number): Promise<boolean> {
  const row = await one<{ seq: number }>(
    db,
    sql`select seq from jobs where dedup_key = ${`embed:${kind}:${seq}`}`,
  )
  return row !== undefined
}

/** @throws EngramError `invalid` for a vector of another length */
async function putVector(
  db: Connection,
  modelId: number,
  dimensions: number | undefined,
  vector: Omit<FilledVector, 'text'>,
  rev: number,
): Promise<void> {
  const { buffer, byteOffset, byteLength } = vector.components ?? NOTHING_TO_EMBED
  if (byteLength > 0 && byteLength !== dimensions) {
    throw new EngramError(
      'invalid',
      `a vector of ${byteLength} dimensions for a model of ${dimensions}`,
    )
  }
  await run(
    db,
    sql`
      insert into vectors (model_id, kind, target, namespace_id, components, rev)
      values (${modelId}, ${vector.kind}, ${vector.seq}, ${vector.namespaceId},
        ${Buffer.from(buffer, byteOffset, byteLength)}, ${rev})
      on conflict (model_id, kind, target)
      do update set components = excluded.components, rev = excluded.rev
    `,
  )
}

function textOf(db: Connection, kind: 'memory' | 'turn', seq: number): Promise<string | null> {
  return kind === 'memory' ? memoryText(db, seq) : turnText(db, seq)
}

async function memoryText(db: Connection, seq: number): Promise<string | null> {
  const row = await one<{ content: string }>(
    db,
    sql`select content from memories where seq = ${seq}`,
  )
  return row ? row.content.slice(0, MAX_EMBEDDED_CHARACTERS) : null
}

/**
 * Between people who are named, a turn comes with who said it and the end of what it answers: alone, many
 * such turns mean nothing (+11 points on LoCoMo by cosine). Between user and assistant it comes alone: an
 * answer's end says more of the answer than of the next question (BEAM: 60.8 against 57.1 R@10).
 */
async function turnText(db: Connection, seq: number): Promise<string | null> {
  const turn = await one<TurnText>(
    db,
    sql`select content, speaker, role, conversation_id, position from turns where seq = ${seq}`,
  )
  if (!turn) return null
  const content = turn.content.slice(0, MAX_EMBEDDED_CHARACTERS)
  if (turn.speaker === null) return content
  const previous = await one<TurnText>(
    db,
    sql`
      select content, speaker, role, conversation_id, position from turns
      where conversation_id = ${turn.conversation_id} and position = ${turn.position - 1}
    `,
  )
  const said = (t: TurnText, words: string) => `${t.speaker ?? t.role}: ${words}`
  const own = said(turn, content)
  return previous ? `${said(previous, previous.content.slice(-CONTEXT_CHARACTERS))}\n${own}` : own
}
