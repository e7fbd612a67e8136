import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { confirm } from '../ask.ts'
import type { Call } from '../command.ts'
import { CliError, usage } from '../errors.ts'
import { readBatches } from '../import-lines.ts'
import { count, fileSize } from '../output.ts'

const NEWLINE = 0x0a

export async function exportMemories(call: Call<{ output?: string }, object>): Promise<void> {
  const { flags, globals } = call
  const toFile = flags.output !== undefined && flags.output !== '-'
  const path = toFile ? resolve(flags.output!) : null
  if (path && !existsSync(dirname(path))) {
    throw new CliError('E_NOT_FOUND', `there is no folder ${dirname(path)}`, {
      fix: `mkdir -p ${dirname(path)}`,
    })
  }
  if (path && existsSync(path)) {
    await confirm(`${path} exists. Replace it?`, `engram export -o ${flags.output} --yes`, call)
  }
  const client = await call.client()
  const { body } = await client.open({
    method: 'GET',
    path: '/memories/export',
    query: { namespace: globals.namespace },
    waitMs: 3_600_000,
  })
  const lines = body ?? new ReadableStream()
  if (path) await exportToFile(lines, path, call)
  else await exportToOutput(lines, call)
}

async function exportToOutput(
  lines: ReadableStream<Uint8Array>,
  { out }: Call<object, object>,
): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of lines) await out.raw(decoder.decode(chunk, { stream: true }))
}

/** A file appears whole, under its name, or not at all. */
async function exportToFile(
  lines: ReadableStream<Uint8Array>,
  path: string,
  { out }: Call<object, object>,
): Promise<void> {
  const partial = `${path}.${process.pid}.partial`
  let memories = 0
  let bytes = 0
  const file = openPartial(partial, path)
  try {
    for await (const chunk of lines) {
      for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written)
      bytes += chunk.length
      for (const byte of chunk) if (byte === NEWLINE) memories++
    }
    fsyncSync(file)
    closeSync(file)
    renameSync(partial, path)
  } catch (error) {
    rmSync(partial, { force: true })
    throw named(error, partial, path)
  }
  if (out.isJson) out.json({ file: path, memories, bytes })
  else out.line(`${count(memories, 'memory', 'memories')} written to ${path} (${fileSize(bytes)})`)
}

function openPartial(partial: string, path: string): number {
  try {
    return openSync(partial, 'wx', 0o600)
  } catch (error) {
    throw named(error, partial, path)
  }
}

/** A failure of the file beside it is shown as one of the file that was asked for. */
function named(error: unknown, partial: string, path: string): unknown {
  const failed = error as { path?: unknown }
  return failed.path === partial ? Object.assign(error as Error, { path }) : error
}

type Report = z.output<typeof schema.importAnswer>

export async function importMemories(call: Call<object, { file?: string }>): Promise<number> {
  const { args, out } = call
  const isPiped = args.file === undefined || args.file === '-'
  if (args.file === undefined && process.stdin.isTTY) {
    throw usage('which file?', 'engram import memories.jsonl')
  }
  const file = isPiped ? null : Bun.file(args.file!)
  if (file && !(await file.exists())) {
    throw new CliError('E_NOT_FOUND', `there is no file ${args.file}`, { fix: 'check the path' })
  }
  const report = await sendLines(file ? file.stream() : Bun.stdin.stream(), call)
  const { imported, unchanged, rejected, rejected_total: refused } = report
  if (out.isJson) out.json(report)
  else {
    const known = unchanged > 0 ? `, ${unchanged.toLocaleString('en-US')} known already` : ''
    out.line(`${count(imported, 'memory', 'memories')} imported${known}`)
    for (const { line, detail } of rejected) out.error(`  line ${line}: ${detail}`)
    if (refused > rejected.length)
      out.error(`  and ${count(refused - rejected.length, 'line')} more`)
  }
  if (refused === 0) return 0
  throw new CliError('E_PARTIAL', `${count(refused, 'line')} rejected`, {
    why:
      imported + unchanged === 0
        ? 'nothing was stored'
        : 'the others are stored; importing them again changes nothing',
    fix: `correct ${refused === 1 ? 'it' : 'them'}, then: engram import ${args.file ?? '-'}`,
  })
}

const PROGRESS_MS = 5_000
/** What it may take to store a batch on a slow disk. */
const BATCH_MS = 300_000

/** Sends the lines batch by batch, and adds up what became of them. */
async function sendLines(
  input: AsyncIterable<Uint8Array>,
  call: Call<object, object>,
): Promise<Report> {
  const client = await call.client()
  const total: Report = { imported: 0, unchanged: 0, rejected: [], rejected_total: 0 }
  let sent = 0
  const timer = setInterval(() => {
    call.out.note(`still importing: ${count(sent, 'line')} done`)
  }, PROGRESS_MS)
  try {
    for await (const { body, lines } of readBatches(input)) {
      const report = await client
        .ask(schema.importAnswer, {
          method: 'POST',
          path: '/memories/import',
          repeatable: true,
          query: { namespace: call.globals.namespace },
          lines: body,
          waitMs: BATCH_MS,
        })
        .catch(reportOfRefusal)
      total.imported += report.imported
      total.unchanged += report.unchanged
      total.rejected_total += report.rejected_total
      for (const { line, detail } of report.rejected)
        total.rejected.push({ line: sent + line, detail })
      sent += lines
    }
    return total
  } finally {
    clearInterval(timer)
  }
}

/** A batch of which every line is refused is a failure there; here the next batch may fare better. */
function reportOfRefusal(error: unknown): Report {
  const refused = schema.refusedImport.safeParse((error as { cause?: unknown }).cause)
  if (!refused.success) throw error
  return refused.data
}
