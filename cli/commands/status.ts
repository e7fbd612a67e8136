import { statSync } from 'node:fs'
import { z } from 'zod'
import type { Call } from '../command.ts'
import { count, dateTime, duration, fileSize, type Output, tilde } from '../output.ts'

const jobCounts = z.object({ queued: z.number(), running: z.number(), dead: z.number() }).loose()

/** The parts of `GET /status` that are shown; `--json` passes on everything. */
export const statusAnswer = z
  .object({
    version: z.object({ version: z.string(), commit: z.string(), build: z.string() }).loose(),
    pid: z.number(),
    url: z.string(),
    started_at: z.string(),
    local_mode: z.boolean(),
    demo: z.boolean(),
    data: z
      .object({
        file: z.string(),
        users: z.number(),
        memories: z.number(),
        turns: z.number(),
        conversations: z.number(),
        receipts: z.number(),
      })
      .loose(),
    local_user: z
      .object({ external_id: z.string(), memories: z.record(z.string(), z.number()) })
      .loose(),
    jobs: z.record(z.string(), jobCounts),
    embedding: z
      .object({
        model: z.string(),
        status: z.enum(['loading', 'ready', 'failed']),
        reason: z.string().optional(),
        embedded: z.number(),
        total: z.number(),
      })
      .loose(),
    extraction: z.string(),
    rss_bytes: z.number(),
  })
  .loose()

export type Status = z.output<typeof statusAnswer>

export async function status(call: Call<object, object>): Promise<void> {
  const client = await call.runningClient()
  const answer = await client.ask(statusAnswer, { method: 'GET', path: '/status' })
  if (call.out.isJson) {
    call.out.json(answer)
    return
  }
  printStatus(answer, call.out, call.env)
  const [next] = nextSteps(answer)
  if (next) call.out.note(`\nNext: ${next[0]}`)
}

/** What the state of things asks for, as commands with what they do. */
export function nextSteps({ jobs, local_user: local }: Status): (readonly [string, string])[] {
  const dead = Object.values(jobs).reduce((sum, kind) => sum + kind.dead, 0)
  return [
    ...(dead > 0 ? [['engram jobs list --state dead', 'what could not be learned'] as const] : []),
    ...((local.memories.pending ?? 0) > 0
      ? [['engram review list', 'memories that wait for your decision'] as const]
      : []),
  ]
}

export function printStatus(
  answer: Status,
  out: Output,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const { version, data, embedding, jobs, local_user: local } = answer
  const upMs = out.now() - Date.parse(answer.started_at)
  const dead = Object.values(jobs).reduce((sum, kind) => sum + kind.dead, 0)
  const waiting = Object.values(jobs).reduce((sum, kind) => sum + kind.queued + kind.running, 0)
  const pending = local.memories.pending ?? 0
  const size = databaseBytes(data.file)
  const rows: (readonly [string, string])[] = [
    [
      'Daemon',
      `${version.version}, up ${duration(upMs)}, process ${answer.pid}, ${fileSize(answer.rss_bytes)} of memory`,
    ],
    ['Address', answer.url + (answer.local_mode ? '' : '   keys needed everywhere')],
    ['Data', `${tilde(data.file, env)}${size === null ? '' : `, ${fileSize(size)}`}`],
    [
      'Memories',
      `${count(local.memories.approved ?? 0, 'memory', 'memories')} of yours${pending > 0 ? `, ${pending} to review` : ''}`,
    ],
    [
      'Kept',
      `${count(data.conversations, 'conversation')}, ${count(data.turns, 'turn')}, ${count(data.receipts, 'receipt')}, ${count(data.users, 'user')}`,
    ],
    ['Vectors', vectorLine(embedding)],
    [
      'Learning',
      `by ${answer.extraction === 'rules' ? 'the built-in rules' : answer.extraction}, ${waiting === 0 ? 'nothing waits' : `${count(waiting, 'job')} waiting`}${dead > 0 ? `, ${dead} given up` : ''}`,
    ],
  ]
  out.line(
    `${out.paint('bold', 'Engram')} is running since ${dateTime(answer.started_at)}.${answer.demo ? ' Demo: a mock provider answers.' : ''}`,
  )
  out.line()
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', flexible: true },
    ],
    rows,
    indent: 2,
  })
}

function vectorLine({
  model,
  status: state,
  reason,
  embedded,
  total,
}: Status['embedding']): string {
  if (state === 'failed')
    return `${model} failed: ${reason ?? 'no reason given'}; words alone are searched`
  const done =
    embedded >= total ? `all ${total.toLocaleString('en-US')}` : `${embedded} of ${total}`
  return `${model}${state === 'loading' ? ', loading' : ''}, ${done} embedded`
}

/** Of the database with its log, which holds what is not yet copied back; null when it is not on this machine. */
export function databaseBytes(file: string): number | null {
  const sizes = [file, `${file}-wal`].map(
    (part) => statSync(part, { throwIfNoEntry: false })?.size ?? 0,
  )
  return sizes[0] === 0 ? null : sizes[0]! + sizes[1]!
}
