import { existsSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Globals } from '../command.ts'
import { selfCommand } from '../start.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The absolute path by which this program can be called in a year too. A package manager keeps a version in a
 * folder of its own and a link to the current one: the link is what stays. Of links on PATH and Homebrew's
 * `opt` folder, the first that leads to this very file is taken.
 */
export function lastingPath(program: string, env: Env): string {
  const real = realOf(program)
  const names = ['engram', 'engram.exe']
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .flatMap((folder) => names.map((name) => join(folder, name)))
  const cellar = /^(.*)\/Cellar\/([^/]+)\/[^/]+\/bin\/([^/]+)$/.exec(real)
  const opt = cellar ? [join(cellar[1]!, 'opt', cellar[2]!, 'bin', cellar[3]!)] : []
  const candidates = [...opt, ...onPath].filter((path) => existsSync(path) && realOf(path) === real)
  return candidates[0] ?? program
}

function realOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

/** Why the path of the executable may be gone tomorrow; null when nothing speaks for it. */
export function fleeting(path: string): string | null {
  if (!Bun.isStandaloneExecutable) return 'it is Bun with the source, for development'
  if (path.startsWith(`${realpathSync(tmpdir())}/`) || path.startsWith(`${tmpdir()}/`))
    return 'it lies in the folder for temporary files'
  return /[\\/](?:_npx|node_modules)[\\/]/.test(path) ? 'it lies in a folder of npm' : null
}

export type SelfCall = Readonly<{
  command: string
  /** Before the words of a command: the source file when there is no executable. */
  first: readonly string[]
  /** After them: which data folder, daemon and namespace. */
  last: readonly string[]
  env: Readonly<Record<string, string>>
}>

/**
 * How another program calls this one so that it meets the same memories: clients start us with hardly an
 * environment, so what this command line or shell says about places goes along.
 *
 * @param port what this shell alone says about the port: the daemon that a client starts must listen there too
 */
export function selfCall(globals: Globals, env: Env, port: number | null = null): SelfCall {
  const [program, ...first] = selfCommand()
  const home = globals.home ?? env.ENGRAM_HOME
  const url = globals.url ?? (env.ENGRAM_URL?.trim() || undefined)
  return {
    command: Bun.isStandaloneExecutable ? lastingPath(program!, env) : program!,
    first,
    last: [
      ...(home ? ['--home', resolve(home)] : []),
      ...(url ? ['--url', url] : []),
      ...(globals.namespace ? ['--namespace', globals.namespace] : []),
    ],
    env: {
      ...(home || process.platform === 'win32' ? {} : movedFolders(env)),
      ...(port === null || url ? {} : { ENGRAM_PORT: String(port) }),
    },
  }
}

const XDG = {
  XDG_CONFIG_HOME: '.config',
  XDG_DATA_HOME: '.local/share',
  XDG_STATE_HOME: '.local/state',
  XDG_CACHE_HOME: '.cache',
} as const

/** XDG folders that are elsewhere than usual. */
function movedFolders(env: Env): Record<string, string> {
  const user = env.HOME || homedir()
  return Object.fromEntries(
    Object.entries(XDG).flatMap(([name, usual]) => {
      const given = env[name]
      return given && isAbsolute(given) && given !== join(user, usual) ? [[name, given]] : []
    }),
  )
}
