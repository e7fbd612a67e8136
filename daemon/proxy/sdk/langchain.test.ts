import { expect } from 'bun:test'
import { ChatAnthropic } from '@langchain/anthropic'
import type { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { type AIMessage, HumanMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatGoogleGenerativeAI } from '@langchain/google-genai'
import { ChatOllama } from '@langchain/ollama'
import { ChatOpenAI } from '@langchain/openai'
import { z } from 'zod'
import { type Sdk, testSdk } from './sdk.contract.ts'

testSdk('@langchain/openai 1', (url) => {
  const configuration = { baseURL: `${url}/v1` }
  const model = { model: 'gpt-5.5', apiKey: 'sk-client', maxRetries: 0, configuration }
  return { ...chat(new ChatOpenAI(model)), ...leavesByItself(new ChatOpenAI(model)) }
})
testSdk('@langchain/anthropic 1', (url) => {
  const key = { apiKey: 'sk-ant-client', anthropicApiUrl: url }
  const model = { model: 'claude-opus-5-5', maxRetries: 0, ...key }
  return { ...chat(new ChatAnthropic(model)), ...leavesByItself(new ChatAnthropic(model)) }
})
testSdk('@langchain/google-genai 2', (url) =>
  chat(
    new ChatGoogleGenerativeAI({
      model: 'gemini-3-pro',
      apiKey: 'AIza-client',
      maxRetries: 0,
      baseUrl: url,
    }),
  ),
)
testSdk('@langchain/ollama 1', (url) =>
  chat(new ChatOllama({ model: 'llama3.2', baseUrl: url, maxRetries: 0 })),
)

const getWeather = tool(async () => 'sun', {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: z.object({ city: z.string() }),
})

function chat(model: BaseChatModel): Sdk {
  return {
    ask: async (question) => (await model.invoke(question)).text,
    async *stream(question) {
      for await (const { text } of await model.stream(question)) yield text
    },
    async useTools(question) {
      const withTools = model.bindTools!([getWeather])
      const asked = new HumanMessage(question)
      const called = (await withTools.invoke([asked])) as AIMessage
      const results = called.tool_calls!.map(
        ({ id, name }) => new ToolMessage({ tool_call_id: id ?? name, name, content: 'sun' }),
      )
      return (await withTools.invoke([asked, called, ...results])).text
    },
    askJson: (question) =>
      model
        .withStructuredOutput(z.object({ city: z.string(), sunny: z.boolean() }), {
          method: 'jsonSchema',
          name: 'weather',
        })
        .invoke(question),
    async askAboutPicture(text, png) {
      const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }
      const content = [{ type: 'text', text }, image]
      return (await model.invoke([new HumanMessage({ content })])).text
    },
    refusalOf(error) {
      // LangChain gives the errors of the libraries below it names of its own, all but Ollama's.
      expect(['RateLimitCapacityError', 'ResponseError']).toContain((error as Error).name)
      const { status, status_code, message } = error as Error & Record<string, number | undefined>
      return { status: (status ?? status_code)!, message }
    },
  }
}

/** The other two read on to the end of an answer, whatever their signal says. */
function leavesByItself(model: BaseChatModel): Pick<Sdk, 'leave'> {
  return {
    async leave(question) {
      const leaving = new AbortController()
      const stream = await model.stream(question, { signal: leaving.signal })
      for await (const _piece of stream) break
      leaving.abort()
    },
  }
}
