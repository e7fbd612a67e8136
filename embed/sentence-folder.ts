import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { EngramError, messageOf } from '../memory/errors.ts'
import { familyOf } from './families.ts'
import { assertFile } from './model-file.ts'
import {
  DOCUMENT_TOKENS,
  POOLING_MODES,
  type PoolingMode,
  type PoolingStep,
  QUERY_TOKENS,
  type SentenceModel,
} from './sentence-model.ts'

/** What is known of a folder's model from elsewhere, and stands before what its files say. */
export type KnownFacts = Partial<
  Pick<SentenceModel, 'name' | 'pooling' | 'queryPrefix' | 'documentPrefix' | 'pinned'>
>

/**
 * Reads how to run the sentence-transformers model in a folder: `modules.json` (what follows what),
 * `1_Pooling/config.json`, `sentence_bert_config.json` (length, case), `config_sentence_transformers.json`
 * (prompts) and `config.json` (length), with the ONNX file in `onnx/` or beside them.
 *
 * @param path the folder, or one of the ONNX files in it; without a file the quantised ones are preferred
 * @throws EngramError `invalid` naming the file that is missing or wrong.
 */
export function readSentenceFolder(path: string, known: KnownFacts = {}): SentenceModel {
  const { folder, modelPath } = locate(resolve(path))
  const tokenizerPath = join(folder, 'tokenizer.json')
  if (!existsSync(tokenizerPath)) {
    throw missing(
      tokenizerPath,
      'it holds the vocabulary; a vocab.txt or a .model file alone will not do',
    )
  }
  assertFile(tokenizerPath)
  assertFile(modelPath)
  const config = optional(folder, 'config.json')
  const tokenizerConfig = optional(folder, 'tokenizer_config.json')
  const bert = firstOf(folder, LENGTH_FILES)
  const prompts = optional(folder, 'config_sentence_transformers.json')
  const name = known.name ?? nameOf(folder)
  const family = familyOf(name) ?? familyOf(text(config?._name_or_path) ?? '')
  const { pooling, poolsPrefix, tokenDimensions, steps } = readModules(
    folder,
    known.pooling ?? family?.pooling ?? null,
  )
  const maxTokens = readMaxTokens(bert, tokenizerConfig, config)
  return {
    name,
    modelPath,
    tokenizerPath,
    tokenizerConfigPath: tokenizerConfig === null ? null : join(folder, 'tokenizer_config.json'),
    pinned: known.pinned ?? [],
    pooling,
    steps,
    queryPrefix: known.queryPrefix ?? promptOf(prompts, ['query']) ?? family?.query ?? '',
    documentPrefix:
      known.documentPrefix ??
      promptOf(prompts, ['document', 'passage', 'corpus']) ??
      family?.document ??
      '',
    poolsPrefix,
    tokenDimensions,
    lowerCase: bert?.do_lower_case === true,
    queryTokens: Math.min(QUERY_TOKENS, maxTokens),
    documentTokens: Math.min(DOCUMENT_TOKENS, maxTokens),
  }
}

type Settings = Readonly<Record<string, unknown>>

function locate(path: string): { folder: string; modelPath: string } {
  if (!existsSync(path)) throw new EngramError('invalid', `there is no folder ${path}`)
  if (statSync(path).isDirectory()) return { folder: path, modelPath: chooseModelFile(path) }
  if (!path.endsWith('.onnx')) {
    throw new EngramError('invalid', `${path} is neither a folder nor an .onnx file`)
  }
  const beside = dirname(path)
  const folder = existsSync(join(beside, 'tokenizer.json')) ? beside : dirname(beside)
  return { folder, modelPath: path }
}

/**
 * Exporters' names for the same model, best first: int8 is four times smaller and three times as fast as
 * 32-bit floats. Files made for one kind of processor come in where this one is of that kind; those for
 * AVX-512 are left out, as they saturate on processors without VNNI.
 */
const MODEL_FILES: readonly Readonly<{ name: string; arch?: string }>[] = [
  { name: 'model_quint8_avx2.onnx', arch: 'x64' },
  { name: 'model_qint8_arm64.onnx', arch: 'arm64' },
  { name: 'model_quantized.onnx' },
  { name: 'model_int8.onnx' },
  { name: 'model_uint8.onnx' },
  { name: 'model_optimized.onnx' },
  { name: 'model_O3.onnx' },
  { name: 'model_O2.onnx' },
  { name: 'model.onnx' },
]

function chooseModelFile(folder: string): string {
  const within = [join(folder, 'onnx'), folder].filter((place) => existsSync(place))
  const files = within.flatMap((place) =>
    readdirSync(place)
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => join(place, name)),
  )
  for (const { name, arch } of MODEL_FILES) {
    if (arch !== undefined && arch !== process.arch) continue
    const found = files.find((file) => basename(file) === name)
    if (found) return found
  }
  const [only, ...others] = files
  if (only !== undefined && others.length === 0) return only
  if (only === undefined) {
    throw missing(
      join(folder, 'onnx', 'model.onnx'),
      'the model must be exported to ONNX: optimum-cli export onnx --model NAME FOLDER',
    )
  }
  throw new EngramError(
    'invalid',
    `${folder} has several ONNX files: ${files.map((file) => basename(file)).join(', ')}`,
    {
      fix: `name one: engram embeddings use ${only}`,
    },
  )
}

type Pooling = Pick<SentenceModel, 'pooling' | 'poolsPrefix' | 'tokenDimensions'>

/** Transformer → Pooling → (Dense | Normalize)…; the result is scaled to length 1 in any case. */
function readModules(
  folder: string,
  fallback: readonly PoolingMode[] | PoolingMode | null,
): Pooling & Pick<SentenceModel, 'steps'> {
  const path = join(folder, 'modules.json')
  if (!existsSync(path)) {
    const beside = join(folder, '1_Pooling', 'config.json')
    if (existsSync(beside)) return { ...readPooling(beside), steps: [] }
    if (fallback !== null) {
      return { pooling: [fallback].flat(), poolsPrefix: true, tokenDimensions: null, steps: [] }
    }
    throw missing(
      path,
      'how the vectors of its tokens become one is not known without it',
      'copy modules.json and 1_Pooling/ from where the model comes from',
    )
  }
  const modules = readJson(path)
  if (!Array.isArray(modules)) throw new EngramError('invalid', `${path} is not a list of modules`)
  let pooling: Pooling | null = null
  const steps: PoolingStep[] = []
  for (const module of modules as Settings[]) {
    const place = placeOf(text(module.path) ?? '', folder, path)
    const type = (text(module.type) ?? '').split('.').at(-1)!
    switch (type) {
      case 'Transformer':
        break
      case 'Pooling':
        pooling = readPooling(join(place, 'config.json'))
        break
      case 'Normalize':
        steps.push({ kind: 'normalize' })
        break
      case 'Dense':
        steps.push(readDense(place))
        break
      default:
        throw new EngramError(
          'invalid',
          `${path} names a module of the type ${type || 'unknown'}`,
          {
            fix: 'models of Transformer, Pooling, Dense and Normalize can be used',
          },
        )
    }
  }
  if (pooling === null) throw new EngramError('invalid', `${path} names no Pooling`)
  return { ...pooling, steps }
}

/** A folder of models has no business with what lies elsewhere on this machine. */
function placeOf(module: string, folder: string, modulesPath: string): string {
  const place = resolve(folder, module)
  const below = relative(folder, place)
  if (below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw new EngramError(
      'invalid',
      `${modulesPath} names a module outside of its folder: ${module}`,
    )
  }
  return place
}

/** Older files have a switch for each mode, newer ones the name of the one. */
function readPooling(path: string): Pooling {
  const config = readObject(path)
  const named = text(config.pooling_mode)
  const modes = POOLING_MODES.filter((mode) =>
    named === undefined ? config[SWITCHES[mode]] === true : named.split('+').includes(mode),
  )
  if (modes.length === 0) {
    throw new EngramError('invalid', `${path} names no way of pooling that is known`, {
      fix: `one of ${POOLING_MODES.join(', ')}`,
    })
  }
  return {
    pooling: modes,
    poolsPrefix: config.include_prompt !== false,
    tokenDimensions: whole(config.word_embedding_dimension) ?? null,
  }
}

const SWITCHES: Readonly<Record<PoolingMode, string>> = {
  cls: 'pooling_mode_cls_token',
  mean: 'pooling_mode_mean_tokens',
  max: 'pooling_mode_max_tokens',
  mean_sqrt_len: 'pooling_mode_mean_sqrt_len_tokens',
  weightedmean: 'pooling_mode_weightedmean_tokens',
  lasttoken: 'pooling_mode_lasttoken',
}

function readDense(place: string): PoolingStep {
  const configPath = join(place, 'config.json')
  const weightsPath = join(place, 'model.safetensors')
  const activation = text(readObject(configPath).activation_function)?.split('.').at(-1) ?? 'Tanh'
  if (activation !== 'Identity' && activation !== 'Tanh') {
    throw new EngramError('invalid', `${configPath} wants the activation ${activation}`, {
      fix: 'Identity and Tanh are known',
    })
  }
  if (!existsSync(weightsPath)) {
    throw missing(
      weightsPath,
      'weights in pytorch_model.bin are not read: save the model as safetensors',
    )
  }
  assertFile(weightsPath)
  return { kind: 'dense', weightsPath, activation: activation === 'Tanh' ? 'tanh' : 'identity' }
}

const LENGTH_FILES = [
  'bert',
  'roberta',
  'distilbert',
  'camembert',
  'albert',
  'xlm-roberta',
  'xlnet',
].map((kind) => `sentence_${kind}_config.json`)
/** RoBERTa and its kin count positions from 2. */
const POSITIONS_FROM_2 = new Set(['roberta', 'xlm-roberta', 'camembert', 'mpnet'])
/** What a tokenizer says when it knows no limit is a number of thirty digits. */
const ABSURD_TOKENS = 1_000_000

function readMaxTokens(...[bert, tokenizer, config]: (Settings | null)[]): number {
  const positions = whole(config?.max_position_embeddings)
  const own = POSITIONS_FROM_2.has(text(config?.model_type) ?? '') ? 2 : 0
  const limits = [
    whole(bert?.max_seq_length),
    whole(tokenizer?.model_max_length),
    positions === undefined ? undefined : positions - own,
  ].filter((limit) => limit !== undefined && limit < ABSURD_TOKENS) as number[]
  return Math.max(8, Math.min(QUERY_TOKENS, ...limits))
}

/** The first of these that says something: newer versions write empty ones for every model. */
function promptOf(config: Settings | null, names: readonly string[]): string | undefined {
  const prompts = (config?.prompts ?? {}) as Settings
  const byDefault = text(config?.default_prompt_name)
  return [...names, ...(byDefault === undefined ? [] : [byDefault])]
    .map((name) => text(prompts[name]))
    .find((prompt) => prompt !== undefined && prompt !== '')
}

/** The folder's own name; of a download of the Hugging Face hub, the model's. */
function nameOf(folder: string): string {
  const hub = /models--[^/\\]+--([^/\\]+)/.exec(folder)?.[1]
  return hub ?? basename(folder)
}

function firstOf(folder: string, names: readonly string[]): Settings | null {
  for (const name of names) {
    const found = optional(folder, name)
    if (found) return found
  }
  return null
}

function optional(folder: string, name: string): Settings | null {
  const path = join(folder, name)
  return existsSync(path) ? readObject(path) : null
}

function readObject(path: string): Settings {
  if (!existsSync(path)) throw missing(path, 'a file beside it refers to it')
  const value = readJson(path)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new EngramError('invalid', `${path} holds no settings`)
  }
  return value as Settings
}

function readJson(path: string): unknown {
  assertFile(path)
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new EngramError('invalid', `${path} is cut short, or no JSON: ${messageOf(error)}`)
  }
}

function missing(path: string, why: string, fix?: string): EngramError {
  return new EngramError('invalid', `${path} is missing: ${why}`, fix === undefined ? {} : { fix })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
    ? Math.floor(value)
    : undefined
}
