import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Running, runDaemon } from '../fixtures/running.ts'
import { ROUTES } from '../routes.ts'
import * as schema from './schema.ts'

setDefaultTimeout(60_000)

let daemon: Running
let key: string
beforeAll(async () => {
  daemon = await runDaemon({}, { demo: true })
  key = await daemon.newUser('ada')
})
afterAll(() => daemon?.close())

const call = (method: string, path: string, body?: unknown) =>
  daemon.call(method, path, { key, ...(body === undefined ? {} : { body }) })
const chat = (content: string) =>
  call('POST', '/v1/chat', { model: 'demo', messages: [{ role: 'user', content }] })

describe('receipts', () => {
  test('say for an answer what was considered, what went in and why, and what was learned', async () => {
    await call('POST', '/memories', { content: 'User is allergic to peanuts' })
    await call('POST', '/memories', { content: 'User lives in Oslo' })
    await daemon.settled()
    const answer = await chat('Can I eat peanuts? By the way, I prefer dark chocolate.')
    expect(answer.status).toBe(200)
    const id = answer.headers.get('x-engram-receipt')!
    await daemon.settled()

    const receipt = schema.logWithLearned.parse((await call('GET', `/logs/${id}`)).json)
    expect(receipt.conversation_id).toBe(answer.headers.get('x-engram-conversation-id'))
    expect(receipt.injected).toBe(Number(answer.headers.get('x-engram-memories-injected')))
    expect(receipt.retrieved_memories.map(({ content }) => content)).toEqual([
      'User is allergic to peanuts',
    ])
    const { candidates, settings, searched } = receipt.detail as {
      candidates: Record<string, unknown>[]
      settings: Record<string, unknown>
      searched: Record<string, number>
    }
    const byContent = new Map(candidates.map((candidate) => [candidate.content, candidate]))
    expect(byContent.get('User is allergic to peanuts')).toMatchObject({
      admitted: true,
      reason: 'admitted',
    })
    expect(byContent.get('User lives in Oslo')?.admitted ?? false).toBe(false)
    for (const candidate of candidates) {
      for (const part of ['score', 'lexical', 'cosine', 'fused']) {
        expect(candidate[part]).toBeNumber()
      }
    }
    expect(settings.max_items).toBe(5)
    expect(searched.memory).toBe(2)
    expect(receipt.learned.map(({ after }) => after!.content).join()).toMatch(/dark chocolate/i)
  })

  test('keep the words of their moment when the memory changes', async () => {
    const { json } = await call('POST', '/memories', { content: 'User rides a blue bicycle' })
    const id = (await chat('What colour is my bicycle?')).headers.get('x-engram-receipt')!
    await call('PATCH', `/memories/${json.id}`, { content: 'User rides a green bicycle' })
    const receipt = (await call('GET', `/logs/${id}`)).json
    expect(receipt.retrieved_memories[0].content).toBe('User rides a blue bicycle')
  })

  test('are listed newest first, by conversation and kind; searches have theirs too', async () => {
    const { json } = await call('POST', '/memories/search', { query: 'bicycle' })
    let listed = (await call('GET', '/logs?kind=search')).json
    while (listed.total === 0) listed = (await call('GET', '/logs?kind=search')).json
    expect(schema.logPage.parse(listed).logs[0]!.id).toBe(json.receipt_id)
    const conversation = (await chat('Hello')).headers.get('x-engram-conversation-id')!
    const own = (await call('GET', `/logs?conversation_id=${conversation}`)).json
    expect(own.total).toBe(1)
    expect((await call('GET', '/logs?limit=1')).json.logs).toHaveLength(1)
    const times = (await call('GET', '/logs')).json.logs.map(
      (log: { created_at: string }) => log.created_at,
    )
    expect(times).toEqual([...times].sort().reverse())
  })

  test('of others are unknown', async () => {
    const id = (await chat('Hi')).headers.get('x-engram-receipt')!
    const other = await daemon.newUser('grace')
    expect((await daemon.call('GET', `/logs/${id}`, { key: other })).status).toBe(404)
    expect((await daemon.call('GET', '/logs', { key: other })).json.total).toBe(0)
  })
})

test('conversations are listed, shown word for word, and deleted for good', async () => {
  const answer = await chat('I keep bees on my roof.')
  const id = answer.headers.get('x-engram-conversation-id')!
  const page = schema.conversationPage.parse((await call('GET', '/conversations')).json)
  expect(page.conversations[0]!.id).toBe(id)
  const { turns } = schema.conversationWithTurns.parse(
    (await call('GET', `/conversations/${id}`)).json,
  )
  expect(turns.map(({ role }) => role)).toEqual(['user', 'assistant'])
  await daemon.settled()
  expect((await call('DELETE', `/conversations/${id}`)).status).toBe(204)
  expect((await call('GET', `/conversations/${id}`)).status).toBe(404)
  expect((await call('GET', '/memories?search=bees')).json.total).toBe(1)
})

test('the journal names who changed what and when', async () => {
  const { json } = await call('POST', '/memories', { content: 'User has two sisters' })
  const [event] = schema.eventList.parse((await call('GET', '/events?limit=1')).json).events
  expect(event).toMatchObject({
    memory_id: json.id,
    kind: 'added',
    actor: 'key:default',
    before: null,
    after: { content: 'User has two sisters' },
  })
})

describe('the OpenAPI document', () => {
  test('describes every route and its access', async () => {
    const { json } = await daemon.call('GET', '/openapi.json')
    expect(json.openapi).toBe('3.1.0')
    for (const { method, path } of ROUTES) {
      const named = path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')
      const usual = path === '/v1/models' ? 'get' : 'post'
      const described = json.paths[named]?.[method === 'ALL' ? usual : method.toLowerCase()]
      expect({ path, method, described: described !== undefined }).toEqual({
        path,
        method,
        described: true,
      })
      expect(described.summary).toBeString()
      expect(described.responses.default).toBeObject()
    }
  })

  test('tells of the headers and bodies of proxied requests', async () => {
    const { paths } = (await daemon.call('GET', '/openapi.json')).json
    const chat = paths['/v1/chat'].post
    const headers = chat.parameters
      .filter(({ in: place }: { in: string }) => place === 'header')
      .map(({ name }: { name: string }) => name)
    for (const name of ['Key', 'Provider', 'Memory', 'Namespace', 'Placement', 'Conversation-ID']) {
      expect(headers).toContain(`X-Engram-${name}`)
    }
    expect(chat.requestBody.content['application/json'].schema).toEqual({ type: 'object' })
    const answered = Object.keys(chat.responses[200].headers)
    for (const name of ['Memory', 'Memories-Injected', 'Receipt', 'Conversation-ID']) {
      expect(answered).toContain(`X-Engram-${name}`)
    }
    expect(paths['/v1/models'].get).toBeObject()
    expect(paths['/v1/models'].get.requestBody).toBeUndefined()
    expect(paths['/memories'].post.requestBody.content['application/json'].schema).toMatchObject({
      additionalProperties: false,
    })
  })

  test('tells of every header of ours that the proxy reads', async () => {
    const { text } = await daemon.call('GET', '/openapi.json')
    const said = text.toLowerCase()
    const folder = new URL('../proxy/', import.meta.url).pathname
    for (const file of new Bun.Glob('*.ts').scanSync(folder)) {
      if (file.endsWith('.test.ts')) continue
      const source = await Bun.file(folder + file).text()
      for (const [header] of source.matchAll(/x-engram-\w[\w-]*\w/g)) {
        expect({ file, header, isSaid: said.includes(`"${header}"`) }).toEqual({
          file,
          header,
          isSaid: true,
        })
      }
    }
  })

  test('refers only to what it defines', async () => {
    const { json, text } = await daemon.call('GET', '/openapi.json')
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!)
    expect(references.length).toBeGreaterThan(0)
    for (const reference of new Set(references)) {
      const target = reference
        .replace(/^#\//, '')
        .split('/')
        .reduce((value, part) => value?.[part], json)
      expect({ reference, isDefined: target !== undefined }).toEqual({ reference, isDefined: true })
    }
  })
})
