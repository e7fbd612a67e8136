import type { JsonNode } from './json-scan.ts'

/** JSON text to put into a document in front of the byte at `at`. */
export type Insertion = Readonly<{ at: number; json: string }>

/**
 * The bytes with the insertions in them, as pieces to be sent one behind the other: a long prompt is not copied
 * for a few bytes more. Insertions at one place stand in the order given.
 */
export function splice(
  bytes: Uint8Array<ArrayBuffer>,
  insertions: readonly Insertion[],
): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let from = 0
  for (const { at, json } of insertions.toSorted((one, other) => one.at - other.at)) {
    pieces.push(bytes.subarray(from, at), UTF8.encode(json))
    from = at
  }
  pieces.push(bytes.subarray(from))
  return pieces
}

/** At the end of a string's text. */
export function atEndOfString({ end }: JsonNode, text: string): Insertion {
  return { at: end - 1, json: JSON.stringify(text).slice(1, -1) }
}

/** As the last element of an array whose elements were scanned. */
export function asLastItem({ start, items }: JsonNode, value: unknown): Insertion {
  const last = items.at(-1)
  const json = JSON.stringify(value)
  return last ? { at: last.end, json: `,${json}` } : { at: start + 1, json }
}

/** As the first element of an array whose elements were scanned. */
export function asFirstItem({ start, items }: JsonNode, value: unknown): Insertion {
  return { at: start + 1, json: JSON.stringify(value) + (items.length > 0 ? ',' : '') }
}

/** A string made the text of the first of two elements of an array, of which the other one is new. */
export function asArray(
  { start, end }: JsonNode,
  toItem: (text: string) => unknown,
  text: string,
): Insertion[] {
  const [before = '', after = ''] = JSON.stringify(toItem(HOLE)).split(JSON.stringify(HOLE))
  return [
    { at: start, json: `[${before}` },
    { at: end, json: `${after},${JSON.stringify(toItem(text))}]` },
  ]
}

/** As the first field of an object that has others, and not this one. */
export function asField({ start }: JsonNode, name: string, value: unknown): Insertion {
  return { at: start + 1, json: `${JSON.stringify(name)}:${JSON.stringify(value)},` }
}

const HOLE = '\u0000'
const UTF8 = new TextEncoder()
