import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import type { ByPlatform, ClientSpec } from './catalog.ts'

export type Surroundings = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  platform: NodeJS.Platform
  /** The folder of the project that a command is called in. */
  cwd: string
}>

export function homeOf({ env }: Pick<Surroundings, 'env'>): string {
  return env.HOME || env.USERPROFILE || homedir()
}

/** Every path that the templates stand for here, in their order. */
export function placesOf(templates: ByPlatform | undefined, around: Surroundings): string[] {
  const { platform } = around
  const own =
    platform === 'darwin' || platform === 'linux' || platform === 'win32' ? platform : 'linux'
  return [...(templates?.all ?? []), ...(templates?.[own] ?? [])].flatMap((one) =>
    expand(one, around),
  )
}

/**
 * The file to read and write: in the first folder that exists, since that is where the client lives, the one
 * that is there; else the first one.
 */
export function placeOfFile(templates: ByPlatform, around: Surroundings): string | null {
  const places = placesOf(templates, around)
  const first = places.find((path) => existsSync(dirname(path))) ?? places[0]
  if (first === undefined) return null
  const beside = places.filter((path) => dirname(path) === dirname(first))
  return beside.find((path) => existsSync(path)) ?? first
}

/** Is the client on this machine, as far as its programs and folders tell? */
export function isInstalled({ detect }: ClientSpec, around: Surroundings): boolean {
  return (
    detect.programs.some((program) => programOnPath(program, around) !== null) ||
    placesOf(detect.folders, around).some((path) => existsSync(path))
  )
}

export function programOnPath(name: string, { env }: Pick<Surroundings, 'env'>): string | null {
  return Bun.which(name, { PATH: env.PATH ?? '' })
}

/** `~`, `${NAME:-default}`, and `*` for what exists. Nothing for what is not absolute in the end. */
function expand(template: string, around: Surroundings): string[] {
  const filled = template.replace(/\$\{([A-Za-z_]\w*):-([^}]*)\}/g, (_, name, fallback) =>
    around.env[name]?.trim() ? around.env[name]! : fallback,
  )
  const path = normalize(filled.replace(/^~(?=\/|$)/, () => homeOf(around)))
  if (!isAbsolute(path)) return []
  return path.includes('*') ? matches(path) : [path]
}

/** Paths with one `*`, for folders that carry the mark of an installation in their names. */
function matches(path: string): string[] {
  const parts = path.split(sep)
  const at = parts.findIndex((part) => part.includes('*'))
  const folder = parts.slice(0, at).join(sep)
  const [start = '', end = ''] = parts[at]!.split('*')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .sort()
    .map((name) => join(folder, name, ...parts.slice(at + 1)))
}
