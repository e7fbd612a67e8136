import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Every folder and file in use. Absolute. */
export type Paths = Readonly<{
  /** config.toml */
  configFile: string
  /** Holds the database, the key pepper and the local key. */
  dataDir: string
  databaseFile: string
  pepperFile: string
  localKeyFile: string
  /** Models that were fetched by name; they would have to be fetched again. */
  modelsDir: string
  /** Holds what is of no value after the daemon ends, and the log. */
  stateDir: string
  daemonFile: string
  logFile: string
  /** Native parts and models unpacked from the executable; can be deleted at any time. */
  cacheDir: string
}>

/**
 * `ENGRAM_HOME` puts everything in one folder; otherwise the XDG folders on Unix and AppData on Windows.
 * A relative XDG folder is ignored, as its specification demands.
 */
export function findPaths(
  env: Readonly<Record<string, string | undefined>>,
  home = env.ENGRAM_HOME,
): Paths {
  if (home) {
    const folder = resolve(home)
    return pathsIn(folder, folder, folder, join(folder, 'cache'))
  }
  const user = env.HOME || env.USERPROFILE || homedir()
  if (process.platform === 'win32') {
    const roaming = env.APPDATA ?? join(user, 'AppData', 'Roaming')
    const local = env.LOCALAPPDATA ?? join(user, 'AppData', 'Local')
    const data = join(local, 'engram')
    return pathsIn(join(roaming, 'engram'), data, join(data, 'state'), join(data, 'cache'))
  }
  const xdg = (name: string, fallback: string) => {
    const given = env[name]
    return join(given && isAbsolute(given) ? given : join(user, fallback), 'engram')
  }
  return pathsIn(
    xdg('XDG_CONFIG_HOME', '.config'),
    xdg('XDG_DATA_HOME', '.local/share'),
    xdg('XDG_STATE_HOME', '.local/state'),
    xdg('XDG_CACHE_HOME', '.cache'),
  )
}

function pathsIn(config: string, dataDir: string, stateDir: string, cacheDir: string): Paths {
  return {
    configFile: join(config, 'config.toml'),
    dataDir,
    databaseFile: join(dataDir, 'engram.db'),
    pepperFile: join(dataDir, 'pepper'),
    localKeyFile: join(dataDir, 'local.key'),
    modelsDir: join(dataDir, 'models'),
    stateDir,
    daemonFile: join(stateDir, 'daemon.json'),
    logFile: join(stateDir, 'engram.log'),
    cacheDir,
  }
}
