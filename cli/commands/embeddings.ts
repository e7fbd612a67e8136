import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { embeddingModels, embeddingStatus } from '../../daemon/rest/embeddings-schema.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { type Cell, count, fileSize, type Output, relativeTime } from '../output.ts'

type Status = z.output<typeof embeddingStatus>
type WaitFlag = { wait?: boolean }

/** Opening a model can take so long: a large file, or a server that loads it at its first request. */
const OPENING_MS = 120_000
const POLL_MS = 500

export async function status(call: Call<object, object>): Promise<void> {
  const client = await call.client()
  show(await ask(client), call.out)
}

export async function list({ out, client: connect }: Call<object, object>): Promise<void> {
  const client = await connect()
  const answer = await client.ask(embeddingModels, { method: 'GET', path: '/embeddings/models' })
  const builtIn = [
    ['minilm', 'English', 'built in', 'the default: better'],
    ['static', 'English', 'built in', 'smaller and faster, no native code'],
  ]
  if (out.isJson) {
    out.json({
      built_in: builtIn.map(([name, languages, , about]) => ({ name, languages, about })),
      ...answer,
    })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '' },
      { title: '', align: 'right' },
      { title: '', flexible: true },
    ],
    rows: [
      ...builtIn,
      ...answer.models.map(({ name, languages, size_bytes: size, downloaded, about, license }) => [
        name,
        languages,
        downloaded ? 'fetched' : fileSize(size),
        `${about} (${license})`,
      ]),
    ],
  })
  out.note(
    '\nAlso openai:MODEL and ollama:MODEL, for which text leaves this machine or goes to a server on it,\nand any folder with a sentence-transformers model in ONNX.',
  )
}

export async function use(
  call: Call<WaitFlag & { file?: string }, { model: string }>,
): Promise<void> {
  const model = readModel(call.args.model, call.flags.file)
  const client = await call.client()
  const started = await client.ask(embeddingStatus, {
    method: 'POST',
    path: '/embeddings/use',
    body: { model },
    waitMs: OPENING_MS,
  })
  await followOrShow(call, client, started)
}

export async function reindex(call: Call<WaitFlag, object>): Promise<void> {
  const client = await call.client()
  const started = await client.ask(embeddingStatus, {
    method: 'POST',
    path: '/embeddings/reindex',
    waitMs: OPENING_MS,
  })
  await followOrShow(call, client, started)
}

/** A folder as people name it becomes its whole path; anything else is for the daemon to read. */
function readModel(given: string, file: string | undefined): string {
  const path = given.startsWith('~/') ? join(homedir(), given.slice(2)) : given
  const looksLikePath = /^[./~]|[/\\]/.test(given) && !/^(?:openai|ollama):/.test(given)
  if (!looksLikePath && !existsSync(path)) {
    if (file === undefined) return given
    throw new CliError('E_USAGE', `--file is for a folder, and ${given} is none`, {
      fix: 'engram embeddings use FOLDER --file onnx/model.onnx',
    })
  }
  return file === undefined ? resolve(path) : resolve(path, file)
}

async function followOrShow(
  call: Call<WaitFlag, object>,
  client: Client,
  started: Status,
): Promise<void> {
  const { out } = call
  if (!call.flags.wait) {
    show(started, out)
    if (started.next?.state === 'building' && !out.isJson) {
      out.note(`\n${started.choice} answers until then. How far it is: engram embeddings status`)
    }
    return
  }
  let told = ''
  for (let now = started; ; now = await ask(client)) {
    if (now.next?.state === 'failed') {
      throw new CliError('E_FAILED', `${now.next.choice} did not take over; ${now.choice} stays`, {
        why: now.next.problem ?? undefined,
        fix: `engram embeddings use ${now.choice}`,
      })
    }
    if (now.next === null) {
      show(now, out)
      return
    }
    const line = progressOf(now.next)
    if (line !== told) out.note(line)
    told = line
    await Bun.sleep(POLL_MS)
    call.signal.throwIfAborted()
  }
}

function ask(client: Client): Promise<Status> {
  return client.ask(embeddingStatus, { method: 'GET', path: '/embeddings' })
}

function show(answer: Status, out: Output): void {
  if (out.isJson) {
    out.json(answer)
    return
  }
  const { next, calibration } = answer
  const rows: (readonly Cell[])[] = [
    ['State', stateCell(answer)],
    ['In force', `${answer.choice}, ${answer.dimensions} dimensions`],
    [
      'Vectors',
      `${answer.embedded.toLocaleString('en-US')} of ${answer.total.toLocaleString('en-US')}` +
        (answer.waiting > 0 ? `, ${count(answer.waiting, 'text')} waiting` : '') +
        (answer.given_up > 0 ? `, ${count(answer.given_up, 'text')} given up` : ''),
    ],
    ['Scale', `cosine × ${calibration.scale.toFixed(2)} ${signed(calibration.offset)}`],
  ]
  if (next) {
    rows.push(['Next', `${next.choice}, begun ${relativeTime(next.started_at, out.now())}`])
    rows.push(['Progress', next.state === 'failed' ? 'given up' : progressOf(next)])
  }
  if (answer.problem) rows.push(['Problem', answer.problem])
  out.table({
    columns: [
      { title: '', style: 'dim' },
      { title: '', flexible: true },
    ],
    rows,
  })
  if (next?.state === 'failed') {
    out.note(
      `\nTry again: engram embeddings use ${next.choice}   Keep what is: engram embeddings use ${answer.choice}`,
    )
  } else if (answer.embedder === 'failed') {
    out.note('\nWords alone are searched. Another: engram embeddings use static')
  }
}

function stateCell({ state }: Status): Cell {
  const styles = { ready: 'green', building: 'yellow', failed: 'red' } as const
  return { text: state, style: styles[state] }
}

function progressOf(next: NonNullable<Status['next']>): string {
  const held = next.problem ? `; waiting: ${next.problem}` : ''
  switch (next.phase) {
    case 'downloading': {
      if (!next.download) return 'downloading'
      const { received_bytes: received, total_bytes: total } = next.download
      return `downloading, ${fileSize(received)} of ${fileSize(total)} (${share(received, total)})${held}`
    }
    case 'filling':
    case 'finishing':
      return `filled ${next.filled.toLocaleString('en-US')} of ${next.total.toLocaleString('en-US')} (${share(next.filled, next.total)})${held}`
    default:
      return `being opened${held}`
  }
}

function share(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.floor((100 * part) / whole)} %`
}

function signed(number: number): string {
  return `${number < 0 ? '−' : '+'} ${Math.abs(number).toFixed(2)}`
}
