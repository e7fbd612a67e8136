import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { resolveListed } from '../ids.ts'
import {
  type Cell,
  count,
  cut,
  displayWidth,
  duration,
  type Output,
  oneLine,
  relativeTime,
  shortId,
} from '../output.ts'
import { reasonOf } from '../reasons.ts'
import { changeOf } from './memories-read.ts'

type Log = z.output<typeof schema.logWithLearned>

/** What a receipt says of recall; written by `daemon/receipt.ts`. Older receipts may say less. */
const detail = z
  .object({
    mode: z.string(),
    degraded: z.string().nullable(),
    searched: z.object({ memory: z.number(), turn: z.number() }).optional(),
    settings: z
      .object({
        max_items: z.number(),
        budget_tokens: z.number().nullable(),
        threshold: z.number().nullable(),
      })
      .optional(),
    candidates: z.array(
      z.object({
        kind: z.string(),
        id: z.string(),
        content: z.string(),
        score: z.number(),
        admitted: z.boolean(),
        reason: z.string(),
        notes: z.array(z.string()).default([]),
      }),
    ),
    outcome: z
      .object({ provider: z.string(), model: z.string().nullish(), ending: z.string() })
      .loose()
      .optional(),
  })
  .loose()

type Detail = z.output<typeof detail>

export async function why(call: Call<{ search?: boolean }, { id?: string }>): Promise<void> {
  const { out, args, flags } = call
  const client = await call.client()
  const given = args.id ?? 'last'
  const id =
    given === 'last'
      ? await latest(client, flags.search ? 'search' : 'chat', call.globals.namespace)
      : await resolveListed(client, 'receipt', given)
  const log = await client.ask(schema.logWithLearned, {
    method: 'GET',
    path: `/logs/${encodeURIComponent(id)}`,
  })
  if (out.isJson) out.json(log)
  else printReceipt(log, out)
}

async function latest(
  client: Client,
  kind: 'chat' | 'search',
  namespace: string | undefined,
): Promise<string> {
  const { logs } = await client.ask(schema.logPage, {
    method: 'GET',
    path: '/logs',
    query: { kind, namespace, limit: 1 },
  })
  if (logs[0]) return logs[0].id
  throw new CliError(
    'E_NOT_FOUND',
    kind === 'chat' ? 'no chat has gone through Engram yet' : 'nothing has been searched yet',
    {
      why: kind === 'chat' ? 'receipts are made when your app talks to the proxy' : undefined,
      fix:
        kind === 'chat'
          ? 'engram help proxy          (for searches: engram why --search)'
          : 'engram search "code style"',
    },
  )
}

/** Of what stayed out, so many are shown; the rest is in the JSON. */
const SHOWN_OUT = 10

function printReceipt(log: Log, out: Output): void {
  const read = detail.safeParse(log.detail)
  const parts: Detail = read.success
    ? read.data
    : { mode: 'unknown', degraded: null, candidates: [] }
  printHeading(log, parts, out)
  out.line()
  if (parts.candidates.length > 0) printCandidates(parts, out)
  else
    out.line(parts.mode === 'off' ? '  Memory took no part.' : '  Nothing in memory came near it.')
  if (log.kind === 'chat') printLearned(log, out)
  if (parts.outcome && parts.outcome.ending !== 'complete') {
    out.line()
    out.line(`The answer was ${parts.outcome.ending}.`)
  }
  out.note(`\nEvery score: engram why ${shortId(log.id)} --json`)
}

function printHeading(log: Log, { searched, outcome, ...parts }: Detail, out: Output): void {
  const { paint, width } = out
  const time = new Date(log.created_at).toTimeString().slice(0, 8)
  const all = searched ? ` of ${(searched.memory + searched.turn).toLocaleString('en-US')}` : ''
  const facts = [
    paint('bold', shortId(log.id)),
    `${time}, ${relativeTime(log.created_at, out.now())}`,
    outcome ? `${outcome.provider}/${outcome.model ?? '?'}` : log.kind,
    `namespace ${log.namespace}`,
    `${log.kind === 'chat' ? 'injected' : 'found'} ${log.injected}${all}, ${count(log.tokens, 'token')}, ${duration(log.took_ms)}`,
  ]
  // Every fact stands whole: what does not fit goes on below.
  let line = ''
  for (const fact of facts) {
    if (width !== null && line !== '' && displayWidth(`${line}  ${fact}`) > width) {
      out.line(line)
      line = `  ${fact}`
    } else line = line === '' ? fact : `${line}  ${fact}`
  }
  out.line(line)
  const room = width === null ? Number.POSITIVE_INFINITY : width - 7
  out.line(`${paint('dim', 'asked:')} ${cut(oneLine(log.query), room)}`)
  if (parts.degraded) out.line(`${paint('yellow', 'note:')}  ${noteOf(parts.mode, parts.degraded)}`)
}

function printCandidates(parts: Detail, out: Output): void {
  const admitted = parts.candidates.filter((candidate) => candidate.admitted)
  const others = parts.candidates.filter((candidate) => !candidate.admitted)
  out.table({
    columns: [
      { title: '' },
      { title: '', align: 'right' },
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim', below: 'plain' },
    ],
    rows: [...admitted, ...others.slice(0, SHOWN_OUT)].map((candidate): Cell[] => [
      candidate.admitted ? { text: 'in', style: 'green' } : { text: 'out', style: 'dim' },
      candidate.score.toFixed(2),
      shortId(candidate.id),
      candidate.content,
      [reasonOf(candidate, parts.settings), ...candidate.notes].filter(Boolean).join(', '),
    ]),
    indent: 2,
  })
  if (others.length > SHOWN_OUT)
    out.line(`  … and ${others.length - SHOWN_OUT} more that stayed out`)
}

function printLearned({ learned, created_at: createdAt }: Log, out: Output): void {
  out.line()
  if (learned.length === 0) {
    const isFresh = out.now() - Date.parse(createdAt) < FRESH_MS
    out.line(isFresh ? 'Learned nothing new yet.' : 'Learned nothing new.')
    return
  }
  out.line(`Learned ${learned.length}:`)
  out.table({
    columns: [
      { title: '' },
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim', below: 'plain' },
    ],
    rows: learned.map((event) => [
      LEARNED[event.kind] ?? event.kind,
      shortId(event.memory_id),
      changeOf(event),
      event.after?.status === 'pending'
        ? 'waits for review'
        : event.undone_by
          ? 'undone since'
          : '',
    ]),
    indent: 2,
  })
}

/** Learning follows the answer; so soon after it, it may still be under way. */
const FRESH_MS = 60_000

const LEARNED: Readonly<Record<string, string>> = {
  added: 'new',
  updated: 'reworded',
  confirmed: 'confirmed',
  superseded: 'replaced',
  deleted: 'removed',
}

function noteOf(mode: string, degraded: string): string {
  return mode === 'off' ? degraded : `searched by words alone, ${degraded}`
}
