/** Values in ascending order. */
export function sorted(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort()
}

/** The smallest of the sorted values that so large a share of them does not exceed; NaN of none. */
export function percentile(ascending: Float64Array, share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN
}

export type Summary = Readonly<{
  count: number
  p50: number
  p95: number
  p99: number
  max: number
}>

export function summarize(values: Iterable<number>): Summary {
  const ascending = sorted(values)
  return {
    count: ascending.length,
    p50: percentile(ascending, 0.5),
    p95: percentile(ascending, 0.95),
    p99: percentile(ascending, 0.99),
    max: percentile(ascending, 1),
  }
}

export type Interval = readonly [low: number, high: number]

/**
 * The 95 % interval of a statistic by the percentile bootstrap: it is taken again of as many samples drawn
 * with replacement, a thousand times (Efron 1979).
 */
export function bootstrap(
  values: readonly number[],
  statistic: (ascending: Float64Array) => number,
  random: () => number,
  times = 1_000,
): Interval {
  const drawn = new Float64Array(values.length)
  const found = Array.from({ length: times }, () => {
    for (let i = 0; i < drawn.length; i++) drawn[i] = values[Math.floor(random() * values.length)]!
    return statistic(drawn.toSorted())
  })
  const ascending = sorted(found)
  return [percentile(ascending, 0.025), percentile(ascending, 0.975)]
}

export const median = (ascending: Float64Array) => percentile(ascending, 0.5)

/** What the second of two paired arms adds to the first. */
export type Added = Readonly<{
  pairs: number
  first: Summary
  second: Summary
  /** The median of the paired differences, with its 95 % interval. */
  p50: number
  p50Interval: Interval
  /** Differences of the arms' percentiles. */
  p95: number
  p99: number
}>

export function compare(
  first: readonly number[],
  second: readonly number[],
  random: () => number,
): Added {
  if (first.length !== second.length || first.length === 0) {
    throw new Error(`paired arms of ${first.length} and ${second.length} values`)
  }
  const differences = second.map((value, i) => value - first[i]!)
  const [a, b] = [summarize(first), summarize(second)]
  return {
    pairs: first.length,
    first: a,
    second: b,
    p50: median(sorted(differences)),
    p50Interval: bootstrap(differences, median, random),
    p95: b.p95 - a.p95,
    p99: b.p99 - a.p99,
  }
}
