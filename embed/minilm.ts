import type { Embedder, EmbeddingModel } from '../memory/ports.ts'
import sha256 from './models/sha256.json' with { type: 'json' }
import { type OnnxOptions, openOnnxEmbedder } from './onnx-embedder.ts'
import {
  DOCUMENT_TOKENS,
  fingerprintOf,
  QUERY_TOKENS,
  type SentenceModel,
} from './sentence-model.ts'

export type MiniLmPaths = Readonly<{
  /** onnxruntime_binding.node, its shared library beside it; null where onnxruntime has no build. */
  addonPath: string | null
  modelPath: string
  tokenizerPath: string
  tokenizerConfigPath: string
}>

const MODEL_SHA256 = sha256['all-MiniLM-L6-v2/model_int8.onnx']

export function miniLmModel(paths: Omit<MiniLmPaths, 'addonPath'>): SentenceModel {
  const { modelPath, tokenizerPath, tokenizerConfigPath } = paths
  return {
    name: 'all-MiniLM-L6-v2-int8',
    modelPath,
    tokenizerPath,
    tokenizerConfigPath,
    pinned: [
      { path: modelPath, sha256: MODEL_SHA256 },
      { path: tokenizerPath, sha256: sha256['all-MiniLM-L6-v2/tokenizer.json'] },
      { path: tokenizerConfigPath, sha256: sha256['all-MiniLM-L6-v2/tokenizer_config.json'] },
    ],
    pooling: ['mean'],
    steps: [],
    queryPrefix: '',
    documentPrefix: '',
    poolsPrefix: true,
    tokenDimensions: null,
    lowerCase: false,
    queryTokens: QUERY_TOKENS,
    documentTokens: DOCUMENT_TOKENS,
  }
}

export const MINILM_MODEL: EmbeddingModel = {
  name: 'minilm',
  dimensions: 384,
  fingerprint: fingerprintOf(
    miniLmModel({ modelPath: '', tokenizerPath: '', tokenizerConfigPath: '' }),
    MODEL_SHA256,
  ),
}

/** The built-in embedder `minilm`: all-MiniLM-L6-v2 in a worker, loaded in the background. */
export function openMiniLm(
  options: MiniLmPaths & Pick<OnnxOptions, 'workerUrl' | 'restartDelaysMs'>,
): Embedder {
  const { addonPath, workerUrl, restartDelaysMs } = options
  return openOnnxEmbedder(MINILM_MODEL, {
    addonPath,
    sentenceModel: miniLmModel(options),
    ...(workerUrl === undefined ? {} : { workerUrl }),
    ...(restartDelaysMs === undefined ? {} : { restartDelaysMs }),
  })
}
