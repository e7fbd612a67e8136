import { expect } from 'bun:test'
import { type Message, Ollama, type Tool } from 'ollama'
import { type Sdk, testSdk } from './sdk.contract.ts'

const model = 'llama3.2'
const TOOLS: Tool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
]

testSdk('ollama 0.6', (url) => chat(new Ollama({ host: url })))

function chat(client: Ollama): Sdk {
  const ask = async (message: Message) =>
    (await client.chat({ model, messages: [message] })).message.content
  return {
    ask: (content) => ask({ role: 'user', content }),
    async *stream(content) {
      const messages = [{ role: 'user', content }]
      for await (const { message } of await client.chat({ model, messages, stream: true })) {
        yield message.content
      }
    },
    async useTools(content) {
      const messages: Message[] = [{ role: 'user', content }]
      const { message } = await client.chat({ model, messages, tools: TOOLS })
      messages.push(message)
      for (const call of message.tool_calls ?? []) {
        messages.push({ role: 'tool', tool_name: call.function.name, content: 'sun' })
      }
      return (await client.chat({ model, messages, tools: TOOLS })).message.content
    },
    async askJson(content) {
      const format = {
        type: 'object',
        properties: { city: { type: 'string' }, sunny: { type: 'boolean' } },
      }
      const { message } = await client.chat({
        model,
        messages: [{ role: 'user', content }],
        format,
      })
      return JSON.parse(message.content)
    },
    askAboutPicture: (content, png) => ask({ role: 'user', content, images: [png] }),
    refusalOf(error) {
      expect((error as Error).name).toBe('ResponseError')
      const { status_code: status, message } = error as Error & { status_code: number }
      return { status, message }
    },
    async leave(content) {
      const messages = [{ role: 'user', content }]
      const stream = await client.chat({ model, messages, stream: true })
      for await (const _part of stream) break
      stream.abort()
    },
  }
}
