import { join } from 'node:path'
import type { Calibration } from '../memory/calibration.ts'
import { EngramError } from '../memory/errors.ts'
import type { Embedder, EmbeddingModel } from '../memory/ports.ts'
import { calibrate } from './calibrate.ts'
import { type CatalogueModel, catalogueModel, factsOf } from './catalogue.ts'
import type { EmbedderChoice, RemoteKind } from './choice.ts'
import { type DownloadProgress, downloadModel, isDownloaded } from './download.ts'
import { MINILM_MODEL, type MiniLmPaths, openMiniLm } from './minilm.ts'
import { discoverOnnxEmbedder, type OnnxOptions, openOnnxEmbedder } from './onnx-embedder.ts'
import { discoverRemote, openRemote, type RemoteEndpoint, type Send } from './remote.ts'
import { readSentenceFolder } from './sentence-folder.ts'
import type { SentenceModel } from './sentence-model.ts'
import { openStatic, STATIC_MODEL, type StaticPaths } from './static.ts'
import { until } from './until.ts'
import { quantize } from './vector.ts'

/** What embedders are made of. */
export type EmbedderMeans = Readonly<{
  paths: MiniLmPaths & StaticPaths
  /** Where the worker of ONNX models is, when not beside its sources. */
  workerUrl?: string
  endpoints: Readonly<Record<RemoteKind, RemoteEndpoint>>
  /** The one function through which requests leave. */
  send: Send
  /** Models that were fetched by name lie here, each in a folder of its own. */
  modelsFolder: string
  downloadUrl: string
}>

/** A model as it was found: what must be kept to open it again, and to trust it then. */
export type Discovered = Readonly<{
  model: EmbeddingModel
  calibration: Calibration
  /** Of `SAMPLE_TEXT`, where another model may come to stand under the same name. */
  sample: Int8Array | null
}>

/**
 * Opens an embedder that was discovered before. Never throws: what is wrong shows in its state, also when
 * there is another model in its place by now.
 */
export function openChosen(
  choice: EmbedderChoice,
  known: EmbeddingModel & Readonly<{ sample: Int8Array | null }>,
  means: EmbedderMeans,
  onChange?: () => void,
): Embedder {
  const model = {
    name: known.name,
    dimensions: known.dimensions,
    fingerprint: known.fingerprint,
  }
  try {
    switch (choice.kind) {
      case 'minilm':
      case 'static': {
        const own = choice.kind === 'minilm' ? MINILM_MODEL : STATIC_MODEL
        if (own.fingerprint !== model.fingerprint) {
          return failed(model, `this version of Engram has another ${choice.kind}`)
        }
        return openBuiltIn(choice.kind, means)
      }
      case 'openai':
      case 'ollama':
        return openRemote(model, {
          ...remoteOptions(choice, means),
          sample: known.sample,
          ...(onChange && { onChange }),
        })
      default:
        return openOnnxEmbedder(model, onnxOptions(sentenceModelOf(choice, means), means))
    }
  } catch (error) {
    if (error instanceof EngramError) return failed(model, error.message)
    throw error
  }
}

/** Is there anything to fetch before this choice can be opened? */
export function toFetch(choice: EmbedderChoice, means: EmbedderMeans): CatalogueModel | null {
  if (choice.kind !== 'named') return null
  const model = catalogueModel(choice.name)!
  return isDownloaded(model, folderOf(choice.name, means)) ? null : model
}

/** @throws as `downloadModel` */
export async function fetchChosen(
  model: CatalogueModel,
  means: EmbedderMeans,
  onProgress: (progress: DownloadProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  await downloadModel(model, {
    folder: folderOf(model.name, means),
    baseUrl: means.downloadUrl,
    send: means.send,
    onProgress,
    signal,
  })
}

/**
 * Opens an embedder of which nothing is known yet, tries it, and measures its scale.
 *
 * @throws EngramError `invalid`, `upstream`, `timeout` or `unavailable` with what is wrong, or the signal's
 *   reason; nothing stays open then.
 */
export async function discoverChosen(
  choice: EmbedderChoice,
  means: EmbedderMeans,
  onChange?: () => void,
  signal?: AbortSignal,
): Promise<{ embedder: Embedder; discovered: Discovered }> {
  const { embedder, sample } = await open(choice, means, onChange, signal)
  try {
    await until(embedder.whenLoaded(), signal)
    const state = embedder.state()
    if (state.status === 'failed') throw new EngramError('unavailable', state.reason)
    const calibration = await calibrate(embedder, signal)
    return { embedder, discovered: { model: embedder.model, calibration, sample } }
  } catch (error) {
    const closed = embedder.close()
    // Who has no time left does not wait for a thread that may be stuck.
    if (!signal?.aborted) await closed
    throw error
  }
}

async function open(
  choice: EmbedderChoice,
  means: EmbedderMeans,
  onChange: (() => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<{ embedder: Embedder; sample: Int8Array | null }> {
  switch (choice.kind) {
    case 'minilm':
    case 'static':
      return { embedder: openBuiltIn(choice.kind, means), sample: null }
    case 'openai':
    case 'ollama': {
      const options = { ...remoteOptions(choice, means), ...(onChange && { onChange }) }
      const { model, sample } = await discoverRemote(options, signal)
      const kept = quantize(sample).data
      return { embedder: openRemote(model, { ...options, sample: kept }), sample: kept }
    }
    default: {
      const sentenceModel = sentenceModelOf(choice, means)
      const options = onnxOptions(sentenceModel, means)
      const name = choice.kind === 'named' ? choice.name : sentenceModel.name
      return { embedder: await discoverOnnxEmbedder(name, options, signal), sample: null }
    }
  }
}

function openBuiltIn(name: 'minilm' | 'static', { paths, workerUrl }: EmbedderMeans): Embedder {
  if (name === 'static') return openStatic(paths)
  return openMiniLm({ ...paths, ...(workerUrl === undefined ? {} : { workerUrl }) })
}

function remoteOptions(
  choice: Extract<EmbedderChoice, { model: string }>,
  { endpoints, send }: EmbedderMeans,
) {
  return { kind: choice.kind, model: choice.model, endpoint: endpoints[choice.kind], send }
}

/** @throws EngramError `invalid` naming the file that is missing or wrong */
function sentenceModelOf(
  choice: Extract<EmbedderChoice, { kind: 'folder' | 'named' }>,
  means: EmbedderMeans,
): SentenceModel {
  if (choice.kind === 'folder') return readSentenceFolder(choice.path)
  const model = catalogueModel(choice.name)!
  const folder = folderOf(choice.name, means)
  return readSentenceFolder(folder, {
    ...factsOf(model),
    pinned: model.files.map(({ path, sha256 }) => ({ path: join(folder, path), sha256 })),
  })
}

function onnxOptions(
  sentenceModel: SentenceModel,
  { paths, workerUrl }: EmbedderMeans,
): OnnxOptions {
  return {
    sentenceModel,
    addonPath: paths.addonPath,
    ...(workerUrl === undefined ? {} : { workerUrl }),
  }
}

function folderOf(name: string, { modelsFolder }: EmbedderMeans): string {
  return join(modelsFolder, name)
}

/** An embedder that cannot be had. */
function failed(model: EmbeddingModel, reason: string): Embedder {
  const refuse = async () => {
    throw new EngramError('unavailable', `the embedder ${model.name} is not available: ${reason}`)
  }
  return {
    model,
    state: () => ({ status: 'failed', reason }),
    whenLoaded: async () => {},
    embedQuery: refuse,
    embedDocuments: refuse,
    close: async () => {},
  }
}
