import type { Dialect } from '../rig/dialects.ts'

/** What is asked of every client; each is the beginning of a test's name in `sdk.contract.ts`. */
export const FEATURES = [
  'answer',
  'stream',
  'learning',
  'tools',
  'picture',
  'error',
  'abort',
  'schema',
] as const
export type Feature = (typeof FEATURES)[number]

export type Tested = Readonly<{
  wire: Dialect['name']
  /** What the library does not do, without us either. */
  without: readonly Feature[]
}>

/** Every client that is tested, by the name of its tests; docs/proxy.md shows this table. */
export const CLIENTS: Readonly<Record<string, Tested>> = {
  'openai 7, chat completions': { wire: 'openai chat', without: [] },
  'openai 7, responses': { wire: 'openai responses', without: [] },
  'openai 6, chat completions': { wire: 'openai chat', without: [] },
  '@anthropic-ai/sdk 1': { wire: 'anthropic messages', without: [] },
  '@anthropic-ai/sdk 0.122': { wire: 'anthropic messages', without: [] },
  '@google/genai 3': { wire: 'gemini', without: [] },
  'ollama 0.6': { wire: 'ollama chat', without: [] },
  'ai 7 with @ai-sdk/openai 4, responses': { wire: 'openai responses', without: [] },
  'ai 7 with @ai-sdk/openai 4, chat completions': { wire: 'openai chat', without: [] },
  'ai 7 with @ai-sdk/anthropic 4': { wire: 'anthropic messages', without: [] },
  'ai 7 with @ai-sdk/google 4': { wire: 'gemini', without: [] },
  '@langchain/openai 1': { wire: 'openai chat', without: [] },
  '@langchain/anthropic 1': { wire: 'anthropic messages', without: [] },
  '@langchain/google-genai 2': { wire: 'gemini', without: ['abort'] },
  '@langchain/ollama 1': { wire: 'ollama chat', without: ['abort'] },
  'openai 3 for Python, chat completions': { wire: 'openai chat', without: [] },
  'openai 3 for Python, responses': { wire: 'openai responses', without: [] },
  'anthropic 2 for Python': { wire: 'anthropic messages', without: [] },
  'google-genai 3 for Python': { wire: 'gemini', without: [] },
  'ollama 0.6 for Python': { wire: 'ollama chat', without: [] },
  'litellm 1 for Python, openai': { wire: 'openai chat', without: ['abort'] },
  'litellm 1 for Python, anthropic': { wire: 'anthropic messages', without: ['abort'] },
  'litellm 1 for Python, ollama': { wire: 'ollama chat', without: [] },
}

/** The table as Markdown. */
export function renderMatrix(): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(['client', 'wire', ...FEATURES]),
    line(['---', '---', ...FEATURES.map(() => ':-:')]),
    ...Object.entries(CLIENTS).map(([client, { wire, without }]) =>
      line([client, wire, ...FEATURES.map((each) => (without.includes(each) ? '–' : '✓'))]),
    ),
  ].join('\n')
}
