/**
 * The thin layer over onnxruntime's native addon, for a model of BERT's form.
 *
 * `onnxruntime-node` is not imported: its JavaScript composes the addon's path at run time, which a bundler
 * cannot follow. The caller says where the addon lies instead; onnxruntime's shared library must lie in the
 * same folder, where the addon looks for it first.
 */
import { createRequire } from 'node:module'
import { Tensor } from 'onnxruntime-common'

const ERRORS_ONLY = 3

/** What the addon exports, as far as it is used here (onnxruntime-node 1.30, dist/backend.js). */
type Addon = {
  initOrtOnce(logLevel: number, tensor: typeof Tensor, isMainThread: boolean): void
  InferenceSession: new () => {
    loadModel(path: string, options: object): void
    run(feeds: Tensors, fetches: Tensors, options: object): Tensors
  }
}
type Tensors = Record<string, Tensor>

export type OnnxModel = Readonly<{
  /**
   * One text through the model, on this thread, until it is done.
   *
   * @returns the last hidden state, ids.length × width, row by row; the next run writes over it.
   */
  run(ids: readonly number[]): Float32Array
}>

/** Loads the addon and the model, on this thread. Throws what they throw. */
export function openOnnx(
  paths: Readonly<{ addonPath: string; modelPath: string }>,
  { width, maxTokens }: Readonly<{ width: number; maxTokens: number }>,
): OnnxModel {
  const addon = createRequire(import.meta.url)(paths.addonPath) as Addon
  addon.initOrtOnce(ERRORS_ONLY, Tensor, false)
  const session = new addon.InferenceSession()
  // From its path: a buffer costs its own size again in memory. The arena buys no speed for one thread.
  session.loadModel(paths.modelPath, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: false,
  })

  // Reused by every run: fresh ones of 400 kB would wait for the garbage collector by the hundred.
  const hidden = new Float32Array(maxTokens * width)
  const idsOf = new BigInt64Array(maxTokens)
  const ones = new BigInt64Array(maxTokens).fill(1n)
  const zeros = new BigInt64Array(maxTokens)

  return {
    run(ids) {
      const length = ids.length
      ids.forEach((id, i) => {
        idsOf[i] = BigInt(id)
      })
      const toInput = (values: BigInt64Array) =>
        new Tensor('int64', values.subarray(0, length), [1, length])
      const output = hidden.subarray(0, length * width)
      session.run(
        {
          input_ids: toInput(idsOf),
          attention_mask: toInput(ones),
          token_type_ids: toInput(zeros),
        },
        { last_hidden_state: new Tensor('float32', output, [1, length, width]) },
        {},
      )
      return output
    },
  }
}
