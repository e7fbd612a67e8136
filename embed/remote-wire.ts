import { EngramError } from '../memory/errors.ts'
import type { RemoteKind } from './choice.ts'

/** How a server is asked for vectors, and where they stand in its answer. */
export type RemoteWire = Readonly<{
  toBody(model: string, texts: readonly string[]): object
  /** The vectors as they came, in the order of the texts; what they hold is not looked at yet. */
  vectorsIn(answer: unknown, count: number): readonly unknown[]
}>

export const REMOTE_WIRES: Readonly<Record<RemoteKind, RemoteWire>> = {
  // platform.openai.com/docs/api-reference/embeddings; also vLLM, LM Studio, llama.cpp, TEI, LiteLLM, …
  openai: {
    toBody: (model, texts) => ({ model, input: texts, encoding_format: 'float' }),
    vectorsIn(answer, count) {
      const { data } = asObject(answer)
      if (!Array.isArray(data)) throw wrong('it holds no "data"')
      const vectors: unknown[] = new Array(count)
      let seen = 0
      for (const [place, item] of data.entries()) {
        const { embedding, index = place } = asObject(item)
        const isPlace = Number.isInteger(index) && Number(index) >= 0 && Number(index) < count
        if (!isPlace || vectors[Number(index)] !== undefined) {
          throw wrong(`it names the text ${shown(index)} of ${count}`)
        }
        vectors[Number(index)] = embedding
        seen++
      }
      if (seen !== count) throw wrong(`it holds ${seen} vectors for ${count} texts`)
      return vectors
    },
  },
  // docs.ollama.com/api/embed
  ollama: {
    toBody: (model, texts) => ({ model, input: texts, truncate: true, keep_alive: '30m' }),
    vectorsIn(answer, count) {
      const { embeddings } = asObject(answer)
      if (!Array.isArray(embeddings)) throw wrong('it holds no "embeddings"')
      if (embeddings.length !== count) {
        throw wrong(`it holds ${embeddings.length} vectors for ${count} texts`)
      }
      return embeddings
    },
  },
}

/**
 * Reads one vector of a server's answer.
 *
 * @param dimensions of the model; null when they are not known yet
 * @throws EngramError `upstream` for anything but so many finite numbers that are not all zero
 */
export function readVector(given: unknown, dimensions: number | null): Float32Array {
  if (!Array.isArray(given) || given.length === 0) throw wrong('it holds an empty vector')
  if (dimensions !== null && given.length !== dimensions) {
    throw wrong(`it holds a vector of ${given.length} dimensions, and the model has ${dimensions}`)
  }
  if (given.length > MAX_DIMENSIONS) throw wrong(`it holds a vector of ${given.length} dimensions`)
  const vector = new Float32Array(given.length)
  let squares = 0
  for (const [i, component] of given.entries()) {
    if (typeof component !== 'number' || !Number.isFinite(component)) {
      throw wrong(`a vector holds ${shown(component)}`)
    }
    vector[i] = component
    squares += component * component
  }
  if (!Number.isFinite(squares)) throw wrong('a vector holds numbers that are too large')
  if (squares === 0) throw wrong('it holds a vector of zeros')
  const norm = Math.sqrt(squares)
  return vector.map((x) => x / norm)
}

/** The largest models have 8,192. */
const MAX_DIMENSIONS = 16_384

function wrong(how: string): EngramError {
  return new EngramError('upstream', `the embedding server’s answer cannot be used: ${how}`)
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (value !== null && typeof value === 'object') return value as Record<string, unknown>
  throw wrong('it is no object')
}

function shown(value: unknown): string {
  return (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing')).slice(
    0,
    40,
  )
}
