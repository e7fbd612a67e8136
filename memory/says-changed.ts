import { STOP_WORDS, terms, words } from './words.ts'

/**
 * Does a later statement say outright that an earlier one no longer holds? Either it ends the earlier one's
 * value by name: "My laptop is a ThinkPad", "I replaced the ThinkPad with a MacBook". Or it says as much of
 * what is asked, and that this is new: "I drive to work", "I take the train to work now". Short statements
 * only: in a long text a word of change may belong to anything.
 *
 * @param weights of the question's terms, as the ranking weighs them
 */
export function saysChanged(
  later: string,
  earlier: string,
  weights: ReadonlyMap<string, number>,
): boolean {
  if (later.length > LONGEST || earlier.length > LONGEST) return false
  return endsValue(later, earlier, weights) || isNewOfSame(later, earlier, weights)
}

const LONGEST = 160

function isNewOfSame(
  later: string,
  earlier: string,
  weights: ReadonlyMap<string, number>,
): boolean {
  if (!SAYS_NEW.test(later) || SAYS_NEW.test(earlier)) return false
  if (sharedBy(later, earlier) < SAME_WORDS) return false
  const said = coverOf(earlier, weights)
  if (said <= 0) return false
  return coverOf(later, weights) >= SAME_SHARE * said || haveOneUnit(later, earlier)
}

/** How much of its words each of two statements has in common with the other; the smaller share. */
function sharedBy(a: string, b: string): number {
  const [one, other] = [topical(a), topical(b)]
  const shared = [...one].filter((term) => other.has(term)).length
  return shared / Math.max(1, one.size, other.size)
}

function topical(text: string): Set<string> {
  return new Set(
    words(text)
      .filter((word) => !STOP_WORDS.has(word) && word !== 'user')
      .flatMap((word) => terms(word)),
  )
}

/** Two facts about one person share a word or two; a statement and its update share more of what they say. */
const SAME_WORDS = 0.25

/** So much of what the earlier statement shares with the question, the later one shares. */
const SAME_SHARE = 0.3

/** "I weigh 82 kg", "I'm down to 78 kg". */
function haveOneUnit(later: string, earlier: string): boolean {
  const [now, before] = [AMOUNT.exec(later), AMOUNT.exec(earlier)]
  return now !== null && before !== null && now[2] === before[2] && now[1] !== before[1]
}

const AMOUNT =
  /(\d[\d.,]*) ?(kg|lbs?|pounds|km|miles|euros?|dollars|€|%|percent|mg|hours|minutes|cm)/i

const SAYS_NEW =
  /\b(?:now|nowadays|these days|from now on|my new|a new|our new|the new|since|again|instead|anymore|any more|no longer|meanwhile|(?:was|were|is|are|got|has|have|'ve|i|we|it|they)? ?(?:changed|switched|moved|migrated|renamed|upgraded|relocated|rebooked|rescheduled|postponed|pushed|slipped|delayed|extended|shortened|cut|raised|lowered|increased|decreased|reduced|grew|rose|dropped|replaced)|(?:went|gone|up|down) to|became)\b/i

function coverOf(text: string, weights: ReadonlyMap<string, number>): number {
  let cover = 0
  for (const term of new Set(terms(text))) cover += weights.get(term) ?? 0
  return cover
}

/** The later statement ends what the earlier one names and the question does not. */
function endsValue(later: string, earlier: string, weights: ReadonlyMap<string, number>): boolean {
  const values = new Set([...topical(earlier)].filter((term) => !weights.has(term)))
  if (values.size === 0) return false
  for (const match of later.matchAll(WORD)) {
    if (!terms(match[0]).some((term) => values.has(term))) continue
    const before = later.slice(0, match.index)
    const after = later.slice(match.index + match[0].length)
    if (ENDS_WHAT_FOLLOWS.test(before) || IS_ENDED.test(after)) return true
  }
  return false
}

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu
const ENDS_WHAT_FOLLOWS =
  /\b(?:left|quit|sold|replac(?:e|es|ed|ing)|finished|stopped|cancell?ed|ditched|dropped|swapped|traded|gave up|given up|got rid of|broke up with|away from|back from|instead of|rather than|no longer|from)(?: (?:the|my|our|his|her|their|using|eating|drinking|playing|learning|taking|driving|with|at|in|a|an|old|use|used|have|drive|work|live|eats?|drinks?|plays?))*\s+$/i
const IS_ENDED =
  /^(?:,? and (?:i|me|user|my \w+))? (?:moved out|broke up|split up|left|quit|retired|died|passed away|is gone|no longer)\b/i
