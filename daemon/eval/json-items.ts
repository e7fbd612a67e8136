import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { z } from 'zod'
import { EngramError, messageOf } from '../../memory/errors.ts'

const CHUNK_BYTES = 1 << 20

/** Where an item of a JSON array lies in its file, in bytes. */
export type ItemRange = Readonly<{ start: number; end: number }>

/**
 * The objects of a file that holds one JSON array of objects, one after the other: such a file may be larger
 * than memory. A file that is no such array has none.
 */
export function* itemsIn(file: string): Generator<ItemRange> {
  const descriptor = openSync(file, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let depth = 0
    let quoted = false
    let escaped = false
    let start = -1
    for (let base = 0; ; ) {
      const read = readSync(descriptor, chunk, 0, CHUNK_BYTES, base)
      if (read === 0) return
      for (let i = 0; i < read; i++) {
        const byte = chunk[i]!
        if (quoted) {
          if (escaped) escaped = false
          else if (byte === BACKSLASH) escaped = true
          else if (byte === QUOTE) quoted = false
        } else if (byte === QUOTE) quoted = true
        else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (depth === 0 && byte === OPEN_BRACE) return
          if (depth === 1 && byte === OPEN_BRACE) start = base + i
          depth++
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          depth--
          if (depth === 1 && start >= 0) {
            yield { start, end: base + i + 1 }
            start = -1
          }
        }
      }
      base += read
    }
  } finally {
    closeSync(descriptor)
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d]

/** @throws EngramError `invalid` naming the file, and what in it is not of the form. */
export function readItem<T>(file: string, { start, end }: ItemRange, form: z.ZodType<T>): T {
  const bytes = Buffer.alloc(end - start)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, bytes, 0, bytes.length, start)
  } finally {
    closeSync(descriptor)
  }
  return read(file, bytes.toString('utf8'), form)
}

/** The whole file. @throws EngramError as `readItem`. */
export function readJsonFile<T>(file: string, form: z.ZodType<T>): T {
  return read(file, readFileSync(file, 'utf8'), form)
}

function read<T>(file: string, text: string, form: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EngramError('invalid', `${file} is not JSON: ${messageOf(error)}`)
  }
  const result = form.safeParse(value)
  if (result.success) return result.data
  throw new EngramError('invalid', `${file} is not of the published form`, {
    cause: result.error,
    fix: z.prettifyError(result.error).split('\n').slice(0, 2).join(' '),
  })
}

/** The first thing of a file, to recognise its form by; null when it is not JSON. */
export function firstItem(file: string): unknown {
  try {
    const [first] = itemsIn(file)
    if (first) return readItem(file, first, z.unknown())
    return readJsonFile(file, z.unknown())
  } catch (error) {
    if (error instanceof EngramError) return null
    throw error
  }
}
