import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { ClientSpec } from './catalog.ts'

/** Does a client run that would write over our edit when it ends? Only said of clients known to do that. */
export function isClientRunning({ running }: ClientSpec, platform: NodeJS.Platform): boolean {
  const names = running?.[platform as 'darwin' | 'linux' | 'win32'] ?? []
  return names.length > 0 && processNames(platform).some((name) => names.includes(name))
}

function processNames(platform: NodeJS.Platform): string[] {
  if (platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(commandOf)
  }
  if (platform === 'win32') {
    // "Claude.exe","1234","Console","1","100,000 K"
    const { stdout } = spawnSync('tasklist', ['/fo', 'csv', '/nh'], { encoding: 'utf8' })
    return (stdout ?? '').split('\n').map((line) => /^"([^"]+)"/.exec(line)?.[1] ?? '')
  }
  const { stdout } = spawnSync('/bin/ps', ['-axo', 'comm='], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').map((line) => line.trim().split('/').at(-1) ?? '')
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return '' // it has ended since
  }
}
