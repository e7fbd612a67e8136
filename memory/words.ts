import { stem } from './stem.ts'

/**
 * Text as search terms: lower-case, without accents and possessives, stemmed (English), in order, with
 * repeats. Writing without spaces between words (Chinese, Japanese, Thai, …) gives overlapping pairs of
 * characters. The result holds letters and digits only, so no query syntax of any index can be in it.
 */
export function terms(text: string): string[] {
  return words(text).map(stemmed)
}

/** The distinct terms of a statement about the user, without the words that carry no topic. */
export function topicTerms(text: string): Set<string> {
  const topic = new Set<string>()
  for (const word of words(text)) {
    if (!STOP_WORDS.has(word) && word !== 'user') topic.add(stemmed(word))
  }
  return topic
}

/**
 * The distinct terms of a question, in order, without the words that carry no topic. A question made of
 * nothing else keeps them: "who am I" is still a question. At most `MAX_QUERY_TERMS`.
 */
export function queryTerms(text: string): string[] {
  const all = words(text)
  const isRequest = TO_THE_ASSISTANT.test(text)
  const topical = all.filter(
    (word) => !STOP_WORDS.has(word) && !(isRequest && REQUEST_WORDS.has(word)),
  )
  const kept = new Set<string>()
  for (const word of topical.length > 0 ? topical : all) {
    kept.add(stemmed(word))
    if (kept.size === MAX_QUERY_TERMS) break
  }
  return [...kept]
}

/** Enough for a question of several sentences; beyond it further words only cost time. */
const MAX_QUERY_TERMS = 64

/** Lower-case words without accents; the step before stemming. */
export function words(text: string): string[] {
  const plain = spellNumbers(text.toLowerCase())
  if (ASCII_ONLY.test(plain)) {
    return (plain.includes("'") ? plain.replace(/'s\b/g, '') : plain).match(/[a-z0-9]+/g) ?? []
  }
  const folded = plain
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase() // of what stood for capitals: ™, 𝐀
    .replace(/['’]s\b/g, '')
  const found: string[] = []
  for (const run of folded.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []) {
    if (UNSPACED.test(run)) pairs(run, found)
    else found.push(run)
  }
  return found
}

/** Dates and amounts in one form, of the many in which they are written. Lower-case. */
function spellNumbers(text: string): string {
  if (!DIGIT.test(text)) return text
  return text
    .replace(ISO_DATE, (written, year, month, day) => {
      const name = MONTHS[Number(month) - 1]
      return name ? `${Number(day)} ${name} ${year}` : written
    })
    .replace(ORDINAL, '$1')
    .replace(SHORT_MONTH, (written) => MONTHS.find((name) => name.startsWith(written.slice(0, 3)))!)
    .replace(THOUSANDS, '')
}

const DIGIT = /\d/
const MONTHS =
  'january february march april may june july august september october november december'.split(' ')
const ISO_DATE = /\b(\d{4})-(\d\d)-(\d\d)\b/g
const ORDINAL = /\b(\d{1,2})(?:st|nd|rd|th)\b/g
/** "Dec 3", "3 Dec", "the 3rd of Dec."; alone it may be a name. */
const SHORT_MONTH =
  /\b(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b(?=\.? \d)|(?<=\b\d{1,2} (?:of )?)(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b/g
const THOUSANDS = /(?<=\d),(?=\d{3}\b)/g

// biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range begins with them
const ASCII_ONLY = /^[\x00-\x7f]*$/
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

function pairs(run: string, into: string[]): void {
  const characters = [...run]
  if (characters.length === 1) into.push(run)
  for (let i = 0; i + 1 < characters.length; i++) into.push(characters[i]! + characters[i + 1]!)
}

const stems = new Map<string, string>()
const MAX_REMEMBERED_STEMS = 50_000
/** Longer runs of letters are no words; cutting keeps an index entry bounded. */
const MAX_TERM_LENGTH = 64

function stemmed(word: string): string {
  const known = stems.get(word)
  if (known !== undefined) return known
  const cut = word.length > MAX_TERM_LENGTH ? word.slice(0, MAX_TERM_LENGTH) : word
  const result = /^[a-z]+$/.test(cut) ? stem(cut) : cut
  if (stems.size >= MAX_REMEMBERED_STEMS) stems.clear()
  stems.set(word, result)
  return result
}

/** A question put to the assistant, or about the conversation with it. */
const TO_THE_ASSISTANT =
  /\b(?:(?:can|could|would|will|did|do|have) you|you (?:recommend|suggest|give|tell|help)\w*|our (?:\w+ )?(?:conversations?|chats?|discussions?)|(?:did|have|had) i (?:ever )?(?:say|said|mention(?:ed)?|tell|told|bring|brought))\b/i

/** In such a question: what is to be done with the answer, and that there was a conversation. */
const REQUEST_WORDS: ReadonlySet<string> = new Set(
  `advice answer aspect aspects asked bring brought chat chats comprehensive conversation conversations describe
  detail details detailed different discuss discussed discussing explain explained giving help helpful idea ideas
  item items list listed mention mentioned mentioning order overview provide question questions recommend
  recommendation recommendations recommended said saying say summarize summary suggest suggested suggestion
  suggestions talk talked talking throughout tip tips tell told walk`
    .split(/\s+/)
    .filter(Boolean),
)

/** English words that say how something is asked rather than what is asked about. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after again all also am an and any are aren as at be because been before being both but by can
  could couldn d did didn do does doesn doing don done down during each either else ever every few for from
  further get gets getting got had hadn has hasn have haven having he her here hers herself him himself his
  how i if in into is isn it its itself just let ll m may me might mine more most much must my myself neither
  no nor not of off on once one only onto or other our ours ourselves out over own please re s same shall she
  should shouldn so some such t tell than that the their theirs them themselves then there these they this
  those through to too under until up upon us ve very was wasn we were weren what when where whether which
  while who whom whose why will with won would wouldn yes you your yours yourself`
    .split(/\s+/)
    .filter(Boolean),
)
