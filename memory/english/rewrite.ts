import { beforeAdverbs, type Clause, isAdverb } from './clause.ts'
import { type Token, textOf, token } from './tokens.ts'
import { isBaseVerb, isPresent, thirdPerson } from './verbs.ts'
import { wordSet } from './word-set.ts'

/**
 * A statement of the speaker's in the third person: "I really like tea" → "User really likes tea".
 *
 * "We" becomes "User" too: what a group does, its member does, while "User's team" would be a guess (it may
 * be the family). Where the speaker is named again in the same sentence they are "they", the number that
 * needs no second conjugation; where somebody else is the subject they stay "the user", since "their" could
 * be that person's. Names, numbers, quotations and code are copied as they are.
 *
 * @param lead what stands before the subject and stays ("At work,"); empty when nothing does.
 * @param end tokens from here on are left out.
 * @returns the statement without a full stop; null when a sure rewriting is not possible, then quote it.
 */
export function rewrite(clause: Clause, lead: readonly Token[] = [], end?: number): string | null {
  if (clause.subject.kind === 'we' && !speaksForOne(clause)) return null
  const speaker = clause.subject.kind === 'mine' ? OTHERS : SELF
  const opening = lead.map((piece, i) => inThird(lead, i, speaker) ?? piece)
  const core = trimmed([...subjectOf(clause), ...predicateOf(clause, speaker, end)])
  const moved = isClause(lead)
  const pieces = moved ? [...core, ...lowered(withoutCommas(opening))] : [...opening, ...core]
  return capitalised(textOf(trimmed(pieces)).replace(ASIDE, ''))
}

/** The words themselves, where no rewriting is sure: still true, and standing alone. */
export function said(sentence: string): string {
  return `User said: "${sentence.trim().replace(/\s+/g, ' ')}"`
}

/** A wish with its speaker and listener in the third person: "write to me" → "write to the user". */
export function toListener(wish: readonly Token[]): Token[] {
  const printed: Token[] = []
  let due = -1 // the verb that a pronoun before it governs
  for (const [i, piece] of wish.entries()) {
    if (piece.word === 'i' || piece.word === 'you') due = finiteAfter(wish, i)
    if (i === due) printed.push(conjugated(piece))
    else if (piece.word === 'you') printed.push(token('the assistant', 'word', piece.gap))
    else if (piece.word === 'your') printed.push(token("the assistant's", 'word', piece.gap))
    else printed.push(inThird(wish, i, OTHERS) ?? piece)
  }
  return trimmed(printed)
}

const ASIDE =
  /,? (?:by the way|you know|as well|just so you know|fyi|i guess|to be honest|for what it is worth)$/i

/** A leading clause reads better at the end: "When I code, I use Vim" → "User uses Vim when they code". */
function isClause(lead: readonly Token[]): boolean {
  const opens = lead[0] !== undefined && CLAUSE_LEADS.has(lead[0].word)
  return opens && lead.some((piece) => piece.word === 'i' || piece.word === 'we')
}

const CLAUSE_LEADS = wordSet(
  'when whenever while because since as after before although though once until',
)

const withoutCommas = (tokens: readonly Token[]): readonly Token[] =>
  tokens.filter((piece) => piece.word !== ',')

/** What the speaker is called after the first mention. */
type Speaker = Readonly<{
  i: string
  me: string
  my: string
  mine: string
  myself: string
  plural: boolean
}>
const SELF: Speaker = {
  i: 'they',
  me: 'them',
  my: 'their',
  mine: 'theirs',
  myself: 'themselves',
  plural: true,
}
const OTHERS: Speaker = {
  i: 'the user',
  me: 'the user',
  my: "the user's",
  mine: "the user's",
  myself: 'the user',
  plural: false,
}

/** "We use Postgres" holds of each; "we are a team of five" and "we met each other" do not. */
function speaksForOne({ tokens, finite, lemma, form, adverbs }: Clause): boolean {
  if (RECIPROCAL.has(lemma) || adverbs.has('both') || adverbs.has('all')) return false
  if (tokens.slice(finite + 1).some((piece) => TOGETHER.has(piece.word))) return false
  return form !== 'be' || OF_EACH.has(tokens[finite + 1]?.word ?? '')
}

/** What one does with the other. */
const RECIPROCAL = wordSet('meet agree argue talk date split marry')
const TOGETHER = wordSet('each together')
const OF_EACH = wordSet('based from in on at located remote vegetarian vegan not')

/** "User", "User and their wife", "User's older sister Nadia" */
function subjectOf({ subject, tokens }: Clause): Token[] {
  const phrase = tokens.slice(subject.from, subject.to)
  switch (subject.kind) {
    case 'I':
    case 'we':
      return [token('User')]
    case 'both': {
      const others = withoutSpeaker(phrase).map((piece) => ({ ...owned(piece, SELF.my), gap: ' ' }))
      return [token('User'), token('and'), ...others]
    }
    case 'mine': {
      const first = phrase.findIndex(isOwner)
      return phrase.map((piece, i) => owned(piece, i === first ? "User's" : OTHERS.my))
    }
  }
}

const isOwner = ({ word }: Token): boolean => word === 'my' || word === 'our'

function owned(piece: Token, owner: string): Token {
  return isOwner(piece) ? token(owner, 'word', piece.gap) : piece
}

/** "my wife" of "my wife and I", "me and my wife" */
function withoutSpeaker(phrase: readonly Token[]): readonly Token[] {
  const isAnd = (piece: Token | undefined): boolean => piece?.word === 'and' || piece?.word === '&'
  const isSpeaker = (piece: Token | undefined): boolean =>
    piece?.word === 'i' || piece?.word === 'me'
  return phrase.filter((piece, i) => {
    if (isSpeaker(piece)) return false
    return !isAnd(piece) || !(isSpeaker(phrase[i + 1]) || isSpeaker(phrase[i - 1]))
  })
}

function predicateOf(clause: Clause, speaker: Speaker, end: number | undefined): Token[] {
  const { subject, finite, verb, lemma } = clause
  const tokens = clause.tokens.slice(0, end)
  const singular = subject.kind === 'I' || subject.kind === 'we'
  const joins = singular && joinsVerbs(clause)
  const printed: Token[] = []
  let due = singular ? finite : -1 // the next verb to conjugate
  for (let i = subject.to; i < tokens.length; i++) {
    const piece = tokens[i]!
    if (i < verb && DROPPED.has(piece.word)) continue
    if (i === verb && piece.word === 'got' && lemma === 'have') continue // "I've got" is "has"
    if (i === due) printed.push(conjugated(piece))
    else if (singular && i > finite && joinsAnew(tokens, i)) {
      due = finiteAfter(tokens, i) // "…, but I hate running" → "…, but hates running"
    } else if (piece.word === 'i' && !speaker.plural) {
      due = finiteAfter(tokens, i)
      printed.push(token(speaker.i, 'word', piece.gap))
    } else if (joins && isJoinedVerb(tokens, i)) printed.push(conjugated(piece))
    else printed.push(inThird(tokens, i, speaker) ?? piece)
  }
  return printed
}

/** Before the verb these only colour the telling. */
const DROPPED = wordSet('just myself personally honestly actually')

/** The pronouns of speaker and listener in the third person; null for every other word. */
function inThird(tokens: readonly Token[], i: number, speaker: Speaker): Token | null {
  const piece = tokens[i]!
  if (piece.kind !== 'word') return null
  const print = (text: string) => token(text, 'word', piece.gap)
  switch (piece.word) {
    case 'i': // or a Roman numeral, as in "Book I and"
      return finiteAfter(tokens, i) < 0 && tokens[i - 1]?.capital === true ? null : print(speaker.i)
    case 'we':
      return print('they')
    case 'me':
    case 'us':
      return print(speaker.me)
    case 'my':
    case 'our':
      return print(speaker.my)
    case 'mine':
    case 'ours':
      return print(speaker.mine)
    case 'myself':
    case 'ourselves':
      return print(speaker.myself)
    case 'am':
    case 'was': {
      if (!speaker.plural || tokens[beforeAdverbs(tokens, i)]!.word !== 'i') return null
      return print(piece.word === 'am' ? 'are' : 'were')
    }
    case 'you':
      return addresses(tokens, i) ? print('the assistant') : null
    case 'your':
      return CONDUCT_NOUNS.has(tokens[i + 1]?.word ?? '') ? print("the assistant's") : null
  }
  // "when you answer" → "when the assistant answers"
  if (isBaseVerb(piece.word) && tokens[beforeAdverbs(tokens, i)]!.word === 'you') {
    const you = tokens.findLastIndex((other, k) => k < i && other.word === 'you')
    if (addresses(tokens, you)) return print(thirdPerson(piece.word))
  }
  return null
}

/** Is "you" at `i` told how to behave: "when you write", "you to answer"? */
export function isConduct(tokens: readonly Token[], i: number): boolean {
  return /^(?:to|answer|reply|use|write|keep|respond|speak|explain|give|do|avoid|show|always|never)$/.test(
    tokens[i + 1]?.word ?? '',
  )
}

/** Does "you" mean the listener, and not anybody ("games where you build things")? */
function addresses(tokens: readonly Token[], i: number): boolean {
  if (!BEFORE_LISTENER.has(tokens[i - 1]?.word ?? '')) return false
  const next = tokens.slice(i + 1).find(({ word }) => !isAdverb(word) && !LINKS.has(word))
  return next !== undefined && CONDUCT.has(next.word)
}

const BEFORE_LISTENER = wordSet('want prefer like need when whenever that if time expect')
const LINKS = wordSet('to not do')

/** What an assistant does in a conversation. */
export const CONDUCT: ReadonlySet<string> =
  wordSet(`answer reply respond write use speak talk explain give show include provide call address format keep be ask
  add start end cite mention avoid prefer assume check put make send tell remind sign generate suggest
  recommend apologize apologise translate quote refer treat convert state list summarize summarise structure
  limit stick skip omit return produce output comment review correct teach stop begin follow phrase act
  remember refactor draft describe present greet`)
export const CONDUCT_NOUNS: ReadonlySet<string> = wordSet(
  'answer answers reply replies response responses code explanations explanation tone style messages output examples suggestions',
)

/** Is "I" at `i` the subject of a further main clause: after "and", "but", "or"? */
function joinsAnew(tokens: readonly Token[], i: number): boolean {
  const { word } = tokens[i]!
  if (word !== 'i' && word !== 'we') return false
  return AND.has(tokens[i - 1]?.word ?? '') && finiteAfter(tokens, i) > i
}

const AND = wordSet('and but or')

/** The verb that the pronoun at `i` governs; −1 when it is not plainly there. */
function finiteAfter(tokens: readonly Token[], i: number): number {
  let verb = i + 1
  while (verb < tokens.length && isAdverb(tokens[verb]!.word)) verb++
  const word = tokens[verb]?.word ?? ''
  return VERBAL.has(word) || isBaseVerb(word) || /ed$/.test(word) ? verb : -1
}

const VERBAL = wordSet(
  'am are was were have had do did can cannot could will would must should may might went got',
)

/** Does a verb after "and" share the subject and its conjugation? */
function joinsVerbs(clause: Clause): boolean {
  if (clause.modal !== null) return false
  if (clause.form === 'be' || clause.form === 'passive') return true
  return clause.form === 'present' && clause.finite === clause.verb
}

/** "I live in Leeds and work as a nurse": the verb after "and", and no noun ("fish and work clothes"). */
export function isJoinedVerb(tokens: readonly Token[], i: number): boolean {
  return isAfterAnd(tokens, i) || isInList(tokens, i)
}

/** "I meditate, do yoga, and teach classes": the verbs between the first and the last. */
function isInList(tokens: readonly Token[], i: number): boolean {
  const { word, kind, capital } = tokens[i]!
  if (tokens[i - 1]?.word !== ',' || kind !== 'word' || capital || !isBaseVerb(word)) return false
  const and = tokens.findIndex((piece, k) => k > i && piece.word === 'and')
  return (
    and > 0 &&
    tokens[and - 1]!.word === ',' &&
    and + 1 < tokens.length &&
    isAfterAnd(tokens, and + 1)
  )
}

function isAfterAnd(tokens: readonly Token[], i: number): boolean {
  const before = beforeAdverbs(tokens, i)
  if (!/^(?:and|but|or|then)$/.test(tokens[before]!.word)) return false
  const { word, kind, capital } = tokens[i]!
  if (kind !== 'word' || capital || word === 'be') return false
  if (followsInfinitive(tokens, before)) return false
  if (word === 'am' || word === 'have') return true
  if (word === 'do') return tokens[i + 1]?.word === 'not'
  if (!isBaseVerb(word)) return false
  const next = tokens[i + 1]
  if (next?.kind === 'number') return true
  if (next === undefined || next.kind === 'mark' || next.word === 'and' || next.word === 'or')
    return false
  if (word === 'like' || word === 'love' || word === 'hate') return !LIKENESS.has(next.word)
  if (SURE_VERBS.has(word)) return true
  return AFTER_VERB.has(next.word)
}

/** "to stay fit and work out", "seeing friends and travel": the verb may go with the one just before. */
function followsInfinitive(tokens: readonly Token[], and: number): boolean {
  for (let i = and - 1; i > 0; i--) {
    const { word } = tokens[i]!
    if (word === ',' || word === 'and' || word === 'but' || word === 'i' || word === 'we')
      return false
    if (isBaseVerb(word) && tokens[i - 1]?.word === 'to') return true
  }
  return false
}

const SURE_VERBS =
  wordSet(`live prefer avoid enjoy own speak teach eat hate love write go use know manage maintain build dislike
  refuse strive commute volunteer specialize specialise think believe`)
/** "and like many others" */
const LIKENESS = wordSet('many most all a an other others everyone')
const AFTER_VERB = wordSet(
  'at for as in on with from to a an the my our it them him her every about two three',
)

/** The third person of a verb in the first; past forms and modal verbs have none. */
function conjugated(piece: Token): Token {
  const { word } = piece
  if (AUXILIARY.has(word) || isPresent(word)) return token(thirdPerson(word), 'word', piece.gap)
  return piece.capital ? token(word, 'word', piece.gap) : piece
}

const AUXILIARY = wordSet('am are were have do')

function lowered(tokens: readonly Token[]): Token[] {
  const [first, ...rest] = tokens
  return first === undefined ? [] : [token(first.text.toLowerCase(), first.kind, ' '), ...rest]
}

/** Without the marks and fillers at the end. */
function trimmed(tokens: readonly Token[]): Token[] {
  let end = tokens.length
  while (end > 0) {
    const { kind, word } = tokens[end - 1]!
    if (kind === 'mark' && !/^[)\]%"”]$/.test(word)) end--
    else if (FILLERS.has(word) && end > 3) end--
    else break
  }
  return tokens.slice(0, end)
}

const FILLERS = wordSet('lol haha hahaha btw thanks please though anyway tbh imo lmao xd')

function capitalised(text: string): string {
  return /^\p{Ll}+(?![\p{Lu}\p{N}])/u.test(text) ? text[0]!.toUpperCase() + text.slice(1) : text
}
