import { describe, expect, test } from 'bun:test'
import { matchesRedirect, redirectProblem } from './redirect.ts'

describe('an address that a code may be sent to', () => {
  test.each([
    'https://app.example/callback',
    'https://app.example:8443/callback?x=1',
    'http://127.0.0.1:33418/',
    'http://127.0.0.1/callback',
    'http://localhost:9/cb',
    'http://[::1]:9/cb',
  ])('%s is one', (uri) => expect(redirectProblem(uri)).toBeNull())

  test.each([
    'http://app.example/callback',
    'http://127.0.0.1.evil.example/cb',
    'http://127.0.0.2/cb',
    'http://localhost.evil.example/cb',
    'http://user@127.0.0.1/cb',
    'http://127.0.0.1@evil.example/cb',
    'https://user:pw@app.example/cb',
    'https://app.example/cb#',
    'https://app.example/cb#x',
    'http://0.0.0.0/cb',
    'app://callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    '/callback',
    '',
  ])('%j is none', (uri) => expect(redirectProblem(uri)).toBeString())
})

describe('an address is a registered one', () => {
  const registered = [
    'https://app.example/cb?a=1',
    'http://127.0.0.1:1234/cb',
    'http://localhost/cb',
  ]

  test.each([
    'https://app.example/cb?a=1',
    'http://127.0.0.1:1234/cb',
    'http://127.0.0.1:65000/cb',
    'http://127.0.0.1/cb',
    'http://localhost:8080/cb',
  ])('when it is the same, up to the port on this machine: %s', (uri) =>
    expect(matchesRedirect(uri, registered)).toBe(true),
  )

  test.each([
    'https://app.example:8443/cb?a=1',
    'https://app.example/cb?a=1&b=2',
    'https://app.example/cb',
    'https://app.example/cb?a=1/',
    'https://app.example/CB?a=1',
    'https://evil.example/cb?a=1',
    'http://127.0.0.1:1234/cb/',
    'http://127.0.0.1:1234/cb?x',
    'http://127.0.0.1:1234/cb#x',
    'http://127.0.0.1:1234@evil.example/cb',
    'http://[::1]:1234/cb',
    'https://127.0.0.1:1234/cb',
    'http://localhost/other',
    '',
  ])('and otherwise not: %j', (uri) => expect(matchesRedirect(uri, registered)).toBe(false))
})
