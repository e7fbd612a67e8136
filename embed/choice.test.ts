import { describe, expect, test } from 'bun:test'
import { choiceText, readChoice } from './choice.ts'
import { familyOf } from './families.ts'

describe('a choice of embedder', () => {
  test.each([
    ['minilm', { kind: 'minilm' }],
    [' static ', { kind: 'static' }],
    ['openai:text-embedding-3-small', { kind: 'openai', model: 'text-embedding-3-small' }],
    ['openai:BAAI/bge-m3', { kind: 'openai', model: 'BAAI/bge-m3' }],
    ['ollama:nomic-embed-text:v1.5', { kind: 'ollama', model: 'nomic-embed-text:v1.5' }],
    ['/models/bge-small', { kind: 'folder', path: '/models/bge-small' }],
    ['multilingual-e5-small', { kind: 'named', name: 'multilingual-e5-small' }],
  ])('%p is read and written back', (text, choice) => {
    expect(readChoice(text)).toEqual(choice as never)
    expect(choiceText(readChoice(text))).toBe(text.trim())
  })

  test.each([
    ['', /there is no embedder ""/],
    ['minilmm', /there is no embedder "minilmm"/],
    ['./models/x', /there is no embedder/],
    ['gemini:embedding-001', /there is no embedder/],
    ['openai:', /must be followed by the name of a model/],
    ['ollama:two words', /must be followed by/],
    ['ollama:a\u0000b', /must be followed by/],
    [`openai:${'x'.repeat(300)}`, /must be followed by/],
    ['x'.repeat(5_000), /there is no embedder "x{40}…"/],
    ['__proto__', /there is no embedder/],
  ])('%p is refused', (text, message) => {
    expect(() => readChoice(text)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) }),
    )
  })
})

test.each([
  ['BAAI/bge-small-en-v1.5', 'Represent this sentence for searching relevant passages: ', ''],
  ['bge-large', 'Represent this sentence for searching relevant passages: ', ''],
  ['bge-m3:latest', '', ''],
  ['intfloat/multilingual-e5-large', 'query: ', 'passage: '],
  ['intfloat/multilingual-e5-large-instruct', '', ''],
  ['nomic-embed-text', 'search_query: ', 'search_document: '],
  ['snowflake-arctic-embed2', 'query: ', ''],
  ['snowflake-arctic-embed:33m', 'Represent this sentence for searching relevant passages: ', ''],
  ['text-embedding-3-small', '', ''],
  ['all-minilm', '', ''],
])('%s sees its family’s prefixes', (name, query, document) => {
  const family = familyOf(name)
  expect([family?.query ?? '', family?.document ?? '']).toEqual([query, document])
})
