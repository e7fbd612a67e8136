import { type Calibration, UNCHANGED } from '../memory/calibration.ts'
import type { EmbeddingModel } from '../memory/ports.ts'
import { all, type Connection, type Database, one, run } from './database.ts'
import { sql } from './sql.ts'

/** A model as the store knows it. */
export type StoredModel = EmbeddingModel &
  Readonly<{
    id: number
    /** How it is opened: what `engram embeddings use` was given. */
    choice: string
    calibration: Calibration
    /** int8[dimensions] of a text that is always the same; null when none was kept. */
    sample: Int8Array | null
  }>

/** Who said last which model it is to be: nobody, the setting `embedding.model`, or a command. */
export type ChosenBy = 'default' | 'setting' | 'command'

/** Which model's vectors answer, and which is to take over. */
export type IndexState = Readonly<{
  /** null before the first one. */
  inForce: StoredModel | null
  /** building: it fills while the one in force answers. failed: it was given up. */
  next: Readonly<{
    choice: string
    model: StoredModel | null
    state: 'building' | 'failed'
    /** Why it failed, or what holds it up. */
    problem: string | null
    startedAt: number
  }> | null
  chosenBy: ChosenBy
  /** What the setting said when it was last looked at; null when it said nothing. */
  setting: string | null
}>

export type NewModel = EmbeddingModel &
  Partial<Readonly<{ choice: string; calibration: Calibration; sample: Int8Array | null }>>

type ModelRow = {
  id: number
  fingerprint: string
  name: string
  dimensions: number
  choice: string
  calibration: string | null
  sample: Buffer | null
}
type IndexRow = {
  in_force: number | null
  next_choice: string | null
  next_model: number | null
  state: 'ready' | 'building' | 'failed'
  problem: string | null
  started_at: number | null
  chosen_by: ChosenBy
  setting: string | null
}

/** So many texts may still wait for the new model when it takes over; they are the first that it embeds then. */
const CARRIED_OVER = 64

export function createEmbeddingIndex(database: Database, now: () => number) {
  return {
    state: (): Promise<IndexState> => database.read(readState),

    /** Notes who chose, and what the setting says. */
    note: (chosenBy: ChosenBy, setting: string | null): Promise<void> =>
      database.write(async (db) => {
        await run(
          db,
          sql`update embedding_index set chosen_by = ${chosenBy}, setting = ${setting} where id = 1`,
        )
      }),

    /** Puts a model in force at once: the first one. */
    install: (model: NewModel): Promise<StoredModel> =>
      database.write(async (db) => {
        const id = await ensureModel(db, model, now())
        await recallModel(db, id)
        await dropNext(db, id, now())
        await run(
          db,
          sql`update embedding_index set in_force = ${id}, state = 'ready', problem = null where id = 1`,
        )
        return (await findModel(db, id))!
      }),

    /** Begins, or begins again, to make this choice take over. What was to take over before is given up. */
    begin: (choice: string): Promise<void> =>
      database.write(async (db) => {
        await dropNext(db, null, now())
        await run(
          db,
          sql`
            update embedding_index
            set next_choice = ${choice}, state = 'building', problem = null, started_at = ${now()}
            where id = 1
          `,
        )
      }),

    /**
     * The choice that is to take over has been opened, and this is its model: from here on new texts get a
     * vector of it too.
     *
     * @returns null when something else is to take over by now
     */
    adopt: (choice: string, model: NewModel): Promise<StoredModel | null> =>
      database.write(async (db) => {
        const id = await ensureModel(db, model, now())
        const adopted = await run(
          db,
          sql`
            update embedding_index set next_model = ${id}
            where id = 1 and next_choice = ${choice} and state = 'building' and in_force is not ${id}
          `,
        )
        if (adopted === 0) return null
        await recallModel(db, id)
        return await findModel(db, id)
      }),

    /** What holds the switch up; null when nothing does any more. */
    report: (problem: string | null): Promise<void> =>
      database.write(async (db) => {
        await run(
          db,
          sql`update embedding_index set problem = ${problem} where id = 1 and state = 'building'`,
        )
      }),

    /** Gives the switch up. The model in force stays; its being given up stays visible. */
    fail: (reason: string): Promise<void> =>
      database.write(async (db) => {
        const row = await indexRow(db)
        if (row.state !== 'building') return
        await retire(db, row.next_model, now())
        await run(
          db,
          sql`
            update embedding_index set state = 'failed', problem = ${reason}, next_model = null
            where id = 1
          `,
        )
      }),

    /** Ends a switch, failed or under way, as if nothing had been asked. */
    cancel: (): Promise<void> =>
      database.write(async (db) => {
        await dropNext(db, null, now())
        await run(db, sql`update embedding_index set state = 'ready', problem = null where id = 1`)
      }),

    /**
     * The next model takes over, in this one transaction: nothing was ever answered by a mixture of two. The
     * few texts that still wait for it, and those that the old one was embedding, are the first it embeds.
     *
     * @returns false, and nothing has changed, when it is not the next model or too many texts wait for it
     */
    cutOver: (modelId: number): Promise<boolean> =>
      database.write(async (db) => {
        const row = await indexRow(db)
        if (row.state !== 'building' || row.next_model !== modelId) return false
        const waiting = await one<{ n: number }>(
          db,
          sql`
            select count(*) as n from jobs
            where kind = 'reembed' and state in ('queued', 'running')
          `,
        )
        if (waiting!.n > CARRIED_OVER) return false
        const at = now()
        await run(
          db,
          sql`
            update jobs
            set kind = 'embed', attempts = 0, fence = fence + 1, run_at = ${at}, lease_until = null,
              state = case when state = 'dead' then 'dead' else 'queued' end
            where kind = 'reembed'
          `,
        )
        await run(
          db,
          sql`
            update jobs set state = 'queued', fence = fence + 1, run_at = ${at}, lease_until = null
            where kind = 'embed' and state = 'running'
          `,
        )
        await run(
          db,
          sql`
            update embedding_index
            set in_force = ${modelId}, next_choice = null, next_model = null, state = 'ready',
              problem = null, started_at = null
            where id = 1
          `,
        )
        if (row.in_force !== modelId) await retire(db, row.in_force, at)
        return true
      }),

    /**
     * Removes up to `limit` vectors of models that are no longer used, step by step.
     *
     * @param after where the last call came to; null to begin
     * @returns where this one came to; null when nothing is left
     */
    removeRetired: (limit: number, after: Removal | null): Promise<Removal | null> =>
      database.write((db) => removeRetired(db, limit, after, now())),
  }
}

/** How far the removal of a model's vectors has come. */
export type Removal = Readonly<{ modelId: number; kind: 'memory' | 'turn'; target: number }>

export async function readState(db: Connection): Promise<IndexState> {
  const row = await indexRow(db)
  const next = row.state === 'ready' || row.next_choice === null ? null : row
  return {
    inForce: row.in_force === null ? null : await findModel(db, row.in_force),
    next: next && {
      choice: next.next_choice!,
      model: next.next_model === null ? null : await findModel(db, next.next_model),
      state: next.state as 'building' | 'failed',
      problem: next.problem,
      startedAt: next.started_at!,
    },
    chosenBy: row.chosen_by,
    setting: row.setting,
  }
}

/** The model that new texts get a second vector of; null while no model is taking over. */
export async function nextModelId(db: Connection): Promise<number | null> {
  const row = await indexRow(db)
  return row.state === 'building' ? row.next_model : null
}

async function indexRow(db: Connection): Promise<IndexRow> {
  const row = await one<IndexRow>(
    db,
    sql`
      select in_force, next_choice, next_model, state, problem, started_at, chosen_by, setting
      from embedding_index where id = 1
    `,
  )
  return row!
}

async function findModel(db: Connection, id: number): Promise<StoredModel | null> {
  const row = await one<ModelRow>(
    db,
    sql`
      select id, fingerprint, name, dimensions, choice, calibration, sample
      from embedding_models where id = ${id}
    `,
  )
  if (!row) return null
  const { sample } = row
  return {
    ...row,
    calibration: row.calibration ? JSON.parse(row.calibration) : UNCHANGED,
    sample: sample && new Int8Array(sample.buffer, sample.byteOffset, sample.byteLength).slice(),
  }
}

/** The number of a model, making it known on first sight. What it lacks is kept as it was known. */
export async function ensureModel(db: Connection, model: NewModel, at: number): Promise<number> {
  const { sample } = model
  await run(
    db,
    sql`
      insert into embedding_models (fingerprint, name, dimensions, choice, calibration, sample, created_at)
      values (${model.fingerprint}, ${model.name}, ${model.dimensions}, ${model.choice ?? model.name},
        ${model.calibration ? JSON.stringify(model.calibration) : null},
        ${sample ? Buffer.from(sample.buffer, sample.byteOffset, sample.byteLength) : null}, ${at})
      on conflict (fingerprint) do update
      set name = excluded.name, choice = excluded.choice,
        calibration = coalesce(excluded.calibration, embedding_models.calibration),
        sample = coalesce(excluded.sample, embedding_models.sample)
    `,
  )
  const row = await one<{ id: number }>(
    db,
    sql`select id from embedding_models where fingerprint = ${model.fingerprint}`,
  )
  return row!.id
}

/** Its vectors are wanted again; those that were not removed yet are as good as new. */
async function recallModel(db: Connection, id: number): Promise<void> {
  await run(
    db,
    sql`update embedding_models set retired_at = null, emptied_at = null where id = ${id}`,
  )
}

async function retire(db: Connection, id: number | null, at: number): Promise<void> {
  await run(db, sql`delete from jobs where kind = 'reembed'`)
  if (id === null) return
  await run(
    db,
    sql`update embedding_models set retired_at = ${at}, emptied_at = null where id = ${id}`,
  )
}

/** @param except a model that stays in use */
async function dropNext(db: Connection, except: number | null, at: number): Promise<void> {
  const row = await indexRow(db)
  await retire(db, row.next_model === except ? null : row.next_model, at)
  await run(
    db,
    sql`
      update embedding_index set next_choice = null, next_model = null, started_at = null where id = 1
    `,
  )
}

async function removeRetired(
  db: Connection,
  limit: number,
  after: Removal | null,
  at: number,
): Promise<Removal | null> {
  const model = await one<{ id: number }>(
    db,
    sql`
      select id from embedding_models
      where retired_at is not null and emptied_at is null
      order by id limit 1
    `,
  )
  if (!model) return null
  const from = after?.modelId === model.id ? after : ({ kind: 'memory', target: 0 } as const)
  const targets = await all<{ target: number }>(
    db,
    sql`
      select target from vectors
      where kind = ${from.kind} and target > ${from.target} and model_id = ${model.id}
      order by target limit ${limit}
    `,
  )
  const last = targets.at(-1)?.target
  if (last !== undefined) {
    await run(
      db,
      sql`
        delete from vectors
        where kind = ${from.kind} and target > ${from.target} and target <= ${last}
          and model_id = ${model.id}
      `,
    )
    return { modelId: model.id, kind: from.kind, target: last }
  }
  if (from.kind === 'memory') return { modelId: model.id, kind: 'turn', target: 0 }
  // It may have been in use again since we began, and have vectors behind us.
  const left = await one<{ target: number }>(
    db,
    sql`select target from vectors where model_id = ${model.id} limit 1`,
  )
  if (!left) {
    await run(db, sql`update embedding_models set emptied_at = ${at} where id = ${model.id}`)
  }
  return { modelId: model.id, kind: 'memory', target: 0 }
}
