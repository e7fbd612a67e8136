import type { z } from 'zod'
import { activityEvent } from '../../daemon/rest/schema.ts'
import type { Call } from '../command.ts'
import { CliError } from '../errors.ts'
import { count, duration, formatTable, type Output, printable, shortId } from '../output.ts'

type Flags = { client?: string; status?: 'ok' | 'error' }
type Event = z.output<typeof activityEvent>

/** Prints requests as they end, until Ctrl-C. */
export async function tail(call: Call<Flags, object>): Promise<number> {
  const { out, flags, signal } = call
  const client = await call.client()
  const answer = await client.open({ method: 'GET', path: '/activity', endless: true })
  out.note('Watching the proxy. Ctrl-C ends it.')
  try {
    for await (const { event, data } of serverSentEvents(answer.body!)) {
      if (event === 'missed') {
        out.note(
          `… ${count(Number(data), 'request')} not shown: they came faster than they were printed`,
        )
      }
      if (event !== 'request') continue
      const request = activityEvent.parse(JSON.parse(data))
      if (isWanted(request, flags)) await print(request, out)
    }
  } catch (error) {
    if (signal.aborted) return 130
    throw new CliError('E_DAEMON_DOWN', `the Engram daemon at ${client.url} broke off`, {
      fix: 'engram tail',
      cause: error,
    })
  }
  if (signal.aborted) return 130
  throw new CliError('E_DAEMON_DOWN', `the Engram daemon at ${client.url} has ended the view`, {
    why: 'it was stopped, or the key was revoked',
    fix: 'engram tail          (starts a daemon when none runs)',
  })
}

/** Did the client get an answer that it can use? */
export function hasFailed({ status, ending }: Pick<Event, 'status' | 'ending'>): boolean {
  return status === null || status >= 400 || ending === 'cut off'
}

function isWanted(request: Event, { client, status }: Flags): boolean {
  if (client && !request.client.toLowerCase().startsWith(client.toLowerCase())) return false
  return status === undefined || hasFailed(request) === (status === 'error')
}

async function print(request: Event, out: Output): Promise<void> {
  if (out.isJson) return out.raw(`${JSON.stringify(request)}\n`)
  const failed = hasFailed(request)
  const [line] = formatTable(
    {
      columns: [
        { title: '', style: 'dim' },
        { title: '', style: 'cyan', least: 12 },
        { title: '', least: 28, flexible: true },
        { title: '', least: 3 },
        { title: '', align: 'right', least: 6 },
        { title: '', align: 'right', least: 4 },
        { title: '', least: 4 },
        { title: '', style: 'dim' },
      ],
      rows: [
        [
          new Date(request.at).toTimeString().slice(0, 8),
          request.client,
          request.model
            ? `${request.provider}/${request.model}`
            : `${request.provider}${request.path}`,
          { text: String(request.status ?? 'left'), style: failed ? 'red' : 'green' },
          duration(request.took_ms),
          `${request.injected} in`,
          printable(request.memory) +
            (request.ending === 'cut off' ? ', the answer broke off' : ''),
          request.receipt_id === null ? '' : shortId(request.receipt_id),
        ],
      ],
    },
    out.width,
    out.paint,
  )
  await out.raw(`${line}\n`)
}

/** The events of a stream of ours: LF, one `data` line each. */
async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ event: string; data: string }> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) as [string, string]),
      )
      text = text.slice(end + 2)
      yield { event: fields.get('event') ?? '', data: fields.get('data') ?? '' }
    }
  }
}
