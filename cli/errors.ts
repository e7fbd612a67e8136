import { EngramError, type ErrorCode, messageOf } from '../memory/errors.ts'

/**
 * What can go wrong at the command line: exit code, what to do when nothing better is known, and what
 * `engram help CODE` says beyond that. A fix is a command, or the words of one sentence.
 */
const CLI_ERRORS = {
  E_USAGE: {
    exit: 2,
    about: 'the command line is not understood',
    fix: 'engram help',
    help: 'The message says which word. Every command explains itself with --help.',
  },
  E_INVALID: {
    exit: 2,
    about: 'a value breaks a rule',
    fix: 'correct the value that the message names',
    help: 'The message says which value, and what it must be. The rules of a command stand in its --help, those of settings in engram help environment.',
  },
  E_NOT_FOUND: {
    exit: 3,
    about: 'what was named does not exist',
    fix: 'engram memories list --status all',
    help: 'Ids are shown by the list commands; any unique beginning will do. What was deleted comes back by engram undo, and engram undo --list shows it.',
  },
  E_AMBIGUOUS: {
    exit: 2,
    about: 'the beginning of an id fits several',
    fix: 'give more characters of the id',
    help: 'The message names those that it fits.',
  },
  E_UNAUTHORIZED: {
    exit: 4,
    about: 'no key, or one that is not valid',
    fix: 'set ENGRAM_API_KEY to a key of engram keys create',
    help: 'Without ENGRAM_API_KEY the key of this home is used. It is made at the first start; engram doctor checks it.',
  },
  E_FORBIDDEN: {
    exit: 4,
    about: 'the key does not carry this right',
    fix: 'set ENGRAM_API_KEY to a key that may',
    help: 'A key may read, write, or open the proxy alone: engram keys list. Without ENGRAM_API_KEY your own key is used, which may everything.',
  },
  E_DAEMON_DOWN: {
    exit: 5,
    about: 'no Engram daemon answers',
    fix: 'engram serve',
    help: 'Most commands start a daemon by themselves; status and stop, and everything with --url or ENGRAM_URL, do not. When it does not start, engram doctor says what is in the way.',
  },
  E_DAEMON_START: {
    exit: 5,
    about: 'the daemon could not be started',
    fix: 'engram doctor',
    help: 'The message says why. To see it start, run it in a terminal: engram serve.',
  },
  E_UNAVAILABLE: {
    exit: 5,
    about: 'a part of Engram is not ready or has failed',
    fix: 'engram doctor',
    help: 'The message says which part. Try again when it is still loading; otherwise engram doctor checks each part.',
  },
  E_UPSTREAM: {
    exit: 5,
    about: 'the provider failed or cannot be reached',
    fix: 'engram config list --origin',
    help: 'Check the network, the address of the provider (engram config list --origin) and its key. The provider’s own words stand in the message.',
  },
  E_TIMEOUT: {
    exit: 5,
    about: 'no answer in time',
    fix: 'try again with --timeout 60s',
    help: 'A busy disk or a large import takes longer. When it stays so, engram status says what the daemon does.',
  },
  E_CONFLICT: {
    exit: 6,
    about: 'it exists already, was changed meanwhile, or somebody else has it',
    fix: 'see how it is now, then try again',
    help: 'Nothing was changed. The message names what stands in the way: take another name, undo the later change first, or end what has the file open.',
  },
  E_PORT_TAKEN: {
    exit: 6,
    about: 'another program listens on the port',
    fix: 'engram serve --port 3648',
    help: 'End that program, or give Engram another port for good: engram config set server.port 3648. Connect clients again afterwards: they have the old address.',
  },
  E_CLIENT_FILE: {
    exit: 6,
    about: 'a file of a client cannot be read, or not changed safely; it stays as it is',
    fix: 'engram clients print NAME',
    help: 'Correct the file at the place that the message names, or put the entry in by hand: engram clients print NAME shows it.',
  },
  E_CONFIRM: {
    exit: 6,
    about: 'a confirmation is needed',
    fix: 'add --yes',
    help: 'The command asks before it deletes or replaces something, and nobody was there to answer, or the answer was no. With --yes it does not ask.',
  },
  E_PARTIAL: {
    exit: 7,
    about: 'partly done',
    fix: 'correct what was rejected, then run it again',
    help: 'What was accepted is stored; importing it again changes nothing.',
  },
  E_STORAGE_FULL: {
    exit: 1,
    about: 'the disk is full',
    fix: 'free some space, then try again',
    help: 'Nothing that was acknowledged is lost; what the message is about was not stored.',
  },
  E_FAILED: {
    exit: 1,
    about: 'it could not be done',
    fix: 'engram doctor',
    help: 'The message says why. Whether everything else is as it should be, engram doctor says.',
  },
  E_INTERNAL: {
    exit: 1,
    about: 'a bug',
    fix: 'engram doctor --json',
    help: 'Please report it with the message, the end of the daemon’s log, and what engram doctor --json and engram version say. They hold no memories.',
  },
  E_INTERRUPTED: {
    exit: 130,
    about: 'stopped by Ctrl-C',
    fix: 'run it again',
    help: 'What was acknowledged before is stored.',
  },
} as const

export type CliErrorCode = keyof typeof CLI_ERRORS

/** Every code with its exit code, its meaning and what to do, for help. */
export const ERROR_TABLE: readonly Readonly<{
  code: string
  exit: number
  about: string
  fix: string
  help: string
}>[] = Object.entries(CLI_ERRORS).map(([code, row]) => ({ code, ...row }))

/** A failure as it is shown: what, why, and a command that helps. Each is one line. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly why: string | undefined
  readonly fix: string
  /** Nothing better than the advice for all errors of this code was known. */
  readonly isFixGeneral: boolean
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
    this.isFixGeneral = options.fix === undefined
    this.exitCode = CLI_ERRORS[code].exit
  }
}

/** What was typed wrong is explained by the help of its command, when nothing closer is known. */
export function withHelpOf(error: CliError, path: string): CliError {
  const isTyped = error.code === 'E_USAGE' || error.code === 'E_INVALID'
  if (!isTyped || !error.isFixGeneral || path === '') return error
  const { code, message, why, cause } = error
  return new CliError(code, message, { why, cause, fix: `engram ${path} --help` })
}

/** A conflict when something is created is about its name; every other failure stays what it is. */
export function nameTaken(error: unknown, message: string, listing: string): unknown {
  if (!(error instanceof CliError) || error.code !== 'E_CONFLICT') return error
  const fix = `${listing}          (or take another name)`
  return new CliError('E_CONFLICT', message, { fix, cause: error })
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
  EACCES: {
    as: 'E_FAILED',
    says: 'permission denied',
    fix: 'see who may, with ls -ld and the path',
  },
  EPERM: { as: 'E_FAILED', says: 'not permitted', fix: 'see who may, with ls -ld and the path' },
  EISDIR: { as: 'E_INVALID', says: 'is a folder, not a file', fix: 'name a file' },
  ENOTDIR: { as: 'E_INVALID', says: 'a part of the path is not a folder', fix: 'check the path' },
  ENAMETOOLONG: { as: 'E_INVALID', says: 'the name is too long', fix: 'choose a shorter name' },
  EROFS: { as: 'E_FAILED', says: 'the file system is read-only', fix: 'choose another place' },
  ENOSPC: {
    as: 'E_STORAGE_FULL',
    says: 'the disk is full',
    fix: 'free some space, then try again',
  },
}
