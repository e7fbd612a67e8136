import { EngramError, messageOf } from '../memory/errors.ts'
import type { ChatModel } from '../memory/ports.ts'
import { send } from './egress.ts'
import { parseJson } from './json.ts'
import type { ChatBody, ChatCompletion } from './openai.ts'
import { replyOf } from './openai-answer.ts'
import { VENDORS, type VendorName, vendorAt } from './vendors.ts'

export type ChatModelOptions = Readonly<{
  vendor: VendorName
  model: string
  /** The vendor's own when left out. */
  baseUrl?: string | null
  apiKey?: string | null
  /** For the whole answer. */
  timeoutMs?: number
}>

type Prompt = Parameters<ChatModel['complete']>[0]

const TIMEOUT_MS = 60_000
const MAX_TOKENS = 4096
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const MAX_SHOWN = 300

/**
 * A language model behind any vendor's API.
 *
 * @throws EngramError `invalid` when the vendor needs a key and there is none.
 */
export function createChatModel(options: ChatModelOptions): ChatModel {
  const { model, apiKey, timeoutMs = TIMEOUT_MS } = options
  const baseUrl = options.baseUrl || VENDORS[options.vendor].baseUrl
  const vendor = vendorAt(options.vendor, baseUrl)
  const name = `${vendor.name}/${model}`
  if (vendor.needsKey && !apiKey) throw new EngramError('invalid', `${name} needs an API key`)
  /** What this model refused once is not asked of it again. */
  const refused = new Set<OptionalField>()

  async function complete(prompt: Prompt, signal?: AbortSignal): Promise<string> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline
    try {
      return await askUntilAccepted(prompt, either)
    } catch (error) {
      if (signal?.aborted) throw error
      if (deadline.aborted) throw tooLate(name, timeoutMs)
      if (error instanceof EngramError) throw error
      throw new EngramError('upstream', `${name} broke off its answer`, { cause: error })
    }
  }

  /** Leaves out what the provider refuses, one field at a time. */
  async function askUntilAccepted(prompt: Prompt, signal: AbortSignal): Promise<string> {
    for (;;) {
      const body = toBody(prompt, options, refused)
      const { status, text } = await ask(body, signal)
      if (status >= 200 && status < 300) return readAnswer(text, body)
      const { message } = vendor.translation.toError(status, text).error
      const field = BAD_REQUEST.has(status) ? refusedField(message, refused) : undefined
      if (field === undefined) throw failed(status, message)
      refused.add(field)
    }
  }

  async function ask(body: ChatBody, signal: AbortSignal) {
    const request = vendor.translation.toRequest(body)
    const headers = new Headers({ ...vendor.headers, 'content-type': 'application/json' })
    if (apiKey) headers.set(...vendor.credential(apiKey))
    const url = vendor.endpoint(baseUrl, request.path)
    const answer = await send({ url, headers, body: JSON.stringify(request.body), signal })
    return { status: answer.status, text: await readText(answer, name) }
  }

  function readAnswer(text: string, body: ChatBody): string {
    const reply = replyOf(toCompletion(text, body))
    if (reply.text.trim() !== '') return reply.text
    const reason = reply.finishReason ?? 'unknown'
    throw new EngramError('upstream', `${name} answered without text (finish reason: ${reason})`)
  }

  function toCompletion(text: string, body: ChatBody): ChatCompletion {
    try {
      return vendor.translation.toCompletion(parseJson(text), body)
    } catch (error) {
      throw new EngramError('upstream', `${name}: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Some providers repeat the key in their message. */
  function failed(status: number, message: string): EngramError {
    const shown = apiKey ? message.replaceAll(apiKey, '[key]') : message
    return new EngramError('upstream', `${name} answered ${status}: ${shown.slice(0, MAX_SHOWN)}`)
  }

  return { name, complete }
}

function tooLate(name: string, timeoutMs: number): EngramError {
  return new EngramError('timeout', `${name} did not answer within ${timeoutMs / 1000} seconds`)
}

type OptionalField = 'temperature' | 'max_completion_tokens' | 'response_format'

/** 422 is what servers that validate with a schema say. */
const BAD_REQUEST = new Set([400, 422])

/** How providers name the field that they do not take. */
const REFUSALS: readonly (readonly [OptionalField, RegExp])[] = [
  ['temperature', /temperature/i],
  ['max_completion_tokens', /max_(completion_)?tokens/i],
  [
    'response_format',
    /response.?format|json.?(schema|mode)|structured.?output|output_(config|format)|response.?mime/i,
  ],
]

function refusedField(
  message: string,
  known: ReadonlySet<OptionalField>,
): OptionalField | undefined {
  return REFUSALS.find(([field, words]) => !known.has(field) && words.test(message))?.[0]
}

function toBody(
  { system, user, schema, schemaName }: Prompt,
  { vendor, model }: ChatModelOptions,
  refused: ReadonlySet<OptionalField>,
): ChatBody {
  // Ollama and many small servers know the limit by its older name only; OpenAI's newer models by the newer.
  const isOlder = vendor === 'ollama' || refused.has('max_completion_tokens')
  return {
    model,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
    [isOlder ? 'max_tokens' : 'max_completion_tokens']: MAX_TOKENS,
    ...(takesTemperature(vendor, model) && !refused.has('temperature') && { temperature: 0 }),
    ...(!refused.has('response_format') && {
      response_format: {
        type: 'json_schema',
        json_schema: { name: schemaName, schema, strict: true },
      },
    }),
  }
}

/**
 * OpenAI's reasoning models and Anthropic's since Opus 4.7 refuse a temperature, and Google advises against one
 * since Gemini 3 (ai.google.dev/gemini-api/docs/gemini-3).
 */
function takesTemperature(vendor: VendorName, model: string): boolean {
  return vendor === 'ollama' || (vendor === 'openai' && /^(chat)?gpt-(3|4)/.test(model))
}

async function readText(answer: Response, name: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let sizeBytes = 0
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength
    // Leaving the loop cancels the rest.
    if (sizeBytes > MAX_ANSWER_BYTES) {
      throw new EngramError('upstream', `${name} answered with more than ${MAX_ANSWER_BYTES} bytes`)
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
