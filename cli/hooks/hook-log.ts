import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../../daemon/paths.ts'
import { cut, oneLine } from '../output.ts'

const MAX_BYTES = 1_000_000

export function hookLogFile({ stateDir }: Pick<Paths, 'stateDir'>): string {
  return join(stateDir, 'hooks.log')
}

/** One line about a hook that could not do its work. A client that waits for an answer must never hear of it. */
export function logHookFailure(
  paths: Paths,
  words: readonly string[],
  message: string,
  at: Date,
): void {
  const path = hookLogFile(paths)
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 })
  if (existsSync(path) && statSync(path).size > MAX_BYTES) renameSync(path, `${path}.1`)
  const line = `${at.toISOString()} ${words.map(oneLine).join(' ')}: ${cut(oneLine(message), 300)}`
  appendFileSync(path, `${line}\n`, { mode: 0o600 })
}

/** The last failure, when there was one lately. */
export function lastHookFailure(paths: Paths, client: string, since: number): string | null {
  const path = hookLogFile(paths)
  if (!existsSync(path)) return null
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const line = lines.findLast((one) => one.includes(`--client ${client}`))
  return line && Date.parse(line.split(' ')[0]!) >= since ? line : null
}
