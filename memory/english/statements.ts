import type { Category } from '../memory.ts'
import { type Clause, isKnownHead, readClause } from './clause.ts'
import { type Instruction, readInstruction } from './instructions.ts'
import { judge } from './judge.ts'
import type { Judgement } from './judgement.ts'
import { readOpening } from './openings.ts'
import { type Part, partsOf } from './parts.ts'
import { readRequest } from './requests.ts'
import { rewrite, said } from './rewrite.ts'
import type { Sentence } from './sentences.ts'
import { type Token, textOf, token, tokensOf } from './tokens.ts'
import { baseOfPast, baseOfThird, isBaseVerb } from './verbs.ts'
import type { Tense } from './when.ts'
import { wordSet } from './word-set.ts'

/** A statement worth keeping, dates not yet resolved. */
export type Finding = Readonly<{
  content: string
  category: Category
  confidence: number
  /** Worth keeping also in a turn that asks for something. */
  certain: boolean
  /** It marks a change or correction. */
  replaces: boolean
  /** It happens once. */
  event: boolean
  tense: Tense
}>

/** What a sentence yields, and what it means for the rest of its turn. */
export type Reading = Readonly<{
  findings: readonly Finding[]
  /** It asks for something. */
  asks: boolean
  /**
   * `forbid`: nothing of the turn is to be kept. `stop`: what follows is invented. `list`: what follows is
   * to be remembered.
   */
  effect: 'forbid' | 'stop' | 'list' | null
}>

/** What was read before, for a sentence that needs it. */
export type Context = Readonly<{
  /** "Remember the following:" came before. */
  listed: boolean
  /** What was found so far, oldest first. */
  contents: readonly string[]
}>

const NOTHING: Reading = { findings: [], asks: false, effect: null }
const yields = (findings: readonly Finding[], asks = false): Reading => ({
  ...NOTHING,
  findings,
  asks,
})

/** A longer sentence is no statement. One that is to be remembered may be longer. */
const LONGEST_STATEMENT = 500
/** A sentence of a calculation is about the calculation. */
const FORMULA = /\\[([]|\$\$|\\(?:frac|sum|int|cap|cup)\b/

/** "I'm Sam, nice to meet you": how it ends says nothing. */
const PLEASANTRY =
  /[\s,;.!–—-]+(?:(?:it(?:['’]s| is) )?(?:so |very )?(?:nice|good|great|lovely|pleased|glad|happy|a pleasure) to (?:e-?)?(?:meet|see|talk to|chat with) you(?: too| all)?|cheers|(?:many )?thanks(?: in advance)?)[\s.!]*$/i

function withoutPleasantry(text: string): string {
  return text.replace(PLEASANTRY, '')
}

export function readSentence(sentence: Sentence, context: Context): Reading {
  const tokens = tokensOf(withoutPleasantry(sentence.text))
  const request = readRequest(sentence, tokens)
  switch (request?.kind) {
    case 'forbid':
      return { ...NOTHING, effect: 'forbid' }
    case 'pretend':
      return { ...NOTHING, effect: 'stop' }
    case 'forget':
    case 'idle':
      return NOTHING
    case 'remember':
      return request.statement === ''
        ? { ...NOTHING, effect: 'list' }
        : yields(toRemember(request.statement, request.firm))
  }
  if (sentence.question) return { ...NOTHING, asks: true }
  const wish = readInstruction(tokens)
  if (wish !== null) return yields([instructed(wish)])
  if (request?.kind === 'ask') return yields(behindRequest(sentence, tokens), true)
  if (sentence.text.length > LONGEST_STATEMENT || FORMULA.test(sentence.text)) return NOTHING
  if (context.listed) return yields(toRemember(sentence.text, true))
  const found = speakerLast(tokens) ?? corrected(sentence, tokens, context.contents)
  return found === null ? stated(sentence, tokens) : yields([found])
}

const plainly = {
  certain: true,
  replaces: false,
  event: false,
  tense: 'recurring',
} as const

// What is to be remembered

const ASKED_FOR = 0.95

/**
 * What stands behind "remember that": also what is not about the speaker.
 *
 * @param firm it cannot be part of a task.
 */
function toRemember(statement: string, firm: boolean): Finding[] {
  const tokens = tokensOf(statement)
  const task = statement.startsWith('to ')
  const wish = readInstruction(task ? tokens.slice(1) : tokens, task)
  if (wish !== null) return [{ ...instructed(wish), certain: true, confidence: ASKED_FOR }]
  if (task) return [] // "remember to close the file"
  const { parts } = partsOf(tokens, () => true)
  const found = parts.map((part) =>
    toFinding(part, judge(part.clause), rewrite(part.clause, part.lead, part.end)),
  )
  if (found.length > 0 && found.every((finding) => finding !== null)) {
    return found.map((finding) => ({
      ...finding,
      certain: firm || finding.certain,
      confidence: ASKED_FOR,
    }))
  }
  const turned = speakerLast(tokens)
  if (turned !== null) return [{ ...turned, confidence: ASKED_FOR }]
  if (tokens.length < 3 || !tokens.some(isFiniteForm) || isBaseVerb(tokens[0]!.word)) return []
  const aboutUs = tokens.some((piece) => PERSONAL.has(piece.word))
  const content = aboutUs ? said(statement) : capitalised(statement.replace(/\s+/g, ' '))
  return [{ ...plainly, content, category: 'general', confidence: 0.9, certain: firm }]
}

const PERSONAL = wordSet('i me my mine we us our you your')
const FINITE = wordSet(
  'is are was were am has have had do did can cannot will must should may need',
)

function isFiniteForm({ word, kind }: Token): boolean {
  return (
    kind === 'word' && (FINITE.has(word) || baseOfThird(word) !== null || baseOfPast(word) !== null)
  )
}

function instructed({ content, standing }: Instruction): Finding {
  const category = content.includes(' to be called ') ? 'profile' : 'preferences'
  return {
    ...plainly,
    content,
    category,
    confidence: standing ? 0.9 : 0.75,
    certain: standing,
  }
}

// What is stated

/** A longer sentence is not quoted where it cannot be rewritten. */
const LONGEST_QUOTE = 160

function stated(sentence: Sentence, tokens: readonly Token[]): Reading {
  const { parts, asks } = partsOf(tokens, (clause) => judge(clause, true) !== null)
  const quotable = parts.length === 1 && sentence.text.length <= LONGEST_QUOTE
  const findings: Finding[] = []
  for (const part of parts) {
    const judged = judge(part.clause)
    if (judged === null) continue
    const rewritten = rewrite(part.clause, part.lead, part.end)
    const finding = toFinding(
      part,
      judged,
      rewritten ?? (quotable && judged.certain ? said(sentence.text) : null),
    )
    if (finding !== null) findings.push(finding)
  }
  return yields(findings, asks)
}

function toFinding(part: Part, judged: Judgement | null, content: string | null): Finding | null {
  if (content === null) return null
  return {
    content,
    category: part.corrects ? 'corrections' : (judged?.category ?? 'general'),
    confidence: judged?.certain === true ? (part.hedged ? 0.7 : 0.85) : part.hedged ? 0.45 : 0.6,
    certain: judged?.certain === true && !part.hedged,
    replaces: part.corrects || judged?.change === true,
    event: judged?.event ?? false,
    tense: tenseOf(part.clause, judged),
  }
}

function tenseOf({ form, modal }: Clause, judged: Judgement | null): Tense {
  if (judged?.event === true || form === 'progressive' || modal === 'will' || modal === 'going to')
    return 'future'
  if (form === 'perfect' || form === 'perfect-progressive') return 'perfect'
  return form === 'past' ? 'past' : 'recurring'
}

/** "I need a laptop, but I hate Windows": behind the request a statement may follow. */
function behindRequest(sentence: Sentence, tokens: readonly Token[]): readonly Finding[] {
  const but = tokens.findIndex((piece, i) => piece.word === 'but' && tokens[i + 1]?.word === 'i')
  return but < 0
    ? []
    : stated(sentence, tokens.slice(but + 1)).findings.filter(({ certain }) => certain)
}

// Other orders of words

const CALLS =
  /^(?:everyone|everybody|(?:most )?people|(?:my )?friends|they|they all) (?:just |usually |mostly )?calls? me \S+$/
const NO_NAME =
  wordSet(`i me my we our you your it he she they that this these those there what who which where how here everything
  nothing today tomorrow`)
const FAVOURITE = /\bfavou?rites?\b/i

/** "Nadia is my sister", "Goat cheese is my favourite", "everyone calls me Ziggy" */
function speakerLast(tokens: readonly Token[]): Finding | null {
  const body = withoutMarks(tokens.slice(readOpening(tokens).start))
  const last = body.at(-1)
  if (last?.capital === true && CALLS.test(body.map((piece) => piece.word).join(' '))) {
    return {
      ...plainly,
      content: `User goes by ${last.text}`,
      category: 'profile',
      confidence: 0.8,
    }
  }
  const verb = body.findIndex((piece) => piece.word === 'is' || piece.word === 'are')
  if (verb < 1 || verb > 6 || body[verb + 1]?.word !== 'my') return null
  const who = body.slice(0, verb)
  const what = body.slice(verb + 2)
  if (who.some((piece) => NO_NAME.has(piece.word) || piece.kind === 'mark')) return null
  if (what.length === 0 || what.length > 10 || what.some((piece) => PERSONAL.has(piece.word)))
    return null
  const favourite = FAVOURITE.test(textOf(what))
  if (!favourite && !(who[0]!.capital && namesRelation(body.slice(verb + 1)))) return null
  const content = capitalised(`${textOf(who)} ${body[verb]!.text} User's ${textOf(what)}`)
  return { ...plainly, content, category: favourite ? 'preferences' : 'profile', confidence: 0.8 }
}

/** Is "my …" somebody or something that one has? */
function namesRelation(phrase: readonly Token[]): boolean {
  const clause = readClause([...phrase, token('is'), token('here')])
  return clause !== null && isKnownHead(clause.subject.head)
}

/**
 * "Actually, it's Rex, not Max": puts the right name into the statement of the same call that has the wrong
 * one. Without one the sentence is kept as it was said; it still tells which of the two is right.
 */
function corrected(
  sentence: Sentence,
  tokens: readonly Token[],
  contents: readonly string[],
): Finding | null {
  const { start, corrects } = readOpening(tokens)
  const words = withoutMarks(tokens.slice(start)).filter((piece) => piece.kind !== 'mark')
  const itIs = words[0]?.word === 'it' && words[1]?.word === 'is'
  if (!itIs && !corrects) return null
  const [right, wrong] = contrasted(words.slice(itIs ? 2 : 0))
  if (!isNameLike(right) || !isNameLike(wrong)) return null
  const old = textOf(wrong)
  const mistaken = contents.findLast(
    (content) =>
      withoutMarks(tokensOf(content)).some((piece) => piece.text === wrong[0]!.text) &&
      content.includes(old),
  )
  const content =
    mistaken === undefined ? said(sentence.text) : mistaken.replace(old, () => textOf(right))
  return {
    ...plainly,
    content,
    category: 'corrections',
    confidence: 0.8,
    replaces: true,
  }
}

/** The right and the wrong side of "Rex not Max", "not Max but Rex", "not Max it is Rex". */
function contrasted(
  words: readonly Token[],
): readonly [right: readonly Token[], wrong: readonly Token[]] {
  const not = words.findIndex((piece) => piece.word === 'not')
  if (not > 0) return [words.slice(0, not), words.slice(not + 1)]
  const but = words.findIndex((piece) => piece.word === 'but' || piece.word === 'it')
  if (not < 0 || but < 0) return [[], []]
  return [words.slice(words[but]!.word === 'it' ? but + 2 : but + 1), words.slice(1, but)]
}

function isNameLike(side: readonly Token[]): boolean {
  return (
    side.length > 0 &&
    side.length <= 3 &&
    side.every((piece) => piece.capital || piece.kind !== 'word')
  )
}

function withoutMarks(tokens: readonly Token[]): readonly Token[] {
  let end = tokens.length
  while (end > 0 && tokens[end - 1]!.kind === 'mark') end--
  return tokens.slice(0, end)
}

function capitalised(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1)
}
