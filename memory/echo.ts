import { compareStatements, readStatement } from './compare.ts'
import type { Candidate } from './memory.ts'

/**
 * A text without the blocks of memories that we put into requests. A block whose end is missing reaches to
 * the end of the text, one whose beginning is missing from the start; also when the angle brackets were
 * escaped on the way. What was injected must never be learned again.
 */
export function stripInjected(text: string): string {
  if (!MENTION.test(text)) return text
  const kept: string[] = []
  let from = 0
  let inside = false
  EDGE.lastIndex = 0
  for (;;) {
    const edge = EDGE.exec(text)
    if (edge === null) break
    if (edge.groups?.slash !== undefined) {
      if (!inside) kept.length = 0 // its beginning was cut off, and everything before it is inside
      inside = false
      from = EDGE.lastIndex
    } else if (!inside) {
      kept.push(text.slice(from, edge.index))
      inside = true
    }
  }
  if (!inside) kept.push(text.slice(from))
  return kept.join('\n\n')
}

const MENTION = /engram-mem/i
const OPEN = String.raw`(?:<|&lt;|&#60;|&#x3c;|\\u003c|%3c)`
const CLOSE = String.raw`(?:>|&gt;|&#62;|&#x3e;|\\u003e|%3e)`
/** `<engram-memory` or `</engram-memory>`, plain, as an entity or as a JSON escape; at the end also half of it. */
const EDGE = new RegExp(
  String.raw`${OPEN}\s{0,4}(?<slash>\\?/\s{0,4})?engram-mem(?:ory(?![\w-])(?:\s{0,4}${CLOSE})?|o?r?$)`,
  'gi',
)

/**
 * Does a candidate merely repeat a memory that was injected into the request it comes from, in words that
 * are not the user's own? Then it is no news, and storing it would confirm a memory by itself.
 *
 * @param injected the contents of the memories in that request.
 * @param said what the user said in those turns, without the injected block.
 */
export function isEcho(
  candidate: Pick<Candidate, 'content'>,
  injected: readonly string[],
  said: readonly string[],
): boolean {
  const { content } = candidate
  return (
    injected.some((memory) => repeats(content, memory)) &&
    !said.some((text) => isSaid(content, text))
  )
}

/** Nothing in the content that the memory does not hold: no word to speak of, no name, number or "not". */
function repeats(content: string, memory: string): boolean {
  const { differences } = compareStatements(content, memory)
  const adds = differences.some(
    ({ kind, a }) => a.length > 0 || kind === 'negation' || kind === 'polarity',
  )
  return !adds && coverage(content, memory) >= MOST
}

/** The user's turn holds the names and numbers of the content, and most of its words. */
function isSaid(content: string, said: string): boolean {
  const { names, numbers } = readStatement(content)
  const own = new Set(readStatement(said).words)
  return [...names, ...numbers].every((word) => own.has(word)) && coverage(content, said) >= HALF
}

/** The share of the content's stems that occur in the other text. */
function coverage(content: string, other: string): number {
  const stems = [...readStatement(content).stems]
  if (stems.length === 0) return 0
  const there = readStatement(other).stems
  return stems.filter((stem) => there.has(stem)).length / stems.length
}

/** A light rewording changes one word in ten. */
const MOST = 0.9
const HALF = 0.5
