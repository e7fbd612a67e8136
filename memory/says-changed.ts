import { terms, topicTerms } from './words.ts'

/** Does a later statement say outright that an earlier one no longer holds? */
export type SaysChanged = (later: string, earlier: string) => boolean

/**
 * Either the later statement ends the earlier one's value by name: "My laptop is a ThinkPad", "I replaced the
 * ThinkPad with a MacBook". Or it says as much of what is asked, and that this is new: "I drive to work", "I
 * take the train to work now". Short statements only: in a long text a word of change may belong to anything.
 * Each text is read once, however many it is compared with.
 *
 * @param weights of the question's terms, as the ranking weighs them
 */
export function changeReader(weights: ReadonlyMap<string, number>): SaysChanged {
  const marked = new Map<string, boolean>()
  const isMarked = (text: string) =>
    marked.getOrInsertComputed(
      text,
      () => text.length <= LONGEST && (SAYS_NEW.test(text) || ENDS_SOMETHING.test(text)),
    )
  const read = new Map<string, Said>()
  const said = (text: string) => read.getOrInsertComputed(text, () => readSaid(text, weights))
  return (later, earlier) => {
    if (!isMarked(later) || earlier.length > LONGEST) return false
    const [now, before] = [said(later), said(earlier)]
    return endsValue(now, before, weights) || isNewOfSame(now, before)
  }
}

type Said = Readonly<{
  saysNew: boolean
  /** Its terms, without those that carry no topic. */
  topic: ReadonlySet<string>
  /** The sum of the weights of the question's terms that it holds. */
  cover: number
  /** What it says to be over, as terms. */
  ended: readonly string[]
  amount: Readonly<{ number: string; unit: string }> | null
}>

function readSaid(text: string, weights: ReadonlyMap<string, number>): Said {
  const topic = topicTerms(text)
  let cover = 0
  for (const term of topic) cover += weights.get(term) ?? 0
  const [, number, unit] = AMOUNT.exec(text) ?? []
  return {
    saysNew: SAYS_NEW.test(text),
    topic,
    cover,
    ended: endedIn(text),
    amount: number && unit ? { number, unit: unit.toLowerCase() } : null,
  }
}

const LONGEST = 160

function isNewOfSame(later: Said, earlier: Said): boolean {
  if (!later.saysNew || earlier.saysNew || earlier.cover <= 0) return false
  if (sharedBy(later, earlier) < SAME_WORDS) return false
  return later.cover >= SAME_SHARE * earlier.cover || haveOneUnit(later, earlier)
}

/** How much of its words each of two statements has in common with the other; the smaller share. */
function sharedBy({ topic: a }: Said, { topic: b }: Said): number {
  let shared = 0
  for (const term of a) if (b.has(term)) shared++
  return shared / Math.max(1, a.size, b.size)
}

/** Two facts about one person share a word or two; a statement and its update share more of what they say. */
const SAME_WORDS = 0.25
/** So much of what the earlier statement shares with the question, the later one shares. */
const SAME_SHARE = 0.3

/** "I weigh 82 kg", "I'm down to 78 kg". */
function haveOneUnit({ amount: now }: Said, { amount: before }: Said): boolean {
  return now !== null && before !== null && now.unit === before.unit && now.number !== before.number
}

const AMOUNT =
  /(\d[\d.,]*) ?(kg|lbs?|pounds|km|miles|euros?|dollars|€|%|percent|mg|hours|minutes|cm)/i

const SAYS_NEW =
  /\b(?:now|nowadays|these days|from now on|my new|a new|our new|the new|since|again|instead|anymore|any more|no longer|meanwhile|changed|switched|moved|migrated|renamed|upgraded|relocated|rebooked|rescheduled|postponed|pushed|slipped|delayed|extended|shortened|cut|raised|lowered|increased|decreased|reduced|grew|rose|dropped|replaced|(?:went|gone|up|down) to|became)\b/i

/** The later statement ends what the earlier one names and the question does not. */
function endsValue(later: Said, earlier: Said, weights: ReadonlyMap<string, number>): boolean {
  return later.ended.some((term) => earlier.topic.has(term) && !weights.has(term))
}

/** @returns terms of the words that stand behind a word of ending, and of those before one */
function endedIn(text: string): string[] {
  if (!ENDS_SOMETHING.test(text)) return []
  const ended: string[] = []
  for (const [, joining = '', word = ''] of text.matchAll(ENDS_WHAT_FOLLOWS)) {
    ended.push(...terms(joining), ...terms(word))
  }
  if (HAS_ENDED.test(text)) {
    for (const [word] of text.matchAll(IS_ENDED)) ended.push(...terms(word))
  }
  return ended
}

const WORD = String.raw`[\p{L}\p{N}][\p{L}\p{N}'’.-]*`
const ENDINGS =
  'left|quit|sold|replac(?:e|es|ed|ing)|finished|stopped|cancell?ed|ditched|dropped|swapped|traded|gave up|given up|got rid of|broke up with|away from|back from|instead of|rather than|no longer|from'
const JOINING =
  'the|my|our|his|her|their|using|eating|drinking|playing|learning|taking|driving|with|at|in|a|an|old|use|used|have|drive|work|live|eats?|drinks?|plays?'
/** Looks ahead, since what follows may be such a word itself: "moved away from", "left from". */
const ENDS_WHAT_FOLLOWS = new RegExp(
  String.raw`\b(?:${ENDINGS})(?=((?: (?:${JOINING}))*)\s+(${WORD}))`,
  'giu',
)
const HAS_ENDED_WORDS =
  'moved out|broke up|split up|left|quit|retired|died|passed away|is gone|no longer'
const HAS_ENDED = new RegExp(String.raw` (?:${HAS_ENDED_WORDS})\b`, 'i')
const IS_ENDED = new RegExp(
  `${WORD}(?=${String.raw`(?:,? and (?:i|me|user|my \w+))? (?:${HAS_ENDED_WORDS})\b`})`,
  'giu',
)
/** One of the words of the two above, cheaply. */
const ENDS_SOMETHING =
  /\b(?:left|quit|sold|replac|finished|stopped|cancel|ditched|dropped|swapped|traded|g[ai]ve|got rid|broke|away|from|instead|rather|no longer|moved out|split|retired|died|passed|gone)/i
