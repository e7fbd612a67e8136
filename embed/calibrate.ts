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
  const refused = (how: string) =>
    new EngramError('invalid', `${embedder.model.name} ${how}`, {
      fix: 'choose a model for sentence embeddings, or another of its ONNX files',
    })
  if (related.length < PROBE_PAIRS.length / 2)
    throw refused('cannot read most of a few plain sentences')
  const profile = profileOf(unrelated)
  const calibration = calibrationOf(profile, MINILM_PROFILE)
  const meanRelated = related.reduce((sum, value) => sum + value, 0) / related.length
  if (calibration === null || meanRelated <= profile.mean) {
    throw refused('does not tell what answers a question from what does not')
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
  for (let from = 0; from < PROBE_PAIRS.length; from += AT_ONCE) {
    const some = PROBE_PAIRS.slice(from, from + AT_ONCE)
    const asked = await Promise.all(some.map(([question]) => ask(embedder, question, signal)))
    for (const [i, query] of asked.entries()) {
      for (const [j, statement] of statements.entries()) {
        // A model that cannot read one of these texts has nothing to say of it.
        if (query === null || statement === null) continue
        const list = from + i === j ? related : unrelated
        list.push(cosine(query, statement))
      }
    }
  }
  return { related, unrelated }
}

/** Questions that are asked side by side, since a server may take a third of a second for each. */
const AT_ONCE = 8

/** null for a question of which the model knows no word. */
async function ask(
  embedder: Embedder,
  question: string,
  signal: AbortSignal | undefined,
): Promise<Float32Array | null> {
  try {
    return await embedder.embedQuery(question, signal)
  } catch (error) {
    const isUnreadable = error instanceof EngramError && embedder.state().status === 'ready'
    if (isUnreadable && error.code === 'unavailable') return null
    throw error
  }
}
