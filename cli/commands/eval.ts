import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { openAssets } from '../../daemon/assets.ts'
import { METHODS } from '../../daemon/eval/evaluate.ts'
import {
  type Baseline,
  compareWith,
  judgeQuery,
  type QueryOutcome,
  readBaseline,
  readQueries,
  summarize,
  toBaseline,
} from '../../daemon/eval/queries.ts'
import type { Admission, MethodFigures, SetReport } from '../../daemon/eval/report.ts'
import { type EvalReport, runEval } from '../../daemon/eval/run.ts'
import * as schema from '../../daemon/rest/schema.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'
import { type Cell, count, cut, dateTime, duration, type Output, oneLine } from '../output.ts'

type Flags = {
  data?: string
  sets?: string
  embedder?: 'minilm' | 'static'
  seed?: number
  queries?: string
  gate?: boolean
  save?: boolean
}

export async function evaluate(call: Call<Flags, object>): Promise<number> {
  const { flags } = call
  if (flags.queries !== undefined && flags.data !== undefined) {
    throw usage('--data and --queries are two measurements', 'engram eval --data DIR')
  }
  if (flags.queries !== undefined) return ownQueries(call, flags.queries)
  if (flags.gate || flags.save) {
    throw usage('--gate and --save are for --queries', 'engram eval --queries FILE --gate')
  }
  if (flags.data === undefined) {
    throw usage('say what to measure with: --data DIR or --queries FILE', 'engram help eval')
  }
  await publicData(call, flags.data)
  return 0
}

async function publicData(call: Call<Flags, object>, dir: string): Promise<void> {
  const { out, flags, paths, signal } = call
  let said = ''
  const report = await runEval({
    dir: resolve(dir),
    sets: flags.sets ? flags.sets.split(',').map((name) => name.trim()) : null,
    embedder: flags.embedder,
    seed: flags.seed ?? 1,
    assets: await openAssets(paths.cacheDir),
    cacheDir: paths.cacheDir,
    progress: (step) => {
      // One line a set: the rest is for who waits for a large one.
      const [name = ''] = step.split(' ')
      if (name !== said) out.note(`measuring ${name}`)
      said = name
    },
    signal,
  })
  if (out.isJson) out.json(report)
  else printReport(report, out)
}

const COLUMNS = ['r1', 'r5', 'r10', 'recall_all5', 'recall_all10', 'mrr', 'ndcg10'] as const
const TITLES = ['R@1', 'R@5', 'R@10', 'all@5', 'all@10', 'MRR', 'NDCG@10', 'p50 ms', 'p95 ms']

function printReport(report: EvalReport, out: Output): void {
  for (const [name, set] of Object.entries(report.sets)) {
    out.line(
      `${out.paint('bold', name)}  ${count(set.questions, 'question')} to ${set.corpora} stores with ${count(set.documents, 'memory', 'memories')}: ${set.about}`,
    )
    out.table({
      titles: true,
      indent: 2,
      columns: [{ title: '' }, ...TITLES.map((title) => ({ title, align: 'right' as const }))],
      rows: [
        ...METHODS.map((method) => figureRow(method, set[method])),
        ...halves(set.halves).map(([half, table]) => figureRow(`engram, ${half}`, table.engram)),
      ],
    })
    printKinds(set, out)
    out.line(`  ${set.bytes_per_memory.toLocaleString('en-US')} bytes per memory`)
    out.line()
  }
  printAdmission(report, out)
  if (report.newest_first) printNewestFirst(report.newest_first, out)
  printDefinitions(report, out)
}

function figureRow(label: string, figures: MethodFigures): Cell[] {
  return [
    label,
    ...COLUMNS.map((column) => figures[column].toFixed(1)),
    figures.ms_p50.toFixed(2),
    figures.ms_p95.toFixed(2),
  ]
}

function halves<T>(of: Readonly<Partial<Record<'dev' | 'held_out', T>>>): [string, T][] {
  return Object.entries(of).map(([half, value]) => [
    half === 'dev' ? 'tuned on' : 'held out',
    value,
  ])
}

function printKinds(set: SetReport, out: Output): void {
  const kinds = Object.entries(set.kinds)
  if (kinds.length < 2) return
  const text = kinds.map(([kind, { r10, questions }]) => `${kind} ${r10.toFixed(1)} (${questions})`)
  out.line(`  R@10 by kind: ${text.join(', ')}`)
}

function printAdmission({ sets }: EvalReport, out: Output): void {
  out.line(out.paint('bold', 'Admission: what is handed over, and when nothing is'))
  const row = (name: string, admission: Admission): Cell[] => {
    const { handed } = admission
    const share = (value: number | null) => (value === null ? '–' : value.toFixed(1))
    return [
      name,
      share(admission.foreign_nothing),
      share(admission.everyday_nothing),
      share(admission.unanswerable_nothing),
      share(admission.r10_found),
      share(admission.r10_admitted),
      share(handed.precision),
      share(handed.recall),
      handed.items.toFixed(1),
      String(handed.tokens),
      share(handed.nothing),
    ]
  }
  const titles = [
    'foreign',
    'everyday',
    'no answer',
    'R@10',
    'admitted',
    'precision',
    'recall',
    'items',
    'tokens',
    'none',
  ]
  out.table({
    titles: true,
    indent: 2,
    columns: [{ title: '' }, ...titles.map((title) => ({ title, align: 'right' as const }))],
    rows: Object.entries(sets).flatMap(([name, set]) => [
      row(name, set.admission),
      ...halves(set.admission_halves).map(([half, admission]) => row(`  ${half}`, admission)),
    ]),
  })
  out.line()
}

function printNewestFirst(newest: NonNullable<EvalReport['newest_first']>, out: Output): void {
  out.line(
    `${out.paint('bold', 'Newest first')}  ${count(newest.pairs, 'pair')} of an updated and a stale statement`,
  )
  const row = (name: string, of: Readonly<Record<(typeof METHODS)[number], number>>): Cell[] => [
    name,
    ...METHODS.map((method) => of[method].toFixed(1)),
  ]
  out.table({
    titles: true,
    indent: 2,
    columns: [{ title: '' }, ...METHODS.map((title) => ({ title, align: 'right' as const }))],
    rows: [
      row('updated above stale', newest),
      ...halves(newest.halves).map(([half, of]) => row(`  ${half} (${of.pairs})`, of)),
    ],
  })
  out.line()
}

const DEFINITIONS = [
  'R@k: share of what is relevant among the first k. all@k: questions with all of it there. MRR: 1 / rank of the first relevant one. NDCG@10: gain of the first ten over the best order. Percent.',
  'engram: what recall ranks, of this build. cosine: vectors of the text alone. bm25: Porter stems, stop words out of the question. rrf: those two, equal.',
  'bytes per memory: of the database file, with text index, journal and vectors.',
  'ms: one question, its embedding included (not for bm25).',
  'tuned on: the even-numbered stores of a set, counted from 1. held out: the others.',
  'foreign, everyday, no answer: share of questions that get nothing, of those of other stores of the same half, of working days, and about matters of the store that it does not hold.',
  'admitted: R@10 after the decision what is relevant. precision, recall, items, tokens, none: what the model gets with default settings, five items and 800 tokens at most, own statements only.',
]

function printDefinitions(report: EvalReport, out: Output): void {
  for (const definition of DEFINITIONS) out.line(`  ${definition}`)
  out.line()
  const { versions, vectors, skipped } = report
  out.line(`embedder ${report.embedder}; cosine by ${report.baseline.cosine}`)
  out.line(
    `engram ${versions.engram} (${versions.commit}), Bun ${versions.bun}, ${report.machine}; seed ${report.seed}`,
  )
  out.line(
    `${duration(report.seconds * 1000)}; ${vectors.made.toLocaleString('en-US')} texts embedded, ${vectors.read.toLocaleString('en-US')} taken from earlier runs`,
  )
  if (skipped.length > 0) out.line(`no known form, skipped: ${skipped.join(', ')}`)
}

/** A person's own labelled queries, asked of the store of the running daemon. */
async function ownQueries(call: Call<Flags, object>, file: string): Promise<number> {
  const { out, flags } = call
  const queries = readQueries(readFileSync(file, 'utf8'), file)
  const client = await call.client()
  const outcomes: QueryOutcome[] = []
  const byWords: string[] = []
  await whenWarm(queries[0]!.query, client, call)
  for (const query of queries) {
    const answer = await answerTo(query.query, client, call)
    outcomes.push(judgeQuery(query, answer))
    if (answer.degraded !== null) byWords.push(answer.degraded)
  }
  // A query of no words is always answered so, and says nothing about the model.
  const embedder = byWords.length === queries.length ? null : await embedderOf(client)
  const summary = summarize(outcomes)
  const kept = keptFile(file)
  const before =
    existsSync(kept) && !flags.save ? readBaseline(readFileSync(kept, 'utf8'), kept) : null
  // Whatever comes later would look good beside a run without a model: that must be asked for.
  const saves = flags.save === true || (flags.gate === true && before === null && embedder !== null)
  if (saves) {
    const fresh: Baseline = toBaseline(outcomes, embedder, out.now())
    writeFileSync(kept, `${JSON.stringify(fresh, null, 2)}\n`)
  }
  const compared = before === null ? null : compareWith(before, outcomes)
  const fails = flags.gate === true && compared !== null && compared.worse.length > 0
  if (out.isJson) {
    out.json({
      ...summary,
      embedder,
      each: outcomes,
      baseline: saves || before ? kept : null,
      by_words: byWords.length,
      worse: compared?.worse ?? [],
      worse_queries: compared?.queries ?? [],
      compared: compared?.compared ?? null,
      new_queries: compared?.added ?? null,
      removed_queries: compared?.removed ?? null,
    })
  } else {
    printQueries(outcomes, out)
    printHow(embedder, byWords, outcomes.length, out)
    if (before && compared) printComparison(before, embedder, compared, out)
  }
  if (saves) out.note(`Saved as the baseline: ${kept}`)
  else if (flags.gate && before === null) {
    out.note('Not saved as the baseline, as words alone were searched: engram embeddings status')
  }
  return fails ? 1 : 0
}

/** The name of the model in force; null while the daemon is not ready, when words alone are searched. */
async function embedderOf(client: Client): Promise<string | null> {
  const answer = z.object({ embedding_model: z.string() })
  return client
    .ask(answer, { method: 'GET', path: '/ready' })
    .then((ready) => ready.embedding_model)
    .catch(() => null)
}

const WARM_TRIES = 25
const WARM_PAUSE_MS = 200

/** Waits a little while model and index are being loaded, which the first question starts. */
async function whenWarm(query: string, client: Client, call: Call<Flags, object>): Promise<void> {
  for (let tries = 1; tries < WARM_TRIES; tries++) {
    if ((await answerTo(query, client, call)).degraded === null) return
    await Bun.sleep(WARM_PAUSE_MS)
  }
}

/** As deep as a search goes. */
const DEEPEST = 100

async function answerTo(query: string, client: Client, { globals }: Call<Flags, object>) {
  const search = (body: object) =>
    client.ask(schema.searchAnswer, {
      method: 'POST',
      path: '/memories/search',
      repeatable: true,
      // A measurement leaves no trace in receipts and counters.
      body: {
        query,
        receipt: false,
        ...body,
        ...(globals.namespace && { namespace: globals.namespace }),
      },
    })
  const all = await search({ limit: DEEPEST, threshold: 0 })
  const handed = await search({})
  return {
    ranked: all.results.map(({ memory }) => ({ id: memory.id, content: memory.content })),
    handed: handed.results.length + handed.turns.length,
    /** Why words alone were searched. */
    degraded: all.mode === 'text' ? (all.degraded ?? 'no reason given') : null,
  }
}

/** queries.jsonl → queries.baseline.json, beside it. */
function keptFile(file: string): string {
  return `${file.replace(/\.[^./\\]*$/, '')}.baseline.json`
}

function printQueries(outcomes: readonly QueryOutcome[], out: Output): void {
  out.table({
    titles: true,
    columns: [
      { title: 'R@10', align: 'right' },
      { title: 'rank', align: 'right' },
      { title: 'handed', align: 'right' },
      { title: 'query', flexible: true },
    ],
    rows: outcomes.map(({ figures, handed, query }) => [
      figures === null ? '' : (100 * figures.r10).toFixed(0),
      figures === null || figures.mrr === 0 ? '–' : String(Math.round(1 / figures.mrr)),
      figures === null && handed > 0
        ? { text: `${handed}, not 0`, style: 'red' as const }
        : String(handed),
      query,
    ]),
  })
  const { r1, r5, r10, mrr, answered, nothing, queries } = summarize(outcomes)
  out.line()
  out.line(
    [
      count(queries, 'query', 'queries'),
      `R@1 ${r1}  R@5 ${r5}  R@10 ${r10}  MRR ${mrr}`,
      ...(answered === null ? [] : [`answered ${answered} %`]),
      ...(nothing === null ? [] : [`nothing where nothing is relevant ${nothing} %`]),
    ].join(', '),
  )
}

function printHow(
  embedder: string | null,
  byWords: readonly string[],
  queries: number,
  out: Output,
): void {
  if (embedder === null) {
    const why = byWords[0] === undefined ? '' : `: ${oneLine(byWords[0])}`
    out.line(`${out.paint('red', 'Measured by words alone')}${why}`)
    return
  }
  out.line(`Measured with ${embedder}`)
  if (byWords.length === 0) return
  out.line(`  ${byWords.length} of ${queries} by words alone: ${oneLine(byWords[0]!)}`)
}

function printComparison(
  before: Baseline,
  embedder: string | null,
  { compared, added, removed, worse, queries }: ReturnType<typeof compareWith>,
  out: Output,
): void {
  const baseline = `the baseline of ${dateTime(before.saved_at)}`
  if (compared === 0) out.line(`Nothing to compare: ${baseline} has none of these queries.`)
  else if (worse.length === 0) out.line(`Not worse than ${baseline}.`)
  else {
    const figures = worse.map(({ figure, from, to }) => `${figure} ${from} → ${to}`).join(', ')
    out.line(`${out.paint('red', 'Worse')} than ${baseline}: ${figures}`)
  }
  if (before.embedder !== embedder) {
    out.line(
      `  That was measured ${before.embedder ? `with ${before.embedder}` : 'by words alone'}.`,
    )
  }
  if (added + removed > 0) {
    out.line(
      `  Compared by ${count(compared, 'query', 'queries')} of both; ${added} new, ${removed} no longer there. --save holds later runs against this one.`,
    )
  }
  if (queries.length > 0) out.line(`  ${count(queries.length, 'query', 'queries')} fell:`)
  for (const query of queries) out.line(`  ${cut(oneLine(query), 100)}`)
}
