import { choiceText, readChoice } from '../embed/choice.ts'
import { EngramError } from '../memory/errors.ts'

/** One setting: where its value may come from, what it must be, and what it is for. */
export type Setting<T> = Readonly<{
  /** What it is for, one line; help and docs are made from it. */
  about: string
  /** First the name of ours, then the predecessor's names that are accepted in its place. */
  env: readonly string[]
  /** The command line flag of `engram serve`, without dashes. */
  flag?: string
  fallback: T
  /** From text (environment, flag) or a TOML value. @throws Error whose message says what it must be. */
  read: (value: unknown) => T
  /** Never printed. */
  secret?: true
}>

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
const LOG_FORMATS = ['text', 'json'] as const
const EXTRACTION_PROVIDERS = ['none', 'openai', 'anthropic', 'gemini', 'ollama'] as const
const REVIEW_POLICIES = ['none', 'conflicts', 'all'] as const

export type ReviewPolicy = (typeof REVIEW_POLICIES)[number]

/** Every setting by its name in config.toml. */
export const SETTINGS = {
  'server.host': setting({
    about: 'address to listen on',
    env: ['ENGRAM_HOST'],
    flag: 'host',
    fallback: '127.0.0.1',
    read: oneLine,
  }),
  'server.port': setting({
    about: 'port to listen on',
    env: ['ENGRAM_PORT'],
    flag: 'port',
    fallback: 3647,
    read: wholeNumber(0, 65_535),
  }),
  'server.admin_key': setting<string | null>({
    about: 'key for creating users and other administration; needed beyond the local machine',
    env: ['ENGRAM_ADMIN_KEY', 'ENGRAM_SERVICE_KEY'],
    fallback: null,
    read: secretText(16),
    secret: true,
  }),
  'server.require_key': setting({
    about: 'refuse proxied requests without an Engram key, also from this machine',
    env: ['ENGRAM_REQUIRE_KEY'],
    flag: 'require-key',
    fallback: false,
    read: yesOrNo,
  }),
  'server.behind_proxy': setting({
    about: 'a reverse proxy in front of Engram ends TLS',
    env: ['ENGRAM_BEHIND_PROXY'],
    flag: 'behind-proxy',
    fallback: false,
    read: yesOrNo,
  }),
  'server.tls_cert': setting<string | null>({
    about: 'file with the TLS certificate (PEM)',
    env: ['ENGRAM_TLS_CERT'],
    flag: 'tls-cert',
    fallback: null,
    read: oneLine,
  }),
  'server.tls_key': setting<string | null>({
    about: 'file with the TLS key (PEM)',
    env: ['ENGRAM_TLS_KEY'],
    flag: 'tls-key',
    fallback: null,
    read: oneLine,
  }),
  'server.allowed_hosts': setting<readonly string[]>({
    about: 'further names under which requests may reach Engram (Host header)',
    env: ['ENGRAM_ALLOWED_HOSTS'],
    fallback: [],
    read: listOfNames,
  }),
  'server.allowed_origins': setting<readonly string[]>({
    about: 'web origins that may call Engram from a browser',
    env: ['ENGRAM_ALLOWED_ORIGINS', 'CORS_ORIGINS'],
    fallback: [],
    read: listOfOrigins,
  }),
  'server.oauth': setting({
    about: 'let apps ask for access by OAuth at /mcp; each needs your consent',
    env: ['ENGRAM_OAUTH'],
    fallback: true,
    read: yesOrNo,
  }),
  'server.legacy_sse': setting({
    about: 'also serve MCP in its old form, at /sse, for clients that know no other',
    env: ['ENGRAM_LEGACY_SSE'],
    flag: 'legacy-sse',
    fallback: false,
    read: yesOrNo,
  }),
  'providers.openai.base_url': baseUrl('OPENAI', 'OpenAI', 'https://api.openai.com/v1'),
  'providers.openai.api_key': apiKey('OPENAI'),
  'providers.anthropic.base_url': baseUrl('ANTHROPIC', 'Anthropic', 'https://api.anthropic.com'),
  'providers.anthropic.api_key': apiKey('ANTHROPIC'),
  'providers.gemini.base_url': baseUrl(
    'GEMINI',
    'Gemini',
    'https://generativelanguage.googleapis.com',
  ),
  'providers.gemini.api_key': apiKey('GEMINI'),
  'providers.ollama.base_url': baseUrl('OLLAMA', 'Ollama', 'http://127.0.0.1:11434'),
  'extraction.provider': setting<(typeof EXTRACTION_PROVIDERS)[number]>({
    about: 'whose model extracts memories; none uses the built-in rules',
    env: ['ENGRAM_EXTRACTION_PROVIDER', 'EXTRACTION_PROVIDER'],
    fallback: 'none',
    read: oneOf(EXTRACTION_PROVIDERS),
  }),
  'extraction.model': setting<string | null>({
    about: 'the model that extracts memories; by default a small one of the provider',
    env: ['ENGRAM_EXTRACTION_MODEL', 'EXTRACTION_MODEL'],
    fallback: null,
    read: oneLine,
  }),
  'memory.review': setting<ReviewPolicy>({
    about: 'what waits for your approval: all new memories, conflicts only, or none',
    env: ['ENGRAM_REVIEW'],
    fallback: 'conflicts',
    read: oneOf(REVIEW_POLICIES),
  }),
  'memory.keep_conversations_days': setting({
    about: 'days after which conversations are deleted; 0 keeps them',
    env: ['ENGRAM_KEEP_CONVERSATIONS_DAYS'],
    fallback: 0,
    read: wholeNumber(0, 36_500),
  }),
  'memory.keep_receipts_days': setting({
    about: 'days after which receipts are deleted; 0 keeps them',
    env: ['ENGRAM_KEEP_RECEIPTS_DAYS'],
    fallback: 90,
    read: wholeNumber(0, 36_500),
  }),
  'memory.keep_deleted_days': setting({
    about: 'days in which a deleted memory can be brought back by undo',
    env: ['ENGRAM_KEEP_DELETED_DAYS'],
    fallback: 30,
    read: wholeNumber(0, 36_500),
  }),
  'recall.deadline_ms': setting({
    about: 'milliseconds that a proxied request waits for memory before it goes on without',
    env: ['ENGRAM_RECALL_DEADLINE_MS'],
    fallback: 150,
    read: wholeNumber(1, 60_000),
  }),
  'recall.max_memories': setting({
    about: 'memories that are given to the model at most',
    env: ['ENGRAM_MAX_MEMORIES', 'MAX_MEMORIES_INJECTED'],
    fallback: 5,
    read: wholeNumber(1, 20),
  }),
  'recall.budget_tokens': setting({
    about: 'tokens that the given memories may cost',
    env: ['ENGRAM_BUDGET_TOKENS'],
    fallback: 800,
    read: wholeNumber(50, 100_000),
  }),
  'recall.quote_turns': setting({
    about: 'quote your own earlier words where no memory says it',
    env: ['ENGRAM_QUOTE_TURNS'],
    fallback: true,
    read: yesOrNo,
  }),
  'proxy.first_byte_seconds': setting({
    about: 'seconds that a provider may take to begin its answer',
    env: ['ENGRAM_FIRST_BYTE_SECONDS'],
    fallback: 900,
    read: wholeNumber(1, 86_400),
  }),
  'proxy.silence_seconds': setting({
    about: 'seconds that a provider may be silent in the middle of its answer',
    env: ['ENGRAM_SILENCE_SECONDS'],
    fallback: 900,
    read: wholeNumber(1, 86_400),
  }),
  'embedding.model': setting<string>({
    about:
      'what turns text into vectors: minilm (better), static (smaller, no native code), auto (minilm where it runs), openai:MODEL, ollama:MODEL, a folder, or a model of engram embeddings list',
    env: ['ENGRAM_EMBEDDING_MODEL'],
    fallback: 'auto',
    read: embedder,
  }),
  'embedding.base_url': setting<string | null>({
    about: 'server for openai:MODEL or ollama:MODEL, when it is not the one of providers',
    env: ['ENGRAM_EMBEDDING_BASE_URL'],
    fallback: null,
    read: httpUrl,
  }),
  'embedding.api_key': setting<string | null>({
    about: 'key for that server; the key of providers is sent to the server of providers only',
    env: ['ENGRAM_EMBEDDING_API_KEY'],
    fallback: null,
    read: secretText(4),
    secret: true,
  }),
  'embedding.download_url': setting({
    about: 'where models by name are fetched from, when they are asked for',
    env: ['ENGRAM_EMBEDDING_DOWNLOAD_URL', 'HF_ENDPOINT'],
    fallback: 'https://huggingface.co',
    read: httpUrl,
  }),
  'log.level': setting<(typeof LOG_LEVELS)[number]>({
    about: 'debug, info, warn, error or silent',
    env: ['ENGRAM_LOG_LEVEL', 'LOG_LEVEL'],
    fallback: 'info',
    read: oneOf(LOG_LEVELS),
  }),
  'log.format': setting<(typeof LOG_FORMATS)[number]>({
    about: 'text or json',
    env: ['ENGRAM_LOG_FORMAT'],
    flag: 'log-format',
    fallback: 'text',
    read: oneOf(LOG_FORMATS),
  }),
} as const

export type SettingName = keyof typeof SETTINGS
export type Settings = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never
}

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]

/** @throws EngramError `invalid` naming the setting that was probably meant. */
export function readSettingName(text: string): SettingName {
  if (Object.hasOwn(SETTINGS, text)) return text as SettingName
  const last = text.split('.').at(-1)!
  const near = SETTING_NAMES.filter((name) => name.endsWith(last) || name.includes(text))
  throw new EngramError('invalid', `there is no setting ${text}`, {
    fix: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'engram config list',
  })
}

function setting<T>(given: Setting<T>): Setting<T> {
  return given
}

function baseUrl(vendor: string, name: string, fallback: string): Setting<string> {
  return {
    about: `address of the API of ${name}`,
    env: [`ENGRAM_${vendor}_BASE_URL`, `${vendor}_BASE_URL`],
    fallback,
    read: httpUrl,
  }
}

function apiKey(vendor: string): Setting<string | null> {
  return {
    about: 'key for extraction and for users who bring none',
    env: [`ENGRAM_${vendor}_API_KEY`, `${vendor}_API_KEY`],
    fallback: null,
    read: secretText(4),
    secret: true,
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('must be text')
  return value
}

function oneLine(value: unknown): string {
  const line = text(value).trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (line === '' || /[\x00-\x1f\x7f]/.test(line)) throw new Error('must be one line of text')
  return line
}

/** @param least a provider's key is as long as it is; what we are guarded by alone must not be guessed */
function secretText(least: number) {
  return (value: unknown): string => {
    const secret = text(value).trim()
    if (secret.length < least || !/^[\x21-\x7e]{1,512}$/.test(secret)) {
      throw new Error(`must be ${least} to 512 printable characters without spaces`)
    }
    return secret
  }
}

function wholeNumber(min: number, max: number) {
  return (value: unknown): number => {
    const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
    if (!Number.isInteger(number) || (number as number) < min || (number as number) > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`)
    }
    return number as number
  }
}

function yesOrNo(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (['true', '1', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'no', 'off'].includes(word)) return false
  throw new Error('must be true or false')
}

function oneOf<const T extends string>(choices: readonly T[]) {
  return (value: unknown): T => {
    const word = typeof value === 'string' ? value.trim().toLowerCase() : value
    const found = choices.find((choice) => choice === word)
    if (!found) throw new Error(`must be one of ${choices.join(', ')}`)
    return found
  }
}

function embedder(value: unknown): string {
  const given = oneLine(value)
  if (given === 'auto') return given
  try {
    return choiceText(readChoice(given))
  } catch (error) {
    const { fix, message } = error as EngramError
    throw new Error(`must be ${fix?.startsWith('one of') ? `auto or ${fix}` : message}`)
  }
}

function httpUrl(value: unknown): string {
  const given = oneLine(value)
  const url = URL.canParse(given) ? new URL(given) : null
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error('must be an http:// or https:// address')
  }
  if (url.username || url.password) throw new Error('must not hold a user name or password')
  return given.replace(/\/+$/, '')
}

function list(value: unknown): string[] {
  const parts = Array.isArray(value) ? value.map(text) : text(value).split(',')
  return parts.map((part) => part.trim()).filter(Boolean)
}

function listOfNames(value: unknown): readonly string[] {
  const names = list(value).map((name) => name.toLowerCase())
  if (!names.every((name) => /^[a-z0-9.:[\]-]+$/.test(name))) {
    throw new Error('must be host names separated by commas')
  }
  return names
}

function listOfOrigins(value: unknown): readonly string[] {
  const origins = list(value)
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new Error(
        'must be origins such as https://app.example, separated by commas; * is refused',
      )
    }
  }
  return origins
}
