import { expect } from 'bun:test'
import { ApiError, type Content, GoogleGenAI, Type } from '@google/genai'
import { type Sdk, testSdk } from './sdk.contract.ts'

const model = 'gemini-3-pro'
const TOOLS = [
  {
    functionDeclarations: [
      {
        name: 'get_weather',
        description: 'The weather of a city',
        parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } },
      },
    ],
  },
]

testSdk('@google/genai 3', (url) =>
  generateContent(new GoogleGenAI({ apiKey: 'AIza-client', httpOptions: { baseUrl: url } })),
)

function generateContent({ models }: GoogleGenAI): Sdk {
  return {
    ask: async (contents) => (await models.generateContent({ model, contents })).text!,
    async *stream(contents) {
      for await (const { text } of await models.generateContentStream({ model, contents })) {
        yield text ?? ''
      }
    },
    async useTools(question) {
      const contents: Content[] = [{ role: 'user', parts: [{ text: question }] }]
      const config = { tools: TOOLS }
      const first = await models.generateContent({ model, contents, config })
      contents.push(first.candidates![0]!.content!, {
        role: 'user',
        parts: first.functionCalls!.map(({ id, name }) => ({
          functionResponse: { id: id!, name: name!, response: { output: 'sun' } },
        })),
      })
      return (await models.generateContent({ model, contents, config })).text!
    },
    async askJson(contents) {
      const { text } = await models.generateContent({
        model,
        contents,
        config: {
          responseMimeType: 'application/json',
          responseSchema: {
            type: Type.OBJECT,
            properties: { city: { type: Type.STRING }, sunny: { type: Type.BOOLEAN } },
          },
        },
      })
      return JSON.parse(text!)
    },
    async askAboutPicture(text, png) {
      const parts = [{ inlineData: { mimeType: 'image/png', data: png } }, { text }]
      return (await models.generateContent({ model, contents: [{ role: 'user', parts }] })).text!
    },
    refusalOf(error) {
      expect(error).toBeInstanceOf(ApiError)
      const { status, message } = error as ApiError
      return { status, message }
    },
    async leave(contents) {
      const leaving = new AbortController()
      const config = { abortSignal: leaving.signal }
      const stream = await models.generateContentStream({ model, contents, config })
      for await (const _part of stream) break
      leaving.abort()
    },
  }
}
