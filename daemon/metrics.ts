import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What is counted, for /metrics. No label holds a name of a user, a model or a key. */
export type Metrics = Readonly<{
  /** One proxied request, when its answer began. */
  countRequest(provider: string, dialect: string, status: number): void
  /** What memory did for a request that it could take part in. */
  countMemory(state: 'used' | 'none' | 'skipped', reason: string): void
  /** How long conversation, memories and block took, before the provider was asked. */
  timePrepared(tookMs: number): void
  /** An exchange that could not be stored, or not in time. */
  countUnrecorded(reason: 'late' | 'failed'): void
  /** Everything in Prometheus' text format. */
  text(): Promise<string>
  contentType: string
}>

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'engram_proxy_requests_total',
    help: 'Proxied requests by provider, dialect and status class',
    labelNames: ['provider', 'dialect', 'status'],
    registers,
  })
  const memory = new Counter({
    name: 'engram_proxy_memory_total',
    help: 'Chat requests by what memory did for them',
    labelNames: ['state', 'reason'],
    registers,
  })
  const prepared = new Histogram({
    name: 'engram_proxy_prepare_seconds',
    help: 'Time from a read request to its block of memories',
    buckets: [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.15, 0.3, 1],
    registers,
  })
  const unrecorded = new Counter({
    name: 'engram_proxy_unrecorded_total',
    help: 'Exchanges that were answered and not stored',
    labelNames: ['reason'],
    registers,
  })
  new Gauge({
    name: 'engram_resident_memory_bytes',
    help: 'Resident memory of the daemon',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  return {
    countRequest: (provider, dialect, status) =>
      requests.inc({ provider, dialect, status: `${Math.floor(status / 100)}xx` }),
    countMemory: (state, reason) => memory.inc({ state, reason }),
    timePrepared: (tookMs) => prepared.observe(tookMs / 1000),
    countUnrecorded: (reason) => unrecorded.inc({ reason }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
