import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { readText } from '../ask.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { resolveKnownMemory, resolveMemory } from '../ids.ts'
import {
  type Cell,
  type Column,
  count,
  cut,
  dateTime,
  duration,
  type Output,
  oneLine,
  printable,
  relativeTime,
  shortId,
  wrap,
} from '../output.ts'
import { pagesOf } from '../pages.ts'
import { reasonOf } from '../reasons.ts'

type Memory = z.output<typeof schema.memoryAnswer>
type Event = z.output<typeof schema.eventAnswer>

type SearchFlags = { limit?: number; threshold?: number; explain?: boolean }

export async function search(call: Call<SearchFlags, { query: string[] }>): Promise<void> {
  const { out, flags, globals } = call
  const query = await readText(
    call.args.query,
    'the question',
    'engram search "which editor do I use"',
  )
  const client = await call.client()
  const answer = await client.ask(schema.searchAnswer, {
    method: 'POST',
    path: '/memories/search',
    repeatable: true,
    body: {
      query,
      limit: flags.limit ?? 5,
      ...(flags.threshold === undefined ? {} : { threshold: flags.threshold }),
      ...(globals.namespace === undefined ? {} : { namespace: globals.namespace }),
      explain: flags.explain === true,
    },
  })
  if (out.isJson) {
    out.json({
      memories: answer.results.map(({ memory, score, parts }) => ({
        ...memory,
        score,
        ...(parts ? { parts } : {}),
      })),
      turns: answer.turns,
      ...(answer.candidates ? { candidates: answer.candidates, boundary: answer.boundary } : {}),
      receipt_id: answer.receipt_id,
      mode: answer.mode,
      degraded: answer.degraded,
      took_ms: answer.took_ms,
    })
    return
  }
  printHits(answer, out, flags.explain === true)
  if (answer.candidates && answer.boundary) printConsidered(answer.candidates, answer.boundary, out)
  if (answer.degraded) out.note(`Searched by words alone: ${answer.degraded}.`)
}

/** What a score is made of. */
const PARTS: readonly Column[] = ['words', 'meaning', 'evidence'].map((title) => ({
  title,
  below: 'named',
}))

function printHits(
  { results, turns, receipt_id: receiptId, took_ms: tookMs }: z.output<typeof schema.searchAnswer>,
  out: Output,
  explain: boolean,
): void {
  out.table({
    columns: [
      { title: 'score', align: 'right', style: 'bold' },
      ...(explain ? PARTS : []),
      { title: 'id', style: 'cyan' },
      { title: 'memory', flexible: true as const },
      { title: 'category', style: 'dim' as const, below: 'plain' as const },
      { title: 'age', style: 'dim' as const, below: 'plain' as const },
    ],
    titles: explain && results.length > 0,
    rows: results.map(({ memory, score, parts }) => [
      score.toFixed(2),
      ...(explain
        ? [
            parts?.lexical.toFixed(2) ?? '',
            parts?.cosine.toFixed(2) ?? '',
            parts?.evidence.toFixed(2) ?? '',
          ]
        : []),
      shortId(memory.id),
      memory.content,
      memory.category + (memory.pinned ? ', pinned' : ''),
      relativeTime(memory.created_at, out.now()),
    ]),
  })
  if (turns.length > 0) {
    out.line()
    out.line(out.paint('dim', 'You also said:'))
    out.table({
      columns: [
        { title: '', align: 'right', style: 'bold' },
        { title: '', style: 'cyan' },
        { title: '', flexible: true },
        { title: '', style: 'dim' },
      ],
      rows: turns.map((turn) => [
        turn.score.toFixed(2),
        shortId(turn.conversation_id),
        turn.content,
        relativeTime(turn.said_at, out.now()),
      ]),
    })
  }
  const found =
    results.length === 0 ? 'Nothing known about that' : count(results.length, 'memory', 'memories')
  out.note(`${found}, ${duration(tookMs)}. Why? engram why ${shortId(receiptId)}`)
}

/** Of what stayed out, so many are shown; the rest is in the JSON. */
const SHOWN_OUT = 10

/** Why the ones, and why not the others. */
function printConsidered(
  candidates: readonly z.output<typeof schema.candidateAnswer>[],
  boundary: Readonly<{ memory: number; turn: number }>,
  out: Output,
): void {
  const noted = candidates.filter(({ admitted, parts }) => admitted && parts.notes.length > 0)
  for (const { id, parts } of noted) out.line(`${shortId(id)}: ${parts.notes.join(', ')}`)
  const others = candidates.filter(({ admitted }) => !admitted)
  if (others.length > 0) {
    out.line()
    out.line(out.paint('dim', 'Considered, and left out:'))
    out.table({
      columns: [
        { title: 'score', align: 'right' },
        ...PARTS,
        { title: 'id', style: 'cyan' },
        { title: 'text', flexible: true },
        { title: 'why', style: 'dim', below: 'plain' },
      ],
      titles: true,
      rows: others
        .slice(0, SHOWN_OUT)
        .map(({ kind, id, content, score, parts, reason, admitted }) => [
          score.toFixed(2),
          parts.lexical.toFixed(2),
          parts.cosine.toFixed(2),
          parts.evidence.toFixed(2),
          shortId(id),
          content,
          [reasonOf({ kind, reason, admitted }), ...parts.notes].join(', '),
        ]),
    })
  }
  out.note(
    `About the question is what has evidence ${boundary.memory.toFixed(2)} (memories) or ${boundary.turn.toFixed(2)} (your words).`,
  )
}

type ListFlags = {
  status?: string
  category?: string
  search?: string
  limit?: number
  offset?: number
  order?: string
  ascending?: boolean
}

export async function list(call: Call<ListFlags, object>): Promise<void> {
  const { out, flags, globals } = call
  const client = await call.client()
  const { items, total, offset } = await pagesOf(
    client,
    schema.memoryPage,
    ({ memories }) => memories,
    {
      path: '/memories',
      limit: flags.limit ?? 20,
      offset: flags.offset ?? 0,
      query: {
        status: flags.status,
        category: flags.category,
        search: flags.search,
        order: flags.order,
        direction: flags.ascending ? 'asc' : undefined,
        namespace: globals.namespace,
      },
    },
  )
  if (out.isJson) {
    out.json({ memories: items, total, limit: flags.limit ?? 20, offset })
    return
  }
  printMemories(items, out)
  const rest = total - offset - items.length
  out.note(
    total === 0
      ? await noneOf(call, client)
      : `${items.length.toLocaleString('en-US')} of ${count(total, 'memory', 'memories')}${rest > 0 ? `. More: --offset ${offset + items.length}` : ''}`,
  )
}

/** Nothing to list: because there is nothing, or because nothing fits what was asked for. */
async function noneOf(
  { flags, globals }: Call<ListFlags, object>,
  client: Client,
): Promise<string> {
  const { status = 'approved', search, category } = flags
  const { namespace } = globals
  const { total } = await client.ask(schema.memoryPage, {
    method: 'GET',
    path: '/memories',
    query: { status: 'all', limit: 1 },
  })
  if (total === 0) return 'No memories. Next: engram add "I prefer tabs"'
  const asked = [
    ...(search === undefined ? [] : [`--search ${JSON.stringify(search)}`]),
    ...(category === undefined ? [] : [`--category ${category}`]),
    ...(namespace === undefined ? [] : [`--namespace ${namespace}`]),
    ...(status === 'all' ? [] : [`--status ${status}`]),
  ]
  const others =
    namespace === undefined ? 'engram memories list --status all' : 'engram namespaces list'
  return `None of ${count(total, 'memory', 'memories')} fits ${asked.join(', ')}. All of them: ${others}`
}

/** One line a memory, for lists. */
export function printMemories(memories: readonly Memory[], out: Output): void {
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
      { title: '', style: 'dim' },
      { title: '', style: 'dim' },
    ],
    rows: memories.map((memory): Cell[] => [
      shortId(memory.id),
      memory.content,
      memory.category,
      marksOf(memory),
      relativeTime(memory.created_at, out.now()),
    ]),
  })
}

function marksOf(memory: Memory): string {
  return [
    ...(memory.status === 'approved' ? [] : [memory.status]),
    ...(memory.pinned ? ['pinned'] : []),
    ...(memory.expires_at ? ['expires'] : []),
  ].join(', ')
}

export async function show(call: Call<object, { id: string }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const id = await resolveMemory(client, call.args.id)
  const memory = await client.ask(schema.memoryAnswer, { method: 'GET', path: pathOf(id) })
  if (out.isJson) out.json(memory)
  else printMemory(memory, out)
}

export const pathOf = (id: string) => `/memories/${encodeURIComponent(id)}`

function printMemory(memory: Memory, out: Output): void {
  const when = (at: string | null) =>
    at === null ? '' : `${dateTime(at)}, ${relativeTime(at, out.now())}`
  const { evidence } = memory
  for (const line of wrap(printable(memory.content), out.width ?? Number.POSITIVE_INFINITY)) {
    out.line(out.paint('bold', line))
  }
  out.line()
  const rows: (readonly [string, string])[] = [
    ['Id', memory.id],
    ['Status', memory.status + (memory.pinned ? ', pinned' : '')],
    ['Category', memory.category],
    ['Namespace', memory.namespace],
    [
      'Source',
      `${memory.source}, said by ${memory.origin}${memory.speaker ? ` (${memory.speaker})` : ''}, confidence ${memory.confidence.toFixed(2)}`,
    ],
    ['Learned', when(memory.created_at)],
    ['Changed', memory.updated_at === memory.created_at ? '' : when(memory.updated_at)],
    ['Confirmed', when(memory.last_confirmed)],
    [
      'Used',
      memory.access_count === 0
        ? 'never'
        : `${count(memory.access_count, 'time')}, last ${when(memory.last_accessed)}`,
    ],
    ['Holds from', when(memory.valid_from)],
    ['Held until', when(memory.valid_to)],
    ['Expires', when(memory.expires_at)],
    ['Replaced by', memory.superseded_by ?? ''],
    ['From the words', evidence.quote ? `"${evidence.quote}"` : ''],
    ['Conversation', memory.source_conversation_id ?? ''],
    ['Metadata', Object.keys(memory.metadata).length > 0 ? JSON.stringify(memory.metadata) : ''],
  ]
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', flexible: true },
    ],
    rows: rows.filter(([, value]) => value !== ''),
    indent: 2,
  })
}

export async function history(call: Call<object, { id: string }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const id = await resolveKnownMemory(client, call.args.id)
  const { events } = await client.ask(schema.eventList, {
    method: 'GET',
    path: `${pathOf(id)}/history`,
  })
  if (out.isJson) {
    out.json({ events })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', style: 'cyan' },
      { title: '', style: 'bold' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
    ],
    rows: events.map((event) => [
      dateTime(event.created_at),
      shortId(event.id),
      event.kind + (event.undone_by ? ' (undone)' : ''),
      changeOf(event),
      event.actor,
    ]),
  })
  out.note(`${count(events.length, 'change')}. Take one back: engram undo EVENT`)
}

/** What an event changed, in one line. */
export function changeOf({ before, after }: Event): string {
  if (!before) return after ? quoted(after.content) : ''
  if (!after) return quoted(before.content)
  const changes: string[] = []
  if (before.content !== after.content)
    changes.push(`${quoted(cut(oneLine(before.content), 40))} → ${quoted(after.content)}`)
  for (const field of ['category', 'status', 'pinned', 'expires_at'] as const) {
    if (before[field] !== after[field])
      changes.push(`${field} ${before[field] ?? 'none'} → ${after[field] ?? 'none'}`)
  }
  return changes.length > 0 ? changes.join(', ') : quoted(after.content)
}

const quoted = (text: string) => `"${oneLine(text)}"`
