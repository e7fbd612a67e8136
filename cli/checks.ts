import { existsSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite from 'better-sqlite3'
import { openAssets } from '../daemon/assets.ts'
import { type Config, isLoopback, readConfig } from '../daemon/config.ts'
import { refusalOf } from '../daemon/database-file.ts'
import { isApiKey } from '../daemon/keys.ts'
import * as schema from '../daemon/rest/schema.ts'
import { SETTING_NAMES } from '../daemon/settings.ts'
import { VERSION } from '../daemon/version.ts'
import { EngramError, messageOf } from '../memory/errors.ts'
import type { Client } from './client.ts'
import { examineClients } from './clients/examine.ts'
import { openWorkplace } from './clients/workplace.ts'
import type { Context } from './command.ts'
import { databaseBytes, type Status, statusAnswer } from './commands/status.ts'
import { CliError } from './errors.ts'
import { folderHolder, locateDaemon } from './locate.ts'
import { count, duration, fileSize, tilde } from './output.ts'
import { describePortHolder, isPortFree, nextPort, otherPortForGood } from './port-holder.ts'

/** failed: the check itself could not be made. */
export type CheckState = 'ok' | 'info' | 'warning' | 'error' | 'skipped' | 'failed'

export type Check = Readonly<{
  name: string
  state: CheckState
  message: string
  /** One command that mends it. */
  fix?: string
}>

type Finding = Omit<Check, 'name'>

/** What several checks need to know: gathered once. */
type Situation = Readonly<{
  context: Context
  config: Config | EngramError
  /** The daemon that runs; why not, when it does not answer. */
  daemon: Readonly<{ client: Client; status: Status }> | CliError
}>

const LOW_DISK_BYTES = 1_000_000_000
const FULL_DISK_BYTES = 50_000_000
/** Larger files get the quicker check, which leaves out the indexes. */
const THOROUGH_BYTES = 256_000_000

/** Looks at everything, changes nothing and starts nothing. */
export async function examine(context: Context): Promise<Check[]> {
  const situation: Situation = {
    context,
    config: configOf(context),
    daemon: await daemonOf(context),
  }
  const checks: readonly (readonly [string, (of: Situation) => Finding | Promise<Finding>])[] = [
    ['files', checkFiles],
    ['config', checkConfig],
    ['disk', checkDisk],
    ['daemon', checkDaemon],
    ['lock', checkLock],
    ['database', checkDatabase],
    ['key', checkKey],
    ['embeddings', checkEmbeddings],
    ['jobs', checkJobs],
    ['providers', checkProviders],
  ]
  const results: Check[] = []
  for (const [name, check] of checks) {
    const finding = await Promise.resolve()
      .then(() => check(situation))
      .catch(
        (error): Finding => ({
          state: 'failed',
          message: messageOf(error),
          fix: 'engram doctor --json',
        }),
      )
    results.push({ name, ...finding })
  }
  return [...results, ...checkClients(context)]
}

/** Programs that start us; one check for each that is connected. */
function checkClients(context: Context): Check[] {
  try {
    return examineClients(openWorkplace(context), context.paths, context.out.now())
  } catch (error) {
    // A configuration that cannot be read has a check of its own.
    if (error instanceof EngramError) return []
    const fix = error instanceof CliError ? error.fix : 'engram clients list'
    return [{ name: 'clients', state: 'failed', message: messageOf(error), fix }]
  }
}

function configOf({ env, globals }: Context): Config | EngramError {
  try {
    return readConfig({ env, ...(globals.home === undefined ? {} : { home: globals.home }) })
  } catch (error) {
    if (error instanceof EngramError) return error
    throw error
  }
}

async function daemonOf({ runningClient }: Context): Promise<Situation['daemon']> {
  try {
    const client = await runningClient()
    return { client, status: await client.ask(statusAnswer, { method: 'GET', path: '/status' }) }
  } catch (error) {
    if (error instanceof CliError) return error
    throw error
  }
}

function checkFiles({ context: { paths, env } }: Situation): Finding {
  if (!existsSync(paths.dataDir)) {
    return {
      state: 'info',
      message: `${tilde(paths.dataDir, env)} does not exist yet`,
      fix: 'engram serve',
    }
  }
  if (process.platform === 'win32') return { state: 'ok', message: tilde(paths.dataDir, env) }
  const expected = [
    ...[...new Set([paths.dataDir, paths.stateDir])].map((path) => ({ path, mode: '700' })),
    ...[
      paths.databaseFile,
      paths.pepperFile,
      paths.localKeyFile,
      paths.daemonFile,
      paths.logFile,
    ].map((path) => ({ path, mode: '600' })),
  ]
  const present = expected.filter(({ path }) => existsSync(path))
  const foreign = present.find(
    ({ path }) => process.getuid && statSync(path).uid !== process.getuid(),
  )
  if (foreign) {
    return {
      state: 'error',
      message: `${foreign.path} belongs to another user`,
      fix: `sudo chown -R "$(id -un)" ${paths.dataDir}`,
    }
  }
  const loose = present.filter(({ path }) => (statSync(path).mode & 0o077) !== 0)
  if (loose.length > 0) {
    return {
      state: 'warning',
      message: `others on this machine can read ${loose.map(({ path }) => tilde(path, env)).join(', ')}`,
      fix: loose.map(({ path, mode }) => `chmod ${mode} ${path}`).join(' && '),
    }
  }
  return { state: 'ok', message: `${tilde(paths.dataDir, env)}, for you alone` }
}

function checkConfig({ config, context: { paths, env } }: Situation): Finding {
  if (config instanceof EngramError) {
    return {
      state: 'error',
      message: config.message,
      fix: config.fix ?? `$EDITOR ${paths.configFile}`,
    }
  }
  const origins = SETTING_NAMES.map((name) => config.origins[name].from)
  const inFile = origins.filter((from) => from === 'file').length
  const inEnv = origins.filter((from) => from === 'environment').length
  const file = existsSync(paths.configFile)
    ? `${tilde(paths.configFile, env)} sets ${inFile}`
    : 'no config.toml'
  const rest = [
    ...(inEnv > 0 ? [`the environment sets ${inEnv}`] : []),
    `${count(SETTING_NAMES.length - inFile - inEnv, 'setting')} by default`,
  ]
  return { state: 'ok', message: [file, ...rest].join(', ') }
}

function checkDisk({ context: { paths } }: Situation): Finding {
  let folder = paths.dataDir
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const message = `${fileSize(free)} free`
  const fix = `df -h ${folder}`
  if (free < FULL_DISK_BYTES)
    return { state: 'error', message: `${message}: new memories may be refused`, fix }
  return free < LOW_DISK_BYTES ? { state: 'warning', message, fix } : { state: 'ok', message }
}

async function checkDaemon(situation: Situation): Promise<Finding> {
  const { daemon, context } = situation
  const { out, paths } = context
  if (daemon instanceof CliError) {
    if (daemon.code !== 'E_DAEMON_DOWN')
      return { state: 'error', message: daemon.message, fix: daemon.fix }
    const located = locateDaemon(paths)
    return located
      ? {
          state: 'error',
          message: `process ${located.pid} runs but does not answer at ${located.url}`,
          fix: `kill ${located.pid}`,
        }
      : ((await portTaken(situation)) ?? {
          state: 'info',
          message: 'none runs; a command starts one when it needs it',
          fix: 'engram serve',
        })
  }
  const { version, url, started_at: startedAt } = daemon.status
  const up = `up ${duration(out.now() - Date.parse(startedAt))}, ${new URL(url).host}`
  if (version.version !== VERSION.version || version.build !== VERSION.build) {
    return {
      state: 'warning',
      message: `${version.version} (${version.commit}) runs, this command is ${VERSION.version} (${VERSION.commit}); ${up}`,
      fix: 'engram stop',
    }
  }
  return { state: 'ok', message: `${version.version}, ${up}` }
}

/** No daemon of ours runs: whoever listens on its port keeps the next one from starting. */
async function portTaken({ config, context }: Situation): Promise<Finding | null> {
  // One of ours that is starting or ending has its port, and the check of the lock tells of it.
  if (config instanceof EngramError || folderHolder(context.paths) !== null) return null
  const [host, port] = [config['server.host'], config['server.port']]
  if (await isPortFree(host, port)) return null
  const holder = (await describePortHolder(host, port)) ?? 'another program'
  return {
    state: 'error',
    message: `none runs, and none can start: port ${port} of ${host} is taken by ${holder}`,
    fix: `${otherPortForGood(config)}          (or once: engram serve --port ${nextPort(port)})`,
  }
}

async function checkLock({ daemon, context: { paths } }: Situation): Promise<Finding> {
  const holder = folderHolder(paths)
  if (!(daemon instanceof CliError) && holder === daemon.status.pid) {
    return { state: 'ok', message: `the daemon (process ${holder}) has the data folder` }
  }
  if (holder !== null) {
    return {
      state: 'warning',
      message: `process ${holder} has the data folder and is starting, ending or stuck`,
      fix: 'engram status',
    }
  }
  return { state: 'ok', message: 'the data folder is free' }
}

async function checkDatabase({ daemon, context: { paths, env } }: Situation): Promise<Finding> {
  const { databaseFile } = paths
  if (!existsSync(databaseFile))
    return { state: 'info', message: 'none yet; the first start makes it', fix: 'engram serve' }
  const size = fileSize(databaseBytes(databaseFile) ?? 0)
  if (!(daemon instanceof CliError)) {
    const { memories } = daemon.status.data
    return {
      state: 'ok',
      message: `${count(memories, 'memory', 'memories')}, ${size}, read by the daemon; to check every page: engram stop, then engram doctor`,
    }
  }
  const holder = folderHolder(paths)
  if (holder !== null) return { state: 'skipped', message: `process ${holder} has it open` }
  const { sqliteAddon } = await openAssets(paths.cacheDir)
  return readDatabase(databaseFile, sqliteAddon, `${tilde(databaseFile, env)}, ${size}`)
}

function readDatabase(file: string, addonPath: string, about: string): Finding {
  const refusal = refusalOf(file, addonPath)
  // A damaged one is looked at more closely below; what is not ours is none of our business.
  if (refusal && !isDamage(refusal))
    return { state: 'error', message: refusal.message, fix: refusalFix(refusal, file) }
  const beside = ['-wal', '-shm'].map((suffix) => file + suffix).filter((path) => !existsSync(path))
  const damaged = (how: string): Finding => ({
    state: 'error',
    message: `${about}: ${how}`,
    fix: 'engram doctor --salvage rescued.jsonl',
  })
  try {
    const database = new BetterSqlite(file, {
      readonly: true,
      timeout: 1_000,
      nativeBinding: addonPath,
    })
    try {
      const check = statSync(file).size > THOROUGH_BYTES ? 'quick_check(3)' : 'integrity_check(3)'
      const problems = (database.pragma(check) as Record<string, string>[]).map(
        (row) => Object.values(row)[0]!,
      )
      if (problems[0] !== 'ok') return damaged(problems.join('; '))
      const memories = database.prepare('select count(*) from memories').pluck().get() as number
      return {
        state: 'ok',
        message: `${count(memories, 'memory', 'memories')}, every page is sound, ${about}`,
      }
    } finally {
      database.close()
    }
  } catch (error) {
    if (/no such table/.test(messageOf(error))) {
      return {
        state: 'error',
        message: `${about}: is not a database of Engram`,
        fix: moveAway(file),
      }
    }
    return damaged(messageOf(error))
  } finally {
    // A reader makes these when they are missing, and leaves them.
    for (const path of beside) rmSync(path, { force: true })
  }
}

const isDamage = ({ fix }: EngramError) => fix?.includes('--salvage') === true

/** A newer file needs a newer Engram; what is no database of ours only stands in the way. */
function refusalFix({ fix, message }: EngramError, file: string): string {
  return message.includes('newer Engram') && fix ? fix : moveAway(file)
}

/** With its log: left behind, it would be read into the new file of that name. */
function moveAway(file: string): string {
  return ['', '-wal', '-shm']
    .filter((suffix) => existsSync(file + suffix))
    .map((suffix) => `mv ${file}${suffix} ${file}.other${suffix}`)
    .join(' && ')
}

async function checkKey({ daemon, context: { paths } }: Situation): Promise<Finding> {
  const { localKeyFile } = paths
  const renewed = 'engram stop && engram serve'
  if (!existsSync(localKeyFile)) {
    return daemon instanceof CliError
      ? { state: 'info', message: 'none yet; the first start makes it', fix: 'engram serve' }
      : {
          state: 'error',
          message: `${localKeyFile} is missing; the next start makes a new one`,
          fix: renewed,
        }
  }
  if (!isApiKey(readFileSync(localKeyFile, 'utf8').trim())) {
    return {
      state: 'error',
      message: `${localKeyFile} does not hold a key; the next start makes a new one`,
      fix: renewed,
    }
  }
  if (daemon instanceof CliError) {
    return daemon.code === 'E_UNAUTHORIZED' || daemon.code === 'E_FORBIDDEN'
      ? { state: 'error', message: `the daemon refuses the key: ${daemon.message}`, fix: renewed }
      : { state: 'ok', message: 'well formed; no daemon to try it on' }
  }
  const user = await daemon.client.ask(schema.userAnswer, { method: 'GET', path: '/users/me' })
  return { state: 'ok', message: `opens the daemon as ${user.external_id}` }
}

function checkEmbeddings({ daemon }: Situation): Finding {
  if (daemon instanceof CliError) return { state: 'skipped', message: 'no daemon to ask' }
  const { model, status, reason, embedded, total } = daemon.status.embedding
  const progress = `${model}, ${embedded.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} embedded`
  if (status === 'failed') {
    return {
      state: 'error',
      message: `${model} does not load (${reason ?? 'no reason given'}); words alone are searched`,
      fix: 'engram embeddings status',
    }
  }
  if (status === 'loading') return { state: 'info', message: `${progress}, still loading` }
  return embedded < total
    ? { state: 'info', message: `${progress}, the rest follows` }
    : { state: 'ok', message: progress }
}

function checkJobs({ daemon }: Situation): Finding {
  if (daemon instanceof CliError) return { state: 'skipped', message: 'no daemon to ask' }
  const kinds = Object.values(daemon.status.jobs)
  const dead = kinds.reduce((sum, kind) => sum + kind.dead, 0)
  const waiting = kinds.reduce((sum, kind) => sum + kind.queued + kind.running, 0)
  if (dead > 0) {
    return {
      state: 'warning',
      message: `${count(dead, 'job')} given up; what they should have learned is still in the conversation`,
      fix: 'engram jobs list --state dead',
    }
  }
  return {
    state: 'ok',
    message: waiting === 0 ? 'nothing waits' : `${count(waiting, 'job')} waiting`,
  }
}

function checkProviders({ config }: Situation): Finding {
  if (config instanceof EngramError)
    return { state: 'skipped', message: 'the configuration cannot be read' }
  for (const vendor of ['openai', 'anthropic', 'gemini', 'ollama'] as const) {
    const url = new URL(config[`providers.${vendor}.base_url`])
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return {
        state: 'warning',
        message: `${vendor} is asked at ${url.origin}: keys and chats go over the network in the clear`,
        fix: `engram config set providers.${vendor}.base_url https://${url.host}`,
      }
    }
  }
  const vendor = config['extraction.provider']
  if (vendor !== 'none' && vendor !== 'ollama' && config[`providers.${vendor}.api_key`] === null) {
    return {
      state: 'warning',
      message: `extraction.provider is ${vendor}, which has no key`,
      fix: `engram config set providers.${vendor}.api_key - < FILE`,
    }
  }
  return { state: 'ok', message: 'addresses are well formed; none was contacted' }
}
