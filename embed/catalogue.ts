import { familyOf } from './families.ts'
import type { PoolingMode } from './sentence-model.ts'

/** A model that is fetched when somebody asks for it by name. */
export type CatalogueModel = Readonly<{
  name: string
  /** Why one would take it. */
  about: string
  languages: string
  license: string
  dimensions: number
  pooling: PoolingMode
  /** On huggingface.co, at a commit: what is fetched can never change. */
  repository: string
  commit: string
  files: readonly CatalogueFile[]
}>

export type CatalogueFile = Readonly<{
  path: string
  sizeBytes: number
  sha256: string
}>

const BERT_TOKENIZER = 'd241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66'
const XENOVA_BERT_CONFIG = '9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3'

/**
 * The models by name. Checksums are those that the repository publishes for these commits (LFS object ids of
 * the large files); each was found in at least two independent public records. A download that differs is
 * refused.
 */
export const CATALOGUE: readonly CatalogueModel[] = [
  {
    name: 'bge-small-en-v1.5',
    about: 'finds more than minilm in English, at twice its time a text',
    languages: 'English',
    license: 'MIT',
    dimensions: 384,
    pooling: 'cls',
    repository: 'Xenova/bge-small-en-v1.5',
    commit: 'ea104dacec62c0de699686887e3f920caeb4f3e3',
    files: [
      file('config.json', 683, 'fa73f90bf92c8cace1fbcb709626306f2bdbc9ea3e5b5f94b440df9b6aa56350'),
      file('tokenizer.json', 711_396, BERT_TOKENIZER),
      file('tokenizer_config.json', 366, XENOVA_BERT_CONFIG),
      file(
        'onnx/model_quantized.onnx',
        34_014_426,
        '6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4',
      ),
    ],
  },
  {
    name: 'bge-base-en-v1.5',
    about: 'better English retrieval yet, for machines with time to spare',
    languages: 'English',
    license: 'MIT',
    dimensions: 768,
    pooling: 'cls',
    repository: 'Xenova/bge-base-en-v1.5',
    commit: '4d6cd88e18e51a5e020c2c305726d76ada9c03cf',
    files: [
      file('config.json', 717, 'd83c21fa7366994560727112ef0a31d8a2ec1c280c2a3e66326fdb877f64c91e'),
      file('tokenizer.json', 711_396, BERT_TOKENIZER),
      file('tokenizer_config.json', 366, XENOVA_BERT_CONFIG),
      file(
        'onnx/model_quantized.onnx',
        110_083_337,
        'c9729cc84cbd0e9fecc759505d2be65916c9fe05222d7ea26c65fcb3382af38d',
      ),
    ],
  },
  {
    name: 'nomic-embed-text-v1.5',
    about: 'trained for questions against longer documents',
    languages: 'English',
    license: 'Apache-2.0',
    dimensions: 768,
    pooling: 'mean',
    repository: 'nomic-ai/nomic-embed-text-v1.5',
    commit: 'e9b6763023c676ca8431644204f50c2b100d9aab',
    files: [
      file(
        'config.json',
        2_538,
        '9ab00bd92cee80a569f708140b7b6c1661a65891ff3765b1519e181ba2f2c92b',
      ),
      file('tokenizer.json', 711_396, BERT_TOKENIZER),
      file(
        'tokenizer_config.json',
        1_191,
        'd7e0000bcc80134debd2222220427e6bf5fa20a669f40a0d0d1409cc18e0a9bc',
      ),
      file(
        'onnx/model_quantized.onnx',
        137_296_292,
        'b4342336debaea79de872370664b0aaeb67dea4605513d00ee236ea871a81f27',
      ),
    ],
  },
  {
    name: 'multilingual-e5-small',
    about: 'for memories in other languages than English, or in several',
    languages: 'about 100',
    license: 'MIT',
    dimensions: 384,
    pooling: 'mean',
    repository: 'Xenova/multilingual-e5-small',
    commit: '761b726dd34fb83930e26aab4e9ac3899aa1fa78',
    files: [
      file('config.json', 658, 'cb99455288675345e1a4f411438d5d0adbba5fbd3a67ea4fb03c015433b996c1'),
      file(
        'tokenizer.json',
        17_082_730,
        '0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39',
      ),
      file(
        'tokenizer_config.json',
        443,
        'a1d6bc8734a6f635dc158508bef000f8e2e5a759c7d92f984b2c86e5ff53425b',
      ),
      file(
        'onnx/model_quantized.onnx',
        118_308_185,
        'f80102d3f2a1229f387d3c81909990d8945513e347b0eab049f7de3c6f98c193',
      ),
    ],
  },
  {
    name: 'multilingual-e5-base',
    about: 'the same family, better and three times slower',
    languages: 'about 100',
    license: 'MIT',
    dimensions: 768,
    pooling: 'mean',
    repository: 'Xenova/multilingual-e5-base',
    commit: '1ec9243030a27d1a115d5c340572074c125b58b2',
    files: [
      file('config.json', 686, '4c27930e59106027abab56f7531c1fa6b14bbf31e8229ec36d68affa4e869bcd'),
      file(
        'tokenizer.json',
        17_082_660,
        '62c24cdc13d4c9952d63718d6c9fa4c287974249e16b7ade6d5a85e7bbb75626',
      ),
      file(
        'tokenizer_config.json',
        418,
        'efb5c0d09722e5fe59a462cd2a9976ee216d55b037597d997cd3fe833216da15',
      ),
      file(
        'onnx/model_quantized.onnx',
        278_647_662,
        'df7a9a29309e3ad491e1783adf8baee710262cc06079c7cbab63c630277fac94',
      ),
    ],
  },
]

export function catalogueModel(name: string): CatalogueModel | null {
  return CATALOGUE.find((model) => model.name === name) ?? null
}

export function sizeOf({ files }: CatalogueModel): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** What its files leave open. */
export function factsOf({ name, pooling }: CatalogueModel) {
  const family = familyOf(name)
  return {
    name,
    pooling: [pooling],
    queryPrefix: family?.query ?? '',
    documentPrefix: family?.document ?? '',
  }
}

function file(path: string, sizeBytes: number, sha256: string): CatalogueFile {
  return { path, sizeBytes, sha256 }
}
