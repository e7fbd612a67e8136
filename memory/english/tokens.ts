import { wordSet } from './word-set.ts'

/**
 * A sentence as a row of tokens that can be printed back: words with contractions taken apart ("I'm" →
 * I, am), numbers, marks, and opaque stretches (quotations, inline code, addresses) that nothing looks into.
 */
export type Token = Readonly<{
  /** As it is printed. */
  text: string
  /** Lower case with straight apostrophes; the mark itself for a mark; empty for an opaque stretch. */
  word: string
  kind: 'word' | 'number' | 'mark' | 'opaque'
  /** White space that stood before it, at most one space. */
  gap: string
  /** Begins with a capital letter. */
  capital: boolean
}>

export function tokensOf(sentence: string): Token[] {
  const found: Token[] = []
  PIECE.lastIndex = 0
  let end = 0
  for (;;) {
    const match = PIECE.exec(sentence)
    if (match === null) break
    const gap = match.index > end ? ' ' : ''
    end = PIECE.lastIndex
    const text = match[0]
    if (match.groups?.opaque !== undefined) found.push(token(text, 'opaque', gap, ''))
    else if (match.groups?.number !== undefined) found.push(token(text, 'number', gap))
    else if (match.groups?.word !== undefined) found.push(token(text, 'word', gap))
    else found.push(token(text, 'mark', gap))
  }
  return expandContractions(found)
}

export function textOf(tokens: readonly Token[]): string {
  let text = ''
  for (const token of tokens) text += token.gap + token.text
  return text.trim()
}

export function token(
  text: string,
  kind: Token['kind'] = 'word',
  gap = ' ',
  word = text.toLowerCase().replaceAll('’', "'"),
): Token {
  return { text, word, kind, gap, capital: /^\p{Lu}/u.test(text) }
}

/** Longest stretch in quotation marks that counts as one: beyond it the mark is a stray one. */
const QUOTED = '{1,400}'

const OPAQUE_SOURCE = [
  // inline code, quotations; a single quote opens only after a space and closes only before one
  `\`\`[^\`\n]${QUOTED}\`\`|\`[^\`\n]${QUOTED}\`|"[^"\n]${QUOTED}"|“[^”\n]${QUOTED}”|«[^»\n]${QUOTED}»`,
  `(?<![\\p{L}\\p{N}])['‘][^'’\n]${QUOTED}['’](?![\\p{L}\\p{N}])`,
  // addresses
  'https?://[^\\s<>"]{1,400}[\\w/]|[\\w.+-]{1,64}@[\\w-]{1,64}(?:\\.[\\w-]{1,32}){1,4}',
].join('|')

/** What nothing looks into, wherever it stands. Global: set `lastIndex` before use. */
export const OPAQUE = new RegExp(OPAQUE_SOURCE, 'gu')

const PIECE = new RegExp(
  [
    `(?<opaque>${OPAQUE_SOURCE})`,
    // 3.5, 10k, 12/03/2026, 9:30am, 1,000, 16th, $20, 50%
    '(?<number>[$€£]?\\d(?:[\\d.,:/]{0,30}\\d)?(?:%|[\\p{L}\\p{M}]{1,12}(?![\\p{L}\\p{N}]))?(?![\\p{L}\\p{N}-]))',
    // words, with what may stand inside them: don't, left-handed, Next.js, he/him, C++, F#
    "(?<word>[\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N}_]*(?:[-.'’/&][\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N}_]*)*(?:\\+\\+|#|(?<=s)['’](?=\\s))?)",
    '(?<mark>\\S)',
  ].join('|'),
  'gu',
)

function expandContractions(tokens: readonly Token[]): Token[] {
  if (!tokens.some((piece) => piece.kind === 'word' && MAY_CONTRACT.test(piece.word))) {
    return tokens as Token[]
  }
  const found: Token[] = []
  for (const [i, piece] of tokens.entries()) {
    if (piece.kind !== 'word' || !MAY_CONTRACT.test(piece.word)) found.push(piece)
    else for (const part of expand(piece, tokens[i + 1], tokens[i + 2])) found.push(part)
  }
  return found
}

const MAY_CONTRACT =
  /'|^(?:im|ive|dont|doesnt|didnt|cant|wont|isnt|arent|wasnt|havent|hasnt|wouldnt|couldnt)$/

const FIXED: ReadonlyMap<string, readonly string[]> = new Map([
  ['im', ['I', 'am']],
  ["i'm", ['I', 'am']],
  ['ive', ['I', 'have']],
  ["can't", ['cannot']],
  ['cant', ['cannot']],
  ["won't", ['will', 'not']],
  ['wont', ['will', 'not']],
  ["shan't", ['shall', 'not']],
  ["let's", ["let's"]],
  ["y'all", ["y'all"]],
  ["o'clock", ["o'clock"]],
])

const ENDINGS: ReadonlyMap<string, string> = new Map([
  ["'m", 'am'],
  ["'re", 'are'],
  ["'ve", 'have'],
  ["'ll", 'will'],
])

function expand(piece: Token, next: Token | undefined, afterNext: Token | undefined): Token[] {
  const { word } = piece
  const fixed = FIXED.get(word)
  if (fixed !== undefined) return parts(piece, fixed)
  const negated = /^([a-z]{2,6})n'?t$/.exec(word)?.[1]
  if (negated !== undefined && NEGATED.has(negated)) {
    return parts(piece, [piece.text.slice(0, negated.length), 'not'])
  }
  const cut = word.lastIndexOf("'")
  if (cut <= 0) return [piece]
  const stem = piece.text.slice(0, cut)
  const ending = word.slice(cut)
  const plain = ENDINGS.get(ending)
  if (plain !== undefined) return parts(piece, [stem, plain])
  if (ending === "'d" && PRONOUNS.has(word.slice(0, cut))) {
    return parts(piece, [stem, isHad(next, afterNext) ? 'had' : 'would'])
  }
  if (ending === "'s") {
    const verb = verbOfS(word.slice(0, cut), next)
    if (verb !== null) return parts(piece, [stem, verb])
  }
  return [piece]
}

const NEGATED = wordSet('do does did is are was were has have had would could should must need')
const PRONOUNS = wordSet('i you he she it we they that there who')

function parts(piece: Token, texts: readonly string[]): Token[] {
  return texts.map((text, i) => token(text, 'word', i === 0 ? piece.gap : ' '))
}

/** "I'd been", "I'd better": had. "I'd rather", "I'd never eat": would. */
function isHad(next: Token | undefined, afterNext: Token | undefined): boolean {
  const first = next?.word ?? ''
  const word = first === 'never' || first === 'always' ? (afterNext?.word ?? '') : first
  return (
    word === 'better' ||
    word === 'been' ||
    word === 'had' ||
    /^(?:gone|done|taken|seen)$/.test(word)
  )
}

/** "my name's Sam" → is; "it's been" → has; null for a possessive ("my sister's dog"). */
function verbOfS(stem: string, next: Token | undefined): 'is' | 'has' | null {
  const follows = next?.word ?? ''
  if (follows === 'been' || follows === 'got') return 'has'
  if (S_IS_VERB.has(stem)) return 'is'
  if (stem === 'name' || stem === 'birthday') return 'is'
  return FOLLOWS_IS.has(follows) ? 'is' : null
}

const S_IS_VERB = wordSet('it that he she there here what who where how this')
const FOLLOWS_IS = wordSet(
  'a an the called named from in at on not allergic also always never turning getting working living',
)
