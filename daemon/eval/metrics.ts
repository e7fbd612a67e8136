/** How good a ranking is. Every figure is a share, 0 to 1. */
export type Figures = Readonly<{
  /** Share of what is relevant among the first 1, 5, 10. */
  r1: number
  r5: number
  r10: number
  /** 1 when everything relevant is among the first 5, 10. */
  recall_all5: number
  recall_all10: number
  /** 1 / rank of the first relevant one; 0 when none is in the ranking. */
  mrr: number
  /** Discounted gain of the first 10 over that of the best possible order (Järvelin, Kekäläinen 2002). */
  ndcg10: number
}>

const METRICS = ['r1', 'r5', 'r10', 'recall_all5', 'recall_all10', 'mrr', 'ndcg10'] as const

/**
 * @param ranked labels, best first, each once
 * @param relevant at least one label
 */
export function measure(ranked: readonly string[], relevant: ReadonlySet<string>): Figures {
  const hits = ranked.map((label) => relevant.has(label))
  const recallAt = (k: number) => hits.slice(0, k).filter(Boolean).length / relevant.size
  const first = hits.indexOf(true)
  const gain = (place: number) => 1 / Math.log2(place + 2)
  let gained = 0
  for (let place = 0; place < Math.min(10, hits.length); place++) {
    if (hits[place]) gained += gain(place)
  }
  let ideal = 0
  for (let place = 0; place < Math.min(10, relevant.size); place++) ideal += gain(place)
  return {
    r1: recallAt(1),
    r5: recallAt(5),
    r10: recallAt(10),
    recall_all5: recallAt(5) === 1 ? 1 : 0,
    recall_all10: recallAt(10) === 1 ? 1 : 0,
    mrr: first < 0 ? 0 : 1 / (first + 1),
    ndcg10: gained / ideal,
  }
}

/** The mean of each figure; null of none. */
export function meanFigures(all: readonly Figures[]): Figures | null {
  if (all.length === 0) return null
  const mean = (metric: keyof Figures) =>
    all.reduce((sum, figures) => sum + figures[metric], 0) / all.length
  return Object.fromEntries(METRICS.map((metric) => [metric, mean(metric)])) as Figures
}

/** The value that `share` of the values do not exceed (nearest rank); 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * Half the width of the 95 % interval of a mean over questions, by the normal approximation: differences
 * within it are chance.
 */
export function margin(values: readonly number[]): number {
  if (values.length < 2) return 0
  const middle = mean(values)
  const variance =
    values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
  return 1.96 * Math.sqrt(variance / values.length)
}
