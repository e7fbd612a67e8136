import { deepEqual, equal, match, ok } from 'node:assert/strict'
import OpenAI from 'openai'
import { until } from '../../daemon/fixtures/executable.ts'
import type { Part } from './report.ts'

type Chat = Readonly<{ text: string; headers: Headers }>
type Memory = { id: string; content: string; status: string }

/** Installed, started and used with no key: what is said comes back by itself, and `why` shows how. */
export const demo: Part = async ({ step, open }) => {
  const install = await open()

  await step('engram --version', async () => {
    const { code, out } = await install.run(['--version'])
    equal(code, 0)
    return out.trim()
  })

  const served = await install.serve({ args: ['--demo'] })
  await step('engram serve --demo in an empty home', async () => {
    const health = await fetch(`${served.url}/health`)
    equal(health.status, 200)
    return `${served.url} answers after ${served.startMs.toFixed(0)} ms, natives unpacked: ${await health.text()}`
  })
  await step('GET /ready', async () => {
    const answer = await until('it is ready', async () => {
      const ready = await fetch(`${served.url}/ready`)
      return ready.status === 200 && ready.text()
    })
    return answer
  })

  const client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: 'none-needed', maxRetries: 0 })
  /** The contract's own endpoint, by the official client. */
  const chat = async (content: string, headers = {}): Promise<Chat> => {
    const { data, response } = await client
      .post<OpenAI.ChatCompletion>('/chat', {
        body: { model: 'demo', messages: [{ role: 'user', content }] },
        headers,
      })
      .withResponse()
    return { text: data.choices[0]!.message.content!, headers: response.headers }
  }
  const injected = ({ headers }: Chat) => Number(headers.get('x-engram-memories-injected'))

  await step('the openai client states two facts', async () => {
    const first = await chat('My sister is called Nadia.')
    match(first.text, /demo answer/)
    equal(injected(first), 0)
    match(first.headers.get('x-engram-conversation-id')!, /^conv_/)
    await chat('I prefer tabs over spaces.')
    return JSON.stringify(first.text)
  })
  await step('engram memories list, nothing approved by hand', async () => {
    const contents = await until('both facts are memories', async () => {
      const { out } = await install.run(['memories', 'list', '--json'])
      const { memories } = JSON.parse(out) as { memories: Memory[] }
      return memories.length >= 2 && memories.map(({ content }) => content).sort()
    })
    deepEqual(contents, ['User prefers tabs over spaces', "User's sister is called Nadia"])
    return contents.join(' | ')
  })
  let told = ''
  await step('the next chat carries the fact', async () => {
    const next = await chat('What is my sister called?')
    equal(injected(next), 1)
    equal(next.headers.get('x-engram-memory'), 'used')
    match(next.text, /User's sister is called Nadia/)
    told = next.headers.get('x-engram-receipt')!
    return `X-Engram-Memories-Injected: 1; ${JSON.stringify(next.text)}`
  })
  await step('the same as a stream, by the usual call', async () => {
    const stream = await client.chat.completions.create({
      model: 'demo',
      stream: true,
      messages: [{ role: 'user', content: 'What is my sister called?' }],
    })
    let text = ''
    let frames = 0
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      frames++
    }
    match(text, /User's sister is called Nadia/)
    return `${frames} frames`
  })
  await step('engram why', async () => {
    const { code, out } = await install.run(['why', 'last'])
    equal(code, 0)
    match(out, /asked: What is my sister called\?/)
    match(out, /in +\d\.\d\d +\S+ +User's sister is called Nadia/)
    match(out, /out +\d\.\d\d +\S+ +User prefers tabs over spaces/)
    const log = JSON.parse((await install.run(['why', told, '--json'])).out)
    equal(log.id, told)
    equal(log.injected, 1)
    return out.trim().split('\n').slice(0, 5).join(' / ')
  })
  await step('an unrelated question carries nothing', async () => {
    const other = await chat('Convert 72 F to C')
    equal(injected(other), 0)
    equal(other.headers.get('x-engram-memory'), 'none')
    return JSON.stringify(other.text)
  })
  await step('X-Engram-Memory: off leaves the request alone', async () => {
    const off = await chat('What is my sister called?', { 'x-engram-memory': 'off' })
    equal(injected(off), 0)
    match(off.headers.get('x-engram-memory')!, /^skipped/)
    match(off.text, /I was given no memory/)
    return off.headers.get('x-engram-memory')!
  })
  await step('limits of one user hold for that user', async () => {
    const made = await served.ask('POST', '/users', { external_id: 'careful' })
    const { api_key: key } = (await made.json()) as { api_key: string }
    const own = { 'x-engram-key': key }
    for (const content of ['Likes tea', 'Likes strong black tea', 'Likes tea with milk']) {
      equal((await served.ask('POST', '/memories', { content }, own)).status, 201)
    }
    const ask = async (settings: object) => {
      equal((await served.ask('PATCH', '/users/me/config', settings, own)).status, 200)
      return injected(await chat('Which tea do I like?', own))
    }
    const counts = [
      await ask({ max_memories_injected: 1, retrieval_threshold: 0 }),
      await ask({ max_memories_injected: 3 }),
      await ask({ retrieval_threshold: 1 }),
    ]
    deepEqual(counts, [1, 3, 0])
    equal(injected(await chat('What is my sister called?')), 1)
    return 'injected 1 at most 1, 3 at most 3, 0 from score 1'
  })
  await step('one receipt for each chat that memory took part in', async () => {
    const { out } = await install.run(['status', '--json'])
    const { data } = JSON.parse(out) as { data: { receipts: number } }
    // Two facts, three questions about the sister, one unrelated, three of the careful user: off has none.
    equal(data.receipts, 9)
    return '9 receipts of 10 chats; the tenth had memory off'
  })
  await step('undo takes the last change back', async () => {
    const list = async () =>
      JSON.parse((await install.run(['memories', 'list', '--json'])).out).memories as Memory[]
    const sister = (await list()).find(({ content }) => content.includes('Nadia'))!
    const removed = await install.run(['memories', 'rm', sister.id, '--yes'])
    equal(removed.code, 0, removed.err)
    equal(injected(await chat('What is my sister called?')), 0)
    const undone = await install.run(['memories', 'undo', '--yes'])
    equal(undone.code, 0, undone.err)
    ok((await list()).some(({ id }) => id === sister.id))
    equal(injected(await chat('What is my sister called?')), 1)
    return 'removed: not carried; undone: carried again'
  })
  await step('engram stop', async () => {
    const { code, out } = await install.run(['stop'])
    equal(code, 0)
    return out.trim()
  })
}
