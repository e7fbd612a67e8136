/**
 * Sends requests in a process of its own and measures them there. Reads one `Order` as JSON from its input,
 * prints what it measured as JSON.
 */
export type Target = Readonly<{ url: string; headers: Readonly<Record<string, string>> }>

export type Order = Readonly<
  | {
      /** One request after the other, in rounds that go through the arms forwards and then backwards. */
      kind: 'arms'
      arms: readonly Target[]
      /**
       * All arms get the same one on the way forwards, and the next on the way back. Taken in turn; a question
       * that is asked twice would be answered from caches.
       */
      bodies: readonly string[]
      rounds: number
      warmUp: number
      /** Before each request; 0 for one after the other. */
      pauseMs: number
      /** Measured up to the first byte of the answer's body, instead of to its end. */
      toFirstByte: boolean
    }
  | {
      /** As fast as so many connections can, each body once. */
      kind: 'flood'
      target: Target
      bodies: readonly string[]
      connections: number
    }
  | {
      /** At a steady rate, measured from when a request was due, so that a stall counts for all that wait. */
      kind: 'steady'
      target: Target
      bodies: readonly string[]
      perSecond: number
      seconds: number
    }
>

export type Measured = Readonly<{
  /** Milliseconds: of each arm for `arms`, else one list. */
  times: number[][]
  /** From the first request to the last answer. */
  seconds: number
  /** Answers that were not 2xx, and requests that got none. */
  failures: number
}>

if (import.meta.main) {
  const order = JSON.parse(await Bun.stdin.text()) as Order
  console.log(JSON.stringify(await run(order)))
}

async function run(order: Order): Promise<Measured> {
  switch (order.kind) {
    case 'arms':
      return arms(order)
    case 'flood':
      return flood(order)
    case 'steady':
      return steady(order)
  }
}

async function arms(order: Extract<Order, { kind: 'arms' }>): Promise<Measured> {
  const times = order.arms.map((): number[] => [])
  const ways = [[...order.arms.keys()], [...order.arms.keys()].toReversed()]
  let failures = 0
  let started = performance.now()
  let next = 0
  for (let round = -order.warmUp; round < order.rounds; round++) {
    if (round === 0) {
      started = performance.now()
      failures = 0
    }
    for (const way of ways) {
      const body = order.bodies[next++ % order.bodies.length]!
      for (const arm of way) {
        if (order.pauseMs > 0) await Bun.sleep(order.pauseMs)
        const at = performance.now()
        const answer = await post(order.arms[arm]!, body)
        const ms = order.toFirstByte ? await untilFirstByte(answer, at) : await untilEnd(answer, at)
        if (answer.status >= 300) failures++
        if (round >= 0) times[arm]!.push(ms)
      }
    }
  }
  return { times, seconds: (performance.now() - started) / 1000, failures }
}

async function flood(order: Extract<Order, { kind: 'flood' }>): Promise<Measured> {
  const times: number[] = []
  let failures = 0
  let next = 0
  const started = performance.now()
  const connection = async () => {
    while (next < order.bodies.length) {
      const body = order.bodies[next++]!
      const at = performance.now()
      const { isOk, ms } = await attempt(order.target, body, at)
      if (!isOk) failures++
      times.push(ms)
    }
  }
  await Promise.all(Array.from({ length: order.connections }, connection))
  return { times: [times], seconds: (performance.now() - started) / 1000, failures }
}

async function steady(order: Extract<Order, { kind: 'steady' }>): Promise<Measured> {
  const times: number[] = []
  let failures = 0
  const started = performance.now()
  const pending: Promise<void>[] = []
  const total = Math.round(order.perSecond * order.seconds)
  for (let i = 0; i < total; i++) {
    const due = started + (i * 1000) / order.perSecond
    const early = due - performance.now()
    if (early > 0) await Bun.sleep(early)
    // Timers fire a little early at times: what was sent before it was due is measured from then.
    const at = Math.min(due, performance.now())
    pending.push(
      attempt(order.target, order.bodies[i % order.bodies.length]!, at).then(({ isOk, ms }) => {
        if (!isOk) failures++
        times.push(ms)
      }),
    )
  }
  await Promise.all(pending)
  return { times: [times], seconds: (performance.now() - started) / 1000, failures }
}

async function attempt(target: Target, body: string, at: number) {
  try {
    const answer = await post(target, body)
    const ms = await untilEnd(answer, at)
    return { isOk: answer.ok, ms }
  } catch {
    return { isOk: false, ms: performance.now() - at }
  }
}

function post({ url, headers }: Target, body: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

async function untilEnd(answer: Response, at: number): Promise<number> {
  await answer.arrayBuffer()
  return performance.now() - at
}

async function untilFirstByte(answer: Response, at: number): Promise<number> {
  const reader = answer.body!.getReader()
  await reader.read()
  const ms = performance.now() - at
  while (!(await reader.read()).done);
  return ms
}
