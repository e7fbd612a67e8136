/** Where a proxied request goes: read from its path alone, and from `anthropic-version`. */
import type { ErrorForm } from '../../providers/own-error.ts'
import type { VendorName } from '../../providers/vendors.ts'
import type { Wire } from '../../providers/wire.ts'
import { anthropicMessages } from '../../providers/wires/anthropic-messages.ts'
import { gemini } from '../../providers/wires/gemini.ts'
import { ollamaChat, ollamaGenerate } from '../../providers/wires/ollama.ts'
import { openaiChat } from '../../providers/wires/openai-chat.ts'
import { openaiResponses } from '../../providers/wires/openai-responses.ts'

export type Target = Readonly<{
  /** The key that stood in the path. */
  token: string | null
  vendor: VendorName
  /** The vendor's name stood in the path. */
  isMounted: boolean
  /** The path of the provider's API, without query. */
  path: string
  /** With its question mark; empty for none. */
  query: string
  /** A conversation that memory can take part in; null for everything else, which passes as it is. */
  wire: Wire | null
  /** What our own errors look like. */
  form: ErrorForm
}>

/**
 * @param url as the server has it: its path has no dot segments any more
 * @returns null for a path that is none of a provider's
 */
export function readTarget(url: string, method: string, headers: Headers): Target | null {
  const { pathname: whole, search: query } = new URL(url)
  const token = tokenIn(whole)
  const below = token === null ? whole : whole.slice('/u/'.length + token.length) || '/'
  const [, mount = null] = /^\/(openai|anthropic|gemini|ollama)(?=\/|$)/.exec(below) ?? []
  const given = mount === null ? below : below.slice(mount.length + 1) || '/'
  // People put the version into the base URL of clients that add it by themselves.
  const path = given.replace(/^(\/v\d+\w*)\1(?=\/|$)/, '$1')
  const vendor = (mount as VendorName | null) ?? vendorOf(path, headers)
  if (vendor === null) return null
  const wire = method === 'POST' ? wireOf(path) : null
  return { token, vendor, isMounted: mount !== null, path, query, wire, form: formOf(vendor, path) }
}

/** The key in a path. */
export function tokenIn(path: string): string | null {
  return /^\/u\/([^/]+)(?=\/|$)/.exec(path)?.[1] ?? null
}

/** Of the paths at the root, each of which is one vendor's own. */
function vendorOf(path: string, headers: Headers): VendorName | null {
  const isOf = (...prefixes: string[]) =>
    prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
  if (isOf('/api')) return 'ollama'
  if (isOf('/v1beta', '/v1alpha', '/upload') || GEMINI_METHOD.test(path)) return 'gemini'
  if (isOf('/v1/messages', '/v1/complete', '/messages')) return 'anthropic'
  // Models, files and batches have the same paths at both.
  if (isOf('/v1')) return headers.has('anthropic-version') ? 'anthropic' : 'openai'
  return isOf('/chat/completions', '/responses', '/embeddings') ? 'openai' : null
}

/** Names of OpenAI's fine-tuned models hold colons too. */
const GEMINI_METHOD =
  /^\/v1\/models\/[^/:]+:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$/

function wireOf(path: string): Wire | null {
  const bare = path.replace(/\/+$/, '')
  if (bare === '/api/chat') return ollamaChat
  if (bare === '/api/generate') return ollamaGenerate
  const unversioned = bare.replace(/^\/v\d+\w*(?=\/)/, '')
  // Google's OpenAI-compatible API lies below `/openai`.
  if (/^(\/openai)?\/chat\/completions$/.test(unversioned)) return openaiChat
  if (unversioned === '/responses') return openaiResponses
  if (unversioned === '/messages') return anthropicMessages
  return /^\/(models|tunedModels)\/[^/:]+:(generateContent|streamGenerateContent)$/.test(
    unversioned,
  )
    ? gemini
    : null
}

function formOf(vendor: VendorName, path: string): ErrorForm {
  const wire = wireOf(path)
  if (wire === openaiChat || wire === openaiResponses) return 'openai'
  if (wire === anthropicMessages) return 'anthropic'
  return vendor
}
