import { terms, words } from '../../memory/words.ts'

/**
 * What other products do, on the same documents: cosine of MiniLM vectors alone, BM25 alone, and their
 * equal rank fusion. Each document is its text, without context of any kind.
 */

/** A document's place in the corpus, with its score; higher is better. */
type Scored = Readonly<{ place: number; score: number }>

export type Baselines = Readonly<{
  cosine(query: Float32Array): number[]
  bm25(question: string): number[]
  /** @param rankings of the same documents */
  rrf(rankings: readonly (readonly number[])[]): number[]
}>

/** How deep each list goes into the fusion. */
const FUSED_DEPTH = 200
/** Of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009). */
const RRF_K = 60

/**
 * @param vectors unit vectors in the order of the texts; null for a text that has none
 * @returns rankings as places in `texts`, best first; equal scores stand in the order of `tieOrder`
 */
export function createBaselines(
  texts: readonly string[],
  vectors: readonly (Float32Array | null)[],
  tieOrder: readonly number[],
): Baselines {
  const bm25 = createBm25(texts)
  const sorted = (scored: Scored[]) =>
    scored
      .sort((a, b) => b.score - a.score || tieOrder[a.place]! - tieOrder[b.place]!)
      .slice(0, FUSED_DEPTH)
      .map(({ place }) => place)
  return {
    cosine: (query) =>
      sorted(
        vectors.flatMap((vector, place) => (vector ? [{ place, score: dot(vector, query) }] : [])),
      ),
    bm25: (question) => sorted(bm25(question)),
    rrf: (rankings) => {
      const scores = new Map<number, number>()
      for (const ranking of rankings) {
        for (const [rank, place] of ranking.entries()) {
          scores.set(place, (scores.get(place) ?? 0) + 1 / (RRF_K + rank + 1))
        }
      }
      return sorted([...scores].map(([place, score]) => ({ place, score })))
    },
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

// BM25's usual constants (Robertson and Zaragoza 2009, 3.3).
const K1 = 1.2
const B = 0.75

/** BM25 (Robertson) with Porter stems, and without stop words in the question: the stronger variant. */
function createBm25(texts: readonly string[]): (question: string) => Scored[] {
  const postings = new Map<string, Map<number, number>>()
  const lengths = texts.map((text, place) => {
    const all = terms(text)
    for (const term of all) {
      const posting = postings.getOrInsertComputed(term, () => new Map())
      posting.set(place, (posting.get(place) ?? 0) + 1)
    }
    return all.length
  })
  const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length)
  return (question) => {
    const scores = new Map<number, number>()
    for (const term of new Set(topicalTerms(question))) {
      const posting = postings.get(term)
      if (!posting) continue
      const idf = Math.log(1 + (texts.length - posting.size + 0.5) / (posting.size + 0.5))
      for (const [place, count] of posting) {
        const norm = 1 - B + (B * lengths[place]!) / average
        const gain = (idf * count * (K1 + 1)) / (count + K1 * norm)
        scores.set(place, (scores.get(place) ?? 0) + gain)
      }
    }
    return [...scores].map(([place, score]) => ({ place, score }))
  }
}

/** All words when none carries a topic. */
function topicalTerms(question: string): string[] {
  const all = words(question)
  const topical = all.filter((word) => !STOP_WORDS.has(word))
  return terms((topical.length > 0 ? topical : all).join(' '))
}

/** A plain English list of its own: the product's may change without the baseline. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after again all also am an and any are as at be because been before being both but by can could did do does
  doing done down during each else ever every few for from further get gets getting got had has have having he her here
  hers him his how i if in into is it its itself just let ll like may me might more most much must my myself no nor not of
  off on once one only or other our ours out over own re s same shall she should so some such t than that the their theirs
  them then there these they this those through to too under until up upon us ve very was we were what when where which
  while who whom whose why will with would you your yours yourself d m don didn doesn isn wasn aren won`
    .split(/\s+/)
    .filter(Boolean),
)
