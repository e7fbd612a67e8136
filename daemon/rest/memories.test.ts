import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type CallOptions, type Running, runDaemon } from '../fixtures/running.ts'
import * as schema from './schema.ts'

setDefaultTimeout(60_000)

let daemon: Running
let key: string

beforeAll(async () => {
  daemon = await runDaemon()
  key = await daemon.newUser('ada')
})
afterAll(() => daemon?.close())

const call = (method: string, path: string, body?: unknown, more: CallOptions = {}) =>
  daemon.call(method, path, { key, ...(body === undefined ? {} : { body }), ...more })
const add = async (content: string, more: object = {}) =>
  (await call('POST', '/memories', { content, ...more })).json
const contents = (page: { memories: { content: string }[] }) =>
  page.memories.map(({ content }) => content)

describe('an import of which every line is refused', () => {
  test('fails, and lists the lines', async () => {
    const { status, json } = await call('POST', '/memories/import', [{ content: '' }, {}])
    expect(status).toBe(422)
    expect(schema.refusedImport.parse(json)).toEqual({
      detail: 'line 1: content must not be blank (2 lines rejected)',
      code: 'invalid',
      imported: 0,
      unchanged: 0,
      rejected: [
        { line: 1, detail: 'content must not be blank' },
        { line: 2, detail: 'content is required' },
      ],
      rejected_total: 2,
    })
  })

  test('lists a hundred of them, and counts all', async () => {
    const { json } = await call('POST', '/memories/import', Array(101).fill({}))
    expect(json.rejected).toHaveLength(100)
    expect(json.rejected_total).toBe(101)
    expect(json.detail).toEndWith('(101 lines rejected)')
  })
})

describe('a memory is refused', () => {
  test('when it has expired before it is stored or changed', async () => {
    const content = 'The fair is open'
    const expired = { expires_at: '2020-01-01' }
    const added = await call('POST', '/memories', { content, ...expired })
    expect(added.status).toBe(422)
    expect(added.json.detail).toBe('expires_at must be in the future, got 2020-01-01T00:00:00.000Z')
    const { json: kept } = await call('POST', '/memories', { content })
    expect((await call('PATCH', `/memories/${kept.id}`, expired)).status).toBe(422)
    expect((await call('GET', `/memories/${kept.id}`)).json).toEqual(kept)
    const imported = await call('POST', '/memories/import', [{ content: 'Was open', ...expired }])
    expect(imported.json.imported).toBe(1)
  })

  test('when another says the new words already', async () => {
    const { json: one } = await call('POST', '/memories', { content: 'The lamp is green' })
    const { json: two } = await call('POST', '/memories', { content: 'The lamp is blue' })
    const path = `/memories/${two.id}`
    const refused = await call('PATCH', path, { content: 'the lamp is  GREEN.' })
    expect(refused).toMatchObject({
      status: 409,
      json: {
        code: 'conflict',
        detail: `${one.id} says exactly this already`,
        fix: 'delete one of them',
      },
    })
    expect((await call('GET', path)).json).toEqual(two)
    const same = await call('PATCH', path, { content: 'The lamp is Blue!' })
    expect([same.status, same.json.content]).toEqual([200, 'The lamp is Blue!'])
    await call('DELETE', `/memories/${one.id}`)
    expect((await call('PATCH', path, { content: 'The lamp is green' })).status).toBe(200)
  })
})

describe('memories', () => {
  test('are stored, shown, changed and deleted', async () => {
    const made = await call('POST', '/memories', {
      content: '  Prefers tabs  ',
      category: 'Work Habits',
      pinned: true,
      metadata: { from: 'a test', nested: { list: [1, null, true] } },
    })
    expect(made.status).toBe(201)
    expect(schema.memoryAnswer.parse(made.json)).toMatchObject({
      content: 'Prefers tabs',
      category: 'work_habits',
      status: 'approved',
      pinned: true,
      confidence: 1,
      source: 'manual',
      origin: 'user',
      namespace: 'default',
      metadata: { from: 'a test', nested: { list: [1, null, true] } },
    })
    const path = `/memories/${made.json.id}`
    expect((await call('GET', path)).json).toEqual(made.json)

    const changed = await call('PATCH', path, { content: 'Prefers spaces', pinned: false })
    expect(changed.status).toBe(200)
    expect(changed.json).toMatchObject({ content: 'Prefers spaces', pinned: false })

    expect((await call('DELETE', path)).status).toBe(204)
    expect((await call('GET', path)).status).toBe(404)
    expect((await call('DELETE', path)).status).toBe(404)
  })

  test('that say the same are one, and that is said', async () => {
    const first = await call('POST', '/memories', { content: 'Lives in Porto' })
    const again = await call('POST', '/memories', { content: 'lives in  porto.' })
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.json.id).toBe(first.json.id)
    expect(again.json).toMatchObject({ category: 'profile', changed: [] })
  })

  test('that are known take over what is said anew, and the answer names it', async () => {
    const content = 'The office is on Mill Street'
    const first = await call('POST', '/memories', { content })
    expect(first.json).toMatchObject({ category: 'general', expires_at: null })
    const more = { category: 'Work', expires_at: '2999-01-01', metadata: { ticket: 7 } }
    const again = await call('POST', '/memories', { content, ...more })
    expect(schema.addedMemory.parse(again.json)).toMatchObject({
      id: first.json.id,
      category: 'work',
      expires_at: '2999-01-01T00:00:00.000Z',
      metadata: { ticket: 7 },
      changed: ['category', 'expires_at', 'metadata'],
    })
    const { json: undone } = await call('POST', '/memories/undo', { target: first.json.id })
    expect(undone.events[0].after).toMatchObject({ category: 'general', metadata: {} })
  })

  test('are listed by pages, filters and words', async () => {
    const namespace = 'pages'
    for (let i = 0; i < 25; i++) {
      await add(`Fact number ${i}`, { namespace, category: i % 2 ? 'odd' : 'even' })
    }
    const page = (query: string) => call('GET', `/memories?namespace=${namespace}&${query}`)
    const first = (await page('limit=10')).json
    expect(schema.memoryPage.parse(first)).toMatchObject({ total: 25, limit: 10, offset: 0 })
    const second = (await page('limit=10&offset=10')).json
    const third = (await page('limit=10&offset=20')).json
    const all = [first, second, third].flatMap(contents)
    expect(new Set(all).size).toBe(25)
    expect(contents((await page('limit=2&direction=asc')).json)).toEqual([
      'Fact number 0',
      'Fact number 1',
    ])
    expect((await page('category=odd')).json.total).toBe(12)
    expect(contents((await page('search=number+7')).json)).toEqual(['Fact number 7'])
    expect((await page('status=pending')).json.total).toBe(0)
    expect((await page('status=all')).json.total).toBe(25)
  })

  test('are found by a paraphrase, and nothing is found for what nobody said', async () => {
    const namespace = 'search'
    await add('User is allergic to peanuts', { namespace })
    await add('User works on a compiler called Atlas', { namespace })
    await daemon.settled()
    const search = async (query: string, more: object = {}) =>
      (await call('POST', '/memories/search', { query, namespace, ...more })).json
    const found = schema.searchAnswer.parse(await search('Which nuts can I not eat?'))
    expect(found.results[0]!.memory.content).toBe('User is allergic to peanuts')
    expect(found.results[0]!.score).toBeGreaterThanOrEqual(0.5)
    expect(found.results[0]!.score).toBeLessThanOrEqual(1)
    expect((await search('Convert 72 F to C')).results).toEqual([])
    const explained = await search('peanuts', { explain: true })
    expect(Object.keys(explained.results[0].parts)).toEqual([
      'lexical',
      'cosine',
      'evidence',
      'fused',
      'notes',
    ])
    // What was considered and left out says why.
    const { candidates, boundary } = await search('Convert 72 F to C', { explain: true })
    expect(candidates.map((one: { reason: string }) => one.reason)).toContain('nothing relevant')
    expect(candidates[0].parts.evidence).toBeLessThan(boundary.memory)
    const { json: pinned } = await call('POST', '/memories', {
      content: 'Answers should be short',
      pinned: true,
      namespace,
    })
    const always = await search('Convert 72 F to C', { pinned: true })
    expect(always.results.map(({ memory }: { memory: { id: string } }) => memory.id)).toEqual([
      pinned.id,
    ])
    await call('DELETE', `/memories/${pinned.id}`)
    const everything = await search('Convert 72 F to C', { threshold: 0, limit: 20 })
    expect(everything.results.length).toBeLessThanOrEqual(2)
  })

  test('are measured without a trace, when no receipt is asked for', async () => {
    const search = async (query: string, more: object = {}) =>
      (await call('POST', '/memories/search', { query, namespace: 'search', ...more })).json
    const logged = async () =>
      (await call('GET', '/logs?kind=search&namespace=search&limit=100')).json.logs.map(
        (log: { query: string }) => log.query,
      )
    expect((await search('a quiet question', { receipt: false })).receipt_id).toBe('')
    // The receipt of the one after it is written after its own would be.
    expect((await search('a loud question')).receipt_id).toStartWith('rcp_')
    const late = Date.now() + 20_000
    while (!(await logged()).includes('a loud question') && Date.now() < late) await Bun.sleep(5)
    expect(await logged()).toContain('a loud question')
    expect(await logged()).not.toContain('a quiet question')
  })

  test.each([
    'AND OR NOT NEAR(',
    '"unclosed',
    'peanuts* ^allergic',
    "'; drop table memories; --",
    '% _ \\',
    '(((((((((((',
    '***',
    '🤷',
    'content:peanuts -user',
  ])('take %p as plain words', async (query) => {
    const { status } = await call('POST', '/memories/search', { query, namespace: 'search' })
    expect(status).toBe(200)
    const listed = await call('GET', `/memories?search=${encodeURIComponent(query)}`)
    expect(listed.status).toBe(200)
  })

  test('keep their history, and changes are taken back', async () => {
    const { id } = await add('Drinks coffee')
    await call('PATCH', `/memories/${id}`, { content: 'Drinks tea' })
    const history = (await call('GET', `/memories/${id}/history`)).json
    expect(schema.eventList.parse(history).events.map(({ kind }) => kind)).toEqual([
      'added',
      'updated',
    ])
    expect((await call('POST', '/memories/undo', {})).json.events).toHaveLength(1)
    expect((await call('GET', `/memories/${id}`)).json.content).toBe('Drinks coffee')
    await call('DELETE', `/memories/${id}`)
    expect((await call('GET', `/memories/${id}/history`)).json.events).toHaveLength(4)
    await call('POST', '/memories/undo', { target: id })
    expect((await call('GET', `/memories/${id}`)).json.content).toBe('Drinks coffee')
  })

  test('wait for review when they are pending, and are found once approved', async () => {
    const namespace = 'review'
    const { id } = await add('Owns a red bicycle', { namespace })
    await call('PATCH', `/memories/${id}`, { status: 'pending' })
    const waiting = (await call('GET', '/memories/review?namespace=review')).json
    expect(contents(waiting)).toEqual(['Owns a red bicycle'])
    const search = async () =>
      (await call('POST', '/memories/search', { query: 'red bicycle', namespace })).json.results
    expect(await search()).toEqual([])
    const approved = await call('PATCH', `/memories/${id}`, { status: 'approved' })
    expect(approved.json.last_confirmed).not.toBeNull()
    expect(await search()).toHaveLength(1)
  })

  test('are all deleted at once, in one namespace, and brought back at once', async () => {
    const namespace = 'wipe'
    await add('One', { namespace })
    await add('Two', { namespace })
    const others = (await call('GET', '/memories?status=all')).json.total
    expect((await call('DELETE', '/memories?namespace=wipe')).status).toBe(204)
    expect((await call('GET', '/memories?namespace=wipe')).json.total).toBe(0)
    expect((await call('GET', '/memories?status=all')).json.total).toBe(others)
    await call('POST', '/memories/undo', {})
    expect((await call('GET', '/memories?namespace=wipe')).json.total).toBe(2)
  })

  test('of others are as unknown as those that never were', async () => {
    const { id } = await add('A secret of Ada')
    const other = await daemon.newUser('grace')
    const unknown = 'mem_00000000000000000000000000'
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { content: 'Mine now' }],
      ['DELETE', '', undefined],
      ['GET', '/history', undefined],
      ['GET', '/source', undefined],
    ] as const) {
      const ask = (memory: string) =>
        call(method, `/memories/${memory}${suffix}`, body, { key: other })
      const [foreign, none] = [await ask(id), await ask(unknown)]
      expect(foreign.status).toBe(404)
      expect(foreign.text.replaceAll(id, '…')).toBe(none.text.replaceAll(unknown, '…'))
    }
    const listed = await call('GET', '/memories?status=all&limit=100', undefined, { key: other })
    expect(listed.text).not.toContain('secret of Ada')
    const undone = await call('POST', '/memories/undo', { target: id }, { key: other })
    expect(undone.status).toBe(404)
    expect((await call('GET', `/memories/${id}`)).json.content).toBe('A secret of Ada')
  })

  test('that contradict each other are a conflict, decided once', async () => {
    const namespace = 'conflict'
    await add('User is vegetarian', { namespace })
    await call('POST', '/memories/capture', { namespace, user_message: 'I am not vegetarian.' })
    const open = (await call('GET', '/memories/conflicts?namespace=conflict')).json
    const [conflict] = schema.conflictPage.parse(open).conflicts
    expect(conflict!.existing_memory.content).toBe('User is vegetarian')
    const resolve = (resolution: string) =>
      call('POST', `/memories/conflicts/${conflict!.id}/resolve`, { resolution })
    const resolved = await resolve('accept_new')
    expect(resolved.json).toMatchObject({ status: 'resolved', resolution: 'accept_new' })
    expect((await resolve('keep_old')).status).toBe(404)
    const approved = (await call('GET', '/memories?namespace=conflict')).json
    expect(contents(approved)).toEqual([conflict!.proposed_memory.content])
  })
})
