import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastExchange } from './transcript.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'engram-transcript-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function transcript(lines: readonly (object | string)[]): string {
  const path = join(folder, `${lines.length}-${Math.random()}.jsonl`)
  writeFileSync(
    path,
    `${lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')}\n`,
  )
  return path
}

describe('Claude Code', () => {
  // The forms of 2.1, without the fields that say nothing here.
  const user = (content: unknown, more: object = {}) => ({
    type: 'user',
    isSidechain: false,
    promptId: 'p1',
    message: { role: 'user', content },
    ...more,
  })
  const assistant = (...content: object[]) => ({
    type: 'assistant',
    isSidechain: false,
    message: { role: 'assistant', content },
  })
  const said = (text: string) => ({ type: 'text', text })
  const tool = { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }
  const result = [{ type: 'tool_result', tool_use_id: 't1', content: 'SECRET=1' }]
  const last = (lines: readonly (object | string)[], id: string | null = 'p1') =>
    lastExchange('claude-code', transcript(lines), id)

  test('the question and the answer after the last tool; nothing of what lies between', () => {
    const exchange = last([
      { type: 'queue-operation', operation: 'enqueue', content: 'I prefer tabs' },
      user('an earlier question', { promptId: 'p0' }),
      assistant(said('an earlier answer')),
      {
        type: 'attachment',
        attachment: { type: 'hook_additional_context', content: ['injected'] },
      },
      user('I prefer tabs'),
      assistant({ type: 'thinking', thinking: 'hm' }),
      assistant(said('Let me look.')),
      assistant(tool),
      user(result),
      user('from an agent', { isSidechain: true }),
      { ...assistant(said('to an agent')), isSidechain: true },
      assistant(said('Noted:')),
      assistant(said('tabs.')),
      { type: 'last-prompt', lastPrompt: 'I prefer tabs' },
    ])
    expect(exchange).toEqual({ user: 'I prefer tabs', assistant: 'Noted:\ntabs.' })
  })

  test('what was asked while it worked belongs to the question', () => {
    expect(
      last([
        user('do this'),
        assistant(tool),
        user(result),
        user('and that'),
        assistant(said('Done.')),
      ]),
    ).toEqual({ user: 'do this\n\nand that', assistant: 'Done.' })
  })

  test('notes of the client, commands, images and our own block are no words of a person', () => {
    const lines = [
      user('a note', { isMeta: true }),
      user('summary', { isCompactSummary: true }),
      user('<command-name>/clear</command-name>'),
      user('<local-command-stdout>x</local-command-stdout>'),
      user('[Request interrupted by user]'),
      user([{ type: 'image', source: {} }]),
    ]
    expect(last(lines)).toBe(null)
    expect(
      last([
        ...lines,
        user([
          said('<ide_opened_file>The user opened x.ts</ide_opened_file>'),
          said('Use tabs<system-reminder>\nbe nice\n</system-reminder>'),
          said('<engram-memory>\n- "old"\n</engram-memory>'),
        ]),
        assistant(said('Ok.')),
      ]),
    ).toEqual({ user: 'Use tabs', assistant: 'Ok.' })
  })

  test('a question without an answer, a line that is cut, and an id that nobody has', () => {
    expect(last([user('hello'), '{"type":"assist'])).toEqual({ user: 'hello', assistant: '' })
    expect(last([user('hello'), assistant(said('hi'))], 'another')).toEqual({
      user: 'hello',
      assistant: 'hi',
    })
    expect(last([], null)).toBe(null)
  })

  test('the question is found before megabytes of what tools said', () => {
    const noise = user([{ type: 'tool_result', content: 'x'.repeat(1_500_000) }])
    expect(
      last([user('far up'), assistant(tool), noise, noise, assistant(said('Found.'))]),
    ).toEqual({
      user: 'far up',
      assistant: 'Found.',
    })
  })

  test('what is no file is refused', () => {
    expect(() => lastExchange('claude-code', folder, null)).toThrow('no file')
    expect(() => lastExchange('claude-code', join(folder, 'none.jsonl'), null)).toThrow('ENOENT')
  })
})

describe('Codex', () => {
  const event = (payload: object) => ({ type: 'event_msg', payload })
  const item = (turn: string, type: string, text: string) =>
    event({
      type: 'item_completed',
      turn_id: turn,
      item: { type, content: [{ type: 'text', text }] },
    })
  const last = (lines: readonly object[], id: string | null) =>
    lastExchange('codex', transcript(lines), id)

  test('the question of the turn and the last words of the agent', () => {
    const lines = [
      { type: 'session_meta', payload: {} },
      {
        type: 'response_item',
        payload: { type: 'message', role: 'user', content: [{ text: '<environment_context>' }] },
      },
      item('t0', 'UserMessage', 'earlier'),
      item('t0', 'AgentMessage', 'an earlier answer'),
      item('t1', 'UserMessage', 'I prefer tabs'),
      {
        type: 'response_item',
        payload: { type: 'message', role: 'developer', content: [{ text: 'injected' }] },
      },
      item('t1', 'AgentMessage', 'Let me look.'),
      item('t1', 'CommandExecution', 'SECRET=1'),
      item('t1', 'AgentMessage', 'Tabs it is.'),
      event({ type: 'task_complete', turn_id: 't1', last_agent_message: 'Tabs it is.' }),
    ]
    expect(last(lines, 't1')).toEqual({ user: 'I prefer tabs', assistant: 'Tabs it is.' })
    expect(last(lines, null)).toEqual({ user: 'I prefer tabs', assistant: 'Tabs it is.' })
  })

  test('the form of earlier versions', () => {
    expect(
      last(
        [
          event({ type: 'user_message', message: 'I prefer tabs' }),
          event({ type: 'agent_message', message: 'Noted.' }),
        ],
        't1',
      ),
    ).toEqual({ user: 'I prefer tabs', assistant: 'Noted.' })
  })
})
