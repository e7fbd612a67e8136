import { basename } from 'node:path'
import { z } from 'zod'
import { type Corpus, type CorpusMemory, type EvalSet, halfOf, type Question } from '../corpus.ts'
import { readJsonFile } from '../json-items.ts'
import { randomFrom } from '../random.ts'
import { UNDATED } from './dates.ts'

/**
 * PrefEval (Zhao and others 2025), one file a topic: what somebody prefers, and a question that is answered
 * well only by who knows it, though it never names it. Made into users: the n-th user has the n-th
 * preference of every topic, among facts of other people.
 */

const pair = z.object({ preference: z.string(), question: z.string() })
const named = z.object({ topic: z.string(), explicit: z.array(pair) })
/** With its name and other kinds of pairs, or the pairs alone in a file of its name. */
const topic = z.union([named, z.array(pair)])
type Topic = Readonly<{ topic: string; explicit: readonly z.output<typeof pair>[] }>

export function isPrefEval(first: unknown): boolean {
  return pair.safeParse(first).success || named.safeParse(first).success
}

/** Facts of other people in each user's memory. */
const NOISE = 200
/** Which facts: the same at every run, whatever the order of storing. */
const NOISE_SEED = 12_345

/**
 * @param files one topic each
 * @param facts of other people, from a folder of another form; may be empty
 */
export function readPrefEval(
  name: string,
  files: readonly string[],
  facts: readonly string[],
): EvalSet[] {
  const topics = files.map((file): Topic => {
    const read = readJsonFile(file, topic)
    return Array.isArray(read) ? { topic: basename(file, '.json'), explicit: read } : read
  })
  const users = Math.max(0, ...topics.map(({ explicit }) => explicit.length))
  const random = randomFrom(NOISE_SEED)
  const corpora = Array.from({ length: users }, (_, user) =>
    corpusOf(user, topics, pick(facts, NOISE, random)),
  )
  const noise = facts.length > 0 ? `among ${NOISE} facts of other people` : 'without noise'
  return [{ name, level: 'document', corpora, about: `a preference, ${noise}` }]
}

function corpusOf(user: number, topics: readonly Topic[], noise: readonly string[]): Corpus {
  const memories: CorpusMemory[] = []
  const questions: Question[] = []
  const remember = (id: string, text: string) =>
    memories.push({ id, text, speaker: null, conversation: null, place: 0, at: UNDATED })
  for (const { topic: about, explicit } of topics) {
    const asked = explicit[user]
    if (!asked) continue
    const id = `${about}/${user}`
    remember(id, asked.preference)
    questions.push({
      id,
      text: asked.question,
      relevant: new Set([id]),
      kind: about,
      askedAt: null,
    })
  }
  for (const [i, fact] of noise.entries()) remember(`noise/${i}`, fact)
  return {
    id: `user-${user + 1}`,
    half: halfOf(user),
    questions,
    unanswerable: [],
    updates: [],
    load: async () => ({ conversations: [], memories }),
  }
}

/** `count` of the items, each at most once. */
function pick(items: readonly string[], count: number, random: () => number): string[] {
  const places = new Set<number>()
  while (places.size < Math.min(count, items.length)) {
    places.add(Math.floor(random() * items.length))
  }
  return [...places].map((place) => items[place]!)
}
