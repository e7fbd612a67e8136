import { deepEqual, equal, match } from 'node:assert/strict'
import type { Part } from './report.ts'

/** Two users of one daemon: nothing of one reaches the other, by any way there is. */
export const isolation: Part = async ({ step, open }) => {
  const install = await open()
  const served = await install.serve({ args: ['--demo'] })
  const newUser = async (externalId: string) => {
    const { api_key: key } = (await (
      await served.ask('POST', '/users', { external_id: externalId })
    ).json()) as { api_key: string }
    const ask = (method: string, path: string, body?: unknown) =>
      served.ask(method, path, body, { 'x-engram-key': key })
    const chat = (content: string) =>
      ask('POST', '/v1/chat', { model: 'demo', messages: [{ role: 'user', content }] })
    return { ask, chat }
  }
  const ana = await newUser('ana')
  const ben = await newUser('ben')
  const secret = 'My cat is called Mozart.'
  const added = await ana.ask('POST', '/memories', { content: secret })
  const { id } = (await added.json()) as { id: string }
  const chatted = await ana.chat(secret)
  const conversation = chatted.headers.get('x-engram-conversation-id')!
  const receipt = chatted.headers.get('x-engram-receipt')!

  await step('the other user finds nothing', async () => {
    const list = (await (await ben.ask('GET', '/memories?status=all')).json()) as { total: number }
    const search = (await (
      await ben.ask('POST', '/memories/search', { query: 'What is my cat called?', threshold: 0 })
    ).json()) as { results: unknown[]; turns: unknown[] }
    const exported = await (await ben.ask('GET', '/memories/export')).text()
    const events = (await (await ben.ask('GET', '/events')).json()) as { events: unknown[] }
    deepEqual(
      [list.total, search.results, search.turns, exported, events.events],
      [0, [], [], '', []],
    )
    return 'list, search with threshold 0, export and journal are empty'
  })
  await step('knows no id of the first', async () => {
    const paths = [
      ['GET', `/memories/${id}`],
      ['GET', `/memories/${id}/history`],
      ['GET', `/memories/${id}/source`],
      ['PATCH', `/memories/${id}`, { content: 'changed' }],
      ['DELETE', `/memories/${id}`],
      ['GET', `/conversations/${conversation}`],
      ['DELETE', `/conversations/${conversation}`],
      ['GET', `/logs/${receipt}`],
    ] as const
    for (const [method, path, body] of paths) {
      equal((await ben.ask(method, path, body)).status, 404, `${method} ${path}`)
    }
    return `${paths.length} ways to ask, each 404`
  })
  await step('gets nothing of it into a chat', async () => {
    const answer = await ben.chat('What is my cat called?')
    equal(answer.headers.get('x-engram-memories-injected'), '0')
    equal(/Mozart/.test(await answer.text()), false)
    return 'X-Engram-Memories-Injected: 0'
  })
  await step('while the first still has it', async () => {
    const answer = await ana.chat('What is my cat called?')
    match(await answer.text(), /Mozart/)
    const { content } = (await (await ana.ask('GET', `/memories/${id}`)).json()) as {
      content: string
    }
    equal(content, secret)
    return `"${content}"`
  })
}
