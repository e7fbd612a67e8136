import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Paths } from '../daemon/paths.ts'
import { CliError } from './errors.ts'
import { folderHolder, type Located, locateDaemon } from './locate.ts'
import { cut, printable } from './output.ts'

/** A daemon that nobody started by hand leaves after so long without a request. */
export const IDLE_EXIT_MINUTES = 15

/** What `engram serve --background` says on its only line of output. */
export const startReport = z.discriminatedUnion('state', [
  z.object({ state: z.literal('ready') }),
  /** Another daemon has the data folder: the one to talk to. */
  z.object({ state: z.literal('taken') }),
  z.object({
    state: z.literal('failed'),
    message: z.string(),
    why: z.string().optional(),
    fix: z.string(),
  }),
])
export type StartReport = z.output<typeof startReport>

export type StartOptions = Readonly<{
  paths: Paths
  env: Readonly<Record<string, string | undefined>>
  /** As given with --home; it goes before the environment. */
  home: string | undefined
  waitMs: number
  signal: AbortSignal
}>

const POLL_MS = 25
const MAX_LOG_BYTES = 8_000_000

/**
 * Starts a daemon that outlives this command. Of several that start at once the lock on the data folder lets
 * one through; the others' callers find that one.
 *
 * @throws CliError `E_DAEMON_START` when it ends at once or does not answer within `waitMs`.
 */
export async function startInBackground(options: StartOptions): Promise<Located> {
  const { paths, waitMs, signal } = options
  const late = Date.now() + waitMs
  for (;;) {
    const report = await runOnce(options, late)
    if (report.state === 'failed') {
      throw new CliError(
        'E_DAEMON_START',
        `no Engram daemon runs, and it did not start: ${report.message}`,
        {
          why: report.why,
          fix: report.fix,
        },
      )
    }
    // The holder may be about to answer, or about to leave: then it is our turn.
    do {
      const located = locateDaemon(paths)
      if (located) return located
      signal.throwIfAborted()
      if (Date.now() > late) throw tooLate(options)
      await Bun.sleep(POLL_MS)
    } while (folderHolder(paths) !== null)
  }
}

async function runOnce(options: StartOptions, late: number): Promise<StartReport> {
  const { paths, signal } = options
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 })
  mkdirSync(paths.dataDir, { recursive: true, mode: 0o700 })
  const log = openLog(paths.logFile)
  const [program, ...args] = selfCommand()
  const child = spawn(
    program!,
    [...args, 'serve', '--background', ...(options.home ? ['--home', options.home] : [])],
    {
      // Its own session: Ctrl-C in this terminal is not meant for it.
      detached: true,
      stdio: ['ignore', 'pipe', log],
      // Not the caller's folder: it may be a project, or about to be unmounted.
      cwd: paths.stateDir,
      env: options.env as NodeJS.ProcessEnv,
      windowsHide: true,
    },
  )
  closeSync(log)
  const timer = new AbortController()
  try {
    return await Promise.race([
      readReport(child, paths),
      sleepUntil(late, timer.signal).then(() => {
        throw tooLate(options)
      }),
      new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      ),
    ])
  } finally {
    timer.abort()
    child.stdout?.destroy()
    child.unref()
  }
}

/** The command that starts this program again: the executable, or Bun with the source. */
export function selfCommand(): string[] {
  return Bun.isStandaloneExecutable
    ? [process.execPath]
    : [process.execPath, join(import.meta.dir, 'main.ts')]
}

/** The child's first line of output; how it ended, when it ends without one. */
async function readReport(child: ReturnType<typeof spawn>, paths: Paths): Promise<StartReport> {
  const ended = new Promise<StartReport>((resolve) => {
    child.on('error', (error) => resolve(died(error.message, paths)))
    child.on('exit', (code, signal) =>
      resolve(died(`it ended with ${signal ?? `code ${code}`}`, paths)),
    )
  })
  let text = ''
  for await (const chunk of child.stdout!) {
    text += String(chunk)
    if (text.includes('\n')) return startReport.parse(JSON.parse(text.split('\n')[0]!))
  }
  return ended
}

function died(how: string, paths: Paths): StartReport {
  const last = lastLines(paths.logFile, 1)[0]
  return {
    state: 'failed',
    message: how,
    why: last ? `its log ends with: ${cut(printable(last), 160)}` : undefined,
    fix: `engram serve          (the log is ${paths.logFile})`,
  }
}

function tooLate({ waitMs, paths }: StartOptions): CliError {
  const last = lastLines(paths.logFile, 1)[0]
  return new CliError('E_DAEMON_START', `the daemon did not answer within ${waitMs / 1000} s`, {
    why: last ? `its log ends with: ${cut(printable(last), 160)}` : undefined,
    fix: `engram serve          (the log is ${paths.logFile})`,
  })
}

export function lastLines(path: string, count: number): string[] {
  try {
    const text = readFileSync(path, 'utf8').trimEnd()
    return text === '' ? [] : text.split('\n').slice(-count)
  } catch {
    return [] // no log yet
  }
}

/** For appending, readable by its owner only; the one before is kept once it has grown large. */
function openLog(path: string): number {
  try {
    if (statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.1`)
  } catch {
    // there is none yet, or another command has just moved it
  }
  return openSync(path, 'a', 0o600)
}

async function sleepUntil(at: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, at - Date.now()))
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}
