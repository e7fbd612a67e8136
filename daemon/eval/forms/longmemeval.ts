import { z } from 'zod'
import { type Contents, type Corpus, type EvalSet, halfOf, type Question } from '../corpus.ts'
import { type ItemRange, itemsIn, readItem } from '../json-items.ts'
import { MESSAGE_MS, readDate, UNDATED } from './dates.ts'

/**
 * LongMemEval (Wu and others 2025): each question has a history of its own, of which some sessions, and in
 * them some turns, hold the answer. A question whose id ends in `_abs` has none. The files are large, so a
 * history is read when its question is asked.
 */

const item = z.object({
  question_id: z.string(),
  question_type: z.string(),
  question: z.string(),
  question_date: z.string().optional(),
  answer_session_ids: z.array(z.string()),
  haystack_session_ids: z.array(z.string()),
  haystack_dates: z.array(z.string()),
  haystack_sessions: z.array(
    z.array(
      z.object({
        role: z.enum(['user', 'assistant', 'tool', 'system']),
        content: z.string(),
        has_answer: z.boolean().optional(),
      }),
    ),
  ),
})
type Item = z.output<typeof item>

export function isLongMemEval(first: unknown): boolean {
  return item.safeParse(first).success
}

/** @param files each an array of questions with their histories */
export function readLongMemEval(name: string, files: readonly string[]): EvalSet[] {
  const entries = files.flatMap((file) =>
    [...itemsIn(file)].map((range) => entryOf(file, range, readItem(file, range, item))),
  )
  return [
    {
      name,
      about: "a session of the question's own history, by its best turn",
      level: 'conversation',
      corpora: entries.map((entry, index) => scopedCorpus(entry, index, 'sessions')),
    },
    {
      name: `${name}-turns`,
      about: "a turn of the question's own history",
      level: 'document',
      corpora: entries.map((entry, index) => scopedCorpus(entry, index, 'turns')),
    },
    {
      name: `${name}-pooled`,
      about: 'a session, by its best turn, all histories in one memory',
      level: 'conversation',
      corpora: [pooledCorpus(entries)],
    },
  ]
}

/** What is kept of a question; its history stays in the file. */
type Entry = Readonly<{
  id: string
  kind: string
  text: string
  askedAt: number | null
  hasAnswer: boolean
  sessions: ReadonlySet<string>
  turns: ReadonlySet<string>
  load(): Contents
}>

function entryOf(file: string, range: ItemRange, read: Item): Entry {
  const inHistory = new Set(read.haystack_session_ids)
  return {
    id: read.question_id,
    kind: read.question_type,
    text: read.question,
    askedAt: read.question_date ? readDate(read.question_date) : null,
    hasAnswer: !read.question_id.endsWith('_abs'),
    sessions: new Set(read.answer_session_ids.filter((id) => inHistory.has(id))),
    turns: new Set(
      historyOf(read).flatMap(({ id, turns }) =>
        turns.flatMap((turn, place) => (turn.has_answer ? [turnId(id, place)] : [])),
      ),
    ),
    load: () => ({ conversations: conversationsOf(readItem(file, range, item)), memories: [] }),
  }
}

const turnId = (session: string, place: number) => `${session}/${place}`

/** The sessions of a history, each once. */
function historyOf(read: Item) {
  const sessions = read.haystack_sessions.map((turns, i) => ({
    id: read.haystack_session_ids[i] ?? String(i),
    at: readDate(read.haystack_dates[i] ?? '') ?? UNDATED,
    turns,
  }))
  return [...new Map(sessions.map((session) => [session.id, session])).values()]
}

function conversationsOf(read: Item): Contents['conversations'] {
  return historyOf(read).map(({ id, at, turns }) => ({
    id,
    turns: turns.map(({ role, content }, place) => ({
      id: turnId(id, place),
      role,
      speaker: null,
      text: content,
      at: at + place * MESSAGE_MS,
    })),
  }))
}

function scopedCorpus(entry: Entry, index: number, level: 'sessions' | 'turns'): Corpus {
  return {
    id: entry.id,
    half: halfOf(index),
    questions: questionsOf(entry, entry[level]),
    unanswerable: entry.hasAnswer ? [] : [entry.text],
    updates: [],
    load: async () => entry.load(),
  }
}

function questionsOf(entry: Entry, relevant: ReadonlySet<string>): Question[] {
  if (!entry.hasAnswer || relevant.size === 0) return []
  const { id, text, kind, askedAt } = entry
  return [{ id, text, relevant, kind, askedAt }]
}

function pooledCorpus(entries: readonly Entry[]): Corpus {
  return {
    id: 'pooled',
    half: 'held_out',
    questions: entries.flatMap((entry) => questionsOf(entry, entry.sessions)),
    unanswerable: entries.filter(({ hasAnswer }) => !hasAnswer).map(({ text }) => text),
    updates: [],
    load: async () => {
      const conversations = new Map<string, Contents['conversations'][number]>()
      for (const entry of entries) {
        for (const conversation of entry.load().conversations) {
          conversations.set(conversation.id, conversation)
        }
      }
      return { conversations: [...conversations.values()], memories: [] }
    },
  }
}
