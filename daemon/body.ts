import { EngramError } from '../memory/errors.ts'

/** Nesting beyond this is an attack or a mistake; everything recursive behind the parser relies on it. */
export const MAX_DEPTH = 64

/**
 * Reads a JSON body.
 *
 * @throws EngramError `unsupported` for another content type or a compressed body, `too_large`, `malformed`
 *   for what is not UTF-8 or not JSON, `invalid` for text that no database or prompt should hold.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  checkContentType(request)
  return parseJson(await readBytes(request, maxBytes))
}

export function checkContentType(request: Request, also: readonly string[] = []): void {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    throw new EngramError('unsupported', `a body in content-encoding "${encoding}" is not read`, {
      fix: 'send it uncompressed',
    })
  }
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  // Only these need a preflight in browsers: a form on a foreign page cannot send them.
  if (type !== 'application/json' && !type.endsWith('+json') && !also.includes(type)) {
    throw new EngramError('unsupported', `the content type must be application/json, got "${type}"`)
  }
}

/** @throws EngramError `too_large` without reading further. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function tooLarge(maxBytes: number): EngramError {
  return new EngramError('too_large', `the body must be at most ${maxBytes} bytes`)
}

/** @throws EngramError as `readJsonBody`. */
export function parseJson(bytes: Uint8Array): unknown {
  checkDepth(bytes)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new EngramError('malformed', 'the body is not valid UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EngramError('malformed', `the body is not valid JSON: ${(error as Error).message}`)
  }
  return value
}

/** Counts nesting in the bytes: the parser itself would follow millions of brackets. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) {
        throw new EngramError('malformed', `the body nests deeper than ${MAX_DEPTH} levels`)
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Looks at every text and number of a parsed body.
 *
 * @throws EngramError `invalid` naming the field: NUL and other control characters, halves of a surrogate
 *   pair, numbers that are not finite.
 */
export function checkValues(value: unknown, path = ''): void {
  if (typeof value === 'string') {
    const problem = textProblem(value)
    if (problem) throw new EngramError('invalid', `${path || 'the body'} ${problem}`)
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new EngramError('invalid', `${path || 'the body'} is too large a number`)
    }
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkValues(item, `${path}[${i}]`)
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      const problem = textProblem(key)
      if (problem)
        throw new EngramError('invalid', `a field name in ${path || 'the body'} ${problem}`)
      checkValues(item, path ? `${path}.${key}` : key)
    }
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/

/** What makes a text unfit to be kept, in words; null for a fit one. Tab and line breaks are fit. */
export function textProblem(text: string): string | null {
  const control = CONTROL.exec(text)
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    return `must not hold control characters, got U+${code}`
  }
  return text.isWellFormed() ? null : 'must be well-formed Unicode, got half of a surrogate pair'
}
