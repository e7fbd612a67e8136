import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isGiven, type JsonNode, numberAt, scanJson, startOfString, stringAt } from './json-scan.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** The value that a node stands for, by a real parser. */
function parsed(bytes: Uint8Array, node: JsonNode | undefined): unknown {
  return node && JSON.parse(new TextDecoder().decode(bytes.subarray(node.start, node.end)))
}

/** JSON as clients write it: with spaces or without, with escapes or without. */
const written = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.constantFrom(undefined, 1, 2, '\t', '\r\n '),
    fc.boolean(),
    fc.constantFrom('', ' ', '\n\t '),
  )
  .map(([text, space, escapes, outer]) => {
    const spaced = JSON.stringify(JSON.parse(text), null, space).replace(/: /g, ':  ')
    const escaped = spaced.replace(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    return outer + (escapes ? escaped : spaced) + outer
  })

describe('scanJson', () => {
  test('finds the bytes of a field wherever it stands', () => {
    fc.assert(
      fc.property(written, written, (one, two) => {
        const text = `{"first":${one},"wanted":${two},"last":[${one},{"inner":${two}}]}`
        const bytes = encode(text)
        const root = scanJson(bytes, { wanted: true, last: { inner: true } })!
        const value = JSON.parse(text) as Record<string, unknown>
        expect(parsed(bytes, root.fields.wanted)).toEqual(value.wanted)
        const items = root.fields.last!.items
        expect(items.map((item) => parsed(bytes, item))).toEqual(value.last as unknown[])
        expect(parsed(bytes, items[1]!.fields.inner)).toEqual(JSON.parse(two))
        expect(root.fields.first).toBeUndefined()
      }),
    )
  })

  test('what it leaves in place is the text itself, byte for byte', () => {
    fc.assert(
      fc.property(written, (text) => {
        const bytes = encode(text)
        const root = scanJson(bytes, true)!
        expect(new TextDecoder().decode(bytes.subarray(root.start, root.end))).toBe(
          text.replace(/^[ \n\t]+|[ \n\t]+$/g, ''),
        )
      }),
    )
  })

  test('reads strings as a parser does, long ones and escaped ones too', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.constantFrom('"', '\\', '\\"', 'ab', 'ä', '🏔️', '\n', '\ud83d'), {
        maxLength: 300,
      }),
    )
    fc.assert(
      fc.property(texts, (given) => {
        const text = Array.isArray(given) ? given.join('') : given
        const bytes = encode(JSON.stringify({ a: text, b: 'end' }))
        const root = scanJson(bytes, { a: true, b: true })!
        expect(stringAt(bytes, root.fields.a)).toBe(
          JSON.parse(new TextDecoder().decode(bytes)).a as string,
        )
        expect(stringAt(bytes, root.fields.b)).toBe('end')
      }),
    )
  })

  test.each([
    ['{"a":1,"a":2}', 2],
    ['{"\\u0061":3}', 3],
    ['{"a ":1, "a" : 4 }', 4],
    ['{"a":{"a":5},"b":6}', { a: 5 }],
  ])('%s: the field is the one that a parser takes', (text, wanted) => {
    const bytes = encode(text)
    expect(parsed(bytes, scanJson(bytes, { a: true })?.fields.a)).toEqual(wanted)
  })

  test('a field whose name is one of every object is found in no other', () => {
    const bytes = encode('{"toString":1,"__proto__":{"a":2},"constructor":3}')
    const root = scanJson(bytes, { a: true })!
    expect(Object.keys(root.fields)).toEqual([])
    expect(root.fields.toString).toBeUndefined()
  })

  test.each([
    '',
    ' ',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    '{"a":[1,2}',
    '{"a":[1 2]}',
    '[{"a":1}',
    '{"a":"x',
    '{"a":"x\\"}',
    '{"a":1}}',
    '{"a":1} x',
    'nul',
    'x',
    '\ufeff{"a":1}',
  ])('%s is no JSON text', (text) => {
    const root = scanJson(encode(text), { a: { b: true } })
    if (text === 'nul') expect(root?.kind).toBe('null')
    else expect(root).toBeNull()
  })

  test('a text cut anywhere, or with any byte changed, gives null or nodes within its bounds', () => {
    fc.assert(
      fc.property(written, fc.nat(), fc.nat(255), fc.boolean(), (one, place, byte, cut) => {
        const whole = encode(`{"messages":[{"content":${one}}],"x":${one}}`)
        const at = place % whole.length
        const bytes = cut ? whole.slice(0, at) : whole.slice()
        if (!cut) bytes[at] = byte
        const root = scanJson(bytes, { messages: { content: { text: true } } })
        const visit = (node: JsonNode): void => {
          expect(node.start).toBeGreaterThanOrEqual(0)
          expect(node.end).toBeGreaterThan(node.start)
          expect(node.end).toBeLessThanOrEqual(bytes.length)
          for (const child of [...Object.values(node.fields), ...node.items]) visit(child)
        }
        if (root) visit(root)
      }),
    )
  })

  test('a million levels that nobody asked for overflow nothing', () => {
    const deep = `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},"b":1}`
    const bytes = encode(deep)
    expect(parsed(bytes, scanJson(bytes, { b: true })?.fields.b)).toBe(1)
  })
})

describe('values of nodes', () => {
  const bytes = encode(
    '{"n":1.5e2,"big":1e999,"s":"abc\\u00e4\\n\\"x","nothing":null,"list":[ ],"object":{},"full":[0],"no":false}',
  )
  const { fields } = scanJson(bytes, {
    n: true,
    big: true,
    s: true,
    nothing: true,
    list: true,
    object: true,
    full: true,
    no: true,
  })!

  test('numbers', () => {
    expect(numberAt(bytes, fields.n)).toBe(150)
    expect(numberAt(bytes, fields.big)).toBeNull()
    expect(numberAt(bytes, fields.s)).toBeNull()
    expect(numberAt(bytes, undefined)).toBeNull()
  })

  test('strings, whole and their beginning', () => {
    expect(stringAt(bytes, fields.s)).toBe('abcä\n"x')
    expect(stringAt(bytes, fields.n)).toBe('')
    const starts = Array.from({ length: 20 }, (_, i) => startOfString(bytes, fields.s, i + 2))
    expect(new Set(starts)).toEqual(
      new Set(['a', 'ab', 'abc', 'abcä', 'abcä\n', 'abcä\n"', 'abcä\n"x']),
    )
    const accents = encode('{"s":"ääää"}')
    const node = scanJson(accents, { s: true })!.fields.s
    expect([1, 2, 3, 4, 5].map((n) => startOfString(accents, node, n + 1))).toEqual([
      '',
      'ä',
      'ä',
      'ää',
      'ää',
    ])
  })

  test('what is given and what is not', () => {
    const given = Object.entries(fields).filter(([, node]) => isGiven(bytes, node))
    expect(given.map(([name]) => name)).toEqual(['n', 'big', 's', 'full', 'no'])
    expect(isGiven(bytes, undefined)).toBe(false)
  })
})
