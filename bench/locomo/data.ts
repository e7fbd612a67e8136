import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../daemon/fixtures/executable.ts'

/**
 * LoCoMo (Maharana et al., 2024): ten long conversations of two people, over many sessions, with questions
 * whose evidence is named turn by turn. CC BY-NC 4.0: to measure with, not to ship.
 */
export const LOCOMO_FILE = join(ROOT, '../shared/data/locomo/locomo10.json')

export type Said = Readonly<{
  /** As the questions name it: D1:3 is the third turn of the first session. */
  id: string
  speaker: string
  /** With the caption of a picture, where one was sent. */
  text: string
  /** ISO 8601. */
  at: string
}>
export type Session = Readonly<{ name: string; turns: readonly Said[] }>
export type Question = Readonly<{ text: string; category: Category; evidence: ReadonlySet<string> }>
export type Conversation = Readonly<{
  id: string
  sessions: readonly Session[]
  questions: readonly Question[]
}>

const CATEGORIES = { 1: 'multi-hop', 2: 'temporal', 3: 'open-domain', 4: 'single-hop' } as const
export type Category = (typeof CATEGORIES)[keyof typeof CATEGORIES]

type RawTurn = { dia_id: string; speaker: string; text: string; blip_caption?: string }
type Raw = {
  sample_id: string
  conversation: Record<string, string | RawTurn[]>
  qa: { question: string; category: number; evidence?: unknown[] }[]
}

/** null where the file is not there. Questions of category 5, which have no answer, are left out. */
export function readLocomo(path = LOCOMO_FILE): Conversation[] | null {
  if (!existsSync(path)) return null
  return (JSON.parse(readFileSync(path, 'utf8')) as Raw[]).map(toConversation)
}

function toConversation({ sample_id: id, conversation, qa }: Raw): Conversation {
  const sessions = Object.keys(conversation)
    .filter((key) => /^session_\d+$/.test(key))
    .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)))
    .map((name): Session => {
      const began = readTime(conversation[`${name}_date_time`] as string)
      const turns = (conversation[name] as RawTurn[]).map((turn, i) => toSaid(turn, began, i))
      return { name, turns }
    })
  const there = new Set(sessions.flatMap(({ turns }) => turns.map((turn) => turn.id)))
  const questions = qa.flatMap(({ question, category, evidence = [] }): Question[] => {
    const named = evidence.flatMap(turnIds).filter((turn) => there.has(turn))
    if (!(category in CATEGORIES) || named.length === 0) return []
    const kind = CATEGORIES[category as keyof typeof CATEGORIES]
    return [{ text: question, category: kind, evidence: new Set(named) }]
  })
  return { id, sessions, questions }
}

/** Turns of a session come half a minute apart: the data has the time of the session only. */
const APART_MS = 30_000

function toSaid(
  { dia_id: id, speaker, text, blip_caption: caption }: RawTurn,
  began: number,
  i: number,
): Said {
  return {
    id,
    speaker,
    text: caption ? `${text} (photo: ${caption})` : text,
    at: new Date(began + i * APART_MS).toISOString(),
  }
}

/** The evidence is written by hand: "D8:6; D9:17", "D:11:26", "D30:05". */
function turnIds(written: unknown): string[] {
  return [...String(written).matchAll(/D:?(\d+):0*(\d+)/g)].map(
    ([, session, turn]) => `D${session}:${turn}`,
  )
}

/** "1:56 pm on 8 May, 2023" as epoch milliseconds, UTC. */
export function readTime(written: string): number {
  const [, hour, minute, half, day, month, year] =
    /^(\d+):(\d+) ([ap])m on (\d+) (\w+),? (\d{4})$/.exec(written.trim()) ?? []
  const at = Date.parse(
    `${day} ${month} ${year} ${(Number(hour) % 12) + (half === 'p' ? 12 : 0)}:${minute} UTC`,
  )
  if (Number.isNaN(at)) throw new Error(`no time of a session: "${written}"`)
  return at
}
