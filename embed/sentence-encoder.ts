import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { EngramError, messageOf } from '../memory/errors.ts'
import { assertSha256, sha256Of } from './model-file.ts'
import { openOnnx } from './onnx.ts'
import { pool } from './pooling.ts'
import { readSafetensors } from './safetensors.ts'
import { fingerprintOf, type PoolingStep, type SentenceModel } from './sentence-model.ts'
import { toUnit } from './vector.ts'
import { hasLetterOrDigit } from './wordpiece.ts'

export type SentenceEncoder = Readonly<{
  dimensions: number
  fingerprint: string
  /** @returns a unit vector; null when no word of the text is known to the model. */
  encode(text: string, as: 'query' | 'document'): Float32Array | null
}>

/** It is encoded once before anything is asked: the first run is slower than the rest, and shows what is wrong. */
const FIRST_TEXT = 'User prefers tea.'

/**
 * Loads model and tokenizer on this thread, which is to be a worker's: it takes 150 ms for `minilm`.
 *
 * @throws EngramError `unavailable` or `invalid` naming the file that is missing, damaged, or does not fit the
 *   others; what the addon throws when it cannot be loaded.
 */
export function openSentenceEncoder(
  model: SentenceModel,
  addonPath: string | null,
): SentenceEncoder {
  if (addonPath === null) {
    throw new EngramError('unavailable', 'onnxruntime has no build for this platform')
  }
  for (const { path, sha256 } of model.pinned) assertSha256(path, sha256)
  const known = model.pinned.find(({ path }) => path === model.modelPath)
  const fingerprint = fingerprintOf(model, known?.sha256 ?? sha256Of(model.modelPath))
  const onnx = openOnnx(
    { addonPath, modelPath: model.modelPath },
    {
      maxTokens: Math.max(model.queryTokens, model.documentTokens),
      pooled: model.pooling === null,
    },
  )
  const tokenizer = openTokenizer(model)
  const steps = model.steps.map(openStep)
  const prefixTokens = {
    query: model.poolsPrefix ? 0 : tokenizer.tokensBefore(model.queryPrefix),
    document: model.poolsPrefix ? 0 : tokenizer.tokensBefore(model.documentPrefix),
  }

  const encode: SentenceEncoder['encode'] = (text, as) => {
    const prefix = as === 'query' ? model.queryPrefix : model.documentPrefix
    const limit = as === 'query' ? model.queryTokens : model.documentTokens
    const ids = tokenizer.tokenize(text, limit, prefix)
    if (ids === null) return null
    const { data, width } = onnx.run(ids)
    if (model.tokenDimensions !== null && width !== model.tokenDimensions) {
      throw new EngramError(
        'invalid',
        `${basename(model.modelPath)} gives vectors of ${width} dimensions, and its pooling is for ${model.tokenDimensions}`,
        { fix: 'take model and pooling from the same place' },
      )
    }
    const pooled =
      model.pooling === null
        ? data.slice(0, width)
        : pool(data, width, model.pooling, Math.min(prefixTokens[as], ids.length - 1))
    return toUnit(steps.reduce((vector, step) => step(vector), pooled))
  }

  let first: Float32Array | null
  try {
    first = encode(FIRST_TEXT, 'document')
  } catch (error) {
    if (error instanceof EngramError) throw error
    throw new EngramError(
      'invalid',
      `${basename(model.modelPath)} does not run with this tokenizer: ${messageOf(error).split('\n', 1)[0]}`,
      { cause: error },
    )
  }
  if (first === null) {
    throw new EngramError('invalid', `${model.tokenizerPath} knows no word of "${FIRST_TEXT}"`)
  }
  return { dimensions: first.length, fingerprint, encode }
}

export type SentenceTokenizer = Readonly<{
  /**
   * The first ids of a text in the frame that the model was trained with ([CLS] … [SEP] and the like), at most
   * `maxTokens`; null when nothing of the text itself can be read. All texts of unknown words alone would
   * share one vector, and match.
   */
  tokenize(text: string, maxTokens: number, prefix?: string): number[] | null
  /** How many ids of a whole text stand before those of the text, when this prefix is put before it. */
  tokensBefore(prefix: string): number
}>

/** @throws EngramError `unavailable` for a file that is missing, `invalid` for one that is no tokenizer. */
export function openTokenizer(
  model: Pick<SentenceModel, 'tokenizerPath' | 'tokenizerConfigPath' | 'lowerCase'>,
): SentenceTokenizer {
  const tokenizer = loadTokenizer(model)
  const { before, after } = frameOf(tokenizer)
  // What says nothing: marks of the frame, and the one for what is unknown.
  const mute = new Set<number>()
  for (const [id, token] of tokenizer.get_added_tokens_decoder()) if (token.special) mute.add(id)
  const unknown = (tokenizer.model as { unk_token_id?: number } | null)?.unk_token_id
  if (unknown !== undefined) mute.add(unknown)

  const withCase = (text: string) => (model.lowerCase ? text.toLowerCase() : text)
  const prefixIds = new Map<string, number[]>([['', []]])
  const idsOf = (prefix: string) =>
    prefixIds.getOrInsertComputed(
      prefix,
      () => tokenizer.encode(withCase(prefix), { add_special_tokens: false }).ids,
    )

  return {
    tokenize(text, maxTokens, prefix = '') {
      if (!hasLetterOrDigit(text)) return null
      const frame = before.length + after.length
      const ownRoom = maxTokens - frame - idsOf(prefix).length
      const own = readAhead(tokenizer, withCase(text), ownRoom)
      const readable = own.ids
        .slice(0, ownRoom)
        .some((id, i) => !mute.has(id) && hasLetterOrDigit(own.tokens[i]!))
      if (!readable) return null
      // With its prefix a text is tokenized as one: what joins the two may be one token.
      const { ids } =
        prefix === '' ? own : readAhead(tokenizer, withCase(prefix + text), maxTokens - frame)
      return [...before, ...ids.slice(0, maxTokens - frame), ...after]
    },
    tokensBefore: (prefix) => before.length + idsOf(prefix).length,
  }
}

function loadTokenizer({
  tokenizerPath,
  tokenizerConfigPath,
}: Pick<SentenceModel, 'tokenizerPath' | 'tokenizerConfigPath'>): Tokenizer {
  const content = readJson(tokenizerPath)
  const config = tokenizerConfigPath === null ? {} : readJson(tokenizerConfigPath)
  try {
    return new Tokenizer(content, config)
  } catch (error) {
    throw new EngramError(
      'invalid',
      `${tokenizerPath} is no tokenizer of a kind that is known: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function readJson(path: string): object {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new EngramError('unavailable', `cannot read a model file: ${messageOf(error)}`, {
      cause: error,
    })
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new EngramError('invalid', `${path} is cut short, or no JSON: ${messageOf(error)}`)
  }
}

/** The ids that stand around every text. */
function frameOf(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const bare = tokenizer.encode('tea', { add_special_tokens: false }).ids
  const { ids } = tokenizer.encode('tea')
  const at = ids.findIndex((_, i) => bare.every((id, j) => ids[i + j] === id))
  return at < 0
    ? { before: [], after: [] }
    : { before: ids.slice(0, at), after: ids.slice(at + bare.length) }
}

/** A word has at most 100 pieces. */
const LONGEST_WORD_TOKENS = 100
const FIRST_LOOK_CHARACTERS = 2_048

/**
 * The first `count` tokens of a text and some more, without splitting a megabyte to keep 256 of them.
 * A cut can change the pieces of the word that it goes through and of nothing before, so the tokens that
 * are kept end a whole word's worth before it.
 */
function readAhead(tokenizer: Tokenizer, text: string, count: number) {
  for (let end = FIRST_LOOK_CHARACTERS; ; end *= 4) {
    const encoding = tokenizer.encode(text.slice(0, end), { add_special_tokens: false })
    if (end >= text.length || encoding.ids.length >= count + LONGEST_WORD_TOKENS) return encoding
  }
}

/** @throws EngramError `invalid` naming the file, when it does not hold the matrix of a dense layer. */
function openStep(step: PoolingStep): (vector: Float32Array) => Float32Array {
  if (step.kind === 'normalize') return toUnit
  const tensors = readSafetensors(step.weightsPath)
  const weight = tensors.get('linear.weight')
  const bias = tensors.get('linear.bias')
  if (weight?.shape.length !== 2) {
    throw new EngramError('invalid', `${step.weightsPath} holds no linear.weight`)
  }
  const [rows, columns] = weight.shape as [number, number]
  return (vector) => {
    if (vector.length !== columns) {
      throw new EngramError(
        'invalid',
        `${step.weightsPath} is for vectors of ${columns} dimensions, and the model gives ${vector.length}`,
      )
    }
    const result = new Float32Array(rows)
    for (let row = 0; row < rows; row++) {
      let sum = bias?.data[row] ?? 0
      for (let i = 0; i < columns; i++) sum += weight.data[row * columns + i]! * vector[i]!
      result[row] = step.activation === 'tanh' ? Math.tanh(sum) : sum
    }
    return result
  }
}
