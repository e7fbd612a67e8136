import { expect } from 'bun:test'
import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import OpenAI6 from 'openai-6'
import { z } from 'zod'
import { type Sdk, testSdk } from './sdk.contract.ts'

const WeatherReport = z.object({ city: z.string(), sunny: z.boolean() })
const PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}

testSdk('openai 7, chat completions', (url) => chat(new OpenAI(options(url))))
testSdk('openai 7, responses', (url) => responses(new OpenAI(options(url))))
// Its interface is the same, as far as these scenarios use it.
testSdk('openai 6, chat completions', (url) => chat(new OpenAI6(options(url)) as unknown as OpenAI))

function options(url: string) {
  return { baseURL: `${url}/v1`, apiKey: 'sk-client', maxRetries: 0 }
}

function chat(client: OpenAI): Sdk {
  const model = 'gpt-5.5'
  const create = async (messages: OpenAI.ChatCompletionMessageParam[]) => {
    const { choices } = await client.chat.completions.create({ model, messages })
    return choices[0]!.message.content!
  }
  const ask = (content: string) => create([{ role: 'user', content }])
  return {
    ask,
    async *stream(content) {
      const stream = await client.chat.completions.create({
        model,
        messages: [{ role: 'user', content }],
        stream: true,
        stream_options: { include_usage: true },
      })
      for await (const { choices } of stream) yield choices[0]?.delta.content ?? ''
    },
    async useTools(content) {
      const runner = client.chat.completions.runTools({
        model,
        messages: [{ role: 'user', content }],
        stream: true,
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather of a city',
              parameters: PARAMETERS,
              parse: JSON.parse,
              function: () => 'sun',
            },
          },
        ],
      })
      return (await runner.finalContent())!
    },
    async askJson(content) {
      const { choices } = await client.chat.completions.parse({
        model,
        messages: [{ role: 'user', content }],
        response_format: zodResponseFormat(WeatherReport, 'weather'),
      })
      return choices[0]!.message.parsed
    },
    askAboutPicture: (text, png) =>
      create([
        {
          role: 'user',
          content: [
            { type: 'text', text },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
          ],
        },
      ]),
    refusalOf,
    async leave(content) {
      const stream = await client.chat.completions.create({
        model,
        messages: [{ role: 'user', content }],
        stream: true,
      })
      for await (const _chunk of stream) break
    },
  }
}

function responses(client: OpenAI): Sdk {
  const model = 'gpt-5.6'
  return {
    ask: async (input) => (await client.responses.create({ model, input })).output_text,
    async *stream(input) {
      const stream = await client.responses.create({ model, input, stream: true })
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') yield event.delta
      }
    },
    async useTools(question) {
      const tools: OpenAI.Responses.Tool[] = [
        { type: 'function', name: 'get_weather', parameters: PARAMETERS, strict: true },
      ]
      const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: question }]
      const first = await client.responses
        .stream({ model, input, tools, store: false })
        .finalResponse()
      for (const item of first.output) {
        if (item.type !== 'function_call') continue
        const { call_id, name, arguments: args } = item
        input.push({ type: 'function_call', call_id, name, arguments: args })
        input.push({ type: 'function_call_output', call_id, output: 'sun' })
      }
      return (await client.responses.create({ model, input, tools, store: false })).output_text
    },
    async askJson(input) {
      const { output_parsed } = await client.responses.parse({
        model,
        input,
        text: { format: zodTextFormat(WeatherReport, 'weather') },
      })
      return output_parsed
    },
    async askAboutPicture(text, png) {
      const { output_text } = await client.responses.create({
        model,
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text },
              {
                type: 'input_image',
                image_url: `data:image/png;base64,${png}`,
                detail: 'auto',
              },
            ],
          },
        ],
      })
      return output_text
    },
    refusalOf,
    async leave(input) {
      const stream = await client.responses.create({ model, input, stream: true })
      for await (const { type } of stream) if (type === 'response.output_text.delta') break
    },
  }
}

function refusalOf(error: unknown) {
  expect((error as Error).constructor.name).toBe('RateLimitError')
  const { status, message } = error as InstanceType<typeof OpenAI.RateLimitError>
  return { status, message }
}
