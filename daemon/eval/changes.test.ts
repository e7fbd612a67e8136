import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../../memory/memory.ts'
import type { Embedder } from '../../memory/ports.ts'
import { recall } from '../../memory/recall.ts'
import { openAssets } from '../assets.ts'
import { CHANGES_HELD_OUT, CHANGES_TUNED_ON } from './changes.ts'
import { openBuiltIn, openRig, type Rig } from './rig.ts'
import { cacheDocuments } from './vector-cache.ts'

setDefaultTimeout(120_000)

/** Later statements that nothing ties to the earlier one. What newly holds must leave the list. */
const MISSED: readonly string[] = [
  'I switched to Monzo.',
  'We migrated production to Postgres.',
  'I eat meat again.',
]

/** As a fresh installation asks for a prompt. */
const SETTINGS = {
  maxItems: 5,
  budgetTokens: 800,
  threshold: null,
  turns: 'own',
  pinned: true,
  asked: 'prompt',
} as const
const DAY_MS = 86_400_000

const folder = mkdtempSync(join(tmpdir(), 'engram-changes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(['minilm', 'static'] as const)(
  'with %s, what was said later stands first',
  (name) => {
    const rows = [...CHANGES_TUNED_ON, ...CHANGES_HELD_OUT]
    let embedder: Embedder
    let rig: Rig
    const scopes: Scope[] = []

    beforeAll(async () => {
      const assets = await openAssets(folder)
      embedder = await openBuiltIn(name, assets)
      rig = await openRig(assets, embedder)
      const by = { actor: 'user', cause: {} }
      for (const [i, [earlier, later]] of rows.entries()) {
        const { user } = await rig.store.users.create(`user ${i}`, null)
        const scope = { userId: user.id, namespace: 'default' }
        scopes.push(scope)
        const said = (content: string, daysAgo: number) =>
          rig.store.memories.add(scope, { content, createdAt: Date.now() - daysAgo * DAY_MS }, by)
        // The order of storing must not matter.
        if (i % 2 === 0) await said(earlier, 9)
        await said(later, 2)
        if (i % 2 === 1) await said(earlier, 9)
      }
      await rig.embedAll(cacheDocuments(embedder, folder))
    })
    afterAll(async () => {
      await rig?.close()
      await embedder?.close()
    })

    test.each(rows.map(([earlier, later, question], i) => [question, later, earlier, i] as const))(
      '%s %s (%s)',
      async (question, later, _earlier, i) => {
        const asked = { scope: scopes[i]!, text: question, conversationId: null }
        const { items } = await recall(asked, SETTINGS, {
          embedder,
          index: rig.index,
          now: Date.now,
        })
        const holds = items[0]?.content === later
        if (MISSED.includes(later)) expect({ later, holds }).toEqual({ later, holds: false })
        else expect(items[0]?.content).toBe(later)
      },
    )
  },
)
