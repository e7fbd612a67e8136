import type { Paths } from '../../daemon/paths.ts'
import { openClient } from '../client.ts'
import type { HookEvent } from '../clients/catalog.ts'
import { HOOK_EVENTS } from '../clients/hook-config.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'
import { answerHook } from '../hooks/answer-hook.ts'
import { readHookInput } from '../hooks/hook-input.ts'
import { openSessions } from '../hooks/session.ts'
import { locateDaemon, sameServer } from '../locate.ts'

/** The names that clients give the moments, and how long each may keep them waiting. */
const MOMENTS: Readonly<Record<HookEvent, Readonly<{ name: string; waitMs: number }>>> = {
  'session-start': { name: 'SessionStart', waitMs: 5_000 },
  prompt: { name: 'UserPromptSubmit', waitMs: 3_000 },
  stop: { name: 'Stop', waitMs: 8_000 },
}

/**
 * Called by a client while a person waits. Prints what to add to the context, or nothing. Whatever it throws
 * becomes a line in hooks.log and exit code 0 (`run.ts`): 2 would make Claude Code refuse the prompt.
 */
export async function hook(call: Call<{ client?: string }, { event?: string }>): Promise<void> {
  const { args, flags, paths, env, globals, out } = call
  const event = HOOK_EVENTS.find((name) => name === args.event)
  if (!event) throw usage(`which moment? One of ${HOOK_EVENTS.join(', ')}`)
  const client = flags.client
  if (client !== 'claude-code' && client !== 'codex')
    throw usage('--client must be claude-code or codex')
  if (process.stdin.isTTY) throw usage('a hook reads what the client says on standard input')
  // Its requests come through our proxy: that recalls and learns already.
  if (isRouted(client, env, paths)) return
  const { name, waitMs } = MOMENTS[event]
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(waitMs)])
  const input = readHookInput(await Bun.stdin.text())
  const context = await answerHook(event, input, {
    client,
    namespace: globals.namespace,
    sessions: openSessions(paths.stateDir, client),
    now: out.now,
    daemon: () =>
      openClient({
        env,
        paths,
        home: globals.home,
        url: globals.url ?? (env.ENGRAM_URL?.trim() || undefined),
        timeoutMs: globals.timeoutMs ?? waitMs,
        signal,
        start: true,
      }),
  })
  if (context === null) return
  await out.raw(
    `${JSON.stringify({ hookSpecificOutput: { hookEventName: name, additionalContext: context } })}\n`,
  )
}

const BASE_URL = { 'claude-code': 'ANTHROPIC_BASE_URL', codex: 'OPENAI_BASE_URL' } as const

function isRouted(
  client: keyof typeof BASE_URL,
  env: Call<object, object>['env'],
  paths: Paths,
): boolean {
  const url = env[BASE_URL[client]]
  const daemon = locateDaemon(paths)
  return url !== undefined && URL.canParse(url) && daemon !== null && sameServer(url, daemon.url)
}
