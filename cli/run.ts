import { findPaths, type Paths } from '../daemon/paths.ts'
import { asAdvice } from './advice.ts'
import type { Call, Context } from './command.ts'
import { CliError, toCliError, withHelpOf } from './errors.ts'
import { HANDLERS } from './handlers.ts'
import { helpText } from './help.ts'
import { createOutput, type Output } from './output.ts'
import { type Parsed, parse } from './parse.ts'

/** What a command may take to tidy up after Ctrl-C. */
const TIDY_MS = 1_000

/** Runs one command line to its end. @returns the exit code */
export async function run(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  const { env } = host
  const parsed = parse(argv)
  const { globals } = parsed
  const out = createOutput({
    stdout: host.stdout,
    stderr: host.stderr,
    env,
    color: globals.color,
    json: globals.json,
    quiet: globals.quiet,
    now: Date.now,
  })
  // `engram list | head` closes the pipe when it has seen enough: that is no failure.
  for (const stream of [host.stdout, host.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => host.exit(error.code === 'EPIPE' ? 0 : 1))
  }
  keepOffProxies(env)
  const stopping = new AbortController()
  const { interrupted, finishFirst, leaveSignals } = onInterrupt(host, stopping)
  let code: number
  try {
    const context = createContext(parsed, out, env, stopping.signal, {
      finishFirst,
      leaveSignals,
    })
    code = await Promise.race([execute(parsed, context), interrupted])
  } catch (error) {
    const failure = stopping.signal.aborted ? stopping.signal.reason : error
    code =
      argv[0] === 'hook'
        ? await passOver(failure, argv, findPaths(env, globals.home))
        : report(failure, parsed, out, env.ENGRAM_LOG_LEVEL === 'debug')
  }
  await out.flushed()
  return code
}

async function execute(parsed: Parsed, context: Context): Promise<number> {
  const { out } = context
  switch (parsed.kind) {
    case 'error':
      throw parsed.error
    case 'help': {
      if (!parsed.asked && parsed.path === '' && out.width !== null && !out.isJson) {
        const { overview } = await import('./commands/overview.ts')
        return overview(context)
      }
      const text = helpText(parsed.path, out)
      await out.raw(text)
      return parsed.asked ? 0 : 2
    }
    case 'run': {
      const handler = await HANDLERS[parsed.spec.path]!()
      const call = { ...context, args: parsed.args, flags: parsed.flags }
      return (await handler(call as unknown as Call<never, never>)) ?? 0
    }
  }
}

function createContext(
  { globals }: Parsed,
  out: Output,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  onSignals: Pick<Context, 'finishFirst' | 'leaveSignals'>,
): Context {
  const connect = async (start: boolean) => {
    const { openClient } = await import('./client.ts')
    return openClient({
      env,
      paths: findPaths(env, globals.home),
      home: globals.home,
      url: globals.url ?? (env.ENGRAM_URL?.trim() || undefined),
      timeoutMs: globals.timeoutMs,
      signal,
      start,
    })
  }
  return {
    globals,
    env,
    paths: findPaths(env, globals.home),
    out,
    signal,
    ...onSignals,
    client: () => connect(true),
    runningClient: () => connect(false),
  }
}

/**
 * A hook that fails must cost nobody their answer: nothing is printed, and the exit code says that all is well.
 */
async function passOver(thrown: unknown, argv: readonly string[], paths: Paths): Promise<number> {
  const { logHookFailure } = await import('./hooks/hook-log.ts')
  const { code, message } = toCliError(thrown)
  try {
    logHookFailure(paths, argv, `${code} ${message}`, new Date())
  } catch {
    // A full or foreign disk: there is nowhere left to say it.
  }
  return 0
}

/** Prints a failure. @returns its exit code */
function report(thrown: unknown, parsed: Parsed, out: Output, isDebugging: boolean): number {
  const error = withHelpOf(toCliError(thrown), parsed.kind === 'run' ? parsed.spec.path : '')
  const { code, message, why, fix } = error
  if (out.isJson) {
    out.error(JSON.stringify({ error: { code, message, ...(why ? { why } : {}), fix } }))
    return error.exitCode
  }
  const lines = [`${out.paintError('red', 'error')} ${code}: ${inOneLine(message)}`]
  if (why) lines.push(`  why   ${inOneLine(why)}`)
  lines.push(`  fix   ${inOneLine(asAdvice(fix))}`)
  out.error(lines.join('\n'))
  if (code === 'E_INTERNAL' && isDebugging && error.cause instanceof Error)
    out.error(error.cause.stack ?? '')
  return error.exitCode
}

const inOneLine = (text: string) => text.replace(/\s*\n\s*/g, ' ')

/** The first Ctrl-C asks the command to end, and ends it soon; the second does so at once. */
function onInterrupt(host: NodeJS.Process, stopping: AbortController) {
  let tidyMs: number | null = TIDY_MS
  let isOurs = true
  const interrupted = new Promise<never>((_, reject) => {
    host.on('SIGINT', () => {
      if (!isOurs) return
      if (stopping.signal.aborted) host.exit(130)
      const reason = new CliError('E_INTERRUPTED', 'stopped')
      stopping.abort(reason)
      if (tidyMs !== null) setTimeout(() => reject(reason), tidyMs)
    })
  })
  const finishFirst = () => {
    tidyMs = null
  }
  const leaveSignals = () => {
    isOurs = false
  }
  return { interrupted, finishFirst, leaveSignals }
}

/** Our own daemon is on this machine: a proxy that the environment names for the Internet cannot reach it. */
function keepOffProxies(env: NodeJS.ProcessEnv): void {
  const named = env.NO_PROXY ?? env.no_proxy
  env.NO_PROXY = [...(named ? [named] : []), '127.0.0.1', 'localhost', '::1'].join(',')
}
