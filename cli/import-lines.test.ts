import { describe, expect, test } from 'bun:test'
import { type Batch, readBatches } from './import-lines.ts'

/** The text in pieces of so many bytes: a pipe cuts where it likes. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

async function batchesOf(text: string, size = 4096, batchBytes?: number): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of readBatches(pieces(text, size), batchBytes)) batches.push(batch)
  return batches
}

async function linesOf(text: string, size = 4096): Promise<string[]> {
  const batches = await batchesOf(text, size)
  const whole = Buffer.concat(batches.map(({ body }) => body)).toString()
  const lines = whole.replace(/\n$/, '').split('\n')
  expect(batches.reduce((sum, batch) => sum + batch.lines, 0)).toBe(whole === '' ? 0 : lines.length)
  return lines.map((line) => line.trim())
}

const items = [
  { content: 'a, [b] {c}' },
  { content: 'quo"te \\ and \\"', metadata: { list: [1, [2]], text: '],{' } },
  { content: '茶' },
]
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line))

describe.each([1, 7, 4096])('in pieces of %d bytes', (size) => {
  test('JSON lines stay as they are', async () => {
    const lines = items.map((item) => JSON.stringify(item))
    expect(await linesOf(`${lines.join('\n')}\n`, size)).toEqual(lines)
    expect(await linesOf(lines.join('\r\n'), size)).toEqual(lines)
    expect(await linesOf(`\n${lines.join('\n\n')}`, size)).toEqual([
      '',
      lines[0]!,
      '',
      lines[1]!,
      '',
      lines[2]!,
    ])
  })

  test.each([
    ['in one line', JSON.stringify(items)],
    ['indented', JSON.stringify(items, null, 2)],
    ['with other white space', ` \r\n${JSON.stringify(items, null, '\t')}\n`],
    ['in an object', JSON.stringify({ memories: items, total: 3 })],
    ['in an indented object', JSON.stringify({ memories: items, list: [1] }, null, 2)],
  ])('a list %s becomes one line an item', async (_how, text) => {
    expect(parsed(await linesOf(text, size))).toEqual(items)
  })

  test('a mark of byte order is no text', async () => {
    expect(await linesOf('\uFEFF{"content":"a"}\n', size)).toEqual(['{"content":"a"}'])
  })
})

test('an empty file holds no line, an empty list none that counts', async () => {
  expect(await batchesOf('')).toEqual([])
  expect(await linesOf('[]')).toEqual([''])
})

test('what is broken inside a list is left for the reader of its line', async () => {
  const lines = await linesOf('[{"content":"a"}, {"content":}, {"content":"c"}]', 5)
  expect(lines).toEqual(['{"content":"a"}', '{"content":}', '{"content":"c"}'])
})

test('a memory whose first field is a list of that name is still a line', async () => {
  const line = '{"content":"x","metadata":{"memories":[1,2]}}'
  expect(await linesOf(`${line}\n${line}`)).toEqual([line, line])
})

test('batches end at a line’s end, and a line that is far too long is cut', async () => {
  const line = JSON.stringify({ content: 'x'.repeat(80) })
  const batches = await batchesOf(`${line}\n`.repeat(100), 333, 1_000)
  expect(batches.length).toBeGreaterThan(5)
  for (const { body, lines } of batches) {
    expect(body.at(-1)).toBe(0x0a)
    expect(body.length).toBe(lines * (line.length + 1))
  }
  const [long, ...rest] = await batchesOf(`${'y'.repeat(2_000_000)}\n${line}\n`)
  expect(rest).toEqual([])
  expect({ lines: long!.lines, size: long!.body.length }).toEqual({
    lines: 2,
    size: 300_000 + 1 + line.length + 1,
  })
})
