import {
  type Calibration,
  type CosineProfile,
  calibrationOf,
  profileOf,
  UNCHANGED,
} from '../memory/calibration.ts'
import { EngramError } from '../memory/errors.ts'
import type { Embedder } from '../memory/ports.ts'
import { MINILM_MODEL } from './minilm.ts'
import { PROBE_PAIRS } from './probe.ts'
import { cosine } from './vector.ts'

/** What `minilm` says of the probe: what every other model is brought to. A test computes it anew. */
export const MINILM_PROFILE: CosineProfile = { mean: 0.0344, tail: 0.2613 }

/**
 * Measures how a model's cosines lie, with 64 short texts: every question of the probe against every
 * statement that does not answer it.
 *
 * @throws EngramError `invalid` when the model does not put answers nearer than other statements: its files
 *   are wrong, or it is no embedding model; what the embedder throws
 */
export async function calibrate(embedder: Embedder, signal?: AbortSignal): Promise<Calibration> {
  if (embedder.model.fingerprint === MINILM_MODEL.fingerprint) return UNCHANGED
  const { related, unrelated } = await probe(embedder, signal)
  const calibration = calibrationOf(profileOf(unrelated), MINILM_PROFILE)
  const meanRelated = related.reduce((sum, value) => sum + value, 0) / related.length
  if (calibration === null || meanRelated <= profileOf(unrelated).mean) {
    throw new EngramError(
      'invalid',
      `${embedder.model.name} does not tell what answers a question from what does not`,
      { fix: 'choose a model for sentence embeddings, or another of its ONNX files' },
    )
  }
  return calibration
}

/** Cosines of the probe's questions to the statements that answer them, and to all others. */
export async function probe(
  embedder: Embedder,
  signal?: AbortSignal,
): Promise<{ related: number[]; unrelated: number[] }> {
  const statements = await embedder.embedDocuments(
    PROBE_PAIRS.map(([, statement]) => statement),
    signal,
  )
  const related: number[] = []
  const unrelated: number[] = []
  for (const [i, [question]] of PROBE_PAIRS.entries()) {
    const asked = await embedder.embedQuery(question, signal)
    for (const [j, statement] of statements.entries()) {
      // A model that cannot read one of these texts has nothing to say of it.
      if (statement) (i === j ? related : unrelated).push(cosine(asked, statement))
    }
  }
  return { related, unrelated }
}
