import type { JsonObject } from '../../../memory/memory.ts'
import type { CacheModel } from './cache-simulator.ts'

/** One entry of a conversation with an agent. */
export type Step =
  | Readonly<{ kind: 'human' | 'assistant'; text: string }>
  | Readonly<{ kind: 'call'; id: string; text: string }>
  | Readonly<{ kind: 'result'; id: string; text: string }>

export type AgentConversation = Readonly<{
  system: string
  /** The history of each request, in the order in which they are sent; each ends with a human or a result. */
  requests: readonly (readonly Step[])[]
}>

export type AgentOptions = Readonly<{
  humanTurns: number
  /** How many tool steps follow on a human turn, by its number from 0. */
  toolSteps(turn: number): number
  /** What the human says, by the number of the turn. */
  say(turn: number): string
  systemBytes: number
  assistantBytes: number
  toolBytes: number
}>

export function agentConversation(options: AgentOptions): AgentConversation {
  const requests: (readonly Step[])[] = []
  const history: Step[] = []
  let calls = 0
  for (let turn = 0; turn < options.humanTurns; turn++) {
    history.push({ kind: 'human', text: options.say(turn) })
    requests.push([...history])
    for (let step = 0; step < options.toolSteps(turn); step++) {
      const id = `call_${++calls}`
      history.push({ kind: 'call', id, text: filler(options.toolBytes * 0.3, `path ${id}`) })
      history.push({ kind: 'result', id, text: filler(options.toolBytes * 0.7, `lines ${id}`) })
      requests.push([...history])
    }
    history.push({ kind: 'assistant', text: filler(options.assistantBytes, `answer ${turn}`) })
  }
  return { system: filler(options.systemBytes, 'You are a careful assistant.'), requests }
}

/** Text of about so many bytes that is nowhere the same. */
export function filler(bytes: number, name: string): string {
  let text = `${name}:`
  for (let i = 0; text.length < bytes; i++) text += ` ${(i * 2_654_435_761) % 99_991}`
  return text.slice(0, Math.max(name.length, Math.round(bytes)))
}

const MARKER = { type: 'ephemeral' }

/** A request as a client of that provider writes it, its cache markers included. */
export function toBody(model: CacheModel, system: string, steps: readonly Step[]): JsonObject {
  switch (model) {
    case 'Anthropic explicit':
    case 'Anthropic auto':
      return anthropicBody(system, steps, model === 'Anthropic auto')
    case 'OpenAI ≤ 5.5':
      return { model: 'gpt-5.5', ...chatBody(system, steps, (id) => ({ tool_call_id: id })) }
    case 'GPT-5.6+':
      return responsesBody(system, steps)
    case 'Ollama':
      return {
        model: 'llama3.2',
        stream: false,
        ...chatBody(system, steps, () => ({ tool_name: 'read' })),
      }
  }
}

function anthropicBody(system: string, steps: readonly Step[], isAuto: boolean): JsonObject {
  const messages = steps.map((step, i) => {
    const isMarked = !isAuto && i === steps.length - 1
    const block = { ...anthropicBlock(step), ...(isMarked ? { cache_control: MARKER } : {}) }
    const isOurs = step.kind === 'human' || step.kind === 'result'
    return { role: isOurs ? 'user' : 'assistant', content: [block] }
  })
  return {
    model: 'claude-opus-5-5',
    max_tokens: 1024,
    ...(isAuto ? { cache_control: MARKER } : {}),
    system: [{ type: 'text', text: system, cache_control: MARKER }],
    messages,
  }
}

function anthropicBlock(step: Step): JsonObject {
  switch (step.kind) {
    case 'human':
    case 'assistant':
      return { type: 'text', text: step.text }
    case 'call':
      return { type: 'tool_use', id: step.id, name: 'read', input: { path: step.text } }
    case 'result':
      return { type: 'tool_result', tool_use_id: step.id, content: step.text }
  }
}

function chatBody(
  system: string,
  steps: readonly Step[],
  resultName: (id: string) => JsonObject,
): JsonObject {
  const messages = steps.map((step) => chatMessage(step, resultName))
  return { messages: [{ role: 'system', content: system }, ...messages] }
}

function chatMessage(step: Step, resultName: (id: string) => JsonObject): JsonObject {
  switch (step.kind) {
    case 'human':
      return { role: 'user', content: step.text }
    case 'assistant':
      return { role: 'assistant', content: step.text }
    case 'call': {
      const call = { name: 'read', arguments: JSON.stringify({ path: step.text }) }
      const toolCalls = [{ id: step.id, type: 'function', function: call }]
      return { role: 'assistant', content: '', tool_calls: toolCalls }
    }
    case 'result':
      return { role: 'tool', ...resultName(step.id), content: step.text }
  }
}

function responsesBody(system: string, steps: readonly Step[]): JsonObject {
  const instructions = { role: 'developer', content: [{ type: 'input_text', text: system }] }
  return { model: 'gpt-5.6', store: false, input: [instructions, ...steps.map(responsesItem)] }
}

function responsesItem(step: Step): JsonObject {
  switch (step.kind) {
    case 'human':
      return { role: 'user', content: [{ type: 'input_text', text: step.text }] }
    case 'assistant':
      return { role: 'assistant', content: [{ type: 'output_text', text: step.text }] }
    case 'call': {
      const args = JSON.stringify({ path: step.text })
      return { type: 'function_call', call_id: step.id, name: 'read', arguments: args }
    }
    case 'result':
      return { type: 'function_call_output', call_id: step.id, output: step.text }
  }
}
