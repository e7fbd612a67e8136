import { stripInjected } from '../../memory/echo.ts'
import type { Asked, Said, Slot } from '../../providers/wire.ts'
import { type ExchangeTurn, NOTHING_BEFORE, nextHash } from '../exchange.ts'
import { type ClientProfile, humanTexts } from './client-profiles.ts'

/** What people and the assistant said in a request, and where a block of memories can stand. */
export type Dialogue = Readonly<{
  /** Spoken turns, oldest first; steps of the assistant on the way to an answer are none. */
  turns: readonly ExchangeTurn[]
  /** The turns of people, oldest first. */
  places: readonly Place[]
  /** The newest of them, when nobody has answered it yet: what memory is asked about. */
  open: Place | null
  /** Empty when nothing is asked. */
  question: string
  /** The newest turn of a person is being worked on: this is not the first request about it. */
  goesOn: boolean
  /** What the newest message of the user's role says in all, whoever wrote it. */
  lastText: string
  /** The beginning of an answer, given to be gone on with. */
  prefill: string
  /** Of the conversation as far as it goes. */
  hash: Uint8Array
}>

export type Place = Readonly<{
  /** Of the conversation up to and including the turn. */
  prefixHash: Uint8Array
  slot: Slot | null
  /** The client sent a block of ours with it: nothing is added a second time. */
  hasBlock: boolean
}>

/** The end of a long message says what it wants. */
const MAX_QUESTION_CHARACTERS = 1_000

/** @param before hash of what the provider keeps of the conversation, which the request does not carry */
export function readDialogue(
  { said, closed }: Pick<Asked, 'said' | 'closed'>,
  profile: ClientProfile,
  now: number,
  before: Uint8Array = NOTHING_BEFORE,
): Dialogue {
  const turns: ExchangeTurn[] = []
  const places: Place[] = []
  let hash = before
  let open: Place | null = null
  let question = ''
  let lastAnswer = ''
  let lastText = ''
  const spoken = (role: 'user' | 'assistant', content: string, speaker: string | null) => {
    hash = nextHash(hash, role, content)
    if (content === '') return
    turns.push({
      role,
      speaker,
      content,
      truncated: false,
      model: null,
      saidAt: now,
      prefixHash: hash,
    })
  }
  const messages = joinAnswers(said)
  const begun = closed === 'prefill' ? messages.pop() : undefined
  for (const message of messages) {
    if (message.role === 'assistant') {
      open = null
      // A step was never recorded as an answer, so that it has no part in the hash either.
      const text = message.step ? '' : stripInjected(message.texts.join('')).trim()
      if (text === '') continue
      spoken('assistant', text, null)
      lastAnswer = text
      continue
    }
    const texts = message.texts.map(stripInjected)
    const words = humanTexts(texts, profile).join('\n')
    if (message.texts.length > 0) lastText = texts.join('\n').trim()
    if (words === '' && !message.media) continue
    spoken('user', words, message.speaker)
    open = {
      prefixHash: hash,
      slot: message.slot,
      hasBlock: texts.some((text, i) => text !== message.texts[i]),
    }
    places.push(open)
    // Of a picture alone, what was said before tells the most.
    question = (words || lastAnswer).slice(-MAX_QUESTION_CHARACTERS)
  }
  return {
    turns,
    places,
    open,
    question: open === null ? '' : question,
    goesOn: open === null && places.length > 0 && turns.at(-1)?.role === 'user',
    lastText,
    prefill: begun?.texts.join('') ?? '',
    hash,
  }
}

/** An answer may come back as several messages in a row: it was one. */
function joinAnswers(said: readonly Said[]): Said[] {
  const joined: Said[] = []
  for (const message of said) {
    const last = joined.at(-1)
    if (last?.role === 'assistant' && message.role === 'assistant' && !last.step && !message.step) {
      joined[joined.length - 1] = { ...last, texts: [...last.texts, ...message.texts] }
    } else joined.push(message)
  }
  return joined
}
