import type { RelatedTerms } from './term-index.ts'

/**
 * Reads a table of related search terms: a term a line, then `other:percent` for each related one, closest
 * first. Lines that are not of this form are passed over: the table only adds to what is found.
 */
export function readRelatedTerms(text: string): RelatedTerms {
  const table = new Map<string, { term: string; similarity: number }[]>()
  for (const line of text.split('\n')) {
    const [term, ...others] = line.split(' ')
    const related = others.flatMap((entry) => {
      const [other, percent] = entry.split(':')
      const similarity = Number(percent) / 100
      return other && similarity > 0 && similarity <= 1 ? [{ term: other, similarity }] : []
    })
    if (term && related.length > 0) table.set(term, related)
  }
  return (term) => table.get(term) ?? NONE
}

const NONE: readonly never[] = []
