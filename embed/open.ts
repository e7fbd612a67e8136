import type { Embedder } from '../memory/ports.ts'
import { type MiniLmPaths, openMiniLm } from './minilm.ts'
import { openStatic, type StaticPaths } from './static.ts'

export type EmbedderName = 'minilm' | 'static'

/**
 * Opens a built-in embedder. Never throws: a part that is missing or broken shows in its state.
 *
 * @param workerUrl where the worker of `minilm` is, when not beside its sources.
 */
export function openEmbedder({
  name,
  paths,
  workerUrl,
}: Readonly<{
  name: EmbedderName
  paths: MiniLmPaths & StaticPaths
  workerUrl?: string
}>): Embedder {
  return name === 'static'
    ? openStatic(paths)
    : openMiniLm({ ...paths, ...(workerUrl && { workerUrl }) })
}

/** `minilm` where onnxruntime has a build; it has none for macOS on Intel. */
export function defaultEmbedderName({
  platform,
  arch,
}: Readonly<{ platform: string; arch: string }>): EmbedderName {
  return ONNXRUNTIME_BUILDS.has(`${platform}-${arch}`) ? 'minilm' : 'static'
}

const ONNXRUNTIME_BUILDS = new Set([
  'linux-x64',
  'linux-arm64',
  'win32-x64',
  'win32-arm64',
  'darwin-arm64',
])
