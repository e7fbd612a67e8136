/**
 * What calibration does (docs/embeddings.md, "One scale"): with each built-in embedder, as it is and calibrated,
 * LoCoMo's facts are asked about by their own questions and by those of the next conversation, which have no
 * answer there. Every second question is asked.
 *
 *   npm run bench:calibration
 */

import { readFileSync } from 'node:fs'
import { openAssets } from '../daemon/assets.ts'
import { openBuiltIn } from '../daemon/eval/rig.ts'
import { calibrate } from '../embed/calibrate.ts'
import type { EmbedderName } from '../embed/open.ts'
import { quantize } from '../embed/vector.ts'
import { type Calibration, UNCHANGED } from '../memory/calibration.ts'
import { judging } from '../memory/judge.ts'
import type { Scope } from '../memory/memory.ts'
import type { Embedder } from '../memory/ports.ts'
import { recall } from '../memory/recall.ts'
import { openTempStore } from '../storage/sqlite/temp-store.ts'
import { LOCOMO_FILE, readLocomo } from './locomo/data.ts'

type Fact = Readonly<{ text: string; turns: readonly string[] }>
type Person = Readonly<{
  facts: readonly Fact[]
  /** What answers is the text of facts. */
  questions: readonly Readonly<{ text: string; answers: ReadonlySet<string> }>[]
}>

const DEPTH = 10
const LEASE_MS = 600_000
const SETTINGS = {
  maxItems: DEPTH,
  budgetTokens: Number.POSITIVE_INFINITY,
  threshold: null,
  turns: 'none' as const,
  pinned: false,
  asked: 'prompt' as const,
}

const people = readPeople()
if (people === null) {
  console.log(`skipped: LoCoMo is not at ${LOCOMO_FILE}`)
  process.exit(0)
}
console.log(`${'embedder'.padEnd(20)} recall@10  own admitted  foreign admitted`)
for (const name of ['minilm', 'static'] as const) await measure(name, people)
process.exit(0)

async function measure(name: EmbedderName, all: readonly Person[]): Promise<void> {
  const assets = await openAssets('')
  const embedder = await openBuiltIn(name, assets)
  const measured = await calibrate(embedder)
  const arms: [string, Calibration][] = [[name, UNCHANGED]]
  if (name !== 'minilm') arms.push([`${name}, calibrated`, measured])
  const { store, recall: reader, close } = await openTempStore()
  const model = await store.embeddings.install({ ...embedder.model, choice: name })
  const scopes: Scope[] = []
  for (const [i, { facts }] of all.entries()) {
    const { user } = await store.users.create(`person-${i}`, null)
    const scope = { userId: user.id, namespace: 'default' }
    scopes.push(scope)
    const items = facts.map(({ text: content }) => ({ namespace: 'default', content }))
    await store.memories.import(user.id, items, { actor: 'bench', cause: {} })
    await embedWaiting(store, model.id, embedder)
  }
  for (const [arm, calibration] of arms) {
    const inForce = { id: model.id, dimensions: model.dimensions, calibration }
    const ports = {
      embedder,
      index: judging((scope, query) => reader.search(scope, query, inForce)),
      now: Date.now,
    }
    let [asked, found, own, foreign] = [0, 0, 0, 0]
    for (const [i, { questions }] of all.entries()) {
      for (const { text, answers } of questions) {
        const ask = (scope: Scope) => recall({ scope, text, conversationId: null }, SETTINGS, ports)
        const mine = await ask(scopes[i]!)
        asked++
        const best = mine.candidates.slice(0, DEPTH)
        found += best.filter(({ content }) => answers.has(content)).length / answers.size
        if (mine.items.length > 0) own++
        if ((await ask(scopes[(i + 1) % scopes.length]!)).items.length > 0) foreign++
      }
    }
    const percent = (share: number, width: number) =>
      `${((100 * share) / asked).toFixed(1)} %`.padStart(width)
    console.log(
      `${arm.padEnd(20)} ${percent(found, 9)}  ${percent(own, 12)}  ${percent(foreign, 16)}`,
    )
  }
  await close()
  await embedder.close()
}

async function embedWaiting(
  store: Awaited<ReturnType<typeof openTempStore>>['store'],
  modelId: number,
  embedder: Embedder,
): Promise<void> {
  for (;;) {
    const texts = await store.vectors.claimTexts(100, LEASE_MS)
    if (texts.length === 0) return
    const vectors = await embedder.embedDocuments(texts.map(({ text }) => text))
    await store.vectors.save(
      modelId,
      texts.map(({ text: _, ...claim }, i) => ({
        ...claim,
        components: vectors[i] ? quantize(vectors[i]).data : null,
      })),
    )
  }
}

/** LoCoMo's observations, facts about each speaker with the turns that they were made from. */
function readPeople(): Person[] | null {
  const conversations = readLocomo()
  if (conversations === null) return null
  const raw = JSON.parse(readFileSync(LOCOMO_FILE, 'utf8')) as {
    observation: Record<string, Record<string, [text: string, turns: string | string[]][]>>
  }[]
  return conversations.map(({ questions }, i) => {
    const facts = Object.values(raw[i]!.observation).flatMap((session) =>
      Object.values(session).flatMap((told) =>
        told.map(([text, turns]): Fact => ({ text, turns: [turns].flat() })),
      ),
    )
    const asked = questions
      .filter((_, at) => at % 2 === 0)
      .map(({ text, evidence }) => ({
        text,
        answers: new Set(
          facts
            .filter(({ turns }) => turns.some((turn) => evidence.has(turn)))
            .map((fact) => fact.text),
        ),
      }))
    return { facts, questions: asked.filter(({ answers }) => answers.size > 0) }
  })
}
