import { equal, match, ok } from 'node:assert/strict'
import { LLMock } from '@copilotkit/aimock'
import OpenAI from 'openai'
import { until } from '../../daemon/fixtures/executable.ts'
import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import { VENDOR_NAMES } from '../../providers/vendors.ts'
import type { Part } from './report.ts'

/** The loop with each provider, streaming and not: the official client here, an emulated provider there. */
export const vendors: Part = async ({ step, open }) => {
  const mock = new LLMock({ host: '127.0.0.1', port: 0 })
  mock.onMessage(/.*/, { content: 'Very well, noted.' })
  await mock.start()
  try {
    const install = await open(upstreamEnv(mock.url))
    const served = await install.serve()
    for (const vendor of VENDOR_NAMES) {
      for (const stream of [false, true]) {
        await step(`${vendor}, ${stream ? 'streaming' : 'not streaming'}`, async () => {
          const made = await served.ask('POST', '/users', { external_id: `${vendor}-${stream}` })
          const { api_key: key } = (await made.json()) as { api_key: string }
          const client = new OpenAI({
            baseURL: `${served.url}/v1`,
            apiKey: 'a-key-of-the-mock',
            maxRetries: 0,
            defaultHeaders: { 'x-engram-key': key, 'x-engram-provider': vendor },
          })
          const said = await converse(client, 'My sister is called Nadia.', stream)
          equal(said.text, 'Very well, noted.')
          equal(said.injected, 0)
          await until('the fact is a memory', async () => {
            const answer = await served.ask('GET', '/memories', undefined, { 'x-engram-key': key })
            const { memories } = (await answer.json()) as { memories: { content: string }[] }
            return memories.some(({ content }) => content === "User's sister is called Nadia")
          })
          const asked = await converse(client, 'What is my sister called?', stream)
          equal(asked.text, 'Very well, noted.')
          equal(asked.injected, 1)
          const { path, body } = mock.getLastRequest()!
          match(JSON.stringify(body), /User's sister is called Nadia/)
          ok(!JSON.stringify(body).includes(key), 'our own key went to the provider')
          return `${path} got "User's sister is called Nadia"`
        })
      }
    }
  } finally {
    await mock.stop()
  }
}

async function converse(client: OpenAI, content: string, stream: boolean) {
  const { data, response } = await client.chat.completions
    .create({ model: 'some-model', stream, messages: [{ role: 'user', content }] })
    .withResponse()
  const injected = Number(response.headers.get('x-engram-memories-injected'))
  if ('choices' in data) return { text: data.choices[0]!.message.content, injected }
  let text = ''
  for await (const { choices } of data) text += choices[0]?.delta.content ?? ''
  return { text, injected }
}
