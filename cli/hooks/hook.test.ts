import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Home, jsonOf, openHome, until } from '../fixtures/harness.ts'

setDefaultTimeout(60_000)

type Context = { hookSpecificOutput: { hookEventName: string; additionalContext: string } }

const call = (
  home: Home,
  event: string,
  input: object | string,
  client = 'claude-code',
  env = {},
) =>
  home.engram(['hook', event, '--client', client], {
    stdin: typeof input === 'string' ? input : JSON.stringify(input),
    env,
  })

const contextOf = ({ out }: { out: string }) =>
  (JSON.parse(out) as Context).hookSpecificOutput.additionalContext

describe.each(['claude-code', 'codex'] as const)('hooks of %s', (client) => {
  const home = openHome()
  afterAll(() => home.close())
  const path = join(home.path, 'transcript.jsonl')
  const session = { session_id: 's1', transcript_path: path, cwd: join(home.path, 'atlas') }
  const turn = client === 'codex' ? 'turn_id' : 'prompt_id'

  beforeAll(async () => {
    mkdirSync(session.cwd)
    await home.engram(['add', 'User answers every question in haiku form', '--pin'])
    await home.engram(['add', "User's project atlas is written in Rust"])
    await home.engram(['add', 'User drinks oolong tea'])
    await home.embedded()
  })

  const say = (question: string, answer: string, id: string) => {
    const lines =
      client === 'codex'
        ? [
            {
              type: 'event_msg',
              payload: {
                type: 'item_completed',
                turn_id: id,
                item: { type: 'UserMessage', content: [{ type: 'text', text: question }] },
              },
            },
            {
              type: 'event_msg',
              payload: {
                type: 'item_completed',
                turn_id: id,
                item: { type: 'AgentMessage', content: [{ type: 'Text', text: answer }] },
              },
            },
          ]
        : [
            { type: 'user', promptId: id, message: { role: 'user', content: question } },
            {
              type: 'assistant',
              message: { role: 'assistant', content: [{ type: 'text', text: answer }] },
            },
          ]
    writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`, { flag: 'a' })
  }

  test('at the start of a session: what is pinned, and what is known of the project', async () => {
    const started = await call(
      home,
      'session-start',
      { ...session, hook_event_name: 'SessionStart', source: 'startup' },
      client,
    )
    expect(started).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(started.out)).toMatchObject({
      hookSpecificOutput: { hookEventName: 'SessionStart' },
    })
    const context = contextOf(started)
    expect(context).toStartWith('<engram-memory>\n')
    expect(context).toContain('haiku')
    expect(context).toContain('Rust')
    expect(context).not.toContain('oolong')
  })

  test('at a prompt: what fits it, and not what was given before', async () => {
    const prompt = (text: string) => call(home, 'prompt', { ...session, prompt: text }, client)
    const first = await prompt('which tea should I brew for myself?')
    expect(JSON.parse(first.out)).toMatchObject({
      hookSpecificOutput: { hookEventName: 'UserPromptSubmit' },
    })
    expect(contextOf(first)).toContain('oolong')
    expect(await prompt('which tea should I brew for myself?')).toMatchObject({
      code: 0,
      out: '',
      err: '',
    })
    for (const nothing of ['/clear', '   ', 'which planet has the most moons?'])
      expect(await prompt(nothing)).toMatchObject({ code: 0, out: '', err: '' })
    const other = await call(
      home,
      'prompt',
      { ...session, session_id: 's2', prompt: 'which tea should I brew for myself?' },
      client,
    )
    expect(contextOf(other)).toContain('oolong')
    await call(home, 'session-start', { ...session, source: 'compact' }, client)
    expect(contextOf(await prompt('which tea should I brew for myself?'))).toContain('oolong')
    expect(
      await call(home, 'prompt', { ...session, agent_id: 'a1', prompt: 'which tea?' }, client),
    ).toMatchObject({ out: '' })
  })

  test('at the end of an answer: the exchange is kept once, in one conversation, and learned from', async () => {
    say('I moved to Lisbon last week and I work at Acme now.', 'Enjoy Lisbon!', 'q1')
    const stop = { ...session, [turn]: 'q1', last_assistant_message: 'Enjoy Lisbon!' }
    for (let i = 0; i < 2; i++)
      expect(await call(home, 'stop', stop, client)).toMatchObject({ code: 0, out: '', err: '' })
    expect(
      await call(home, 'stop', { ...stop, [turn]: 'q9', stop_hook_active: true }, client),
    ).toMatchObject({ out: '' })
    say('My dog is called Pixel.', 'A fine name.', 'q2')
    await call(home, 'stop', { ...session, [turn]: 'q2' }, client)
    type Page = {
      conversations: { id: string; source: string; session_id: string; turns: number }[]
    }
    const { conversations } = jsonOf<Page>(await home.engram(['conversations', 'list', '--json']))
    expect(conversations).toHaveLength(1)
    expect(conversations[0]).toMatchObject({ source: client, session_id: 's1', turns: 4 })
    const { turns } = jsonOf<{ turns: { role: string; content: string }[] }>(
      await home.engram(['conversations', 'show', conversations[0]!.id, '--json']),
    )
    expect(turns.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'user: I moved to Lisbon last week and I work at Acme now.',
      'assistant: Enjoy Lisbon!',
      'user: My dog is called Pixel.',
      'assistant: A fine name.',
    ])
    await until(
      async () => (await home.engram(['memories', 'list', '--search', 'Acme'])).out !== '',
    )
    await home.embedded()
    // This session heard it; the next one has not.
    const asked = { prompt: 'at which company do I work?' }
    expect((await call(home, 'prompt', { ...session, ...asked }, client)).out).not.toContain('Acme')
    expect(
      contextOf(await call(home, 'prompt', { ...session, session_id: 's3', ...asked }, client)),
    ).toContain('Acme')
  })

  test('nothing is done twice: what goes through the proxy is left to it', async () => {
    const name = client === 'codex' ? 'OPENAI_BASE_URL' : 'ANTHROPIC_BASE_URL'
    const input = { ...session, session_id: 's4', prompt: 'which tea should I brew for myself?' }
    const through = await call(home, 'prompt', input, client, {
      [name]: `${home.daemon()!.url}/v1`,
    })
    expect(through).toMatchObject({ code: 0, out: '', err: '' })
    const past = await call(home, 'prompt', input, client, { [name]: 'http://127.0.0.1:9' })
    expect(contextOf(past)).toContain('oolong')
  })

  test('no text of anybody lies in the files that hooks keep', async () => {
    const kept = await Array.fromAsync(new Bun.Glob('hook-sessions/*.json').scan(home.path))
    expect(kept.length).toBeGreaterThan(1)
    for (const name of kept)
      expect(readFileSync(join(home.path, name), 'utf8')).not.toMatch(/Lisbon|Acme|tea|haiku/i)
  })
})

describe('a hook never costs an answer', () => {
  const home = openHome()
  afterAll(() => home.close())
  const log = () => readFileSync(join(home.path, 'hooks.log'), 'utf8').trim().split('\n')

  test('what it cannot understand ends with 0, nothing printed and a line in the log', async () => {
    const input = { session_id: 's', prompt: 'my s3cret question' }
    const calls: [string[], string][] = [
      [['hook'], '{}'],
      [['hook', 'pre-compact', '--client', 'codex'], '{}'],
      [['hook', 'prompt', '--client', 'cursor'], '{}'],
      [['hook', 'prompt', '--client', 'codex', '--not-yet'], '{}'],
      [['hook', 'prompt', '--client', 'codex'], ''],
      [['hook', 'prompt', '--client', 'codex'], 'my s3cret question'],
      [['hook', 'prompt', '--client', 'codex'], '{"prompt":"my s3cret question"}'],
      [
        ['hook', 'stop', '--client', 'codex'],
        JSON.stringify({ ...input, transcript_path: '/none.jsonl' }),
      ],
      [
        ['hook', 'prompt', '--client', 'codex', '--url', 'http://127.0.0.1:9'],
        JSON.stringify(input),
      ],
    ]
    for (const [at, [args, stdin]] of calls.entries()) {
      expect({ args, ...(await home.engram(args, { stdin })) }).toEqual({
        args,
        code: 0,
        out: '',
        err: '',
      })
      expect(log()).toHaveLength(at + 1)
    }
    expect(log().join('\n')).not.toContain('s3cret')
    expect(log().at(-1)).toContain('E_DAEMON_DOWN')
    expect(home.daemon()).toBe(null)
  })

  test('a daemon is started when none runs, and one that cannot start is passed over', async () => {
    const input = { session_id: 's', cwd: home.path, source: 'startup' }
    expect(await call(home, 'session-start', input)).toMatchObject({ code: 0, out: '', err: '' })
    expect(home.daemon()).not.toBe(null)
    await home.engram(['stop'])
    const broken = await call(home, 'session-start', input, 'claude-code', {
      ENGRAM_REVIEW: 'sometimes',
    })
    expect(broken).toMatchObject({ code: 0, out: '', err: '' })
    expect(log().at(-1)).toContain('ENGRAM_REVIEW')
  })

  test('not even a log that cannot be written is heard of', async () => {
    const path = join(home.path, 'hooks.log')
    renameSync(path, `${path}.aside`)
    mkdirSync(path)
    expect(await home.engram(['hook'], { stdin: '' })).toMatchObject({ code: 0, out: '', err: '' })
    rmdirSync(path)
  })

  test('help is given when it is asked for', async () => {
    const help = await home.engram(['hook', '--help'])
    expect(help).toMatchObject({ code: 0 })
    expect(help.out).toContain('Written by engram clients connect --hooks')
    expect((await home.engram(['--help'])).out).not.toMatch(/^ +hook\b/m)
  })
})
