import * as schema from '../../daemon/rest/schema.ts'
import type { Call } from '../command.ts'
import { resolveMemory } from '../ids.ts'
import { count, oneLine, shortId } from '../output.ts'
import { pagesOf } from '../pages.ts'
import { printMemories } from './memories-read.ts'
import { changeMemory } from './memories-write.ts'

type PageFlags = { limit?: number; offset?: number }

export async function list(call: Call<PageFlags, object>): Promise<void> {
  const { out, flags, globals } = call
  const client = await call.client()
  const { items, total, offset } = await pagesOf(
    client,
    schema.memoryPage,
    ({ memories }) => memories,
    {
      path: '/memories/review',
      limit: flags.limit ?? 20,
      offset: flags.offset ?? 0,
      query: { namespace: globals.namespace },
    },
  )
  if (out.isJson) {
    out.json({ memories: items, total, offset })
    return
  }
  printMemories(items, out)
  out.note(
    total === 0
      ? 'Nothing waits for your decision.'
      : `${count(total, 'memory waits', 'memories wait')}. Next: engram review approve ID, or reject ID`,
  )
}

export const approve = (call: Call<object, { id: string[] }>) => decide(call, 'approved')
export const reject = (call: Call<object, { id: string[] }>) => decide(call, 'rejected')

async function decide(
  { out, args, client: connect }: Call<object, { id: string[] }>,
  status: 'approved' | 'rejected',
): Promise<void> {
  const client = await connect()
  const ids: string[] = []
  for (const given of args.id) ids.push(await resolveMemory(client, given))
  const changed = []
  for (const id of new Set(ids)) changed.push(await changeMemory(client, id, { status }))
  if (out.isJson) out.json({ memories: changed })
  else {
    for (const memory of changed) {
      out.line(`${status}  ${out.paint('cyan', shortId(memory.id))}  ${oneLine(memory.content)}`)
    }
    out.note('Take it back: engram undo')
  }
}
