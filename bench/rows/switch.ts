import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { openInstall, type Served, until } from '../../daemon/fixtures/executable.ts'
import { DAEMON_CPU } from '../load/rig.ts'
import { summarize } from '../statistics.ts'
import { type Bench, megabytes, ms, type Row } from './row.ts'
import { embeddingsOf, importStatements, settled, statusOf, useModel, whenLoaded } from './store.ts'

const PER_SECOND = 10
/** Questions before the switch and after it, to compare with. */
const QUIET = 200
const LOOK_EVERY_MS = 500

/** An answer, and when its question was due. */
type Answer = Readonly<{
  at: number
  tookMs: number
  ok: boolean
  found: number
  /** Why words alone answered; null when vectors did, too. */
  degraded: string | null
}>

/**
 * Changing the embedding model from `static` to `minilm` while questions go on coming: what it costs them,
 * how long it takes, and what is left of the old model afterwards.
 */
export async function measureSwitch({
  executable,
  corpus,
  quick,
  say,
}: Pick<Bench, 'executable' | 'corpus' | 'quick' | 'say'>): Promise<Row[]> {
  const memories = quick ? 5_000 : 100_000
  const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error' })
  try {
    const served = await install.serve({
      cpu: DAEMON_CPU,
      env: { ENGRAM_EMBEDDING_MODEL: 'static' },
    })
    say(`importing ${memories} memories`)
    await importStatements(served, corpus, 0, memories)
    await settled(served, 1_800_000)
    await whenLoaded(served)
    const asking = askSteadily(served, (n) => corpus.question(n))
    await until('questions before', () => asking.answers.length >= QUIET, 120_000)
    const rssBefore = (await statusOf(served)).rss_bytes

    const database = new Database(join(install.dataDir, 'engram.db'), { readonly: true })
    say('switching to minilm')
    const begunAt = performance.now()
    await useModel(served, 'minilm')
    const watched = await watch(served)
    const endedAt = performance.now()
    while (modelsToRemove(database) > 0) await Bun.sleep(LOOK_EVERY_MS)
    const tidyMs = performance.now() - endedAt
    const asked = asking.answers.length
    await until('questions after', () => asking.answers.length >= asked + QUIET, 120_000)
    const answers = await asking.stop()
    await served.stop()
    const left = modelsWithVectors(database)
    database.close()
    if (left !== 1) throw new Error(`there are vectors of ${left} models`)

    const before = answers.filter(({ at }) => at < begunAt)
    const during = answers.filter(({ at }) => at >= begunAt && at < endedAt)
    const after = answers.filter(({ at }) => at >= endedAt + tidyMs)
    // Of the cut-over itself, with a second before and behind.
    const around = answers.filter(({ at }) => Math.abs(at - endedAt) < 1_000)
    const failed = answers.filter(({ ok }) => !ok).length
    const empty = answers.filter(({ ok, found }) => ok && found === 0).length
    const words = answers.filter(({ degraded }) => degraded !== null).length
    const seconds = (endedAt - begunAt) / 1_000
    const tookMs = (some: readonly Answer[]) => summarize(some.map((answer) => answer.tookMs))
    const [quiet, busy, then, cut] = [before, during, after, around].map(tookMs)
    const rate = memories / seconds
    return [
      {
        figure: `questions while ${memories.toLocaleString('en-US')} memories change their model`,
        measured: `${failed} failed, ${empty} empty, ${words} by words alone (of ${answers.length}, ${PER_SECOND} a second)`,
        target: '0 failed, 0 empty',
        ok: failed === 0 && empty === 0,
        values: { failed, empty, by_words: words, questions: answers.length },
      },
      {
        figure: 'a question during the change, start to end',
        measured: `p50 ${ms(busy!.p50)}, p95 ${ms(busy!.p95)}, p99 ${ms(busy!.p99)}, max ${ms(busy!.max)}; before p50 ${ms(quiet!.p50)}, p99 ${ms(quiet!.p99)}; after p50 ${ms(then!.p50)}, p99 ${ms(then!.p99)}`,
        target: '',
        ok: null,
        values: {
          during_p50: busy!.p50,
          during_p99: busy!.p99,
          before_p50: quiet!.p50,
          before_p99: quiet!.p99,
          after_p50: then!.p50,
          after_p99: then!.p99,
        },
      },
      {
        figure: 'the slowest question within a second of the cut-over',
        measured: `${ms(cut!.max)} (of ${cut!.count})`,
        target: '≤ 150 ms',
        ok: cut!.max <= 150,
        values: { max: cut!.max, questions: cut!.count },
      },
      {
        figure: 'vectors of the new model, minilm, one processor, questions beside them',
        measured: `${rate.toFixed(0)}/s (${seconds.toFixed(0)} s in all; old vectors gone ${(tidyMs / 1_000).toFixed(1)} s later)`,
        target: '≥ 300/s',
        ok: rate >= 300,
        values: { per_second: rate, seconds, tidy_ms: tidyMs },
      },
      {
        figure: 'resident memory at most, two models in RAM',
        measured: `${megabytes(watched.rss)} (before ${megabytes(rssBefore)}; event loop lag p99 ${ms(watched.lag)})`,
        target: '',
        ok: null,
        values: { rss: watched.rss, rss_before: rssBefore, lag_p99: watched.lag },
      },
    ]
  } finally {
    await install.remove()
  }
}

/** Waits until the new model is in force. @returns the most that was seen meanwhile */
async function watch(served: Served): Promise<{ rss: number; lag: number }> {
  let [rss, lag] = [0, 0]
  for (;;) {
    const { state, problem, model } = await embeddingsOf(served)
    if (state === 'failed') throw new Error(`the switch failed: ${problem}`)
    const status = await statusOf(served)
    rss = Math.max(rss, status.rss_bytes)
    lag = Math.max(lag, status.event_loop_lag_ms.p99)
    if (state === 'ready' && model === 'minilm') return { rss, lag }
    await Bun.sleep(LOOK_EVERY_MS)
  }
}

/** Looked up at once: this process asks the questions, and must not be busy otherwise. */
function modelsToRemove(database: Database): number {
  const { models } = database
    .query<{ models: number }, []>(
      `select count(*) as models from embedding_models
       where retired_at is not null and emptied_at is null`,
    )
    .get()!
  return models
}

function modelsWithVectors(database: Database): number {
  const { models } = database
    .query<{ models: number }, []>('select count(distinct model_id) as models from vectors')
    .get()!
  return models
}

/** Asks at a steady rate, each question measured from when it was due. */
function askSteadily(served: Served, question: (n: number) => string) {
  const answers: Answer[] = []
  const pending = new Set<Promise<void>>()
  let isOver = false
  const started = performance.now()
  const loop = (async () => {
    for (let n = 0; !isOver; n++) {
      const due = started + (n * 1_000) / PER_SECOND
      await Bun.sleep(Math.max(0, due - performance.now()))
      const one = ask(served, question(n), due).then((answer) => {
        answers.push(answer)
        pending.delete(one)
      })
      pending.add(one)
    }
  })()
  return {
    answers,
    async stop(): Promise<readonly Answer[]> {
      isOver = true
      await loop
      await Promise.all(pending)
      return answers
    },
  }
}

async function ask(served: Served, query: string, at: number): Promise<Answer> {
  try {
    // Whatever there is: nothing may be empty because nothing is relevant.
    const answer = await served.ask('POST', '/memories/search', { query, limit: 10, threshold: 0 })
    const { results, degraded } = (await answer.json()) as {
      results?: unknown[]
      degraded?: string | null
    }
    const found = results?.length ?? 0
    return { at, tookMs: performance.now() - at, ok: answer.ok, found, degraded: degraded ?? null }
  } catch {
    return { at, tookMs: performance.now() - at, ok: false, found: 0, degraded: null }
  }
}
