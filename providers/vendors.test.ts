import { describe, expect, test } from 'bun:test'
import { EngramError } from '../memory/errors.ts'
import { readVendorName, VENDORS, type VendorName, vendorAt } from './vendors.ts'

const CHAT = '/chat/completions'
const GEMINI = '/models/g:streamGenerateContent?alt=sse'

describe('endpoint', () => {
  const cases: [vendor: VendorName, baseUrl: string, path: string, url: string][] = [
    ['openai', VENDORS.openai.baseUrl, CHAT, 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com', CHAT, 'https://api.openai.com/v1/chat/completions'],
    ['openai', ' https://api.openai.com/v1// ', CHAT, 'https://api.openai.com/v1/chat/completions'],
    [
      'openai',
      'https://api.openai.com/v1/chat/completions/',
      CHAT,
      'https://api.openai.com/v1/chat/completions',
    ],
    ['openai', 'https://api.openai.com/v1', '/v1/models', 'https://api.openai.com/v1/models'],
    ['openai', 'https://api.openai.com', '/v1/v1/models', 'https://api.openai.com/v1/models'],
    [
      'openai',
      'https://host/api/v3',
      '/v1/chat/completions',
      'https://host/api/v3/chat/completions',
    ],
    [
      'openai',
      'https://openrouter.ai/api/v1',
      CHAT,
      'https://openrouter.ai/api/v1/chat/completions',
    ],
    ['openai', 'https://host/chat/completions', CHAT, 'https://host/chat/completions'],
    [
      'openai',
      'https://host/v1?api-version=2#x',
      '/models?limit=1',
      'https://host/v1/models?api-version=2&limit=1',
    ],
    ['anthropic', VENDORS.anthropic.baseUrl, '/messages', 'https://api.anthropic.com/v1/messages'],
    [
      'anthropic',
      'https://api.anthropic.com/v1/',
      '/messages',
      'https://api.anthropic.com/v1/messages',
    ],
    [
      'anthropic',
      'https://api.anthropic.com/v1/messages',
      '/messages',
      'https://api.anthropic.com/v1/messages',
    ],
    [
      'anthropic',
      'https://api.anthropic.com',
      '/v1/messages?beta=true',
      'https://api.anthropic.com/v1/messages?beta=true',
    ],
    [
      'gemini',
      VENDORS.gemini.baseUrl,
      GEMINI,
      `https://generativelanguage.googleapis.com/v1beta${GEMINI}`,
    ],
    ['gemini', 'https://host/v1beta', GEMINI, `https://host/v1beta${GEMINI}`],
    ['gemini', 'https://host/v1/', GEMINI, `https://host/v1${GEMINI}`],
    [
      'gemini',
      'https://host',
      '/v1alpha/models/g:countTokens',
      'https://host/v1alpha/models/g:countTokens',
    ],
    ['gemini', 'https://host/v1beta/openai', CHAT, 'https://host/v1beta/openai/chat/completions'],
    [
      'gemini',
      'https://host/v1beta/openai/chat/completions',
      CHAT,
      'https://host/v1beta/openai/chat/completions',
    ],
    ['gemini', 'https://host/v1beta/openai', '/v1/models', 'https://host/v1beta/openai/models'],
    ['gemini', 'https://host', '/models?a=1?b', 'https://host/v1beta/models?a=1?b'],
    ['ollama', VENDORS.ollama.baseUrl, CHAT, 'http://127.0.0.1:11434/v1/chat/completions'],
    ['ollama', 'http://127.0.0.1:11434/v1', CHAT, 'http://127.0.0.1:11434/v1/chat/completions'],
    ['ollama', 'http://127.0.0.1:11434/api/', CHAT, 'http://127.0.0.1:11434/v1/chat/completions'],
    ['ollama', 'http://127.0.0.1:11434/v1', '/api/tags', 'http://127.0.0.1:11434/api/tags'],
    ['ollama', 'http://host/prefix', CHAT, 'http://host/prefix/v1/chat/completions'],
  ]
  for (const [vendor, baseUrl, path, url] of cases) {
    test(`${vendor}: ${baseUrl} and ${path} → ${url}`, () => {
      expect(vendorAt(vendor, baseUrl).endpoint(baseUrl, path)).toBe(url)
    })
  }

  for (const baseUrl of ['', 'api.openai.com', 'file:///tmp', 'localhost:11434']) {
    test(`"${baseUrl}" is no base URL`, () => {
      expect(() => VENDORS.openai.endpoint(baseUrl, CHAT)).toThrow('http:// or https://')
    })
  }
})

describe('vendorAt', () => {
  test('a Gemini base that ends in /openai speaks OpenAI with a bearer token', () => {
    const vendor = vendorAt('gemini', 'https://generativelanguage.googleapis.com/v1beta/openai/')
    expect(vendor).toMatchObject({ name: 'gemini', translation: { name: 'openai-chat' } })
    expect(vendor.credential('k')).toEqual(['authorization', 'Bearer k'])
  })

  test("anything else is the vendor's own", () => {
    expect(vendorAt('gemini', VENDORS.gemini.baseUrl)).toBe(VENDORS.gemini)
    expect(vendorAt('openai', 'https://api.groq.com/openai')).toBe(VENDORS.openai)
  })
})

test('each vendor carries its key where it wants it', () => {
  const credentials = Object.values(VENDORS).map((vendor) => [vendor.name, vendor.credential('k')])
  expect(Object.fromEntries(credentials)).toEqual({
    openai: ['authorization', 'Bearer k'],
    anthropic: ['x-api-key', 'k'],
    gemini: ['x-goog-api-key', 'k'],
    ollama: ['authorization', 'Bearer k'],
  })
  expect(VENDORS.anthropic.headers).toEqual({ 'anthropic-version': '2023-06-01' })
})

describe('readVendorName', () => {
  test('takes the four names, trimmed and in any case', () => {
    expect(['openai', ' Anthropic', 'GEMINI\n', 'ollama'].map(readVendorName)).toEqual([
      'openai',
      'anthropic',
      'gemini',
      'ollama',
    ])
  })

  for (const text of ['', 'mistral', '__proto__', 'constructor', 'toString', 'open ai']) {
    test(`"${text}" is refused with the choices`, () => {
      expect(() => readVendorName(text)).toThrow('one of openai, anthropic, gemini, ollama')
      expect(() => readVendorName(text)).toThrow(EngramError)
    })
  }
})
