import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Running, runDaemon } from '../fixtures/running.ts'
import { VERSION } from '../version.ts'

let daemon: Running
beforeAll(async () => {
  daemon = await runDaemon({ ENGRAM_ADMIN_KEY: 'the-admin-key-of-this-test' })
})
afterAll(() => daemon?.close())

test.each(['/', '/ui', '/ui/', '/ui/memories', '/?from=readme'])(
  '%s says what this is, to anybody',
  async (path) => {
    const plain = await daemon.call('GET', path)
    expect(plain.status).toBe(200)
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    for (const word of [VERSION.version, 'engram status', '/openapi.json', 'not part of this']) {
      expect(plain.text).toContain(word)
    }
    const page = await daemon.call('GET', path, { headers: { accept: 'text/html,*/*;q=0.8' } })
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.text).toContain('<a href="/openapi.json">')
    expect(page.text).not.toMatch(/<script|ek_|\son\w+=/)
    for (const { headers } of [plain, page]) {
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    }
  },
)

test('under a foreign name it is refused like everything else', async () => {
  const { status } = await daemon.call('GET', '/', { headers: { host: 'evil.example' } })
  expect(status).toBe(403)
})

test('other methods and other paths are not there', async () => {
  expect((await daemon.call('POST', '/', { body: {} })).status).toBe(405)
  expect((await daemon.call('GET', '/uix')).status).toBe(404)
})
