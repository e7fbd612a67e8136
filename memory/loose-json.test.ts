import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { looseJson } from './loose-json.ts'

const values = (text: string): unknown[] => [...looseJson(text)].map(({ value }) => value)

describe('looseJson', () => {
  test.each([
    ['{"a": 1}', [{ a: 1 }]],
    ['Sure! Here it is:\n```json\n[1, 2]\n```\nAnything else?', [[1, 2]]],
    ['{"a": [1, 2,], }', [{ a: [1, 2] }]],
    ["{'a': 'b', c: True, d: None}", [{ a: 'b', c: true, d: null }]],
    ['{“a”: “b”}', [{ a: 'b' }]],
    ["{'a': 'User's dog'}", [{ a: "User's dog" }]],
    ['{"a": "he said "hi" there"}', [{ a: 'he said "hi" there' }]],
    ['{"a": "one\ntwo"}', [{ a: 'one\ntwo' }]],
    ['{"a": "\\u0041\\n\\"\\\\"}', [{ a: 'A\n"\\' }]],
    ['// note\n{"a": 1 /* one */}', [{ a: 1 }]],
    ['{"a": 1} and {"b": 2}', [{ a: 1 }, { b: 2 }]],
    ['{"a": -1.5e3}', [{ a: -1500 }]],
    ['no json', []],
    ['{"__proto__": 1, "a": 2}', [{ a: 2 }]],
  ])('reads %j', (text, expected) => {
    expect(values(text)).toEqual(expected)
  })

  test.each([
    ['{"m": [{"a": 1}, {"a": 2}, {"a": 3', { m: [{ a: 1 }, { a: 2 }] }],
    ['{"m": [{"a": "x"}, {"a": "y', { m: [{ a: 'x' }] }],
    ['["a", "b", "c', ['a', 'b']],
    ['{"m": [', { m: [] }],
    ['{"m', {}],
  ])('keeps what is complete of %j', (text, expected) => {
    expect([...looseJson(text)]).toEqual([{ value: expected, complete: false, broken: 0 }])
  })

  test.each([
    ['[{"a": 1}, {"b": : }, {"c": 3}]', [{ a: 1 }, { c: 3 }]],
    ['["a", b c, "d"]', ['a', 'd']],
    ['[{"a": 1}, {broken}, {"c": 3}]', [{ a: 1 }, { c: 3 }]],
  ])('leaves a broken item out of %j', (text, expected) => {
    expect([...looseJson(text)]).toEqual([{ value: expected, complete: true, broken: 1 }])
  })

  test('reads whatever JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        fc.pre(typeof value === 'object' && value !== null)
        const text = JSON.stringify(value)
        // a quote inside a string that is followed by a comma cannot be told from its end
        fc.pre(!/\\"|__proto__/.test(text))
        expect(values(text)[0]).toEqual(JSON.parse(text))
      }),
    )
  })

  test('never throws, on whatever text', () => {
    const characters = fc.constantFrom(
      ...'{}[]",:\'abc1 \\\n'.split(''),
      'true',
      '"a":',
      '// ',
      '/*',
    )
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 60 }), (parts) => {
        expect(() => values(parts.join(''))).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })

  test('is not slow on nests and loose ends', () => {
    const start = performance.now()
    for (const piece of [
      '[',
      '{"a":',
      '[{"a" ',
      '"',
      '[" ',
      '[a,',
      '{"a":"b"',
      '/*',
      "['",
      '}',
      '[{',
    ]) {
      values(piece.repeat(50_000))
    }
    expect(performance.now() - start).toBeLessThan(3_000)
  })
})
