import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../config.ts'
import { type Daemon, startDaemon } from '../../daemon.ts'

/** A daemon in this process, with a folder of its own and mocks for providers. */
export type Rig = Readonly<{
  url: string
  daemon: Daemon
  /** The key of the local user. */
  key: string
  /** Asks the REST interface as the local user. @throws Error for any answer but a success. */
  rest<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>
  /** Stores memories and waits until each can be found by its meaning. */
  remember(...contents: readonly string[]): Promise<void>
  /** Every memory that is known, newest first. */
  memories(): Promise<readonly string[]>
  /** Waits until nothing is left to extract or to embed. */
  settled(): Promise<void>
  stop(): Promise<void>
}>

export type RigOptions = Readonly<{
  /** Where every provider is, or each by its name. */
  upstream: string | Readonly<Partial<Record<'openai' | 'anthropic' | 'gemini' | 'ollama', string>>>
  /** More of the environment. */
  env?: Readonly<Record<string, string>>
}>

export async function startRig({ upstream, env = {} }: RigOptions): Promise<Rig> {
  const home = mkdtempSync(join(tmpdir(), 'engram-rig-'))
  const base = (name: 'openai' | 'anthropic' | 'gemini' | 'ollama') =>
    (typeof upstream === 'string' ? upstream : upstream[name]) ?? 'http://127.0.0.1:9'
  const daemon = await startDaemon(
    readConfig({
      env: {
        HOME: home,
        ENGRAM_HOME: home,
        ENGRAM_PORT: '0',
        ENGRAM_LOG_LEVEL: 'error',
        // No test here is about the quality of vectors, and this one starts at once.
        ENGRAM_EMBEDDING_MODEL: 'static',
        ENGRAM_OPENAI_BASE_URL: base('openai'),
        ENGRAM_ANTHROPIC_BASE_URL: base('anthropic'),
        ENGRAM_GEMINI_BASE_URL: base('gemini'),
        ENGRAM_OLLAMA_BASE_URL: base('ollama'),
        ...env,
      },
    }),
  )
  const { services } = daemon
  const key = readFileSync(services.config.paths.localKeyFile, 'utf8').trim()

  const rest: Rig['rest'] = async <T>(method: string, path: string, body?: unknown) => {
    const answer = await fetch(daemon.url + path, {
      method,
      headers: { 'x-engram-key': key, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
    return (text === '' ? null : JSON.parse(text)) as T
  }
  const settled = () =>
    until(async () => {
      const { status } = services.embedder.state()
      const { embedded, total } = await services.coverage()
      return (await services.jobs.idle()) && (status === 'failed' || embedded === total)
    })
  return {
    url: daemon.url,
    daemon,
    key,
    rest,
    async remember(...contents) {
      for (const content of contents) await rest('POST', '/memories', { content })
      await settled()
    },
    async memories() {
      const { memories } = await rest<{ memories: { content: string }[] }>('GET', '/memories')
      return memories.map(({ content }) => content)
    },
    settled,
    async stop() {
      await daemon.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Waits for something that will happen. @throws Error when it has not for much longer than it takes. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const late = Date.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (Date.now() > late) throw new Error(`waited in vain for ${isTrue}`)
    await Bun.sleep(5)
  }
}

const PATIENCE_MS = 10_000
