import { newId } from '../../memory/ids.ts'
import { recallTurns } from '../../memory/recall-turns.ts'
import { searchReceipt } from '../receipt.ts'
import { type Route, route } from '../route.ts'
import { userOf } from './caller.ts'
import { scopeOf } from './memories.ts'
import * as schema from './schema.ts'
import { json, toTurnJson } from './shapes.ts'

export const conversationSearchRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/conversations/search',
    access: 'read',
    tag: 'conversations',
    summary:
      'Finds what was said in earlier conversations, word for word; nothing is a normal answer',
    body: schema.conversationSearch,
    answers: { 200: { description: 'best first', schema: schema.conversationHits } },
    async handle({ body, caller, services }) {
      const user = userOf(caller)
      const scope = scopeOf(user, body.namespace)
      const settings = {
        maxItems: body.limit,
        budgetTokens: Number.POSITIVE_INFINITY,
        threshold: body.threshold ?? null,
        turns: 'all' as const,
        pinned: false,
        asked: 'search' as const,
      }
      const started = performance.now()
      const recalled = await recallTurns(
        { scope, text: body.query, conversationId: null },
        settings,
        services,
        AbortSignal.timeout(10_000),
      )
      const tookMs = performance.now() - started
      const results = await Promise.all(
        recalled.items.map(async ({ id, score }) => {
          const turns = await services.store.conversations.around(user.id, id, body.around)
          // Deleted since it was found.
          const found = turns.find((turn) => turn.id === id)
          if (!found) return []
          return [
            {
              conversation_id: found.conversationId,
              turn_id: id,
              said_at: new Date(found.saidAt).toISOString(),
              score,
              turns: turns.map(toTurnJson),
            },
          ]
        }),
      )
      const receiptId = newId('receipt')
      services.later('search receipt', async () => {
        const receipt = searchReceipt(body.query, recalled, settings, tookMs, services)
        await services.store.receipts.add(scope, { ...receipt, id: receiptId })
      })
      return json({
        results: results.flat(),
        mode: recalled.mode,
        degraded: recalled.degraded,
        receipt_id: receiptId,
        took_ms: tookMs,
      })
    },
  }),
]
