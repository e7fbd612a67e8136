import { readFileSync } from 'node:fs'

/** Piece → id. A piece inside a word is written with `##` before it. */
export type Vocabulary = ReadonlyMap<string, number>

/** Marks with a meaning of their own. In a text they stand for themselves, whole and in this case only. */
export const SPECIAL_PIECES = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

const SPECIAL = /(\[(?:PAD|UNK|CLS|SEP|MASK)\])/
const PLAIN_ASCII = /^[\t\n\r\x20-\x7e]*$/
const ASCII_WORDS = /[a-z0-9]+|[^\sa-z0-9]/g
// Symbols of ASCII (+ < = > ^ ` | ~ $) part words although Unicode does not call them punctuation.
const WORDS = /[^\s\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu
const REMOVED = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu
const CHINESE = /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]/g
const ACCENTS = /\p{Mn}/gu
/** A longer word is unknown as a whole. */
const LONGEST_WORD = 100

/**
 * BERT's uncased WordPiece: invisible characters removed, Chinese characters apart, lower case, accents
 * stripped, each punctuation mark a word, then the longest piece that fits, from the left.
 * The ids are those of `@huggingface/tokenizers` for the same vocabulary; a test compares the two.
 *
 * @returns a function from a text to its ids, without [CLS] and [SEP] around them.
 */
export function createWordPiece(vocabulary: Vocabulary): (text: string) => number[] {
  const unknown = vocabulary.get('[UNK]')!
  const starts = new Map<string, number>()
  const insides = new Map<string, number>()
  let longestPiece = 0
  for (const [piece, id] of vocabulary) {
    const isInside = piece.startsWith('##') && piece.length > 2
    if (isInside) insides.set(piece.slice(2), id)
    else starts.set(piece, id)
    longestPiece = Math.max(longestPiece, piece.length)
  }

  /** Null for a word that no pieces make up. */
  function splitWord(word: string): number[] | null {
    const ids: number[] = []
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? starts : insides
      let end = Math.min(word.length, start + longestPiece)
      while (end > start && !pieces.has(word.slice(start, end))) end--
      if (end === start) return null
      ids.push(pieces.get(word.slice(start, end))!)
      start = end
    }
    return ids
  }

  function toPieces(word: string): readonly number[] {
    const whole = starts.get(word)
    if (whole !== undefined) return [whole]
    return (isLongerThan(word, LONGEST_WORD) ? null : splitWord(word)) ?? [unknown]
  }

  return (text) => {
    const sections = text.includes('[') ? text.split(SPECIAL) : [text]
    // split() puts what its group caught at the odd places.
    return sections.flatMap((section, i) =>
      i % 2 === 1 ? vocabulary.get(section)! : toWords(section).flatMap(toPieces),
    )
  }
}

export function hasLetterOrDigit(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text)
}

/** The vocabulary inside a `tokenizer.json`. */
export function readVocabulary(path: string): Vocabulary {
  const { model } = JSON.parse(readFileSync(path, 'utf8')) as {
    model: { vocab: Record<string, number> }
  }
  return new Map(Object.entries(model.vocab))
}

function toWords(text: string): readonly string[] {
  if (PLAIN_ASCII.test(text)) return text.toLowerCase().match(ASCII_WORDS) ?? []
  return (
    text
      .replace(REMOVED, '')
      .replace(CHINESE, ' $& ')
      .toLowerCase()
      .normalize('NFD')
      .replace(ACCENTS, '')
      .match(WORDS) ?? []
  )
}

/** Counts characters, not UTF-16 units. */
function isLongerThan(word: string, characters: number): boolean {
  return word.length > characters && [...word].length > characters
}
