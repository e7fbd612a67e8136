import { z } from 'zod'
import * as schema from '../daemon/rest/schema.ts'
import type { Client } from './client.ts'
import { CliError } from './errors.ts'
import { shortId } from './output.ts'

type Page = Readonly<{ ids: readonly string[]; isLast: boolean }>

const PAGE = 100
/** Lists that have no search by id are read so far back. */
const SEARCHED = 2_000
/** Ids of ours are this long after their kind; what is whole needs no search. */
const WHOLE = /^[a-z]+_[0-9a-z]{26}$/

/**
 * The whole id for the beginning of one.
 *
 * @param page the ids of one page, newest first
 * @throws CliError `E_NOT_FOUND`, `E_AMBIGUOUS`
 */
async function resolve(
  given: string,
  kind: string,
  what: string,
  fix: string,
  page: (offset: number) => Promise<Page>,
): Promise<string> {
  if (WHOLE.test(given)) return given
  const beginnings = given.includes('_') ? [given] : [given, `${kind}_${given}`]
  const matches = new Set<string>()
  for (let offset = 0; offset < SEARCHED; offset += PAGE) {
    const { ids, isLast } = await page(offset)
    if (ids.includes(given)) return given
    for (const id of ids) if (beginnings.some((begin) => id.startsWith(begin))) matches.add(id)
    if (isLast) break
  }
  const [only, ...others] = matches
  if (only === undefined) throw new CliError('E_NOT_FOUND', `no ${what} ${given}`, { fix })
  if (others.length === 0) return only
  throw ambiguous(given, what, [...matches])
}

function ambiguous(given: string, what: string, ids: readonly string[]): CliError {
  const shown = ids.slice(0, 4).map((id) => (shortId(id).startsWith(given) ? shortId(id) : id))
  return new CliError('E_AMBIGUOUS', `${given} fits more than one ${what}`, {
    why: `${shown.join(', ')}${ids.length > 4 ? ', …' : ''}`,
  })
}

/** A memory of any namespace and status, by the beginning of its id. */
export async function resolveMemory(client: Client, given: string): Promise<string> {
  if (WHOLE.test(given)) return given
  const found = await memoriesWith(client, given)
  const isBare = found.length === 0 && !given.includes('_')
  const ids = isBare ? await memoriesWith(client, `mem_${given}`) : found
  const [first, ...others] = ids
  if (first === undefined) throw new CliError('E_NOT_FOUND', `no memory ${given}`)
  if (ids.includes(given)) return given
  if (others.length > 0) throw ambiguous(given, 'memory', ids)
  return first
}

async function memoriesWith(client: Client, beginning: string): Promise<string[]> {
  const { memories } = await client.ask(schema.memoryPage, {
    method: 'GET',
    path: '/memories',
    query: { id_prefix: beginning, status: 'all', limit: PAGE },
  })
  return memories.map(({ id }) => id).filter((id) => id.startsWith(beginning))
}

/** A memory by the beginning of its id, also one that has been deleted: the journal knows it. */
export async function resolveKnownMemory(client: Client, given: string): Promise<string> {
  try {
    return await resolveMemory(client, given)
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'E_NOT_FOUND') throw error
    return resolve(
      given,
      'mem',
      'memory',
      'engram memories list --status all',
      events(client, (event) => [event.memory_id]),
    )
  }
}

/** What undo may be told: an event, an operation or a memory. */
export function resolveChange(client: Client, given: string): Promise<string> {
  return given.startsWith('evt_') || given.startsWith('op_')
    ? resolve(
        given,
        'evt',
        'change',
        'engram memories history ID',
        events(client, (event) => [event.id, event.operation_id]),
      )
    : resolveKnownMemory(client, given)
}

type Event = z.output<typeof schema.eventAnswer>

function events(client: Client, idsOf: (event: Event) => string[]) {
  return async (offset: number): Promise<Page> => {
    const { events: page } = await client.ask(schema.eventList, {
      method: 'GET',
      path: '/events',
      query: { limit: PAGE, offset },
    })
    return { ids: page.flatMap(idsOf), isLast: page.length < PAGE }
  }
}

const LISTS = {
  receipt: { kind: 'rcp', path: '/logs', field: 'logs', fix: 'engram why last' },
  conversation: {
    kind: 'conv',
    path: '/conversations',
    field: 'conversations',
    fix: 'engram conversations list',
  },
  job: { kind: 'job', path: '/jobs', field: 'jobs', fix: 'engram jobs list' },
  conflict: {
    kind: 'cfl',
    path: '/memories/conflicts',
    field: 'conflicts',
    fix: 'engram conflicts list',
  },
} as const

/** A receipt, conversation, job or conflict by the beginning of its id. */
export function resolveListed(
  client: Client,
  what: keyof typeof LISTS,
  given: string,
): Promise<string> {
  const { kind, path, field, fix } = LISTS[what]
  const answer = z.object({ [field]: z.array(z.object({ id: z.string() })) })
  return resolve(given, kind, what, fix, async (offset) => {
    const page = await client.ask(answer, { method: 'GET', path, query: { limit: PAGE, offset } })
    const ids = page[field]!.map(({ id }) => id)
    return { ids, isLast: ids.length < PAGE }
  })
}
