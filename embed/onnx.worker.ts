/** The thread of an embedder in ONNX: one model, texts one at a time, queries before documents. */
import { messageOf } from '../memory/errors.ts'
import { openSentenceEncoder, type SentenceEncoder } from './sentence-encoder.ts'
import type { SentenceModel } from './sentence-model.ts'

export type ToWorker =
  | Readonly<{ kind: 'open'; model: SentenceModel; addonPath: string | null }>
  | Readonly<{ kind: 'embed'; id: number; urgent: boolean; texts: readonly string[] }>
  | Readonly<{ kind: 'cancel'; id: number }>
  | Readonly<{ kind: 'close' }>

export type FromWorker =
  | Readonly<{ kind: 'opened'; dimensions: number; fingerprint: string }>
  | Readonly<{ kind: 'not-opened'; reason: string }>
  /** One vector a text, in order; null for a text with nothing to embed. */
  | Readonly<{ kind: 'embedded'; id: number; vectors: readonly (Float32Array | null)[] }>
  | Readonly<{ kind: 'refused'; id: number; reason: string }>
  /** Nothing runs any more, and nothing will: the thread can be ended. */
  | Readonly<{ kind: 'at-rest' }>

type Job = Readonly<{ id: number; texts: readonly string[]; vectors: (Float32Array | null)[] }>

declare const self: Worker

let encoder: SentenceEncoder
let queries: Job[] = []
let documents: Job[] = []
let isWorking = false

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case 'open':
      open(data.model, data.addonPath)
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
      break
    case 'close':
      queries = []
      documents = []
      reply({ kind: 'at-rest' })
  }
}

function open(model: SentenceModel, addonPath: string | null): void {
  try {
    encoder = openSentenceEncoder(model, addonPath)
    const { dimensions, fingerprint } = encoder
    reply({ kind: 'opened', dimensions, fingerprint })
  } catch (error) {
    reply({ kind: 'not-opened', reason: messageOf(error) })
  }
}

/**
 * Embeds one text, then lets in the messages that came meanwhile: a query may be among them. Never several
 * texts in one run: the weights are int8, and the numbers between them are rounded to the range of all that
 * runs together, so that a text's vector would depend on its neighbours.
 */
function work(): void {
  const job = queries[0] ?? documents[0]
  isWorking = job !== undefined
  if (job === undefined) return
  try {
    const text = job.texts[job.vectors.length]!
    job.vectors.push(encoder.encode(text, job === queries[0] ? 'query' : 'document'))
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
