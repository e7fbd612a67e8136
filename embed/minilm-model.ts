import type { EmbeddingModel } from '../memory/ports.ts'
import sha256 from './models/sha256.json' with { type: 'json' }

export const DIMENSIONS = 384
/** What the model reads of a query, [CLS] and [SEP] included. */
export const MAX_TOKENS = 256
/**
 * What it reads of a document. A run cannot be interrupted, so its length is what a query may have to wait:
 * 8 ms for 128 tokens, 20 to 32 for 256. The rest is not missed: on 5,094 long messages (BEAM) the fused
 * ranking finds 51.1 / 59.1 % (R@5 / R@10) by 128 tokens, 50.2 / 58.4 by 256 and 50.0 / 58.9 by the mean of
 * two runs of 128; cosine alone 47.0 / 56.6, 47.5 / 56.0 and 44.6 / 54.7.
 */
export const DOCUMENT_TOKENS = 128

export const MINILM_MODEL: EmbeddingModel = {
  name: 'minilm',
  dimensions: DIMENSIONS,
  fingerprint: `all-MiniLM-L6-v2-int8/sha256:${sha256['all-MiniLM-L6-v2/model_int8.onnx'].slice(0, 16)}/${DOCUMENT_TOKENS}-tokens/mean/l2`,
}

export type MiniLmPaths = Readonly<{
  /** onnxruntime_binding.node, its shared library beside it; null where onnxruntime has no build. */
  addonPath: string | null
  modelPath: string
  tokenizerPath: string
  tokenizerConfigPath: string
}>
