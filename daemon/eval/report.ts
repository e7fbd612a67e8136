import type { EvalSet, Half } from './corpus.ts'
import {
  type AskedQuestion,
  METHODS,
  type Method,
  type Observed,
  type Unanswered,
  type Update,
} from './evaluate.ts'
import { type Figures, margin, mean, meanFigures, percentile } from './metrics.ts'

/** Shares in percent, to a tenth; milliseconds to a hundredth. */
export type MethodFigures = Figures & Readonly<{ ms_p50: number; ms_p95: number }>

export type Table = Readonly<Record<Method, MethodFigures>>

/** What the decision "is anything here about this" does. Percent. */
export type Admission = Readonly<{
  /** R@10 of what is found, and of what is left after the decision. */
  r10_found: number
  r10_admitted: number
  /** Share of questions that get nothing: another user's, everyday ones, those without an answer. */
  foreign_nothing: number | null
  everyday_nothing: number | null
  unanswerable_nothing: number | null
  /** What a fresh installation hands to the model for the user's own questions. */
  handed: Readonly<{
    /** Share of what is handed over that is relevant; and of what is relevant, that is handed over. */
    precision: number
    recall: number
    items: number
    tokens: number
    nothing: number
  }>
}>

export type SetReport = Readonly<{
  about: string
  level: EvalSet['level']
  corpora: number
  documents: number
  questions: number
  /** Of the database file: text, text index, journal, vectors. */
  bytes_per_memory: number
  /** Half the 95 % interval of engram's r10. */
  r10_margin: number
}> &
  Table &
  Readonly<{
    halves: Readonly<Partial<Record<Half, Table>>>
    /** engram's r10 by the data's own kinds of question. */
    kinds: Readonly<Record<string, Readonly<{ questions: number; r10: number }>>>
    admission: Admission
    admission_halves: Readonly<Partial<Record<Half, Admission>>>
  }>

export type NewestFirst = Readonly<Record<Method, number>> & Readonly<{ pairs: number }>

export function reportSet(set: EvalSet, observed: Observed): SetReport {
  const { asked, unanswered } = observed
  const halves = (['dev', 'held_out'] as const).filter((half) =>
    asked.some((question) => question.half === half),
  )
  const of = <T extends { half: Half }>(all: readonly T[], half: Half) =>
    all.filter((each) => each.half === half)
  return {
    about: set.about,
    level: set.level,
    corpora: set.corpora.length,
    documents: observed.documents,
    questions: asked.length,
    bytes_per_memory: Math.round(observed.sizeBytes / Math.max(1, observed.documents)),
    r10_margin: percent(margin(asked.map(({ methods }) => methods.engram.figures.r10))),
    ...tableOf(asked),
    halves: Object.fromEntries(halves.map((half) => [half, tableOf(of(asked, half))])),
    kinds: kindsOf(asked),
    admission: admissionOf(asked, unanswered),
    admission_halves: Object.fromEntries(
      halves.map((half) => [half, admissionOf(of(asked, half), of(unanswered, half))]),
    ),
  }
}

function tableOf(asked: readonly AskedQuestion[]): Table {
  return Object.fromEntries(
    METHODS.map((method) => {
      const ranked = asked.map(({ methods }) => methods[method])
      const figures = meanFigures(ranked.map((one) => one.figures))
      const ms = ranked.map((one) => one.ms)
      return [
        method,
        {
          ...inPercent(figures),
          ms_p50: hundredths(percentile(ms, 0.5)),
          ms_p95: hundredths(percentile(ms, 0.95)),
        },
      ]
    }),
  ) as Table
}

function inPercent(figures: Figures | null): Figures {
  const of = (metric: keyof Figures) => percent(figures?.[metric] ?? 0)
  return {
    r1: of('r1'),
    r5: of('r5'),
    r10: of('r10'),
    recall_all5: of('recall_all5'),
    recall_all10: of('recall_all10'),
    mrr: of('mrr'),
    ndcg10: of('ndcg10'),
  }
}

function kindsOf(asked: readonly AskedQuestion[]): SetReport['kinds'] {
  const kinds = Map.groupBy(asked, ({ kind }) => kind)
  return Object.fromEntries(
    [...kinds]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, questions]) => [
        kind,
        {
          questions: questions.length,
          r10: percent(mean(questions.map(({ methods }) => methods.engram.figures.r10))),
        },
      ]),
  )
}

function admissionOf(
  asked: readonly AskedQuestion[],
  unanswered: readonly Unanswered[],
): Admission {
  const nothing = (sort: Unanswered['sort']) => {
    const some = unanswered.filter((question) => question.sort === sort)
    return some.length === 0 ? null : percent(mean(some.map((one) => Number(one.nothing))))
  }
  const handed = asked.map((question) => question.handed)
  const given = handed.filter(({ items }) => items > 0)
  return {
    r10_found: percent(mean(asked.map(({ methods }) => methods.engram.figures.r10))),
    r10_admitted: percent(mean(asked.map(({ admitted }) => admitted.r10))),
    foreign_nothing: nothing('foreign'),
    everyday_nothing: nothing('everyday'),
    unanswerable_nothing: nothing('unanswerable'),
    handed: {
      precision: percent(mean(given.map(({ items, relevant }) => relevant / items))),
      recall: percent(mean(handed.map(({ relevant, sought }) => relevant / sought))),
      items: hundredths(mean(handed.map(({ items }) => items))),
      tokens: Math.round(mean(handed.map(({ tokens }) => tokens))),
      nothing: percent(mean(handed.map(({ items }) => Number(items === 0)))),
    },
  }
}

/** null when no set has such pairs. */
export function reportNewestFirst(updates: readonly Update[]): NewestFirst | null {
  if (updates.length === 0) return null
  return {
    ...(Object.fromEntries(
      METHODS.map((method) => [
        method,
        percent(mean(updates.map((update) => Number(update[method])))),
      ]),
    ) as Record<Method, number>),
    pairs: updates.length,
  }
}

export function percent(share: number): number {
  return Math.round(share * 1_000) / 10
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
