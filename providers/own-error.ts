import type { JsonObject } from '../memory/memory.ts'
import { openAiError } from './openai.ts'

/** Whose clients are to read an error that is ours. */
export type ErrorForm = 'openai' | 'anthropic' | 'gemini' | 'ollama'

/**
 * An error of Engram itself as the provider would have put it, so that its clients raise what they would raise.
 *
 * @param code a name for programs, where the form has a place for it
 */
export function ownError(
  form: ErrorForm,
  status: number,
  message: string,
  code: string,
): JsonObject {
  switch (form) {
    case 'openai':
      return openAiError(status, message, code)
    case 'anthropic':
      return { type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message } }
    case 'gemini':
      return { error: { code: status, message, status: GOOGLE_STATUSES[status] ?? 'INTERNAL' } }
    case 'ollama':
      return { error: message }
  }
}

/** platform.claude.com/docs/en/api/errors */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'invalid_request_error',
  413: 'request_too_large',
  415: 'invalid_request_error',
  426: 'invalid_request_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}

/** cloud.google.com/apis/design/errors */
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  426: 'FAILED_PRECONDITION',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}
