import { describe, expect, test } from 'bun:test'
import { checkValues, MAX_DEPTH, parseJson, readJsonBody, textProblem } from './body.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const post = (body: Bun.BodyInit, headers: Record<string, string> = {}) =>
  new Request('http://127.0.0.1/', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })

async function problemOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  }
  return 'nothing was wrong'
}

describe('a JSON body', () => {
  test('is parsed', async () => {
    expect(await readJsonBody(post('{"a":[1,"ä"]}'), 100)).toEqual({ a: [1, 'ä'] })
  })

  test('must say that it is JSON: a form on a foreign page cannot', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      '',
    ]) {
      expect(await problemOf(readJsonBody(post('{}', { 'content-type': type }), 100))).toStartWith(
        'unsupported: ',
      )
    }
  })

  test('must not be compressed', async () => {
    expect(
      await problemOf(readJsonBody(post('{}', { 'content-encoding': 'gzip' }), 100)),
    ).toStartWith('unsupported: ')
  })

  test('is refused beyond its limit, whether the length was declared or not', async () => {
    const long = `"${'x'.repeat(100)}"`
    expect(await problemOf(readJsonBody(post(long), 50))).toBe(
      'too_large: the body must be at most 50 bytes',
    )
    const stream = new Blob([long]).stream()
    expect(await problemOf(readJsonBody(post(stream), 50))).toStartWith('too_large: ')
  })

  test('must be UTF-8 and JSON', async () => {
    expect(await problemOf(() => parseJson(new Uint8Array([0x22, 0xff, 0x22])))).toBe(
      'malformed: the body is not valid UTF-8',
    )
    for (const text of [
      '',
      '{',
      '{"a":}',
      '[1,]',
      'nul',
      '{} {}',
      '{a:1}',
      "{'a':1}",
      '// x\n{}',
      'NaN',
    ]) {
      expect(await problemOf(() => parseJson(bytes(text)))).toStartWith('malformed: ')
    }
  })

  test('may nest, but not without end', async () => {
    const nested = (depth: number) => bytes('['.repeat(depth) + ']'.repeat(depth))
    expect(parseJson(nested(MAX_DEPTH))).toBeArray()
    expect(await problemOf(() => parseJson(nested(MAX_DEPTH + 1)))).toBe(
      `malformed: the body nests deeper than ${MAX_DEPTH} levels`,
    )
    expect(await problemOf(() => parseJson(bytes('['.repeat(5_000_000))))).toStartWith(
      'malformed: ',
    )
    expect(await problemOf(() => parseJson(bytes('{"a":'.repeat(100_000))))).toStartWith(
      'malformed: ',
    )
  })

  test('brackets inside texts do not count as nesting', () => {
    const text = '[{"\\"'.repeat(200)
    expect(parseJson(bytes(JSON.stringify([text])))).toEqual([text])
  })
})

describe('values', () => {
  test('of every ordinary kind pass', () => {
    checkValues({ a: ['tab\tline\r\nbreak', 'Grüße 東京 👩‍👩‍👧', 0, -1.5, true, null, {}] })
  })

  test('that are unfit name their field', async () => {
    const unfit: [unknown, string][] = [
      [
        { a: { b: ['ok', 'x\0y'] } },
        'invalid: a.b[1] must not hold control characters, got U+0000',
      ],
      [{ a: '\u0007' }, 'invalid: a must not hold control characters, got U+0007'],
      [{ a: '\ud800' }, 'invalid: a must be well-formed Unicode, got half of a surrogate pair'],
      [
        { 'k\0': 1 },
        'invalid: a field name in the body must not hold control characters, got U+0000',
      ],
      [{ a: Number.POSITIVE_INFINITY }, 'invalid: a is too large a number'],
    ]
    for (const [value, problem] of unfit)
      expect(await problemOf(() => checkValues(value))).toBe(problem)
  })

  test('a number beyond the range of numbers is not taken for infinity', async () => {
    expect(await problemOf(() => checkValues(parseJson(bytes('{"n":1e309}'))))).toBe(
      'invalid: n is too large a number',
    )
  })
})

test('a text with halves of two pairs in the wrong order is ill-formed', () => {
  expect(textProblem('\udc00\ud800')).not.toBeNull()
  expect(textProblem('\ud83d\udc4d')).toBeNull()
})
