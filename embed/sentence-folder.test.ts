import { afterEach, describe, expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PATHS, readReference } from './fixtures/paths.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import {
  MODULES,
  makeTinyFolder,
  TINY_TABLE,
  TINY_TOKENIZER,
  TINY_VOCABULARY,
  type TinyFolder,
} from './fixtures/tiny-folder.ts'
import { encodeTinyModel } from './fixtures/tiny-onnx.ts'
import { sha256Of } from './model-file.ts'
import { discoverOnnxEmbedder, openOnnxEmbedder } from './onnx-embedder.ts'
import { defaultEmbedderName } from './open.ts'
import { openSentenceEncoder } from './sentence-encoder.ts'
import { readSentenceFolder } from './sentence-folder.ts'
import { cosine } from './vector.ts'

const hasOnnx = defaultEmbedderName(process) === 'minilm'
const folders: TinyFolder[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) folder.close()
})
const tiny = (...given: Parameters<typeof makeTinyFolder>) => {
  const folder = makeTinyFolder(...given)
  folders.push(folder)
  return folder
}
const open = (path: string) => openSentenceEncoder(readSentenceFolder(path), PATHS.addonPath)
const rowsOf = (...words: string[]) =>
  words.map((word) => TINY_TABLE[TINY_VOCABULARY.indexOf(word)]!)
const unit = (vector: readonly number[]) => {
  const norm = Math.hypot(...vector)
  return vector.map((x) => x / norm)
}
const meanOf = (rows: readonly (readonly number[])[]) =>
  rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length)
const expectNear = (given: Float32Array | null, wanted: readonly number[]) => {
  expect(given).toHaveLength(wanted.length)
  for (const [i, x] of wanted.entries()) expect(given![i]).toBeCloseTo(x, 5)
}

describe('what the files say', () => {
  test('of a folder as sentence-transformers writes it', () => {
    const folder = tiny()
    folder.write('tokenizer_config.json', { model_max_length: 512 })
    folder.write('sentence_bert_config.json', { max_seq_length: 200, do_lower_case: true })
    folder.write('config_sentence_transformers.json', {
      prompts: { query: 'search_query: ', passage: 'search_document: ' },
    })
    expect(readSentenceFolder(folder.path)).toMatchObject({
      modelPath: join(folder.path, 'onnx/model.onnx'),
      tokenizerPath: join(folder.path, 'tokenizer.json'),
      tokenizerConfigPath: join(folder.path, 'tokenizer_config.json'),
      pooling: ['mean'],
      steps: [],
      queryPrefix: 'search_query: ',
      documentPrefix: 'search_document: ',
      poolsPrefix: true,
      lowerCase: true,
      queryTokens: 200,
      documentTokens: 128,
    })
  })

  test.each([
    ['the model’s positions', { max_position_embeddings: 64 }, {}, 64],
    ['RoBERTa’s positions', { max_position_embeddings: 66, model_type: 'roberta' }, {}, 64],
    ['the tokenizer', {}, { model_max_length: 96 }, 96],
    ['nobody', {}, { model_max_length: 1e30 }, 256],
  ])('the length is limited by %s', (_, config, tokenizer, queryTokens) => {
    const folder = tiny()
    folder.remove('sentence_bert_config.json')
    folder.write('config.json', config)
    folder.write('tokenizer_config.json', tokenizer)
    expect(readSentenceFolder(folder.path).queryTokens).toBe(queryTokens)
  })

  test('a family’s prefixes stand in for prompts that say nothing', () => {
    const folder = tiny()
    folder.write('config.json', { _name_or_path: 'intfloat/multilingual-e5-small' })
    folder.write('config_sentence_transformers.json', { prompts: { query: '', document: '' } })
    expect(readSentenceFolder(folder.path)).toMatchObject({
      queryPrefix: 'query: ',
      documentPrefix: 'passage: ',
    })
  })

  test('a plain export of a family that is known needs no modules.json', () => {
    const folder = tiny()
    folder.remove('modules.json')
    folder.remove('1_Pooling')
    folder.write('config.json', { _name_or_path: 'BAAI/bge-small-en-v1.5' })
    expect(readSentenceFolder(folder.path).pooling).toEqual(['cls'])
  })

  test('newer pooling files name the mode', () => {
    const folder = tiny({}, { pooling_mode: 'cls' })
    expect(readSentenceFolder(folder.path).pooling).toEqual(['cls'])
  })

  test('of several ONNX files the quantised one is taken, or the one that is named', () => {
    const folder = tiny()
    const other = folder.write('onnx/model_quantized.onnx', 'x')
    expect(readSentenceFolder(folder.path).modelPath).toBe(other)
    const plain = join(folder.path, 'onnx/model.onnx')
    expect(readSentenceFolder(plain).modelPath).toBe(plain)
    const beside = folder.write('model_int8.onnx', 'x')
    expect(readSentenceFolder(beside)).toMatchObject({
      modelPath: beside,
      tokenizerPath: join(folder.path, 'tokenizer.json'),
    })
  })

  const wrong: [string, (folder: TinyFolder) => void, RegExp][] = [
    ['no tokenizer.json', (f) => f.remove('tokenizer.json'), /tokenizer\.json is missing/],
    ['no model', (f) => f.remove('onnx'), /onnx\/model\.onnx is missing/],
    [
      'no modules.json',
      (f) => {
        f.remove('modules.json')
        f.remove('1_Pooling')
      },
      /modules\.json is missing/,
    ],
    [
      'modules.json cut short',
      (f) => f.write('modules.json', '[{"idx": 0'),
      /modules\.json is cut short/,
    ],
    [
      'modules.json of another kind',
      (f) => f.write('modules.json', {}),
      /modules\.json is not a list/,
    ],
    [
      'a module that is not known',
      (f) => f.write('modules.json', [...MODULES, { path: '2_CNN', type: 'x.models.CNN' }]),
      /module of the type CNN/,
    ],
    ['no pooling', (f) => f.write('modules.json', MODULES.slice(0, 1)), /names no Pooling/],
    ['no pooling config', (f) => f.remove('1_Pooling'), /1_Pooling\/config\.json is missing/],
    ['no pooling mode', (f) => f.write('1_Pooling/config.json', {}), /no way of pooling/],
    [
      'settings that are none',
      (f) => f.write('config.json', '[1]'),
      /config\.json holds no settings/,
    ],
    [
      'two files of equal standing',
      (f) => {
        f.remove('onnx')
        f.write('a.onnx', 'x')
        f.write('b.onnx', 'x')
      },
      /several ONNX files: a\.onnx, b\.onnx/,
    ],
    [
      'a dense layer without weights',
      (f) => {
        f.write('modules.json', [...MODULES, { path: '2_Dense', type: 'x.Dense' }])
        f.write('2_Dense/config.json', { activation_function: 'torch.nn.modules.activation.Tanh' })
      },
      /2_Dense\/model\.safetensors is missing/,
    ],
    [
      'a module outside of the folder',
      (f) => f.write('modules.json', [MODULES[0], { path: '../1_Pooling', type: 'x.Pooling' }]),
      /modules\.json names a module outside of its folder: \.\.\/1_Pooling/,
    ],
    [
      'a module anywhere',
      (f) => f.write('modules.json', [MODULES[0], { path: '/etc', type: 'x.Pooling' }]),
      /names a module outside of its folder: \/etc/,
    ],
    ...[
      'onnx/model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
      'config.json',
      'modules.json',
      '1_Pooling/config.json',
    ].map((file): [string, (folder: TinyFolder) => void, RegExp] => [
      `a folder in the place of ${file}`,
      (f) => {
        f.write(file, '')
        f.remove(file)
        mkdirSync(join(f.path, file))
      },
      new RegExp(`${file.replaceAll('.', '\\.')} is no file`),
    ]),
  ]
  test.each(wrong)('%s: an error that names the file', (_, spoil, message) => {
    const folder = tiny()
    spoil(folder)
    expect(() => readSentenceFolder(folder.path)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) }),
    )
  })

  // Opening one waits for somebody who writes to it: this test would not end.
  test.skipIf(process.platform === 'win32')('a pipe is not read', () => {
    for (const file of ['onnx/model.onnx', 'tokenizer.json', 'config.json']) {
      const folder = tiny()
      folder.write(file, '')
      folder.remove(file)
      expect(Bun.spawnSync(['mkfifo', join(folder.path, file)]).exitCode).toBe(0)
      expect(() => readSentenceFolder(folder.path)).toThrow(/is no file: a folder, a pipe or/)
      expect(() => sha256Of(join(folder.path, file))).toThrow(/is no file: a folder, a pipe or/)
    }
  })

  test('what is no folder', () => {
    expect(() => readSentenceFolder('/nowhere/model')).toThrow('there is no folder /nowhere/model')
    const folder = tiny()
    expect(() => readSentenceFolder(folder.write('notes.txt', 'x'))).toThrow(/neither a folder nor/)
  })
})

describe.skipIf(!hasOnnx)('a model in a folder', () => {
  test.each([
    ['mean', { pooling_mode_mean_tokens: true }, (rows: number[][]) => meanOf(rows)],
    ['cls', { pooling_mode_cls_token: true }, (rows: number[][]) => rows[0]!],
    ['lasttoken', { pooling_mode_lasttoken: true }, (rows: number[][]) => rows.at(-1)!],
    [
      'max',
      { pooling_mode_max_tokens: true },
      (rows: number[][]) => rows[0]!.map((_, d) => Math.max(...rows.map((row) => row[d]!))),
    ],
    [
      'mean_sqrt_len',
      { pooling_mode_mean_sqrt_len_tokens: true },
      (rows: number[][]) => meanOf(rows).map((x) => x * Math.sqrt(rows.length)),
    ],
    [
      'weightedmean',
      { pooling_mode_weightedmean_tokens: true },
      (rows: number[][]) =>
        rows[0]!.map((_, d) => rows.reduce((sum, row, i) => sum + (i + 1) * row[d]!, 0) / 15),
    ],
    [
      'two at once',
      { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true },
      (rows: number[][]) => [...rows[0]!, ...meanOf(rows)],
    ],
  ])('pools by %s', (_, pooling, pooled) => {
    const { encode, dimensions } = open(tiny({}, pooling).path)
    const rows = rowsOf('[CLS]', 'user', 'prefers', 'tea', '[SEP]')
    const wanted = unit(pooled(rows))
    expect(dimensions).toBe(wanted.length)
    expectNear(encode('user prefers tea', 'document'), wanted)
  })

  test('puts prefixes before queries and documents, each its own', () => {
    const folder = tiny()
    folder.write('config_sentence_transformers.json', { prompts: { query: 'query: ' } })
    const { encode } = open(folder.path)
    const framed = (...words: string[]) => unit(meanOf(rowsOf('[CLS]', ...words, '[SEP]')))
    expectNear(encode('tea', 'query'), framed('query', ':', 'tea'))
    expectNear(encode('tea', 'document'), framed('tea'))
    expect(encode('…', 'query')).toBeNull()
  })

  test('leaves the prefix out of the pooling where the model was trained so', () => {
    const folder = tiny({}, { pooling_mode_mean_tokens: true, include_prompt: false })
    folder.write('config_sentence_transformers.json', { prompts: { query: 'query: ' } })
    const { encode } = open(folder.path)
    expectNear(encode('user tea', 'query'), unit(meanOf(rowsOf('user', 'tea', '[SEP]'))))
  })

  test('reads so many tokens and no more, the frame and the prefix kept', () => {
    const folder = tiny()
    folder.write('config_sentence_transformers.json', { prompts: { query: 'query: ' } })
    const { encode } = open(folder.path)
    const words = (count: number) => Array<string>(count).fill('tea')
    expectNear(
      encode(words(100).join(' '), 'query'),
      unit(meanOf(rowsOf('[CLS]', 'query', ':', ...words(12), '[SEP]'))),
    )
  })

  test('lowers the case where it was trained so', () => {
    const folder = tiny()
    expect(open(folder.path).encode('TEA', 'document')).toBeNull()
    folder.write('sentence_bert_config.json', { max_seq_length: 16, do_lower_case: true })
    const { encode } = open(folder.path)
    expectNear(encode('TEA', 'document'), unit(meanOf(rowsOf('[CLS]', 'tea', '[SEP]'))))
  })

  test('applies a dense layer', () => {
    const folder = tiny()
    folder.write('modules.json', [
      ...MODULES,
      { path: '2_Dense', type: 'sentence_transformers.models.Dense' },
      { path: '3_Normalize', type: 'sentence_transformers.models.Normalize' },
    ])
    folder.write('2_Dense/config.json', { activation_function: 'torch.nn.modules.activation.Tanh' })
    const weight = [
      [0.1, 0, 0.2, 0],
      [0, -0.3, 0, 0.5],
    ]
    folder.write(
      '2_Dense/model.safetensors',
      safetensors({ 'linear.weight': weight, 'linear.bias': [0.05, -0.1] }),
    )
    const { encode, dimensions } = open(folder.path)
    const mean = meanOf(rowsOf('[CLS]', 'tea', '[SEP]'))
    const dense = weight.map((row, i) =>
      Math.tanh(row.reduce((sum, w, d) => sum + w * mean[d]!, 0) + [0.05, -0.1][i]!),
    )
    expect(dimensions).toBe(2)
    expectNear(encode('tea', 'document'), unit(dense))
    folder.write('2_Dense/model.safetensors', safetensors({ 'linear.weight': [[1, 2]] }))
    expect(() => open(folder.path)).toThrow(/model\.safetensors is for vectors of 2 dimensions/)
    folder.write('2_Dense/model.safetensors', 'short')
    expect(() => open(folder.path)).toThrow(/model\.safetensors is cut short/)
  })

  test('its fingerprint differs whenever its vectors do', () => {
    const plain = open(tiny().path).fingerprint
    const variants = [
      tiny({}, { pooling_mode_cls_token: true }),
      tiny({ table: TINY_TABLE.map((row) => row.map((x) => x + 1)) }),
    ]
    variants[0]!.write('config_sentence_transformers.json', { prompts: { query: 'query: ' } })
    // The folder's name is part of it; take that out.
    const bare = (fingerprint: string) => fingerprint.replace(/^[^/]+/, '')
    const seen = new Set([plain, ...variants.map(({ path }) => open(path).fingerprint)].map(bare))
    expect(seen.size).toBe(3)
    const again = tiny()
    expect(bare(open(again.path).fingerprint)).toBe(bare(plain))
  })

  const broken: [string, (folder: TinyFolder) => void, RegExp][] = [
    [
      'a pooling of another model',
      (f) => {
        const pooling = { word_embedding_dimension: 384, pooling_mode_mean_tokens: true }
        f.write('1_Pooling/config.json', pooling)
      },
      /model\.onnx gives vectors of 4 dimensions, and its pooling is for 384/,
    ],
    [
      'a model cut short',
      (f) => f.write('onnx/model.onnx', encodeTinyModel({ table: TINY_TABLE }).subarray(0, 200)),
      /model\.onnx cannot be loaded/,
    ],
    [
      'something else in its place',
      (f) => f.write('onnx/model.onnx', 'not a model'),
      /cannot be loaded/,
    ],
    [
      'a tokenizer cut short',
      (f) => f.write('tokenizer.json', '{"model": '),
      /tokenizer\.json is cut short/,
    ],
    [
      'a tokenizer of an unknown kind',
      (f) => f.write('tokenizer.json', { ...TINY_TOKENIZER, model: { type: 'Odd' } }),
      /tokenizer\.json is no tokenizer of a kind/,
    ],
    [
      'a tokenizer of another model',
      (f) =>
        f.write('tokenizer.json', {
          ...TINY_TOKENIZER,
          model: { ...TINY_TOKENIZER.model, vocab: { ...TINY_TOKENIZER.model.vocab, tea: 9_999 } },
        }),
      /model\.onnx does not run with this tokenizer/,
    ],
    [
      'a tokenizer that knows no word',
      (f) =>
        f.write('tokenizer.json', {
          ...TINY_TOKENIZER,
          model: {
            ...TINY_TOKENIZER.model,
            vocab: { '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3 },
          },
        }),
      /tokenizer\.json knows no word/,
    ],
    [
      'inputs of another kind of model',
      (f) =>
        f.write(
          'onnx/model.onnx',
          encodeTinyModel({ table: TINY_TABLE, inputs: ['pixel_values'] }),
        ),
      /wants the input pixel_values/,
    ],
    [
      'no vectors of tokens',
      (f) =>
        f.write(
          'onnx/model.onnx',
          encodeTinyModel({ table: TINY_TABLE, output: 'sentence_embedding' }),
        ),
      /gives sentence_embedding of 2 dimensions: no vectors of tokens/,
    ],
    [
      'a table of zeros',
      (f) =>
        f.write(
          'onnx/model.onnx',
          encodeTinyModel({ table: TINY_TABLE.map((row) => row.map(() => 0)) }),
        ),
      /a vector of zeros/,
    ],
    [
      'a table of NaN',
      (f) =>
        f.write(
          'onnx/model.onnx',
          encodeTinyModel({ table: TINY_TABLE.map((row) => row.map(() => Number.NaN)) }),
        ),
      /not finite/,
    ],
  ]
  test.each(broken)('%s: an error that names what is wrong', async (_, spoil, message) => {
    const folder = tiny()
    spoil(folder)
    const sentenceModel = readSentenceFolder(folder.path)
    const options = { sentenceModel, addonPath: PATHS.addonPath }
    expect(await rejectionOf(discoverOnnxEmbedder('tiny', options))).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(message),
    })
  })

  test('that does not load in time is given up', async () => {
    const options = {
      sentenceModel: readSentenceFolder(tiny().path),
      addonPath: PATHS.addonPath,
      workerUrl: new URL('./fixtures/silent.worker.ts', import.meta.url).href,
    }
    const late = discoverOnnxEmbedder('tiny', { ...options, loadingMs: 1 })
    expect(await rejectionOf(late)).toMatchObject({ code: 'timeout' })
    const stopping = AbortSignal.abort(new Error('the daemon stops'))
    const stopped = discoverOnnxEmbedder('tiny', options, stopping)
    expect(await rejectionOf(stopped)).toMatchObject({ message: 'the daemon stops' })
  })

  test('is opened under what is known of it, and refused when it is another by now', async () => {
    const folder = tiny()
    const options = () => ({
      sentenceModel: readSentenceFolder(folder.path),
      addonPath: PATHS.addonPath,
    })
    const first = await discoverOnnxEmbedder('tiny', options())
    const { model } = first
    expect(model).toMatchObject({ name: 'tiny', dimensions: 4 })
    await first.close()
    const again = openOnnxEmbedder(model, options())
    expect(await again.embedQuery('tea')).toHaveLength(4)
    await again.close()
    const table = TINY_TABLE.map(([a]) => [a!, 1, 1, 1])
    folder.write('onnx/model.onnx', encodeTinyModel({ table }))
    const changed = openOnnxEmbedder(model, options())
    expect(await rejectionOf(changed.embedQuery('tea'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/its files have changed/),
    })
    await changed.close()
  })

  test('a folder of MiniLM in their layout gives MiniLM’s vectors', async () => {
    const path = mkdtempSync(join(tmpdir(), 'engram-model-'))
    mkdirSync(join(path, 'onnx'))
    mkdirSync(join(path, '1_Pooling'))
    copyFileSync(PATHS.modelPath, join(path, 'onnx/model_int8.onnx'))
    copyFileSync(PATHS.tokenizerPath, join(path, 'tokenizer.json'))
    copyFileSync(PATHS.tokenizerConfigPath, join(path, 'tokenizer_config.json'))
    const json = (file: string, value: unknown) =>
      writeFileSync(join(path, file), JSON.stringify(value))
    json('modules.json', [
      ...MODULES,
      { path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
    ])
    json('1_Pooling/config.json', { word_embedding_dimension: 384, pooling_mode_mean_tokens: true })
    json('sentence_bert_config.json', { max_seq_length: 256, do_lower_case: false })
    const embedder = await discoverOnnxEmbedder('folder', {
      sentenceModel: readSentenceFolder(path),
      addonPath: PATHS.addonPath,
    })
    for (const { text, vector } of readReference('all-MiniLM-L6-v2')) {
      expect(cosine(await embedder.embedQuery(text), vector)).toBeGreaterThanOrEqual(0.98)
    }
    await embedder.close()
    rmSync(path, { recursive: true })
  })
})

/** A file as the library writes it, numbers as 32-bit floats. */
function safetensors(tensors: Readonly<Record<string, number[] | number[][]>>): Uint8Array {
  const header: Record<string, unknown> = {}
  const data: Buffer[] = []
  let at = 0
  for (const [name, values] of Object.entries(tensors)) {
    const bytes = Buffer.from(new Float32Array(values.flat()).buffer)
    const shape = Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length]
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes.length] }
    at += bytes.length
    data.push(bytes)
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return new Uint8Array(Buffer.concat([length, text, ...data]))
}
