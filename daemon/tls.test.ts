import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runDaemon } from './fixtures/running.ts'
import { readTls } from './tls.ts'

const folder = mkdtempSync(join(tmpdir(), 'engram-tls-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const pem = (what: string) => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----\n`
const cert = file('cert.pem', pem('CERTIFICATE'))
const key = file('key.pem', pem('PRIVATE KEY'))
const empty = file('empty.pem', '')

const read = (given: string | null, itsKey: string | null) =>
  readTls({ 'server.tls_cert': given, 'server.tls_key': itsKey })

test('nothing is read where nothing is set', () => {
  expect(read(null, null)).toBeNull()
})

test.each([
  [
    'nofile',
    key,
    'server.tls_cert must be a PEM file that can be read, got "nofile": there is no such file',
  ],
  [
    cert,
    'nofile',
    'server.tls_key must be a PEM file that can be read, got "nofile": there is no such file',
  ],
  [
    folder,
    key,
    `server.tls_cert must be a PEM file that can be read, got "${folder}": it is a folder`,
  ],
  [
    empty,
    key,
    `server.tls_cert must be a PEM file that can be read, got "${empty}": it holds none`,
  ],
  [cert, cert, `server.tls_key must be a PEM file that can be read, got "${cert}": it holds none`],
])('%s and %s are refused', (given, itsKey, message) => {
  expect(() => read(given, itsKey)).toThrow(message)
})

test('files that are PEM and nothing more are refused when they are to be used', async () => {
  const starting = runDaemon({ ENGRAM_TLS_CERT: cert, ENGRAM_TLS_KEY: key })
  await expect(starting).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(/^server\.tls_cert and server\.tls_key must be /),
  })
})

test('a daemon says so before it opens anything', async () => {
  const starting = runDaemon({ ENGRAM_TLS_CERT: 'nofile', ENGRAM_TLS_KEY: 'nofile' })
  await expect(starting).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('server.tls_cert'),
  })
})
