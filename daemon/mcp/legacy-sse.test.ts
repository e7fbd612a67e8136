import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { McpServer } from '@modelcontextprotocol/server'
import { call, initialize, openTestDaemon, type TestDaemon } from './fixtures/daemon.ts'
import { createLegacySse } from './legacy-sse.ts'

setDefaultTimeout(30_000)

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await openTestDaemon({ ENGRAM_LEGACY_SSE: '1' })
})
afterAll(() => daemon.close())

/** A stream, read event by event. */
async function listen(key = daemon.key, on = daemon) {
  const leaving = new AbortController()
  const response = await fetch(`${on.url}/sse`, {
    headers: { 'x-engram-key': key, accept: 'text/event-stream' },
    signal: leaving.signal,
  })
  expect(response.status).toBe(200)
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const next = async (): Promise<{ event: string; data: string } | null> => {
    for (;;) {
      const [found] = /^event: (.*)\ndata: (.*)\n\n/.exec(text) ?? []
      if (found !== undefined) {
        text = text.slice(found.length)
        const [, event, data] = /^event: (.*)\ndata: (.*)\n\n/.exec(found)!
        return { event: event!, data: data! }
      }
      const { done, value } = await reader.read()
      if (done) return null
      text += decoder.decode(value, { stream: true })
    }
  }
  const { data: address } = (await next())!
  const post = (message: unknown, as = key, at = address) =>
    fetch(on.url + at, {
      method: 'POST',
      headers: { 'x-engram-key': as, 'content-type': 'application/json' },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    })
  return { address, next, post, leave: () => leaving.abort() }
}

describe('the old form of the protocol', () => {
  test('names an address first, and answers on the stream what is posted there', async () => {
    const stream = await listen()
    expect(stream.address).toMatch(/^\/messages\?sessionId=[\w-]{22}$/)
    const accepted = await stream.post(initialize())
    expect([accepted.status, await accepted.text()]).toEqual([202, 'Accepted'])
    expect(JSON.parse((await stream.next())!.data)).toMatchObject({
      id: 1,
      result: { protocolVersion: '2025-11-25' },
    })
    await stream.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await stream.post(call('list_memories', {}, 'mine'))
    const { event, data } = (await stream.next())!
    expect(event).toBe('message')
    expect(JSON.parse(data)).toMatchObject({ id: 'mine', result: { content: [{ type: 'text' }] } })
    stream.leave()
  })

  test('takes messages with the key that opened the stream, and with no other', async () => {
    const stream = await listen()
    const other = await daemon.user('other')
    const { api_key: second } = await daemon.rest<{ api_key: string }>(
      'POST',
      '/users/me/api-keys',
      { name: 'second' },
    )
    for (const key of [other, second]) {
      expect((await stream.post(initialize(), key)).status).toBe(404)
    }
    expect((await stream.post(initialize(), 'ek_wrong')).status).toBe(401)
    for (const at of [
      '/messages',
      '/messages?sessionId=',
      '/messages?sessionId=AAAAAAAAAAAAAAAAAAAAAA',
    ]) {
      expect((await stream.post(initialize(), daemon.key, at)).status).toBe(404)
    }
    stream.leave()
  })

  test('ends a session with its stream', async () => {
    const stream = await listen()
    stream.leave()
    let status = 0
    const late = Date.now() + 10_000
    while (status !== 404 && Date.now() < late) status = (await stream.post(initialize())).status
    expect(status).toBe(404)
  })

  test.each(['{', '{}', '[]', 'null', '{"jsonrpc":"2.0"}'])('refuses %s', async (message) => {
    const stream = await listen()
    expect((await stream.post(message)).status).toBe(400)
    stream.leave()
  })

  test('needs a key, and says how to get on', async () => {
    const response = await fetch(`${daemon.url}/sse`)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain(
      `${daemon.url}/.well-known/oauth-protected-resource/sse`,
    )
  })

  test('has an end to how many streams it opens, and room again when one ends', async () => {
    const caller = { kind: 'anonymous' } as const
    const sse = createLegacySse(() => new McpServer({ name: 'x', version: '1' }), 2)
    const leaving = new AbortController()
    const open = (signal?: AbortSignal) =>
      sse.open(new Request('http://127.0.0.1/sse', signal ? { signal } : {}), caller)
    await open(leaving.signal)
    await open()
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
    leaving.abort()
    const { body } = await open()
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
    await body!.cancel()
    await open()
    sse.closeAll()
    await open()
    sse.closeAll()
  })

  test('does not hold a daemon that stops', async () => {
    const other = await openTestDaemon({ ENGRAM_LEGACY_SSE: '1' })
    const stream = await listen(other.key, other)
    await other.close()
    expect(await stream.next().catch(() => null)).toBeNull()
  })

  test('is not there unless it is switched on', async () => {
    const plain = await openTestDaemon()
    try {
      for (const [method, path] of [
        ['GET', '/sse'],
        ['POST', '/messages?sessionId=x'],
        ['GET', '/.well-known/oauth-authorization-server/sse'],
      ] as const) {
        const response = await fetch(plain.url + path, {
          method,
          headers: { 'x-engram-key': plain.key, 'content-type': 'application/json' },
          ...(method === 'POST' ? { body: '{}' } : {}),
        })
        expect(response.status).toBe(404)
      }
      const { fix } = (await (await fetch(`${plain.url}/sse`)).json()) as { fix: string }
      expect(fix).toContain('engram config set server.legacy_sse true')
    } finally {
      await plain.close()
    }
  })
})
