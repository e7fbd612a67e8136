import { STOP_WORDS, terms } from './words.ts'

/**
 * Names in a question, each as its search terms: capitalised words that do not begin a sentence. A question
 * about somebody or something that nobody has ever named here has no answer here.
 */
export function namesIn(question: string): string[][] {
  const names: string[][] = []
  for (const match of question.matchAll(WORD)) {
    const word = match[0].replace(/['’]s$/, '').replace(/[.'’-]+$/, '')
    if (!/^\p{Lu}/u.test(word) || NO_NAME.test(word) || STOP_WORDS.has(word.toLowerCase())) continue
    if (BEGINS_SENTENCE.test(question.slice(0, match.index))) continue
    const found = terms(word)
    if (found.length > 0) names.push(found)
  }
  return names
}

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'’.+#-]*/gu
/** "I", "I'm", months and days of the week. */
const NO_NAME =
  /^(?:I(?:['’]\w+)?|(?:January|February|March|April|May|June|July|August|September|October|November|December)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)$/
const BEGINS_SENTENCE = /(?:^|[.!?:"“]\s*)$/
