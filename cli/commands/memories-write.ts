import { readFileSync } from 'node:fs'
import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { confirm, confirmByWord, decodeText, readText } from '../ask.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { usage } from '../errors.ts'
import { resolveMemory } from '../ids.ts'
import { count, oneLine, shortId } from '../output.ts'
import { pathOf } from './memories-read.ts'

type AddFlags = { category?: string; pin?: boolean; expires?: number | null; file?: string }

export async function add(call: Call<AddFlags, { text: string[] }>): Promise<void> {
  const { out, flags, globals } = call
  const content =
    flags.file === undefined
      ? await readText(call.args.text, 'the text', 'engram add "I prefer tabs over spaces"')
      : textOfFile(flags.file, call.args.text)
  const client = await call.client()
  const { status, value: memory } = await client.exchange(schema.addedMemory, {
    method: 'POST',
    path: '/memories',
    repeatable: true,
    body: {
      content,
      pinned: flags.pin === true,
      ...(flags.category === undefined ? {} : { category: flags.category }),
      ...(flags.expires === undefined ? {} : { expires_at: flags.expires }),
      ...(globals.namespace === undefined ? {} : { namespace: globals.namespace }),
    },
  })
  const isNew = status === 201
  if (out.isJson) out.json({ ...memory, created: isNew })
  else {
    out.line(`${out.paint('cyan', shortId(memory.id))}  ${oneLine(memory.content)}`)
    const changed = memory.changed?.length ? `changed ${memory.changed.join(', ')}` : 'confirmed'
    out.note(isNew ? 'Remembered. Take it back: engram undo' : `Known already; ${changed}.`)
  }
}

function textOfFile(path: string, words: readonly string[]): string {
  if (words.length > 0) throw usage('either TEXT or --file, not both')
  const where = path === '-' ? 'standard input' : path
  return decodeText(readFileSync(path === '-' ? 0 : path), where).trim()
}

type EditFlags = {
  category?: string
  pin?: boolean
  unpin?: boolean
  expires?: number | null
  approve?: boolean
  reject?: boolean
}

export async function edit(call: Call<EditFlags, { id: string; text: string[] }>): Promise<void> {
  const { out, flags, args } = call
  if (flags.pin && flags.unpin) throw usage('either --pin or --unpin, not both')
  if (flags.approve && flags.reject) throw usage('either --approve or --reject, not both')
  const patch = {
    ...(args.text.length > 0 ? { content: await readText(args.text, 'the text', '') } : {}),
    ...(flags.category === undefined ? {} : { category: flags.category }),
    ...(flags.pin ? { pinned: true } : flags.unpin ? { pinned: false } : {}),
    ...(flags.expires === undefined ? {} : { expires_at: flags.expires }),
    ...(flags.approve ? { status: 'approved' } : flags.reject ? { status: 'rejected' } : {}),
  }
  if (Object.keys(patch).length === 0) {
    throw usage('nothing to change was given', `engram memories edit ${args.id} "the new text"`)
  }
  const client = await call.client()
  const memory = await changeMemory(client, await resolveMemory(client, args.id), patch)
  if (out.isJson) out.json(memory)
  else {
    out.line(`${out.paint('cyan', shortId(memory.id))}  ${oneLine(memory.content)}`)
    out.note('Changed. Take it back: engram undo')
  }
}

export function changeMemory(client: Client, id: string, patch: object) {
  return client.ask(schema.memoryAnswer, { method: 'PATCH', path: pathOf(id), body: patch })
}

export async function rm(call: Call<{ all?: boolean }, { id: string[] }>): Promise<void> {
  const { args, flags } = call
  if (flags.all) {
    if (args.id.length > 0) throw usage('either ids or --all, not both')
    return removeAll(call)
  }
  if (args.id.length === 0) throw usage('which memory?', 'engram memories list shows their ids')
  return removeSome(call)
}

async function removeSome(call: Call<object, { id: string[] }>): Promise<void> {
  const { out } = call
  const client = await call.client()
  const ids: string[] = []
  // All are found before the first goes: a mistyped one leaves everything as it is.
  for (const given of call.args.id) ids.push(await resolveMemory(client, given))
  const unique = [...new Set(ids)]
  if (unique.length > 1) {
    await confirm(
      `Delete ${count(unique.length, 'memory', 'memories')}?`,
      `engram memories rm ${call.args.id.join(' ')} --yes`,
      call,
    )
  }
  for (const id of unique) await client.tell({ method: 'DELETE', path: pathOf(id) })
  if (out.isJson) out.json({ deleted: unique })
  else {
    for (const id of unique) out.line(`deleted ${out.paint('cyan', shortId(id))}`)
    out.note(
      unique.length === 1
        ? 'Bring it back: engram undo'
        : 'Bring the last one back: engram undo; once more for the one before it',
    )
  }
}

const namespaces = z.array(z.object({ name: z.string(), memories: z.number() }))

async function removeAll(call: Call<object, object>): Promise<void> {
  const { out, globals } = call
  const client = await call.client()
  const all = await client.ask(namespaces, { method: 'GET', path: '/namespaces' })
  const chosen =
    globals.namespace === undefined ? all : all.filter(({ name }) => name === globals.namespace)
  const amount = chosen.reduce((sum, { memories }) => sum + memories, 0)
  const where =
    globals.namespace === undefined
      ? `of ${count(all.length, 'namespace')}`
      : `of the namespace ${globals.namespace}`
  const scope = globals.namespace === undefined ? '' : ` --namespace ${globals.namespace}`
  await confirmByWord(
    `This deletes all ${count(amount, 'memory', 'memories')} ${where}, and what waits for review.\nA copy first: engram export -o memories.jsonl${scope}`,
    globals.namespace ?? 'everything',
    `engram memories rm --all${scope} --yes`,
    call,
  )
  await client.tell({
    method: 'DELETE',
    path: '/memories',
    query: { namespace: globals.namespace },
    waitMs: 120_000,
  })
  if (out.isJson) out.json({ deleted: amount, namespace: globals.namespace ?? null })
  else {
    out.line(`deleted all memories ${where}`)
    out.note('Bring them back: engram undo')
  }
}
