/**
 * Clients of every generation and transport, each of another user, ask one daemon at the same time. Each user
 * has a word that stands in everything of theirs and in nothing else: whoever sees another's was given a reply
 * that is not theirs.
 */
import { GENERATIONS, type Session } from '../cli/fixtures/mcp-clients.ts'

export type CrosstalkOptions = Readonly<{
  /** The daemon's address, `--legacy-sse` on, and a key that may create users. */
  url: string
  adminKey: string
  /** Starts `mcp --stdio` for a user. */
  stdio: (apiKey: string) => { command: string; env: Record<string, string> }
  stdioArgs: readonly string[]
  clients: number
  calls: number
  /** Calls that one client has under way at once. */
  inFlight: number
  /** Clients over stdio at most: each is a process. */
  maxProcesses: number
  onProgress?: (done: number) => void
}>

export type CrosstalkResult = Readonly<{
  calls: number
  clients: Readonly<Record<string, number>>
  /** Replies that held another user's word. */
  crossed: number
  /** Replies that did not hold the asker's own word. */
  missing: number
  errors: readonly string[]
  seconds: number
}>

type Asker = { session: Session; word: string; generation: string; memoryId: string }

export async function crosstalk(options: CrosstalkOptions): Promise<CrosstalkResult> {
  const askers = await Promise.all(
    Array.from({ length: options.clients }, (_, i) => openAsker(i, options)),
  )
  const words = askers.map(({ word }) => word)
  const errors: string[] = []
  let [started, done, crossed, missing] = [0, 0, 0, 0]

  async function work(asker: Asker): Promise<void> {
    while (started < options.calls) {
      const turn = started++
      try {
        const reply = await askOne(asker, turn)
        if (!reply.includes(asker.word)) missing++
        if (words.some((word) => word !== asker.word && reply.includes(word))) crossed++
      } catch (error) {
        if (errors.length < 20) errors.push(`${asker.generation}: ${(error as Error).message}`)
      }
      done++
      if (done % 1_000 === 0) options.onProgress?.(done)
    }
  }

  const from = performance.now()
  await Promise.all(
    askers.flatMap((asker) => Array.from({ length: options.inFlight }, () => work(asker))),
  )
  const seconds = (performance.now() - from) / 1000
  await Promise.all(askers.map(({ session }) => session.close()))
  const clients: Record<string, number> = {}
  for (const { generation } of askers) clients[generation] = (clients[generation] ?? 0) + 1
  return { calls: done, clients, crossed, missing, errors, seconds }
}

async function openAsker(i: number, options: CrosstalkOptions): Promise<Asker> {
  const word = `canary${String.fromCharCode(97 + Math.floor(i / 26), 97 + (i % 26))}x`
  const created = await fetch(`${options.url}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-engram-key': options.adminKey },
    body: JSON.stringify({ external_id: word }),
  })
  if (!created.ok) throw new Error(`no user: ${created.status} ${await created.text()}`)
  const { api_key: key } = (await created.json()) as { api_key: string }
  const overHttp = GENERATIONS.filter(({ name }) => !name.includes('stdio'))
  const overStdio = GENERATIONS.filter(({ name }) => name.includes('stdio'))
  const generation =
    i < options.maxProcesses ? overStdio[i % overStdio.length]! : overHttp[i % overHttp.length]!
  const session = await generation.open({
    command: (args) => ({
      ...options.stdio(key),
      args: [...options.stdioArgs, 'mcp', '--stdio', ...args],
    }),
    url: options.url,
    headers: { 'x-engram-key': key },
  })
  const added = await session.call('add_memory', { content: `The ${word} sings` })
  if (added.isError) throw new Error(added.content[0]!.text)
  const { id } = added.structuredContent!.memory as { id: string }
  // So that the log, which is asked for as well, has something from the beginning.
  await session.call('search_memories', { query: `what does the ${word} do` })
  return { session, word, generation: generation.name, memoryId: id }
}

/** One call, of which the asker's own word must be in the reply. */
async function askOne({ session, word, memoryId }: Asker, turn: number): Promise<string> {
  switch (turn % 8) {
    case 0:
      return textOf(await session.call('search_memories', { query: `${word} sings` }))
    case 1:
      return (await session.read('engram://recent'))[0]!.text!
    case 2:
      return (await session.read(`engram://memories/${memoryId}`))[0]!.text!
    case 3:
      return session.prompt('recall', { topic: word })
    case 4:
      return textOf(await session.call('add_memory', { content: `The ${word} sings` }))
    case 5:
      return textOf(await session.call('get_retrieval_log', { limit: 1 }))
    default:
      return textOf(await session.call('list_memories', { limit: 3 }))
  }
}

function textOf(result: Awaited<ReturnType<Session['call']>>): string {
  if (result.isError) throw new Error(result.content[0]!.text)
  return result.content[0]!.text
}
