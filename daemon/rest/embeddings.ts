import { join } from 'node:path'
import type { z } from 'zod'
import { CATALOGUE, sizeOf } from '../../embed/catalogue.ts'
import { readChoice } from '../../embed/choice.ts'
import { isDownloaded } from '../../embed/download.ts'
import type { EmbeddingStatus } from '../embeddings.ts'
import { type Route, route } from '../route.ts'
import { embeddingChoice, embeddingModels, embeddingStatus } from './embeddings-schema.ts'
import { json } from './shapes.ts'

const TAG = 'embeddings'

export const embeddingRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/embeddings',
    access: 'admin',
    tag: TAG,
    summary: 'Which embedding model is in force, and how far another one is that takes over',
    answers: { 200: { description: 'the state', schema: embeddingStatus } },
    handle: async ({ services }) => json(toStatusJson(await services.embeddings.status())),
  }),
  route({
    method: 'GET',
    path: '/embeddings/models',
    access: 'admin',
    tag: TAG,
    summary: 'Models that are fetched when they are asked for by name',
    answers: { 200: { description: 'the models', schema: embeddingModels } },
    handle: ({ services }) =>
      json({
        models: CATALOGUE.map((model) => ({
          name: model.name,
          about: model.about,
          languages: model.languages,
          license: model.license,
          dimensions: model.dimensions,
          size_bytes: sizeOf(model),
          source: `https://huggingface.co/${model.repository}/tree/${model.commit}`,
          downloaded: isDownloaded(model, join(services.config.paths.modelsDir, model.name)),
        })),
      }),
  }),
  route({
    method: 'POST',
    path: '/embeddings/use',
    access: 'admin',
    tag: TAG,
    summary:
      'Makes another embedding model take over, in the background; it is tried first, and refused when it cannot be used',
    body: embeddingChoice,
    answers: {
      200: { description: 'it is in force already', schema: embeddingStatus },
      202: { description: 'it is being filled', schema: embeddingStatus },
    },
    async handle({ body, services }) {
      return answer(await services.embeddings.use(readChoice(body.model)))
    },
  }),
  route({
    method: 'POST',
    path: '/embeddings/reindex',
    access: 'admin',
    tag: TAG,
    summary: 'Gives every memory and turn a new vector of the model in force, in the background',
    answers: {
      202: { description: 'the new index is being filled', schema: embeddingStatus },
    },
    handle: async ({ services }) => answer(await services.embeddings.reindex()),
  }),
]

function answer(status: EmbeddingStatus): Response {
  return json(toStatusJson(status), status.next === null ? 200 : 202)
}

function toStatusJson(status: EmbeddingStatus): z.output<typeof embeddingStatus> {
  const { inForce, next } = status
  return {
    state: status.state,
    problem: status.problem,
    model: inForce.name,
    choice: inForce.choice,
    chosen_by: status.chosenBy,
    fingerprint: inForce.fingerprint,
    dimensions: inForce.dimensions,
    calibration: inForce.calibration,
    embedder: status.embedder.status,
    embedded: status.embedded,
    total: status.total,
    waiting: status.waiting,
    given_up: status.givenUp,
    next: next && {
      choice: next.choice,
      model: next.model?.name ?? null,
      dimensions: next.model?.dimensions ?? null,
      state: next.state,
      phase: next.progress?.phase ?? null,
      problem: next.problem,
      filled: next.progress?.filled ?? 0,
      total: next.progress?.total ?? 0,
      download: next.progress?.download
        ? {
            received_bytes: next.progress.download.receivedBytes,
            total_bytes: next.progress.download.totalBytes,
          }
        : null,
      started_at: new Date(next.startedAt).toISOString(),
    },
  }
}
