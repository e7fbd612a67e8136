import { z } from 'zod'
import type { Call } from '../command.ts'
import { count, relativeTime } from '../output.ts'

const answer = z.array(z.object({ name: z.string(), memories: z.number(), created_at: z.string() }))

export async function list({ out, client: connect }: Call<object, object>): Promise<void> {
  const client = await connect()
  const namespaces = await client.ask(answer, { method: 'GET', path: '/namespaces' })
  if (out.isJson) {
    out.json({ namespaces })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan', flexible: true },
      { title: '', align: 'right' },
      { title: '', style: 'dim' },
    ],
    rows: namespaces.map(({ name, memories, created_at: createdAt }) => [
      name,
      count(memories, 'memory', 'memories'),
      relativeTime(createdAt, out.now()),
    ]),
  })
  if (namespaces.length === 0) out.note('None yet: the first memory makes one.')
}
