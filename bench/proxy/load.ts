/**
 * Sends requests in a process of its own and measures them there. Reads one `Order` as JSON from its input,
 * prints a `Measured` as JSON.
 */
import type { Target } from '../load/generator.ts'

export type Order = Readonly<{
  /** steady: so many a second, whatever becomes of them, measured from when each was due. */
  kind: 'steady' | 'at once'
  target: Target
  bodies: readonly string[]
  perSecond: number
}>

export type Measured = Readonly<{
  times: readonly number[]
  /** Answers that were not 2xx, and requests that got none. */
  failures: number
  /** Answers to requests that went on without memory. */
  skipped: number
  /** SHA-256 of each answer, in the order of the requests; empty for one that failed. */
  hashes: readonly string[]
}>

if (import.meta.main) {
  const order = JSON.parse(await Bun.stdin.text()) as Order
  console.log(JSON.stringify(await run(order)))
}

async function run({ kind, target, bodies, perSecond }: Order): Promise<Measured> {
  const times: number[] = []
  let failures = 0
  let skipped = 0
  const ask = async (body: string, from: number): Promise<string> => {
    try {
      const answer = await post(target, body)
      const bytes = await answer.bytes()
      times.push(performance.now() - from)
      if (!answer.ok) failures++
      if (answer.headers.get('x-engram-memory')?.startsWith('skipped')) skipped++
      return new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
    } catch {
      failures++
      return ''
    }
  }
  const pending: Promise<string>[] = []
  const startedAt = performance.now()
  for (const [i, body] of bodies.entries()) {
    const dueAt = kind === 'steady' ? startedAt + (i * 1000) / perSecond : startedAt
    const earlyMs = dueAt - performance.now()
    if (earlyMs > 0) await Bun.sleep(earlyMs)
    // A timer may fire a little early: then it counts from when it was really sent.
    pending.push(ask(body, Math.min(dueAt, performance.now())))
  }
  return { hashes: await Promise.all(pending), times, failures, skipped }
}

function post({ url, headers }: Target, body: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}
