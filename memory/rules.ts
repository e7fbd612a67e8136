import { ownWords } from './english/own-words.ts'
import { holdsSecret } from './english/secrets.ts'
import { sentencesOf } from './english/sentences.ts'
import { type Finding, readSentence } from './english/statements.ts'
import { resolveDates } from './english/when.ts'
import type { Candidate, Turn } from './memory.ts'
import { slotOf } from './slots.ts'

/**
 * Finds, without a language model, what the user states about themselves and their world that lasts, and
 * what they ask to be remembered. English only: of other languages it understands nothing and returns
 * nothing. It prefers silence to a wrong memory; what it misses stays in the verbatim turns.
 *
 * Only turns of role `user` are read, and of those only the user's own words (`own-words.ts`).
 *
 * @param now decides whether a dated event is still ahead: one that is over gets no expiry, since an
 *   imported conversation would otherwise arrive expired.
 * @returns in the order they were said; at most 20 of a turn and 100 in all.
 */
export function extractByRules(turns: readonly Turn[], now: number): Candidate[] {
  const found: Candidate[] = []
  for (const turn of turns) {
    if (turn.role !== 'user') continue
    const contents = found.map((candidate) => candidate.content)
    for (const { finding, quote } of findingsIn(turn.content, contents)) {
      if (found.length === MAX_PER_CALL) return found
      const candidate = toCandidate(finding, quote, turn, now)
      if (!found.some(({ content }) => content === candidate.content)) found.push(candidate)
    }
  }
  return found
}

export const MAX_PER_TURN = 20
export const MAX_PER_CALL = 100

type Quoted = Readonly<{ finding: Finding; quote: string }>

function findingsIn(message: string, earlier: readonly string[]): Quoted[] {
  const found: Quoted[] = []
  let asks = false
  let listed = false
  for (const sentence of ownWords(message).flatMap(sentencesOf)) {
    // those of a turn that asks for something are thinned out at the end
    if (found.length >= 2 * MAX_PER_TURN) break
    const contents = [...earlier, ...found.map(({ finding }) => finding.content)]
    const reading = readSentence(sentence, { listed, contents })
    if (reading.effect === 'forbid') return []
    if (reading.effect === 'stop') break
    listed = reading.effect === 'list' || (listed && !reading.asks)
    asks ||= reading.asks
    for (const finding of reading.findings) found.push({ finding, quote: sentence.text })
  }
  return found
    .filter(({ finding }) => finding.certain || !asks)
    .filter(({ finding, quote }) => !holdsSecret(quote) && !holdsSecret(finding.content))
    .slice(0, MAX_PER_TURN)
}

function toCandidate(finding: Finding, quote: string, turn: Turn, now: number): Candidate {
  const { text, span, since } = resolveDates(finding.content, turn.saidAt, finding.tense)
  const over = span === null ? Number.NEGATIVE_INFINITY : span.to + AFTERGLOW_MS
  const began =
    finding.replaces && (finding.tense === 'past' || finding.tense === 'perfect')
      ? (span?.from ?? null)
      : null
  return {
    content: text,
    category: finding.category,
    confidence: finding.confidence,
    origin: 'user',
    turnId: turn.id,
    quote,
    slot: slotOf(text)?.slot ?? null,
    replaces: finding.replaces,
    validFrom: since ?? began,
    expiresAt: finding.event && over > now ? over : null,
  }
}

/** For a month after an event "how was Tokyo?" is still a question; then it is history. */
const AFTERGLOW_MS = 30 * 86_400_000
