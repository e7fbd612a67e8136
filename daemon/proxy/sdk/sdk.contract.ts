import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { OPENING_TAG } from '../../../memory/render.ts'
import { dialect } from '../rig/dialects.ts'
import {
  ANSWER,
  type MockProviders,
  PICTURE_ANSWER,
  startMockProviders,
  TOOL_ANSWER,
  WEATHER,
} from '../rig/mock-providers.ts'
import { openRawUpstream, type RawUpstream } from '../rig/raw-upstream.ts'
import { type Rig, startRig, until } from '../rig/start.ts'
import { CLIENTS, type Feature } from './matrix.ts'

/** What an error of a client library tells of the provider's refusal. */
export type Refusal = Readonly<{ status: number; message: string }>

/** A client library as applications use it, pointed at the proxy by its base URL and nothing else. */
export type Sdk = Readonly<{
  ask(question: string): Promise<string>
  stream(question: string): AsyncIterable<string>
  /** Answers each call of `get_weather` with "sun" until the model has an answer. */
  useTools(question: string): Promise<string>
  /** Asks for `{ city, sunny }` by the library's own means; absent where it has none. */
  askJson?: (question: string) => Promise<unknown>
  /** @param png base64 */
  askAboutPicture(question: string, png: string): Promise<string>
  /** Reads an error of the library's own class. @throws when it is of another one */
  refusalOf(error: unknown): Refusal
  /** Streams, and leaves after the first piece by the library's own means; absent where it has none. */
  leave?: (question: string) => Promise<void>
}>

const MEMORY = 'User drinks black coffee from Ethiopia in the morning'
const QUESTION = 'Which coffee do I drink in the morning?'
/** A red dot. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

/**
 * What holds for every client library on every wire. Each of these tests is a cell of the matrix.
 *
 * @param name a row of `matrix.ts`
 * @param connect makes a client of the proxy at this address
 */
export function testSdk(name: string, connect: (proxyUrl: string) => Sdk): void {
  const { wire, without } = CLIENTS[name]!
  const has = (feature: Feature) => !without.includes(feature)
  describe(name, () => {
    let providers: MockProviders
    let rig: Rig
    let sdk: Sdk
    /** The same in front of a provider that does what a test says. */
    let scripted: RawUpstream
    let other: Rig
    let client: Sdk
    beforeAll(async () => {
      providers = await startMockProviders()
      scripted = await openRawUpstream(({ reset }) => reset())
      rig = await startRig({ upstream: providers.url })
      other = await startRig({ upstream: scripted.url })
      await rig.remember(MEMORY)
      sdk = connect(rig.url)
      client = connect(other.url)
    })
    afterAll(async () => {
      await Promise.all([rig.stop(), other.stop()])
      await Promise.all([providers.stop(), scripted.stop()])
    })
    const lastRequest = () => providers.received().at(-1)!
    const blocksIn = (request: string) => request.split(OPENING_TAG).length - 1

    test('answer: arrives as the provider sent it, asked with memory', async () => {
      expect(await sdk.ask(QUESTION)).toBe(ANSWER)
      expect(lastRequest()).toContain(MEMORY)
      expect(blocksIn(lastRequest())).toBe(1)
    })

    test('stream: arrives piece by piece, asked with memory', async () => {
      const pieces: string[] = []
      for await (const piece of sdk.stream(QUESTION)) pieces.push(piece)
      expect(pieces.join('')).toBe(ANSWER)
      expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(3)
      expect(lastRequest()).toContain(MEMORY)
      expect(blocksIn(lastRequest())).toBe(1)
    })

    test('learning: what the user says is remembered, from whole answers and streams', async () => {
      await sdk.ask('I play the accordion.')
      for await (const _piece of sdk.stream('I am allergic to walnuts.')) {
        // to its end
      }
      await rig.settled()
      const memories = await rig.memories()
      expect(memories.filter((memory) => /accordion|walnuts/.test(memory))).toHaveLength(2)
    })

    test('tools: a loop of parallel calls ends in an answer', async () => {
      const before = providers.received().length
      expect(await sdk.useTools('What is the weather in Genf and Bern?')).toBe(TOOL_ANSWER)
      expect(providers.received().length - before).toBe(2)
      expect(lastRequest()).toContain('get_weather')
      expect(lastRequest()).toContain('sun')
    })

    test('picture: is no hindrance, and its text is answered', async () => {
      expect(await sdk.askAboutPicture('What is on this picture?', PNG)).toBe(PICTURE_ANSWER)
    })

    test('error: is the library’s own, with the provider’s status and words', async () => {
      scripted.play(async ({ answer }) => {
        const body = dialect(wire).error(429, 'Slow down, please.')
        await answer(429, [['Content-Type', 'application/json']], JSON.stringify(body))
      })
      const thrown = await client.ask('This is too much').then(
        () => null,
        (error: unknown) => error,
      )
      const { status, message } = sdk.refusalOf(thrown)
      expect(status).toBe(429)
      expect(message).toContain('Slow down, please.')
    })

    if (has('abort')) {
      test('abort: the provider learns that the client has left', async () => {
        let hasLeft = false
        scripted.play(async ({ head, send, clientLeft }) => {
          const { frames, streamType } = dialect(wire)
          await head(200, [['Content-Type', streamType]])
          const all = frames(['and so on ', 'for ever'])
          await send(
            all
              .slice(
                0,
                all.findIndex((frame) => frame.includes('for ever')),
              )
              .join(''),
          )
          await clientLeft
          hasLeft = true
        })
        await client.leave!('Talk without end')
        await until(() => hasLeft)
      })
    }
    if (has('schema')) {
      test('schema: an answer in JSON is read by the library', async () => {
        expect(await sdk.askJson!('The weather in Bern as JSON')).toEqual(WEATHER)
      })
    }
  })
}
