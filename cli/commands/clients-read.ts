import { type ClientSpec, findClient, type Transport } from '../clients/catalog.ts'
import { entryOf, reachOf } from '../clients/entry.ts'
import { asLine } from '../clients/own-command.ts'
import { look, type Scope, slotOf } from '../clients/slot.ts'
import { snippetOf } from '../clients/snippet.ts'
import { type Survey, survey } from '../clients/survey.ts'
import { tryServer } from '../clients/try-server.ts'
import { openWorkplace, type Workplace } from '../clients/workplace.ts'
import type { Call } from '../command.ts'
import { CliError, usage } from '../errors.ts'
import { count, duration, type Style, tilde } from '../output.ts'

export async function list(call: Call<{ all?: boolean }, object>): Promise<void> {
  const { out, env, flags } = call
  const place = openWorkplace(call)
  const rows = survey(place)
  if (out.isJson) {
    out.json({ clients: rows.map(surveyJson) })
    return
  }
  const shown = rows.filter((row) => flags.all || row.installed || row.state !== 'absent')
  out.table({
    columns: [
      { title: 'client', style: 'cyan' },
      { title: 'state' },
      { title: 'file', style: 'dim', flexible: true },
    ],
    rows: shown.map((row) => [
      row.scope === 'project' ? `${row.client.id} (project)` : row.client.id,
      { text: stateText(row), style: STATE_STYLES[row.state] },
      row.problem ?? (row.file ? tilde(row.file, env) : row.client.name),
    ]),
  })
  const isAnyHere = rows.some((row) => row.installed || row.state !== 'absent')
  if (!isAnyHere) out.note('No client that is known was found on this machine.')
  const open = shown.filter(
    ({ state, client, installed }) => installed && state === 'absent' && !client.print,
  )
  if (open.length > 0) out.note(`\nNext: engram clients connect ${open[0]!.client.id}`)
  else if (!flags.all) out.note('Every client that is known: engram clients list --all')
}

const STATE_STYLES: Readonly<Record<Survey['state'], Style>> = {
  current: 'green',
  stale: 'yellow',
  foreign: 'yellow',
  unreadable: 'red',
  absent: 'dim',
}

function stateText({ state, hooks, installed, client, transport }: Survey): string {
  switch (state) {
    case 'current':
      return `connected${transport === 'http' ? ', http' : ''}${hooks === 'current' ? ', hooks' : ''}`
    case 'stale':
      return 'connected to another place'
    case 'foreign':
      return 'another engram'
    case 'unreadable':
      return 'cannot be read'
    case 'absent':
      return client.print ? 'print only' : installed ? 'not connected' : 'not found'
  }
}

function surveyJson({ client, installed, state, scope, file, transport, hooks, problem }: Survey) {
  return {
    id: client.id,
    name: client.name,
    installed,
    state,
    scope,
    file,
    transport,
    hooks,
    ...(problem ? { problem } : {}),
    docs: client.docs,
    checked: client.checked,
  }
}

export async function test(call: Call<{ scope?: Scope }, { name: string }>): Promise<void> {
  const { out, args, flags, globals } = call
  const place = openWorkplace(call)
  const client = findClient(place.clients, args.name)
  const reach = configuredReach(client, flags.scope, place)
  const tried = await tryServer(client, reach, place.around, globals.timeoutMs ?? TEST_WAIT_MS)
  if (out.isJson) {
    out.json({
      id: client.id,
      server: tried.server,
      tools: tried.tools,
      ready_ms: Math.round(tried.readyMs),
      listed_ms: Math.round(tried.listedMs),
      answered_ms: Math.round(tried.answeredMs),
      ...(reach.kind === 'stdio'
        ? { command: [reach.command, ...reach.args] }
        : { url: reach.url }),
    })
    return
  }
  out.line(
    `${client.name}: ${tried.server} lists ${count(tried.tools.length, 'tool')} after ${duration(tried.listedMs)}, and reaches your memories`,
  )
  out.line(`  ${tried.tools.join(', ')}`)
  out.note(
    reach.kind === 'stdio'
      ? `Started as ${client.name} would, in a bare environment: ${asLine({ program: reach.command, args: reach.args })}`
      : `Called as ${client.name} would: ${reach.url}`,
  )
}

const TEST_WAIT_MS = 20_000

/** What stands in the client's file; for a client that is only printed, what is printed. */
function configuredReach(client: ClientSpec, scope: Scope | undefined, place: Workplace) {
  const { around, wanted } = place
  if (client.print) {
    return reachOf(entryOf(client, client.entries.stdio ? 'stdio' : 'http', wanted))!
  }
  const scopes = scope ? [scope] : (['user', 'project'] as const).filter((one) => client[one])
  for (const one of scopes) {
    const { entry, slot } = look(slotOf(client, one, around), wanted, null)
    const reach = reachOf(entry)
    if (reach) return reach
    if (entry !== undefined) {
      throw new CliError(
        'E_CLIENT_FILE',
        `${slot.file}: ${slot.key.join('.')} is no entry of a server`,
        {
          fix: `engram clients connect ${client.id} --force`,
        },
      )
    }
  }
  throw new CliError('E_NOT_FOUND', `${client.name} is not connected`, {
    fix: `engram clients connect ${client.id}`,
  })
}

export async function print(
  call: Call<{ transport?: Transport; keyEnv?: string }, { name: string }>,
): Promise<void> {
  const { out, args, flags, env } = call
  const place = openWorkplace(call, flags.keyEnv ?? null)
  const client = findClient(place.clients, args.name)
  const other = client.entries.stdio ? 'stdio' : 'http'
  if (flags.transport && !client.entries[flags.transport]) {
    throw usage(
      `${client.name} takes no ${flags.transport} entry`,
      `engram clients print ${client.id} --transport ${other}`,
    )
  }
  const snippet = snippetOf(client, flags.transport ?? null, place)
  if (out.isJson) {
    out.json({
      id: client.id,
      name: client.name,
      ...snippet,
      next: client.next,
      docs: client.docs,
      checked: client.checked,
    })
    return
  }
  if (snippet.text) {
    if (snippet.file)
      out.note(
        `For ${tilde(snippet.file, env)}${snippet.project ? ` (or ${snippet.project} in a project)` : ''}:\n`,
      )
    out.line(snippet.text)
  }
  for (const step of snippet.steps) out.line(step)
  if (snippet.command) out.note(`\nOr its own command:\n  ${snippet.command}`)
  if (snippet.link) out.note(`\nOr this link:\n  ${snippet.link}`)
  out.note(`\nNext: ${client.next}.`)
  for (const note of client.notes) out.note(`Note: ${note}`)
  out.note(`Docs: ${client.docs} (checked ${client.checked})`)
}
