import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../daemon/fixtures/executable.ts'
import { queryTerms } from '../memory/words.ts'
import { pick, seeded } from './random.ts'

/**
 * Statements and questions without end, for measuring speed: of words as frequent as in English, since a word
 * in every tenth memory costs a search more than a rare one. They mean nothing, and quality is not measured
 * with them.
 */
export type Corpus = Readonly<{
  /** The n-th statement, always the same; no two are alike. */
  statement(n: number): string
  /** The n-th question, short, about the words of some statement. */
  question(n: number): string
}>

export function openCorpus(): Corpus {
  const words = commonWords()
  /** Zipf's law: the k-th word comes up in proportion to 1/k. */
  const zipf = (random: () => number) => words[Math.floor(words.length ** random()) - 1]!
  const at = (n: number, salt: number) => seeded(Math.imul(n + 1, 2_654_435_761) ^ salt)
  return {
    statement(n) {
      const random = at(n, 0)
      const word = () => zipf(random)
      return `${pick(random, STATEMENTS)(word)} ${nameOf(n)}.`
    },
    question(n) {
      const random = at(n, 0x5eed)
      const word = () => zipf(random)
      return `${pick(random, QUESTIONS)(word)} (${n})`
    },
  }
}

type Sentence = (word: () => string) => string

const STATEMENTS: readonly Sentence[] = [
  (word) => `The user keeps the ${word()} ${word()} in the ${word()} near`,
  (word) => `The user prefers ${word()} over ${word()} for the ${word()} at`,
  (word) => `The user's ${word()} works on the ${word()} ${word()} with`,
  (word) => `The user met a ${word()} who knows the ${word()} of`,
  (word) => `The project of the user needs a ${word()}, a ${word()} and a ${word()} from`,
  (word) => `The user has avoided ${word()} ${word()} since the ${word()} of`,
]

const QUESTIONS: readonly Sentence[] = [
  (word) => `Where is the ${word()} ${word()}?`,
  (word) => `What do I prefer for the ${word()} and the ${word()}?`,
  (word) => `Who works on the ${word()} ${word()}?`,
  (word) => `What does my project need beside a ${word()}?`,
]

const LETTERS = 'bcdfghjklmnprstvz'
const VOWELS = 'aeiou'

/** A name for each number, of four syllables. */
function nameOf(n: number): string {
  let rest = n
  let name = ''
  for (let i = 0; i < 4; i++) {
    name +=
      LETTERS[rest % LETTERS.length]! + VOWELS[Math.floor(rest / LETTERS.length) % VOWELS.length]!
    rest = Math.floor(rest / (LETTERS.length * VOWELS.length))
  }
  return name[0]!.toUpperCase() + name.slice(1)
}

/** Whole words of the embedder's vocabulary, which lists them by how often they are used; no stop words. */
function commonWords(): string[] {
  const path = join(ROOT, 'embed/models/all-MiniLM-L6-v2/tokenizer.json')
  const { model } = JSON.parse(readFileSync(path, 'utf8')) as {
    model: { vocab: Record<string, number> }
  }
  return Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([word]) => word)
    .filter((word) => /^[a-z]{4,}$/.test(word) && queryTerms(`${word} zebra`).length === 2)
}
