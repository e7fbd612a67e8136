import { deepEqual, equal, ok } from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { until } from '../../daemon/fixtures/executable.ts'
import type { Part } from './report.ts'

/** Those of the contract; there may be more. */
const TOOLS = [
  'add_memory',
  'capture_conversation',
  'delete_memory',
  'get_retrieval_log',
  'list_memories',
  'search_memories',
  'update_memory',
]

type Memory = { id: string; content: string }
type Found = { results: { memory: Memory; score: number }[] }

/** `engram mcp --stdio` with the official client: remembered, found by other words, forgotten. */
export const mcp: Part = async ({ step, open }) => {
  const install = await open()
  const served = await install.serve()
  const client = new Client({ name: 'verify', version: '1.0.0' })
  const { command, args, env } = install.command(['mcp', '--stdio'])
  await client.connect(new StdioClientTransport({ command, args, env, stderr: 'ignore' }))
  const call = async <T>(name: string, given: Record<string, unknown>) => {
    const result = await client.callTool({ name, arguments: given })
    ok(!result.isError, JSON.stringify(result.content))
    return result.structuredContent as T
  }
  try {
    await step('the tools are listed', async () => {
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name)
      deepEqual(
        TOOLS.filter((name) => !names.includes(name)),
        [],
      )
      return names.join(', ')
    })
    const content = 'The user grows tomatoes on the balcony'
    let id = ''
    await step('a memory is added', async () => {
      const { memory } = await call<{ memory: Memory }>('add_memory', { content })
      id = memory.id
      equal(memory.content, content)
      return id
    })
    await step('and found by a paraphrase', async () => {
      await until('its vector is there', async () => {
        const answer = await served.ask('GET', '/status')
        const { embedding } = (await answer.json()) as {
          embedding: { status: string; embedded: number; total: number }
        }
        return embedding.status === 'ready' && embedding.embedded === embedding.total
      })
      const query = 'What vegetables do I cultivate?'
      const { results } = await call<Found>('search_memories', { query })
      equal(results[0]?.memory.content, content)
      return `"${query}" → "${results[0]!.memory.content}" with score ${results[0]!.score.toFixed(2)}`
    })
    await step('a conversation is captured', async () => {
      const learned = await call<{ extracted_memories: Memory[] }>('capture_conversation', {
        user_message: 'I work as a nurse in Lisbon.',
        assistant_response: 'Good to know.',
      })
      ok(learned.extracted_memories.length > 0)
      return learned.extracted_memories.map((memory) => memory.content).join(' | ')
    })
    await step('the memory is deleted', async () => {
      await call('delete_memory', { memory_id: id })
      const { memories } = await call<{ memories: Memory[] }>('list_memories', {})
      ok(memories.every((memory) => memory.id !== id))
      equal((await served.ask('GET', `/memories/${id}`)).status, 404)
      return `${memories.length} other memories stay`
    })
  } finally {
    await client.close()
  }
}
