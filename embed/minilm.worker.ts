/** The thread of the embedder `minilm`: one model, texts one at a time, queries before documents. */
import { messageOf } from '../memory/errors.ts'
import { type MiniLmEncoder, openMiniLmEncoder } from './minilm-encoder.ts'
import { DOCUMENT_TOKENS, MAX_TOKENS, type MiniLmPaths } from './minilm-model.ts'

export type ToWorker =
  | Readonly<{ kind: 'open'; paths: MiniLmPaths }>
  | Readonly<{ kind: 'embed'; id: number; urgent: boolean; texts: readonly string[] }>
  | Readonly<{ kind: 'cancel'; id: number }>

export type FromWorker =
  | Readonly<{ kind: 'opened' }>
  | Readonly<{ kind: 'not-opened'; reason: string }>
  /** One vector a text, in order; null for a text with nothing to embed. */
  | Readonly<{ kind: 'embedded'; id: number; vectors: readonly (Float32Array | null)[] }>
  | Readonly<{ kind: 'refused'; id: number; reason: string }>

type Job = Readonly<{ id: number; texts: readonly string[]; vectors: (Float32Array | null)[] }>

declare const self: Worker

let encode: MiniLmEncoder
let queries: Job[] = []
let documents: Job[] = []
let isWorking = false

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case 'open':
      open(data.paths)
      break
    case 'embed': {
      const job = { id: data.id, texts: data.texts, vectors: [] }
      if (data.urgent) queries.push(job)
      else documents.push(job)
      if (!isWorking) setImmediate(work)
      isWorking = true
      break
    }
    case 'cancel':
      drop(data.id)
  }
}

function open(paths: MiniLmPaths): void {
  try {
    encode = openMiniLmEncoder(paths)
    encode('The first run is slower than the rest.', MAX_TOKENS)
    reply({ kind: 'opened' })
  } catch (error) {
    reply({ kind: 'not-opened', reason: messageOf(error) })
  }
}

/** Embeds one text, then lets in the messages that came meanwhile: a query may be among them. */
function work(): void {
  const job = queries[0] ?? documents[0]
  isWorking = job !== undefined
  if (job === undefined) return
  try {
    const text = job.texts[job.vectors.length]!
    job.vectors.push(encode(text, job === queries[0] ? MAX_TOKENS : DOCUMENT_TOKENS))
    if (job.vectors.length === job.texts.length) {
      drop(job.id)
      const buffers = job.vectors.flatMap((vector) => (vector ? [vector.buffer] : []))
      reply({ kind: 'embedded', id: job.id, vectors: job.vectors }, buffers as ArrayBuffer[])
    }
  } catch (error) {
    drop(job.id)
    reply({ kind: 'refused', id: job.id, reason: messageOf(error) })
  }
  setImmediate(work)
}

function drop(id: number): void {
  queries = queries.filter((job) => job.id !== id)
  documents = documents.filter((job) => job.id !== id)
}

function reply(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, transfer)
}
