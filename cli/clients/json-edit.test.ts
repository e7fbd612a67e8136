import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isWithin } from '../fixtures/within.ts'
import {
  firstLeniency,
  NotEditable,
  readJson,
  removeValue,
  setValue,
  valueAt,
} from './json-edit.ts'

const ENTRY = { command: '/opt/engram', args: ['mcp', '--stdio'] }
const PATH = ['mcpServers', 'engram']

/** Lines of a file before and after the entry has been added. */
const CASES: readonly (readonly [string, string, string])[] = [
  [
    'other servers, two spaces',
    '{\n  "mcpServers": {\n    "other": { "command": "x" }\n  },\n  "theme": "dark"\n}\n',
    '{\n  "mcpServers": {\n    "other": { "command": "x" },\n    "engram": {\n      "command": "/opt/engram",\n      "args": [\n        "mcp",\n        "--stdio"\n      ]\n    }\n  },\n  "theme": "dark"\n}\n',
  ],
  [
    'tabs and CRLF',
    '{\r\n\t"mcpServers": {\r\n\t\t"other": {}\r\n\t}\r\n}\r\n',
    '{\r\n\t"mcpServers": {\r\n\t\t"other": {},\r\n\t\t"engram": {\r\n\t\t\t"command": "/opt/engram",\r\n\t\t\t"args": [\r\n\t\t\t\t"mcp",\r\n\t\t\t\t"--stdio"\r\n\t\t\t]\r\n\t\t}\r\n\t}\r\n}\r\n',
  ],
  [
    'a comment at the end of the last line, with spaces after it',
    '{\n  "mcpServers": {\n    "other": {} // mine  \n    // "old": {}\n  }\n}',
    '{\n  "mcpServers": {\n    "other": {}, // mine  \n    "engram": {\n      "command": "/opt/engram",\n      "args": [\n        "mcp",\n        "--stdio"\n      ]\n    }\n    // "old": {}\n  }\n}',
  ],
  [
    'a trailing comma stays the way of the file',
    '{\n  "mcpServers": {\n    "other": {}, /* last */\n  },\n}\n',
    '{\n  "mcpServers": {\n    "other": {}, /* last */\n    "engram": {\n      "command": "/opt/engram",\n      "args": [\n        "mcp",\n        "--stdio"\n      ]\n    },\n  },\n}\n',
  ],
  [
    'one line',
    '{"mcpServers":{"other":{"command":"x"}},"theme":"dark"}',
    '{"mcpServers":{"other":{"command":"x"},"engram":{"command":"/opt/engram","args":["mcp","--stdio"]}},"theme":"dark"}',
  ],
  [
    'one line with a trailing comma',
    '{ "mcpServers": { "other": {}, } }',
    '{ "mcpServers": { "other": {}, "engram": {"command": "/opt/engram", "args": ["mcp", "--stdio"]}, } }',
  ],
]

describe('an entry', () => {
  for (const [name, before, after] of CASES) {
    test(`is added and taken out again: ${name}`, () => {
      const edited = setValue(before, PATH, ENTRY)
      expect(edited).toEqual({ text: after, made: 0 })
      expect(valueAt(after, PATH)).toEqual(ENTRY)
      expect(removeValue(after, PATH)).toBe(before)
    })
  }

  test('makes what is missing on the way, and says how much', () => {
    expect(setValue('', PATH, 1)).toEqual({
      text: '{\n  "mcpServers": {\n    "engram": 1\n  }\n}\n',
      made: 2,
    })
    expect(setValue('// mine\n', PATH, 1).text).toBe(
      '// mine\n{\n  "mcpServers": {\n    "engram": 1\n  }\n}\n',
    )
    expect(setValue('{}', PATH, 1)).toEqual({
      text: '{\n  "mcpServers": {\n    "engram": 1\n  }\n}',
      made: 1,
    })
    expect(setValue('{\n  "a": 1\n}', PATH, 2)).toEqual({
      text: '{\n  "a": 1,\n  "mcpServers": {\n    "engram": 2\n  }\n}',
      made: 1,
    })
  })

  test('takes out what was made for it, unless something else is in it by then', () => {
    const { text, made } = setValue('{\n  "a": 1\n}', PATH, 2)
    expect(removeValue(text, PATH, made)).toBe('{\n  "a": 1\n}')
    expect(removeValue(text, PATH)).toBe('{\n  "a": 1,\n  "mcpServers": {}\n}')
    const shared = setValue(text, ['mcpServers', 'other'], 3).text
    expect(removeValue(shared, PATH, made)).toBe(
      '{\n  "a": 1,\n  "mcpServers": {\n    "other": 3\n  }\n}',
    )
    const noted = text.replace('"engram": 2', '// keep\n    "engram": 2')
    expect(removeValue(noted, PATH, made)).toContain('// keep')
  })

  test('can be any element of a list', () => {
    const list = ['hooks', 'Stop', '-']
    const first = setValue('{}', list, { a: 1 })
    expect(first.made).toBe(2)
    expect(readJson(first.text)).toEqual({ hooks: { Stop: [{ a: 1 }] } })
    const second = setValue(first.text, list, { b: 2 }).text
    expect(readJson(second)).toEqual({ hooks: { Stop: [{ a: 1 }, { b: 2 }] } })
    expect(removeValue(second, ['hooks', 'Stop', 1])).toBe(first.text)
    expect(readJson(removeValue(second, ['hooks', 'Stop', 0]))).toEqual({
      hooks: { Stop: [{ b: 2 }] },
    })
    expect(removeValue(first.text, ['hooks', 'Stop', 0], first.made)).toBe('{}')
  })
})

describe('a file that cannot be changed safely', () => {
  const REFUSED: readonly (readonly [string, string])[] = [
    ['{ "mcpServers": { bad', 'line 1, column 19: invalid symbol'],
    ['{\n  "mcpServers": {\n    "a": 1\n    "b": 2\n  }\n}', 'line 4, column 5: comma expected'],
    ['{} {}', 'line 1, column 4: end of file expected'],
    ['[]', 'line 1, column 1: the whole file must be an object, but is an array'],
    ['{"mcpServers": []}', 'line 1, column 16: "mcpServers" must be an object, but is an array'],
    ['{"mcpServers": null}', 'line 1, column 16: "mcpServers" must be an object, but is null'],
    ['{"mcpServers":{},"mcpServers":{}}', '"mcpServers" stands twice, at line 1, column 2'],
  ]
  for (const [text, reason] of REFUSED) {
    test(`is refused: ${text.slice(0, 30).replaceAll('\n', ' ')}`, () => {
      expect(() => setValue(text, PATH, ENTRY)).toThrow(NotEditable)
      expect(() => setValue(text, PATH, ENTRY)).toThrow(reason)
    })
  }
})

test('what a reader of plain JSON would stumble over is found', () => {
  expect(firstLeniency('{"a": [1, 2], "b": "// no comment, ]"}')).toBe(null)
  expect(firstLeniency('{\n  // hm\n}')).toBe('a comment at line 2, column 3')
  expect(firstLeniency('{"a": 1,}')).toBe('a trailing comma before line 1, column 9')
})

describe('whatever the file', () => {
  const space = fc.constantFrom('', ' ', '\n', '\r\n', '\t', ' /* c */ ', ' // c \n', '\n\n  ')
  const key = fc.constantFrom('a', 'b', 'mcpServers', 'é"\\', 'x y')
  const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom('1', '"x"', 'true', 'null', '-1.5e3', '"//"', '"},"', '[]', '{}'),
      tie('object'),
      fc
        .tuple(fc.array(fc.tuple(space, tie('json'), space), { maxLength: 3 }), fc.boolean())
        .map(([items, trailing]) => wrap('[', items, trailing, ']')),
    ),
    object: fc
      .tuple(
        fc.uniqueArray(fc.tuple(key, space, space, tie('json'), space), {
          maxLength: 4,
          selector: ([name]) => name,
        }),
        fc.boolean(),
      )
      .map(([entries, trailing]) =>
        wrap(
          '{',
          entries.map(([name, a, b, value, c]) => [a, `${JSON.stringify(name)}:${b}${value}`, c]),
          trailing,
          '}',
        ),
      ),
  }))
  const file = fc
    .tuple(
      space,
      fc.array(fc.tuple(space, json, space), { maxLength: 3 }),
      fc.tuple(space, json, space),
      fc.boolean(),
      space,
    )
    .map(([lead, others, [a, value, b], trailing, tail]) => {
      const entries = [
        ...others.map(([x, one, y], i) => [x, `"k${i}":${one}`, y]),
        [a, `"mcpServers":{"other":${value}${b}${trailing ? ',' : ''}}`, b],
      ]
      return lead + wrap('{', entries, trailing, '}') + tail
    })

  function wrap(
    open: string,
    items: readonly (readonly string[])[],
    trailing: boolean,
    close: string,
  ) {
    const body = items.map((parts) => parts.join('')).join(',')
    return `${open}${body}${trailing && items.length > 0 ? ',' : ''}${close}`
  }

  test('adding changes nothing else, and taking out gives the bytes back', () => {
    fc.assert(
      fc.property(file, (text) => {
        const before = readJson(text) as { mcpServers: Record<string, unknown> }
        const edited = setValue(text, PATH, ENTRY).text
        const after = readJson(edited) as typeof before
        expect(after).toEqual({ ...before, mcpServers: { ...before.mcpServers, engram: ENTRY } })
        expect(isWithin(text, edited)).toBe(true)
        expect(removeValue(edited, PATH)).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })
})
