/**
 * What can go wrong, for programs. `daemon/server.ts` turns a code into an HTTP status and `cli/main.ts`
 * into an exit code; nothing below them knows either.
 */
export type ErrorCode =
  | 'malformed' // not the syntax it claims to be
  | 'invalid' // well formed, but a value breaks a rule
  | 'unauthorized' // no key, or one that is unknown, expired or revoked
  | 'forbidden' // the key does not carry this right
  | 'not_found'
  | 'conflict' // exists already, or moved on since it was read
  | 'too_large'
  | 'unsupported'
  | 'unavailable' // a part of ours is not ready or has failed
  | 'upstream' // the provider failed or could not be reached
  | 'timeout'
  | 'storage_full'
  | 'internal'

/** The one error class: a code for programs, a message for people. Any other error is a bug. */
export class EngramError extends Error {
  override readonly name = 'EngramError'
  readonly code: ErrorCode
  /** What to do next, in one line, when there is something to do. */
  readonly fix: string | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; fix?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fix = options.fix
  }
}

/** The message of anything thrown; never a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
