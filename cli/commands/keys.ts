import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import { confirm } from '../ask.ts'
import type { Call } from '../command.ts'
import { CliError, nameTaken, usage } from '../errors.ts'
import { count, dateTime, relativeTime, shortId } from '../output.ts'

const PATH = '/users/me/api-keys'
const keys = z.array(schema.keyAnswer)
/** The key in this installation's own file: without it the command line is locked out. */
const OWN_KEY = 'local'

export async function list({ out, client: connect }: Call<object, object>): Promise<void> {
  const client = await connect()
  const found = await client.ask(keys, { method: 'GET', path: PATH })
  if (out.isJson) {
    out.json({ keys: found })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '', style: 'dim' },
      { title: '' },
      { title: '', style: 'dim' },
      { title: '', style: 'dim' },
    ],
    rows: found.map((key) => [
      shortId(key.id),
      key.name,
      key.hint,
      MAY[key.scope],
      key.last_used_at ? `used ${relativeTime(key.last_used_at, out.now())}` : 'not used yet',
      key.expires_at ? `expires ${relativeTime(key.expires_at, out.now())}` : '',
    ]),
  })
  out.note(`${count(found.length, 'key')}. Another: engram keys create NAME`)
}

const MAY = { read: 'may read', write: 'may write', proxy: 'for the proxy alone' } as const

const CREATED = {
  read: 'may only read',
  write: 'may read and write',
  proxy: 'opens the proxy alone',
} as const

type CreateFlags = { readOnly?: boolean; proxyOnly?: boolean; expires?: number | null }

export async function create(call: Call<CreateFlags, { name: string }>): Promise<void> {
  const { out, args, flags } = call
  if (flags.readOnly && flags.proxyOnly) {
    throw usage('--read-only and --proxy-only exclude each other', 'engram keys create --help')
  }
  const client = await call.client()
  const key = await client
    .ask(schema.createdKey, {
      method: 'POST',
      path: PATH,
      body: {
        name: args.name,
        scope: flags.proxyOnly ? 'proxy' : flags.readOnly ? 'read' : 'write',
        ...(flags.expires ? { expires_at: flags.expires } : {}),
      },
    })
    .catch((error) => {
      throw nameTaken(error, `there is a key ${args.name} already`, 'engram keys list')
    })
  if (out.isJson) out.json(key)
  else {
    out.line(key.api_key)
    const until = key.expires_at ? `, until ${dateTime(key.expires_at)}` : ''
    out.note(`This is "${key.name}", which ${CREATED[key.scope]}${until}. It is not shown again.`)
  }
}

export async function revoke(call: Call<object, { id: string }>): Promise<void> {
  const { out, args } = call
  const client = await call.client()
  const all = await client.ask(keys, { method: 'GET', path: PATH })
  const exact = all.filter((key) => key.id === args.id || key.name === args.id)
  const matches =
    exact.length > 0
      ? exact
      : all.filter(({ id }) => id.startsWith(args.id) || id.startsWith(`key_${args.id}`))
  const [key, ...others] = matches
  if (!key) throw new CliError('E_NOT_FOUND', `no key ${args.id}`, { fix: 'engram keys list' })
  if (others.length > 0) throw new CliError('E_AMBIGUOUS', `${args.id} fits more than one key`)
  if (key.name === OWN_KEY) {
    await confirm(
      'This is the key of the command line itself; a new one is made when the daemon starts next. Revoke it?',
      `engram keys revoke ${args.id} --yes`,
      call,
    )
  }
  await client.tell({ method: 'DELETE', path: `${PATH}/${encodeURIComponent(key.id)}` })
  if (out.isJson) out.json({ revoked: key.id, name: key.name })
  else out.line(`revoked ${out.paint('cyan', shortId(key.id))}  ${key.name}`)
}
