import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '../../../memory/memory.ts'
import { agentConversation, filler, type Step, toBody } from './agent-conversation.ts'
import { CACHE_MODELS, type CacheModel, simulateCache } from './cache-simulator.ts'

/** 12 human turns, four of them with a loop of 4 tool steps: 28 requests, 8 KB of system text. */
const conversation = agentConversation({
  humanTurns: 12,
  toolSteps: (turn) => (turn % 3 === 1 ? 4 : 0),
  say: (turn) => filler(500, `question ${turn}`),
  systemBytes: 8_000,
  assistantBytes: 1_100,
  toolBytes: 1_000,
})

/** What memory has to say on a human turn; another thing each time. */
const memoryOf = (turn: number) => `<memory>${filler(680, `known ${turn}`)}</memory>`

type Placement = (model: CacheModel, steps: readonly Step[]) => JsonObject

const humanTurnsOf = (steps: readonly Step[]) => steps.filter(({ kind }) => kind === 'human').length

const PLACEMENTS: Readonly<Record<string, Placement>> = {
  direct: (model, steps) => toBody(model, conversation.system, steps),
  system: (model, steps) => {
    const body = toBody(model, conversation.system, steps)
    const memory = memoryOf(humanTurnsOf(steps))
    return append(body, systemOf(body), memory)
  },
  stateless: (model, steps) => {
    const body = toBody(model, conversation.system, steps)
    return append(body, messagesOf(body).at(-1)!, memoryOf(humanTurnsOf(steps)))
  },
  sticky: (model, steps) => {
    const body = toBody(model, conversation.system, steps)
    const leading = messagesOf(body).length - steps.length
    let turn = 0
    for (const [i, { kind }] of steps.entries()) {
      if (kind === 'human') append(body, messagesOf(body)[leading + i]!, memoryOf(++turn))
    }
    return body
  },
}

type Holder = { content?: unknown; output?: unknown; system?: unknown }

const messagesOf = (body: JsonObject) => (body.messages ?? body.input) as unknown as Holder[]

/** Where system text stands: a field of Anthropic's, the first message of the others. */
function systemOf(body: JsonObject): Holder {
  return body.system ? { content: body.system } : messagesOf(body)[0]!
}

/** The body, with a text behind what stands in one of its messages. */
function append(body: JsonObject, holder: Holder, text: string): JsonObject {
  if (Array.isArray(holder.content)) holder.content.push({ type: 'text', text })
  else if (typeof holder.output === 'string') holder.output += text
  else holder.content = `${holder.content}${text}`
  return body
}

/** In percent. What a public comparison of placements found for such a conversation. */
const TABLE: Readonly<Record<string, readonly number[]>> = {
  direct: [94.0, 94.0, 93.0, 94.0, 94.0],
  system: [67.1, 67.1, 65.9, 55.3, 67.1],
  stateless: [91.7, 28.9, 90.8, 0.0, 91.7],
  sticky: [93.1, 93.9, 93.1, 93.9, 93.9],
}

describe('the share of a prompt that a cache reads', () => {
  for (const [placement, shares] of Object.entries(TABLE)) {
    for (const [i, model] of CACHE_MODELS.entries()) {
      test(`${placement}, ${model}: about ${shares[i]} %`, () => {
        const bodies = conversation.requests.map((steps) =>
          Buffer.from(JSON.stringify(PLACEMENTS[placement]!(model, steps))),
        )
        const { share } = simulateCache(model, bodies)
        expect(Math.abs(share * 100 - shares[i]!)).toBeLessThan(1)
      })
    }
  }
})
