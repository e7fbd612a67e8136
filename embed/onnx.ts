/**
 * The thin layer over onnxruntime's native addon, for models that read token ids.
 *
 * `onnxruntime-node` is not imported: its JavaScript composes the addon's path at run time, which a bundler
 * cannot follow. The caller says where the addon lies instead; onnxruntime's shared library must lie in the
 * same folder, where the addon looks for it first.
 */
import { createRequire } from 'node:module'
import { Tensor } from 'onnxruntime-common'
import { EngramError, messageOf } from '../memory/errors.ts'

/** What goes wrong is thrown as well. */
const FATAL_ONLY = 4

/** What the addon exports, as far as it is used here (onnxruntime-node 1.30, lib/binding.ts). */
type Addon = {
  initOrtOnce(logLevel: number, tensor: typeof Tensor, isMainThread: boolean): void
  InferenceSession: new () => {
    loadModel(path: string, options: object): void
    run(feeds: Tensors, fetches: Record<string, Tensor | null>, options: object): Tensors
    readonly inputMetadata: readonly Metadata[]
    readonly outputMetadata: readonly Metadata[]
    dispose(): void
  }
}
type Tensors = Record<string, Tensor>
/** A dimension is -1 where it is free; types are numbers of onnx.proto's TensorProto.DataType. */
type Metadata = Readonly<{
  name: string
  isTensor: boolean
  type: number
  shape: readonly number[]
}>

const FLOAT32 = 1
const INT32 = 6
const INT64 = 7

export type OnnxModel = Readonly<{
  /** The output has one row for the whole text rather than one a token. */
  isPooled: boolean
  /**
   * One text through the model, on this thread, until it is done.
   *
   * @returns the output, row by row; the next run may write over it.
   */
  run(ids: readonly number[]): Readonly<{ data: Float32Array; width: number }>
}>

/** Outputs with a row a token, by the names that exporters give them, and those with one row. */
const TOKEN_OUTPUTS = ['last_hidden_state', 'token_embeddings', 'hidden_states']
const TEXT_OUTPUTS = ['sentence_embedding', 'text_embeds', 'embeddings']

/**
 * Loads the addon and the model, on this thread.
 *
 * @param pooled whether an output with one row a text is wanted
 * @throws EngramError `unavailable` for a file that is no model, `invalid` for a model of another kind; what
 *   the addon throws when it cannot be loaded
 */
export function openOnnx(
  { addonPath, modelPath }: Readonly<{ addonPath: string; modelPath: string }>,
  { maxTokens, pooled }: Readonly<{ maxTokens: number; pooled: boolean }>,
): OnnxModel {
  const addon = createRequire(import.meta.url)(addonPath) as Addon
  addon.initOrtOnce(FATAL_ONLY, Tensor, false)
  const session = new addon.InferenceSession()
  try {
    // From its path: a buffer costs its own size again in memory. The arena buys no speed for one thread.
    session.loadModel(modelPath, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      enableCpuMemArena: false,
    })
  } catch (error) {
    throw new EngramError(
      'unavailable',
      `${modelPath} cannot be loaded, it is damaged or no ONNX model: ${firstLine(messageOf(error))}`,
      { cause: error },
    )
  }
  const output = chooseOutput(session.outputMetadata, pooled, modelPath)
  const toInputs = session.inputMetadata.map((input) => createInput(input, maxTokens, modelPath))
  const width = output.shape.at(-1)!
  // Reused by every run: fresh ones of 400 kB would wait for the garbage collector by the hundred.
  const rows = width > 0 ? new Float32Array((pooled ? 1 : maxTokens) * width) : null

  return {
    isPooled: pooled,
    run(ids) {
      const feeds: Tensors = {}
      for (const { name, toTensor } of toInputs) feeds[name] = toTensor(ids)
      const shape = pooled ? [1, width] : [1, ids.length, width]
      const into = rows?.subarray(0, (pooled ? 1 : ids.length) * width)
      const fetches = { [output.name]: into ? new Tensor('float32', into, shape) : null }
      const result = session.run(feeds, fetches, {})[output.name]!
      return { data: into ?? (result.data as Float32Array), width: result.dims.at(-1)! }
    },
  }
}

function chooseOutput(outputs: readonly Metadata[], pooled: boolean, modelPath: string): Metadata {
  const rank = pooled ? 2 : 3
  const names = pooled ? TEXT_OUTPUTS : TOKEN_OUTPUTS
  const fitting = outputs.filter(({ isTensor, shape }) => isTensor && shape.length === rank)
  const chosen = fitting.find(({ name }) => names.includes(name)) ?? fitting[0]
  if (!chosen) {
    throw new EngramError(
      'invalid',
      `${modelPath} gives ${outputs.map(({ name, shape }) => `${name} of ${shape.length} dimensions`).join(', ')}: no vectors of ${pooled ? 'texts' : 'tokens'}`,
    )
  }
  if (chosen.type !== FLOAT32) {
    throw new EngramError('invalid', `${modelPath} gives numbers that are not 32-bit floats`, {
      fix: 'choose another of the model’s ONNX files: engram embeddings use FOLDER/onnx/FILE.onnx',
    })
  }
  return chosen
}

type Input = Readonly<{ name: string; toTensor: (ids: readonly number[]) => Tensor }>

/** What each input means, by the names that exporters of transformers give them. */
const INPUT_VALUES: Readonly<Record<string, (id: number, place: number) => number>> = {
  input_ids: (id) => id,
  attention_mask: () => 1,
  token_type_ids: () => 0,
  position_ids: (_, place) => place,
}

function createInput({ name, type }: Metadata, maxTokens: number, modelPath: string): Input {
  const valueAt = INPUT_VALUES[name]
  if (!valueAt || (type !== INT64 && type !== INT32)) {
    throw new EngramError(
      'invalid',
      `${modelPath} wants the input ${name}, which an embedding model has no use for`,
    )
  }
  if (type === INT32) {
    const values = new Int32Array(maxTokens)
    return {
      name,
      toTensor(ids) {
        ids.forEach((id, place) => {
          values[place] = valueAt(id, place)
        })
        return new Tensor('int32', values.subarray(0, ids.length), [1, ids.length])
      },
    }
  }
  const values = new BigInt64Array(maxTokens)
  return {
    name,
    toTensor(ids) {
      ids.forEach((id, place) => {
        values[place] = BigInt(valueAt(id, place))
      })
      return new Tensor('int64', values.subarray(0, ids.length), [1, ids.length])
    },
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim()
}
