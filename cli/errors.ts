import { EngramError, type ErrorCode, messageOf } from '../memory/errors.ts'

/** What can go wrong at the command line: exit code, and what to do when nothing better is known. */
const CLI_ERRORS = {
  E_USAGE: { exit: 2, about: 'the command line is not understood', fix: 'engram help' },
  E_INVALID: { exit: 2, about: 'a value breaks a rule', fix: 'engram help' },
  E_NOT_FOUND: {
    exit: 3,
    about: 'what was named does not exist',
    fix: 'engram memories list --status all',
  },
  E_AMBIGUOUS: {
    exit: 2,
    about: 'the beginning of an id fits several',
    fix: 'give more characters of the id',
  },
  E_UNAUTHORIZED: {
    exit: 4,
    about: 'no key, or one that is not valid',
    fix: 'set ENGRAM_API_KEY to a key of engram keys create',
  },
  E_FORBIDDEN: {
    exit: 4,
    about: 'the key does not carry this right',
    fix: 'set ENGRAM_API_KEY to a key that may',
  },
  E_DAEMON_DOWN: { exit: 5, about: 'no Engram daemon answers', fix: 'engram serve' },
  E_DAEMON_START: { exit: 5, about: 'the daemon could not be started', fix: 'engram doctor' },
  E_UNAVAILABLE: {
    exit: 5,
    about: 'a part of Engram is not ready or has failed',
    fix: 'engram doctor',
  },
  E_UPSTREAM: { exit: 5, about: 'the provider failed or cannot be reached', fix: 'engram doctor' },
  E_TIMEOUT: { exit: 5, about: 'no answer in time', fix: 'try again with --timeout 60s' },
  E_CONFLICT: {
    exit: 6,
    about: 'it exists already, or somebody else has it',
    fix: 'engram status',
  },
  E_PORT_TAKEN: {
    exit: 6,
    about: 'another program listens on the port',
    fix: 'engram serve --port 3648',
  },
  E_CLIENT_FILE: {
    exit: 6,
    about: 'a file of a client cannot be read, or not changed safely; it stays as it is',
    fix: 'engram clients print NAME',
  },
  E_CONFIRM: { exit: 6, about: 'a confirmation is needed', fix: 'add --yes' },
  E_PARTIAL: { exit: 7, about: 'partly done', fix: 'correct what was rejected, then run it again' },
  E_STORAGE_FULL: { exit: 1, about: 'the disk is full', fix: 'free some space, then try again' },
  E_FAILED: { exit: 1, about: 'it could not be done', fix: 'engram doctor' },
  E_INTERNAL: { exit: 1, about: 'a bug', fix: 'engram doctor' },
  E_INTERRUPTED: { exit: 130, about: 'stopped by Ctrl-C', fix: 'run it again' },
} as const

export type CliErrorCode = keyof typeof CLI_ERRORS

/** Every code with its exit code and meaning, for help. */
export const ERROR_TABLE: readonly Readonly<{ code: string; exit: number; about: string }>[] =
  Object.entries(CLI_ERRORS).map(([code, { exit, about }]) => ({ code, exit, about }))

/** A failure as it is shown: what, why, and a command that helps. Each is one line. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly why: string | undefined
  readonly fix: string
  readonly exitCode: number

  constructor(
    code: CliErrorCode,
    message: string,
    options: Readonly<{ why?: string | undefined; fix?: string | undefined; cause?: unknown }> = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.why = options.why
    this.fix = options.fix ?? CLI_ERRORS[code].fix
    this.exitCode = CLI_ERRORS[code].exit
  }
}

export function usage(message: string, fix?: string): CliError {
  return new CliError('E_USAGE', message, { fix })
}

/** The one place where codes of ours become codes of the command line. */
const CODES: Readonly<Record<ErrorCode, CliErrorCode>> = {
  malformed: 'E_INVALID',
  invalid: 'E_INVALID',
  unauthorized: 'E_UNAUTHORIZED',
  forbidden: 'E_FORBIDDEN',
  not_found: 'E_NOT_FOUND',
  conflict: 'E_CONFLICT',
  too_large: 'E_INVALID',
  unsupported: 'E_INVALID',
  unavailable: 'E_UNAVAILABLE',
  upstream: 'E_UPSTREAM',
  timeout: 'E_TIMEOUT',
  storage_full: 'E_STORAGE_FULL',
  internal: 'E_INTERNAL',
}

/** The code of an answer of the REST interface; a code that is not known goes by its status. */
export function codeOf(code: unknown, status: number): CliErrorCode {
  if (typeof code === 'string' && Object.hasOwn(CODES, code)) return CODES[code as ErrorCode]
  return status >= 500 ? 'E_UNAVAILABLE' : 'E_INTERNAL'
}

/** Anything thrown, as it is shown. What is neither ours nor a failing system call is a bug. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error
  if (error instanceof EngramError) {
    return new CliError(CODES[error.code], error.message, { fix: error.fix, cause: error })
  }
  const { code, path } = error as { code?: unknown; path?: unknown }
  if (typeof code === 'string' && Object.hasOwn(SYSTEM_ERRORS, code)) {
    const { as, says, fix } = SYSTEM_ERRORS[code]!
    const subject = typeof path === 'string' ? path : 'a file'
    return new CliError(as, `${subject}: ${says}`, { fix, cause: error })
  }
  return new CliError('E_INTERNAL', messageOf(error), { cause: error })
}

const SYSTEM_ERRORS: Readonly<
  Record<string, Readonly<{ as: CliErrorCode; says: string; fix: string }>>
> = {
  ENOENT: { as: 'E_NOT_FOUND', says: 'there is no such file or folder', fix: 'check the path' },
  EACCES: { as: 'E_FAILED', says: 'permission denied', fix: 'ls -ld on the path shows who may' },
  EPERM: { as: 'E_FAILED', says: 'not permitted', fix: 'ls -ld on the path shows who may' },
  EISDIR: { as: 'E_INVALID', says: 'is a folder, not a file', fix: 'name a file' },
  ENOTDIR: { as: 'E_INVALID', says: 'a part of the path is not a folder', fix: 'check the path' },
  EROFS: { as: 'E_FAILED', says: 'the file system is read-only', fix: 'choose another place' },
  ENOSPC: {
    as: 'E_STORAGE_FULL',
    says: 'the disk is full',
    fix: 'free some space, then try again',
  },
}
