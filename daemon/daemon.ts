import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { defaultEmbedderName } from '../embed/open.ts'
import type { EmbedderMeans } from '../embed/select.ts'
import { EngramError, messageOf } from '../memory/errors.ts'
import { createChatModel } from '../providers/chat.ts'
import { startDemoUpstream } from '../providers/demo.ts'
import { send } from '../providers/egress.ts'
import { VENDORS } from '../providers/vendors.ts'
import { openSqliteStore } from '../storage/open.ts'
import type { Store } from '../storage/store.ts'
import type { User } from '../storage/users.ts'
import { createActivityFeed } from './activity.ts'
import { type Assets, openAssets } from './assets.ts'
import type { Config } from './config.ts'
import { openEarly, openEmbeddings } from './embeddings.ts'
import { createIdentity } from './identity.ts'
import { type Jobs, startJobs } from './jobs.ts'
import { hashKey, isApiKey, keyHint, newApiKey, readPepper } from './keys.ts'
import { startLagMeter } from './lag.ts'
import { createLog } from './log.ts'
import { startMaintenance } from './maintenance.ts'
import type { McpEndpoint } from './mcp/endpoint.ts'
import { createMetrics } from './metrics.ts'
import { createRoom } from './proxy/body.ts'
import { createChains } from './proxy/chains.ts'
import { createRateLimit } from './rate.ts'
import { ROUTES } from './routes.ts'
import { createSeldom } from './seldom.ts'
import { createHandler } from './server.ts'
import type { Services } from './services.ts'
import { readTls, type Tls, tlsProblem } from './tls.ts'
import { VERSION } from './version.ts'

export type Daemon = Readonly<{
  url: string
  services: Services
  /** Finishes what is under way, then lets go of everything. */
  stop(): Promise<void>
  /** Resolves when the daemon has stopped, whoever asked for it. */
  stopped: Promise<void>
}>

/** What other processes of the user read to find a running daemon. */
export type DaemonFile = Readonly<{ url: string; pid: number; version: string; started_at: string }>

/** A request under way gets so long to finish when the daemon stops. */
const DRAIN_MS = 8_000
/** A connection on which nobody has shown a key is closed after so long; slow senders gain nothing by dripping. */
const STRANGER_SECONDS = 30
/** Each route has its own limit; a proxied body that is larger than any still goes on to its provider. */
const MAX_REQUEST_BYTES = Number.MAX_SAFE_INTEGER
/** Bodies of proxied requests that are held at once. */
const MAX_HELD_BYTES = 512 * 1024 * 1024

/**
 * Opens every part, joins them and listens. The only wiring.
 *
 * @throws EngramError when a part cannot be opened or the port is taken; nothing stays open then.
 */
export async function startDaemon(config: Config): Promise<Daemon> {
  process.umask(0o077)
  const { paths } = config
  const tls = readTls(config)
  for (const folder of [paths.dataDir, paths.stateDir, paths.cacheDir, dirname(paths.configFile)]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  const log = createLog(config)
  const assets = await openAssets(paths.cacheDir)
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async () => {
    for (const close of closers.reverse()) {
      try {
        await close()
      } catch (error) {
        log.error({ error: messageOf(error) }, 'a part did not close')
      }
    }
  }
  const stopping = Promise.withResolvers<void>()
  try {
    const running = config.demo ? await withDemo(config, closers) : config
    const means = embedderMeans(running, assets)
    const chosen = config['embedding.model']
    const byDefault = assets.onnxAddon === null ? 'static' : defaultEmbedderName(process)
    // Its model loads while the store opens, which knows whether it is the one in force.
    const early = openEarly(chosen === 'auto' ? byDefault : chosen, means)
    const opened = await openSqliteStore({
      path: paths.databaseFile,
      addonPath: assets.sqliteAddon,
      relatedWordsPath: assets.relatedWords,
      workers: assets.workers,
      onCrash: (error) => {
        log.fatal({ error: error.message }, 'storage is gone; stopping')
        stopping.resolve()
      },
    })
    closers.push(opened.close)
    const { store } = opened
    await store.jobs.releaseAll()
    const pepper = readPepper(paths.pepperFile)
    const local = await ensureLocalUser(store, paths.localKeyFile, pepper)

    let jobs: Jobs | null = null
    const embeddings = await openEmbeddings({
      store,
      recall: opened.recall,
      means,
      early,
      log,
      now: Date.now,
      setting: chosen === 'auto' ? null : chosen,
      byDefault,
      onReady: () => jobs?.wake('embed'),
    })
    closers.push(() => embeddings.stop())
    // Not waited for: while it is being loaded, words in the database answer.
    void opened.recall
      .warm({ userId: local.id, namespace: 'default' }, embeddings.current().model)
      .catch((error) => log.warn({ error: messageOf(error) }, 'index not warmed'))
    const working = startJobs({
      store,
      meaning: embeddings.current,
      model: extractionModel(running),
      review: config['memory.review'],
      log,
      now: Date.now,
    })
    jobs = working
    closers.push(() => working.stop())

    const lag = startLagMeter()
    closers.push(() => lag.stop())

    const activity = createActivityFeed()
    let port = config['server.port']
    const host = config['server.host']
    const url = () =>
      `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
    let endpoint: Promise<McpEndpoint> | null = null
    const mcp = () => {
      endpoint ??= import('./mcp/endpoint.ts').then(({ createMcpEndpoint }) =>
        createMcpEndpoint(ROUTES, services),
      )
      return endpoint
    }
    const services: Services = {
      config: running,
      log,
      store,
      get index() {
        return embeddings.current().index
      },
      get embedder() {
        return embeddings.current().embedder
      },
      embeddings,
      identity: createIdentity({
        store,
        pepper,
        adminKey: config['server.admin_key'],
        localUserId: () => local.id,
        now: Date.now,
      }),
      jobs: working,
      activity,
      pepper,
      limits: {
        registrations: createRateLimit(30, Date.now),
        attempts: createRateLimit(30, Date.now),
      },
      metrics: createMetrics(),
      seldom: createSeldom((fields, message) => log.warn(fields, message), Date.now),
      chains: createChains(),
      room: createRoom(MAX_HELD_BYTES),
      localUser: () => local,
      url,
      startedAt: Date.now(),
      now: Date.now,
      mcp,
      later: (name, work) => {
        work().catch((error) => log.warn({ work: name, error: messageOf(error) }, 'not done'))
      },
      coverage: () => store.vectors.coverage(embeddings.current().model.id),
      extractor: () => extractionModel(running)?.name ?? 'rules',
      lag: () => lag.read(),
      keepOpen: (request) => server.timeout(request, 0),
      stop: () => stopping.resolve(),
    }
    closers.push(startMaintenance(services))

    let lastRequestAt = Date.now()
    const handle = createHandler(ROUTES, services, () => ({
      port,
      allowedHosts: config['server.allowed_hosts'],
      allowedOrigins: config['server.allowed_origins'],
      tls: tls !== null,
      behindProxy: config['server.behind_proxy'],
    }))
    const server = listen(config, tls, (request) => {
      lastRequestAt = Date.now()
      return handle(request)
    })
    port = server.port ?? port
    closers.push(() => drain(server))
    // Before the server is drained, which waits for what is open.
    closers.push(async () => (await endpoint)?.close())
    // A stream that goes on until we stop must not keep us from it.
    closers.push(() => activity.close())
    // Before the server is drained: who waits for a job is told that it goes on, as it does at the next start.
    closers.push(() => working.stop())
    writeFileSync(paths.daemonFile, JSON.stringify(daemonFile(url())), { mode: 0o600 })
    closers.push(() => rmSync(paths.daemonFile, { force: true }))
    const isIdleFor = async (ms: number) =>
      server.pendingRequests === 0 &&
      Date.now() - lastRequestAt >= ms &&
      !embeddings.isBusy() &&
      (await working.idle())
    closers.push(leaveWhenIdle(config, isIdleFor, services))

    const stopped = stopping.promise.then(closeAll)
    const stop = () => {
      stopping.resolve()
      return stopped
    }
    return { url: url(), services, stop, stopped }
  } catch (error) {
    await closeAll()
    throw error
  }
}

function listen(config: Config, tls: Tls | null, fetch: (request: Request) => Promise<Response>) {
  const host = config['server.host']
  const port = config['server.port']
  try {
    return Bun.serve({
      hostname: host,
      port,
      // Until `keepOpen`: slow models are silent for minutes.
      idleTimeout: STRANGER_SECONDS,
      maxRequestBodySize: MAX_REQUEST_BYTES,
      development: false,
      // Said aloud: outside development Bun would share the port with whoever else asks for it.
      reusePort: false,
      ...(tls ? { tls } : {}),
      fetch,
    })
  } catch (error) {
    const problem = tlsProblem(error)
    if (problem) throw problem
    const code = (error as { code?: string }).code
    if (code !== 'EADDRINUSE') {
      throw new EngramError('unavailable', `cannot listen on ${host}:${port}: ${messageOf(error)}`)
    }
    throw new EngramError('conflict', `port ${port} of ${host} is taken`, {
      fix: `engram serve --port ${port === 65_535 ? port - 1 : port + 1}`,
      cause: error,
    })
  }
}

/** Lets requests under way finish, then closes what is still open. */
async function drain(server: Bun.Server<undefined>): Promise<void> {
  const finished = server.stop()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS)
  })
  await Promise.race([finished, late])
  clearTimeout(timer)
  await server.stop(true)
}

/** The user that this installation belongs to, with a key in a file that only they can read. */
async function ensureLocalUser(store: Store, keyFile: string, pepper: Uint8Array): Promise<User> {
  const known = await store.users.findByExternalId('local')
  const user = known ?? (await store.users.create('local', null)).user
  const given = existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : ''
  if (isApiKey(given) && (await store.users.findKey(hashKey(given, pepper)))) return user
  const key = newApiKey()
  await store.users.replaceKey(user.id, {
    name: 'local',
    hash: hashKey(key, pepper),
    hint: keyHint(key),
    scope: 'write',
    expiresAt: null,
  })
  writeFileSync(keyFile, `${key}\n`, { mode: 0o600 })
  return user
}

function embedderMeans(config: Config, assets: Assets): EmbedderMeans {
  const own = config['embedding.base_url']
  const apiKey = config['embedding.api_key']
  const endpoint = (vendor: 'openai' | 'ollama', path: string) => {
    // A provider's key goes to that provider and to nobody else.
    const key = vendor === 'openai' && own === null ? config['providers.openai.api_key'] : null
    return {
      url: VENDORS[vendor].endpoint(own ?? config[`providers.${vendor}.base_url`], path),
      apiKey: apiKey ?? key,
      keySetting:
        apiKey === null && key !== null ? 'providers.openai.api_key' : 'embedding.api_key',
    }
  }
  return {
    paths: {
      addonPath: assets.onnxAddon,
      modelPath: assets.minilmModel ?? '',
      tokenizerPath: assets.minilmTokenizer,
      tokenizerConfigPath: assets.minilmTokenizerConfig,
      tablePath: assets.staticTable,
      scalesPath: assets.staticScales,
    },
    workerUrl: assets.workers.onnx,
    endpoints: {
      openai: endpoint('openai', '/embeddings'),
      ollama: endpoint('ollama', '/api/embed'),
    },
    send,
    modelsFolder: config.paths.modelsDir,
    downloadUrl: config['embedding.download_url'],
  }
}

/** Small and cheap models that follow a schema; any other by `extraction.model`. */
const EXTRACTION_MODELS = {
  openai: 'gpt-4o-mini',
  anthropic: 'claude-haiku-4-5',
  gemini: 'gemini-2.5-flash',
  ollama: 'qwen2.5:3b',
} as const

function extractionModel(config: Config) {
  const vendor = config['extraction.provider']
  if (vendor === 'none') return null
  return createChatModel({
    vendor,
    model: config['extraction.model'] ?? EXTRACTION_MODELS[vendor],
    baseUrl: config[`providers.${vendor}.base_url`],
    apiKey: vendor === 'ollama' ? undefined : (config[`providers.${vendor}.api_key`] ?? undefined),
  })
}

/** The same configuration with every provider replaced by the mock inside. */
async function withDemo(config: Config, closers: (() => Promise<void> | void)[]): Promise<Config> {
  const demo = await startDemoUpstream()
  closers.push(() => demo.stop())
  return {
    ...config,
    'providers.openai.base_url': demo.baseUrls.openai,
    'providers.anthropic.base_url': demo.baseUrls.anthropic,
    'providers.gemini.base_url': demo.baseUrls.gemini,
    'providers.ollama.base_url': demo.baseUrls.ollama,
    'providers.openai.api_key': 'demo',
    'providers.anthropic.api_key': 'demo',
    'providers.gemini.api_key': 'demo',
  }
}

function daemonFile(url: string): DaemonFile {
  return {
    url,
    pid: process.pid,
    version: VERSION.version,
    started_at: new Date().toISOString(),
  }
}

/** A daemon that a command started in the background ends when nobody has asked it anything for a while. */
function leaveWhenIdle(
  { idleExitMinutes }: Config,
  isIdleFor: (ms: number) => Promise<boolean>,
  { later, stop }: Services,
): () => void {
  if (idleExitMinutes === null) return () => {}
  const timer = setInterval(
    () =>
      later('leave when idle', async () => {
        if (await isIdleFor(idleExitMinutes * 60_000)) stop()
      }),
    5_000,
  )
  return () => clearInterval(timer)
}
