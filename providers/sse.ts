import { EngramError } from '../memory/errors.ts'

export type SseEvent = Readonly<{ event?: string; data: string }>

export interface SseParser {
  /** The events that these bytes complete, in order. Throws EngramError `too_large`; it is of no use afterwards. */
  push(bytes: Uint8Array): SseEvent[]
  /** The stream closed: the last event, when no blank line closed it. */
  end(): SseEvent[]
}

/** What a line, or the lines of one event together, may hold, in UTF-16 units. */
export const MAX_EVENT_LENGTH = 16 * 1024 * 1024

/**
 * Server-sent events out of bytes, wherever those are cut: inside a character, a line or a CRLF. Lines end in
 * LF, CRLF or CR. Comments, ids, retry times and events without data are passed over.
 */
export function createSseParser(maxLength = MAX_EVENT_LENGTH): SseParser {
  const decoder = new TextDecoder()
  let line = ''
  /** The last line ended in CR at the end of the input: an LF that follows belongs to it. */
  let swallowLf = false
  let event: string | undefined
  let data: string[] = []
  let dataLength = 0

  function readText(text: string): SseEvent[] {
    if (text === '') return []
    const rest = swallowLf && text.startsWith('\n') ? text.slice(1) : text
    swallowLf = text.endsWith('\r')
    const pieces = rest.split(/\r\n|\n|\r/)
    pieces[0] = line + pieces[0]
    line = pieces.pop() ?? ''
    const events = pieces.flatMap((piece) => readLine(piece) ?? [])
    checkLength(line.length)
    return events
  }

  function readLine(text: string): SseEvent | null {
    if (text === '') return dispatch()
    const colon = text.indexOf(':')
    const name = colon < 0 ? text : text.slice(0, colon)
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'event') event = value
    if (name === 'data') {
      checkLength(value.length)
      data.push(value)
      dataLength += value.length + 1
    }
    return null
  }

  function dispatch(): SseEvent | null {
    const complete = data.length === 0 ? null : { data: data.join('\n'), ...(event && { event }) }
    event = undefined
    data = []
    dataLength = 0
    return complete
  }

  function checkLength(added: number): void {
    if (dataLength + added <= maxLength) return
    throw new EngramError('too_large', `a server-sent event is longer than ${maxLength} characters`)
  }

  return {
    push: (bytes) => readText(decoder.decode(bytes, { stream: true })),
    end() {
      const events = readText(decoder.decode())
      if (line !== '') readLine(line)
      line = ''
      const last = dispatch()
      return last === null ? events : [...events, last]
    },
  }
}
