import { expect, test } from 'bun:test'
import { openAiError, textOf } from './openai.ts'

const contents: [content: unknown, text: string][] = [
  ['Hi', 'Hi'],
  [null, ''],
  [undefined, ''],
  [{ text: 'Hi' }, ''],
  [[], ''],
  [
    [
      { type: 'text', text: 'See' },
      { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
      null,
      { type: 'text', text: 'this' },
      { type: 'refusal', refusal: 'No.' },
    ],
    'See\nthis\nNo.',
  ],
]
for (const [content, text] of contents) {
  test(`the text of ${JSON.stringify(content)} is ${JSON.stringify(text)}`, () => {
    expect(textOf(content)).toBe(text)
  })
}

test('an error has the type that its status has at OpenAI', () => {
  const types = [400, 401, 403, 404, 429, 500, 529].map(
    (status) => openAiError(status, 'x').error.type,
  )
  expect(types).toEqual([
    'invalid_request_error',
    'authentication_error',
    'permission_error',
    'invalid_request_error',
    'rate_limit_error',
    'server_error',
    'server_error',
  ])
  expect(openAiError(404, 'No.', 'gone', 'mine')).toEqual({
    error: { message: 'No.', type: 'mine', param: null, code: 'gone' },
  })
})
