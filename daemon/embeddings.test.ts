import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import pino from 'pino'
import { readChoice } from '../embed/choice.ts'
import {
  type Asked,
  type EmbeddingServer,
  SERVER_DIMENSIONS,
  startEmbeddingServer,
  vectorsFor,
} from '../embed/fixtures/embedding-server.ts'
import { PATHS } from '../embed/fixtures/paths.ts'
import { makeTinyFolder, type TinyFolder } from '../embed/fixtures/tiny-folder.ts'
import { encodeTinyModel } from '../embed/fixtures/tiny-onnx.ts'
import { defaultEmbedderName } from '../embed/open.ts'
import type { EmbedderMeans } from '../embed/select.ts'
import type { Scope } from '../memory/memory.ts'
import { recall } from '../memory/recall.ts'
import { send } from '../providers/egress.ts'
import { type OpenStore, openSqliteStore } from '../storage/open.ts'
import {
  ADDON_PATH,
  makeTempFolder,
  type TempFolder,
  WORKERS,
} from '../storage/sqlite/temp-store.ts'
import type { Store } from '../storage/store.ts'
import { type Embeddings, type EmbeddingsOptions, openEmbeddings } from './embeddings.ts'
import { type Jobs, startJobs } from './jobs.ts'

setDefaultTimeout(60_000)

const hasOnnx = defaultEmbedderName(process) === 'minilm'
const BY = { actor: 'user', cause: {} }
const RECALL = {
  maxItems: 20,
  budgetTokens: Number.POSITIVE_INFINITY,
  threshold: 0,
  turns: 'own' as const,
  pinned: false,
  asked: 'prompt' as const,
}

/** Everything that a switch works with, in a folder that stays when it is closed. */
type Bench = Readonly<{
  store: Store
  opened: OpenStore
  embeddings: Embeddings
  jobs: Jobs
  scope: Scope
  search(question: string): ReturnType<typeof recall>
  add(content: string): Promise<void>
  /** Waits until this state is reached and nothing waits. */
  reaches(state: 'ready' | 'failed', choice?: string): Promise<void>
  /** Nothing is left of models that were replaced. */
  isTidy(): boolean
  close(): Promise<void>
}>

const folders: TempFolder[] = []
const models: TinyFolder[] = []
const benches: Bench[] = []
const servers: EmbeddingServer[] = []
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close()
  for (const server of servers.splice(0)) await server.close()
  for (const model of models.splice(0)) model.close()
  for (const { remove } of folders.splice(0)) remove()
})

function newFolder(): TempFolder {
  const folder = makeTempFolder()
  folders.push(folder)
  return folder
}

function newServer(): EmbeddingServer {
  const server = startEmbeddingServer()
  servers.push(server)
  return server
}

async function open(
  { path }: TempFolder,
  more: Partial<EmbeddingsOptions & { server: EmbeddingServer }> = {},
): Promise<Bench> {
  const { server, ...rest } = more
  const opened = await openSqliteStore({
    path,
    addonPath: ADDON_PATH,
    workers: WORKERS,
    onCrash: (error) => {
      throw error
    },
  })
  let isTidy = false
  const removeRetired: Store['embeddings']['removeRetired'] = async (...given) => {
    const at = await opened.store.embeddings.removeRetired(...given)
    isTidy = at === null
    return at
  }
  const store = withOwn(opened.store, {
    embeddings: withOwn(opened.store.embeddings, { removeRetired }),
  })
  await store.jobs.releaseAll()
  const log = pino({ level: 'silent' })
  let jobs: Jobs | null = null
  const embeddings = await openEmbeddings({
    store,
    recall: opened.recall,
    means: means(server, `${path}-models`),
    log,
    now: Date.now,
    setting: null,
    byDefault: 'static',
    onReady: () => jobs?.wake('embed'),
    graceMs: 5,
    retryMs: 5,
    ...rest,
  })
  jobs = startJobs({
    store,
    meaning: embeddings.current,
    model: null,
    review: 'conflicts',
    log,
    now: Date.now,
  })
  const user =
    (await store.users.findByExternalId('ann')) ?? (await store.users.create('ann', null)).user
  const scope = { userId: user.id, namespace: 'default' }
  let closing: Promise<void> | null = null
  const bench: Bench = {
    store,
    opened,
    embeddings,
    jobs,
    scope,
    search: (text) => {
      const { embedder, index } = embeddings.current()
      return recall({ scope, text, conversationId: null }, RECALL, {
        embedder,
        index,
        now: Date.now,
      })
    },
    async add(content) {
      await store.memories.add(scope, { content }, BY)
      jobs!.wake('embed')
    },
    reaches: (state, choice) =>
      until(async () => {
        const now = await embeddings.status()
        return now.state === state && (choice === undefined || now.inForce.choice === choice)
      }),
    isTidy: () => isTidy,
    close() {
      closing ??= (async () => {
        await jobs!.stop()
        await embeddings.stop()
        await opened.close()
      })()
      return closing
    },
  }
  benches.push(bench)
  return bench
}

function means(server: EmbeddingServer | undefined, modelsFolder: string): EmbedderMeans {
  const endpoint = (url: string | undefined) => ({
    url: url ?? 'http://127.0.0.1:9/nobody',
    apiKey: null,
    keySetting: 'embedding.api_key',
  })
  return {
    paths: PATHS,
    endpoints: { openai: endpoint(server?.urls.openai), ollama: endpoint(server?.urls.ollama) },
    send,
    modelsFolder,
    downloadUrl: 'http://127.0.0.1:9',
  }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const late = Date.now() + 40_000
  while (!(await isTrue())) {
    if (Date.now() > late) throw new Error(`waited in vain for ${isTrue}`)
    await Bun.sleep(5)
  }
}

/** The same object but for these members: a store in another thread has none that could be copied. */
function withOwn<T extends object>(object: T, own: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => Reflect.get(name in own ? own : target, name),
  })
}

/** A server that takes a request and says nothing. */
const never = () => new Promise<Response>(() => {})

async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), ms)
  const ended = await Promise.race([work.then(() => true), late.promise])
  clearTimeout(timer)
  return ended
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error) => error,
  )
const SUBJECTS = ['tea', 'chess', 'rowing', 'Lisbon', 'painting', 'beans', 'trains', 'jazz']
const statement = (i: number) => `User number ${i} enjoys ${SUBJECTS[i % SUBJECTS.length]}`
const vectorsOf = async ({ store }: Bench, modelId: number) =>
  (await store.vectors.coverage(modelId)).embedded

async function filled(bench: Bench, count: number): Promise<void> {
  await bench.store.memories.import(
    bench.scope.userId,
    Array.from({ length: count }, (_, i) => ({ content: statement(i), namespace: 'default' })),
    BY,
  )
  bench.jobs.wake('embed')
  await bench.reaches('ready')
}

/** Answers as long as few batches of the texts in the store were asked for, then otherwise. */
function afterSomeBatches(
  server: EmbeddingServer,
  then: (asked: Asked) => Response | Promise<Response>,
  isMeant: (asked: Asked) => boolean = () => true,
): () => boolean {
  let batches = 0
  server.answer((asked) => {
    const isBatch = isMeant(asked) && asked.input.some((text) => text.startsWith('User number'))
    if (isBatch) batches++
    return isMeant(asked) && batches > 2 ? then(asked) : vectorsFor(asked)
  })
  return () => batches > 2
}

describe('the first start', () => {
  test('takes the built-in embedder of the machine', async () => {
    const bench = await open(newFolder())
    expect(await bench.embeddings.status()).toMatchObject({
      inForce: { choice: 'static', dimensions: 256 },
      chosenBy: 'default',
      next: null,
    })
    // Measured, and near to none: what all English sentences share is taken away already.
    const { calibration } = bench.embeddings.current().model
    expect(calibration.scale).not.toBe(1)
    expect(calibration.scale).toBeCloseTo(0.9, 1)
    expect(calibration.offset).toBeCloseTo(0, 1)
  })

  test.skipIf(!hasOnnx)('takes a built-in one that the setting names', async () => {
    const bench = await open(newFolder(), { setting: 'minilm' })
    expect(await bench.embeddings.status()).toMatchObject({
      inForce: { choice: 'minilm', calibration: { scale: 1, offset: 0 } },
      chosenBy: 'setting',
    })
  })

  test('answers with a built-in one until the server that the setting names is there', async () => {
    const server = newServer()
    server.answer(() => new Response('', { status: 503 }))
    const bench = await open(newFolder(), { setting: 'openai:embed', server })
    await bench.add('User likes tea')
    await until(async () => (await bench.embeddings.status()).next?.problem != null)
    expect(await bench.embeddings.status()).toMatchObject({
      state: 'building',
      inForce: { choice: 'static' },
      next: { choice: 'openai:embed', problem: expect.stringContaining('503') },
    })
    server.answer((asked) => vectorsFor(asked))
    await bench.reaches('ready', 'openai:embed')
    expect(await vectorsOf(bench, bench.embeddings.current().model.id)).toBe(1)
  })
})

describe('a switch', () => {
  test('under constant questions and writes: no error, never an empty answer, every vector', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 1_500)
    const old = bench.embeddings.current().model
    await bench.search('Who enjoys tea?')
    let asking = true
    let asked = 0
    const asker = async () => {
      while (asking) {
        const subject = SUBJECTS[asked++ % SUBJECTS.length]!
        const found = await bench.search(`Who enjoys ${subject}?`)
        if (found.items.length === 0) throw new Error(`nothing was found about ${subject}`)
        if (!found.items.every(({ content }) => content.includes('enjoys'))) {
          throw new Error('something else was found')
        }
        await Bun.sleep(1)
      }
    }
    const writer = async () => {
      for (let i = 0; asking; i++) {
        await bench.add(`User wrote note ${i} about ${SUBJECTS[i % SUBJECTS.length]} and enjoys it`)
        await Bun.sleep(3)
      }
    }
    const askers = Promise.all([asker(), asker(), writer()])
    await bench.embeddings.use(readChoice('openai:embed'))
    await Promise.race([
      askers,
      until(async () => bench.embeddings.current().model.choice === 'openai:embed'),
    ])
    const atCutOver = asked
    await Promise.race([askers, until(() => asked > atCutOver + 100)])
    asking = false
    await askers
    await bench.reaches('ready', 'openai:embed')
    const { model } = bench.embeddings.current()
    const { embedded, total } = await bench.store.vectors.coverage(model.id)
    expect(embedded).toBe(total)
    expect(total).toBeGreaterThan(1_500)
    await until(async () => (await vectorsOf(bench, old.id)) === 0)
    const { mode, degraded } = await bench.search('Who enjoys chess?')
    expect({ mode, degraded }).toEqual({ mode: 'hybrid', degraded: null })
  })

  test('what cannot be used is refused, and nothing has changed', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 5)
    const before = await bench.embeddings.status()
    server.answer(() => Response.json({ error: { message: 'bad key' } }, { status: 401 }))
    for (const [choice, code, message] of [
      ['openai:embed', 'upstream', /answered 401: bad key/],
      ['/nowhere/model', 'invalid', /there is no folder/],
    ] as const) {
      expect(await failureOf(bench.embeddings.use(readChoice(choice)))).toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
    }
    expect(await bench.embeddings.status()).toEqual(before)
    expect((await bench.search('Who enjoys tea?')).items.length).toBeGreaterThan(0)
  })

  test('a choice that does not open in time is given up, and the next one is made', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server, openingMs: 50 })
    await filled(bench, 5)
    server.answer(never)
    const hanging = failureOf(bench.embeddings.use(readChoice('openai:embed')))
    const next = bench.embeddings.use(readChoice('static'))
    expect(await hanging).toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/openai:embed did not open/),
    })
    expect(await next).toMatchObject({ state: 'ready', inForce: { choice: 'static' } })
  })

  test('a server that is away is waited for, and the switch says so', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 300)
    afterSomeBatches(server, () => new Response('', { status: 503 }))
    await bench.embeddings.use(readChoice('ollama:embed'))
    await until(async () => (await bench.embeddings.status()).next?.problem != null)
    expect(await bench.embeddings.status()).toMatchObject({
      state: 'building',
      inForce: { choice: 'static' },
      next: { state: 'building', problem: expect.stringContaining('503') },
    })
    expect((await bench.search('Who enjoys tea?')).mode).toBe('hybrid')
    server.answer((asked) => vectorsFor(asked))
    await bench.reaches('ready', 'ollama:embed')
    expect(await vectorsOf(bench, bench.embeddings.current().model.id)).toBe(300)
  })

  test.each([
    [
      'another dimension',
      (asked: Parameters<typeof vectorsFor>[0]) => vectorsFor(asked, 5),
      /5 dimensions/,
    ],
    [
      'NaN',
      ({ input }: { input: readonly string[] }) =>
        new Response(
          `{"data":[${input.map((_, index) => `{"index":${index},"embedding":[NaN]}`)}]}`,
        ),
      /not JSON/,
    ],
    ['no key any more', () => Response.json({}, { status: 401 }), /answered 401/],
  ])('a model that begins to give %s fails; the old one stays', async (_, answer, problem) => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 300)
    afterSomeBatches(server, answer)
    await bench.embeddings.use(readChoice('openai:embed'))
    await bench.reaches('failed', 'static')
    const status = await bench.embeddings.status()
    expect(status).toMatchObject({
      problem: expect.stringMatching(problem),
      next: { choice: 'openai:embed', state: 'failed' },
      embedder: { status: 'ready' },
      waiting: 0,
    })
    expect((await bench.search('Who enjoys tea?')).mode).toBe('hybrid')
    // Writes go on, and wait for nothing of the failed one.
    await bench.add('User enjoys tea at night')
    await until(async () => (await bench.embeddings.status()).waiting === 0)
    expect((await bench.store.jobs.counts()).reembed).toMatchObject({ queued: 0, running: 0 })
    // Tried again, it goes on from what there is.
    server.asked.length = 0
    server.answer((asked) => vectorsFor(asked))
    await bench.embeddings.use(readChoice('openai:embed'))
    await bench.reaches('ready', 'openai:embed')
  })

  test('the model in force, named again, ends a switch under way', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 200)
    const isStuck = afterSomeBatches(server, () => new Promise(() => {}))
    await bench.embeddings.use(readChoice('openai:embed'))
    await until(isStuck)
    const next = (await bench.embeddings.status()).next!.model!
    await bench.embeddings.use(readChoice('static'))
    await bench.reaches('ready', 'static')
    expect((await bench.embeddings.status()).next).toBeNull()
    expect(bench.embeddings.isBusy()).toBe(false)
    await until(async () => (await vectorsOf(bench, next.id)) === 0)
    expect((await bench.search('Who enjoys tea?')).mode).toBe('hybrid')
  })

  test('another choice takes the place of a switch under way; so does the first one again', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server })
    await filled(bench, 200)
    const isStuck = afterSomeBatches(
      server,
      () => new Promise(() => {}),
      ({ model }) => model === 'first',
    )
    await bench.embeddings.use(readChoice('openai:first'))
    await until(isStuck)
    await bench.embeddings.use(readChoice('openai:second'))
    await bench.reaches('ready', 'openai:second')
    server.answer((asked) => vectorsFor(asked))
    await bench.embeddings.use(readChoice('openai:first'))
    await bench.embeddings.use(readChoice('openai:first'))
    await bench.reaches('ready', 'openai:first')
    await bench.embeddings.use(readChoice('static'))
    await bench.reaches('ready', 'static')
    expect(await vectorsOf(bench, bench.embeddings.current().model.id)).toBe(200)
    expect((await bench.search('Who enjoys tea?')).mode).toBe('hybrid')
  })

  test('reindexing gives every text a new vector while the old ones answer', async () => {
    const server = newServer()
    const bench = await open(newFolder(), { server, setting: 'openai:embed' })
    await filled(bench, 100)
    await bench.reaches('ready', 'openai:embed')
    const before = bench.embeddings.current().model
    // Another model has come to stand behind the name.
    server.answer((asked) => vectorsFor(asked, SERVER_DIMENSIONS, 40))
    const status = await bench.embeddings.reindex()
    expect(status).toMatchObject({ state: 'building', next: { choice: 'openai:embed' } })
    await bench.reaches('ready', 'openai:embed')
    await until(() => bench.embeddings.current().model.id !== before.id)
    const after = bench.embeddings.current().model
    expect(after.fingerprint).toBe(`${before.fingerprint}#2`)
    expect(await vectorsOf(bench, after.id)).toBe(100)
    await until(async () => (await vectorsOf(bench, before.id)) === 0)
    expect((await bench.search('Who enjoys tea?')).mode).toBe('hybrid')
    await bench.embeddings.reindex()
    await until(() => bench.embeddings.current().model.fingerprint.endsWith('#3'))
  })

  test.skipIf(!hasOnnx)('to a folder with a model that cannot be used is refused', async () => {
    const bench = await open(newFolder())
    await filled(bench, 20)
    const folder = makeTinyFolder()
    models.push(folder)
    expect(await failureOf(bench.embeddings.use(readChoice(folder.path)))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('cannot read most'),
    })
    folder.write('onnx/model.onnx', 'cut short')
    expect(await failureOf(bench.embeddings.use(readChoice(folder.path)))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('model.onnx cannot be loaded'),
    })
    folder.write('onnx/model.onnx', encodeTinyModel({ table: [[1, 2]] }))
    expect(await failureOf(bench.embeddings.use(readChoice(folder.path)))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('does not run with this tokenizer'),
    })
    expect((await bench.embeddings.status()).state).toBe('ready')
  })

  test('a model by name that cannot be fetched fails in the open, and says what can be done', async () => {
    const bench = await open(newFolder())
    await filled(bench, 3)
    const status = await bench.embeddings.use(readChoice('bge-small-en-v1.5'))
    expect(status).toMatchObject({ state: 'building', inForce: { choice: 'static' } })
    await bench.reaches('failed', 'static')
    expect(await bench.embeddings.status()).toMatchObject({
      problem: expect.stringMatching(/cannot reach 127\.0\.0\.1:9/),
      next: { choice: 'bge-small-en-v1.5', state: 'failed' },
    })
  })
})

describe('after a restart', () => {
  test('a switch goes on, and nothing is embedded that has been', async () => {
    const folder = newFolder()
    const server = newServer()
    const first = await open(folder, { server })
    await filled(first, 400)
    const isStuck = afterSomeBatches(server, () => new Promise(() => {}))
    await first.embeddings.use(readChoice('openai:embed'))
    await until(isStuck)
    await first.close()
    const doneBefore = new Set(server.asked.slice(0, -1).flatMap(({ input }) => input))
    server.asked.length = 0
    server.answer((asked) => vectorsFor(asked))
    const second = await open(folder, { server })
    expect((await second.embeddings.status()).inForce.choice).toBe('static')
    expect((await second.search('Who enjoys tea?')).items.length).toBeGreaterThan(0)
    await second.reaches('ready', 'openai:embed')
    const { model } = second.embeddings.current()
    expect(await vectorsOf(second, model.id)).toBe(400)
    const again = server.asked
      .flatMap(({ input }) => input)
      .filter((text) => text.startsWith('User number') && doneBefore.has(text))
    expect(again).toEqual([])
  })

  test('the model in force is the one of the last cut-over, and its old vectors go', async () => {
    const folder = newFolder()
    const server = newServer()
    // The old vectors are still there when it is closed.
    const first = await open(folder, { server, graceMs: 60_000 })
    await filled(first, 30)
    const old = first.embeddings.current().model
    await first.embeddings.use(readChoice('openai:embed'))
    await first.reaches('ready', 'openai:embed')
    await first.close()
    const second = await open(folder, { server })
    expect(second.embeddings.current().model).toMatchObject({
      choice: 'openai:embed',
      dimensions: SERVER_DIMENSIONS,
    })
    await until(async () => (await vectorsOf(second, old.id)) === 0)
    await second.reaches('ready')
    expect((await second.search('Who enjoys tea?')).mode).toBe('hybrid')
  })

  test('a server that is away: words answer and say so, writes are kept, vectors follow', async () => {
    const folder = newFolder()
    const server = newServer()
    const first = await open(folder, { server, setting: 'openai:embed' })
    await filled(first, 10)
    await first.reaches('ready', 'openai:embed')
    await first.close()
    server.answer(() => new Response('', { status: 503 }))
    const second = await open(folder, { server, setting: 'openai:embed' })
    await until(async () => (await second.embeddings.status()).state === 'failed')
    await second.add('User enjoys tea in bed')
    const found = await second.search('Who enjoys tea?')
    expect(found).toMatchObject({
      mode: 'text',
      degraded: expect.stringMatching(/no embedder: .*503/),
    })
    expect(found.items.length).toBeGreaterThan(0)
    server.answer((asked) => vectorsFor(asked))
    await second.reaches('ready')
    expect(await vectorsOf(second, second.embeddings.current().model.id)).toBe(11)
    expect((await second.search('Who enjoys tea?')).mode).toBe('hybrid')
  })

  test('a server that never answers keeps nobody from stopping', async () => {
    const folder = newFolder()
    const server = newServer()
    const first = await open(folder, { server, setting: 'openai:embed' })
    await filled(first, 10)
    await first.reaches('ready', 'openai:embed')
    await first.close()
    server.answer(never)
    const asked = server.asked.length
    const second = await open(folder, { server, setting: 'openai:embed' })
    await second.add('User enjoys tea in bed')
    // The sample is all that is left to be waited for.
    await until(() => second.isTidy() && server.asked.length > asked)
    const choosing = failureOf(second.embeddings.use(readChoice('ollama:embed')))
    await until(() => server.asked.some(({ path }) => path === '/api/embed'))
    expect(await endsWithin(5_000, second.close())).toBe(true)
    expect(await choosing).toMatchObject({ code: 'unavailable' })
  })

  test('texts that a crash left without vector and job are found', async () => {
    const folder = newFolder()
    const first = await open(folder)
    await filled(first, 20)
    await first.jobs.stop()
    await first.store.memories.add(first.scope, { content: 'User enjoys silence' }, BY)
    const [text] = await first.store.vectors.claimTexts(1, 60_000)
    await first.store.vectors.save(first.embeddings.current().model.id, [
      { ...text!, components: new Int8Array(256).fill(1) },
    ])
    // Its vector is lost, as by a restored backup that is older than the jobs were.
    const { id } = first.embeddings.current().model
    await first.store.embeddings.begin('elsewhere')
    await first.store.embeddings.cancel()
    await first.close()
    const { connect } = await import('../storage/sqlite/connection.ts')
    const handle = connect({ path: folder.path, addonPath: ADDON_PATH }, { readonly: false })
    handle.prepare('delete from vectors where target % 2 = 0').run()
    handle.close()
    const second = await open(folder)
    await until(async () => (await vectorsOf(second, id)) === 21)
  })

  test('a built-in model of another version is built anew, while words answer', async () => {
    const folder = newFolder()
    const first = await open(folder)
    await filled(first, 50)
    const old = first.embeddings.current().model
    await first.close()
    const { connect } = await import('../storage/sqlite/connection.ts')
    const handle = connect({ path: folder.path, addonPath: ADDON_PATH }, { readonly: false })
    handle.prepare("update embedding_models set fingerprint = 'static-0/older'").run()
    handle.close()
    const second = await open(folder)
    const found = await second.search('Who enjoys tea?')
    expect(found.items.length).toBeGreaterThan(0)
    await second.reaches('ready', 'static')
    await until(() => second.embeddings.current().model.id !== old.id)
    expect(await vectorsOf(second, second.embeddings.current().model.id)).toBe(50)
    expect((await second.search('Who enjoys tea?')).mode).toBe('hybrid')
  })
})

describe.skipIf(!hasOnnx)('setting and command: what was said last holds', () => {
  type Step = Readonly<{ setting: string | null; use?: string; holds: string; by: string }>
  const histories: [string, readonly Step[]][] = [
    [
      'a command outlives restarts',
      [
        { setting: null, use: 'minilm', holds: 'minilm', by: 'command' },
        { setting: null, holds: 'minilm', by: 'command' },
      ],
    ],
    [
      'a command outlives restarts with a setting that has not changed',
      [
        { setting: 'static', use: 'minilm', holds: 'minilm', by: 'command' },
        { setting: 'static', holds: 'minilm', by: 'command' },
      ],
    ],
    [
      'a setting that changes is followed',
      [
        { setting: null, use: 'minilm', holds: 'minilm', by: 'command' },
        { setting: 'static', holds: 'static', by: 'setting' },
        { setting: 'minilm', holds: 'minilm', by: 'setting' },
      ],
    ],
    [
      'a setting that is taken back changes nothing',
      [
        { setting: 'minilm', holds: 'minilm', by: 'setting' },
        { setting: null, holds: 'minilm', by: 'setting' },
      ],
    ],
  ]
  test.each(histories)('%s', async (_, steps) => {
    const folder = newFolder()
    for (const { setting, use, holds, by } of steps) {
      const bench = await open(folder, { setting })
      await bench.add(`User said ${setting} and ${use}`)
      if (use) await bench.embeddings.use(readChoice(use))
      await bench.reaches('ready', holds)
      expect((await bench.embeddings.status()).chosenBy).toBe(by as never)
      await bench.close()
    }
  })

  test('where nobody has said anything, another machine takes its own', async () => {
    const folder = newFolder()
    const first = await open(folder, { byDefault: 'minilm' })
    await filled(first, 5)
    await first.reaches('ready', 'minilm')
    await first.close()
    const second = await open(folder, { byDefault: 'static' })
    await second.reaches('ready', 'static')
    rmSync(`${folder.path}-models`, { recursive: true, force: true })
  })
})
