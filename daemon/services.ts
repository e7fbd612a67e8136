import type { Logger } from 'pino'
import type { Embedder, RecallIndex } from '../memory/ports.ts'
import type { Store } from '../storage/store.ts'
import type { User } from '../storage/users.ts'
import type { ActivityFeed } from './activity.ts'
import type { Config } from './config.ts'
import type { Embeddings } from './embeddings.ts'
import type { Identity } from './identity.ts'
import type { Jobs } from './jobs.ts'
import type { Lag } from './lag.ts'
import type { McpEndpoint } from './mcp/endpoint.ts'
import type { Metrics } from './metrics.ts'
import type { Room } from './proxy/body.ts'
import type { Chains } from './proxy/chains.ts'
import type { RateLimit } from './rate.ts'
import type { Seldom } from './seldom.ts'

/** Everything that is open while the daemon runs; `daemon.ts` puts it together. */
export type Services = Readonly<{
  config: Config
  log: Logger
  store: Store
  /**
   * The embedder in force and the index of its vectors, which change together when another model takes over:
   * who needs both takes both at once.
   */
  readonly index: RecallIndex
  readonly embedder: Embedder
  embeddings: Embeddings
  identity: Identity
  jobs: Jobs
  activity: ActivityFeed
  pepper: Uint8Array
  /** What anybody may try, and how often: registrations of apps, and proofs that fail. */
  limits: Readonly<{ registrations: RateLimit; attempts: RateLimit }>
  metrics: Metrics
  /** For what may happen with every request. */
  seldom: Seldom
  chains: Chains
  /** For bodies of proxied requests. */
  room: Room
  /** The user that this installation belongs to. */
  localUser: () => User
  /** The address we answer at. */
  url: () => string
  startedAt: number
  now: () => number
  /** MCP over HTTP, loaded when it is first asked for. */
  mcp: () => Promise<McpEndpoint>
  /** Runs work that nobody waits for; a failure is logged under this name. */
  later: (name: string, work: () => Promise<void>) => void
  /** How many memories and turns have a vector of the model in force. */
  coverage: () => Promise<{ embedded: number; total: number }>
  /** rules, or the name of the model that extracts. */
  extractor: () => string
  /** How long what became due had to wait lately. */
  lag: () => Lag
  /** From here on the request's connection may be silent for as long as it likes: its sender is known. */
  keepOpen: (request: Request) => void
  /** Ends the daemon after the answer to the request that asked for it. */
  stop: () => void
}>
