import { describe, expect, test } from 'bun:test'
import { readTarget } from './target.ts'

const TOKEN = 'ek_0123'

function target(path: string, method = 'POST', headers: Record<string, string> = {}) {
  return readTarget(`http://127.0.0.1:3647${path}`, method, new Headers(headers))
}

describe('where a request goes', () => {
  test.each([
    ['/v1/chat/completions', 'openai', 'openai-chat', '/v1/chat/completions'],
    ['/chat/completions', 'openai', 'openai-chat', '/chat/completions'],
    ['/v1/v1/chat/completions', 'openai', 'openai-chat', '/v1/chat/completions'],
    ['/openai/v1/chat/completions', 'openai', 'openai-chat', '/v1/chat/completions'],
    ['/openai/chat/completions', 'openai', 'openai-chat', '/chat/completions'],
    ['/v1/responses', 'openai', 'openai-responses', '/v1/responses'],
    ['/openai/v1/responses', 'openai', 'openai-responses', '/v1/responses'],
    ['/v1/responses/compact', 'openai', null, '/v1/responses/compact'],
    ['/v1/embeddings', 'openai', null, '/v1/embeddings'],
    ['/v1/models', 'openai', null, '/v1/models'],
    ['/v1/models/ft:gpt-4o:org::id', 'openai', null, '/v1/models/ft:gpt-4o:org::id'],
    ['/openai/v1/files', 'openai', null, '/v1/files'],
    ['/openai', 'openai', null, '/'],
    ['/v1/messages', 'anthropic', 'anthropic-messages', '/v1/messages'],
    ['/v1/messages/', 'anthropic', 'anthropic-messages', '/v1/messages/'],
    ['/v1/messages/count_tokens', 'anthropic', null, '/v1/messages/count_tokens'],
    ['/v1/messages/batches', 'anthropic', null, '/v1/messages/batches'],
    ['/anthropic/v1/messages', 'anthropic', 'anthropic-messages', '/v1/messages'],
    ['/anthropic/v1/chat/completions', 'anthropic', 'openai-chat', '/v1/chat/completions'],
    ['/v1beta/models/g:generateContent', 'gemini', 'gemini', '/v1beta/models/g:generateContent'],
    [
      '/gemini/v1/models/g:streamGenerateContent',
      'gemini',
      'gemini',
      '/v1/models/g:streamGenerateContent',
    ],
    ['/v1/models/g:generateContent', 'gemini', 'gemini', '/v1/models/g:generateContent'],
    ['/v1beta/models/g:countTokens', 'gemini', null, '/v1beta/models/g:countTokens'],
    ['/upload/v1beta/files', 'gemini', null, '/upload/v1beta/files'],
    [
      '/gemini/v1beta/openai/chat/completions',
      'gemini',
      'openai-chat',
      '/v1beta/openai/chat/completions',
    ],
    ['/api/chat', 'ollama', 'ollama-chat', '/api/chat'],
    ['/ollama/api/generate', 'ollama', 'ollama-generate', '/api/generate'],
    ['/api/tags', 'ollama', null, '/api/tags'],
    ['/ollama/', 'ollama', null, '/'],
    ['/ollama/v1/chat/completions', 'ollama', 'openai-chat', '/v1/chat/completions'],
  ])('%s', (path, vendor, wire, sent) => {
    const read = target(path)!
    expect([read.vendor, read.wire?.name ?? null, read.path]).toEqual([vendor, wire, sent])
    expect(read.token).toBeNull()
    const below = target(`/u/${TOKEN}${path}`)!
    expect(below).toEqual({ ...read, token: TOKEN })
  })

  test('what OpenAI and Anthropic share goes where the version of an API says', () => {
    const anthropic = { 'anthropic-version': '2023-06-01' }
    for (const path of ['/v1/models', '/v1/files', '/v1/models/claude']) {
      expect(target(path, 'GET')?.vendor).toBe('openai')
      expect(target(path, 'GET', anthropic)?.vendor).toBe('anthropic')
    }
    expect(target('/openai/v1/models', 'GET', anthropic)?.vendor).toBe('openai')
    expect(target('/v1/messages', 'POST')?.vendor).toBe('anthropic')
  })

  test('only a POST is a conversation', () => {
    for (const method of ['GET', 'DELETE', 'HEAD', 'OPTIONS']) {
      expect(target('/v1/chat/completions', method)?.wire).toBeNull()
    }
  })

  test('the query is kept as it came', () => {
    const { path, query } = target('/v1/messages?beta=true&x=%20a')!
    expect([path, query]).toEqual(['/v1/messages', '?beta=true&x=%20a'])
  })

  test.each([
    '/',
    '/u',
    '/u/',
    '/memories',
    '/openaix/v1',
    '/v2/chat',
    '/apis/chat',
    '/u/x/memories',
  ])('%s is no provider’s', (path) => {
    expect(target(path)).toBeNull()
  })

  test('errors look as those of whose client asks', () => {
    expect(target('/anthropic/v1/chat/completions')?.form).toBe('openai')
    expect(target('/v1/messages', 'GET')?.form).toBe('anthropic')
    expect(target('/ollama/v1/messages')?.form).toBe('anthropic')
    expect(target('/gemini/v1beta/files')?.form).toBe('gemini')
    expect(target('/api/tags')?.form).toBe('ollama')
  })
})
