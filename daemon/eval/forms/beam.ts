import { z } from 'zod'
import { type Corpus, type EvalSet, halfOf, type Question, type UpdatePair } from '../corpus.ts'
import { readJsonFile } from '../json-items.ts'
import { MESSAGE_MS, readDate, UNDATED } from './dates.ts'

/**
 * BEAM (Tavakoli and others 2025), one file a chat: messages between a user and an assistant, and questions
 * with the ids of the messages that hold the answer. A message that begins a session has its day in `time`.
 */

const label = z.union([z.number(), z.string()]).transform(String)
const chat = z.object({
  id: label.optional(),
  messages: z.array(
    z.object({
      id: label,
      role: z.enum(['user', 'assistant', 'tool', 'system']),
      text: z.string(),
      time: z.string().nullish(),
    }),
  ),
  questions: z.array(
    z.object({ type: z.string(), question: z.string(), source_ids: z.array(label) }),
  ),
})
type Chat = z.output<typeof chat>

export function isBeam(first: unknown): boolean {
  return chat.safeParse(first).success
}

/** @param files one chat each */
export function readBeam(name: string, files: readonly string[]): EvalSet[] {
  const corpora = files
    .toSorted((a, b) => numberIn(a) - numberIn(b) || (a < b ? -1 : 1))
    .map((file, index) => corpusOf(readJsonFile(file, chat), file, index))
  return [{ name, level: 'document', corpora, about: 'a message of user or assistant' }]
}

function numberIn(file: string): number {
  return Number(/(\d+)\.json$/.exec(file)?.[1] ?? 0)
}

function corpusOf(source: Chat, file: string, index: number): Corpus {
  const { messages, questions } = source
  const id = source.id ?? String(numberIn(file))
  const known = new Set(messages.map((message) => message.id))
  return {
    id,
    half: halfOf(index),
    questions: questions.flatMap((asked, i): Question[] => {
      const relevant = new Set(asked.source_ids.filter((sourceId) => known.has(sourceId)))
      if (relevant.size === 0) return []
      return [{ id: `${id}/${i}`, text: asked.question, relevant, kind: asked.type, askedAt: null }]
    }),
    unanswerable: questions
      .filter((asked) => asked.source_ids.length === 0)
      .map((asked) => asked.question),
    updates: questions.flatMap((asked) => updateOf(asked, messages) ?? []),
    load: async () => ({ conversations: sessionsOf(messages, id), memories: [] }),
  }
}

function sessionsOf(messages: Chat['messages'], chatId: string) {
  const sessions: { id: string; at: number; turns: Chat['messages'] }[] = []
  let day: string | null = null
  for (const message of messages) {
    const begins = sessions.length === 0 || (message.time != null && message.time !== day)
    if (begins) {
      day = message.time ?? null
      const at = (day === null ? null : readDate(day)) ?? sessions.at(-1)?.at ?? UNDATED
      sessions.push({ id: `${chatId}/${sessions.length}`, at, turns: [] })
    }
    sessions.at(-1)!.turns.push(message)
  }
  return sessions.map(({ id, at, turns }) => ({
    id,
    turns: turns.map((said, i) => ({
      id: said.id,
      role: said.role,
      speaker: null,
      text: said.text,
      at: at + i * MESSAGE_MS,
    })),
  }))
}

/**
 * A question about something that changed has the messages that state the old value first and those that
 * state the new one last. Messages that directly follow each other, with at most the assistant's answer
 * between, are one exchange about it: the first exchange is the stale one, the last the updated one. When
 * all of them follow each other, the first message is the stale one.
 */
function updateOf(asked: Chat['questions'][number], messages: Chat['messages']): UpdatePair | null {
  if (asked.type !== 'knowledge_update') return null
  const places = asked.source_ids
    .map((id) => messages.findIndex((message) => message.id === id))
    .filter((place) => place >= 0)
    .sort((a, b) => a - b)
  if (places.length < 2) return null
  const exchanges = exchangesOf(places)
  const [stale, updated] =
    exchanges.length > 1
      ? [exchanges[0]!, exchanges.at(-1)!]
      : [places.slice(0, 1), places.slice(1)]
  const labels = (exchange: readonly number[]) =>
    new Set(exchange.map((place) => messages[place]!.id))
  return {
    question: asked.question,
    askedAt: null,
    stale: labels(stale),
    updated: labels(updated),
  }
}

function exchangesOf(places: readonly number[]): number[][] {
  const exchanges: number[][] = []
  for (const place of places) {
    const before = exchanges.at(-1)?.at(-1)
    if (before !== undefined && place - before <= 2) exchanges.at(-1)!.push(place)
    else exchanges.push([place])
  }
  return exchanges
}
