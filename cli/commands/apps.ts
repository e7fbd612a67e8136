import { z } from 'zod'
import * as schema from '../../daemon/rest/schema.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { count, dateTime, relativeTime, shortId } from '../output.ts'

const PATH = '/users/me/apps'
const apps = z.array(schema.appAnswer)

export async function list({ out, client: connect }: Call<object, object>): Promise<void> {
  const client = await connect()
  const found = await client.ask(apps, { method: 'GET', path: PATH })
  if (out.isJson) {
    out.json({ apps: found })
    return
  }
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', flexible: true },
      { title: '' },
      { title: '', style: 'dim' },
      { title: '', style: 'dim' },
    ],
    rows: found.map((app) => [
      shortId(app.id),
      app.name,
      app.scope === 'read' ? 'may read' : 'may write',
      `let in ${dateTime(app.created_at)}`,
      `used ${relativeTime(app.last_used_at, out.now())}`,
    ]),
  })
  out.note(
    found.length === 0
      ? 'No app was let in. One asks by itself when you give it the address of MCP.'
      : `${count(found.length, 'app')}. Shut one out: engram apps revoke ID`,
  )
}

export async function approve(call: Call<{ readOnly?: boolean }, object>): Promise<void> {
  const { out, flags } = call
  const client = await call.client()
  const approval = await client.ask(schema.approvalAnswer, {
    method: 'POST',
    path: `${PATH}/approvals`,
    body: { scope: flags.readOnly ? 'read' : 'write' },
  })
  if (out.isJson) {
    out.json(approval)
    return
  }
  out.line(approval.code)
  out.note(
    `Type it into the page that the app has opened, and nowhere else. Good once, until ${dateTime(approval.expires_at)}.`,
  )
}

export async function revoke(call: Call<object, { id: string }>): Promise<void> {
  const { out, args } = call
  const client = await call.client()
  const all = await client.ask(apps, { method: 'GET', path: PATH })
  const exact = all.filter((app) => app.id === args.id || app.name === args.id)
  const matches =
    exact.length > 0
      ? exact
      : all.filter(({ id }) => id.startsWith(args.id) || id.startsWith(`grt_${args.id}`))
  const [app, ...others] = matches
  if (!app) throw new CliError('E_NOT_FOUND', `no app ${args.id}`, { fix: 'engram apps list' })
  if (others.length > 0) {
    throw new CliError('E_AMBIGUOUS', `${args.id} fits more than one app`, {
      fix: 'engram apps list, then give the id',
    })
  }
  await client.tell({ method: 'DELETE', path: `${PATH}/${encodeURIComponent(app.id)}` })
  if (out.isJson) out.json({ revoked: app.id, name: app.name })
  else out.line(`shut out ${out.paint('cyan', shortId(app.id))}  ${app.name}`)
}
