import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { type Config, readConfig, type Sources } from '../../daemon/config.ts'
import { type Daemon, startDaemon } from '../../daemon/daemon.ts'
import { ROUTES } from '../../daemon/routes.ts'
import { SETTING_NAMES, SETTINGS, type Setting } from '../../daemon/settings.ts'
import { VERSION } from '../../daemon/version.ts'
import { EngramError } from '../../memory/errors.ts'
import { openClient } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError, toCliError } from '../errors.ts'
import { folderHolder, type Located, locateDaemon } from '../locate.ts'
import { count, dateTime, fileSize, type Output, tilde } from '../output.ts'
import { describePortHolder, otherPortForGood } from '../port-holder.ts'
import { IDLE_EXIT_MINUTES, type StartReport } from '../start.ts'
import { databaseBytes } from './status.ts'
import { shutDown, untilGone } from './stop.ts'

type Flags = Record<string, unknown> & { demo?: boolean; background?: boolean }
type ServeCall = Call<Flags, object>

export async function serve(call: ServeCall): Promise<number> {
  return call.flags.background ? serveInBackground(call) : serveHere(call)
}

async function serveHere(call: ServeCall): Promise<number> {
  const { out } = call
  const config = configOf(call, null)
  const asked = listenForStop(call)
  await makeRoom(call)
  const daemon = await start(config, call)
  if (out.isJson)
    out.json({ url: daemon.url, pid: process.pid, version: VERSION.version, demo: config.demo })
  else await printStart(daemon, config, out, call.env)
  return untilStopped(daemon, asked, call)
}

/**
 * As a command starts it: says on one line of output how it went, then logs only. The one who started it may
 * be gone by the next line.
 */
async function serveInBackground(call: ServeCall): Promise<number> {
  const say = (report: StartReport) => call.out.raw(`${JSON.stringify(report)}\n`)
  const asked = listenForStop(call)
  let daemon: Daemon
  try {
    daemon = await start(configOf(call, IDLE_EXIT_MINUTES), call)
  } catch (thrown) {
    if (isFolderTaken(thrown)) {
      await say({ state: 'taken' })
      return 6
    }
    const { message, why, fix, code, exitCode } = toCliError(thrown)
    await say({ state: 'failed', message, ...(why ? { why } : {}), fix })
    call.out.error(`error ${code}: ${message}`)
    return exitCode
  }
  markAsBackground(call)
  await say({ state: 'ready' })
  return untilStopped(daemon, asked, call)
}

function configOf({ flags, env, globals }: ServeCall, idleExitMinutes: number | null): Config {
  const given: Record<string, unknown> = {}
  for (const name of SETTING_NAMES) {
    const { flag } = SETTINGS[name] as Setting<unknown>
    if (flag)
      given[name] = flags[flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
  }
  return readConfig({
    env,
    flags: given as NonNullable<Sources['flags']>,
    ...(globals.home === undefined ? {} : { home: globals.home }),
    demo: flags.demo === true,
    idleExitMinutes,
    startedByHand: idleExitMinutes === null,
  })
}

async function start(config: Config, call: ServeCall): Promise<Daemon> {
  try {
    return await startDaemon(config)
  } catch (error) {
    if (isFolderTaken(error)) {
      // One that was just starting when we looked; a background one makes room.
      if (!call.flags.background && (await tookOver(call))) return startDaemon(config)
      throw error
    }
    if ((error as { cause?: { code?: unknown } }).cause?.code !== 'EADDRINUSE') throw error
    const { message, fix } = error as EngramError
    const holder = await describePortHolder(config['server.host'], config['server.port'])
    throw new CliError('E_PORT_TAKEN', message, {
      why: holder ? `${holder}, listens there` : 'another program listens there',
      // A command, or a client, wanted it in the background: there the next one needs the port too.
      fix: call.flags.background ? otherPortForGood(config) : fix,
    })
  }
}

/** What the lock on the data folder says when another process has it. */
function isFolderTaken(error: unknown): error is EngramError {
  return (
    error instanceof EngramError &&
    error.code === 'conflict' &&
    /^another Engram /.test(error.message)
  )
}

/** A daemon that a command started in the background leaves; one that a person started stays. */
async function makeRoom(call: ServeCall): Promise<void> {
  const located = locateDaemon(call.paths)
  if (!located) return
  if (located.background) await takeOver(located, call)
  else {
    throw new CliError('E_CONFLICT', `Engram is running already, at ${located.url}`, {
      why: `process ${located.pid}, since ${dateTime(located.started_at)}, has ${call.paths.dataDir}`,
      fix: 'engram stop          (or another folder: engram serve --home DIR --port 3648)',
    })
  }
}

async function tookOver(call: ServeCall): Promise<boolean> {
  const late = Date.now() + 10_000
  while (folderHolder(call.paths) !== null && Date.now() < late) {
    const located = locateDaemon(call.paths)
    if (located) {
      if (!located.background) return false
      await takeOver(located, call)
      return true
    }
    call.signal.throwIfAborted()
    await Bun.sleep(25)
  }
  return folderHolder(call.paths) === null
}

async function takeOver(located: Located, call: ServeCall): Promise<void> {
  call.out.note(`Taking over from the daemon in the background (process ${located.pid}).`)
  const { env, paths, signal, globals } = call
  const client = await openClient({
    env,
    paths,
    home: globals.home,
    url: located.url,
    timeoutMs: globals.timeoutMs,
    signal,
    start: false,
  })
  await untilGone(await shutDown(client), 20_000, signal)
}

/** So that `engram serve` knows that it may take this one's place. */
function markAsBackground({ paths: { daemonFile } }: ServeCall): void {
  const content = JSON.parse(readFileSync(daemonFile, 'utf8')) as object
  const partial = `${daemonFile}.${process.pid}`
  writeFileSync(partial, JSON.stringify({ ...content, background: true }), { mode: 0o600 })
  renameSync(partial, daemonFile)
}

/**
 * Resolves with the exit code when a signal asks to end. Heard from the beginning: a daemon that is being
 * started ends in order as well.
 */
function listenForStop({ signal, finishFirst }: ServeCall): Promise<number> {
  finishFirst()
  return new Promise((resolve) => {
    let isAsked = false
    process.on('SIGTERM', () => {
      if (isAsked) process.exit(143)
      isAsked = true
      resolve(0)
    })
    signal.addEventListener('abort', () => resolve(130), { once: true })
  })
}

/** Runs until somebody asks it to end: a signal, or a request. */
async function untilStopped(
  daemon: Daemon,
  asked: Promise<number>,
  { out }: ServeCall,
): Promise<number> {
  const code = await Promise.race([asked, daemon.stopped.then(() => 0)])
  if (code === 130) out.note('\nStopping: finishing what is under way. Ctrl-C again stops at once.')
  await daemon.stop()
  return code
}

async function printStart(
  daemon: Daemon,
  config: Config,
  out: Output,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { paths } = config
  const { memories } = await daemon.services.store.maintenance.totals()
  const size = databaseBytes(paths.databaseFile) ?? 0
  const serves = (path: string) => ROUTES.some((route) => route.path === path)
  const dialects = [
    ...(serves('/v1/chat/completions') ? ['OpenAI chat completions'] : []),
    ...(serves('/v1/responses') ? ['Responses'] : []),
    ...(serves('/v1/messages') ? ['Anthropic messages'] : []),
  ]
  const { paint } = out
  const seconds = (performance.now() / 1000).toFixed(1)
  out.line(
    `${paint('bold', `Engram ${VERSION.version}`)}  ready in ${seconds} s${config.demo ? paint('yellow', '  DEMO: a mock inside answers every chat') : ''}`,
  )
  out.line()
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
    ],
    rows: [
      ['Proxy', `${daemon.url}/v1`, dialects.join(', ')],
      ['REST', daemon.url, serves('/openapi.json') ? 'described at /openapi.json' : ''],
      serves('/mcp')
        ? ['MCP', `${daemon.url}/mcp`, 'or: engram mcp --stdio']
        : ['MCP', 'engram mcp --stdio', 'for the settings of your client'],
      [
        'Data',
        tilde(paths.databaseFile, env),
        `${count(memories, 'memory', 'memories')}, ${fileSize(size)}`,
      ],
      ['Key', tilde(paths.localKeyFile, env), 'yours; for an app: engram keys create NAME'],
    ],
    indent: 2,
  })
  out.line()
  out.line(
    config.demo
      ? '  No key and no network is needed: this is for trying out.'
      : '  No provider key is needed here: requests use the key your app already sends.',
  )
  if (!serves('/ui/')) out.line('  The console is not in this version yet.')
  const engram = callableName(env)
  out.line(`  Next: ${engram} add "I prefer tabs"      ${engram} why last      ${engram} help`)
}

/** How the next command is typed here: by name when a shell finds it, else by the way to the executable. */
function callableName({ PATH }: Readonly<Record<string, string | undefined>>): string {
  if (!Bun.isStandaloneExecutable || Bun.which('engram', { PATH: PATH ?? '' })) return 'engram'
  const way = relative(process.cwd(), process.execPath)
  return way.startsWith('..') ? process.execPath : `.${sep}${way}`
}
