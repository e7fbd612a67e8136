import { constants } from 'node:os'
import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { launchOf, namespaceNote } from '../proxy-env.ts'

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
  const given = env.ENGRAM_API_KEY?.trim()
  const lent = given ? null : await lendKey(client, call)
  const { args: words, env: more } = launchOf(args.program, args.args, {
    url: client.url,
    namespace: globals.namespace,
    key: given || lent?.key,
  })
  const note = namespaceNote(globals, args.program)
  if (note !== null) out.note(note)
  await out.flushed()
  call.leaveSignals()
  const signals = passSignals()
  const stay = setInterval(() => void keepDaemon(client), STAY_MS)
  try {
    const child = Bun.spawn([file, ...words], {
      stdin: 'inherit',
      stdout: 'inherit',
      stderr: 'inherit',
      env: { ...env, ...more },
    })
    signals.to(child)
    await child.exited
    const { exitCode, signalCode } = child
    return exitCode ?? 128 + constants.signals[signalCode as NodeJS.Signals]
  } finally {
    clearInterval(stay)
    signals.end()
    await lent?.takeBack()
  }
}

/** A program that runs for longer than this was forgotten. */
const LENT_MS = 30 * 24 * 60 * 60 * 1000

/**
 * A key for the program, for as long as it runs; null where the proxy needs none, as on this machine in the
 * default mode. It opens the proxy alone: the program may be an agent that reads its own environment.
 */
async function lendKey(client: Client, { globals, env, args, out }: RunCall) {
  if (globals.url ?? env.ENGRAM_URL?.trim()) return null
  const { local_mode: isLocalMode } = await client.ask(z.object({ local_mode: z.boolean() }), {
    method: 'GET',
    path: '/status',
  })
  if (isLocalMode) return null
  const { id, api_key: key } = await client.ask(schema.createdKey, {
    method: 'POST',
    path: '/users/me/api-keys',
    body: {
      name: `engram run ${args.program}`.slice(0, 60),
      scope: 'proxy',
      expires_at: out.now() + LENT_MS,
    },
  })
  const takeBack = async () => {
    try {
      await client.tell({ method: 'DELETE', path: `/users/me/api-keys/${id}` })
    } catch {
      // The daemon has gone, or the key was revoked already; else it expires.
    }
  }
  return { key, takeBack }
}

/** Starts it again, too, when it has gone. What the program needs then fails in the program, which says so. */
async function keepDaemon(client: Client): Promise<void> {
  try {
    await client.tell({ method: 'GET', path: '/health' })
  } catch {
    // the next minute is another try
  }
}

type Child = Readonly<{ kill(signal: NodeJS.Signals): void }>

/** Takes signals from now on, so that none ends us while the program starts, and hands them to it. */
function passSignals() {
  const names: NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']
  // A terminal sends Ctrl-C to the program as well: passed on, it would arrive twice.
  if (!process.stdin.isTTY) names.push('SIGINT')
  const early: NodeJS.Signals[] = []
  let child: Child | null = null
  const handlers = names.map((name) => {
    const pass = () => {
      if (child) child.kill(name)
      else early.push(name)
    }
    return [name, pass] as const
  })
  for (const [name, pass] of handlers) process.on(name, pass)
  return {
    to(started: Child) {
      child = started
      for (const name of early.splice(0)) started.kill(name)
    },
    end() {
      for (const [name, pass] of handlers) process.off(name, pass)
    },
  }
}
