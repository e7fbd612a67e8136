/** The words of a text, set apart by white space: how the lists of this folder are written. */
export function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/).filter(Boolean))
}
