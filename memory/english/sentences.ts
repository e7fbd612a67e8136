import { OPAQUE } from './tokens.ts'
import { wordSet } from './word-set.ts'

/** One sentence, verbatim, without the bullet or number before it and the space around it. */
export type Sentence = Readonly<{
  text: string
  /** It ends with a question mark. */
  question: boolean
}>

/**
 * Splits a passage at sentence ends, line ends and semicolons. Abbreviations, initials, decimals, file
 * names and whatever stands in quotation marks or back-ticks do not end a sentence; a line that merely
 * wraps does not either.
 */
export function sentencesOf(passage: string): Sentence[] {
  const found: Sentence[] = []
  const skips = opaqueSpans(passage)
  let skip = 0
  let start = 0
  STOP.lastIndex = 0
  for (;;) {
    const stop = STOP.exec(passage)
    if (stop === null) break
    while (skip < skips.length && skips[skip]!.to <= stop.index) skip++
    const span = skips[skip]
    if (span !== undefined && span.from < stop.index) {
      STOP.lastIndex = Math.max(STOP.lastIndex, span.to)
      continue
    }
    const mark = stop[0]
    const from = STOP.lastIndex
    if (
      mark.startsWith('\n')
        ? wraps(passage, start, stop.index, from)
        : continues(passage, stop.index, from)
    ) {
      continue
    }
    add(found, passage.slice(start, mark.startsWith('\n') || mark === ';' ? stop.index : from))
    start = from
  }
  add(found, passage.slice(start))
  return found
}

const STOP = /[.!?…]{1,8}["'”’)\]*_]{0,4}(?=\s|$)|[。！？]|;(?=\s)|\n\s*/g

function opaqueSpans(passage: string): { from: number; to: number }[] {
  const spans: { from: number; to: number }[] = []
  OPAQUE.lastIndex = 0
  for (;;) {
    const match = OPAQUE.exec(passage)
    if (match === null) return spans
    spans.push({ from: match.index, to: OPAQUE.lastIndex })
  }
}

/** Is the stop at `at` no sentence end: a title, an initial, an abbreviation before a small letter? */
function continues(passage: string, at: number, from: number): boolean {
  if (passage[at] !== '.') return false
  if (/(?:^|\n)\s*\d{1,3}$/.test(passage.slice(Math.max(0, at - 12), at))) return true // "1. first"
  const before = /[\p{L}.]{1,12}$/u.exec(passage.slice(Math.max(0, at - 12), at))?.[0] ?? ''
  const after = passage.slice(from, from + 8).trimStart()[0] ?? ''
  if (TITLES.has(before.toLowerCase())) return true
  if (/^\p{Lu}$/u.test(before) && before !== 'I' && /\p{Lu}/u.test(after)) return true
  return ABBREVIATIONS.has(before.toLowerCase()) && !/\p{Lu}/u.test(after)
}

const TITLES = wordSet('mr mrs ms dr prof st sr jr e.g i.e vs approx cf')
const ABBREVIATIONS = wordSet('a.m p.m am pm u.s u.k e.u etc inc ltd co corp dept est min max incl')

/** Does the line that ends at `end` run on in the next one, which starts at `next`? */
function wraps(passage: string, start: number, end: number, next: number): boolean {
  if (passage.slice(end, next).split('\n').length > 2) return false
  const line = passage.slice(Math.max(start, passage.lastIndexOf('\n', end - 1) + 1), end)
  if (/[.!?…:;]["'”’)\]]{0,2}\s*$/.test(line)) return false
  const following = passage.slice(next, next + 24)
  if (BULLET.test(following)) return false
  if (line.length >= WRAPPED_LINE || UNFINISHED.test(line)) return true
  return /^\p{Ll}/u.test(following) && !/^(?:i|im|my|we|our)\b/.test(following)
}

/** Nobody breaks a line by hand after this many characters without a stop; an editor does. */
const WRAPPED_LINE = 66
const UNFINISHED =
  /(?:,|\b(?:a|an|the|my|our|and|or|but|of|in|at|on|to|for|with|from|is|are|am))\s*$/i
const BULLET = /^\s*(?:[-*•·–+]\s|\d{1,3}[.)]\s|#{1,6}\s|\[[ xX]?\]\s)/
const BULLETS = /^(?:\s*(?:[-*•·–+]\s|\d{1,3}[.)]\s|#{1,6}\s|\[[ xX]?\]\s)){0,3}/

function add(found: Sentence[], piece: string): void {
  const text = piece
    .replace(BULLETS, '')
    .replace(/^[*_]{1,3}(?=\S)/, '')
    .trim()
  if (!/[\p{L}\p{N}]/u.test(text)) return
  found.push({ text, question: /\?[^\p{L}\p{N}]{0,8}$/u.test(text) || text.endsWith('？') })
}
