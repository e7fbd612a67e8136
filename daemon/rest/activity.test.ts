import { afterAll, describe, expect, test } from 'bun:test'
import type { Activity } from '../activity.ts'
import { startRig } from '../proxy/rig/start.ts'

const rig = await startRig({ upstream: 'http://127.0.0.1:9' })
afterAll(() => rig.stop())

const { services } = rig.daemon
const activity = (model: string): Activity => ({
  userId: services.localUser().id,
  namespace: 'default',
  at: Date.UTC(2026, 10, 23),
  client: 'claude-cli',
  path: '/v1/messages',
  provider: 'anthropic',
  model,
  status: 200,
  tookMs: 12.34,
  injected: 2,
  memory: 'used',
  ending: 'complete',
  receiptId: 'rcp_1',
})

/** Watches as the holder of a key. */
async function watch(key: string) {
  const answer = await fetch(`${rig.url}/activity`, { headers: { 'x-engram-key': key } })
  const reader = answer.body!.getReader()
  const next = async () => {
    const { done, value } = await reader.read()
    return done ? null : new TextDecoder().decode(value)
  }
  expect(await next()).toBe(': watching\n\n')
  return { answer, next, leave: () => reader.cancel() }
}

describe('GET /activity', () => {
  test('shows a request when it ends, as the schema says', async () => {
    const { answer, next, leave } = await watch(rig.key)
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    services.activity.publish(activity('one'))
    expect(await next()).toBe(
      'event: request\ndata: {"at":"2026-11-23T00:00:00.000Z","namespace":"default","client":"claude-cli","provider":"anthropic","path":"/v1/messages","model":"one","status":200,"took_ms":12.3,"injected":2,"memory":"used","ending":"complete","receipt_id":"rcp_1"}\n\n',
    )
    await leave()
  })

  test('wants a key', async () => {
    expect((await fetch(`${rig.url}/activity`)).status).toBe(401)
  })

  test('shows nothing to the holder of a key that was revoked meanwhile', async () => {
    const { id, api_key: key } = await rig.rest<{ id: string; api_key: string }>(
      'POST',
      '/users/me/api-keys',
      {
        name: 'watcher',
        scope: 'read',
      },
    )
    const { next } = await watch(key)
    services.activity.publish(activity('before'))
    expect(await next()).toContain('before')
    await rig.rest('DELETE', `/users/me/api-keys/${id}`)
    services.activity.publish(activity('after'))
    expect(await next()).toBe(null)
  })

  test('ends when the daemon stops, and does not keep it from stopping', async () => {
    const other = await startRig({ upstream: 'http://127.0.0.1:9' })
    const answer = await fetch(`${other.url}/activity`, { headers: { 'x-engram-key': other.key } })
    const reader = answer.body!.getReader()
    await reader.read()
    const stopping = other.stop()
    expect((await reader.read()).done).toBe(true)
    await stopping
  })
})
