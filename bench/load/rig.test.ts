import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Target } from './generator.ts'
import { generate, type Mock, startMock } from './rig.ts'

let mock: Mock
const seen: string[] = []
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    const body = await request.text()
    seen.push(`${new URL(request.url).pathname} ${body}`)
    return new Response('ok', { status: body === 'bad' ? 500 : 200 })
  },
})
beforeAll(async () => {
  mock = await startMock()
})
afterAll(async () => {
  await mock.stop()
  await server.stop(true)
})
const at = (path: string): Target => ({ url: `${server.url.origin}${path}`, headers: {} })

describe('the load generator', () => {
  test('goes through the arms forwards and backwards, with another body each way', async () => {
    seen.length = 0
    const { times, failures } = await generate({
      kind: 'arms',
      arms: [at('/a'), at('/b')],
      bodies: ['1', '2', '3', '4'],
      rounds: 1,
      warmUp: 1,
      pauseMs: 0,
      toFirstByte: false,
    })
    expect(seen).toEqual(['/a 1', '/b 1', '/b 2', '/a 2', '/a 3', '/b 3', '/b 4', '/a 4'])
    expect(times.map((arm) => arm.length)).toEqual([2, 2])
    expect(failures).toBe(0)
  })

  test('sends each body of a flood once, and counts what fails', async () => {
    seen.length = 0
    const bodies = [...Array.from({ length: 50 }, (_, i) => String(i)), 'bad']
    const { times, failures } = await generate({
      kind: 'flood',
      target: at('/'),
      bodies,
      connections: 8,
    })
    expect(seen.toSorted()).toEqual(bodies.map((body) => `/ ${body}`).toSorted())
    expect(times[0]).toHaveLength(51)
    expect(failures).toBe(1)
  })

  test('counts a server that is not there as failures', async () => {
    const target = { url: 'http://127.0.0.1:9/', headers: {} }
    const { failures } = await generate({
      kind: 'steady',
      target,
      bodies: ['x'],
      perSecond: 100,
      seconds: 0.1,
    })
    expect(failures).toBe(10)
  })
})

test('the mock gives the same answer on both ports, whole and in frames', async () => {
  const ask = async (origin: string, body: object) => {
    const answer = await fetch(origin, { method: 'POST', body: JSON.stringify(body) })
    return answer.text()
  }
  const [whole, other] = await Promise.all(mock.origins.map((origin) => ask(origin, {})))
  expect(other).toBe(whole!)
  const { content } = JSON.parse(whole!).choices[0].message as { content: string }
  const frames = (await ask(mock.origins[0], { stream: true })).trimEnd().split('\n\n')
  expect(frames.at(-1)).toBe('data: [DONE]')
  const pieces = frames
    .slice(0, -1)
    .map((frame) => JSON.parse(frame.slice(6)).choices[0].delta.content ?? '')
  expect(pieces.join('')).toBe(content)
})
