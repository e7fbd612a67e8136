import type { z } from 'zod'
import { EngramError, messageOf } from '../../memory/errors.ts'
import { DEFAULT_NAMESPACE } from '../../memory/memory.ts'
import type { ImportedMemory } from '../../storage/memories.ts'
import { checkValues, parseJson, readBytes } from '../body.ts'
import { readValue } from '../read-value.ts'
import { route } from '../route.ts'
import { actorOf, userOf } from './caller.ts'
import * as schema from './schema.ts'
import { json, toMemoryJson } from './shapes.ts'

const TAG = 'memories'
const NDJSON = 'application/x-ndjson'
const EXPORT_PAGE = 500
const IMPORT_BATCH = 500
/** One line of an import; longer than any memory that passes the limits. */
const MAX_LINE_BYTES = 256 * 1024
/** Enough rejected lines to see the pattern. */
const MAX_REPORTED = 100

export const transferRoutes = [
  route({
    method: 'GET',
    path: '/memories/export',
    access: 'read',
    tag: TAG,
    summary: 'Every memory in every state, one JSON object a line, oldest first',
    query: schema.namespaceQuery,
    answers: { 200: { description: `${NDJSON}, one memory a line` } },
    handle({ query, caller, services }) {
      const user = userOf(caller)
      const encoder = new TextEncoder()
      let after: number | null = 0
      const lines = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (after === null) return controller.close()
          const page = await services.store.memories.exportPage(
            user.id,
            query.namespace ?? null,
            after,
            EXPORT_PAGE,
          )
          after = page.next
          const text = page.memories
            .map((memory) => `${JSON.stringify(toMemoryJson(memory))}\n`)
            .join('')
          if (text !== '') controller.enqueue(encoder.encode(text))
          if (after === null) controller.close()
        },
      })
      return new Response(lines, { headers: { 'content-type': NDJSON } })
    },
  }),
  route({
    method: 'POST',
    path: '/memories/import',
    access: 'write',
    tag: TAG,
    summary:
      'Stores memories as they are given: NDJSON, a JSON array, or { "memories": […] }. Bad lines are reported, the others stored; doing it twice changes nothing',
    query: schema.namespaceQuery,
    reads: [NDJSON, 'application/jsonl', 'application/ndjson'],
    answers: {
      201: { description: 'how many were stored', schema: schema.importAnswer },
      200: { description: 'nothing was new', schema: schema.importAnswer },
      422: { description: 'every line was refused', schema: schema.refusedImport },
    },
    async handle({ request, query, caller, services }) {
      const user = userOf(caller)
      const by = { actor: actorOf(caller), cause: { import: true } }
      const report = {
        imported: 0,
        unchanged: 0,
        rejected: [] as { line: number; detail: string }[],
        rejected_total: 0,
      }
      let batch: ImportedMemory[] = []
      const flush = async () => {
        if (batch.length === 0) return
        const { imported, unchanged } = await services.store.memories.import(user.id, batch, by)
        report.imported += imported
        report.unchanged += unchanged
        batch = []
      }
      for await (const { line, value, problem } of itemsOf(request)) {
        try {
          if (problem) throw problem
          checkValues(value)
          batch.push(toImportItem(readValue(schema.importItem, value), query.namespace))
        } catch (error) {
          if (!(error instanceof EngramError)) throw error
          report.rejected_total++
          if (report.rejected.length < MAX_REPORTED) {
            report.rejected.push({ line, detail: error.message })
          }
        }
        if (batch.length === IMPORT_BATCH) await flush()
      }
      await flush()
      services.jobs.wake('embed')
      if (report.imported + report.unchanged === 0 && report.rejected_total > 0) {
        const { line, detail } = report.rejected[0]!
        const all = report.rejected_total === 1 ? '1 line' : `${report.rejected_total} lines`
        return json(
          { detail: `line ${line}: ${detail} (${all} rejected)`, code: 'invalid', ...report },
          422,
        )
      }
      return json(report, report.imported > 0 ? 201 : 200)
    },
  }),
]

type Item = Readonly<{ line: number; value: unknown; problem: EngramError | null }>

/** The memories of an import body, numbered from 1; what cannot be parsed carries its problem. */
async function* itemsOf(request: Request): AsyncGenerator<Item> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  if (type === 'application/json') {
    const whole = parseJson(await readBytes(request, schema.LIMITS.importBytes))
    const list = Array.isArray(whole) ? whole : (whole as { memories?: unknown } | null)?.memories
    if (!Array.isArray(list)) {
      throw new EngramError(
        'invalid',
        'the body must be a list of memories, or { "memories": [ … ] }',
      )
    }
    for (const [i, value] of list.entries()) yield { line: i + 1, value, problem: null }
    return
  }
  let line = 0
  for await (const bytes of linesOf(request)) {
    line++
    if (bytes === null) {
      const message = `must be at most ${MAX_LINE_BYTES} bytes`
      yield { line, value: null, problem: new EngramError('invalid', message) }
    } else if (bytes.some((byte) => byte > 0x20)) yield readLine(line, bytes)
  }
}

function readLine(line: number, bytes: Uint8Array): Item {
  try {
    return { line, value: parseJson(bytes), problem: null }
  } catch (error) {
    if (!(error instanceof EngramError)) throw error
    const message = messageOf(error).replace('the body', 'the line')
    return { line, value: null, problem: new EngramError('invalid', message) }
  }
}

/** Lines of a body as bytes, without their ends; null for one that is too long. */
async function* linesOf(request: Request): AsyncGenerator<Uint8Array | null> {
  if (request.body === null) return
  let pending: Uint8Array[] = []
  let size = 0
  const take = () => {
    const line = size > MAX_LINE_BYTES ? null : Buffer.concat(pending)
    pending = []
    size = 0
    return line
  }
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      size += at - from
      if (size <= MAX_LINE_BYTES) pending.push(chunk.subarray(from, at))
      yield take()
      from = at + 1
    }
    size += chunk.byteLength - from
    if (size <= MAX_LINE_BYTES) pending.push(chunk.subarray(from))
  }
  if (size > 0) yield take()
}

const NEWLINE = 0x0a

function toImportItem(
  item: z.output<typeof schema.importItem>,
  namespace: string | undefined,
): ImportedMemory {
  const given: Record<string, unknown> = {
    id: item.id,
    category: item.category ?? undefined,
    status: item.status,
    pinned: item.pinned,
    confidence: item.confidence,
    source: item.source,
    origin: item.origin,
    validFrom: item.valid_from,
    validTo: item.valid_to,
    supersededBy: item.superseded_by,
    expiresAt: item.expires_at,
    metadata: item.metadata,
    accessCount: item.access_count,
    lastAccessedAt: item.last_accessed,
    lastConfirmedAt: item.last_confirmed,
    createdAt: item.created_at,
    updatedAt: item.updated_at,
  }
  const conversationId = item.evidence?.conversation_id ?? item.source_conversation_id ?? null
  return {
    ...given,
    content: item.content,
    namespace: namespace ?? item.namespace ?? DEFAULT_NAMESPACE,
    evidence: {
      conversationId,
      turnId: item.evidence?.turn_id ?? null,
      quote: item.evidence?.quote ?? null,
    },
    speaker: item.speaker ?? null,
    place: item.place ?? 0,
  }
}
