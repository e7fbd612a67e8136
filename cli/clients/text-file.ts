import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { CliError } from '../errors.ts'

/** A text file of another program, as it was found. */
export type TextFile = Readonly<{
  /** As the program names it; may be a link. */
  path: string
  /** Without the byte order mark. */
  text: string
  /** U+FEFF when the file began with one, else empty. */
  mark: string
}>

/**
 * @returns null when there is no such file
 * @throws CliError `E_CLIENT_FILE` for what is not UTF-8: decoding it would lose bytes.
 */
export function readTextFile(path: string): TextFile | null {
  if (!existsSync(path)) return null
  const bytes = readFileSync(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new CliError('E_CLIENT_FILE', `${path} is not UTF-8 text`, {
      why: 'nothing was changed',
      fix: 'save it as UTF-8 in an editor, then run it again',
      cause: error,
    })
  }
  const mark = text.startsWith('\ufeff') ? '\ufeff' : ''
  return { path, text: text.slice(mark.length), mark }
}

/**
 * Puts a text in place of a file in one step. The mode stays, a link stays a link and the file it names is
 * replaced, folders that are missing are made.
 */
export function writeTextFile(path: string, content: string): void {
  const target = existsSync(path) ? realpathSync(path) : path
  const mode = existsSync(target) ? statSync(target).mode & 0o7777 : 0o600
  mkdirSync(dirname(target), { recursive: true })
  // Beside the file: a rename is one step only within a file system.
  const partial = join(dirname(target), `.engram-${process.pid}-${Date.now()}.tmp`)
  try {
    writeFileSync(partial, content, { mode, flag: 'wx' })
    chmodSync(partial, mode)
    renameSync(partial, target)
  } finally {
    rmSync(partial, { force: true })
  }
}

/** The line end that a text uses; of one without any, that of Unix. */
export function lineEndOf(text: string): '\r\n' | '\n' {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

/** "line 3, column 14" of an offset, both from 1. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return `line ${line}, column ${offset - (before.lastIndexOf('\n') + 1) + 1}`
}
