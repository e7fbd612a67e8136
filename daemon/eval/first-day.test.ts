import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EmbedderName } from '../../embed/open.ts'
import type { Scope } from '../../memory/memory.ts'
import type { Embedder } from '../../memory/ports.ts'
import { recall } from '../../memory/recall.ts'
import { openAssets } from '../assets.ts'
import { EVERYDAY_QUESTIONS } from './everyday.ts'
import { FIRST_DAYS } from './first-day.ts'
import { openBuiltIn, openRig, type Rig } from './rig.ts'
import { cacheDocuments } from './vector-cache.ts'

setDefaultTimeout(120_000)

/**
 * Rows of the table that do not hold, each a known weakness. One that begins to hold leaves this list; one
 * that joins it has a reason.
 */
const MISSED: Readonly<Record<EmbedderName, readonly string[]>> = {
  minilm: [
    // "name" is near to any name, and a preference needs little where advice is asked.
    'Suggest a name for my cat',
    // To the embedder TypeScript is not a language but a word about code.
    'Which language should I use for the new service?',
  ],
  static: [
    'Suggest a name for my cat',
    'Which language should I use for the new service?',
    // A sum over words knows neither files, training, bosses or mornings as well as a model does.
    'How should I indent this file?',
    'How should I plan my runs this week?',
    'Who is my boss?',
    'When do I get up?',
    // "write" is in both.
    'Write a limerick about a pirate',
  ],
}

/** The settings of a fresh installation. */
const SETTINGS = {
  maxItems: 5,
  budgetTokens: 800,
  threshold: null,
  turns: 'own',
  pinned: true,
  asked: 'prompt',
} as const

const folder = mkdtempSync(join(tmpdir(), 'engram-first-day-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(['minilm', 'static'] as const)('with %s, in stores of 1 to 20 memories', (name) => {
  let embedder: Embedder
  let rig: Rig
  const scopes: Scope[] = []

  beforeAll(async () => {
    const assets = await openAssets(folder)
    embedder = await openBuiltIn(name, assets)
    rig = await openRig(assets, embedder)
    for (const [day, { memories }] of FIRST_DAYS.entries()) {
      const { user } = await rig.store.users.create(`day-${day}`, null)
      scopes.push({ userId: user.id, namespace: 'default' })
      for (const content of memories) {
        await rig.store.memories.add(scopes[day]!, { content }, { actor: 'user', cause: {} })
      }
    }
    await rig.embedAll(cacheDocuments(embedder, folder))
  })
  afterAll(async () => {
    await rig?.close()
    await embedder?.close()
  })

  const answer = async (day: number, text: string) => {
    const asked = { scope: scopes[day]!, text, conversationId: null }
    const { items } = await recall(asked, SETTINGS, { embedder, index: rig.index, now: Date.now })
    return items.map(({ content }) => content)
  }

  const rows = FIRST_DAYS.flatMap(({ memories, questions }, day) =>
    questions.map(([question, by]) => [memories.length, question, by, day] as const),
  )
  test.each(rows)('%i memories, %p: %p', async (_, question, by, day) => {
    const contents = await answer(day, question)
    const holds =
      by === null ? contents.length === 0 : contents.some((content) => content.includes(by))
    if (holds === MISSED[name].includes(question)) {
      expect<unknown>({ question, contents }).toEqual(
        holds ? 'listed as missed, and holds' : (by ?? 'nothing'),
      )
    }
  })

  test('questions of a working day bring nothing', async () => {
    const brought: string[] = []
    for (const day of FIRST_DAYS.keys()) {
      for (const question of EVERYDAY_QUESTIONS) {
        const contents = await answer(day, question)
        if (contents.length > 0) brought.push(`${question} → ${contents[0]}`)
      }
    }
    const asked = FIRST_DAYS.length * EVERYDAY_QUESTIONS.length
    // What it is, and how rare: a sum over words is near to more.
    const rare = { minilm: asked / 50, static: asked / 35 }[name]
    expect({ brought, isRare: brought.length <= rare }).toMatchObject({ isRare: true })
  })
})
