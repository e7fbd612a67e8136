import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Install, openInstall, type Served, until } from '../../daemon/fixtures/executable.ts'
import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import { pick, seeded } from '../random.ts'
import { type Summary, summarize } from '../statistics.ts'
import { newOperation, perform, startClients } from './clients.ts'
import { inspectDatabase } from './inspection.ts'
import type { Operation } from './ledger.ts'
import { startUpstream } from './upstream.ts'

/**
 * When a round kills: while clients write, chat and capture; while what they left is worked off; while the
 * daemon starts on what is there; at the first start ever, when the executable unpacks its parts; and there
 * just after the database file has appeared, when it gets its tables.
 */
export type Phase = 'load' | 'work' | 'start' | 'first start' | 'migration'

/** Of how many rounds each is killed then. */
const MIX: readonly Phase[] = [
  ...Array<Phase>(12).fill('load'),
  ...Array<Phase>(3).fill('work'),
  ...Array<Phase>(2).fill('start'),
  ...Array<Phase>(1).fill('first start'),
  ...Array<Phase>(2).fill('migration'),
]
/** These need a home that nobody has used. */
const NEW_HOME: readonly Phase[] = ['first start', 'migration']
const LATEST_MS: Readonly<Record<Phase, number>> = {
  load: 400,
  work: 120,
  start: 400,
  'first start': 600,
  migration: 15,
}
const CLIENTS = 24
/** What is left unknown is sent again after the restart, by every second client. */
const RETRIED = 0.5

export type CampaignOptions = Readonly<{
  executable: string
  rounds: number
  seed: number
  /** Of each round in turn; by chance without. */
  phases?: readonly Phase[]
  /** One line a round. */
  log: (line: string) => void
}>

export type CampaignReport = Readonly<{
  rounds: number
  phases: Readonly<Record<Phase, number>>
  /** By kind: how many were sent, and of how many the client saw the end. */
  operations: Readonly<Record<string, Readonly<{ sent: number; acknowledged: number }>>>
  /** Of them all, so many had been acknowledged when the daemon was killed; others when sent again. */
  acknowledgedBeforeKill: number
  memories: number
  /** From the start of the process to its first acknowledged write. */
  restartMs: Summary
  /** Everything that was not as promised; empty is the only good answer. */
  problems: readonly string[]
}>

/** Kills the daemon again and again, and checks after each restart that nothing acknowledged is lost. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { executable, rounds, seed, log } = options
  const random = seeded(seed)
  const upstream = startUpstream()
  const operations: Operation[] = []
  const phases: Record<Phase, number> = {
    load: 0,
    work: 0,
    start: 0,
    'first start': 0,
    migration: 0,
  }
  const restartMs: number[] = []
  const problems: string[] = []
  let memories = 0
  let acknowledgedBeforeKill = 0
  let home: Home | null = null

  const next = () => {
    const operation = newOperation(operations.length, random)
    operations.push(operation)
    home!.operations.push(operation)
    return operation
  }
  const openHome = async (): Promise<Home> => ({
    install: await openInstall(executable, {
      ...upstreamEnv(upstream.origin),
      ENGRAM_LOG_LEVEL: 'error',
    }),
    operations: [],
    checked: new Set(),
  })
  const leaveHome = async () => {
    if (home === null) return
    const served = await home.install.serve()
    await settled(served, ['extract', 'embed'])
    memories += await check(home, served, problems)
    await served.kill()
    problems.push(...inspectDatabase(databaseOf(home)).map((problem) => `at the end: ${problem}`))
    await home.install.remove()
    home = null
  }

  try {
    for (let round = 0; round < rounds; round++) {
      const phase = options.phases?.[round % options.phases.length] ?? pick(random, MIX)
      if (home === null || NEW_HOME.includes(phase)) {
        await leaveHome()
        home = await openHome()
      }
      phases[phase]++
      const killMs = random() * LATEST_MS[phase]
      const before = operations.length
      await KILLERS[phase](home, killMs, { random, next })
      const sent = operations.slice(before)
      const acknowledged = sent.filter(({ outcome }) => outcome === 'ok').length
      acknowledgedBeforeKill += acknowledged
      const found = inspectDatabase(databaseOf(home))

      const served = await home.install.serve()
      const restarted = await firstWrite(next(), served)
      restartMs.push(restarted)
      await retryUnknown(home, served, random)
      await settled(served, ['extract'])
      const lost: string[] = []
      await check(home, served, lost)
      await served.kill()
      const wrong = [...found, ...lost].map((problem) => `round ${round} (${phase}): ${problem}`)
      problems.push(...wrong)
      log(
        `round ${String(round + 1).padStart(3)}  ${phase.padEnd(11)}  killed after ${killMs.toFixed(0).padStart(3)} ms  ${String(sent.length).padStart(3)} sent, ${String(acknowledged).padStart(3)} acknowledged  first write ${restarted.toFixed(0)} ms after the restart${wrong.length > 0 ? `\n  ${wrong.join('\n  ')}` : ''}`,
      )
    }
    await leaveHome()
  } finally {
    await home?.install.remove()
    await upstream.stop()
  }
  return {
    rounds,
    phases,
    operations: countByKind(operations),
    acknowledgedBeforeKill,
    memories,
    restartMs: summarize(restartMs),
    problems,
  }
}

type Home = {
  readonly install: Install
  readonly operations: Operation[]
  /** Operations whose conversation was looked at already. */
  readonly checked: Set<Operation>
}

const databaseOf = ({ install }: Home) => join(install.dataDir, 'engram.db')

type Tools = Readonly<{ random: () => number; next: () => Operation }>

const KILLERS: Readonly<
  Record<Phase, (home: Home, killMs: number, tools: Tools) => Promise<void>>
> = {
  async load({ install }, killMs, { random, next }) {
    const served = await install.serve()
    const stop = new AbortController()
    const signal = stop.signal
    const clients = startClients({ served, clients: CLIENTS, random, next, signal })
    await Bun.sleep(killMs)
    const killed = served.kill()
    stop.abort()
    await Promise.all([killed, clients])
  },

  async work({ install }, killMs, { next }) {
    const served = await install.serve()
    const batch = Array.from({ length: 2 * CLIENTS }, next)
    await Promise.all(batch.map((operation) => perform(operation, served)))
    await Bun.sleep(killMs)
    await served.kill()
  },

  start: ({ install }, killMs) => killWhileStarting(install, killMs),
  'first start': ({ install }, killMs) => killWhileStarting(install, killMs),

  async migration(home, killMs) {
    const starting = home.install.spawn()
    await until('the database file appears', () => existsSync(databaseOf(home)))
    await Bun.sleep(killMs)
    await starting.kill()
  },
}

async function killWhileStarting(install: Install, killMs: number): Promise<void> {
  const starting = install.spawn()
  await Bun.sleep(killMs)
  await starting.kill()
}

/** @returns milliseconds from the start of the process */
async function firstWrite(operation: Operation, served: Served): Promise<number> {
  const answered = performance.now()
  const write: Operation = Object.assign(operation, { kind: 'write' })
  await perform(write, served)
  if (write.outcome !== 'ok') throw new Error(`the first write was answered ${write.status}`)
  return served.startMs + (performance.now() - answered)
}

async function retryUnknown(home: Home, served: Served, random: () => number): Promise<void> {
  const unknown = home.operations.filter(({ outcome }) => outcome === 'unknown')
  const retried = unknown.filter(() => random() < RETRIED)
  await Promise.all(retried.map((operation) => perform(operation, served)))
}

/** Waits until no job of these kinds waits or runs. */
async function settled(served: Served, kinds: readonly string[]): Promise<void> {
  await until(
    `${kinds.join(' and ')} jobs are worked off`,
    async () => {
      const answer = await served.ask('GET', '/status')
      const { jobs } = (await answer.json()) as {
        jobs: Record<string, { queued: number; running: number }>
      }
      return kinds.every((kind) => jobs[kind]!.queued + jobs[kind]!.running === 0)
    },
    120_000,
  )
}

type Memory = Readonly<{ id: string; content: string; status: string }>
type Turn = Readonly<{ role: string; content: string; truncated: boolean }>

/**
 * Compares what is there with what the client knows. What was acknowledged is there once; what was refused is
 * not; what is unknown is there at most once.
 *
 * @returns how many memories there are
 */
async function check(home: Home, served: Served, problems: string[]): Promise<number> {
  const text = await (await served.ask('GET', '/memories/export')).text()
  const memories = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Memory)
  const byToken = new Map<string, Memory[]>()
  const tokens = new Set(home.operations.map(({ token }) => token))
  for (const memory of memories) {
    const token = memory.content.match(/\w+/g)?.find((word) => tokens.has(word))
    if (token === undefined) problems.push(`a memory that nobody gave: "${memory.content}"`)
    else byToken.set(token, [...(byToken.get(token) ?? []), memory])
  }
  for (const operation of home.operations) {
    const found = byToken.get(operation.token) ?? []
    const saw = `${operation.kind} "${operation.words}" (${operation.outcome}, sent ${operation.sent}×)`
    if (found.length > 1) problems.push(`${saw} is there ${found.length} times`)
    if (operation.outcome === 'refused') {
      problems.push(`${saw} was answered ${operation.status}`)
      if (found.length > 0) problems.push(`${saw} is there all the same`)
    }
    if (operation.outcome !== 'ok') continue
    if (found.length === 0) problems.push(`${saw} is lost`)
    else if (found[0]!.status !== 'approved') problems.push(`${saw} is ${found[0]!.status}`)
    if (operation.memoryId !== null && found[0]?.id !== operation.memoryId) {
      problems.push(`${saw} has another id than was told`)
    }
    if (operation.conversationId === null || home.checked.has(operation)) continue
    problems.push(
      ...(await checkConversation(operation, served)).map((problem) => `${saw}: ${problem}`),
    )
    home.checked.add(operation)
  }
  return memories.length
}

async function checkConversation(
  { conversationId, words }: Operation,
  served: Served,
): Promise<string[]> {
  const answer = await served.ask('GET', `/conversations/${conversationId}`)
  if (answer.status !== 200) return [`its conversation answers ${answer.status}`]
  const { turns } = (await answer.json()) as { turns: Turn[] }
  const [asked, answered, ...more] = turns
  if (asked?.role !== 'user' || asked.content !== words) return ['the turn of the user is missing']
  if (answered?.role !== 'assistant') return ['the answer is missing']
  if (answered.truncated) return ['the answer counts as truncated']
  return more.length > 0 ? [`${more.length} turns too many`] : []
}

function countByKind(operations: readonly Operation[]) {
  const kinds = Map.groupBy(operations, ({ kind }) => kind)
  return Object.fromEntries(
    kinds
      .entries()
      .map(([kind, all]) => [
        kind,
        { sent: all.length, acknowledged: all.filter(({ outcome }) => outcome === 'ok').length },
      ]),
  )
}
