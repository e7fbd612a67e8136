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
  const queries = text.split('\n').flatMap((row, i): LabelledQuery[] => {
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
  /** null where nothing is relevant. */
  figures: Figures | null
  handed: number
}>

export function judgeQuery({ query, relevant }: LabelledQuery, answer: Answer): QueryOutcome {
  if (relevant.length === 0) return { query, figures: null, handed: answer.handed }
  // Each label is found by the first memory that fits it.
  const left = new Set(relevant)
  const labels = answer.ranked.map(({ id, content }, place) => {
    const label = [...left].find((one) => fits(one, id, content))
    if (label === undefined) return `place ${place}`
    left.delete(label)
    return `label ${label}`
  })
  const wanted = new Set(relevant.map((label) => `label ${label}`))
  return { query, figures: measure(labels, wanted), handed: answer.handed }
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
  embedder: z.string().nullable(),
  summary,
  queries: z.record(z.string(), z.number()),
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
    queries: Object.fromEntries(outcomes.map((outcome) => [outcome.query, worthOf(outcome)])),
  }
}

/** @throws EngramError `invalid`. */
export function readBaseline(text: string, file: string): Baseline {
  try {
    return baseline.parse(JSON.parse(text))
  } catch (error) {
    throw new EngramError('invalid', `${file} is no baseline`, {
      cause: error,
      fix: 'delete it; the next run with --gate saves a new one',
    })
  }
}

/** How well one query went, 0 to 1: for one with nothing relevant, whether nothing came back. */
function worthOf({ figures, handed }: QueryOutcome): number {
  const worth = figures === null ? Number(handed === 0) : (figures.r10 + figures.mrr) / 2
  return Math.round(worth * 1_000) / 1_000
}

export type Comparison = Readonly<{
  /** Figures that fell, and by how many points. */
  worse: readonly Readonly<{ figure: keyof QuerySummary; from: number; to: number }>[]
  /** Queries that fell. */
  queries: readonly string[]
}>

const GATED = ['r5', 'r10', 'mrr', 'answered', 'nothing'] as const
/** Rounding to a tenth. */
const TOLERANCE = 0.1

/** What is worse than the baseline. Queries that the baseline does not know count in the figures only. */
export function compareWith(before: Baseline, outcomes: readonly QueryOutcome[]): Comparison {
  const now = summarize(outcomes)
  return {
    worse: GATED.flatMap((figure) => {
      const [from, to] = [before.summary[figure], now[figure]]
      return from !== null && to !== null && to < from - TOLERANCE ? [{ figure, from, to }] : []
    }),
    queries: outcomes
      .filter((outcome) => worthOf(outcome) < (before.queries[outcome.query] ?? 0))
      .map(({ query }) => query),
  }
}
