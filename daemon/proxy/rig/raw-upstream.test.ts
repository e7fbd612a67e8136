import { afterEach, describe, expect, test } from 'bun:test'
import { connectRaw, type RawClient } from './raw-client.ts'
import { openRawUpstream, type RawUpstream, type Script } from './raw-upstream.ts'

const open: (RawUpstream | RawClient)[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await ('stop' in one ? one.stop() : one.close())
})

async function connected(script: Script) {
  const upstream = await openRawUpstream(script)
  const client = await connectRaw(upstream.url)
  open.push(client, upstream)
  return { upstream, client }
}

describe('the scripted upstream', () => {
  test('keeps headers as they stood, with their case, order and repetitions', async () => {
    const { upstream, client } = await connected(({ answer }) => answer(200, [], 'ok'))
    client.request(
      'POST',
      '/a?b=%2F',
      [
        ['X-Twice', '1'],
        ['x-twice', '2'],
        ['Accept', '*/*'],
      ],
      'é',
    )
    expect(Buffer.from(await (await client.answer()).body()).toString()).toBe('ok')
    const { headers, ...request } = upstream.requests[0]!
    expect(headers.slice(1)).toEqual([
      ['X-Twice', '1'],
      ['x-twice', '2'],
      ['Accept', '*/*'],
      ['Content-Length', '2'],
    ])
    expect(request).toMatchObject({
      method: 'POST',
      target: '/a?b=%2F',
      framing: 'content-length',
      connection: 1,
      body: Buffer.from('é'),
    })
  })

  test('reads a chunked request and answers the next one on the same connection', async () => {
    const { upstream, client } = await connected(({ answer }) => answer(204, [], ''))
    client.request('POST', '/', [['Transfer-Encoding', 'chunked']])
    client.send('3\r\nabc\r\n')
    client.send('2\r\nde\r\n0\r\n\r\n')
    await client.answer()
    client.request('GET', '/again', [])
    await client.answer()
    expect(upstream.requests.map(({ body, framing }) => [String(body), framing])).toEqual([
      ['abcde', 'chunked'],
      ['', 'none'],
    ])
    expect(upstream.connections()).toBe(1)
  })

  test('sends what is scripted and no byte more', async () => {
    const { client } = await connected(async ({ head, chunk, lastChunk }) => {
      await head(200, [
        ['Transfer-Encoding', 'chunked'],
        ['Set-Cookie', 'a'],
        ['Set-Cookie', 'b'],
      ])
      await chunk('one')
      await chunk('two')
      await lastChunk()
    })
    client.request('GET', '/', [])
    const answer = await client.answer()
    expect(answer.headers).toEqual([
      ['Transfer-Encoding', 'chunked'],
      ['Set-Cookie', 'a'],
      ['Set-Cookie', 'b'],
    ])
    expect(String(await answer.body())).toBe('onetwo')
  })

  test('can tear a connection down in the middle of an answer', async () => {
    const { client } = await connected(async ({ send, reset }) => {
      await send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')
      reset()
    })
    client.request('GET', '/', [])
    const answer = await client.answer()
    await expect(answer.body()).rejects.toThrow('6 bytes before the end of 10')
  })

  test('knows when the client leaves', async () => {
    let hasLeft = false
    const { client } = await connected(async ({ clientLeft }) => {
      await clientLeft
      hasLeft = true
    })
    client.request('GET', '/', [])
    client.reset()
    while (!hasLeft) await new Promise((resolve) => setImmediate(resolve))
  })

  test('fails at its end when a script failed', async () => {
    const upstream = await openRawUpstream(() => {
      throw new Error('not as planned')
    })
    const client = await connectRaw(upstream.url)
    client.request('GET', '/', [])
    await expect(client.answer()).rejects.toThrow('ended before an answer')
    await client.answer().catch(() => {})
    await expect(upstream.stop()).rejects.toThrow('not as planned')
  })
})
