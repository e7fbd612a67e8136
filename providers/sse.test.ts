import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createSseParser, type SseEvent } from './sse.ts'

const encoder = new TextEncoder()

function parse(pieces: readonly Uint8Array[]): SseEvent[] {
  const parser = createSseParser()
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]
}

const parseText = (text: string) => parse([encoder.encode(text)])

describe('createSseParser', () => {
  const cases: [name: string, text: string, events: SseEvent[]][] = [
    ['one line of data', 'data: a\n\n', [{ data: 'a' }]],
    ['no space after the colon', 'data:a\n\n', [{ data: 'a' }]],
    ['only one space is taken away', 'data:  a \n\n', [{ data: ' a ' }]],
    ['an event with a name', 'event: ping\ndata: {}\n\n', [{ event: 'ping', data: '{}' }]],
    [
      'the name holds for one event only',
      'event: a\ndata: 1\n\ndata: 2\n\n',
      [{ event: 'a', data: '1' }, { data: '2' }],
    ],
    ['several lines of data', 'data: a\ndata: b\ndata:\n\n', [{ data: 'a\nb\n' }]],
    ['CRLF', 'event: e\r\ndata: a\r\ndata: b\r\n\r\n', [{ event: 'e', data: 'a\nb' }]],
    ['CR', 'data: a\rdata: b\r\rdata: c\r\r', [{ data: 'a\nb' }, { data: 'c' }]],
    [
      'comments, ids, retries and unknown fields',
      ': hi\nid: 1\nretry: 9\nfoo: x\ndata: a\n\n',
      [{ data: 'a' }],
    ],
    ['a comment and a blank line make no event', ': hi\n\n\n\n', []],
    ['a name without data makes no event', 'event: ping\n\ndata: a\n\n', [{ data: 'a' }]],
    ['empty data makes one', 'data\n\n', [{ data: '' }]],
    ['a colon in the data', 'data: {"a":"b: c"}\n\n', [{ data: '{"a":"b: c"}' }]],
    ['a byte order mark', '\uFEFFdata: a\n\n', [{ data: 'a' }]],
    [
      'a last event that no blank line closes',
      'data: a\n\ndata: b\n',
      [{ data: 'a' }, { data: 'b' }],
    ],
    [
      'a last event that not even a line end closes',
      'data: a\n\ndata: b',
      [{ data: 'a' }, { data: 'b' }],
    ],
    ['nothing', '', []],
  ]
  for (const [name, text, events] of cases) {
    test(name, () => expect(parseText(text)).toEqual(events))
  }

  test('events come as soon as their blank line does', () => {
    const parser = createSseParser()
    expect(parser.push(encoder.encode('data: a\n'))).toEqual([])
    expect(parser.push(encoder.encode('\nda'))).toEqual([{ data: 'a' }])
    expect(parser.push(encoder.encode('ta: b\r'))).toEqual([])
    expect(parser.push(encoder.encode('\n\r'))).toEqual([{ data: 'b' }])
    expect(parser.push(encoder.encode('\n'))).toEqual([])
    expect(parser.end()).toEqual([])
  })

  test('any split of the bytes gives the same events', () => {
    const line = fc.oneof(
      fc.constantFrom('', ':', ': note', 'data', 'data:', 'event: e', 'id: 7', 'data: [DONE]'),
      fc.string({ unit: 'grapheme' }).map((text) => `data: ${text}`),
    )
    const text = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')))
      .map((lines) => lines.map((pair) => pair.join('')).join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat(400)), (whole, cuts) => {
        const bytes = encoder.encode(whole)
        const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
        bounds.sort((a, b) => a - b)
        const pieces = bounds.slice(1).map((end, place) => bytes.subarray(bounds[place], end))
        expect(parse(pieces)).toEqual(parse([bytes]))
      }),
      { numRuns: 1000 },
    )
  })

  test('what an event may hold is bounded, in one line, in many lines and in what waits', () => {
    for (const text of [
      'data: 12345678901\n',
      'data: 123456\ndata: 123456\n',
      'data: 1234567890',
    ]) {
      const parser = createSseParser(10)
      expect(() => parser.push(encoder.encode(text))).toThrow('longer than 10')
    }
    const parser = createSseParser(10)
    expect(() => parser.push(encoder.encode(': a very long comment indeed\n'))).not.toThrow()
    const short = encoder.encode('data: 1234567\n\n')
    for (let round = 0; round < 5; round++) expect(parser.push(short)).toHaveLength(1)
  })
})
