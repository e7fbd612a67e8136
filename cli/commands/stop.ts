import { z } from 'zod'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { isRunning, locateDaemon } from '../locate.ts'
import { count } from '../output.ts'

/** A request under way gets 8 s to finish, and storage some to close. */
const STOP_MS = 20_000
const POLL_MS = 25

export async function stop(call: Call<object, object>): Promise<void> {
  const { out, paths, signal } = call
  let client: Client
  try {
    client = await call.runningClient()
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'E_DAEMON_DOWN') throw error
    if (out.isJson) out.json({ stopped: false, reason: 'no daemon runs' })
    else out.line('No Engram daemon runs.')
    return
  }
  const pid = await shutDown(client)
  await untilGone(pid, call.globals.timeoutMs ?? STOP_MS, signal)
  const left = locateDaemon(paths)
  if (out.isJson) out.json({ stopped: true, pid })
  else out.line(`Stopped the Engram daemon (process ${pid}).`)
  if (left) out.note(`Another one has taken its place (process ${left.pid}).`)
}

/** Asks a daemon to end. @returns its process id */
export async function shutDown(client: Client): Promise<number> {
  const { pid } = await client.ask(z.object({ pid: z.number() }), {
    method: 'POST',
    path: '/shutdown',
  })
  return pid
}

/** Waits until a process is gone. @throws CliError `E_TIMEOUT`. */
export async function untilGone(pid: number, waitMs: number, signal: AbortSignal): Promise<void> {
  const late = Date.now() + waitMs
  while (isRunning(pid)) {
    signal.throwIfAborted()
    if (Date.now() > late) {
      throw new CliError(
        'E_TIMEOUT',
        `process ${pid} is still finishing after ${count(waitMs / 1000, 'second')}`,
        {
          fix: `kill ${pid}          (what it acknowledged is stored)`,
        },
      )
    }
    await Bun.sleep(POLL_MS)
  }
}
