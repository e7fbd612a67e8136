/**
 * What the nearest memory proxy was seen to get wrong, shown absent here: over HTTP, against a provider that
 * tells what reached it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI, { APIError } from 'openai'
import { VENDOR_NAMES, type VendorName } from '../../providers/vendors.ts'
import { readConfig } from '../config.ts'
import { type Daemon, startDaemon } from '../daemon.ts'
import { builtExecutable, type Install, openInstall, until } from '../fixtures/executable.ts'
import {
  type RecordingUpstream,
  startRecordingUpstream,
  upstreamEnv,
} from '../fixtures/recording-upstream.ts'

setDefaultTimeout(60_000)

type Memory = { id: string; content: string; status: string }
type Turn = { role: string; content: string; truncated: boolean }
type Said = { text: string; isWhole: boolean; injected: number; conversationId: string }
type Content = string | { type: 'text'; text: string }[]

let upstream: RecordingUpstream
let daemon: Daemon
let key: string
const home = mkdtempSync(join(tmpdir(), 'engram-rival-'))

beforeAll(async () => {
  upstream = await startRecordingUpstream()
  const env = { ...upstream.env, ENGRAM_HOME: home, ENGRAM_PORT: '0', ENGRAM_LOG_LEVEL: 'silent' }
  daemon = await startDaemon(readConfig({ env }))
  key = readFileSync(join(home, 'local.key'), 'utf8').trim()
  await until('the embedder is ready', async () => (await fetch(`${daemon.url}/ready`)).ok)
})
afterAll(async () => {
  await daemon.stop()
  await upstream.stop()
  rmSync(home, { recursive: true, force: true })
})
afterEach(() => upstream.cutAfter(null))

/** A person with memories of their own, so that no test finds another one's. */
type Person = Readonly<{
  headers: Record<string, string>
  chat(content: Content, options?: ChatOptions): Promise<Said>
  memories(): Promise<Memory[]>
  /** undefined while nothing of the conversation is kept. */
  turns(conversationId: string): Promise<Turn[] | undefined>
}>
type ChatOptions = {
  vendor?: VendorName
  stream?: boolean
  conversationId?: string
  /** Called in the moment in which the last byte that matters has come. */
  atLastByte?: () => void
}

async function newPerson(): Promise<Person> {
  const made = await fetch(`${daemon.url}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-engram-key': key },
    body: JSON.stringify({ external_id: crypto.randomUUID() }),
  })
  const { api_key: apiKey } = (await made.json()) as { api_key: string }
  const headers = { 'content-type': 'application/json', 'x-engram-key': apiKey }
  const read = async <T>(path: string) =>
    (await (await fetch(daemon.url + path, { headers })).json()) as T
  return {
    headers,
    chat: (content, options) => chat(daemon.url, headers, content, options),
    memories: async () =>
      (await read<{ memories: Memory[] }>('/memories?limit=100&status=all')).memories,
    turns: async (id) => (await read<{ turns?: Turn[] }>(`/conversations/${id}`)).turns,
  }
}

/** One question, its answer read as far as it comes. */
async function chat(
  url: string,
  headers: Record<string, string>,
  content: Content,
  { vendor = 'openai', stream = false, conversationId, atLastByte }: ChatOptions = {},
): Promise<Said> {
  const answer = await fetch(`${url}/v1/chat`, {
    method: 'POST',
    headers: {
      ...headers,
      'x-engram-provider': vendor,
      ...(conversationId ? { 'x-engram-conversation-id': conversationId } : {}),
    },
    body: JSON.stringify({ model: 'some-model', stream, messages: [{ role: 'user', content }] }),
  })
  expect(answer.status).toBe(200)
  const injected = Number(answer.headers.get('x-engram-memories-injected'))
  const id = answer.headers.get('x-engram-conversation-id')!
  const decoder = new TextDecoder()
  let text = ''
  const isWhole = () => (stream ? text.includes('data: [DONE]\n\n') : isJson(text))
  try {
    for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(bytes, { stream: true })
      if (isWhole()) atLastByte?.()
    }
  } catch (error) {
    // An answer that breaks off is what some tests are about; they look at `isWhole`.
    if (isWhole() && !atLastByte) throw error
  }
  return { text, isWhole: isWhole(), injected, conversationId: id }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const lastRequest = () => JSON.stringify(upstream.requests.at(-1))

const learned = (person: Person, words: string) =>
  until(`a memory with "${words}"`, async () =>
    (await person.memories()).find(({ content }) => content.includes(words)),
  )

describe.each([...VENDOR_NAMES])('a fact said to %s', (vendor) => {
  test.each([false, true])('is in the very next request (stream: %p)', async (stream) => {
    const person = await newPerson()
    await person.chat('My sister is called Nadia.', { vendor, stream })
    const next = await person.chat('What is my sister called?', { vendor, stream })
    expect(next.injected).toBe(1)
    expect(lastRequest()).toContain('Nadia')
  })

  test('becomes a memory by itself, which later requests carry', async () => {
    const person = await newPerson()
    await person.chat('My sister is called Nadia.', { vendor })
    const memory = await learned(person, 'Nadia')
    expect(memory.status).toBe('approved')
    await person.chat('What is my sister called?', { vendor })
    expect(lastRequest()).toContain(memory.content)
  })

  test('is heard in content given as a list of parts, and such a question carries memory', async () => {
    const parts = (text: string) => [{ type: 'text' as const, text }]
    const person = await newPerson()
    await person.chat(parts('My sister is called Nadia.'), { vendor })
    await learned(person, 'Nadia')
    const { injected } = await person.chat(parts('What is my sister called?'), { vendor })
    expect(injected).toBe(1)
    expect(lastRequest()).toContain('Nadia')
  })

  test('is kept when the answer breaks off, and learned', async () => {
    const person = await newPerson()
    upstream.cutAfter(400)
    const words = 'My sister is called Nadia.'
    const { isWhole, conversationId } = await person.chat(words, { vendor, stream: true })
    expect(isWhole).toBe(false)
    const turns = await until('the exchange is kept', async () => {
      const kept = await person.turns(conversationId)
      return kept && kept.length > 0 && kept
    })
    expect(turns[0]).toMatchObject({ role: 'user', content: words })
    for (const answered of turns.slice(1)) expect(answered.truncated).toBe(true)
    await learned(person, 'Nadia')
  })
})

test('a fact is learned while the chat goes on without a pause', async () => {
  const person = await newPerson()
  const { conversationId } = await person.chat('My sister is called Nadia.')
  let isLearned = false
  let chats = 0
  const goOn = async () => {
    while (!isLearned) {
      await person.chat(`Count to ${++chats}.`, { conversationId, stream: true })
    }
  }
  const chatting = Promise.all([goOn(), goOn()])
  try {
    await learned(person, 'Nadia')
  } finally {
    isLearned = true
    await chatting
  }
})

describe('what is no business of memory', () => {
  // Of many kinds, and several share words with what is known.
  const UNRELATED = [
    'Convert 72 F to C',
    'explain quicksort',
    'What is the capital of Australia?',
    'Write a regular expression that matches an IPv4 address.',
    'Translate "good morning" into Japanese.',
    'Why is the sky blue?',
    'Fix this: for i in range(10) print(i)',
    'How many moons does Jupiter have?',
    'Summarise the plot of Hamlet in two sentences.',
    'What does HTTP status 418 mean?',
    'Give me a haiku about autumn.',
    'Is 391 a prime number?',
    'How do I undo the last commit in git?',
    'What is the difference between TCP and UDP?',
    'Who painted the Mona Lisa?',
    'SELECT name FROM cities WHERE population > 1000000',
    'Integrate x squared from 0 to 3.',
    'What is the boiling point of ethanol?',
    'Name three sorting algorithms that are stable.',
    'When did the Berlin Wall fall?',
    'hello',
    'thanks, that helps',
    'Explain the borrow checker to a beginner.',
    'What is 15 % of 240?',
    'List the planets by size.',
  ]
  const KNOWN = [
    'My sister is called Nadia.',
    'I work as a nurse in Lisbon.',
    'I prefer tabs over spaces.',
    'I am allergic to peanuts.',
    'My dog is called Rex.',
    'I love hiking in the Alps.',
    'I drink oat milk in my coffee.',
    'My project Zephyr is written in Rust.',
    'I play the cello.',
    'I live in Porto.',
  ]

  test('goes out as it came in, without memory', async () => {
    const person = await newPerson()
    for (const statement of KNOWN) await person.chat(statement)
    await until(
      'all of it is learned',
      async () => (await person.memories()).length >= KNOWN.length,
    )
    const carried: string[] = []
    for (const question of UNRELATED) {
      const { injected } = await person.chat(question)
      if (injected > 0) carried.push(question)
      else expect(upstream.requests.at(-1)!.messages).toEqual([{ role: 'user', content: question }])
    }
    expect(carried).toEqual([])
  })
})

describe('what is said', () => {
  test.each([
    ["I'm Sam", 'Sam'],
    ['Could you remember that my sister is called Nadia?', 'Nadia'],
  ])('%p is learned', async (words, name) => {
    const person = await newPerson()
    await person.chat(words)
    expect((await learned(person, name)).status).toBe('approved')
  })

  test('"What\'s the name of my pet?" is not', async () => {
    const person = await newPerson()
    await person.chat("What's the name of my pet?")
    // Turns of one person are read in order: once this is learned, the question has been read.
    await person.chat("I'm Sam")
    await learned(person, 'Sam')
    expect((await person.memories()).map(({ content }) => content)).not.toContainEqual(
      expect.stringContaining('pet'),
    )
    expect(await person.memories()).toHaveLength(1)
  })
})

describe.each([...VENDOR_NAMES])('when %s is down', (vendor) => {
  let deaf: Daemon
  const deafHome = mkdtempSync(join(tmpdir(), 'engram-rival-'))
  beforeAll(async () => {
    const env = { ENGRAM_HOME: deafHome, ENGRAM_PORT: '0', ENGRAM_LOG_LEVEL: 'silent' }
    // Nothing listens on the port of the discard service.
    deaf = await startDaemon(readConfig({ env: { ...env, ...upstreamEnv('http://127.0.0.1:9') } }))
  })
  afterAll(async () => {
    await deaf.stop()
    rmSync(deafHome, { recursive: true, force: true })
  })

  test.each([false, true])('a chat gets a 502 in OpenAI’s form (stream: %p)', async (stream) => {
    const client = new OpenAI({
      baseURL: `${deaf.url}/v1`,
      apiKey: 'the-clients-own',
      maxRetries: 0,
      defaultHeaders: { 'x-engram-provider': vendor },
    })
    const asking = client.chat.completions.create({
      model: 'some-model',
      stream,
      messages: [{ role: 'user', content: 'Hello?' }],
    })
    const error = await asking.then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(APIError)
    const { status, message, code } = error as APIError
    expect(status).toBe(502)
    expect(code).toBe('engram_upstream')
    expect(message).toContain('127.0.0.1:9')
    expect(message).toContain('refused')
  })
})

describe('kill -9 right after the last byte', () => {
  let install: Install
  beforeAll(async () => {
    install = await openInstall(builtExecutable(), { ...upstream.env, ENGRAM_LOG_LEVEL: 'warn' })
  })
  afterAll(() => install.remove())

  const ROUNDS = 6
  test.each([false, true])('loses nothing (stream: %p)', async (stream) => {
    const names = Array.from({ length: ROUNDS }, (_, i) => `Pet${stream ? 'S' : 'J'}${i}`)
    const said: { words: string; conversationId: string }[] = []
    for (const name of names) {
      const words = `I enjoy the music of ${name}.`
      const served = await install.serve()
      const headers = { 'content-type': 'application/json', 'x-engram-key': install.key() }
      let killed: Promise<void> | null = null
      const { isWhole, conversationId } = await chat(served.url, headers, words, {
        stream,
        atLastByte: () => {
          killed ??= served.kill()
        },
      })
      expect(isWhole).toBe(true)
      await killed
      said.push({ words, conversationId })
    }
    const served = await install.serve()
    for (const { words, conversationId } of said) {
      const answer = await served.ask('GET', `/conversations/${conversationId}`)
      const { turns } = (await answer.json()) as { turns: Turn[] }
      expect(turns.map(({ role, truncated }) => ({ role, truncated }))).toEqual([
        { role: 'user', truncated: false },
        { role: 'assistant', truncated: false },
      ])
      expect(turns[0]!.content).toBe(words)
    }
    const contents = await until('every fact is learned', async () => {
      const answer = await served.ask('GET', '/memories?limit=100&status=all')
      const { memories } = (await answer.json()) as { memories: Memory[] }
      const found = memories.map(({ content }) => content)
      return names.every((name) => found.some((content) => content.includes(name))) && found
    })
    for (const name of names) {
      expect(contents.filter((content) => content.includes(name))).toHaveLength(1)
    }
    await served.kill()
  })
})
