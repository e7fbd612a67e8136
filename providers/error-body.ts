import { fieldsOf, isFields, parseJson, stringOf } from './json.ts'
import { type OpenAiError, openAiError } from './openai.ts'

const MAX_MESSAGE = 2_000

/**
 * An error body of any provider → OpenAI's form. A body in that form already passes as it is, with whatever
 * more it says. Known besides: Anthropic `{type:"error",error:{type,message}}`, Google
 * `{error:{code,message,status}}` (also inside a list), Ollama `{error:"text"}`, and plain text or HTML from
 * something in between.
 */
export function errorFrom(status: number, body: string): OpenAiError {
  const parsed = parseJson(body)
  const answer = fieldsOf(Array.isArray(parsed) ? parsed[0] : parsed)
  if (isOpenAiError(answer)) return answer
  const error = fieldsOf(answer.error)
  const message =
    [error.message, answer.error, answer.message, answer.detail].map(stringOf).find(Boolean) ??
    plainText(isFields(parsed) || Array.isArray(parsed) ? JSON.stringify(parsed) : body)
  return openAiError(
    status,
    message || `the provider answered ${status} without a message`,
    stringOf(error.status) || null,
    stringOf(error.type) || undefined,
  )
}

/** Google's errors also have `message`, but a numeric code and a status; Anthropic's outer `type` gives it away. */
function isOpenAiError(answer: unknown): answer is OpenAiError {
  const { type, error } = fieldsOf(answer)
  const { message, status, code } = fieldsOf(error)
  const isForeign = type === 'error' || (typeof code === 'number' && typeof status === 'string')
  return typeof message === 'string' && !isForeign && 'type' in fieldsOf(error)
}

/** What a person would read of a text or an HTML page. */
function plainText(body: string): string {
  const text = body
    .slice(0, 32 * MAX_MESSAGE)
    .replace(/<(style|script)\b.*?<\/\1>/gis, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
  return text.trim().slice(0, MAX_MESSAGE)
}
