import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Home, jsonOf, openHome, until } from './fixtures/harness.ts'
import { isRunning } from './locate.ts'

setDefaultTimeout(120_000)

type Status = {
  state: string
  problem: string | null
  choice: string
  embedded: number
  total: number
  waiting: number
  next: { choice: string; state: string; filled: number; total: number } | null
}

const statusOf = async (home: Home) =>
  jsonOf<Status>(await home.engram(['embeddings', 'status', '--json']))

/** An embedding server in a process of its own, and what it was asked. */
async function startServer() {
  const program = join(import.meta.dir, '../embed/fixtures/embedding-server.ts')
  const child = Bun.spawn([process.execPath, program], { stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`
  return {
    url: `${url}/v1`,
    facts: async () =>
      ((await (await fetch(url)).json()) as string[]).filter((text) => text.startsWith('Fact')),
    delay: async (ms: number) => {
      await fetch(url, { method: 'PUT', body: String(ms) })
    },
    async stop() {
      child.kill()
      await child.exited
    },
  }
}

describe('engram embeddings', () => {
  let home: Home
  beforeAll(async () => {
    home = openHome()
    await home.engram(['add', 'User likes green tea'], {
      env: { ENGRAM_EMBEDDING_MODEL: 'static' },
    })
    await home.embedded()
  })
  afterAll(() => home.close())

  test('status says which model is in force, for people and for programs', async () => {
    const { code, out } = await home.engram(['embeddings', 'status'])
    expect(code).toBe(0)
    expect(out).toContain('ready')
    expect(out).toContain('static, 256 dimensions')
    expect(await statusOf(home)).toMatchObject({
      state: 'ready',
      problem: null,
      choice: 'static',
      embedded: 1,
      total: 1,
      waiting: 0,
      next: null,
    })
  })

  test('list names what can be chosen, and fetches nothing', async () => {
    const { code, out, err } = await home.engram(['embeddings', 'list'])
    expect(code).toBe(0)
    for (const word of ['minilm', 'static', 'bge-small-en-v1.5', 'multilingual-e5-small', 'MIT']) {
      expect(out).toContain(word)
    }
    expect(err).toContain('openai:MODEL')
    const { models } = jsonOf<{ models: { name: string; downloaded: boolean }[] }>(
      await home.engram(['embeddings', 'list', '--json']),
    )
    expect(models.length).toBeGreaterThan(3)
    expect(models.every(({ downloaded }) => !downloaded)).toBe(true)
  })

  test('reindex --wait stays until it is done', async () => {
    const { code, out } = await home.engram(['embeddings', 'reindex', '--wait', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ choice: 'static', embedded: 1, next: null })
    expect(JSON.parse(out).fingerprint).toEndWith('#2')
  })

  const refused: [string, string[], RegExp][] = [
    ['a model that nobody knows', ['word2vec'], /there is no embedder "word2vec"/],
    ['a folder that is not there', ['./nowhere'], /there is no folder .*\/nowhere/],
    ['a server without a model', ['openai:'], /must be followed by the name of a model/],
    ['--file without a folder', ['static', '--file', 'model.onnx'], /--file is for a folder/],
    ['too many words', ['static', 'minilm'], /too many|unexpected|E_USAGE/i],
  ]
  test.each(refused)('%s: exit code 2, and nothing changes', async (_, args, message) => {
    const { code, err } = await home.engram(['embeddings', 'use', ...args])
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(message) })
    expect(await statusOf(home)).toMatchObject({ choice: 'static', next: null })
  })

  test('a folder without a model: the error names the file that is missing', async () => {
    mkdirSync(join(home.path, 'empty'))
    const { code, err } = await home.engram(['embeddings', 'use', 'empty'])
    expect(code).toBe(2)
    expect(err).toContain('onnx/model.onnx is missing')
  })

  test('a server that does not answer: exit code 5', async () => {
    const { code, err } = await home.engram(['embeddings', 'use', 'ollama:nomic-embed-text'], {
      env: {},
    })
    expect(code).toBe(5)
    expect(err).toContain('cannot reach')
    expect(await statusOf(home)).toMatchObject({ choice: 'static', next: null })
  })
})

test('a switch goes on after kill -9, and ends with every vector once', async () => {
  const home = openHome()
  const server = await startServer()
  const env = {
    ENGRAM_EMBEDDING_MODEL: 'static',
    ENGRAM_EMBEDDING_BASE_URL: server.url,
  }
  const serve = async () => {
    const child = home.start(['serve'], { env })
    await until(() => home.daemon()?.pid === child.pid)
    return child
  }
  try {
    let daemon = await serve()
    const lines = Array.from({ length: 1_000 }, (_, i) =>
      JSON.stringify({ content: `Fact ${i}: user knows about subject ${i % 17}` }),
    )
    await home.engram(['memories', 'import', '-'], { stdin: lines.join('\n') })
    await home.embedded()
    await server.delay(60)
    const started = jsonOf<Status>(
      await home.engram(['embeddings', 'use', 'openai:embed', '--json'], { env }),
    )
    expect(started).toMatchObject({ state: 'building', choice: 'static' })
    await until(async () => (await server.facts()).length > 300)
    daemon.kill('SIGKILL')
    await daemon.exited
    expect(isRunning(daemon.pid)).toBe(false)
    expect((await server.facts()).length).toBeLessThan(1_000)

    daemon = await serve()
    // The old model answers until the new one is complete.
    const found = jsonOf<{ memories: { content: string }[] }>(
      await home.engram(['memories', 'search', 'what is known about subject 3?', '--json']),
    )
    expect(found.memories.length).toBeGreaterThan(0)
    await server.delay(0)
    await until(async () => {
      const { state, choice } = await statusOf(home)
      return state === 'ready' && choice === 'openai:embed'
    })
    expect(await statusOf(home)).toMatchObject({ embedded: 1_000, total: 1_000, next: null })
    // What was under way when it was killed is asked for again, and no more.
    const facts = await server.facts()
    expect(new Set(facts).size).toBe(1_000)
    expect(facts.length).toBeLessThanOrEqual(1_000 + 128)
    // The choice outlives another restart.
    daemon.kill('SIGTERM')
    await daemon.exited
    daemon = await serve()
    expect(await statusOf(home)).toMatchObject({ choice: 'openai:embed' })
    daemon.kill('SIGTERM')
    await daemon.exited
  } finally {
    await home.close()
    await server.stop()
  }
})
