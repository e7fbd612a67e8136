import { EngramError, messageOf } from '../../memory/errors.ts'
import { type ErrorForm, ownError } from '../../providers/own-error.ts'
import type { Services } from '../services.ts'

/** A failure of ours in the form that the provider's clients read. */
export function refusal(error: unknown, form: ErrorForm, { log }: Pick<Services, 'log'>): Response {
  if ((error as Error)?.name === 'AbortError') return new Response(null, { status: 499 })
  if (!(error instanceof EngramError)) {
    log.error({ error: messageOf(error), stack: (error as Error)?.stack }, 'unexpected error')
    return answer(form, 500, 'an unexpected error of Engram', 'internal')
  }
  const status = STATUS[error.code] ?? 500
  if (status >= 500) log.warn({ code: error.code, error: error.message }, 'request failed')
  const message = error.fix ? `${error.message} (${error.fix})` : error.message
  const response = answer(form, status, `Engram: ${message}`, error.code)
  // Nothing of an answer came, so that asking again costs nothing; OpenAI's and Anthropic's clients read it.
  if (error.code === 'upstream') response.headers.set('x-should-retry', 'true')
  return response
}

/** The status that a failure is answered with; null for a client that left, as nobody is answered. */
export function statusOf(error: unknown): number | null {
  if ((error as Error)?.name === 'AbortError') return null
  return error instanceof EngramError ? (STATUS[error.code] ?? 500) : 500
}

const STATUS: Readonly<Partial<Record<EngramError['code'], number>>> = {
  malformed: 400,
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
}

function answer(form: ErrorForm, status: number, message: string, code: string): Response {
  return Response.json(ownError(form, status, message, `engram_${code}`), { status })
}
