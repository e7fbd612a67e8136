import { slotOf } from './slots.ts'

/**
 * The single-valued attribute that a question asks for, by the name that `slotOf` gives it: "where do I live?"
 * → user home. The memory that states it answers the question, whatever its words: "User moved to Lisbon".
 *
 * @returns null for a question that asks for none, or for another person's
 */
export function askedSlot(question: string): string | null {
  const text = question
    .replaceAll('’', "'")
    .trim()
    .replace(
      /^(?:hey|hi|hello|ok|so|and|but|please|remind me|tell me|do you (?:know|remember))\b[ ,]*/i,
      '',
    )
    .replace(/[?!. ]+$/, '')
  if (text.length > LONGEST) return null
  for (const [pattern, statement] of ASKED) {
    const match = pattern.exec(text)
    const slot = match && slotOf(statement(match.groups?.what ?? ''))?.slot
    if (slot) return slot
  }
  return null
}

const LONGEST = 80

/** A value that is a name, a place and a thing. */
const SOMETHING = 'Xanadu'

/** Questions, and the statement that would answer them. */
const ASKED: readonly (readonly [RegExp, (what: string) => string])[] = [
  [
    /^(?:who am i|what am i called|what do (?:people|they) call me)$/i,
    () => `My name is ${SOMETHING}`,
  ],
  [
    /^(?:where (?:do i live|am i (?:living|based|located)|do i reside)(?: (?:now|these days|at the moment|currently))?|(?:what|which) (?:city|town|country|place) (?:do i live in|am i (?:in|living in|based in))|where is my home)$/i,
    () => `I live in ${SOMETHING}`,
  ],
  [
    /^(?:where do i work|(?:who|what company|which company) do i work (?:for|at))$/i,
    () => `I work at ${SOMETHING}`,
  ],
  [/^(?:what do i do (?:for (?:a living|work))|what do i work as)$/i, () => `I work as a baker`],
  [/^(?:how old am i)$/i, () => 'I am 30 years old'],
  [/^(?:when (?:was i born|is my birthday))$/i, () => 'My birthday is 1 May'],
  [/^(?:am i (?:married|single)|what is my marital status)$/i, () => 'I am married'],
  [
    /^(?:what|which) (?<what>[\w -]{2,30}?) do i (?:use|prefer|work with|run)$/i,
    (what) => `My main ${what} is ${SOMETHING}`,
  ],
  [
    /^(?:what|who|which)(?:'s| is| are|s)? my (?<what>[\w' -]{2,40}?)(?:'s name| called| named)?$/i,
    (what) => `My ${what} is ${SOMETHING}`,
  ],
  // typed into a search
  [/^my (?<what>[\w -]{2,40})$/i, (what) => `My ${what} is ${SOMETHING}`],
]
