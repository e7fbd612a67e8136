import { isName } from './english/judge-being.ts'
import { ONLY_ONES } from './english/lexicon.ts'
import { tokensOf } from './english/tokens.ts'

/** An attribute of which only one value holds at a time, and the value a memory gives it. */
export type Slot = Readonly<{ slot: string; value: string }>

/**
 * Reads the single-valued attribute that a memory states: "User lives in Berlin" → user home, Berlin.
 * Understands the wording of our own extraction, the first person, and what language models write ("The
 * user's name is Sam", "Lives in Berlin").
 *
 * Strict, because a newer value supersedes the whole memory: it must say nothing besides, and the attribute
 * must be one of which nobody has two. A brother, a friend, a cat may have a sibling: their names have no
 * slot, and a correction finds them by its wording instead (`reconcile.ts`). A wife's name has one, and so
 * has that of the *oldest* brother.
 *
 * @returns slot names in American spelling except "favourite": "user favourite color".
 */
export function slotOf(content: string): Slot | null {
  const text = plain(content)
  if (text.length > LONGEST || NOT_ALONE.test(text)) return null
  for (const [pattern, read] of PATTERNS) {
    const match = pattern.exec(text)
    if (match === null) continue
    const found = read(match.groups ?? {})
    if (found === null) continue
    const value = found.value.replace(/^["“'`]|["”'`]$/g, '').trim()
    return isValue(value) ? { slot: found.slot, value } : null
  }
  return null
}

const LONGEST = 160

/** Without full stop, contractions, and the words for "as of now". */
function plain(content: string): string {
  return content
    .replaceAll('’', "'")
    .trim()
    .replace(/[.!]+$/, '')
    .replace(/^I'm\b/i, 'I am')
    .replace(
      /^(?:The )?user's (?=(?:called|named|based|living|married|single|divorced|\d))/i,
      'User is ',
    )
    .replace(
      / (?:\(since about [^)]*\)|since (?:[A-Z][a-z]+ )?\d{4}|these days|nowadays|from now on|going forward|at the moment|now|currently)$/i,
      '',
    )
    .replace(/\b(am|is|are) (?:currently|now|still) /i, '$1 ')
    .replace(/^((?:the )?user|i) (?:currently|now|still) /i, '$1 ')
}

/** What says that there is more to it, or that it is not so. */
const NOT_ALONE =
  /\b(?:and|or|but|also|too|another|second|sometimes|often|usually|not|no longer|never|used to|was called|anymore|because|who|which|that|if|when|while|both|either|one of|said|might|may|could|would|will|part-time|former|formerly|previous)\b|[;:?"“]|\bas well\b/

const MAX_VALUE_WORDS = 6

function isValue(value: string): boolean {
  return value !== '' && value.split(/\s+/).length <= MAX_VALUE_WORDS && /[\p{L}\p{N}]/u.test(value)
}

type Groups = Readonly<Record<string, string | undefined>>
type Pattern = readonly [RegExp, (groups: Groups) => Slot | null]

const SELF = '(?:(?:the )?user |i )?'
const WHO = '(?:(?:the )?user |i )'
const OWN = "(?:(?:the )?user's |my )"
const VALUE = '(?<value>.+)'

/** When it came about: "last week", "in June", "on 3 May 2026". */
const WHEN =
  '(?: (?:this|last) (?:week|weekend|month|year|spring|summer|autumn|fall|winter)| (?:today|yesterday)| in the week of [\\w ]+| (?:in|around|on) (?:\\d{1,2} )?(?:[A-Z][a-z]+ )?\\d{4}| (?:in|since) (?:January|February|March|April|May|June|July|August|September|October|November|December))?'

const at = (source: string): RegExp => new RegExp(`^${source}$`, 'i')
const fixed =
  (slot: string) =>
  ({ value }: Groups): Slot => ({ slot, value: value! })

const PATTERNS: readonly Pattern[] = [
  // name
  [at(`${OWN}name is ${VALUE}`), fixed('user name')],
  [at(`${WHO}(?:is|am) (?:called|named) ${VALUE}`), fixed('user name')],
  [
    at(`${WHO}(?:is|am) (?<value>\\S+(?: \\S+){0,2})`),
    ({ value }) => (isPersonName(value!) ? { slot: 'user name', value: value! } : null),
  ],
  [
    at(`${SELF}(?:goes|go) by ${VALUE}`),
    ({ value }) =>
      /^\p{Lu}/u.test(value!) ? { slot: 'user preferred name', value: value! } : null,
  ],
  [at(`${SELF}(?:wants?|prefers?|likes?) to be called ${VALUE}`), fixed('user preferred name')],
  // home
  [
    at(`${SELF}(?:lives?|resides?|(?:is|am) (?:living|residing|based|located)) in ${VALUE}`),
    ({ value }) => place('user home', value!, true),
  ],
  [
    at(
      `(?:(?:the )?user |i |we )?(?:has |have |'ve )?(?:just |recently )?(?:moved|relocated) (?:from .{2,40} )?to (?<value>.+?)${WHEN}`,
    ),
    ({ value }) => place('user home', value!, true),
  ],
  [
    at(`${OWN}(?:current )?(?:city|location|residence|place of residence|home city) is ${VALUE}`),
    ({ value }) => place('user home', value!),
  ],
  [at(`${OWN}home ?town is ${VALUE}`), fixed('user hometown')],
  // age and birth
  [at(`${WHO}(?:is|am) (?<value>\\d{1,3})(?: years? old| yo)?`), fixed('user age')],
  [at(`${OWN}age is (?<value>\\d{1,3})`), fixed('user age')],
  [
    at(`${OWN}(?:birthday|birth ?date|date of birth) is (?:on )?(?:the )?${VALUE}`),
    fixed('user birthday'),
  ],
  [at(`${SELF}was born on (?:the )?${VALUE}`), fixed('user birthday')],
  [at(`${SELF}was born in (?<value>(?:19|20)\\d\\d)`), fixed('user birth year')],
  // work
  [
    at(
      `${SELF}(?:works?|(?:is|am) (?:working|employed)) (?:as (?:an? )?[^,]{2,40} )?(?:at|for) ${VALUE}`,
    ),
    ({ value }) => place('user employer', value!),
  ],
  [
    at(
      `${WHO}(?:is|am) an? (?!(?:\\S+ )?(?:student|volunteer|member|regular|guest|patient|customer|fellow|speaker) )[^,]{2,40} at ${VALUE}`,
    ),
    ({ value }) => place('user employer', value!),
  ],
  [at(`${OWN}employer is ${VALUE}`), fixed('user employer')],
  [
    at(
      `${SELF}(?:has |have |'ve )?(?:just |recently )?(?:started|joined|began)(?: working| work| a (?:new )?job| (?:my|the|a) new job)? (?:at|with|for) (?<value>.+?)${WHEN}`,
    ),
    ({ value }) => place('user employer', value!),
  ],
  [
    at(
      `${SELF}(?:works?|(?:is|am) working) as (?:an? )?(?<value>(?:(?! at | for | in | from ).)+)`,
    ),
    fixed('user job'),
  ],
  [
    at(
      `${OWN}(?:(?:job title|profession|occupation) is (?:an? )?|job is (?:as )?an? )(?<value>(?:(?! at | for ).)+)`,
    ),
    fixed('user job'),
  ],
  // favourites
  [
    at(
      `${OWN}(?<least>least )?(?:(?:all-time|absolute) )?favou?rite (?<what>[\\w-]+(?: [\\w-]+){0,2}) is ${VALUE}`,
    ),
    favourite,
  ],
  [
    at(
      `(?<value>.+) is ${OWN}(?<least>least )?(?:(?:all-time|absolute) )?favou?rite (?<what>[\\w-]+(?: [\\w-]+){0,2})`,
    ),
    favourite,
  ],
  // people of whom there is one
  [
    at(
      `${OWN}(?:new |current )?(?<which>(?:only|oldest|eldest|youngest|best|late) )?(?<who>[\\w-]+)(?: is (?:called|named)|'s name is) ${VALUE}`,
    ),
    relation,
  ],
  [
    at(
      `${OWN}(?:new |current )?(?<which>(?:only|oldest|eldest|youngest|best|late) )?(?<who>[\\w-]+) is ${VALUE}`,
    ),
    (groups) => (isPersonName(groups.value!) ? relation(groups) : null),
  ],
  [
    at(`(?<value>\\S+(?: \\S+){0,2}) is ${OWN}(?:new |current )?(?<who>[\\w-]+)`),
    (groups) => (isPersonName(groups.value!) ? relation(groups) : null),
  ],
  // tools of which one is the main one
  [
    at(
      `${SELF}uses? (?<value>.+?) as (?:their|my|the|his|her) (?:main|primary|default|daily|preferred|go-to)? ?(?<what>${'[\\w -]+'})`,
    ),
    tool,
  ],
  [
    at(`${OWN}(?:main|primary|default|preferred|go-to|current)? ?(?<what>[\\w -]+?) is ${VALUE}`),
    tool,
  ],
  // how to be answered
  [
    at(
      `${SELF}(?:wants?|prefers?) (?:the assistant to )?(?:always )?(?:(?:get |receive )?(?:answers|replies|responses)|answer|reply|respond|speak|write)(?: (?:to )?(?:them|me|the user))? in (?<value>[A-Z][a-z]+)`,
    ),
    ({ value }) => (/^[A-Z]/.test(value!) ? { slot: 'user answer language', value: value! } : null),
  ],
  // marital status and diet
  [
    at(
      `${WHO}(?:is|am|got|(?:has|have) gotten) (?<value>single|married|divorced|widowed|engaged|separated)(?: to .{1,40})?${WHEN}`,
    ),
    ({ value }) => ({ slot: 'user marital status', value: value!.toLowerCase() }),
  ],
  [
    at(
      `${WHO}(?:is|am) (?:an? )?(?:strict )?(?<value>vegetarian|vegan|pescatarian|flexitarian|omnivore|carnivore)`,
    ),
    ({ value }) => ({ slot: 'user diet', value: value!.toLowerCase() }),
  ],
  // other attributes by their name
  [
    at(
      `${OWN}(?<what>full name|first name|last name|surname|nickname|username|pronouns|time ?zone|blood type|height|weight|zodiac sign|star sign|native language|mother tongue|first language|e-?mail(?: address)?|phone(?: number)?|address|github (?:handle|username)|shoe size) (?:is|are) ${VALUE}`,
    ),
    ({ what, value }) => ({
      slot: `user ${what!
        .toLowerCase()
        .replace('e-mail', 'email')
        .replace(/ address$/, '')
        .replace('time zone', 'timezone')}`,
      value: value!,
    }),
  ],
]

/** "Sam", not "German", "Vegetarian" or "OK". */
function isPersonName(value: string): boolean {
  const tokens = tokensOf(value)
  return tokens.every((piece) => piece.capital) && isName(tokens, 0)
}

const NO_PLACE =
  /^(?:an?|the|my|our|their|this|that|fear|peace|poverty|harmony|town|squalor|luxury|style|exile|hiding|comfort|silence|solitude|limbo|denial|misery|chaos|bliss|sin|hope|dorms|suburbia|home|houses|apartments|cities|himself|herself|themselves|myself|someone|people|clients|companies|free|fun|two|three|\d)\b/i
const MORE_TO_IT =
  / (?:with|near|as|for|since|until|on|to|during|alone|together|remotely|again|doing) /i

/** A place or firm by its name: "lives in a house" and "lives in Berlin" can both be true. */
function place(slot: string, value: string, lower = false): Slot | null {
  if (NO_PLACE.test(value) || MORE_TO_IT.test(`${value} `)) return null
  // typed in a hurry, a city may stand without its capital
  const named = /^\p{Lu}/u.test(value) || (lower && /^\p{Ll}{3,}$/u.test(value))
  return named ? { slot, value } : null
}

const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['colour', 'color'],
  ['movie', 'film'],
  ['mom', 'mother'],
  ['mum', 'mother'],
  ['mama', 'mother'],
  ['mommy', 'mother'],
  ['mummy', 'mother'],
  ['dad', 'father'],
  ['daddy', 'father'],
  ['papa', 'father'],
  ['fiancee', 'fiancé'],
  ['fiancée', 'fiancé'],
  ['fiance', 'fiancé'],
])

const spelled = (words: string): string =>
  words
    .toLowerCase()
    .split(' ')
    .map((word) => SPELLINGS.get(word) ?? word)
    .join(' ')

function favourite({ least, what, value }: Groups): Slot | null {
  if (/\b(?:thing|things|part|one|ones|way|memory)\b/i.test(what!)) return null
  return {
    slot: `user ${least === undefined ? '' : 'least '}favourite ${spelled(what!)}`,
    value: value!,
  }
}

/** Superlatives make one of several the only one. */
function relation({ which, who, value }: Groups): Slot | null {
  const person = who!.toLowerCase()
  const one = which?.trim().toLowerCase()
  if (one === undefined || one === 'late')
    return ONLY_ONES.has(person) ? { slot: `user ${spelled(person)} name`, value: value! } : null
  return /^(?:brother|sister|son|daughter|child|sibling|friend|cousin|nephew|niece|dog|cat|pet)$/.test(
    person,
  )
    ? { slot: `user ${one} ${spelled(person)} name`, value: value! }
    : null
}

const TOOLS: ReadonlyMap<string, string> = new Map([
  ['editor', 'editor'],
  ['code editor', 'editor'],
  ['text editor', 'editor'],
  ['ide', 'editor'],
  ['shell', 'shell'],
  ['terminal', 'terminal'],
  ['terminal emulator', 'terminal'],
  ['browser', 'browser'],
  ['web browser', 'browser'],
  ['os', 'operating system'],
  ['operating system', 'operating system'],
  ['package manager', 'package manager'],
  ['search engine', 'search engine'],
  ['window manager', 'window manager'],
  ['password manager', 'password manager'],
  ['keyboard layout', 'keyboard layout'],
])

function tool({ what, value }: Groups): Slot | null {
  const name = TOOLS.get(what!.trim().toLowerCase())
  return name === undefined ? null : { slot: `user ${name}`, value: value! }
}
