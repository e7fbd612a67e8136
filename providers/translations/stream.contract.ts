/** What the stream of every translation must do, and the means to look at it. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { ChatBody, ChatChunk, ChunkDelta } from '../openai.ts'
import type { Reply } from '../reply.ts'
import type { ChatTranslation } from '../translation.ts'

export const ASKED: ChatBody = {
  model: 'asked-model',
  messages: [{ role: 'user', content: 'Greet me.' }],
  stream: true,
  stream_options: { include_usage: true },
}

export async function readFixture(name: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(join(import.meta.dir, '../fixtures', name)).arrayBuffer())
}

/** All that a stream gave: the text of its frames, whether and where it said `done`, how it ended. */
export type Outcome = Readonly<{
  sent: string
  dones: number
  complete: boolean
  reply: Reply
}>

export function stream(
  translation: ChatTranslation,
  asked: ChatBody,
  pieces: readonly Uint8Array[],
): Outcome {
  const open = translation.createStream(asked)
  const pushed = pieces.map((piece) => open.push(piece))
  const ended = open.end()
  return {
    sent: Buffer.concat([...pushed.map(({ bytes }) => bytes), ended.bytes]).toString(),
    dones: pushed.filter(({ done }) => done).length,
    complete: ended.complete,
    reply: open.reply(),
  }
}

/** The data of each frame sent, parsed; `[DONE]` as it is. */
export function framesOf({ sent }: Outcome): unknown[] {
  return sent
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trim())
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)))
}

export function chunksOf(outcome: Outcome): ChatChunk[] {
  return framesOf(outcome).filter(
    (frame): frame is ChatChunk =>
      typeof frame === 'object' && frame !== null && 'choices' in frame,
  )
}

export function deltasOf(outcome: Outcome): ChunkDelta[] {
  return chunksOf(outcome).flatMap(({ choices }) => choices.map(({ delta }) => delta))
}

/** What OpenAI's clients make of the frames: text and calls put together. */
export function assemble(outcome: Outcome) {
  const calls: { id?: string; name?: string; arguments: string }[] = []
  let text = ''
  for (const delta of deltasOf(outcome)) {
    text += delta.content ?? ''
    for (const { index, id, function: fragment } of delta.tool_calls ?? []) {
      calls[index] ??= { id, name: fragment?.name, arguments: '' }
      calls[index].arguments += fragment?.arguments ?? ''
    }
  }
  return { text, calls }
}

/** `created` and invented ids differ from run to run. */
function settled(outcome: Outcome): Outcome {
  return { ...outcome, dones: 0, sent: outcome.sent.replace(/"created":\d+/g, '"created":0') }
}

export function testChatStream(translation: ChatTranslation, fixtures: readonly string[]): void {
  describe(`${translation.name}: ChatStream`, () => {
    for (const fixture of fixtures) {
      test(`${fixture} gives the same wherever its bytes are split`, async () => {
        const bytes = await readFixture(fixture)
        const whole = settled(stream(translation, ASKED, [bytes]))
        for (let at = 0; at <= bytes.length; at++) {
          const halves = [bytes.subarray(0, at), bytes.subarray(at)]
          expect(settled(stream(translation, ASKED, halves))).toEqual(whole)
        }
      })

      test(`${fixture} gives the same byte by byte and with CRLF`, async () => {
        const bytes = await readFixture(fixture)
        const whole = stream(translation, ASKED, [bytes])
        const withCrlf = Buffer.from(Buffer.from(bytes).toString().replaceAll('\n', '\r\n'))
        const outcome = stream(
          translation,
          ASKED,
          [...withCrlf].map((byte) => new Uint8Array([byte])),
        )
        expect(chunksOf(outcome).map(({ choices }) => choices)).toEqual(
          chunksOf(whole).map(({ choices }) => choices),
        )
        expect(outcome.reply).toEqual(whole.reply)
        expect(outcome.complete).toBe(whole.complete)
      })
    }

    test('a stream without any byte is not complete', () => {
      const { complete, dones } = stream(translation, ASKED, [])
      expect({ complete, dones }).toEqual({ complete: false, dones: 0 })
    })

    test('the text of the reply is capped, what is forwarded is not', async () => {
      const long = 'ä'.repeat(600 * 1024)
      const fixture = Buffer.from(await readFixture(fixtures[0] ?? '')).toString()
      const bytes = Buffer.from(fixture.replace('Grüße aus', `Grüße aus${long}`))
      const outcome = stream(translation, ASKED, [bytes])
      expect(assemble(outcome).text).toHaveLength('Grüße aus Zürich 🏔️'.length + long.length)
      expect(Buffer.byteLength(outcome.reply.text)).toBeLessThanOrEqual(512 * 1024)
      expect(Buffer.byteLength(outcome.reply.text)).toBeGreaterThan(512 * 1024 - 4)
      expect(outcome.reply.truncated).toBe(true)
      expect(outcome.complete).toBe(true)
    })
  })
}
