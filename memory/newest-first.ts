import { askedSlot } from './asked-slot.ts'
import type { Role } from './memory.ts'
import { changeReader } from './says-changed.ts'
import { askedKinds, looksBack, readStated, type Stated, type ValueKind } from './values.ts'
import { words } from './words.ts'

/**
 * Of two statements about one thing the later one comes first. What makes two texts statements about one
 * thing: they give the same single-valued attribute; or the question asks for a value that holds now, and
 * both state one, of one kind and not the same, among words of the question; or they are the same sentence
 * but for one part; or the later one says outright that the earlier one no longer holds.
 */

/** A ranked document as this rule sees it. */
export type Dated = Readonly<{
  text: string
  role: Role
  /** When it was said, epoch milliseconds. */
  saidAt: number
  /** When it began to hold, where that is known. */
  validFrom: number | null
  conversation: string | null
  place: number
  /** The attribute it states (`memory/slots.ts`); null for none. */
  slot: string | null
  kind: 'memory' | 'turn'
  fused: number
}>

export type Ordered<Document extends Dated> = Readonly<{
  document: Document
  /** It stands where it does because it is newer than the one below it. */
  isLifted: boolean
  /** The newer document that states the same attribute; null when there is none. */
  replacedBy: Document | null
  /** Of a lifted one: the score of what it was lifted above. */
  fused: number
}>

/** So far down the list a statement is looked for, and an older one that it may belong above. */
const DEPTH = 20
const OLDER_DEPTH = 5
/** A newer statement scores at least this share of the older one; far below it is about something else. */
const MIN_SCORE_SHARE = 0.45
/** An older statement holds at least this share of the question's weight. */
const MIN_COVER = 0.2
/** Newer statements that are lifted for one question. */
const MAX_LIFTED = 2
/** Enough to stand above in any sorting by score. */
const JUST_ABOVE = 1.000_001

// How much of what the older statement shares with the question the newer one must share, by how much else
// speaks for it. Measured on the even-numbered chats of BEAM: docs/retrieval.md, "The updated statement before the
// stale one".
/** Its words say that it is new and the older one's do not, or it counts the same thing. */
const COVER_WHEN_STRONG = 0.35
/** Both say that they are new. */
const COVER_WHEN_BOTH_NEW = 0.5
const COVER_WHEN_PLAIN = 0.6
/** A change without a value. */
const COVER_WHEN_NO_VALUE = 0.7

/**
 * @param ranked best first
 * @param weights of the question's terms, as the ranking weighs them
 */
export function newestFirst<Document extends Dated>(
  ranked: readonly Document[],
  question: string,
  weights: ReadonlyMap<string, number>,
): Ordered<Document>[] {
  const bySlot = replaceWithinSlots(ranked, question)
  if (looksBack(question)) return bySlot
  return liftNewer(bySlot, askedKinds(question), weights, askedSlot(question))
}

/** As they are. */
export function asRanked<Document extends Dated>(ranked: readonly Document[]): Ordered<Document>[] {
  return ranked.map((document) => ({
    document,
    isLifted: false,
    replacedBy: null,
    fused: document.fused,
  }))
}

/** Of several that state one attribute the newest stands where the best of them stood. */
function replaceWithinSlots<Document extends Dated>(
  ranked: readonly Document[],
  question: string,
): Ordered<Document>[] {
  const newest = new Map<string, Document>()
  for (const document of ranked) {
    if (document.slot === null) continue
    const other = newest.get(document.slot)
    if (!other || isAfter(document, other)) newest.set(document.slot, document)
  }
  const placed = new Set<Document>()
  const ordered: Ordered<Document>[] = []
  for (const document of ranked) {
    const latest = document.slot === null ? undefined : newest.get(document.slot)
    if (latest && isAfter(latest, document)) {
      if (!placed.has(latest)) {
        placed.add(latest)
        ordered.push({
          document: latest,
          isLifted: true,
          replacedBy: null,
          fused: Math.max(latest.fused, document.fused * JUST_ABOVE),
        })
      }
      const replacedBy = looksBack(question) ? null : latest
      ordered.push({ document, isLifted: false, replacedBy, fused: document.fused })
    } else if (!placed.has(document)) {
      placed.add(document)
      ordered.push({ document, isLifted: false, replacedBy: null, fused: document.fused })
    }
  }
  return ordered
}

/** @param kinds of value that the question asks for; null when it asks for none */
function liftNewer<Document extends Dated>(
  ranked: readonly Ordered<Document>[],
  kinds: ReadonlySet<ValueKind> | null,
  weights: ReadonlyMap<string, number>,
  asked: string | null,
): Ordered<Document>[] {
  const all = [...weights.values()].reduce((sum, weight) => sum + weight, 0)
  const stated = new Map<Document, Stated[]>()
  const statedBy = (document: Document) =>
    stated.getOrInsertComputed(document, () =>
      kinds === null ? [] : readStated(document.text, weights, kinds),
    )
  const saysChanged = changeReader(weights)
  /** Of memories: what says so outright, or states the attribute asked for, need not be near the question. */
  const isChanged = (newer: Dated, older: Dated) =>
    newer.kind === 'memory' &&
    older.kind === 'memory' &&
    ((asked !== null && newer.slot === asked && older.slot === null) ||
      saysChanged(newer.text, older.text))
  const split = new Map<Dated, string[]>()
  const wordsOf = (document: Dated) =>
    split.getOrInsertComputed(document, () => words(document.text))
  for (const [place, { document: older }] of ranked.slice(0, OLDER_DEPTH).entries()) {
    if (older.role !== 'user') continue
    const said = best(statedBy(older).filter(({ kind }) => kind !== 'change'))
    const newer = ranked
      .slice(place + 1, DEPTH)
      .flatMap((below) => {
        const changed = isLater(below.document, older) && isChanged(below.document, older)
        if (!changed && !mayFollow(below.document, older)) return []
        const cover =
          said && said.cover >= MIN_COVER * all
            ? coverOfUpdate(statedBy(below.document), said, statedBy(older), weights)
            : null
        if (cover !== null) return [{ below, cover }]
        const isUpdate = changed || isRestated(below.document, older, wordsOf)
        return isUpdate ? [{ below, cover: all }] : []
      })
      .sort((a, b) => b.cover - a.cover || b.below.document.fused - a.below.document.fused)
      .slice(0, MAX_LIFTED)
      .map(({ below }) => below)
    if (newer.length === 0) continue
    const lifted = newer
      .toSorted((a, b) => (isAfter(a.document, b.document) ? -1 : 1))
      .map((one, i) => ({
        ...one,
        isLifted: true,
        fused: ranked[place]!.fused * JUST_ABOVE ** (newer.length - i),
      }))
    const rest = ranked.filter((one) => !newer.includes(one))
    return [...rest.slice(0, place), ...lifted, ...rest.slice(place)]
  }
  return [...ranked]
}

/** Is a document later than another, by the same person, and near enough in score to be about the same? */
function mayFollow(newer: Dated, older: Dated): boolean {
  return isLater(newer, older) && newer.fused >= MIN_SCORE_SHARE * older.fused
}

/**
 * By when they began to hold, where both say so. Else by when they were said: "I moved to Porto in June", said
 * today, is news to who heard yesterday "I live in Lisbon".
 */
function isAfter(a: Dated, b: Dated): boolean {
  if (a.validFrom !== null && b.validFrom !== null && a.validFrom !== b.validFrom) {
    return a.validFrom > b.validFrom
  }
  return a.saidAt > b.saidAt
}

function isLater(newer: Dated, older: Dated): boolean {
  return newer.role === 'user' && isAfter(newer, older) && !isBeside(newer, older)
}

/** Turns that follow each other directly are one statement in two messages. */
function isBeside(a: Dated, b: Dated): boolean {
  return (
    a.conversation !== null &&
    a.conversation === b.conversation &&
    Math.abs(a.place - b.place) <= PLACES_PER_TURN
  )
}

/** As `storage/turn-rows.ts` places them. */
const PLACES_PER_TURN = 1_000

/** How much of the question the best newer statement of another value shares; null when there is none. */
function coverOfUpdate(
  newer: readonly Stated[],
  said: Stated,
  older: readonly Stated[],
  weights: ReadonlyMap<string, number>,
): number | null {
  const updates = newer.filter(
    (update) =>
      isComparable(update, said, weights) &&
      update.cover >= neededShare(update, said, weights) * said.cover &&
      !(update.value !== '' && older.some(({ value }) => value === update.value)),
  )
  return best(updates)?.cover ?? null
}

function isComparable(update: Stated, said: Stated, weights: ReadonlyMap<string, number>): boolean {
  if (update.kind === 'change') return true
  if (update.kind !== said.kind) return false
  if (update.kind !== 'number' || update.unit === said.unit) return true
  // "52 sources" after "my library has 45": a count of what is asked for, or of nothing in particular.
  return weights.has(update.unit) || (update.isChange && update.unit.length < 4)
}

function neededShare(update: Stated, said: Stated, weights: ReadonlyMap<string, number>): number {
  if (update.kind === 'change') return COVER_WHEN_NO_VALUE
  const countsTheSame = update.unit !== '' && update.unit === said.unit && weights.has(update.unit)
  if (countsTheSame || (update.isChange && !said.isChange)) return COVER_WHEN_STRONG
  return update.isChange ? COVER_WHEN_BOTH_NEW : COVER_WHEN_PLAIN
}

function best(stated: readonly Stated[]): Stated | null {
  return stated.reduce<Stated | null>(
    (first, one) => (first === null || one.cover > first.cover ? one : first),
    null,
  )
}

/** The same sentence but for one part: "User writes notes in Vim", "User writes notes in Zed". */
function isRestated(
  newer: Dated,
  older: Dated,
  wordsOf: (document: Dated) => readonly string[],
): boolean {
  if (newer.kind !== 'memory' || older.kind !== 'memory') return false
  if (newer.text.length > MAX_SENTENCE || older.text.length > MAX_SENTENCE) return false
  const [a, b] = [wordsOf(newer), wordsOf(older)]
  let before = 0
  while (before < Math.min(a.length, b.length) && a[before] === b[before]) before++
  let after = 0
  while (
    after < Math.min(a.length, b.length) - before &&
    a[a.length - 1 - after] === b[b.length - 1 - after]
  ) {
    after++
  }
  const longest = Math.max(a.length, b.length) - before - after
  return longest > 0 && longest <= MAX_CHANGED_WORDS && before + after >= MIN_SAME_WORDS
}

const MAX_SENTENCE = 160
const MAX_CHANGED_WORDS = 3
/** "User uses …": less is no frame. */
const MIN_SAME_WORDS = 2
