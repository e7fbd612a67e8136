import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { CLOSING_TAG, OPENING_TAG } from '../../memory/render.ts'

/** The last question of a person and the answer to it, as they were said. */
export type Exchange = Readonly<{ user: string; assistant: string }>

/** Bytes of the end of a transcript that are tried, smaller first: tools may have said much since the question. */
const TAILS = [1_000_000, 16_000_000, 128_000_000]

/**
 * Reads the last exchange of a transcript. What agents of the agent, tools, and the client itself said is no
 * part of it, nor is what we injected.
 *
 * @param questionId `prompt_id` or `turn_id`: whose answer has ended, where the client says so
 * @returns null when no person has said anything
 */
export function lastExchange(
  client: string,
  path: string,
  questionId: string | null,
): Exchange | null {
  const read = client === 'codex' ? codexExchange : claudeExchange
  for (const { lines, isWhole } of tailsOf(path)) {
    const exchange = read(lines, questionId)
    if (exchange || isWhole) return exchange
  }
  return null
}

function* tailsOf(path: string): Generator<{ lines: unknown[]; isWhole: boolean }> {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new Error('the transcript is no file')
    for (const tail of TAILS) {
      const size = Math.min(tail, stat.size)
      const bytes = Buffer.alloc(size)
      readSync(file, bytes, 0, size, stat.size - size)
      const isWhole = size === stat.size
      const lines = bytes.toString('utf8').split('\n')
      // The first line of a tail is the end of one.
      yield { lines: lines.slice(isWhole ? 0 : 1).flatMap(parseLine), isWhole }
      if (isWhole) return
    }
  } finally {
    closeSync(file)
  }
}

/** A line that is being written, or of a form to come, says nothing. */
function parseLine(line: string): unknown[] {
  try {
    return line.trim() === '' ? [] : [JSON.parse(line)]
  } catch {
    return []
  }
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => value !== null && typeof value === 'object'
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Claude Code: one entry a line, `user` and `assistant` with the messages of its API. */
function claudeExchange(lines: readonly unknown[], promptId: string | null): Exchange | null {
  const entries = lines.map(fields).filter((entry) => entry.isSidechain !== true)
  const said = entries.flatMap((entry, at) => {
    const words = claudeWords(entry)
    return words === '' ? [] : [{ at, words, promptId: entry.promptId }]
  })
  const asked = said.filter((one) => promptId !== null && one.promptId === promptId)
  const questions = asked.length > 0 ? asked : said.slice(-1)
  const last = questions.at(-1)
  if (!last) return null
  let answer: string[] = []
  for (const entry of entries.slice(last.at + 1)) {
    const blocks = list(fields(entry.message).content).map(fields)
    const usesTool = blocks.some(({ type }) => type === 'tool_use' || type === 'tool_result')
    // What was said before a tool was used is thinking aloud; the answer is what comes after the last one.
    if (usesTool) answer = []
    else if (entry.type === 'assistant') {
      answer.push(...blocks.filter(({ type }) => type === 'text').map((block) => text(block.text)))
    }
  }
  return {
    user: questions.map(({ words }) => words).join('\n\n'),
    assistant: clean(answer.join('\n')),
  }
}

/** What a person typed in an entry; nothing for results of tools, commands and notes of the client. */
function claudeWords(entry: Fields): string {
  if (entry.type !== 'user' || entry.isMeta === true || entry.isCompactSummary === true) return ''
  const { content } = fields(entry.message)
  const blocks =
    typeof content === 'string' ? [{ type: 'text', text: content }] : list(content).map(fields)
  if (blocks.some(({ type }) => type === 'tool_result')) return ''
  const words = blocks
    .filter(({ type }) => type === 'text')
    .map((block) => clean(text(block.text)))
    .filter(Boolean)
    .join('\n')
  return /^(?:<(?:command|local-command|bash)-|\[Request interrupted)/.test(words) ? '' : words
}

/** Codex: events and items, one a line. */
function codexExchange(lines: readonly unknown[], turnId: string | null): Exchange | null {
  const events = lines.map(fields).flatMap((line) => codexEvent(line))
  const said = events.filter((event) => event.role === 'user' && event.words !== '')
  const asked = said.filter((event) => turnId !== null && event.turnId === turnId)
  const questions = asked.length > 0 ? asked : said.slice(-1)
  const last = questions.at(-1)
  if (!last) return null
  const answers = events.slice(events.indexOf(last) + 1).filter(({ role }) => role === 'assistant')
  return {
    user: questions.map(({ words }) => words).join('\n\n'),
    assistant: answers.at(-1)?.words ?? '',
  }
}

type CodexEvent = Readonly<{ role: 'user' | 'assistant'; words: string; turnId: unknown }>

/** Items of this year's versions, messages of earlier ones: a transcript has one or the other. */
function codexEvent({ type, payload }: Fields): CodexEvent[] {
  if (type !== 'event_msg') return []
  const event = fields(payload)
  const said = (role: CodexEvent['role'], words: string): CodexEvent[] => [
    { role, words: clean(words), turnId: event.turn_id },
  ]
  if (event.type === 'user_message') return said('user', text(event.message))
  if (event.type === 'agent_message') return said('assistant', text(event.message))
  if (event.type !== 'item_completed') return []
  const item = fields(event.item)
  const words = list(item.content)
    .map((part) => text(fields(part).text))
    .join('\n')
  if (item.type === 'UserMessage') return said('user', words)
  return item.type === 'AgentMessage' ? said('assistant', words) : []
}

const OURS = new RegExp(`${OPENING_TAG}[\\s\\S]*?${CLOSING_TAG}`, 'g')
/** What clients put around or between the words of a person. */
const THEIRS = /<(system-reminder|ide_\w+|environment_context)\b[^>]*>[\s\S]*?<\/\1>/g

function clean(words: string): string {
  return words.replace(OURS, '').replace(THEIRS, '').trim()
}
