/**
 * Requests with the structure that real agents were seen to send, and contents of our own. What matters is
 * where the human's words stand, and what stands around them.
 */
import type { JsonObject } from '../../../memory/memory.ts'
import { filler } from './agent-conversation.ts'
import type { Dialect } from './dialects.ts'

export type Recorded = Readonly<{
  name: string
  dialect: Dialect['name']
  userAgent: string
  /** @param prompt what the human says */
  body(prompt: string): JsonObject
}>

const EPHEMERAL = { type: 'ephemeral' }
const text = (words: string, more: JsonObject = {}): JsonObject => ({
  type: 'text',
  text: words,
  ...more,
})
const reminder = (bytes: number) =>
  text(`<system-reminder>\n${filler(bytes, 'As you answer')}\n</system-reminder>\n`)

function claudeCode(messages: JsonObject[]): JsonObject {
  return {
    model: 'claude-opus-5-5',
    max_tokens: 128_000,
    stream: false,
    metadata: { user_id: '{"device_id":"4cad","session_id":"53db"}' },
    thinking: { type: 'adaptive', display: 'omitted' },
    system: [
      text('x-anthropic-billing-header: cc_version=2.1.332.abc; cc_entrypoint=cli;'),
      text('You are an agent.', { cache_control: EPHEMERAL }),
      text(filler(9_000, 'Instructions'), { cache_control: EPHEMERAL }),
    ],
    tools: [{ name: 'Read', description: 'Reads', input_schema: { type: 'object' } }],
    messages,
  }
}

const environment = {
  role: 'system',
  content: [text(filler(2_000, '# Environment'), { cache_control: EPHEMERAL })],
}

function codex(items: JsonObject[]): JsonObject {
  const message = (role: string, words: string) => ({
    type: 'message',
    role,
    content: [{ type: 'input_text', text: words }],
  })
  return {
    model: 'gpt-6.1-sol',
    input: [
      { type: 'additional_tools', role: 'developer', tools: [{ type: 'custom', name: 'exec' }] },
      message('developer', filler(4_000, 'You are an agent')),
      message('developer', filler(800, '<skills_instructions>')),
      message('user', '<environment_context>\n  <cwd>/home/ada</cwd>\n</environment_context>'),
      ...items,
    ],
    stream: false,
    store: false,
    include: ['reasoning.encrypted_content'],
    reasoning: { effort: 'low' },
    prompt_cache_key: '01a2151b-b44f-7953-be0d-73d1ac8bc6a2',
  }
}

const codexPrompt = (words: string): JsonObject => ({
  type: 'message',
  id: 'msg_01',
  role: 'user',
  content: [{ type: 'input_text', text: words }],
})

export const RECORDED: readonly Recorded[] = [
  {
    name: 'Claude Code, first turn: the prompt is before a system message',
    dialect: 'anthropic messages',
    userAgent: 'claude-cli/2.1.332 (external, cli)',
    body: (prompt) =>
      claudeCode([{ role: 'user', content: [reminder(581), text(prompt)] }, environment]),
  },
  {
    name: 'Claude Code, older models: the prompt is the ninth block',
    dialect: 'anthropic messages',
    userAgent: 'claude-cli/2.1.332 (external, cli)',
    body: (prompt) =>
      claudeCode([
        {
          role: 'user',
          content: [
            ...Array.from({ length: 8 }, (_, i) => reminder(300 + i)),
            text(prompt, { cache_control: EPHEMERAL }),
          ],
        },
      ]),
  },
  {
    name: 'Claude Code, second turn',
    dialect: 'anthropic messages',
    userAgent: 'claude-cli/2.1.332 (external, cli)',
    body: (prompt) =>
      claudeCode([
        { role: 'user', content: [reminder(581), text('Good morning')] },
        { ...environment, content: filler(2_000, '# Environment') },
        { role: 'assistant', content: [text('Good morning!')] },
        { role: 'user', content: [text(prompt, { cache_control: EPHEMERAL })] },
      ]),
  },
  {
    name: 'Codex, first turn',
    dialect: 'openai responses',
    userAgent: 'codex_exec/0.169.0 (Debian 12.0.0; x86_64)',
    body: (prompt) => codex([codexPrompt(prompt)]),
  },
  {
    name: 'Codex, second turn, with reasoning that must come back untouched',
    dialect: 'openai responses',
    userAgent: 'codex_exec/0.169.0 (Debian 12.0.0; x86_64)',
    body: (prompt) =>
      codex([
        codexPrompt('Good morning'),
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAB+/=' },
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Good morning!' }],
        },
        codexPrompt(prompt),
      ]),
  },
  {
    name: 'Open WebUI',
    dialect: 'openai chat',
    userAgent: 'Python/3.11 aiohttp/3.13',
    body: (prompt) => ({
      stream: false,
      model: 'gpt-5.5',
      messages: [
        { role: 'system', content: 'You answer briefly.' },
        { role: 'user', content: 'Good morning' },
        { role: 'assistant', content: 'Good morning!' },
        { role: 'user', content: prompt },
      ],
    }),
  },
]
