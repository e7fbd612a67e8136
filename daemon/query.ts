import { EngramError } from '../memory/errors.ts'
import { checkValues } from './body.ts'

/**
 * The parameters of a query by name.
 *
 * @throws EngramError `malformed` for bytes that are not UTF-8, `invalid` for a parameter that is given twice
 *   (of which one would be passed over) and for text that no database should hold.
 */
export function readQuery(address: string): Readonly<Record<string, string>> {
  const { search, searchParams } = new URL(address)
  checkUtf8(search)
  const given: [string, string][] = []
  const names = new Set<string>()
  for (const [name, value] of searchParams) {
    if (names.has(name)) {
      throw new EngramError('invalid', `${name.slice(0, 60)} is given more than once`)
    }
    names.add(name)
    given.push([name, value])
  }
  const query = Object.fromEntries(given)
  checkValues(query)
  return query
}

/** `URLSearchParams` would put U+FFFD in the place of such bytes, and something else would be sought. */
function checkUtf8(search: string): void {
  for (const [bytes] of search.matchAll(/(?:%[0-9a-f]{2})+/gi)) {
    try {
      decodeURIComponent(bytes)
    } catch {
      throw new EngramError('malformed', `the query is not valid UTF-8: ${bytes.slice(0, 60)}`)
    }
  }
}
