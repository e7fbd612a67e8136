import { describe, expect, test } from 'bun:test'
import { errorFrom } from './error-body.ts'

const openai = { message: 'No.', type: 'invalid_request_error', param: 'model', code: 'gone' }

describe('errorFrom', () => {
  test("OpenAI's form passes as it is, with what more it says", () => {
    const body = { error: { ...openai, metadata: { a: 1 } }, request_id: 'r' }
    expect(errorFrom(400, JSON.stringify(body))).toEqual(body as never)
  })

  const cases: [
    name: string,
    status: number,
    body: string,
    message: string,
    type: string,
    code: string | null,
  ][] = [
    [
      "Anthropic's form",
      529,
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      'Overloaded',
      'overloaded_error',
      null,
    ],
    [
      "Google's form",
      400,
      '{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[]}}',
      'API key not valid.',
      'invalid_request_error',
      'INVALID_ARGUMENT',
    ],
    [
      "Google's form inside a list",
      404,
      '[{"error":{"code":404,"message":"No such model.","status":"NOT_FOUND"}}]',
      'No such model.',
      'invalid_request_error',
      'NOT_FOUND',
    ],
    [
      "Ollama's own form",
      404,
      '{"error":"model not found"}',
      'model not found',
      'invalid_request_error',
      null,
    ],
    [
      'a message alone',
      401,
      '{"message":"Who are you?"}',
      'Who are you?',
      'authentication_error',
      null,
    ],
    ['a detail alone', 422, '{"detail":"Bad field."}', 'Bad field.', 'invalid_request_error', null],
    ['JSON of another form', 500, '{"oops":1}', '{"oops":1}', 'server_error', null],
    ['plain text', 502, 'Bad  gateway\n', 'Bad gateway', 'server_error', null],
    [
      'a page of HTML',
      503,
      '<html><style>p{}</style><h1>Down</h1><script>x()</script> for now',
      'Down for now',
      'server_error',
      null,
    ],
    ['nothing', 403, '', 'the provider answered 403 without a message', 'permission_error', null],
  ]
  for (const [name, status, body, message, type, code] of cases) {
    test(`${name} is put into it, the message kept`, () => {
      expect(errorFrom(status, body)).toEqual({ error: { message, type, param: null, code } })
    })
  }

  test('a page of any length is shortened', () => {
    expect(errorFrom(500, '<style>'.repeat(500_000)).error.message.length).toBeLessThan(2_001)
    expect(errorFrom(500, 'word '.repeat(500_000)).error.message.length).toBeLessThan(2_001)
  })
})
