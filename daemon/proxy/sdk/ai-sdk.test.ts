import { expect } from 'bun:test'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import {
  APICallError,
  generateText,
  isStepCount,
  type LanguageModel,
  Output,
  streamText,
  tool,
} from 'ai'
import { z } from 'zod'
import { type Sdk, testSdk } from './sdk.contract.ts'

testSdk('ai 7 with @ai-sdk/openai 4, responses', (url) =>
  textOf(createOpenAI({ baseURL: `${url}/v1`, apiKey: 'sk-client' })('gpt-5.6')),
)
testSdk('ai 7 with @ai-sdk/openai 4, chat completions', (url) =>
  textOf(createOpenAI({ baseURL: `${url}/v1`, apiKey: 'sk-client' }).chat('gpt-5.5')),
)
testSdk('ai 7 with @ai-sdk/anthropic 4', (url) =>
  textOf(createAnthropic({ baseURL: `${url}/v1`, apiKey: 'sk-ant-client' })('claude-opus-5-5')),
)
testSdk('ai 7 with @ai-sdk/google 4', (url) =>
  textOf(createGoogle({ baseURL: `${url}/v1beta`, apiKey: 'AIza-client' })('gemini-3-pro')),
)

const get_weather = tool({
  description: 'The weather of a city',
  inputSchema: z.object({ city: z.string() }),
  execute: async () => 'sun',
})

function textOf(model: LanguageModel): Sdk {
  const options = { model, maxRetries: 0 }
  return {
    ask: async (prompt) => (await generateText({ ...options, prompt })).text,
    stream: (prompt) => streamText({ ...options, prompt }).textStream,
    async useTools(prompt) {
      const { text } = await generateText({
        ...options,
        prompt,
        tools: { get_weather },
        stopWhen: isStepCount(3),
      })
      return text
    },
    async askJson(prompt) {
      const schema = z.object({ city: z.string(), sunny: z.boolean() })
      const { output } = await generateText({
        ...options,
        prompt,
        output: Output.object({ schema }),
      })
      return output
    },
    async askAboutPicture(text, png) {
      const image = {
        type: 'file',
        data: Buffer.from(png, 'base64'),
        mediaType: 'image/png',
      } as const
      const { text: answer } = await generateText({
        ...options,
        messages: [{ role: 'user', content: [image, { type: 'text', text }] }],
      })
      return answer
    },
    refusalOf(error) {
      expect(APICallError.isInstance(error)).toBe(true)
      const { statusCode, message } = error as APICallError
      return { status: statusCode!, message }
    },
    async leave(prompt) {
      const leaving = new AbortController()
      const { textStream } = streamText({ ...options, prompt, abortSignal: leaving.signal })
      for await (const _piece of textStream) break
      leaving.abort()
    },
  }
}
