import { z } from 'zod'

/**
 * What a client tells a hook on standard input, as far as it is used here. Seen with Claude Code 2.1 and
 * Codex 0.169 (2026-11-25); both send more, and Codex sends null where it has nothing.
 */
const hookInput = z.object({
  session_id: z.string().min(1).max(255),
  transcript_path: z.string().nullish(),
  cwd: z.string().nullish(),
  /** startup, resume, clear or compact, at the start of a session. */
  source: z.string().nullish(),
  prompt: z.string().nullish(),
  /** The question that an answer belongs to: `prompt_id` of Claude Code, `turn_id` of Codex. */
  prompt_id: z.string().nullish(),
  turn_id: z.string().nullish(),
  last_assistant_message: z.string().nullish(),
  /** Another hook made the client go on: this end was seen before. */
  stop_hook_active: z.boolean().nullish(),
  /** Set when an agent of the agent speaks, not the user. */
  agent_id: z.string().nullish(),
})

export type HookInput = Readonly<z.output<typeof hookInput>>

/** @throws Error without any of the text, which may be private. */
export function readHookInput(text: string): HookInput {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw new Error(`standard input is no JSON (${text.length} characters)`)
  }
  const read = hookInput.safeParse(content)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new Error(`standard input: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}
