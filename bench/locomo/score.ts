/** How far down a ranked list is looked; further down nobody would. */
export const DEPTH = 20

export type Score = Readonly<{ r5: number; r10: number; mrr: number }>

/**
 * Of one question: the share of its evidence that is found among the first five and ten, and one over the
 * rank of the first hit, 0 when that is below `DEPTH`.
 *
 * @param ranked for each item, best first, the turns of evidence that it gives
 */
export function score(
  ranked: readonly (readonly string[])[],
  evidence: ReadonlySet<string>,
): Score {
  const found = (depth: number) =>
    new Set(
      ranked
        .slice(0, depth)
        .flat()
        .filter((turn) => evidence.has(turn)),
    ).size / evidence.size
  const first = ranked
    .slice(0, DEPTH)
    .findIndex((turns) => turns.some((turn) => evidence.has(turn)))
  return { r5: found(5), r10: found(10), mrr: first < 0 ? 0 : 1 / (first + 1) }
}

export function mean(scores: readonly Score[]): Score {
  const of = (pick: (each: Score) => number) =>
    scores.reduce((sum, each) => sum + pick(each), 0) / Math.max(1, scores.length)
  return { r5: of(({ r5 }) => r5), r10: of(({ r10 }) => r10), mrr: of(({ mrr }) => mrr) }
}
