import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Call } from '../command.ts'
import { resolveListed } from '../ids.ts'
import { type Cell, count, dateTime, type Output, relativeTime, shortId } from '../output.ts'
import { pagesOf } from '../pages.ts'

type Job = z.output<typeof schema.jobAnswer>
type ListFlags = { state?: string; limit?: number; offset?: number }

export async function list(call: Call<ListFlags, object>): Promise<void> {
  const { out, flags } = call
  const client = await call.client()
  const { items, offset } = await pagesOf(client, schema.jobList, ({ jobs }) => jobs, {
    path: '/jobs',
    limit: flags.limit ?? 20,
    offset: flags.offset ?? 0,
    query: { state: flags.state },
  })
  if (out.isJson) {
    out.json({ jobs: items, offset })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '' },
      { title: '' },
      { title: '', style: 'dim' },
      { title: '', flexible: true },
    ],
    rows: items.map((job): Cell[] => [
      shortId(job.id),
      job.kind,
      stateOf(job),
      relativeTime(job.created_at, out.now()),
      job.error ?? '',
    ]),
  })
  const dead = items.some(({ state }) => state === 'dead')
  out.note(
    items.length === 0
      ? 'No jobs.'
      : `${count(items.length, 'job')}${dead ? '. Try one again: engram jobs retry ID' : ''}`,
  )
}

function stateOf({ state }: Job): Cell {
  if (state === 'dead') return { text: 'given up', style: 'red' }
  return state === 'done' ? { text: state, style: 'green' } : state
}

export async function show(call: Call<object, { id: string }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const id = await resolveListed(client, 'job', call.args.id)
  const job = await client.ask(schema.jobAnswer, { method: 'GET', path: pathOf(id) })
  if (out.isJson) out.json(job)
  else printJob(job, out)
}

function printJob(job: Job, out: Output): void {
  const rows: (readonly Cell[])[] = [
    ['Id', job.id],
    ['Kind', job.kind],
    ['State', stateOf(job)],
    ['Namespace', job.namespace],
    ['Tries', String(job.attempts)],
    ['Queued', dateTime(job.created_at)],
    ...(job.finished_at ? [['Ended', dateTime(job.finished_at)]] : []),
    ...(job.error ? [['Error', job.error]] : []),
    ...(job.result ? [['Result', JSON.stringify(job.result)]] : []),
  ]
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', flexible: true },
    ],
    rows,
  })
}

export async function retry(call: Call<object, { id: string }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const id = await resolveListed(client, 'job', call.args.id)
  const job = await client.ask(schema.jobAnswer, { method: 'POST', path: `${pathOf(id)}/retry` })
  if (out.isJson) out.json(job)
  else out.line(`${out.paint('cyan', shortId(job.id))} is ${job.state} again`)
}

const pathOf = (id: string) => `/jobs/${encodeURIComponent(id)}`
