/** What a request names and we do not know is refused, never passed over. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { type Running, runDaemon } from '../fixtures/running.ts'
import { ROUTES } from '../routes.ts'

let daemon: Running
let key: string

beforeAll(async () => {
  daemon = await runDaemon()
  key = await daemon.newUser('ada')
  for (const [content, namespace] of [
    ['Likes tea', 'default'],
    ['Ships on Fridays', 'work'],
  ]) {
    await daemon.call('POST', '/memories', { key, body: { content, namespace } })
  }
})
afterAll(() => daemon?.close())

const OURS = ROUTES.filter(({ access }) => !['open', 'proxy', 'mcp', 'oauth'].includes(access))

async function holdings() {
  const list = async (path: string) => (await daemon.call('GET', path, { key })).json
  return {
    memories: [await list('/memories'), await list('/memories?namespace=work')],
    keys: (await list('/users/me/api-keys')).map(({ name }: { name: string }) => name),
    conversations: (await list('/conversations')).total,
    settings: await list('/users/me/config'),
  }
}

describe('every route of ours', () => {
  for (const route of OURS) {
    const { method, path } = route
    const at = path.replace(/:\w+/g, 'mem_1')
    const usual = route.body || route.reads ? { body: {} } : {}
    const send = (query: string, more: object = usual) =>
      daemon.call(method, at + query, { key: daemon.localKey, ...more })

    test(`${method} ${path} refuses a parameter that it does not know`, async () => {
      const { status, json } = await send('?bogus=1')
      expect({ status, code: json?.code, detail: json?.detail }).toEqual({
        status: 422,
        code: 'invalid',
        detail: 'there is no field "bogus" in the query',
      })
    })

    if (method !== 'GET' && !route.reads) {
      test(`${method} ${path} refuses a field that it does not know`, async () => {
        const { status, json } = await send('', { body: { bogus: 1 } })
        expect({ status, code: json?.code, detail: json?.detail }).toEqual({
          status: 422,
          code: 'invalid',
          detail: 'there is no field "bogus" in the body',
        })
      })
    }

    test(`${method} ${path} closes every object that it reads, at any depth`, () => {
      for (const schema of [route.query, route.body]) {
        if (schema === null) continue
        expect(
          openObjects(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })),
        ).toEqual([])
      }
    })
  }
})

/** Places of objects with named fields that would take others too; free-form ones name none. */
function openObjects(schema: unknown, place = '$'): string[] {
  if (schema === null || typeof schema !== 'object') return []
  const { properties, additionalProperties } = schema as Record<string, unknown>
  const isOpen = properties !== undefined && additionalProperties !== false
  return [
    ...(isOpen ? [place] : []),
    ...Object.entries(schema).flatMap(([name, inner]) => openObjects(inner, `${place}.${name}`)),
  ]
}

test.each([
  ['DELETE', '/memories?namespce=work', undefined, 'did you mean "namespace"?'],
  ['DELETE', '/memories', { namespace: 'work' }, 'there is no field "namespace"'],
  ['POST', '/memories/undo', { id: 'zz' }, 'there is no field "id"'],
  ['POST', '/users/me/api-keys', { name: 'ro', read_only: true }, 'there is no field "read_only"'],
  ['POST', '/memories/capture?wiat=0', { user_message: 'I like tea' }, 'did you mean "wait"?'],
  ['POST', '/memories/capture', { user_message: 'x', namespce: 'a' }, 'mean "namespace"?'],
  [
    'POST',
    '/memories/capture',
    { messages: [{ role: 'user', content: 'x', nam: 'Ada' }] },
    'there is no field "nam" in messages[0]; did you mean "name"?',
  ],
  ['PATCH', '/users/me/config', { retrieval_mode: 'hybrid' }, 'no field "retrieval_mode"'],
  ['POST', '/memories', { content: 'x', bogus: 1 }, 'there is no field "bogus"'],
  ['POST', '/memories', { contnet: 'x' }, 'did you mean "content"?'],
  ['GET', '/memories?limit=1&limit=2', undefined, 'limit is given more than once'],
  ['GET', '/memories?search=%FF%FE', undefined, 'not valid UTF-8: %FF%FE'],
])('%s %s %j changes nothing and says what is wrong', async (method, path, body, detail) => {
  const before = await holdings()
  const { status, json } = await daemon.call(method, path, {
    key,
    ...(body === undefined ? {} : { body }),
  })
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(json.detail).toContain(detail)
  expect(await holdings()).toEqual(before)
})

test('the fields that there are stand in the fix', async () => {
  const { json } = await daemon.call('POST', '/memories/undo', { key, body: { id: 'zz' } })
  expect(json.fix).toBe('fields are target')
})

test('what is defined elsewhere may hold more than we know', async () => {
  expect((await daemon.call('GET', '/health?cache=1')).status).toBe(200)
})

test('fields of earlier servers that change nothing are taken', async () => {
  const settings = { max_memories_injected: 3, dedup_threshold: 0.9 }
  const changed = await daemon.call('PATCH', '/users/me/config', { key, body: settings })
  expect(changed.json).toEqual({ max_memories_injected: 3, retrieval_threshold: null })
  const made = await daemon.call('POST', '/users/service-key', {
    key: daemon.localKey,
    body: { external_id: 'bob', workspace_name: 'Personal' },
  })
  expect(made.status).toBe(201)
})

test('metadata is free, and lines of an import may come from other programs', async () => {
  const metadata = { any: { thing: [1] } }
  const added = await daemon.call('POST', '/memories', { key, body: { content: 'M', metadata } })
  expect(added.json.metadata).toEqual(metadata)
  const imported = await daemon.call('POST', '/memories/import', {
    key,
    body: { memories: [{ content: 'From elsewhere', user_id: 'u1' }], exported_by: 'other' },
  })
  expect(imported.status).toBe(201)
})
