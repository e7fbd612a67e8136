import { z } from 'zod'
import { EngramError } from '../../memory/errors.ts'
import { type Figures, mean, meanFigures, measure } from './metrics.ts'
import { percent } from './report.ts'

/**
 * A person's own questions with what should come back, asked of their own store. A line each:
 *
 *   {"query": "which editor do I use", "relevant": ["Neovim"]}
 *   {"query": "convert 72 F to C", "relevant": []}
 *
 * What is relevant is named by the id of a memory or by words it holds; none means that nothing may come back.
 */

const line = z.object({
  query: z.string().trim().min(1),
  relevant: z.array(z.string().trim().min(1)),
})
export type LabelledQuery = z.output<typeof line>

/** @throws EngramError `invalid` naming the line that cannot be used, or when there is none. */
export function readQueries(text: string, file: string): LabelledQuery[] {
  // Windows' editors put a mark in front of UTF-8.
  const queries = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((row, i): LabelledQuery[] => {
      if (row.trim() === '') return []
      try {
        return [line.parse(JSON.parse(row))]
      } catch (error) {
        throw new EngramError('invalid', `line ${i + 1} of ${file} is no labelled query`, {
          cause: error,
          fix: '{"query": "which editor", "relevant": ["Neovim"]}',
        })
      }
    })
  if (queries.length > 0) return queries
  throw new EngramError('invalid', `${file} has no queries`, {
    fix: 'a line each: {"query": "which editor", "relevant": ["Neovim"]}',
  })
}

export type Answer = Readonly<{
  /** Everything found, best first, relevant or not. */
  ranked: readonly Readonly<{ id: string; content: string }>[]
  /** How much would be handed over. */
  handed: number
}>

export type QueryOutcome = Readonly<{
  query: string
  relevant: readonly string[]
  /** null where nothing is relevant. */
  figures: Figures | null
  handed: number
}>

export function judgeQuery({ query, relevant }: LabelledQuery, answer: Answer): QueryOutcome {
  if (relevant.length === 0) return { query, relevant, figures: null, handed: answer.handed }
  // Each label is found by the first memory that fits it.
  const left = new Set(relevant)
  const labels = answer.ranked.map(({ id, content }, place) => {
    const label = [...left].find((one) => fits(one, id, content))
    if (label === undefined) return `place ${place}`
    left.delete(label)
    return `label ${label}`
  })
  const wanted = new Set(relevant.map((label) => `label ${label}`))
  return { query, relevant, figures: measure(labels, wanted), handed: answer.handed }
}

function fits(label: string, id: string, content: string): boolean {
  return /^mem_\w/.test(label)
    ? id.startsWith(label)
    : content.toLowerCase().includes(label.toLowerCase())
}

/** Percent. */
const summary = z.object({
  queries: z.number(),
  r1: z.number(),
  r5: z.number(),
  r10: z.number(),
  mrr: z.number(),
  ndcg10: z.number(),
  /** Of the queries with something relevant, those for which anything would be handed over. */
  answered: z.number().nullable(),
  /** Of the queries with nothing relevant, those for which nothing would be. */
  nothing: z.number().nullable(),
})
export type QuerySummary = z.output<typeof summary>

export function summarize(outcomes: readonly QueryOutcome[]): QuerySummary {
  const asked = outcomes.filter(({ figures }) => figures !== null)
  const vain = outcomes.filter(({ figures }) => figures === null)
  const figures = meanFigures(asked.map((outcome) => outcome.figures!))
  const of = (metric: keyof Figures) => percent(figures?.[metric] ?? 0)
  return {
    queries: outcomes.length,
    r1: of('r1'),
    r5: of('r5'),
    r10: of('r10'),
    mrr: of('mrr'),
    ndcg10: of('ndcg10'),
    answered:
      asked.length === 0 ? null : percent(mean(asked.map(({ handed }) => Number(handed > 0)))),
    nothing:
      vain.length === 0 ? null : percent(mean(vain.map(({ handed }) => Number(handed === 0)))),
  }
}

/** What a run is held against later. */
const baseline = z.object({
  saved_at: z.string(),
  /** null when words alone were searched. */
  embedder: z.string().nullable(),
  summary,
  each: z.array(
    z.object({
      query: z.string(),
      relevant: z.array(z.string()),
      figures: z
        .object({
          r1: z.number(),
          r5: z.number(),
          r10: z.number(),
          recall_all5: z.number(),
          recall_all10: z.number(),
          mrr: z.number(),
          ndcg10: z.number(),
        })
        .nullable(),
      handed: z.number(),
    }),
  ),
})
export type Baseline = z.output<typeof baseline>

export function toBaseline(
  outcomes: readonly QueryOutcome[],
  embedder: string | null,
  now: number,
): Baseline {
  return {
    saved_at: new Date(now).toISOString(),
    embedder,
    summary: summarize(outcomes),
    each: outcomes.map(({ relevant, ...outcome }) => ({ ...outcome, relevant: [...relevant] })),
  }
}

/** @throws EngramError `invalid`. */
export function readBaseline(text: string, file: string): Baseline {
  try {
    return baseline.parse(JSON.parse(text))
  } catch (error) {
    throw new EngramError('invalid', `${file} is no baseline, or one of an older version`, {
      cause: error,
      fix: 'delete it; the next run with --gate saves a new one',
    })
  }
}

export type Comparison = Readonly<{
  /** Queries of both runs, asked for the same: what the two are compared by. */
  compared: number
  /** Queries of this run alone, and of the baseline alone. */
  added: number
  removed: number
  /** Figures of the queries compared that fell, and by how many points. */
  worse: readonly Readonly<{ figure: keyof QuerySummary; from: number; to: number }>[]
  /** Queries that fell, also where others rose by as much. */
  queries: readonly string[]
}>

const GATED = ['r5', 'r10', 'mrr', 'answered', 'nothing'] as const
/** Rounding to a tenth. */
const TOLERANCE = 0.1

/**
 * What is worse than the baseline. Only what both asked counts: a hard query that is new would look like a fall,
 * and an easy one would hide it.
 */
export function compareWith(before: Baseline, outcomes: readonly QueryOutcome[]): Comparison {
  const then = new Map(before.each.map((outcome) => [keyOf(outcome), outcome]))
  const now = new Map(outcomes.map((outcome) => [keyOf(outcome), outcome]))
  const pairs = [...now].flatMap(([key, outcome]) => {
    const earlier = then.get(key)
    return earlier === undefined ? [] : [{ earlier, outcome }]
  })
  const from = summarize(pairs.map(({ earlier }) => earlier))
  const to = summarize(pairs.map(({ outcome }) => outcome))
  return {
    compared: pairs.length,
    added: now.size - pairs.length,
    removed: then.size - pairs.length,
    worse: GATED.flatMap((figure) => {
      const [high, low] = [from[figure], to[figure]]
      return high !== null && low !== null && low < high - TOLERANCE
        ? [{ figure, from: high, to: low }]
        : []
    }),
    queries: pairs
      .filter(({ earlier, outcome }) => fell(earlier, outcome))
      .map(({ outcome }) => outcome.query),
  }
}

function keyOf({ query, relevant }: Pick<QueryOutcome, 'query' | 'relevant'>): string {
  return JSON.stringify([query, relevant.toSorted()])
}

function fell(before: QueryOutcome, now: QueryOutcome): boolean {
  const [from, to] = [before.figures, now.figures]
  if (from === null || to === null) return before.handed === 0 && now.handed > 0
  return (
    (before.handed > 0 && now.handed === 0) ||
    (['r5', 'r10', 'mrr'] as const).some((figure) => to[figure] < from[figure])
  )
}
