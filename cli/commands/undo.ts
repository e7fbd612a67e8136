import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'
import { resolveChange } from '../ids.ts'
import { count, type Output, relativeTime, shortId } from '../output.ts'
import { changeOf } from './memories-read.ts'

type Event = z.output<typeof schema.eventAnswer>
type Flags = { list?: boolean; limit?: number }

export async function undo(call: Call<Flags, { id?: string }>): Promise<void> {
  const { out, args, flags } = call
  if (flags.list) {
    if (args.id !== undefined) throw usage('either an id or --list, not both', 'engram undo --list')
    return list(call)
  }
  if (flags.limit !== undefined) throw usage('--limit goes with --list', 'engram undo --list')
  const client = await call.client()
  const target = args.id === undefined ? null : await resolveChange(client, args.id)
  const { events } = await client.ask(schema.eventList, {
    method: 'POST',
    path: '/memories/undo',
    body: { target },
    waitMs: 120_000,
  })
  if (out.isJson) {
    out.json({ events })
    return
  }
  const most = 20
  out.table({
    columns: [
      { title: '', style: 'bold' },
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
    ],
    rows: events
      .slice(0, most)
      .map((event) => [undone(event), shortId(event.memory_id), changeOf(event)]),
  })
  if (events.length > most) out.line(`… and ${events.length - most} more`)
  const [first] = events
  const again = first ? ` Do it again: engram undo ${first.operation_id}.` : ''
  out.note(
    `Took back ${count(events.length, 'change')}.${again} The change before it: engram undo once more.`,
  )
}

function undone({ before, after }: Event): string {
  return before === null ? 'restored' : after === null ? 'removed' : 'changed back'
}

/** Everything that one command, request or lesson changed; what undo takes back as a whole. */
type Operation = Readonly<{
  operation_id: string
  created_at: string
  actor: string
  namespaces: readonly string[]
  undone_by: string | null
  /** The operation that this one took back. */
  undoes: string | null
  events: readonly Event[]
}>

async function list({ out, flags, globals, client: connect }: Call<Flags, object>): Promise<void> {
  const operations = await latest(await connect(), flags.limit ?? 20, globals.namespace)
  if (out.isJson) out.json({ operations })
  else printOperations(operations, out)
}

const PAGE = 100
/** An operation may have changed every memory: what is shown of it does not need all of its events. */
const READ = 2_000

async function latest(
  client: Client,
  amount: number,
  namespace: string | undefined,
): Promise<Operation[]> {
  const groups = new Map<string, Event[]>()
  for (let offset = 0; offset < READ && groups.size <= amount; offset += PAGE) {
    const { events } = await client.ask(schema.eventList, {
      method: 'GET',
      path: '/events',
      query: { limit: PAGE, offset, namespace },
    })
    for (const event of events) {
      const group = groups.get(event.operation_id)
      if (group) group.push(event)
      else groups.set(event.operation_id, [event])
    }
    if (events.length < PAGE) break
  }
  return [...groups.values()].slice(0, amount).map(toOperation)
}

function toOperation(events: readonly Event[]): Operation {
  const { operation_id, created_at, actor, undone_by, cause } = events[0]!
  const namespaces = [...new Set(events.map(({ namespace }) => namespace))]
  const undoes = typeof cause.undoes === 'string' ? cause.undoes : null
  return { operation_id, created_at, actor, namespaces, undone_by, undoes, events }
}

function printOperations(operations: readonly Operation[], out: Output): void {
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', style: 'dim' },
      { title: '', style: 'bold' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
      { title: '', style: 'yellow' },
    ],
    rows: operations.map((operation) => [
      shortId(operation.operation_id),
      relativeTime(operation.created_at, out.now()),
      kindOf(operation),
      whatOf(operation),
      operation.actor,
      operation.undone_by ? 'undone' : '',
    ]),
  })
  out.note(
    operations.length === 0
      ? 'Nothing has changed yet.'
      : `${count(operations.length, 'change')}, newest first. Take one back: engram undo ID`,
  )
}

function kindOf({ undoes, events }: Operation): string {
  if (undoes) return events[0]!.cause.redo ? 'redo' : 'undo'
  const kinds = new Set(events.map(({ kind }) => kind))
  return kinds.size === 1 ? events[0]!.kind : 'several'
}

function whatOf({ events }: Operation): string {
  const [only, ...others] = events
  if (others.length === 0) return changeOf(only!)
  const memories = new Set(events.map((event) => event.memory_id)).size
  return `${count(memories, 'memory', 'memories')}: ${events.map(changeOf).slice(0, 3).join('; ')}`
}
