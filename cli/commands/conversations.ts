import * as schema from '../../daemon/rest/schema.ts'
import { confirm } from '../ask.ts'
import type { Call } from '../command.ts'
import { resolveListed } from '../ids.ts'
import { count, dateTime, printable, relativeTime, shortId, wrap } from '../output.ts'
import { pagesOf } from '../pages.ts'

export async function list(call: Call<{ limit?: number; offset?: number }, object>): Promise<void> {
  const { out, flags, globals } = call
  const client = await call.client()
  const { items, total, offset } = await pagesOf(
    client,
    schema.conversationPage,
    ({ conversations }) => conversations,
    {
      path: '/conversations',
      limit: flags.limit ?? 20,
      offset: flags.offset ?? 0,
      query: { namespace: globals.namespace },
    },
  )
  if (out.isJson) {
    out.json({ conversations: items, total, offset })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '' },
      { title: '', align: 'right' },
      { title: '', style: 'dim' },
      { title: '', style: 'dim', flexible: true },
    ],
    rows: items.map((conversation) => [
      shortId(conversation.id),
      relativeTime(conversation.updated_at, out.now()),
      count(conversation.turns, 'turn'),
      conversation.source,
      conversation.namespace === 'default' ? '' : conversation.namespace,
    ]),
  })
  out.note(
    total === 0 ? 'No conversations yet.' : `${items.length} of ${count(total, 'conversation')}`,
  )
}

export async function show(call: Call<object, { id: string }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const id = await resolveListed(client, 'conversation', call.args.id)
  const conversation = await client.ask(schema.conversationWithTurns, {
    method: 'GET',
    path: pathOf(id),
  })
  if (out.isJson) {
    out.json(conversation)
    return
  }
  out.line(
    `${out.paint('bold', shortId(id))}  ${dateTime(conversation.created_at)}  ${conversation.source}  namespace ${conversation.namespace}`,
  )
  const width = out.width === null ? Number.POSITIVE_INFINITY : out.width - 2
  for (const turn of conversation.turns) {
    const learned = turn.memory_count ? `, ${count(turn.memory_count, 'memory', 'memories')}` : ''
    out.line()
    out.line(out.paint('cyan', `${turn.speaker ?? turn.role}  ${dateTime(turn.said_at)}${learned}`))
    for (const line of wrap(printable(turn.content), width)) out.line(`  ${line}`.trimEnd())
    if (turn.truncated) out.line(out.paint('dim', '  (cut off)'))
  }
}

export async function rm(call: Call<object, { id: string[] }>): Promise<void> {
  const { out, args } = call
  const client = await call.client()
  const ids: string[] = []
  for (const given of args.id) ids.push(await resolveListed(client, 'conversation', given))
  const unique = [...new Set(ids)]
  await confirm(
    `Delete ${count(unique.length, 'conversation')} for good? Memories learned from them stay.`,
    `engram conversations rm ${args.id.join(' ')} --yes`,
    call,
  )
  for (const id of unique) await client.tell({ method: 'DELETE', path: pathOf(id) })
  if (out.isJson) out.json({ deleted: unique })
  else for (const id of unique) out.line(`deleted ${out.paint('cyan', shortId(id))}`)
}

const pathOf = (id: string) => `/conversations/${encodeURIComponent(id)}`
