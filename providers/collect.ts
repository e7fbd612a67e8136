/** The frames of an answer, in each of the ways in which answers come, read one by one. */
import { type Fields, isFields, parseJson } from './json.ts'
import { createReplyCollector, type ReplyCollector } from './reply.ts'
import { createSseParser } from './sse.ts'
import type { Collector, Progress } from './wire.ts'

/** How one dialect's frames tell an answer. */
export type FrameReader = (frame: Fields, into: ReplyCollector) => Progress

/** An answer that comes whole is read up to here. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024

/** Server-sent events with JSON in their data; `[DONE]` ends them, where it comes. */
export function collectEvents(read: FrameReader): Collector {
  const parser = createSseParser()
  return collectFrames(read, {
    push: (bytes) => parser.push(bytes).map(({ data }) => data),
    end: () => parser.end().map(({ data }) => data),
  })
}

/** One JSON object a line. */
export function collectLines(read: FrameReader): Collector {
  const decoder = new TextDecoder()
  let rest = ''
  const take = (text: string) => {
    const [first = '', ...others] = text.split('\n')
    const lines = [rest + first, ...others]
    rest = lines.pop() ?? ''
    if (rest.length > MAX_WHOLE_BYTES) throw new Error('a line is too long')
    return lines.filter((line) => line.trim() !== '')
  }
  return collectFrames(read, {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => take(`${decoder.decode()}\n`),
  })
}

/** One JSON array, sent in pieces: its elements are the frames. */
export function collectElements(read: FrameReader): Collector {
  const decoder = new TextDecoder()
  let depth = 0
  let inString = false
  let escaped = false
  let element = ''
  const take = (text: string) => {
    const elements: string[] = []
    for (const character of text) {
      const inside = depth > 1
      if (escaped) escaped = false
      else if (inString) {
        if (character === '\\') escaped = true
        else if (character === '"') inString = false
      } else if (character === '"') inString = true
      else if (character === '{' || character === '[') depth++
      else if (character === '}' || character === ']') depth--
      if (inside || depth > 1) element += character
      if (inside && depth === 1) {
        elements.push(element)
        element = ''
      }
    }
    if (element.length > MAX_WHOLE_BYTES) throw new Error('an element is too long')
    return elements
  }
  return collectFrames(read, {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => take(decoder.decode()),
  })
}

/** One JSON object, which is the whole answer. */
export function collectWhole(read: FrameReader): Collector {
  const into = createReplyCollector()
  const pieces: Uint8Array[] = []
  let size = 0
  return {
    push(bytes) {
      size += bytes.byteLength
      if (size <= MAX_WHOLE_BYTES) pieces.push(bytes.slice())
      return 'ending'
    },
    end() {
      const answer = size <= MAX_WHOLE_BYTES ? parseJson(Buffer.concat(pieces).toString()) : null
      pieces.length = 0
      if (!isFields(answer)) {
        into.setTruncated()
        return false
      }
      return guarded(into, () => read(answer, into)) !== null && into.reply().error === null
    },
    reply: into.reply,
  }
}

type Frames = Readonly<{
  /** The frames that these bytes complete, as text. */
  push(bytes: Uint8Array): string[]
  end(): string[]
}>

function collectFrames(read: FrameReader, frames: Frames): Collector {
  const into = createReplyCollector()
  let progress: Progress = 'open'
  /** False after bytes that make no sense: what follows them cannot be told apart any more. */
  let readable = true

  function readAll(split: () => string[]): Progress {
    if (!readable || progress === 'ended') return progress
    const texts = guarded(into, split)
    if (texts === null) {
      readable = false
      return progress
    }
    for (const text of texts) {
      if (progress === 'ended') break
      progress = readOne(text)
    }
    return progress
  }

  function readOne(text: string): Progress {
    if (text === '[DONE]') return 'ended'
    const frame = parseJson(text)
    if (isFields(frame)) return guarded(into, () => read(frame, into)) ?? progress
    into.setTruncated()
    return progress
  }

  return {
    push: (bytes) => readAll(() => frames.push(bytes)),
    end() {
      const last = readAll(frames.end)
      return readable && last !== 'open' && into.reply().error === null
    },
    reply: into.reply,
  }
}

/** A provider can send anything; what cannot be read leaves a gap in the copy. */
function guarded<T>(into: ReplyCollector, work: () => T): T | null {
  try {
    return work()
  } catch {
    into.setTruncated()
    return null
  }
}
