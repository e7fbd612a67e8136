import { expect } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import AnthropicBefore1 from '@anthropic-ai/sdk-before-1'
import { z } from 'zod'
import { type Sdk, testSdk } from './sdk.contract.ts'

const MODEL = 'claude-opus-5-5'
const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

// This one sends its key as a bearer token, the older one as x-api-key.
testSdk('@anthropic-ai/sdk 1', (url) =>
  messages(new Anthropic({ baseURL: url, apiKey: 'sk-ant-client', maxRetries: 0 })),
)
testSdk('@anthropic-ai/sdk 0.122', (url) => {
  const client = new AnthropicBefore1({ baseURL: url, apiKey: 'sk-ant-client', maxRetries: 0 })
  // Its interface is the same, as far as these scenarios use it.
  return messages(client as unknown as Anthropic)
})

function messages(client: Anthropic): Sdk {
  const create = async (content: Anthropic.MessageParam['content']) =>
    textOf(
      await client.messages.create({
        model: MODEL,
        max_tokens: 1024,
        messages: [{ role: 'user', content }],
      }),
    )
  const stream = (content: string) =>
    client.messages.stream({
      model: MODEL,
      max_tokens: 1024,
      messages: [{ role: 'user', content }],
    })
  return {
    ask: create,
    async *stream(content) {
      for await (const event of stream(content)) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
          yield event.delta.text
        }
      }
    },
    async useTools(content) {
      const asked: Anthropic.MessageParam[] = [{ role: 'user', content }]
      const request = { model: MODEL, max_tokens: 1024, tools: [WEATHER] }
      const first = await client.messages.stream({ ...request, messages: asked }).finalMessage()
      const results = first.content
        .filter((block) => block.type === 'tool_use')
        .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'sun' }) as const)
      asked.push({ role: 'assistant', content: first.content }, { role: 'user', content: results })
      return textOf(await client.messages.create({ ...request, messages: asked }))
    },
    async askJson(content) {
      const { parsed_output } = await client.messages.parse({
        model: MODEL,
        max_tokens: 1024,
        messages: [{ role: 'user', content }],
        output_config: {
          format: zodOutputFormat(z.object({ city: z.string(), sunny: z.boolean() })),
        },
      })
      return parsed_output
    },
    askAboutPicture: (text, png) =>
      create([
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
        { type: 'text', text },
      ]),
    refusalOf(error) {
      expect((error as Error).constructor.name).toBe('RateLimitError')
      const { status, message } = error as InstanceType<typeof Anthropic.RateLimitError>
      return { status, message }
    },
    async leave(content) {
      const running = stream(content)
      for await (const event of running) if (event.type === 'content_block_delta') break
      running.abort()
    },
  }
}

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}
