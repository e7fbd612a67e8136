import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Running, runDaemon } from '../fixtures/running.ts'
import * as schema from './schema.ts'

setDefaultTimeout(60_000)

let daemon: Running
beforeAll(async () => {
  daemon = await runDaemon()
})
afterAll(() => daemon?.close())

describe('users', () => {
  test('are created once under a name, and see themselves', async () => {
    const made = await daemon.call('POST', '/users', { body: { external_id: '  ada  ' } })
    expect(made.status).toBe(201)
    const { api_key: key, ...user } = schema.createdUser.parse(made.json)
    expect(user.external_id).toBe('ada')
    const me = await daemon.call('GET', '/users/me', { key })
    expect(me.json).toEqual(user)
    const again = await daemon.call('POST', '/users', { body: { external_id: 'ada' } })
    expect({ status: again.status, code: again.json.code }).toEqual({
      status: 409,
      code: 'conflict',
    })
  })

  test('set how much is recalled for them, and unset it', async () => {
    const key = await daemon.newUser('grace')
    const config = async (body?: object) =>
      (await daemon.call(body ? 'PATCH' : 'GET', '/users/me/config', { key, body })).json
    expect(schema.settingsAnswer.parse(await config())).toEqual({
      max_memories_injected: 5,
      retrieval_threshold: null,
    })
    expect(await config({ max_memories_injected: 1, retrieval_threshold: 0.7 })).toEqual({
      max_memories_injected: 1,
      retrieval_threshold: 0.7,
    })
    expect(await config({ retrieval_threshold: null })).toEqual({
      max_memories_injected: 1,
      retrieval_threshold: null,
    })
  })

  test('take everything of theirs along when they go, and nothing of others', async () => {
    const [gone, stays] = [await daemon.newUser('goes'), await daemon.newUser('stays')]
    for (const key of [gone, stays]) {
      await daemon.call('POST', '/memories', { key, body: { content: 'Has a garden' } })
    }
    expect((await daemon.call('DELETE', '/users/me', { key: gone })).status).toBe(204)
    expect((await daemon.call('GET', '/memories', { key: gone })).status).toBe(401)
    expect((await daemon.call('GET', '/memories', { key: stays })).json.total).toBe(1)
    const remade = await daemon.newUser('goes')
    expect((await daemon.call('GET', '/memories', { key: remade })).json.total).toBe(0)
  })

  test('the local user stays', async () => {
    const { status, json } = await daemon.call('DELETE', '/users/me', { key: daemon.localKey })
    expect(status).toBe(409)
    expect(json.fix).toContain('engram memories rm --all')
  })
})

describe('keys', () => {
  test('are shown once, listed by hint, and dead the moment they are revoked', async () => {
    const key = await daemon.newUser('lin')
    const made = await daemon.call('POST', '/users/me/api-keys', {
      key,
      body: { name: 'laptop', scope: 'read' },
    })
    expect(made.status).toBe(201)
    const { api_key: second, ...shown } = schema.createdKey.parse(made.json)
    const list = await daemon.call('GET', '/users/me/api-keys', { key })
    expect(list.json).toContainEqual(shown)
    expect(list.text).not.toContain(second)
    const taken = await daemon.call('POST', '/users/me/api-keys', { key, body: { name: 'laptop' } })
    expect(taken.status).toBe(409)
    expect((await daemon.call('GET', '/memories', { key: second })).status).toBe(200)
    const gone = await daemon.call('DELETE', `/users/me/api-keys/${shown.id}`, { key })
    expect(gone.status).toBe(204)
    expect((await daemon.call('GET', '/memories', { key: second })).status).toBe(401)
  })

  test('of the first kind can be revoked like any other', async () => {
    const key = await daemon.newUser('first')
    const [own] = (await daemon.call('GET', '/users/me/api-keys', { key })).json
    expect((await daemon.call('DELETE', `/users/me/api-keys/${own.id}`, { key })).status).toBe(204)
    expect((await daemon.call('GET', '/users/me', { key })).status).toBe(401)
  })

  test('of others cannot be revoked', async () => {
    const [a, b] = [await daemon.newUser('owner'), await daemon.newUser('intruder')]
    const [own] = (await daemon.call('GET', '/users/me/api-keys', { key: a })).json
    const tried = await daemon.call('DELETE', `/users/me/api-keys/${own.id}`, { key: b })
    expect(tried.status).toBe(404)
    expect((await daemon.call('GET', '/users/me', { key: a })).status).toBe(200)
  })

  test('lie nowhere on disk but in the owner’s own file', async () => {
    const key = await daemon.newUser('canary')
    const files = [...new Bun.Glob('**/*').scanSync({ cwd: daemon.home })]
    expect(files).toContain('engram.db')
    for (const file of files) {
      const bytes = Buffer.from(await Bun.file(`${daemon.home}/${file}`).arrayBuffer())
      expect({ file, holds: bytes.includes(key) }).toEqual({ file, holds: false })
      const isOwnFile = file === 'local.key'
      expect({ file, holds: bytes.includes(daemon.localKey) }).toEqual({ file, holds: isOwnFile })
    }
  })
})
