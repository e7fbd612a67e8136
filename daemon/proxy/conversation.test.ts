/** What becomes of a conversation over several requests: what stands in it, and what is kept of it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readConfig } from '../config.ts'
import { startDaemon } from '../daemon.ts'
import {
  blockOf,
  type HeaderFields,
  type Person,
  type Proxying,
  startProxying,
} from './fixtures/proxying.ts'

setDefaultTimeout(60_000)

let proxying: Proxying
beforeAll(async () => {
  proxying = await startProxying()
})
afterAll(() => proxying?.stop())

const TEA = 'User drinks green tea every morning'
const DOG = 'User has a dog called Rex'
const CLAUDE_CODE: HeaderFields = { 'user-agent': 'claude-cli/2.1.330 (external, cli)' }

// biome-ignore lint/suspicious/noExplicitAny: bodies as clients write them
type Body = any

/** Answers in Anthropic's form, or in OpenAI's, with the next of these texts. */
function answers(...texts: readonly (string | object)[]): void {
  const left = [...texts]
  proxying.upstream.play((answer, { target }) => {
    const next = left.shift() ?? 'Fine.'
    const body =
      typeof next === 'object'
        ? next
        : target.includes('/messages')
          ? { content: [{ type: 'text', text: next }], stop_reason: 'end_turn' }
          : target.includes('/responses')
            ? {
                id: `resp_${left.length}`,
                status: 'completed',
                output: [{ type: 'message', content: [{ type: 'output_text', text: next }] }],
              }
            : { choices: [{ message: { content: next }, finish_reason: 'stop' }] }
    return answer.whole(200, { 'Content-Type': 'application/json' }, JSON.stringify(body))
  })
}

const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })
const text = (words: string, more: object = {}) => ({ type: 'text', text: words, ...more })
const chat = (...messages: readonly object[]) => ({ model: 'm', messages })
const anthropic = (...messages: readonly object[]) => ({
  model: 'claude',
  max_tokens: 500,
  messages,
})

const CALL = {
  role: 'assistant',
  content: [{ type: 'tool_use', id: 't1', name: 'read', input: {} }],
}
const RESULT = {
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: 't1', content: 'text' }],
}

const send = (person: Person, path: string, body: Body, headers: HeaderFields = {}) =>
  proxying.send(path, body, person.headers(headers))
const turns = async (person: Person, sent: { headers: Headers }) => {
  const id = sent.headers.get('x-engram-conversation-id')
  const { json } = await person.call('GET', `/conversations/${id}`)
  return json.turns.map(({ role, content }: { role: string; content: string }) => [role, content])
}
const learned = async (person: Person): Promise<string[]> => {
  await proxying.running.settled()
  const { json } = await person.call('GET', '/memories')
  return json.memories.map(({ content }: { content: string }) => content)
}

/** What a model sees of a message, whatever the form in which it came. */
function seen(message: Body): string {
  const parts = typeof message.content === 'string' ? [text(message.content)] : message.content
  return JSON.stringify([
    message.role,
    parts.map(({ cache_control: _marker, ...part }: Body) => part),
  ])
}

describe('a conversation', () => {
  test('only ever grows for the provider, whatever forms and markers the client changes', async () => {
    const ann = await proxying.person(TEA, DOG)
    answers('Green tea.', 'Rex.', 'Gladly.')
    const marker = { cache_control: { type: 'ephemeral' } }
    const reminder = text('<system-reminder>\nTools may change.\n</system-reminder>')
    const first = [
      user([reminder, text('Which tea do I drink?', marker)]),
      { role: 'system', content: 'x' },
    ]
    const second = [
      user([reminder, text('Which tea do I drink?')]),
      { role: 'system', content: [text('x')] },
      assistant([text('Green tea.')]),
      user([text('And what is my dog called?', marker)]),
    ]
    const third = [
      ...second.slice(0, 2),
      assistant('Green tea.'),
      user('And what is my dog called?'),
      assistant([text('Rex.')]),
      user([text('Thank you!', marker)]),
    ]
    const sent: Body[] = []
    let conversation: string | null = null
    for (const messages of [first, second, third]) {
      const answer = await send(ann, '/v1/messages?beta=true', anthropic(...messages), CLAUDE_CODE)
      expect(answer.memory).toBe('used')
      conversation ??= answer.headers.get('x-engram-conversation-id')
      expect(answer.headers.get('x-engram-conversation-id')).toBe(conversation)
      sent.push(proxying.lastBody().messages.filter(({ role }: Body) => role !== 'system'))
    }
    for (const [i, messages] of sent.entries()) {
      const before = (sent[i - 1] ?? []).map(seen)
      expect(messages.map(seen).slice(0, before.length)).toEqual(before)
    }
    const all = JSON.stringify(sent[2])
    expect(all.match(/green tea every morning/g)).toHaveLength(1)
    expect(all.match(/dog called Rex/g)).toHaveLength(1)
    expect(await learned(ann)).toHaveLength(2)
  })

  test('is asked once for each question, not for each step of an agent', async () => {
    const ann = await proxying.person(TEA)
    const call = {
      content: [text('Let me look.'), { type: 'tool_use', id: 't1', name: 'read', input: {} }],
      stop_reason: 'tool_use',
    }
    answers(call, call, 'You drink green tea.')
    const question = user('Which tea do I drink?')
    const first = await send(ann, '/v1/messages', anthropic(question))
    const block = blockOf(proxying.last())
    // What is remembered meanwhile must not change what the provider has read.
    await ann.call('POST', '/memories', { body: { content: 'User drinks black tea at work' } })
    await proxying.running.settled()
    const second = await send(ann, '/v1/messages', anthropic(question, CALL, RESULT))
    expect(blockOf(proxying.last())).toBe(block)
    expect(second.memory).toBe('used')
    const third = await send(ann, '/v1/messages', anthropic(question, CALL, RESULT, CALL, RESULT))
    expect(blockOf(proxying.last())).toBe(block)
    const ids = [first, second, third].map(({ headers }) => headers.get('x-engram-conversation-id'))
    expect(new Set(ids).size).toBe(1)
    expect(await turns(ann, third)).toEqual([
      ['user', 'Which tea do I drink?'],
      ['assistant', 'You drink green tea.'],
    ])
    const { json } = await ann.call('GET', `/logs/${third.headers.get('x-engram-receipt')}`)
    expect(json).toMatchObject({ query: '', injected: 1 })
  })

  test('stays the same over a restart', async () => {
    const own = await startProxying()
    const headers = { authorization: 'Bearer x', 'x-engram-key': own.running.localKey }
    await own.running.call('POST', '/memories', {
      key: own.running.localKey,
      body: { content: TEA },
    })
    await own.running.settled()
    const question = user('Which tea do I drink?')
    await own.send('/v1/chat/completions', chat(question), headers)
    const block = blockOf(own.last())!
    await own.running.daemon.stop()
    const { ENGRAM_HOME } = { ENGRAM_HOME: own.running.home }
    const again = await startDaemon(
      readConfig({
        env: {
          ENGRAM_HOME,
          ENGRAM_PORT: '0',
          ENGRAM_LOG_LEVEL: 'silent',
          ENGRAM_EMBEDDING_MODEL: 'static',
          ENGRAM_OPENAI_BASE_URL: own.upstream.url,
        },
      }),
    )
    try {
      await fetch(`${again.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(chat(question, assistant('Green.'), user('Thanks'))),
      })
      expect(blockOf(own.last())).toBe(block)
    } finally {
      await again.stop()
      await own.stop()
    }
  })

  test('that begins with the words of another one gets what is known now', async () => {
    const ann = await proxying.person(TEA)
    const question = chat(user('Which tea do I drink in the morning?'))
    answers()
    await send(ann, '/v1/chat/completions', question)
    expect(proxying.last().body.toString()).toContain('green tea')
    const { json } = await ann.call('GET', '/memories')
    await ann.call('PATCH', `/memories/${json.memories[0].id}`, {
      body: { content: 'User drinks white tea every morning' },
    })
    await send(ann, '/v1/chat/completions', question)
    expect(proxying.last().body.toString()).toContain('white tea')
    await ann.call('DELETE', `/memories/${json.memories[0].id}`)
    const { memory } = await send(ann, '/v1/chat/completions', question)
    expect({ memory, block: blockOf(proxying.last()) }).toEqual({ memory: 'none', block: null })
    const later = chat(...question.messages, assistant('None.'), user('Thanks'))
    await send(ann, '/v1/chat/completions', later)
    expect(blockOf(proxying.last())).toBeNull()
  })

  test('no longer holds what was deleted', async () => {
    const ann = await proxying.person(TEA)
    answers('Green.', 'Fine.')
    const question = user('Which tea do I drink?')
    await send(ann, '/v1/chat/completions', chat(question))
    expect(blockOf(proxying.last())).not.toBeNull()
    const { json } = await ann.call('GET', '/memories')
    await ann.call('DELETE', `/memories/${json.memories[0].id}`)
    await send(ann, '/v1/chat/completions', chat(question, assistant('Green.'), user('Thanks')))
    expect(proxying.last().body.toString()).not.toContain('green tea')
  })

  test('of one person, namespace or provider is no other’s', async () => {
    const ann = await proxying.person(TEA)
    const bea = await proxying.person('User likes coffee')
    answers()
    const question = user('Which tea do I drink?')
    await send(ann, '/v1/chat/completions', chat(question))
    const later = chat(question, assistant('Fine.'), user('Thanks'))
    await send(bea, '/v1/chat/completions', later)
    expect(blockOf(proxying.last())).toBeNull()
    await send(ann, '/v1/chat/completions', later, { 'x-engram-namespace': 'work' })
    expect(blockOf(proxying.last())).toBeNull()
    await send(ann, '/ollama/v1/chat/completions', later)
    expect(blockOf(proxying.last())).toBeNull()
    await send(ann, '/v1/chat/completions', later)
    expect(blockOf(proxying.last())).not.toBeNull()
  })

  test('of a hundred turns is still the same one', async () => {
    const ann = await proxying.person(TEA)
    const messages: object[] = []
    const ids = new Set<string | null>()
    answers(...Array.from({ length: 100 }, (_, i) => `Answer ${i}`))
    for (let i = 0; i < 60; i++) {
      messages.push(user(i === 0 ? 'Which tea do I drink?' : `Question number ${i}`))
      const sent = await send(ann, '/v1/chat/completions', chat(...messages))
      ids.add(sent.headers.get('x-engram-conversation-id'))
      messages.push(assistant(`Answer ${i}`))
      expect(proxying.last().body.toString()).toContain('green tea')
    }
    expect(ids.size).toBe(1)
    const { json } = await ann.call('GET', '/conversations')
    expect(json.conversations[0].turns).toBe(120)
  })
})

describe('what the provider keeps itself', () => {
  test('gets its memory once, and is one conversation', async () => {
    const ann = await proxying.person(TEA)
    answers('Green.', 'Yes.', 'Yes.')
    const first = await send(ann, '/v1/responses', { model: 'm', input: 'Which tea do I drink?' })
    expect(proxying.lastBody().input).toStartWith('Which tea do I drink?\n\n<engram-memory>')
    const id = JSON.parse(first.text).id
    const next = { model: 'm', previous_response_id: id, input: [user('yes')] }
    const second = await send(ann, '/v1/responses', next)
    expect(blockOf(proxying.last())).toBeNull()
    const after = JSON.parse(second.text).id
    const third = await send(ann, '/v1/responses', { ...next, previous_response_id: after })
    expect(await turns(ann, third)).toEqual([
      ['user', 'Which tea do I drink?'],
      ['assistant', 'Green.'],
      ['user', 'yes'],
      ['assistant', 'Yes.'],
      ['user', 'yes'],
      ['assistant', 'Yes.'],
    ])
  })

  test('under a name is one conversation as well', async () => {
    const ann = await proxying.person(TEA)
    answers('Green.', 'Again.')
    const body = { model: 'm', conversation: 'conv_at_openai', input: 'Which tea do I drink?' }
    await send(ann, '/v1/responses', body)
    const second = await send(ann, '/v1/responses', {
      ...body,
      conversation: { id: 'conv_at_openai' },
    })
    expect(await turns(ann, second)).toHaveLength(4)
  })
})

describe('memory keeps out', () => {
  test.each<[string, string, Body, HeaderFields, string]>([
    [
      'of an answer that is begun',
      '/v1/messages',
      anthropic(user('Which tea do I drink?'), assistant('{')),
      {},
      'skipped; reason=prefill',
    ],
    [
      'of raw prompts',
      '/api/generate',
      { model: 'm', prompt: 'Which tea do I drink?', raw: true },
      {},
      'skipped; reason=raw',
    ],
    [
      'of gaps to be filled',
      '/api/generate',
      { model: 'm', prompt: 'Which tea do I drink?', suffix: 'end' },
      {},
      'skipped; reason=raw',
    ],
    [
      'of probes',
      '/v1/messages',
      { ...anthropic(user('Which tea do I drink?')), max_tokens: 1 },
      {},
      'skipped; reason=side-call',
    ],
    [
      'of titles',
      '/v1/chat/completions',
      chat(
        user(
          '### Task:\nGenerate a concise title.\n### Chat History:\n<chat_history>\nUSER: Which tea do I drink?\n</chat_history>',
        ),
      ),
      {},
      'skipped; reason=side-call',
    ],
    [
      'of a client’s classifiers',
      '/v1/messages',
      {
        ...anthropic(user('Which tea do I drink?')),
        output_config: { format: { type: 'json_schema' } },
      },
      CLAUDE_CODE,
      'skipped; reason=side-call',
    ],
    [
      'of what a subscription’s token sends',
      '/v1/messages',
      anthropic(user('Which tea do I drink?')),
      { authorization: 'Bearer sk-ant-oat01-x' },
      'skipped; reason=subscription',
    ],
    ['where nobody asks', '/v1/messages', anthropic(RESULT), {}, 'none'],
    [
      'where only tools speak',
      '/v1/chat/completions',
      chat({ role: 'system', content: 'tea' }),
      {},
      'none',
    ],
  ])('%s', async (_, path, body, headers, state) => {
    const ann = await proxying.person(TEA)
    answers()
    const written = JSON.stringify(body)
    const { memory, status } = await send(ann, path, written, headers)
    expect({ memory, status }).toEqual({ memory: state, status: 200 })
    expect(proxying.last().body.toString()).toBe(written)
  })

  test.each([
    '/v1/messages/count_tokens',
    '/v1/embeddings',
    '/api/embed',
    '/v1beta/models/g:countTokens',
  ])('of %s', async (path) => {
    const ann = await proxying.person(TEA)
    answers()
    const body = JSON.stringify({
      input: 'Which tea?',
      ...anthropic(user('Which tea do I drink?')),
    })
    const { memory } = await send(ann, path, body)
    expect(memory).toBeNull()
    expect(proxying.last().body.toString()).toBe(body)
    expect((await ann.call('GET', '/conversations')).json.total).toBe(0)
  })

  test('of a side call that goes on from a conversation, but for what stood there', async () => {
    const ann = await proxying.person(TEA, DOG)
    answers('Green.', 'maybe')
    const question = user('Which tea do I drink?')
    await send(ann, '/v1/messages', anthropic(question), CLAUDE_CODE)
    const block = blockOf(proxying.last())
    const fork = anthropic(
      question,
      assistant('Green.'),
      user('[SUGGESTION MODE: what about my dog?]'),
    )
    const { headers } = await send(ann, '/v1/messages', fork, CLAUDE_CODE)
    expect(blockOf(proxying.last())).toBe(block)
    expect(proxying.last().body.toString()).not.toContain('Rex')
    expect(headers.has('x-engram-receipt')).toBe(false)
    const { json } = await ann.call('GET', '/conversations')
    expect(json.conversations.map((each: { turns: number }) => each.turns)).toEqual([2])
  })

  test('of a side call that begins as a conversation did', async () => {
    const ann = await proxying.person(TEA)
    answers()
    const body = anthropic(user('Which tea do I drink?'))
    await send(ann, '/v1/messages', body, CLAUDE_CODE)
    const title = JSON.stringify({
      ...body,
      system: 'Summarize this coding conversation in under 50 characters.',
    })
    await send(ann, '/v1/messages', title, CLAUDE_CODE)
    expect(proxying.last().body.toString()).toBe(title)
  })
})

describe('the words of a person', () => {
  test('are what is asked, learned and kept: no reminder, no tool, no block of ours', async () => {
    const ann = await proxying.person(TEA)
    answers('Noted: you moved to Bern.')
    const body = anthropic(
      user([
        text('<system-reminder>The user has three cats.</system-reminder>'),
        text('<engram-memory>\n- "User has a yacht"\n</engram-memory>'),
        text('I moved to Bern. Which tea do I drink?'),
      ]),
    )
    const sent = await send(ann, '/v1/messages', body, CLAUDE_CODE)
    expect((await turns(ann, sent))[0]).toEqual(['user', 'I moved to Bern. Which tea do I drink?'])
    // The client brought a block of its own: there is no second one.
    expect(proxying.lastBody()).toEqual(body)
    const memories = (await learned(ann)).join('\n')
    expect(memories).toContain('Bern')
    expect(memories).not.toMatch(/cat|yacht/)
  })

  test('beside a picture are the question, and without any what was said before is', async () => {
    const ann = await proxying.person(TEA, DOG)
    answers('Is this your dog?', 'Nice.', 'Bye.')
    const picture = { type: 'image', source: { type: 'base64', data: 'AAAA' } }
    const first = user([picture, text('Which tea do I drink?')])
    await send(ann, '/v1/messages', anthropic(first))
    expect(blockOf(proxying.last())).toContain('green tea')
    const next = anthropic(first, assistant('Is this your dog?'), user([picture]))
    await send(ann, '/v1/messages', next)
    expect(proxying.lastBody().messages[2].content.at(-1).text).toContain('Rex')
    const block = proxying.lastBody().messages[2].content
    const later = anthropic(...next.messages, assistant('Nice.'), user('Thanks'))
    await send(ann, '/v1/messages', later)
    expect(proxying.lastBody().messages[2].content).toEqual(block)
    const { json } = await ann.call('GET', '/conversations')
    expect(json.conversations[0].turns).toBe(5)
  })

  test('and a prefilled beginning make one answer', async () => {
    const ann = await proxying.person()
    answers('"tea": true}', 'Fine.')
    const first = await send(ann, '/v1/messages', anthropic(user('As JSON'), assistant('{')))
    expect(await turns(ann, first)).toEqual([
      ['user', 'As JSON'],
      ['assistant', '{"tea": true}'],
    ])
    const next = anthropic(user('As JSON'), assistant('{"tea": true}'), user('Thanks'))
    const second = await send(ann, '/v1/messages', next)
    expect(await turns(ann, second)).toHaveLength(4)
  })
})

describe('what a request says about memory', () => {
  const QUESTION = 'I moved to Basel. Which tea do I drink?'
  test.each<[HeaderFields, string, boolean, boolean]>([
    [{}, 'used', true, true],
    [{ 'x-engram-memory': 'on' }, 'used', true, true],
    [{ 'x-engram-memory': 'read' }, 'used', true, false],
    [{ 'x-engram-memory': 'write' }, 'skipped; reason=off', false, true],
    [{ 'x-engram-memory': 'off' }, 'skipped; reason=off', false, false],
    [{ 'x-engram-disable-injection': '1' }, 'skipped; reason=off', false, true],
    [{ 'x-engram-disable-extraction': 'true' }, 'used', true, false],
    [
      { 'x-engram-memory': 'read', 'x-engram-disable-injection': 'yes' },
      'skipped; reason=off',
      false,
      false,
    ],
  ])('%j', async (headers, state, reads, writes) => {
    const ann = await proxying.person(TEA)
    answers('Fine.')
    const { memory } = await send(ann, '/v1/chat/completions', chat(user(QUESTION)), headers)
    expect(memory).toBe(state)
    expect(blockOf(proxying.last()) !== null).toBe(reads)
    expect((await learned(ann)).some((content) => content.includes('Basel'))).toBe(writes)
  })

  test('off leaves out what stood in earlier turns as well', async () => {
    const ann = await proxying.person(TEA)
    answers('Green.', 'Fine.', 'Fine.')
    const question = user('Which tea do I drink?')
    await send(ann, '/v1/chat/completions', chat(question))
    for (const mode of ['off', 'write']) {
      const later = JSON.stringify(chat(question, assistant('Green.'), user(`Thanks ${mode}`)))
      await send(ann, '/v1/chat/completions', later, { 'x-engram-memory': mode })
      expect(proxying.last().body.toString()).toBe(later)
    }
  })

  test('what is none of the choices is refused before anything is sent', async () => {
    const ann = await proxying.person(TEA)
    answers()
    const requests: HeaderFields[] = [
      { 'x-engram-memory': 'maybe' },
      { 'x-engram-placement': 'top' },
      { 'x-engram-namespace': 'x'.repeat(200) },
      { 'x-engram-conversation-id': 'x'.repeat(300) },
    ]
    for (const headers of requests) {
      const { status } = await send(ann, '/v1/messages', anthropic(user('Hi')), headers)
      expect({ headers, status }).toEqual({ headers, status: 400 })
    }
    expect(proxying.upstream.requests).toHaveLength(0)
  })

  test.each<[string, Body, (body: Body) => string]>([
    [
      '/v1/chat/completions',
      chat({ role: 'system', content: 'Be brief.' }, user('Which tea do I drink?')),
      ({ messages }) => messages[0].content,
    ],
    [
      '/v1/responses',
      { model: 'm', instructions: 'Be brief.', input: 'Which tea do I drink?' },
      ({ instructions }) => instructions,
    ],
    [
      '/v1/messages',
      { ...anthropic(user('Which tea do I drink?')), system: 'Be brief.' },
      ({ system }) => system,
    ],
    [
      '/v1beta/models/g:generateContent',
      {
        systemInstruction: { parts: [{ text: 'Be brief.' }] },
        contents: [{ parts: [{ text: 'Which tea do I drink?' }] }],
      },
      ({ systemInstruction }) =>
        systemInstruction.parts.map((part: Body) => part.text).join('\n\n'),
    ],
    [
      '/api/generate',
      { model: 'm', system: 'Be brief.', prompt: 'Which tea do I drink?' },
      ({ system }) => system,
    ],
  ])(
    'placement system puts it at the end of the system’s text: %s',
    async (path, body, systemOf) => {
      const ann = await proxying.person(TEA)
      answers()
      const { memory } = await send(ann, path, body, { 'x-engram-placement': 'system' })
      expect(memory).toBe('used')
      expect(systemOf(proxying.lastBody())).toMatch(
        /^Be brief\.\n\n<engram-memory>[\s\S]*<\/engram-memory>$/,
      )
      expect(
        proxying
          .last()
          .body.toString()
          .match(/<engram-memory>/g),
      ).toHaveLength(1)
    },
  )
})

describe('memory that fails', () => {
  const breakIndex = (own: Proxying, judged: () => Promise<never>) => {
    Object.defineProperty(own.running.daemon.services, 'index', {
      value: { judged, waitMs: () => 0 },
    })
  }

  test.each<[string, () => Promise<never>]>([
    ['failed', () => Promise.reject(new Error('the index is broken'))],
    ['late', () => new Promise(() => {})],
  ])('costs nobody the answer: %s', async (reason, search) => {
    const own = await startProxying({ ENGRAM_RECALL_DEADLINE_MS: '300' })
    try {
      const ann = await own.person(TEA)
      const question = user('Which tea do I drink?')
      const first = await own.send('/v1/chat/completions', chat(question), ann.headers())
      expect(first.memory).toBe('used')
      const block = blockOf(own.last())
      breakIndex(own, search)
      const fresh = JSON.stringify(chat(user('And which coffee?')))
      const skipped = await own.send('/v1/chat/completions', fresh, ann.headers())
      expect(skipped).toMatchObject({ status: 200, memory: `skipped; reason=${reason}` })
      expect(own.last().body.toString()).toBe(fresh)
      const { json } = await ann.call('GET', `/logs/${skipped.headers.get('x-engram-receipt')}`)
      expect(json.detail.degraded).toStartWith(reason)
      const metrics = await own.running.call('GET', '/metrics')
      expect(metrics.text).toContain(
        `engram_proxy_memory_total{state="skipped",reason="${reason}"} 1`,
      )
      // What stood there before goes on standing there.
      await own.send(
        '/v1/chat/completions',
        chat(question, assistant('Green.'), user('And?')),
        ann.headers(),
      )
      expect(blockOf(own.last())).toBe(block)
      await own.send('/v1/chat/completions', chat(question), ann.headers())
      expect(blockOf(own.last())).toBe(block)
    } finally {
      await own.stop()
    }
  })

  test('storage that is gone costs nobody the answer, and is counted', async () => {
    const own = await startProxying()
    try {
      const ann = await own.person(TEA)
      await own.send('/v1/chat/completions', chat(user('Hi')), ann.headers())
      const services = own.running.daemon.services as { -readonly [K in 'store']: unknown }
      const { store } = services
      const refuse = () => Promise.reject(new Error('the disk is gone'))
      services.store = { conversations: { resume: refuse, locate: refuse, record: refuse } }
      const sent = await own.send('/v1/chat/completions', chat(user('Hello?')), ann.headers())
      services.store = store
      expect(sent).toMatchObject({ status: 200, memory: 'skipped; reason=failed' })
      const metrics = await own.running.call('GET', '/metrics')
      expect(metrics.text).toContain('engram_proxy_unrecorded_total{reason="failed"} 1')
    } finally {
      await own.stop()
    }
  })
})
