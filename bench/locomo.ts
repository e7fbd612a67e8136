/**
 * LoCoMo through the running executable: the ten conversations go in by capture, each as a user of its own,
 * with speakers, dates and sessions; their questions go in by search; what search ranked is read from its
 * receipts. Beside it the method of the contract, cosine of MiniLM over the turns alone.
 *
 *   npm run bench:locomo
 *   npm run bench:locomo -- --json
 */
import { parseArgs } from 'node:util'
import { openAssets } from '../daemon/assets.ts'
import { builtExecutable, openInstall, type Served } from '../daemon/fixtures/executable.ts'
import { openEmbedder } from '../embed/open.ts'
import { cosine } from '../embed/vector.ts'
import {
  type Category,
  type Conversation,
  LOCOMO_FILE,
  readLocomo,
  type Said,
} from './locomo/data.ts'
import { DEPTH, mean, type Score, score } from './locomo/score.ts'
import { describeMachine } from './machine.ts'
import { settled } from './rows/store.ts'
import { summarize } from './statistics.ts'

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const conversations = readLocomo()
if (conversations === null) {
  console.log(`skipped: LoCoMo is not at ${LOCOMO_FILE}`)
  process.exit(0)
}

/** Ways to rank, each with its score for each question. */
type Ranking = { readonly about: string; readonly byCategory: Map<Category, Score[]> }
const rankings: Record<string, Ranking> = {
  together: ranking('engram, memories and turns as ranked'),
  turns: ranking('engram, turns alone'),
  memories: ranking('engram, memories alone (learned by the rules)'),
  cosine: ranking('MiniLM cosine, the turn alone'),
  'cosine, named': ranking('MiniLM cosine, NAME said, "TURN"'),
}
const searchMs: number[] = []
const learnedBy: number[] = []
const say = (line: string) => console.error(line)

const executable = builtExecutable()
const machine = describeMachine(executable)
say(`${machine.engram}; ${machine.processor}`)
const install = await openInstall(executable, { ENGRAM_LOG_LEVEL: 'error' })
const embedder = await openMiniLm()
try {
  const served = await install.serve()
  const stored: Stored[] = []
  for (const conversation of conversations) stored.push(await feed(conversation, served))
  await settled(served)
  for (const each of stored) {
    say(`${each.conversation.id}: ${each.turnOf.size} turns, ${each.turnOfMemory.size} memories`)
    learnedBy.push(each.turnOfMemory.size)
    await ask(each, served)
    await rankByCosine(each.conversation, (turn) => turn.text, rankings.cosine!)
    await rankByCosine(
      each.conversation,
      (turn) => `${turn.speaker} said, "${turn.text}"`,
      rankings['cosine, named']!,
    )
  }
  await served.stop()
} finally {
  await install.remove()
  await embedder.close()
}
report()

function ranking(about: string): Ranking {
  return { about, byCategory: new Map() }
}

type Stored = Readonly<{
  conversation: Conversation
  key: string
  /** Ids of stored turns → of the data's. */
  turnOf: ReadonlyMap<string, string>
  /** Ids of memories → the turn each was learned from, as the data calls it. */
  turnOfMemory: ReadonlyMap<string, string>
}>

async function feed(conversation: Conversation, served: Served): Promise<Stored> {
  const made = await served.ask('POST', '/users', { external_id: conversation.id })
  const { api_key: key } = (await made.json()) as { api_key: string }
  const own = { 'x-engram-key': key }
  const turnOf = new Map<string, string>()
  for (const { name, turns } of conversation.sessions) {
    const answer = await served.ask(
      'POST',
      '/memories/capture',
      {
        source: 'locomo',
        session_id: name,
        messages: turns.map(({ speaker, text, at }) => ({
          // Both are people who speak of themselves.
          role: 'user',
          name: speaker,
          content: text,
          created_at: at,
        })),
      },
      own,
    )
    if (answer.status !== 201) throw new Error(`capture: ${answer.status} ${await answer.text()}`)
    const { conversation_id: id } = (await answer.json()) as { conversation_id: string }
    const kept = await served.ask('GET', `/conversations/${id}`, undefined, own)
    const { turns: stored } = (await kept.json()) as { turns: { id: string }[] }
    if (stored.length !== turns.length) {
      throw new Error(
        `${name} of ${conversation.id}: ${stored.length} of ${turns.length} turns kept`,
      )
    }
    for (const [i, turn] of stored.entries()) turnOf.set(turn.id, turns[i]!.id)
  }
  const exported = await (await served.ask('GET', '/memories/export', undefined, own)).text()
  const turnOfMemory = new Map<string, string>()
  for (const line of exported.split('\n').filter(Boolean)) {
    const { id, evidence } = JSON.parse(line) as {
      id: string
      evidence: { turn_id: string | null }
    }
    const turn = evidence.turn_id === null ? undefined : turnOf.get(evidence.turn_id)
    if (turn !== undefined) turnOfMemory.set(id, turn)
  }
  return { conversation, key, turnOf, turnOfMemory }
}

type Candidate = Readonly<{ kind: 'memory' | 'turn'; id: string }>

async function ask({ conversation, key, turnOf, turnOfMemory }: Stored, served: Served) {
  const own = { 'x-engram-key': key }
  const evidenceOf = ({ kind, id }: Candidate) => {
    const turn = (kind === 'turn' ? turnOf : turnOfMemory).get(id)
    return turn === undefined ? [] : [turn]
  }
  for (const { text, category, evidence } of conversation.questions) {
    const answer = await served.ask('POST', '/memories/search', { query: text, limit: 20 }, own)
    const { receipt_id: receipt, took_ms: tookMs } = (await answer.json()) as {
      receipt_id: string
      took_ms: number
    }
    searchMs.push(tookMs)
    const candidates = await candidatesOf(receipt, served, own)
    const note = (name: string, ranked: readonly Candidate[]) =>
      keep(rankings[name]!, category, score(ranked.map(evidenceOf), evidence))
    note('together', candidates)
    note(
      'turns',
      candidates.filter(({ kind }) => kind === 'turn'),
    )
    note(
      'memories',
      candidates.filter(({ kind }) => kind === 'memory'),
    )
  }
}

/** Everything that search considered, best first, whether it was admitted or not. */
async function candidatesOf(
  receipt: string,
  served: Served,
  own: Readonly<Record<string, string>>,
): Promise<readonly Candidate[]> {
  for (;;) {
    const answer = await served.ask('GET', `/logs/${receipt}`, undefined, own)
    // The receipt follows its answer.
    if (answer.status === 404) continue
    const { detail } = (await answer.json()) as {
      detail: { mode: string; candidates: Candidate[] }
    }
    if (detail.mode !== 'hybrid') throw new Error(`searched by ${detail.mode} alone`)
    return detail.candidates
  }
}

async function openMiniLm() {
  const assets = await openAssets('')
  const opened = openEmbedder({
    name: 'minilm',
    paths: {
      addonPath: assets.onnxAddon,
      modelPath: assets.minilmModel ?? '',
      tokenizerPath: assets.minilmTokenizer,
      tokenizerConfigPath: assets.minilmTokenizerConfig,
      tablePath: assets.staticTable,
      scalesPath: assets.staticScales,
    },
    workerUrl: assets.workers.onnx,
  })
  await opened.whenLoaded()
  return opened
}

async function rankByCosine(
  { sessions, questions }: Conversation,
  form: (turn: Said) => string,
  into: Ranking,
): Promise<void> {
  const turns = sessions.flatMap((session) => session.turns)
  const vectors = await embedder.embedDocuments(turns.map(form))
  for (const { text, category, evidence } of questions) {
    const query = await embedder.embedQuery(text)
    const ranked = turns
      .map(({ id }, i) => ({ id, near: vectors[i] ? cosine(query, vectors[i]) : 0 }))
      .sort((a, b) => b.near - a.near)
    keep(
      into,
      category,
      score(
        ranked.map(({ id }) => [id]),
        evidence,
      ),
    )
  }
}

function keep({ byCategory }: Ranking, category: Category, found: Score): void {
  byCategory.getOrInsertComputed(category, () => []).push(found)
}

function report(): void {
  const time = summarize(searchMs)
  const table = Object.values(rankings).map(({ about, byCategory }) => ({
    about,
    all: mean([...byCategory.values()].flat()),
    byCategory: Object.fromEntries(byCategory.entries().map(([name, all]) => [name, mean(all)])),
  }))
  const memories = learnedBy.reduce((sum, count) => sum + count, 0)
  if (values.json) {
    console.log(
      JSON.stringify(
        { machine, questions: searchMs.length, memories, search_ms: time, table },
        null,
        2,
      ),
    )
    return
  }
  const percent = (value: number) => (100 * value).toFixed(1).padStart(5)
  console.log(`
LoCoMo, ${conversations!.length} conversations, ${searchMs.length} questions of categories 1 to 4, ${memories} memories learned.
R@k: share of a question's evidence turns among the first k. An item gives a turn when it is that turn, or a
memory learned from it. MRR: 1 / rank of the first hit within ${DEPTH}. Engram's list is what the receipt of
POST /memories/search names as considered, best first: up to 20 memories and 20 turns.
`)
  console.log(`${'R@5'.padStart(54)}    R@10    MRR`)
  for (const { about, all } of table) {
    console.log(
      `${about.padEnd(48)} ${percent(all.r5)}   ${percent(all.r10)}   .${(1000 * all.mrr).toFixed(0).padStart(3, '0')}`,
    )
  }
  console.log('\nR@10 by category')
  for (const { about, byCategory } of table) {
    const cells = Object.entries(byCategory).map(([name, all]) => `${name} ${percent(all.r10)}`)
    console.log(`${about.padEnd(48)} ${cells.join('   ')}`)
  }
  console.log(
    `\nEngram's time per question: p50 ${time.p50.toFixed(1)} ms, p95 ${time.p95.toFixed(1)} ms, embedding included.`,
  )
}
