import { readFileSync } from 'node:fs'
import { Tokenizer } from '@huggingface/tokenizers'
import { EngramError } from '../memory/errors.ts'
import { DIMENSIONS, MAX_TOKENS, type MiniLmPaths } from './minilm-model.ts'
import { assertModelFile } from './model-file.ts'
import sha256 from './models/sha256.json' with { type: 'json' }
import { openOnnx } from './onnx.ts'
import { toUnit } from './vector.ts'
import { hasLetterOrDigit, SPECIAL_PIECES } from './wordpiece.ts'

/** @returns a unit vector; null when no word of the text is known to the model. */
export type MiniLmEncoder = (text: string, maxTokens: number) => Float32Array | null

/**
 * Loads model and tokenizer on this thread, which is to be a worker's: it takes about 150 ms.
 *
 * @throws EngramError `unavailable` when a file is missing or is not the one of this build; what the
 *   addon throws when it cannot be loaded.
 */
export function openMiniLmEncoder({
  addonPath,
  modelPath,
  tokenizerPath,
  tokenizerConfigPath,
}: MiniLmPaths): MiniLmEncoder {
  if (addonPath === null) {
    throw new EngramError('unavailable', 'onnxruntime has no build for this platform')
  }
  assertModelFile(modelPath, sha256['all-MiniLM-L6-v2/model_int8.onnx'])
  assertModelFile(tokenizerPath, sha256['all-MiniLM-L6-v2/tokenizer.json'])
  assertModelFile(tokenizerConfigPath, sha256['all-MiniLM-L6-v2/tokenizer_config.json'])
  const model = openOnnx({ addonPath, modelPath }, { width: DIMENSIONS, maxTokens: MAX_TOKENS })
  const tokenize = openMiniLmTokenizer({ tokenizerPath, tokenizerConfigPath })
  return (text, maxTokens) => {
    const ids = tokenize(text, maxTokens)
    return ids && toUnit(sumOfRows(model.run(ids)))
  }
}

/**
 * @returns a function from a text to its first ids, [CLS] … [SEP], at most `maxTokens`; null when nothing
 *   among them can be read. All texts of unknown words alone would share one vector, and match.
 */
export function openMiniLmTokenizer(
  paths: Pick<MiniLmPaths, 'tokenizerPath' | 'tokenizerConfigPath'>,
): (text: string, maxTokens: number) => number[] | null {
  const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
  const tokenizer = new Tokenizer(
    readJson(paths.tokenizerPath),
    readJson(paths.tokenizerConfigPath),
  )
  const cls = tokenizer.token_to_id('[CLS]')!
  const sep = tokenizer.token_to_id('[SEP]')!
  const special = new Set<string>(SPECIAL_PIECES)

  return (text, maxTokens) => {
    const room = maxTokens - 2
    const { ids, tokens } = readAhead(tokenizer, text, room)
    const readable = tokens
      .slice(0, room)
      .some((token) => !special.has(token) && hasLetterOrDigit(token))
    return readable ? [cls, ...ids.slice(0, room), sep] : null
  }
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

/** Points where the mean points; the length goes away with the scaling to 1. */
function sumOfRows(rows: Float32Array): Float32Array {
  const sum = new Float32Array(DIMENSIONS)
  for (let row = 0; row < rows.length; row += DIMENSIONS) {
    for (let d = 0; d < DIMENSIONS; d++) sum[d]! += rows[row + d]!
  }
  return sum
}
