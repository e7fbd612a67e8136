import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { confirmByWord } from '../ask.ts'
import type { Client } from '../client.ts'
import type { Call } from '../command.ts'
import { CliError, nameTaken } from '../errors.ts'
import { count, relativeTime, shortId } from '../output.ts'
import { pagesOf } from '../pages.ts'

const page = z.object({ users: z.array(schema.userAnswer), total: z.number() })

export async function create(call: Call<object, { name: string }>): Promise<void> {
  const { out, args } = call
  const client = await call.client()
  const user = await client
    .ask(schema.createdUser, {
      method: 'POST',
      path: '/users',
      body: { external_id: args.name },
    })
    .catch((error) => {
      throw nameTaken(error, `there is a user ${args.name} already`, 'engram users list')
    })
  if (out.isJson) out.json(user)
  else {
    out.line(user.api_key)
    out.note(`This is the key of ${user.external_id} (${shortId(user.id)}). It is not shown again.`)
  }
}

export async function list(call: Call<{ limit?: number; offset?: number }, object>): Promise<void> {
  const { out, flags } = call
  const client = await call.client()
  const { items, total, offset } = await pagesOf(client, page, ({ users }) => users, {
    path: '/users',
    limit: flags.limit ?? 20,
    offset: flags.offset ?? 0,
  })
  if (out.isJson) {
    out.json({ users: items, total, offset })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
    ],
    rows: items.map((user) => [
      shortId(user.id),
      user.external_id,
      relativeTime(user.created_at, out.now()),
    ]),
  })
  out.note(`${items.length} of ${count(total, 'user')}`)
}

export async function rm(call: Call<object, { name: string }>): Promise<void> {
  const { out, args } = call
  const client = await call.client()
  const user = await findUser(client, args.name)
  await confirmByWord(
    `This removes ${user.external_id} with all memories, conversations and keys, for good.`,
    user.external_id,
    `engram users rm ${args.name} --yes`,
    call,
  )
  await client.tell({
    method: 'DELETE',
    path: `/users/${encodeURIComponent(user.id)}`,
    waitMs: 120_000,
  })
  if (out.isJson) out.json({ deleted: user.id, external_id: user.external_id })
  else out.line(`removed ${user.external_id}`)
}

async function findUser(client: Client, name: string) {
  const { items } = await pagesOf(client, page, ({ users }) => users, {
    path: '/users',
    limit: 100_000,
    offset: 0,
  })
  const named = items.find((user) => user.external_id === name || user.id === name)
  const [begun, ...others] = items.filter(
    (user) => name.startsWith('usr_') && user.id.startsWith(name),
  )
  const user = named ?? (others.length === 0 ? begun : undefined)
  if (user) return user
  throw new CliError('E_NOT_FOUND', `no user ${name}`, { fix: 'engram users list' })
}
