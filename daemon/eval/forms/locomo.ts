import { z } from 'zod'
import type { Contents, Corpus, CorpusMemory, EvalSet, Question } from '../corpus.ts'
import { halfOf } from '../corpus.ts'
import { readJsonFile } from '../json-items.ts'
import { MESSAGE_MS, readDate, UNDATED } from './dates.ts'

/**
 * LoCoMo (Maharana and others 2024): long chats of two people, by sessions, and questions with the turns
 * that answer them. Category 5 asks for what was never said. `observation` has facts that the authors took
 * from the sessions, each with its turn.
 */

const turn = z.object({
  speaker: z.string(),
  dia_id: z.string(),
  text: z.string(),
  blip_caption: z.string().optional(),
})
const question = z.object({
  question: z.string(),
  evidence: z.array(z.unknown()).default([]),
  category: z.number(),
})
const sample = z.object({
  sample_id: z.string(),
  conversation: z.record(z.string(), z.unknown()),
  qa: z.array(question),
  observation: z.record(z.string(), z.unknown()).optional(),
})
type Sample = z.output<typeof sample>

export function isLocomo(first: unknown): boolean {
  return sample.safeParse(first).success
}

const CATEGORIES = ['', 'multi-hop', 'temporal', 'open-domain', 'single-hop', 'adversarial']
const ADVERSARIAL = 5

/** @param files each an array of chats */
export function readLocomo(name: string, files: readonly string[]): EvalSet[] {
  const samples = files.flatMap((file) => readJsonFile(file, z.array(sample)))
  const set = (part: string, about: string, level: EvalSet['level'], corpora: Corpus[]) => ({
    name: `${name}-${part}`,
    about,
    level,
    corpora,
  })
  return [
    set('turns', 'a turn, image caption included', 'document', samples.map(turnCorpus)),
    set('sessions', 'a session, by its best turn', 'conversation', samples.map(sessionCorpus)),
    ...(samples.every(({ observation }) => observation)
      ? [set('facts', 'a fact taken from a turn', 'document', samples.map(factCorpus))]
      : []),
  ]
}

function turnCorpus(chat: Sample, index: number): Corpus {
  const sessions = sessionsOf(chat)
  const known = new Set(sessions.flatMap(({ turns }) => turns.map(({ dia_id: id }) => id)))
  return corpusOf(chat, index, known, (turnIds) => turnIds, {
    conversations: conversationsOf(sessions),
    memories: [],
  })
}

function sessionCorpus(chat: Sample, index: number): Corpus {
  const sessions = sessionsOf(chat)
  const sessionOf = new Map(
    sessions.flatMap(({ id, turns }) => turns.map(({ dia_id }) => [dia_id, id] as const)),
  )
  return corpusOf(
    chat,
    index,
    new Set(sessions.map(({ id }) => id)),
    (turnIds) => turnIds.flatMap((turnId) => sessionOf.get(turnId) ?? []),
    { conversations: conversationsOf(sessions), memories: [] },
  )
}

function factCorpus(chat: Sample, index: number): Corpus {
  const memories: CorpusMemory[] = []
  const factsOfTurn = new Map<string, string[]>()
  for (const session of sessionsOf(chat)) {
    const observed = z
      .record(z.string(), z.array(z.tuple([z.string(), z.unknown()])))
      .safeParse(chat.observation?.[`${session.id}_observation`])
    if (!observed.success) continue
    let place = 0
    for (const [speaker, facts] of Object.entries(observed.data)) {
      for (const [text, source] of facts) {
        const id = `${session.id}/${place}`
        memories.push({ id, text, speaker, conversation: session.id, place, at: session.at })
        place++
        for (const turnId of turnIdsIn(source)) {
          factsOfTurn.set(turnId, [...(factsOfTurn.get(turnId) ?? []), id])
        }
      }
    }
  }
  return corpusOf(
    chat,
    index,
    new Set(memories.map(({ id }) => id)),
    (turnIds) => turnIds.flatMap((turnId) => factsOfTurn.get(turnId) ?? []),
    { conversations: [], memories },
  )
}

function corpusOf(
  chat: Sample,
  index: number,
  known: ReadonlySet<string>,
  labelsOf: (turnIds: readonly string[]) => readonly string[],
  contents: Contents,
): Corpus {
  const questions = chat.qa.flatMap((asked, i): Question[] => {
    if (asked.category === ADVERSARIAL) return []
    const labels = labelsOf(asked.evidence.flatMap(turnIdsIn))
    const relevant = new Set(labels.filter((label) => known.has(label)))
    if (relevant.size === 0) return []
    const kind = CATEGORIES[asked.category] ?? String(asked.category)
    return [{ id: `${chat.sample_id}/${i}`, text: asked.question, relevant, kind, askedAt: null }]
  })
  return {
    id: chat.sample_id,
    half: halfOf(index),
    questions,
    unanswerable: chat.qa
      .filter(({ category }) => category === ADVERSARIAL)
      .map((asked) => asked.question),
    updates: [],
    load: async () => contents,
  }
}

type Session = Readonly<{ id: string; at: number; turns: readonly z.output<typeof turn>[] }>

function sessionsOf({ conversation }: Sample): Session[] {
  return Object.keys(conversation)
    .flatMap((key) => /^session_(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .map((number) => {
      const id = `session_${number}`
      const dated = conversation[`${id}_date_time`]
      return {
        id,
        at: (typeof dated === 'string' ? readDate(dated) : null) ?? UNDATED,
        turns: z.array(turn).parse(conversation[id]),
      }
    })
}

function conversationsOf(sessions: readonly Session[]): Contents['conversations'] {
  return sessions.map(({ id, at, turns }) => ({
    id,
    turns: turns.map((said, i) => ({
      id: said.dia_id,
      role: 'user' as const,
      speaker: said.speaker,
      text: said.text + (said.blip_caption ? ` (photo: ${said.blip_caption})` : ''),
      at: at + i * MESSAGE_MS,
    })),
  }))
}

/** "D1:3", "D8:6; D9:17", ["D1:03", …]: some entries hold several, some have zeros. */
function turnIdsIn(source: unknown): string[] {
  const texts = Array.isArray(source) ? source : [source]
  return texts.flatMap((text) =>
    [...String(text).matchAll(/D:?(\d+):0*(\d+)/g)].map(
      ([, session, place]) => `D${session}:${place}`,
    ),
  )
}
