import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { z } from 'zod'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { launchOf } from '../proxy-env.ts'

type RunCall = Call<object, { program: string; args: string[] }>

/** Well within the minutes after which a daemon that nobody asks anything leaves. */
const STAY_MS = 60_000

/**
 * Runs a program whose requests to providers go through the proxy; nothing of its settings changes.
 *
 * @returns the program's exit code, or 128 and the number of the signal that ended it, as shells do
 */
export async function runProgram(call: RunCall): Promise<number> {
  const { args, globals, env, out } = call
  const file = Bun.which(args.program, { PATH: env.PATH ?? '' })
  if (file === null) {
    throw new CliError('E_NOT_FOUND', `there is no program ${args.program} on the PATH`, {
      fix: 'install it, or give its path: engram run ./PROGRAM',
    })
  }
  const client = await call.client()
  const { args: words, env: more } = launchOf(args.program, args.args, {
    url: client.url,
    namespace: globals.namespace,
    key: env.ENGRAM_API_KEY?.trim() || (await localKeyIfNeeded(client, call)),
  })
  await out.flushed()
  call.leaveSignals()
  const child = Bun.spawn([file, ...words], {
    stdin: 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
    env: { ...env, ...more },
  })
  const stop = passSignals(child)
  const stay = setInterval(() => void keepDaemon(client), STAY_MS)
  try {
    await child.exited
  } finally {
    clearInterval(stay)
    stop()
  }
  const { exitCode, signalCode } = child
  return exitCode ?? 128 + constants.signals[signalCode as NodeJS.Signals]
}

/**
 * On this machine the proxy needs no key, and then none is handed out: the local one may do everything, and
 * the program may be an agent that reads its own environment.
 */
async function localKeyIfNeeded(client: Client, { globals, env, paths }: RunCall) {
  if (globals.url ?? env.ENGRAM_URL?.trim()) return undefined
  const { local_mode: isLocalMode } = await client.ask(z.object({ local_mode: z.boolean() }), {
    method: 'GET',
    path: '/status',
  })
  return isLocalMode ? undefined : readFileSync(paths.localKeyFile, 'utf8').trim()
}

/** Starts it again, too, when it has gone. What the program needs then fails in the program, which says so. */
async function keepDaemon(client: Client): Promise<void> {
  try {
    await client.tell({ method: 'GET', path: '/health' })
  } catch {
    // the next minute is another try
  }
}

/** @returns what ends the passing */
function passSignals(child: Readonly<{ kill(signal: NodeJS.Signals): void }>): () => void {
  const signals: NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']
  // A terminal sends Ctrl-C to the program as well: passed on, it would arrive twice.
  if (!process.stdin.isTTY) signals.push('SIGINT')
  const handlers = signals.map((signal) => [signal, () => child.kill(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}
