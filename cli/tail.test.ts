import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Home, openHome, until } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

const homes: Home[] = []
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => home.close()))
})

/** A daemon with a mock for providers, and somebody who watches it. */
async function watched(...flags: string[]) {
  const home = openHome()
  homes.push(home)
  home.start(['serve', '--demo'])
  await until(() => home.daemon() !== null)
  const { url } = home.daemon()!
  const child = home.start(['tail', ...flags])
  let shown = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) shown += decoder.decode(chunk, { stream: true })
  })()
  let notes = ''
  void (async () => {
    for await (const chunk of child.stderr) notes += new TextDecoder().decode(chunk)
  })()
  // Said on stderr when it watches; with --json the first request that is seen says it.
  const ask = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    await answer.text()
  }
  const hello = (text: string) => ({ model: 'demo', messages: [{ role: 'user', content: text }] })
  await until(async () => {
    await ask('/openai/v1/is-anybody-there', {}, { 'user-agent': 'first/1' })
    return shown.includes('first') || notes.includes('Watching')
  })
  const end = async () => {
    child.kill('SIGINT')
    const code = await child.exited
    await reading
    return code
  }
  return { home, url, ask, hello, end, shown: () => shown, notes: () => notes }
}

type Line = Record<string, unknown>
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

describe('engram tail', () => {
  test('shows each request on a line of its own, as JSON', async () => {
    const { ask, hello, end, shown } = await watched('--json')
    await ask('/v1/chat/completions', hello('I prefer tabs.'), { 'user-agent': 'my-app/1.2 (x)' })
    await ask('/openai/v1/nothing-here', {}, { 'user-agent': 'my-app/1.2' })
    await until(() => shown().includes('nothing-here'))
    expect(await end()).toBe(130)
    const [chat, other] = lines(shown()).filter(({ client }) => client === 'my-app')
    expect(chat).toMatchObject({
      namespace: 'default',
      provider: 'openai',
      path: '/v1/chat/completions',
      model: 'demo',
      status: 200,
      injected: 0,
      memory: expect.stringMatching(/^none/),
      ending: 'complete',
    })
    expect(chat!.receipt_id).toStartWith('rcp_')
    expect(other).toMatchObject({ path: '/v1/nothing-here', model: null, status: 404 })
  })

  test('shows one line a request to people, and says when it ends', async () => {
    const { ask, hello, end, shown, notes } = await watched('--client', 'my-')
    await ask('/v1/chat/completions', hello('I prefer tabs.'), { 'user-agent': 'my-app/1.2' })
    await until(() => shown().includes('my-app'))
    expect(await end()).toBe(130)
    expect(notes()).toBe('Watching the proxy. Ctrl-C ends it.\n')
    expect(shown()).toMatch(
      /^\d\d:\d\d:\d\d {2}my-app {8}openai\/demo {19}200 {2,}\d+ ms {2}0 in {2}none(; degraded=text)? {2}rcp_\w{8}\n$/,
    )
  })

  test('--status error leaves out what went well', async () => {
    const { ask, hello, end, shown } = await watched('--json', '--status', 'error')
    await ask('/v1/chat/completions', hello('Fine'), { 'user-agent': 'well/1' })
    await ask('/anthropic/v1/nothing-here', {}, { 'user-agent': 'ill/1' })
    await until(() => shown().includes('"ill"'))
    await end()
    expect(shown()).not.toContain('"well"')
  })

  test('shows none of the secrets that a request can carry', async () => {
    const { home, ask, hello, end, shown, notes } = await watched('--json')
    const made = await home.engram(['keys', 'create', 'tail-test'])
    const secrets = {
      engram: made.out.trim(),
      bearer: 'sk-proj-abcdefghijklmnop0123456789',
      header: 'sk-ant-api03-abcdefghijklmnop',
      google: 'AIzaSyA0123456789abcdefghijklmnopqrstuv',
      cookie: 'session-0f1e2d3c4b5a69788796a5b4c3d2e1f0',
      text: 'my password is correct-horse-battery',
      model: 'sk-live-abcdefghijklmnop',
      agent: 'ghp_0123456789abcdefghijABCDEFGHIJ',
      path: 'xoxb-1234567890-abcdef',
      namespace: 'glpat-0123456789abcdefghij',
    }
    const headers = {
      'x-engram-key': secrets.engram,
      authorization: `Bearer ${secrets.bearer}`,
      'x-api-key': secrets.header,
      cookie: secrets.cookie,
    }
    await ask(
      '/v1/chat/completions',
      { ...hello(secrets.text), model: secrets.model },
      { ...headers, 'user-agent': `${secrets.agent}/1` },
    )
    await ask(
      `/openai/v1/files/${secrets.path}?key=${secrets.google}`,
      {},
      { ...headers, 'user-agent': 'last/1', 'x-engram-namespace': secrets.namespace },
    )
    await until(() => shown().includes('"last"'))
    await end()
    expect(lines(shown()).length).toBeGreaterThanOrEqual(2)
    for (const secret of Object.values(secrets)) {
      expect(shown() + notes()).not.toContain(secret)
    }
  })

  test('ends with what to do when the daemon does', async () => {
    const { home, end, notes } = await watched()
    await home.engram(['stop'])
    await until(() => notes().includes('fix'))
    expect(notes()).toContain('error E_DAEMON_DOWN')
    await end()
  })
})
