import { GROUPS, isPerson, singular, THINGS } from './lexicon.ts'
import type { Token } from './tokens.ts'
import {
  baseOfGerund,
  baseOfParticiple,
  baseOfPast,
  baseOfThird,
  isBaseVerb,
  isPresent,
} from './verbs.ts'
import { wordSet } from './word-set.ts'

/**
 * A main clause whose subject is the speaker or something of the speaker's: where its parts lie in the
 * row of tokens. One pass over the tokens; what it is not sure of it does not read (null).
 */
export type Clause = Readonly<{
  tokens: readonly Token[]
  subject: Subject
  /** Index of the finite verb, the one that is conjugated: "have" in "I have been working". */
  finite: number
  /** Index of the main verb: "working" in "I have been working"; the same as `finite` in "I work". */
  verb: number
  /** Base form of the main verb. */
  lemma: string
  form: Form
  /** The modal verb, when there is one: can, cannot, would, "have to". */
  modal: string | null
  negated: boolean
  /** The adverbs before the main verb. */
  adverbs: ReadonlySet<string>
}>

export type Form =
  | 'be' // I am …: a complement follows
  | 'present'
  | 'past'
  | 'progressive'
  | 'perfect' // I have lived; I have been (lemma be)
  | 'perfect-progressive'
  | 'passive' // I am married, I was born
  | 'used-to'

export type Subject = Readonly<{
  /** I; we; "my sister"; "my sister and I". */
  kind: 'I' | 'we' | 'mine' | 'both'
  /** Tokens [from, to) */
  from: number
  to: number
  /** The noun that it is about, in lower case: "sister" in "my older sister Nadia". */
  head: string
  /** Whose, when it is a thing of somebody's: "sister" in "my sister's name". */
  owner: string | null
  plural: boolean
}>

/** Reads the clause that begins at `start`; null when none does. */
export function readClause(tokens: readonly Token[], start = 0): Clause | null {
  const first = tokens[start]
  if (first === undefined) return null
  if (first.word === 'i') return afterPronoun(tokens, start, 'I')
  if (first.word === 'we') return afterPronoun(tokens, start, 'we')
  return afterNoun(tokens, start)
}

/** Does a clause of the speaker's begin at `at`? Cheap: a look at the words, not a reading. */
export function opensClause(tokens: readonly Token[], at: number): boolean {
  const word = tokens[at]?.word
  if (word === 'i' || word === 'we' || word === 'my' || word === 'our') return true
  return ownerIndex(tokens, at) > at || (word === 'me' && tokens[at + 1]?.word === 'and')
}

function afterPronoun(tokens: readonly Token[], at: number, kind: 'I' | 'we'): Clause | null {
  const subject: Subject = {
    kind,
    from: at,
    to: at + 1,
    head: kind,
    owner: null,
    plural: kind === 'we',
  }
  return readPredicate(tokens, subject)
}

/** The index of "my" in "my", "both of my", "two of our", "all my"; −1 when it is none of these. */
function ownerIndex(tokens: readonly Token[], at: number): number {
  for (let i = at; i < at + 4; i++) {
    const piece = tokens[i]
    if (piece === undefined) return -1
    if (piece.word === 'my' || piece.word === 'our') return i
    const quantity =
      i === at ? QUANTITIES.has(piece.word) || piece.kind === 'number' : piece.word === 'of'
    if (!quantity) return -1
  }
  return -1
}

const QUANTITIES = wordSet(
  'both all one two three four five six some most many each half none neither several',
)

/** Longer noun phrases than this are not looked through. */
const MAX_SUBJECT_TOKENS = 16

function afterNoun(tokens: readonly Token[], at: number, besideSpeaker = false): Clause | null {
  if (tokens[at]?.word === 'me' && tokens[at + 1]?.word === 'and') return meAnd(tokens, at)
  const owner = ownerIndex(tokens, at)
  if (owner < 0) return null
  const end = Math.min(tokens.length, owner + MAX_SUBJECT_TOKENS)
  let head = ''
  let headKnown = false
  let closed = false // after a preposition or a name the head is settled
  let possessor: string | null = null
  let joined =
    besideSpeaker || (owner > at && tokens[at]!.word !== 'one' && tokens[at]!.word !== 'each')
  let withSpeaker = false
  for (let i = owner + 1; i < end; i++) {
    const piece = tokens[i]!
    const { word } = piece
    if (word === ',') {
      // an apposition: "my brother, the tall one, …"; it must close again
      const close = closingComma(tokens, i + 1, end)
      if (close < 0) return null
      i = close
      closed = true
      continue
    }
    if (piece.kind === 'mark' && word !== '&') return null
    if (i > owner + 1 && isFiniteVerb(tokens, i, headKnown, joined || isPlural(head))) {
      const subject: Subject = {
        kind: withSpeaker ? 'both' : 'mine',
        from: at,
        to: i,
        head,
        owner: possessor,
        plural: joined || withSpeaker || isPlural(head),
      }
      return readPredicate(tokens, subject)
    }
    if (word === 'and' || word === '&') {
      joined = true
      closed = false
      if (tokens[i + 1]?.word === 'i' || tokens[i + 1]?.word === 'me') {
        withSpeaker = true
        i++
      }
      continue
    }
    if (RELATIVES.has(word)) return null // "my friend who lives in Rome …": too deep for one pass
    if (PREPOSITIONS.has(word) || word === 'named' || word === 'called') {
      closed = true
      continue
    }
    if (ADVERBS.has(word)) continue
    if (/['’]s$|s['’]$/.test(word) && !closed) {
      possessor = word.replace(/['’]s?$/, '')
      head = ''
      headKnown = false
      continue
    }
    if (closed) continue
    if (piece.capital && headKnown) {
      closed = true // "my sister Nadia"
      continue
    }
    head = word
    headKnown = isKnownHead(word)
  }
  return null
}

/** "me and my wife live in Leeds" */
function meAnd(tokens: readonly Token[], at: number): Clause | null {
  const inner = afterNoun(tokens, at + 2, true)
  if (inner === null || inner.subject.kind !== 'mine') return null
  return { ...inner, subject: { ...inner.subject, kind: 'both', from: at, plural: true } }
}

function closingComma(tokens: readonly Token[], from: number, end: number): number {
  for (let i = from; i < Math.min(end, from + 8); i++) {
    const { word } = tokens[i]!
    if (word === ',') return i
    if (word === 'i' || word === 'we' || word === 'my') return -1
  }
  return -1
}

/** Is the token the finite verb after a noun phrase? Nouns that look like verbs are the danger. */
function isFiniteVerb(
  tokens: readonly Token[],
  i: number,
  headKnown: boolean,
  plural: boolean,
): boolean {
  const { word, kind, capital } = tokens[i]!
  if (kind !== 'word' || (capital && !headKnown)) return false
  if (ALWAYS_FINITE.has(word)) return true
  const before = tokens[beforeAdverbs(tokens, i)]!
  if (DESCRIBES.has(before.word) || before.word === 'to') return false
  if (!headKnown && !before.capital) return false
  if (baseOfThird(word) !== null) return !plural || before.capital
  if (baseOfPast(word) !== null) return !/^(?:a|an|the|my|our|and)$/.test(before.word)
  return plural && isBaseVerb(word)
}

/** The index of the word before `i`, adverbs passed over; 0 at the least. */
export function beforeAdverbs(tokens: readonly Token[], i: number): number {
  let before = i - 1
  while (before > 0 && isAdverb(tokens[before]!.word)) before--
  return Math.max(0, before)
}

const ALWAYS_FINITE = wordSet(
  'is are was were has have had does do did can cannot could will would may might must should used',
)

/** Heads that may also describe the next noun: "my favourite drinks are", "my work friends are". */
const DESCRIBES = wordSet('favorite favourite preferred main default usual least')

export function isKnownHead(word: string): boolean {
  return isPerson(word) || GROUPS.has(word) || THINGS.has(word) || THINGS.has(singular(word))
}

function isPlural(head: string): boolean {
  return head !== singular(head) && !SINGULAR_IN_S.has(head)
}

const SINGULAR_IN_S = wordSet('bus gps dns aws os macos ios css diabetes')

const RELATIVES = wordSet('who whom whose which that because if when')
const PREPOSITIONS = wordSet('of in at from on for with to near by about under as since over')

const ADVERBS =
  wordSet(`really very quite pretty so just also too still only always never usually often sometimes rarely seldom
  normally typically generally mostly mainly primarily currently now actually already recently finally
  absolutely definitely certainly probably personally honestly truly totally completely strongly strictly
  particularly especially simply basically literally kinda hardly barely almost nearly once twice ever yet
  long originally formerly previously lately nowadays today even both all myself ourselves either neither
  kindly much far deeply greatly highly genuinely frequently regularly occasionally constantly`)

export function isAdverb(word: string): boolean {
  return ADVERBS.has(word) || (word.length > 4 && word.endsWith('ly') && !NOT_ADVERBS.has(word))
}

const NOT_ADVERBS = wordSet(
  'family reply apply supply rely imply only comply multiply assembly italy july friendly elderly lovely ugly bully',
)

function readPredicate(tokens: readonly Token[], subject: Subject): Clause | null {
  const reader = new PredicateReader(tokens, subject)
  const finite = reader.pastAdverbs(subject.to)
  const word = wordAt(tokens, finite)
  if (word === null) return null
  if (BE.has(word)) return reader.be(finite)
  if (HAVE.has(word)) return reader.have(finite, word)
  if (DO.has(word)) return reader.do(finite, word)
  if (MODALS.has(word)) return reader.modal(finite, word)
  if (word === 'used' && tokens[finite + 1]?.word === 'to') return reader.usedTo(finite)
  return reader.lexical(finite, word)
}

const BE = wordSet('am is are was were')
const HAVE = wordSet('have has had')
const DO = wordSet('do does did')
const MODALS = wordSet('can cannot could may might must shall should will would')

/** Reads the verbs after a subject, noting the adverbs and negations that it passes. */
class PredicateReader {
  private readonly tokens: readonly Token[]
  private readonly subject: Subject
  private readonly adverbs = new Set<string>()
  private negated = false

  constructor(tokens: readonly Token[], subject: Subject) {
    this.tokens = tokens
    this.subject = subject
  }

  /** The index of the first word from `from` on that is neither adverb nor "not". */
  pastAdverbs(from: number): number {
    for (let i = from; ; i++) {
      const word = this.tokens[i]?.word
      if (word === 'not') this.negated = true
      else if (word === 'no' && this.tokens[i + 1]?.word === 'longer') {
        this.negated = true
        this.adverbs.add('no longer')
        i++
      } else if (word === undefined || !isAdverb(word)) return i
      else this.adverbs.add(word)
    }
  }

  /** I am a nurse; I am working; I am married; I am going to move. */
  be(finite: number): Clause {
    const next = this.pastAdverbs(finite + 1)
    const word = this.at(next)
    if (word === 'going' && this.at(next + 1) === 'to') {
      const verb = this.pastAdverbs(next + 2)
      if (isBaseVerb(this.at(verb)))
        return this.clause(finite, verb, this.at(verb), 'progressive', 'going to')
    }
    const gerund = baseOfGerund(word)
    if (gerund !== null) return this.clause(finite, next, gerund, 'progressive')
    const participle = ADJECTIVES.has(word) ? null : baseOfParticiple(word)
    if (participle !== null) return this.clause(finite, next, participle, 'passive')
    return this.clause(finite, finite, 'be', 'be')
  }

  /** I have a dog; I have got a dog; I have to go; I have lived; I have been (living). */
  have(finite: number, word: string): Clause | null {
    const tense = word === 'had' ? 'past' : 'present'
    const next = this.pastAdverbs(finite + 1)
    const follows = this.at(next)
    if (follows === 'to') return this.base(finite, this.pastAdverbs(next + 1), `${word} to`, tense)
    if (follows === 'got') {
      return this.at(next + 1) === 'to' ? null : this.clause(finite, next, 'have', 'present')
    }
    if (follows === 'been') {
      const after = this.pastAdverbs(next + 1)
      const gerund = baseOfGerund(this.at(after))
      return gerund === null
        ? this.clause(finite, next, 'be', 'perfect')
        : this.clause(finite, after, gerund, 'perfect-progressive')
    }
    // "implemented" may be of a verb that we do not know
    const participle = baseOfParticiple(follows) ?? (/[^aeiou]ed$/.test(follows) ? follows : null)
    if (participle === null) return this.clause(finite, finite, 'have', tense)
    return this.clause(finite, next, participle, word === 'had' ? 'past' : 'perfect')
  }

  /** I do not smoke; I did smoke; I do yoga. */
  do(finite: number, word: string): Clause | null {
    const tense = word === 'did' ? 'past' : 'present'
    const next = this.pastAdverbs(finite + 1)
    const follows = this.at(next)
    if (isBaseVerb(follows) || follows === 'be') return this.clause(finite, next, follows, tense)
    return this.negated ? null : this.clause(finite, finite, 'do', tense)
  }

  /** I can swim; I would rather walk. */
  modal(finite: number, word: string): Clause | null {
    const next = this.pastAdverbs(finite + 1)
    return this.at(next) === 'rather'
      ? this.base(finite, this.pastAdverbs(next + 1), 'would rather', 'present')
      : this.base(finite, next, word, 'present')
  }

  usedTo(finite: number): Clause | null {
    const verb = this.pastAdverbs(finite + 2)
    const word = this.at(verb)
    return isBaseVerb(word) || word === 'be' ? this.clause(finite, verb, word, 'used-to') : null
  }

  /** I work; my sister works; I worked. */
  lexical(finite: number, word: string): Clause | null {
    const third = this.subject.kind === 'mine'
    const plural = !third || this.subject.plural
    const present =
      (third && !plural ? baseOfThird(word) : null) ?? (plural && isPresent(word) ? word : null)
    if (present !== null) return this.clause(finite, finite, present, 'present')
    const past = baseOfPast(word)
    if (past !== null) return this.clause(finite, finite, past, 'past')
    const any = third ? baseOfThird(word) : null // "my parents' house needs paint"
    return any === null ? null : this.clause(finite, finite, any, 'present')
  }

  private base(finite: number, verb: number, modal: string, form: Form): Clause | null {
    const word = this.at(verb)
    const known = isBaseVerb(word) || word === 'be' || word === 'have'
    return known ? this.clause(finite, verb, word, form, modal) : null
  }

  private clause(
    finite: number,
    verb: number,
    lemma: string,
    form: Form,
    modal: string | null = null,
  ): Clause {
    const { tokens, subject, adverbs } = this
    const negated = this.negated || adverbs.has('never') || modal === 'cannot'
    return { tokens, subject, finite, verb, lemma, form, modal, negated, adverbs }
  }

  /** The word at `i`; empty for a mark, a number, a quotation or the end. */
  private at(i: number): string {
    return wordAt(this.tokens, i) ?? ''
  }
}

/** Participles that are read as adjectives: the complement of "to be". */
const ADJECTIVES = wordSet(
  `interested excited tired bored confused worried scared terrified frightened fascinated obsessed addicted
  pleased surprised annoyed frustrated impressed amazed disappointed committed dedicated devoted accustomed
  used involved experienced qualified talented skilled done gone lost stuck lit set born raised based married
  engaged divorced retired separated widowed adopted employed certified licensed organized organised
  opposed averse uninterested disabled disciplined paralyzed sophisticated limited supposed allowed able`,
)

function wordAt(tokens: readonly Token[], at: number): string | null {
  const piece = tokens[at]
  return piece?.kind === 'word' ? piece.word : null
}
