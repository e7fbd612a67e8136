import type { PoolingMode } from './sentence-model.ts'

/** What a family of models was trained to see before a text, and how it pools, where its files do not say. */
export type Family = Readonly<{
  /** Part of the model's name, whoever serves it: ollama, an OpenAI-compatible server, a folder. */
  names: RegExp
  query: string
  document: string
  pooling: PoolingMode
}>

const BGE_QUERY = 'Represent this sentence for searching relevant passages: '

/** From the models' cards. A model that is in none of these families sees texts as they are. */
const FAMILIES: readonly Family[] = [
  {
    names: /bge-(?:small|base|large)-en|^bge-large(?::|$)/,
    query: BGE_QUERY,
    document: '',
    pooling: 'cls',
  },
  {
    names: /bge-(?:small|base|large)-zh/,
    query: '为这个句子生成表示以用于检索相关文章：',
    document: '',
    pooling: 'cls',
  },
  { names: /bge-m3/, query: '', document: '', pooling: 'cls' },
  {
    names: /e5-(?:small|base|large)(?!.*instruct)/,
    query: 'query: ',
    document: 'passage: ',
    pooling: 'mean',
  },
  {
    names: /nomic-embed-text/,
    query: 'search_query: ',
    document: 'search_document: ',
    pooling: 'mean',
  },
  {
    names: /arctic-embed2|arctic-embed-[ml]-v2/,
    query: 'query: ',
    document: '',
    pooling: 'cls',
  },
  { names: /arctic-embed|mxbai-embed-large/, query: BGE_QUERY, document: '', pooling: 'cls' },
  {
    names: /embeddinggemma/,
    query: 'task: search result | query: ',
    document: 'title: none | text: ',
    pooling: 'mean',
  },
  {
    names: /qwen3-embedding/,
    query:
      'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:',
    document: '',
    pooling: 'lasttoken',
  },
  { names: /gte-(?:small|base|large)/, query: '', document: '', pooling: 'mean' },
  { names: /all-minilm|paraphrase-.*minilm/, query: '', document: '', pooling: 'mean' },
]

/** @param name as people and servers write it: "BAAI/bge-small-en-v1.5", "nomic-embed-text:latest" */
export function familyOf(name: string): Family | null {
  const plain = name.toLowerCase().replaceAll('_', '-')
  return FAMILIES.find(({ names }) => names.test(plain)) ?? null
}
