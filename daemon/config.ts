import { existsSync, readFileSync, statSync } from 'node:fs'
import { EngramError, messageOf } from '../memory/errors.ts'
import { findPaths, type Paths } from './paths.ts'
import {
  readSettingName,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  type Settings,
} from './settings.ts'

/** Who set a value: a flag, an environment variable (by name), the file, or nobody. */
export type Origin = Readonly<
  { from: 'flag' | 'environment'; name: string } | { from: 'file' | 'default' }
>

export type Config = Settings &
  Readonly<{
    paths: Paths
    origins: Readonly<Record<SettingName, Origin>>
    /** Answers come from a mock provider inside, and say so. */
    demo: boolean
    /** Minutes without a request after which the daemon ends; null never. Set when a command starts it. */
    idleExitMinutes: number | null
  }>

export type Sources = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  /** Values of command line flags by setting; absent ones were not given. */
  flags?: Readonly<Partial<Record<SettingName, unknown>>>
  /** Folder for everything, before `ENGRAM_HOME`. */
  home?: string
  demo?: boolean
  idleExitMinutes?: number | null
  /** A person starts a daemon with this: an upstream that cannot be meant is refused rather than passed over. */
  startedByHand?: boolean
}>

/**
 * Reads every setting once: flag, then environment, then config.toml, then default. This and `paths.ts` are
 * the only readers of the environment.
 *
 * @throws EngramError `invalid` naming the value, where it came from and what it must be.
 */
export function readConfig(sources: Sources): Config {
  const paths = findPaths(sources.env, sources.home ?? sources.env.ENGRAM_HOME)
  const file = readConfigFile(paths.configFile)
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const name of SETTING_NAMES) {
    const { value, origin } = resolveSetting(name, sources, file, paths.configFile)
    values[name] = value
    origins[name] = origin
  }
  if (!sources.startedByHand) {
    for (const name of UPSTREAMS)
      passOverOurselves(name, values as Settings, origins, sources, file, paths)
  }
  const config: Config = {
    ...(values as Settings),
    paths,
    origins: origins as Config['origins'],
    demo: sources.demo ?? false,
    idleExitMinutes: sources.idleExitMinutes ?? null,
  }
  checkListening(config)
  return config
}

/** Settings of config.toml by name. @throws EngramError `invalid` for syntax, unknown names and loose modes. */
export function readConfigFile(path: string): ReadonlyMap<SettingName, unknown> {
  if (!existsSync(path)) return new Map()
  const text = readFileSync(path, 'utf8')
  let parsed: unknown
  try {
    parsed = Bun.TOML.parse(text)
  } catch (error) {
    throw new EngramError('invalid', `${path} is not valid TOML: ${messageOf(error)}`, {
      fix: `correct it in an editor: ${path}`,
    })
  }
  const found = new Map<SettingName, unknown>()
  for (const [name, value] of flatten(parsed as object, '')) {
    try {
      found.set(readSettingName(name), value)
    } catch (error) {
      // What lists or changes settings reads this file too: only an editor helps.
      const { message, fix } = error as EngramError
      const hint = fix?.startsWith('did you mean') ? `; ${fix}` : ''
      throw new EngramError('invalid', `${path}: ${message}${hint}`, {
        fix: `correct or remove ${name}${lineOf(name, text)} in an editor: ${path}`,
      })
    }
  }
  const holdsSecret = [...found.keys()].some((name) => (SETTINGS[name] as Setting<unknown>).secret)
  const looseBits = process.platform === 'win32' ? 0 : statSync(path).mode & 0o077
  if (holdsSecret && looseBits !== 0) {
    throw new EngramError('invalid', `${path} holds a key and others can read it`, {
      fix: `chmod 600 ${path}`,
    })
  }
  return found
}

/** " (line 3)" when one line alone can be it: a key may stand in several tables. */
function lineOf(name: string, text: string): string {
  const key = name.split('.').at(-1)!
  const lines = text.split('\n').map((line) => line.split('=')[0]!.trim().replaceAll(/["']/g, ''))
  const at = lines.flatMap((left, i) => (left === key || left.endsWith(`.${key}`) ? [i + 1] : []))
  return at.length === 1 ? ` (line ${at[0]})` : ''
}

function* flatten(table: object, prefix: string): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(table)) {
    const name = prefix + key
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      yield* flatten(value, `${name}.`)
    } else {
      yield [name, value]
    }
  }
}

function resolveSetting(
  name: SettingName,
  { env, flags }: Sources,
  file: ReadonlyMap<SettingName, unknown>,
  configFile: string,
): { value: unknown; origin: Origin } {
  const setting = SETTINGS[name] as Setting<unknown>
  const read = (given: unknown, where: string) => {
    try {
      return setting.read(given)
    } catch (error) {
      const shown = setting.secret ? 'a value that is not shown' : JSON.stringify(given)
      const isInFile = where.endsWith(configFile)
      throw new EngramError('invalid', `${where} ${messageOf(error)}, got ${shown}`, {
        fix: isInFile
          ? `engram config unset ${name}          (or correct it in ${configFile})`
          : `set ${where} to a value that it takes: engram help environment`,
      })
    }
  }
  const flag = flags?.[name]
  if (flag !== undefined) {
    const flagName = `--${setting.flag ?? name}`
    return { value: read(flag, flagName), origin: { from: 'flag', name: flagName } }
  }
  for (const variable of setting.env) {
    const given = env[variable]
    // An empty variable is how shells and compose files say "not set".
    if (given === undefined || given.trim() === '') continue
    return { value: read(given, variable), origin: { from: 'environment', name: variable } }
  }
  if (file.has(name)) {
    return { value: read(file.get(name), `${name} in ${configFile}`), origin: { from: 'file' } }
  }
  return { value: setting.fallback, origin: { from: 'default' } }
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|\[::1\]|localhost)$/i

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** Only the local machine can reach it and nobody asked for keys: users may be created without one. */
export function isLocalMode(config: Config): boolean {
  return (
    isLoopback(config['server.host']) &&
    config['server.admin_key'] === null &&
    !config['server.require_key'] &&
    !config['server.behind_proxy']
  )
}

function checkListening(config: Config): void {
  const host = config['server.host']
  const tls = config['server.tls_cert'] !== null && config['server.tls_key'] !== null
  if ((config['server.tls_cert'] === null) !== (config['server.tls_key'] === null)) {
    throw new EngramError('invalid', 'server.tls_cert and server.tls_key belong together')
  }
  if (!isLoopback(host)) {
    if (config['server.admin_key'] === null) {
      throw new EngramError('invalid', `listening on ${host} needs an admin key`, {
        fix: 'set ENGRAM_ADMIN_KEY, or listen on 127.0.0.1',
      })
    }
    if (!tls && !config['server.behind_proxy']) {
      throw new EngramError(
        'invalid',
        `listening on ${host} without TLS would send keys in the clear`,
        {
          fix: 'set ENGRAM_TLS_CERT and ENGRAM_TLS_KEY, or --behind-proxy when a proxy in front ends TLS',
        },
      )
    }
  }
  for (const name of [...UPSTREAMS, 'embedding.base_url'] as const) checkNotOurselves(config, name)
}

const UPSTREAMS = [
  'providers.openai.base_url',
  'providers.anthropic.base_url',
  'providers.gemini.base_url',
  'providers.ollama.base_url',
] as const

type Upstream = (typeof UPSTREAMS)[number]

/**
 * People export OPENAI_BASE_URL so that their tools reach Engram; a daemon started in the same shell would
 * forward to itself for ever. Who starts one by hand is told (`checkNotOurselves`). Everything else that runs in
 * such a shell, a daemon in the background included, is not meant by the variable and passes it over.
 */
function passOverOurselves(
  name: Upstream,
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
  { env, ...sources }: Sources,
  file: ReadonlyMap<SettingName, unknown>,
  { configFile }: Paths,
): void {
  const [own, ...borrowed] = SETTINGS[name].env
  const origin = origins[name]!
  if (origin.from !== 'environment' || origin.name === own) return
  if (!isOurselves(values[name] as string, values as Settings)) return
  const rest = { ...env, ...Object.fromEntries(borrowed.map((variable) => [variable, undefined])) }
  const resolved = resolveSetting(name, { ...sources, env: rest }, file, configFile)
  values[name] = resolved.value
  origins[name] = resolved.origin
}

function isOurselves(
  address: string,
  listening: Pick<Settings, 'server.host' | 'server.port'>,
): boolean {
  const url = new URL(address)
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const isSameHost = isLoopback(url.hostname) || url.hostname === listening['server.host']
  return isSameHost && port === listening['server.port']
}

function checkNotOurselves(config: Config, name: Upstream | 'embedding.base_url'): void {
  const given = config[name]
  if (given === null || !isOurselves(given, config)) return
  const origin = config.origins[name]
  const [own, borrowed] = SETTINGS[name].env
  const set = origin.from === 'environment' ? origin.name : name
  const rest = borrowed === undefined ? '' : `; ${borrowed} may then stay for your tools`
  throw new EngramError(
    'invalid',
    `${set} is ${given}, which is this daemon itself (server.port ${config['server.port']})`,
    { fix: `set ${own} to the provider's own address for the daemon${rest}` },
  )
}
