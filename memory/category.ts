import { sentencesOf } from './english/sentences.ts'
import { baseOfThird } from './english/verbs.ts'
import type { Category } from './memory.ts'
import { extractByRules } from './rules.ts'

/**
 * The category of a statement that came without one, as the rules would have filed it had the user said it;
 * `general` where they see none, and for other languages than English.
 *
 * A memory is often told in the third person ("User prefers tabs", "Prefers tabs"), which is heard as the first.
 */
export function categoryOf(content: string): Category {
  // How the rules word an instruction.
  if (/^(?:the )?user wants the assistant\b/i.test(content)) return 'preferences'
  for (const heard of [content, inFirstPerson(content)]) {
    if (heard === null) continue
    for (const { category } of extractByRules([asTurn(heard)], 0)) {
      if (category !== 'general') return category
    }
  }
  return 'general'
}

/** "The user's dog is called Rex" → "My dog is called Rex", "Likes tea" → "I like tea"; null for anything else. */
function inFirstPerson(content: string): string | null {
  const first = sentencesOf(content)[0]?.text ?? ''
  const [whole, subject = '', possessive] = /^((?:the )?user(['’]s)? )?/i.exec(first)!
  const rest = first.slice(whole.length)
  if (possessive) return `My ${rest}`
  const [, adverb = '', verb = ''] =
    /^((?:always|never|often|usually|also|really|mostly) )?(\S+)/i.exec(rest) ?? []
  const base = AUXILIARIES.get(verb.toLowerCase()) ?? baseOfThird(verb.toLowerCase())
  const spoken = base ?? (subject === '' ? null : verb)
  if (spoken === null) return null
  return `I ${adverb.toLowerCase()}${spoken}${rest.slice(adverb.length + verb.length)}`
}

const AUXILIARIES: ReadonlyMap<string, string> = new Map([
  ['is', 'am'],
  ["isn't", 'am not'],
  ['has', 'have'],
  ["hasn't", "haven't"],
  ['does', 'do'],
  ["doesn't", "don't"],
])

function asTurn(content: string) {
  return {
    id: '',
    conversationId: '',
    namespace: '',
    position: 0,
    role: 'user',
    speaker: null,
    content,
    truncated: false,
    model: null,
    saidAt: 0,
    createdAt: 0,
    memoryCount: null,
  } as const
}
