/** Which companies' APIs Engram speaks to, and how each is addressed. */
import { EngramError } from '../memory/errors.ts'
import type { ChatTranslation } from './translation.ts'
import { anthropicMessages } from './translations/anthropic.ts'
import { gemini } from './translations/gemini.ts'
import { openaiChat } from './translations/openai.ts'

export const VENDOR_NAMES = ['openai', 'anthropic', 'gemini', 'ollama'] as const
export type VendorName = (typeof VENDOR_NAMES)[number]

export type Vendor = Readonly<{
  name: VendorName
  /** Used when nobody configured another. */
  baseUrl: string
  /** Ollama needs none, but one in front of a proxy may have one. */
  needsKey: boolean
  /** How it is told and heard as OpenAI chat. */
  translation: ChatTranslation
  /** The header that carries a key; its name is lower-case. */
  credential(key: string): readonly [header: string, value: string]
  /** Headers to add when the client sent none of that name. */
  headers: Readonly<Record<string, string>>
  /**
   * The address of a path of the vendor's API.
   *
   * @param baseUrl As people write it: with or without the version, with slashes at the end, or already with
   *   the chat path.
   * @param path Below the version, such as a translation's, or beginning with one; the base's version comes first.
   * @throws EngramError `invalid` when the base is not an http(s) URL.
   */
  endpoint(baseUrl: string, path: string): string
}>

const bearer = (key: string) => ['authorization', `Bearer ${key}`] as const

export const VENDORS: Readonly<Record<VendorName, Vendor>> = {
  openai: {
    name: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    needsKey: true,
    translation: openaiChat,
    credential: bearer,
    headers: {},
    endpoint: joinedBelow('v1'),
  },
  anthropic: {
    name: 'anthropic',
    baseUrl: 'https://api.anthropic.com',
    needsKey: true,
    translation: anthropicMessages,
    credential: (key) => ['x-api-key', key],
    headers: { 'anthropic-version': '2023-06-01' },
    endpoint: joinedBelow('v1'),
  },
  gemini: {
    name: 'gemini',
    baseUrl: 'https://generativelanguage.googleapis.com',
    needsKey: true,
    translation: gemini,
    credential: (key) => ['x-goog-api-key', key],
    headers: {},
    endpoint: geminiEndpoint,
  },
  ollama: {
    name: 'ollama',
    baseUrl: 'http://127.0.0.1:11434',
    needsKey: false,
    translation: openaiChat,
    credential: bearer,
    headers: {},
    endpoint: ollamaEndpoint,
  },
}

/** Google's OpenAI-compatible API lives below `/openai`, where no version follows. */
const GEMINI_AS_OPENAI: Vendor = {
  ...VENDORS.gemini,
  translation: openaiChat,
  credential: bearer,
  endpoint: joinedBelow(null),
}

/** The vendor as a base URL shows it: a Gemini base that ends in `/openai` means OpenAI's dialect. */
export function vendorAt(name: VendorName, baseUrl: string): Vendor {
  const speaksOpenAi = /\/openai(\/chat\/completions)?\/*$/.test(readBase(baseUrl).pathname)
  return name === 'gemini' && speaksOpenAi ? GEMINI_AS_OPENAI : VENDORS[name]
}

/** @throws EngramError `invalid`, naming the choices. */
export function readVendorName(text: string): VendorName {
  const wanted = text.trim().toLowerCase()
  const name = VENDOR_NAMES.find((each) => each === wanted)
  if (name !== undefined) return name
  throw new EngramError(
    'invalid',
    `the provider must be one of ${VENDOR_NAMES.join(', ')}, got "${text.slice(0, 40)}"`,
  )
}

/** What people copy into a base URL along with it. */
const CHAT_PATH = /\/(chat\/completions|messages)$/
const VERSION = /\/v\d+\w*$/
const LEADING_VERSIONS = /^(?:(\/v\d+\w*)(?=\/))+/

/** @param version Put between base and path when neither names one; null where none belongs. */
function joinedBelow(version: string | null): Vendor['endpoint'] {
  return (baseUrl, path) => {
    const url = readBase(baseUrl)
    const given = url.pathname.replace(/\/+$/, '')
    const base = given.replace(CHAT_PATH, '').replace(/\/+$/, '')
    const [pathname = ''] = path.split('?', 1)
    const [leading = '', named = `/${version}`] = LEADING_VERSIONS.exec(pathname) ?? []
    // A base with the chat path in it is exact: nothing is missing between the two.
    const isExact = base !== given || VERSION.test(base) || version === null
    url.pathname = base + (isExact ? '' : named) + pathname.slice(leading.length)
    url.search = [url.search.slice(1), path.slice(pathname.length + 1)].filter(Boolean).join('&')
    url.hash = ''
    return url.href
  }
}

/** Files go up beside the version, not below it. */
function geminiEndpoint(baseUrl: string, path: string): string {
  if (!path.startsWith('/upload/')) return joinedBelow('v1beta')(baseUrl, path)
  const root = readBase(baseUrl)
  root.pathname = root.pathname.replace(/\/+$/, '').replace(VERSION, '')
  return joinedBelow(null)(root.href, path)
}

/** Ollama's own API, below `/api`, stands beside its OpenAI-compatible one, below `/v1`. */
function ollamaEndpoint(baseUrl: string, path: string): string {
  const root = baseUrl.trim().replace(/\/(api|v1)\/*$/, '')
  const isOwn = path === '/' || path.startsWith('/api/')
  return joinedBelow(isOwn ? null : 'v1')(root, path)
}

function readBase(baseUrl: string): URL {
  const url = URL.parse(baseUrl.trim())
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new EngramError('invalid', 'a base URL must begin with http:// or https://', {
    fix: 'write it like https://api.openai.com/v1',
  })
}
