import { fieldsOf, listOf } from './json.ts'
import { textOf } from './openai.ts'

export const DEMO_PREFIX = '[demo answer, no model was asked] '

const MAX_QUOTED = 200
const MEMORY_BLOCK = /<engram-memory[^>]*>([\s\S]*?)<\/engram-memory>/g

/** What a request says, whichever dialect it came in. */
export type DemoRequest = Readonly<{
  system: string
  /** The user's messages, oldest first. */
  user: readonly string[]
}>

/** Reads roles and texts of `messages` as OpenAI and Anthropic have them, or of Gemini's `contents`. */
export function readDemoRequest(system: unknown, messages: unknown): DemoRequest {
  const said = listOf(messages)
    .map(fieldsOf)
    .map(({ role = 'user', content, parts }) => ({ role, text: textOf(content ?? parts) }))
  const instructions = said.filter(({ role }) => role === 'system' || role === 'developer')
  return {
    system: [textOf(system), ...instructions.map(({ text }) => text)].join('\n'),
    user: said.filter(({ role, text }) => role === 'user' && text !== '').map(({ text }) => text),
  }
}

/** The same words for the same request: which memories it carried, and what the user said last. */
export function demoAnswer({ system, user }: DemoRequest): string {
  const memories = memoriesIn([system, ...user].join('\n'))
  const last = (user.at(-1) ?? '').replace(MEMORY_BLOCK, ' ').replace(/\s+/g, ' ').trim()
  const said = last === '' ? 'You said nothing.' : `You said: "${shorten(last)}"`
  return `${DEMO_PREFIX}${tellMemories(memories)}\n${said}`
}

function tellMemories(memories: readonly string[]): string {
  if (memories.length === 0) return 'I was given no memory.'
  const count = memories.length === 1 ? '1 memory' : `${memories.length} memories`
  return [`I was given ${count}:`, ...memories.map((memory) => `- ${memory}`)].join('\n')
}

/** The bullets of every memory block, each once; of a block without bullets its lines. */
function memoriesIn(text: string): string[] {
  const memories = [...text.matchAll(MEMORY_BLOCK)].flatMap(([, block = '']) => {
    const lines = block.split('\n').map((line) => line.trim())
    const bullets = lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2))
    return bullets.length > 0 ? bullets : lines.filter((line) => line !== '')
  })
  return [...new Set(memories)]
}

function shorten(text: string): string {
  const characters = [...text]
  return characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED).join('')}…` : text
}
