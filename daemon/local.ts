import { type Config, isLocalMode } from './config.ts'

/**
 * Does a request come from this machine, without a reverse proxy or tunnel in between? Only then, and only
 * in local mode, is anything granted without a key.
 */
export function isLocalRequest(request: Request, config: Config): boolean {
  if (!isLocalMode(config)) return false
  const host = request.headers.get('host')?.toLowerCase().replace(/:\d+$/, '') ?? ''
  const isForwarded = FORWARDED.some((name) => request.headers.has(name))
  return !isForwarded && (host === 'localhost' || host === '127.0.0.1' || host === '[::1]')
}

const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']
