import { EngramError } from '../../memory/errors.ts'
import { readBytes, textProblem } from '../body.ts'

export const FORM = 'application/x-www-form-urlencoded'
const MAX_FORM_BYTES = 32 * 1024
const MAX_VALUE = 4_000

/** Parameters of a request, each at most once. */
export type Fields = Readonly<Record<string, string>>

/** @throws EngramError `too_large`, `malformed`, `invalid`. */
export async function readForm(request: Request): Promise<Fields> {
  const bytes = await readBytes(request, MAX_FORM_BYTES)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new EngramError('malformed', 'the form is not valid UTF-8')
  }
  return readFields(new URLSearchParams(text))
}

/** An empty parameter is as good as none (RFC 6749, 3.1). @throws EngramError `invalid` */
export function readFields(parameters: URLSearchParams): Fields {
  const fields: Record<string, string> = {}
  for (const [name, value] of parameters) {
    if (Object.hasOwn(fields, name)) {
      throw new EngramError('invalid', `${name.slice(0, 60)} is given more than once`)
    }
    if (value.length > MAX_VALUE) {
      throw new EngramError(
        'invalid',
        `${name.slice(0, 60)} must be at most ${MAX_VALUE} characters`,
      )
    }
    const problem = textProblem(name) ?? textProblem(value)
    if (problem) throw new EngramError('invalid', `${name.slice(0, 60)} ${problem}`)
    if (value !== '') fields[name] = value
  }
  return fields
}

/** Is it the sender's mistake, which OAuth has words of its own for? */
export function isBadInput(error: unknown): error is EngramError {
  return error instanceof EngramError && ['malformed', 'invalid', 'too_large'].includes(error.code)
}
