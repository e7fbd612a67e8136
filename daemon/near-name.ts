/** More changes than this make another word of it; shorter words take fewer. */
const MAX_CHANGES = 2

/** The one of `known` that was probably meant by `given`; null when none is near. */
export function nearName(given: string, known: readonly string[]): string | null {
  const word = given.toLowerCase()
  let best: { name: string; changes: number } | null = null
  for (const name of known) {
    if (Math.abs(name.length - word.length) > MAX_CHANGES) continue
    const changes = changesBetween(word, name)
    const allowed = Math.min(MAX_CHANGES, Math.floor(name.length / 2))
    if (changes <= allowed && changes < (best?.changes ?? Number.POSITIVE_INFINITY)) {
      best = { name, changes }
    }
  }
  return best?.name ?? null
}

/** Characters to add, drop, replace or swap with their neighbour (optimal string alignment). */
function changesBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
