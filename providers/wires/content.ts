/** A message's content, which in most dialects is a string or a list of parts. */
import { type JsonNode, startOfString, stringAt } from '../json-scan.ts'
import { asArray, asLastItem, atEndOfString } from '../splice.ts'
import type { Asked, Said, Slot } from '../wire.ts'

/** Of what the system is told, the first words show what a request is for. */
const SYSTEM_BYTES = 600

/** Types of the parts that are text, in the dialects that name them. */
const TEXTS = new Set(['text', 'input_text', 'output_text', 'refusal'])
const MEDIA = new Set([
  ...['image_url', 'input_audio', 'file', 'input_image', 'input_file'],
  ...['image', 'document', 'audio', 'video'],
])

export function contentOf(
  bytes: Uint8Array,
  content: JsonNode | undefined,
): Pick<Said, 'texts' | 'media'> {
  if (content?.kind === 'string') return { texts: [stringAt(bytes, content)], media: false }
  const texts: string[] = []
  let media = false
  for (const { fields } of content?.items ?? []) {
    const type = stringAt(bytes, fields.type)
    if (TEXTS.has(type)) texts.push(stringAt(bytes, fields.text))
    else if (MEDIA.has(type)) media = true
  }
  return { texts, media }
}

export function systemStarts(bytes: Uint8Array, content: JsonNode | undefined): string[] {
  if (content?.kind === 'string') return [startOfString(bytes, content, SYSTEM_BYTES)]
  return (content?.items ?? []).map(({ fields }) => startOfString(bytes, fields.text, SYSTEM_BYTES))
}

/** @param toPart a text as a part of a list, in the dialect */
export function slotOf(
  content: JsonNode | undefined,
  toPart: (text: string) => unknown,
): Slot | null {
  if (content?.kind === 'string') {
    return {
      form: 'inside',
      insert: (text, form) =>
        form === 'inside' ? [atEndOfString(content, GAP + text)] : asArray(content, toPart, text),
    }
  }
  if (content?.kind !== 'array') return null
  const last = content.items.findLast(({ fields }) => fields.text?.kind === 'string')
  return {
    form: 'beside',
    insert: (text, form) =>
      form === 'inside' && last
        ? [atEndOfString(last.fields.text!, GAP + text)]
        : [asLastItem(content, toPart(text))],
  }
}

export const GAP = '\n\n'

/** Does the answer come as one JSON object? */
export function isWhole({ stream }: Asked, contentType: string): boolean {
  if (/^application\/json\b/i.test(contentType)) return true
  return !stream && !/^text\/event-stream\b/i.test(contentType)
}
