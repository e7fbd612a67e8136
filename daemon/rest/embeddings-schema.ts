/** Shapes of what is asked and answered about embedding models. */
import { z } from 'zod'

export const embeddingChoice = z.object({
  model: z
    .string()
    .trim()
    .min(1)
    .max(1_000)
    .describe(
      'minilm, static, openai:MODEL, ollama:MODEL, the absolute path of a folder on the daemon’s machine, or a name of GET /embeddings/models',
    ),
})

const instant = z.iso.datetime()

export const embeddingNext = z.object({
  choice: z.string(),
  model: z.string().nullable().describe('null until it has been opened'),
  dimensions: z.number().nullable(),
  state: z.enum(['building', 'failed']),
  phase: z.enum(['downloading', 'opening', 'filling', 'finishing']).nullable(),
  problem: z.string().nullable().describe('why it failed, or what holds it up'),
  filled: z.number(),
  total: z.number(),
  download: z.object({ received_bytes: z.number(), total_bytes: z.number() }).nullable(),
  started_at: instant,
})

export const embeddingStatus = z.object({
  state: z
    .enum(['ready', 'building', 'failed'])
    .describe(
      'building: another model is being filled, this one is being loaded, or texts wait for their vector',
    ),
  problem: z.string().nullable(),
  model: z.string().describe('the one in force'),
  choice: z.string().describe('what was asked for'),
  chosen_by: z.enum(['default', 'setting', 'command']),
  fingerprint: z.string(),
  dimensions: z.number(),
  calibration: z.object({ scale: z.number(), offset: z.number() }),
  embedder: z.enum(['loading', 'ready', 'failed']),
  embedded: z.number(),
  total: z.number(),
  waiting: z.number(),
  given_up: z.number(),
  next: embeddingNext.nullable().describe('what is to take over, or was given up'),
})

export const embeddingModels = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      about: z.string(),
      languages: z.string(),
      license: z.string(),
      dimensions: z.number(),
      size_bytes: z.number(),
      source: z.string(),
      downloaded: z.boolean(),
    }),
  ),
})
