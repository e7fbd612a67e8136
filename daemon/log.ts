import pino, { type Logger } from 'pino'
import type { Config } from './config.ts'

/**
 * The daemon's log on stderr, as JSON or as lines for people. What is logged is named field by field: never
 * headers, bodies, keys, or the text of memories and messages.
 */
export function createLog(config: Pick<Config, 'log.level' | 'log.format'>): Logger {
  const options = {
    level: config['log.level'],
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  }
  const destination = pino.destination({ dest: 2, sync: true })
  if (config['log.format'] === 'json') return pino(options, destination)
  return pino(options, { write: (line: string) => void destination.write(asText(line)) })
}

function asText(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const shown = Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('  ')
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${msg ?? ''}${shown ? `  ${shown}` : ''}\n`
}
