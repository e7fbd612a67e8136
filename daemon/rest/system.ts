import { z } from 'zod'
import { isLocalMode } from '../config.ts'
import { openApiDocument } from '../openapi.ts'
import { type Route, route } from '../route.ts'
import { VERSION } from '../version.ts'
import { json } from './shapes.ts'

const health = z.object({
  status: z.literal('ok'),
  version: z.string(),
  demo: z.boolean(),
})
const ready = z.object({
  status: z.enum(['ready', 'starting', 'degraded']),
  database: z.string(),
  embedding_model: z.string(),
  embedder: z.enum(['loading', 'ready', 'failed']),
  detail: z.string().nullable(),
})

/** @param routes every route, these included: for the document that describes them */
export function systemRoutes(routes: () => readonly Route[]): Route[] {
  return [
    route({
      method: 'GET',
      path: '/health',
      access: 'open',
      tag: 'system',
      summary: 'Answers as soon as requests are served',
      answers: { 200: { description: 'alive', schema: health } },
      handle: ({ services }) =>
        json({ status: 'ok', version: VERSION.version, demo: services.config.demo }),
    }),
    route({
      method: 'GET',
      path: '/ready',
      access: 'open',
      tag: 'system',
      summary:
        'Answers 200 when store and embedder are ready; without vectors recall answers from text',
      answers: { 200: { description: 'ready', schema: ready } },
      async handle({ services }) {
        const embedder = services.embedder.state()
        // One row: it is asked every few seconds, and counting costs the more the more there is.
        const database = await services.store.users
          .findByExternalId('local')
          .then(() => 'ok')
          .catch(() => 'unavailable')
        const isReady = database === 'ok' && embedder.status === 'ready'
        return json(
          {
            status: isReady ? 'ready' : embedder.status === 'loading' ? 'starting' : 'degraded',
            database,
            embedding_model: services.embedder.model.name,
            embedder: embedder.status,
            detail: embedder.status === 'failed' ? embedder.reason : null,
          },
          isReady ? 200 : 503,
        )
      },
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      access: 'local',
      tag: 'system',
      summary: 'This interface as OpenAPI 3.1',
      answers: { 200: { description: 'the document' } },
      handle: ({ services }) => json(openApiDocument(routes(), services.url())),
    }),
    route({
      method: 'GET',
      path: '/metrics',
      access: 'local',
      tag: 'system',
      summary: 'Counters in Prometheus’ text format',
      answers: { 200: { description: 'the counters' } },
      handle: async ({ services: { metrics } }) =>
        new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
    }),
    route({
      method: 'GET',
      path: '/status',
      access: 'admin',
      tag: 'system',
      summary: 'What the daemon holds and does',
      answers: { 200: { description: 'counts, queue, embedder, upstreams' } },
      async handle({ services }) {
        const { config, store } = services
        const [totals, jobs, coverage, local] = await Promise.all([
          store.maintenance.totals(),
          store.jobs.counts(),
          services.coverage(),
          store.memories.counts(services.localUser().id),
        ])
        return json({
          version: VERSION,
          pid: process.pid,
          url: services.url(),
          started_at: new Date(services.startedAt).toISOString(),
          local_mode: isLocalMode(config),
          demo: config.demo,
          data: { file: config.paths.databaseFile, ...totals },
          local_user: { external_id: services.localUser().externalId, memories: local },
          jobs,
          embedding: {
            model: services.embedder.model.name,
            fingerprint: services.embedder.model.fingerprint,
            ...services.embedder.state(),
            ...coverage,
          },
          extraction: services.extractor(),
          rss_bytes: process.memoryUsage.rss(),
          event_loop_lag_ms: services.lag(),
        })
      },
    }),
    route({
      method: 'POST',
      path: '/shutdown',
      access: 'admin',
      tag: 'system',
      summary: 'Ends the daemon after finishing what is under way',
      answers: { 202: { description: 'ending' } },
      handle({ services }) {
        services.stop()
        return json({ status: 'stopping', pid: process.pid }, 202)
      },
    }),
  ]
}
