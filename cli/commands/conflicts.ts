import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'
import { resolveListed } from '../ids.ts'
import { count, type Output, oneLine, relativeTime, shortId } from '../output.ts'
import { pagesOf } from '../pages.ts'

type Conflict = z.output<typeof schema.conflictAnswer>

export async function list(call: Call<{ limit?: number; offset?: number }, object>): Promise<void> {
  const { out, flags } = call
  const client = await call.client()
  const { items, total, offset } = await pagesOf(
    client,
    schema.conflictPage,
    ({ conflicts }) => conflicts,
    {
      path: '/memories/conflicts',
      limit: flags.limit ?? 20,
      offset: flags.offset ?? 0,
    },
  )
  if (out.isJson) {
    out.json({ conflicts: items, total, offset })
    return
  }
  for (const conflict of items) printConflict(conflict, out)
  out.note(
    total === 0
      ? 'No memories contradict each other.'
      : `${count(total, 'open conflict')}. Next: engram conflicts resolve ID accept_new | keep_old | keep_both`,
  )
}

function printConflict(conflict: Conflict, out: Output): void {
  const side = (name: string, memory: Conflict['existing_memory']) => [
    name,
    shortId(memory.id),
    memory.content,
    relativeTime(memory.created_at, out.now()),
  ]
  out.line(
    `${out.paint('bold', shortId(conflict.id))}  ${out.paint('dim', oneLine(conflict.reason))}`,
  )
  out.table({
    columns: [
      { title: '' },
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
    ],
    rows: [side('old', conflict.existing_memory), side('new', conflict.proposed_memory)],
    indent: 2,
  })
  out.line()
}

const DECISIONS = schema.resolve.shape.resolution.options

export async function resolve(call: Call<object, { id: string; decision: string }>): Promise<void> {
  const { out, args } = call
  const decision = DECISIONS.find((name) => name === args.decision.replaceAll('-', '_'))
  if (!decision) {
    throw usage(
      `the decision must be one of ${DECISIONS.join(', ')}, got "${args.decision}"`,
      `engram conflicts resolve ${args.id} accept_new`,
    )
  }
  const client = await call.client()
  const id = await resolveListed(client, 'conflict', args.id)
  const conflict = await client.ask(schema.conflictAnswer, {
    method: 'POST',
    path: `/memories/conflicts/${encodeURIComponent(id)}/resolve`,
    body: { resolution: decision },
  })
  if (out.isJson) {
    out.json(conflict)
    return
  }
  const kept = { accept_new: 'the new one', keep_old: 'the old one', keep_both: 'both' }[decision]
  out.line(`${shortId(id)} resolved: ${kept} ${decision === 'keep_both' ? 'hold' : 'holds'}`)
  out.note('Take it back: engram undo')
}
