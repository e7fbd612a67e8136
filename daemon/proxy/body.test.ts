import { describe, expect, test } from 'bun:test'
import { createRoom, readProxyBody } from './body.ts'

const request = (body: Bun.BodyInit | null, headers: Record<string, string> = {}) =>
  new Request('http://127.0.0.1/', { method: 'POST', body, headers })

function inChunks(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  const left = chunks.map((chunk) => new TextEncoder().encode(chunk))
  return new ReadableStream({
    pull(controller) {
      const next = left.shift()
      if (next) controller.enqueue(next)
      else controller.close()
    },
  })
}

describe('a body', () => {
  test('that fits is read whole, declared or not', async () => {
    const declared = await readProxyBody(request('12345', { 'content-length': '5' }), 5)
    expect(declared).toMatchObject({ kind: 'whole' })
    const chunked = await readProxyBody(request(inChunks('123', '45')), 5)
    expect(chunked.kind === 'whole' && Buffer.from(chunked.bytes).toString()).toBe('12345')
    expect(await readProxyBody(request(null), 5)).toEqual({ kind: 'none' })
  })

  test('that does not fit comes as a stream of all of it', async () => {
    const declared = await readProxyBody(request('123456', { 'content-length': '6' }), 5)
    expect(declared).toMatchObject({ kind: 'stream', lengthBytes: 6 })
    const chunked = await readProxyBody(request(inChunks('123', '456', '789')), 5)
    expect(chunked).toMatchObject({ kind: 'stream', lengthBytes: null })
    const text = chunked.kind === 'stream' && (await new Response(chunked.stream).text())
    expect(text).toBe('123456789')
  })
})

test('room is taken until there is none, and given back once', () => {
  const room = createRoom(10)
  const first = room.take(6)!
  expect(room.take(5)).toBeNull()
  const second = room.take(4)!
  expect(room.take(1)).toBeNull()
  first()
  first()
  expect(room.take(7)).toBeNull()
  second()
  expect(room.take(10)).not.toBeNull()
})
