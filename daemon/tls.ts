import { readFileSync } from 'node:fs'
import { EngramError, messageOf } from '../memory/errors.ts'
import type { Config } from './config.ts'

export type Tls = Readonly<{ cert: string; key: string }>

/**
 * The certificate and key to listen with; null for none. Read before anything is opened: what the runtime says of
 * them when it listens names neither the setting nor the file.
 *
 * @throws EngramError `invalid` naming the setting, the path and the rule.
 */
export function readTls(config: Pick<Config, 'server.tls_cert' | 'server.tls_key'>): Tls | null {
  if (config['server.tls_cert'] === null || config['server.tls_key'] === null) return null
  const cert = readPem('server.tls_cert', config['server.tls_cert'], /-----BEGIN CERTIFICATE-----/)
  const key = readPem(
    'server.tls_key',
    config['server.tls_key'],
    /-----BEGIN (?:\w+ )?PRIVATE KEY-----/,
  )
  return { cert, key }
}

/**
 * What the runtime says, when it listens, of files that are PEM and still no certificate with its key; null when it
 * speaks of something else. It is asked by listening alone: a check that fails elsewhere (`createSecureContext`)
 * leaves its error behind for the next hash of this process (seen with Bun 1.4).
 */
export function tlsProblem(error: unknown): EngramError | null {
  if (!codeOf(error).startsWith('ERR_OSSL_')) return null
  const rule = 'server.tls_cert and server.tls_key must be a certificate and its own key'
  return new EngramError('invalid', `${rule}: ${messageOf(error).split(':').at(-1)}`, {
    cause: error,
  })
}

function readPem(name: string, path: string, begins: RegExp): string {
  const rule = `${name} must be a PEM file that can be read, got ${JSON.stringify(path)}`
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new EngramError('invalid', `${rule}: ${REASONS[codeOf(error)] ?? codeOf(error)}`)
  }
  if (!begins.test(text)) throw new EngramError('invalid', `${rule}: it holds none`)
  return text
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? messageOf(error))
}
