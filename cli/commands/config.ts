import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Config, type Origin, readConfig, readConfigFile } from '../../daemon/config.ts'
import {
  readSettingName,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
} from '../../daemon/settings.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { locateDaemon } from '../locate.ts'
import { tilde } from '../output.ts'
import { setValue, toLiteral, unsetValue } from '../toml-edit.ts'

type Named = { name: string }

export async function list(call: Call<{ origin?: boolean }, object>): Promise<void> {
  const { out, flags } = call
  const config = configOf(call)
  if (out.isJson) {
    out.json({
      file: call.paths.configFile,
      settings: SETTING_NAMES.map((name) => settingJson(config, name)),
    })
    return
  }
  out.table({
    columns: [
      { title: 'setting', style: 'cyan' },
      { title: 'value', flexible: true },
      ...(flags.origin ? [{ title: 'from', style: 'dim' as const }] : []),
    ],
    rows: SETTING_NAMES.map((name) => [
      name,
      shown(name, config[name]),
      ...(flags.origin ? [originOf(config.origins[name])] : []),
    ]),
  })
  out.note(
    `What each is for: engram help environment. The file: ${tilde(call.paths.configFile, call.env)}`,
  )
}

export async function get(call: Call<object, Named>): Promise<void> {
  const name = readSettingName(call.args.name)
  const config = configOf(call)
  if (call.out.isJson) call.out.json(settingJson(config, name))
  else call.out.line(shown(name, config[name]))
}

export async function path({ out, paths }: Call<object, object>): Promise<void> {
  if (out.isJson) out.json({ file: paths.configFile, exists: existsSync(paths.configFile) })
  else out.line(paths.configFile)
}

export async function set(call: Call<object, Named & { value: string }>): Promise<void> {
  const { args, out, env } = call
  const name = readSettingName(args.name)
  const setting = SETTINGS[name] as Setting<unknown>
  const given = args.value === '-' ? (await Bun.stdin.text()).trim() : args.value
  let value: unknown
  try {
    value = setting.read(given)
  } catch (error) {
    const got = setting.secret ? 'a value that is not shown' : `"${given}"`
    throw new CliError('E_INVALID', `${name} ${(error as Error).message}, got ${got}`, {
      fix: `engram config get ${name}          (${setting.about})`,
    })
  }
  change(call, name, (text) => setValue(text, name, toLiteral(value)), value)
  const variable = setting.env.find((one) => env[one]?.trim())
  if (out.isJson)
    out.json({ name, value: setting.secret ? MASK : value, file: call.paths.configFile })
  else out.line(`${name} = ${shown(name, value)}`)
  if (variable) out.note(`${variable} is set in this shell and goes before the file.`)
  if (setting.secret && args.value !== '-') {
    out.note(
      `The value is in your shell's history now; next time: engram config set ${name} - < FILE`,
    )
  }
  remindOfDaemon(call)
}

export async function unset(call: Call<object, Named>): Promise<void> {
  const { out, args } = call
  const name = readSettingName(args.name)
  change(call, name, (text) => unsetValue(text, name), undefined)
  const config = configOf(call)
  if (out.isJson) out.json(settingJson(config, name))
  else out.line(`${name} = ${shown(name, config[name])}  (${originOf(config.origins[name])})`)
  remindOfDaemon(call)
}

function configOf({ env, globals }: Call<object, object>): Config {
  return readConfig({ env, ...(globals.home === undefined ? {} : { home: globals.home }) })
}

function settingJson(config: Config, name: SettingName) {
  const { secret } = SETTINGS[name] as Setting<unknown>
  const value = config[name]
  return { name, value: secret && value !== null ? MASK : value, origin: config.origins[name] }
}

const MASK = '••••••••'

function shown(name: SettingName, value: unknown): string {
  if (value === null || value === undefined) return 'not set'
  if ((SETTINGS[name] as Setting<unknown>).secret) return `${MASK} (set)`
  return Array.isArray(value) ? value.join(', ') || 'none' : String(value)
}

function originOf(origin: Origin): string {
  switch (origin.from) {
    case 'file':
      return 'config.toml'
    case 'default':
      return 'default'
    default:
      return origin.name
  }
}

/** Edits the file in one step, after the daemon's own reader has understood the result as it was meant. */
function change(
  { paths: { configFile } }: Call<object, object>,
  name: SettingName,
  edit: (text: string) => string,
  value: unknown,
): void {
  const before = readConfigFile(configFile)
  const text = existsSync(configFile) ? readFileSync(configFile, 'utf8') : ''
  const edited = edit(text)
  if (edited === text) return
  mkdirSync(dirname(configFile), { recursive: true, mode: 0o700 })
  const partial = `${configFile}.${process.pid}`
  try {
    writeFileSync(partial, edited, { mode: 0o600 })
    chmodSync(partial, 0o600)
    const after = new Map(readConfigFile(partial))
    const expected = new Map(before)
    if (value === undefined) expected.delete(name)
    else expected.set(name, value)
    if (!sameSettings(after, expected)) {
      throw new CliError(
        'E_FAILED',
        `${configFile} is written in a way that cannot be edited safely`,
        {
          why: 'nothing was changed',
          fix: `edit it by hand: ${name} = ${value === undefined ? '…' : toLiteral(value)}`,
        },
      )
    }
    renameSync(partial, configFile)
  } finally {
    rmSync(partial, { force: true })
  }
}

function sameSettings(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false
  return [...a].every(
    ([name, value]) => b.has(name) && JSON.stringify(value) === JSON.stringify(b.get(name)),
  )
}

function remindOfDaemon({ paths, out }: Call<object, object>): void {
  const running = locateDaemon(paths)
  if (!running) return
  out.note(
    `The daemon that runs (process ${running.pid}) still has the old value: engram stop, then ${running.background ? 'any command' : 'engram serve'}.`,
  )
}
